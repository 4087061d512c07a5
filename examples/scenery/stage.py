"""Sky, fog, lamps, the camera, movement, and the picture files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .materials import Color, Point
from .meshes import box


def sky(elevation: float, azimuth: float, strength: float, *, haze: float = 1.0) -> None:
    """Blender's physical sky without its sun disc; `azimuth` 0 looks along +y, growing clockwise (radians)."""
    import bpy

    world = bpy.data.worlds.new("world")
    bpy.context.scene.world = world
    world.use_nodes = True
    texture = world.node_tree.nodes.new("ShaderNodeTexSky")
    kinds = texture.bl_rna.properties["sky_type"].enum_items.keys()
    texture.sky_type = "NISHITA" if "NISHITA" in kinds else "MULTIPLE_SCATTERING"
    texture.sun_disc = False
    texture.sun_elevation, texture.sun_rotation = elevation, azimuth
    for key in ("dust_density", "aerosol_density"):
        if hasattr(texture, key):
            setattr(texture, key, haze)
    background = world.node_tree.nodes["Background"]
    background.inputs["Strength"].default_value = strength
    world.node_tree.links.new(texture.outputs["Color"], background.inputs["Color"])


def gradient(stops: Sequence[tuple[float, Color]], strength: float = 1.0) -> None:
    """A sky of colours by height: -1 is straight down, 0 the horizon, 1 straight up."""
    import bpy

    world = bpy.data.worlds.new("world")
    bpy.context.scene.world = world
    world.use_nodes = True
    nodes, links = world.node_tree.nodes, world.node_tree.links
    split, half = nodes.new("ShaderNodeSeparateXYZ"), nodes.new("ShaderNodeMapRange")
    links.new(nodes.new("ShaderNodeTexCoord").outputs["Generated"], split.inputs[0])
    half.inputs["From Min"].default_value = -1.0
    links.new(split.outputs["Z"], half.inputs["Value"])
    ramp = nodes.new("ShaderNodeValToRGB")
    for k, (height, color) in enumerate(stops):
        element = ramp.color_ramp.elements[k] if k < 2 else ramp.color_ramp.elements.new(1.0)
        element.position, element.color = (height + 1) / 2, (*color, 1.0)
    links.new(half.outputs["Result"], ramp.inputs["Fac"])
    links.new(ramp.outputs["Color"], nodes["Background"].inputs["Color"])
    nodes["Background"].inputs["Strength"].default_value = strength


def haze(size: Point, at: Point, density: float, color: Color = (1, 1, 1), forward: float = 0.3) -> Any:
    """A box of thin fog."""
    import bpy

    material = bpy.data.materials.new("haze")
    material.use_nodes = True
    nodes = material.node_tree.nodes
    scatter = nodes.new("ShaderNodeVolumeScatter")
    scatter.inputs["Color"].default_value = (*color, 1.0)
    scatter.inputs["Density"].default_value, scatter.inputs["Anisotropy"].default_value = density, forward
    nodes.remove(nodes["Principled BSDF"])
    material.node_tree.links.new(scatter.outputs[0], nodes["Material Output"].inputs["Volume"])
    return box("haze", size, at, material)


def sun(toward: Point, strength: float, color: Color, angle: float = 0.009) -> Any:
    """A sun in that direction as seen from the ground."""
    from mathutils import Vector

    lamp = light("sun", "SUN", (0, 0, 10), strength, color)
    lamp.rotation_euler = Vector(toward).to_track_quat("Z", "Y").to_euler()
    lamp.data.angle = angle
    return lamp


def light(
    name: str, kind: str, at: Point, energy: float, color: Color, *, size: float = 0.1, aim: Point | None = None
) -> Any:
    """A lamp (`POINT`, `AREA`, `SPOT`, `SUN`); `aim` is the point that it faces."""
    import bpy
    from mathutils import Vector

    data = bpy.data.lights.new(name, kind)
    data.energy, data.color = energy, color
    if kind == "AREA":
        data.size = size
    elif kind != "SUN":
        data.shadow_soft_size = size
    thing = bpy.data.objects.new(name, data)
    thing.location = at
    if aim is not None:
        thing.rotation_euler = (Vector(aim) - Vector(at)).to_track_quat("-Z", "Y").to_euler()
    bpy.context.collection.objects.link(thing)
    return thing


def camera(at: Point, aim: Point, lens: float, *, focus: float | None = None, fstop: float = 4.0) -> Any:
    """The scene's camera: 36 mm wide, `focus` in metres (None: everything sharp)."""
    import bpy
    from mathutils import Vector

    data = bpy.data.cameras.new("camera")
    data.lens, data.clip_end = lens, 2000.0
    if focus is not None:
        data.dof.use_dof = True
        data.dof.focus_distance, data.dof.aperture_fstop = focus, fstop
    thing = bpy.data.objects.new("camera", data)
    thing.location = at
    thing.rotation_euler = (Vector(aim) - Vector(at)).to_track_quat("-Z", "Y").to_euler()
    bpy.context.collection.objects.link(thing)
    bpy.context.scene.camera = thing
    return thing


def animate(thing: Any, frames: range, pose: Callable[[float], dict[str, Any]]) -> None:
    """One key a frame, one frame beyond both ends (motion blur looks there); `pose` takes 0 at the first frame."""
    for frame in range(frames.start - 1, frames.stop + 1):
        for path, value in pose(float(frame - frames.start)).items():
            setattr(thing, path, value)
            thing.keyframe_insert(path, frame=frame)


def start(width: int, height: int, samples: int, *, view: str, exposure: float = 0.0) -> Any:
    """An empty scene, set to render with Cycles and OpenImageDenoise on the CPU."""
    import bpy

    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    cycles = scene.cycles
    cycles.device, cycles.samples = "CPU", samples
    cycles.use_denoising, cycles.denoiser = True, "OPENIMAGEDENOISE"
    cycles.use_adaptive_sampling = False
    cycles.sample_clamp_indirect = 8.0
    cycles.max_bounces, cycles.diffuse_bounces, cycles.transparent_max_bounces = 6, 3, 6
    cycles.caustics_reflective = cycles.caustics_refractive = False
    scene.render.use_persistent_data = True
    scene.render.resolution_x, scene.render.resolution_y = width, height
    scene.render.resolution_percentage = 100
    scene.view_settings.view_transform = view
    scene.view_settings.exposure = exposure
    return scene


def render_picture(scene: Any, path: Path, look: str = "None", quality: int = 90) -> None:
    """The current frame as seen through the scene's view, PNG or JPEG by the path's suffix."""
    import bpy

    scene.view_settings.look = look
    scene.render.image_settings.file_format = "PNG" if path.suffix == ".png" else "JPEG"
    scene.render.image_settings.quality = quality
    scene.render.filepath = str(path.resolve())
    bpy.ops.render.render(write_still=True)
