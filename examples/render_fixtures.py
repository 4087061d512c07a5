"""Render the tiny Blender frame that the tests read, as the running Blender version writes it.

    .venv-bpy45/bin/python examples/render_fixtures.py tests/data/blender45.exr
    .venv-bpy50/bin/python examples/render_fixtures.py tests/data/blender50.exr

The scene is the same for every version; what differs is the file. Blender 4.5 writes one part, Blender 5.0
one part per pass. The names are chosen to be awkward: one holds a space and an umlaut, and the raw hash of
`lamp_post_1` has an exponent of zero, so the cryptomatte specification's adjustment applies to it.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

WIDTH, HEIGHT = 96, 54
FRAME = 1001


def principled(bpy: Any, name: str, color: tuple[float, float, float], **inputs: Any) -> Any:
    """A Principled material of that linear Rec.709 colour."""
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    bsdf = material.node_tree.nodes["Principled BSDF"]
    bsdf.inputs["Base Color"].default_value = (*color, 1.0)
    for key, value in inputs.items():
        bsdf.inputs[key.replace("_", " ")].default_value = value
    return material


def build(bpy: Any) -> None:
    """Four named objects over a transparent background: one moves, one emits far above 1."""

    def keep(name: str, material: Any) -> Any:
        thing = bpy.context.object
        thing.name = name
        thing.data.materials.append(material)
        return thing

    bpy.ops.mesh.primitive_cube_add(size=1.6, location=(-1.5, 0.3, 0.8), rotation=(0.0, 0.0, 0.5))
    keep("hero cube", principled(bpy, "red clay", (0.55, 0.12, 0.08), Roughness=0.6))

    bpy.ops.mesh.primitive_uv_sphere_add(radius=0.8, segments=48, ring_count=24)
    bpy.ops.object.shade_smooth()
    ball = keep("Grüne Kugel", principled(bpy, "grüne Glasur", (0.08, 0.4, 0.14), Roughness=0.25))
    for frame, x in ((FRAME - 1, 0.15), (FRAME, 0.45), (FRAME + 1, 0.75)):
        ball.location = (x, -0.2, 0.8)
        ball.keyframe_insert("location", frame=frame)

    bpy.ops.mesh.primitive_cylinder_add(radius=0.14, depth=2.3, location=(2.1, 0.4, 1.15))
    keep("lamp_post_1", principled(bpy, "iron", (0.1, 0.11, 0.13), Roughness=0.4))

    bpy.ops.mesh.primitive_uv_sphere_add(radius=0.33, location=(2.1, 0.4, 2.5))
    glow = {"Emission_Color": (1.0, 0.75, 0.4, 1.0), "Emission_Strength": 40.0}
    keep("lamp_glow", principled(bpy, "filament", (1.0, 0.8, 0.5), **glow))

    bpy.ops.mesh.primitive_cube_add(size=1.0, location=(0.2, 0.3, -0.1))
    bpy.context.object.scale = (5.6, 3.2, 0.2)
    keep("table", principled(bpy, "oak", (0.34, 0.22, 0.12), Roughness=0.5))

    bpy.ops.object.light_add(type="SUN", rotation=(0.7, 0.25, 0.4))
    bpy.context.object.data.energy = 2.5
    bpy.context.object.data.angle = 0.1
    bpy.ops.object.camera_add(location=(0.6, -8.6, 3.1), rotation=(1.37, 0.0, 0.04))
    bpy.context.scene.camera = bpy.context.object


def configure(bpy: Any, samples: int) -> None:
    """The render and file settings; the only branch is the version's spelling of multilayer EXR."""
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples = samples
    scene.cycles.use_denoising = True
    scene.cycles.denoiser = "OPENIMAGEDENOISE"
    scene.render.resolution_x, scene.render.resolution_y = WIDTH, HEIGHT
    scene.render.resolution_percentage = 100
    scene.render.film_transparent = True
    scene.frame_start = scene.frame_end = FRAME
    scene.frame_set(FRAME)

    world = scene.world or bpy.data.worlds.new("World")
    scene.world = world
    world.use_nodes = True
    world.node_tree.nodes["Background"].inputs["Color"].default_value = (0.45, 0.55, 0.75, 1.0)
    world.node_tree.nodes["Background"].inputs["Strength"].default_value = 0.5

    layer = bpy.context.view_layer
    layer.use_pass_z = True
    layer.use_pass_vector = True
    layer.use_pass_cryptomatte_object = True
    layer.use_pass_cryptomatte_material = True
    layer.pass_cryptomatte_depth = 4

    image = scene.render.image_settings
    if hasattr(image, "media_type"):
        image.media_type = "MULTI_LAYER_IMAGE"
    image.file_format = "OPEN_EXR_MULTILAYER"
    image.color_depth = "16"
    image.exr_codec = "ZIP"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path, help="the EXR to write")
    parser.add_argument("--samples", type=int, default=24)
    arguments = parser.parse_args()

    import bpy

    bpy.ops.wm.read_factory_settings(use_empty=True)
    build(bpy)
    configure(bpy, arguments.samples)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    bpy.context.scene.render.filepath = str(arguments.output.resolve())
    bpy.ops.render.render(write_still=True)
    print(f"Blender {bpy.app.version_string}: {arguments.output}, {arguments.output.stat().st_size} bytes")


if __name__ == "__main__":
    main()
