"""Runs inside a real Blender module, never inside pytest: what the cases share.

A case prints what it found with ``tell``; the test that started it reads that and judges.
"""

from __future__ import annotations

import json
import os
import sys
import zlib

import bpy

MODULE = "bl_ext.user_default.lookmatte"
FIVE = bpy.app.version >= (5, 0, 0)


def tell(**values) -> None:
    """Report to the test."""
    print("TELL " + json.dumps(values), flush=True)


def install(archive: str) -> None:
    """Install the extension from its zip and enable it, as Preferences > Install from Disk does."""
    import addon_utils

    addon_utils.enable("bl_pkg")
    bpy.ops.extensions.package_install_files(filepath=archive, repo="user_default", enable_on_install=True)


def part(name: str):
    """A module of the installed extension."""
    import importlib

    return importlib.import_module(f"{MODULE}.{name}")


def use_environment() -> None:
    """Name the environment that runs lookmatte."""
    bpy.context.preferences.addons[MODULE].preferences.python = os.environ["LOOKMATTE_TEST_PYTHON"]


def start_over() -> None:
    """Another file, as Blender is when it starts; the preferences stay."""
    bpy.ops.wm.read_homefile(load_ui=False)


def scene(folder: str, frames: int = 1, size: tuple[int, int] = (160, 90), samples: int = 1):
    """A small scene: a cube that turns, before a plane; Cycles, and the files go to ``folder``/shot.####.exr."""
    made = bpy.context.scene
    made.render.engine = "CYCLES"
    made.cycles.samples, made.cycles.use_denoising, made.cycles.seed = samples, False, 7
    made.render.resolution_x, made.render.resolution_y = size
    made.render.resolution_percentage = 100
    made.frame_start, made.frame_end = 1, frames
    made.render.filepath = os.path.join(folder, "shot.####.exr")
    bpy.ops.mesh.primitive_plane_add(size=30, location=(0, 0, -1.2))
    bpy.context.object.name = "ground plane"
    paint = bpy.data.materials.new("paint")
    paint.use_nodes = True
    paint.node_tree.nodes["Principled BSDF"].inputs["Base Color"].default_value = (0.5, 0.3, 0.2, 1)
    bpy.context.object.data.materials.append(paint)
    cube = bpy.data.objects["Cube"]
    cube.rotation_euler.z = 0.0
    cube.keyframe_insert("rotation_euler", index=2, frame=1)
    cube.rotation_euler.z = 1.0
    cube.keyframe_insert("rotation_euler", index=2, frame=10)
    bpy.context.view_layer.objects.active = cube
    return made


def picture(path: str, top: tuple[int, int, int], bottom: tuple[int, int, int]):
    """A reference picture of two colours with a ramp between, as a PNG on disk and as Blender's image."""
    import struct

    size = 48
    rows = b""
    for y in range(size):
        t = y / (size - 1)
        pixel = bytes(round((1 - t) * a + t * b) for a, b in zip(top, bottom, strict=True))
        rows += b"\0" + pixel * size

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)))
        file.write(chunk(b"IEND", b""))
    return bpy.data.images.load(path)


def add_node(folder: str, temporal: str = "coherent"):
    """Add the node by its operator, with the cube in gold."""
    assert bpy.ops.lookmatte.add_node() == {"FINISHED"}
    tree, node = part("host").lookmatte_nodes(bpy.context.scene)[0]
    node.regions[0].style = picture(os.path.join(folder, "gold.png"), (250, 190, 60), (60, 20, 0))
    node.temporal = temporal
    return tree, node


def render_animation() -> None:
    """Render all frames to disk."""
    bpy.ops.render.render(animation=True)


def composite(path: str, frame: int) -> None:
    """Render one frame's composite alone, with all bits, to a flat EXR."""
    made = bpy.context.scene
    image = made.render.image_settings
    kept = made.render.filepath
    if FIVE:
        image.media_type = "IMAGE"
    image.file_format, image.color_depth, image.exr_codec = "OPEN_EXR", "32", "ZIP"
    made.frame_set(frame)
    made.render.filepath = path
    bpy.ops.render.render(write_still=True)
    made.render.filepath = kept
    part("host").set_multilayer(image)
    image.color_depth = "16"


def main(cases) -> None:
    """Run the case that the command line names: CASE FOLDER ARCHIVE."""
    name, folder, archive = sys.argv[1:4]
    install(archive)
    use_environment()
    cases[name](folder)
    tell(ended=name)
