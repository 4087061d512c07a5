"""Make the pictures of docs/blender.md, as an artist does: the extension in Blender, one rendered frame, two looks.

    .venv-bpy45/bin/python examples/render_blender_page.py --python .venv/bin/python      # about two minutes

Needs the `bpy` package (4.5 or 5.0) and an environment that has lookmatte. The scene is the example's village;
every picture comes out of the compositor, by the node's own buttons.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
FRAME = 1004
WIDTH, HEIGHT = 640, 360
GAP = 8
STYLES = HERE / "styles"
REGIONS = (("NAME", "hero car*", "golden_dusk"), ("OBJECT", "balloon", "neon_bar"), ("REST", "", "blue_night"))


def install(python: str, folder: Path) -> None:
    """Build the extension's zip, install and enable it, and name the environment."""
    sys.path.insert(0, str(HERE.parent))
    import addon_utils
    import bpy
    from blender_addon import build

    archive = folder / "lookmatte_blender.zip"
    build.build(sys.executable, archive)
    addon_utils.enable("bl_pkg")
    bpy.ops.extensions.package_install_files(filepath=str(archive), repo="user_default", enable_on_install=True)
    preferences: Any = bpy.context.preferences.addons["bl_ext.user_default.lookmatte"].preferences
    preferences.python = python


def add_node(scene: Any) -> tuple[Any, Any]:
    """(tree, node): the car, the balloon and everything else, each with a reference picture."""
    import bpy

    bpy.ops.lookmatte.add_node()
    tree = scene.compositing_node_group if bpy.app.version >= (5, 0, 0) else scene.node_tree
    node = next(one for one in tree.nodes if one.bl_idname == "LOOKMATTE_node")
    for index, (kind, target, style) in enumerate(REGIONS):
        if index:
            bpy.ops.lookmatte.region_add(node_name=node.name)
        region = node.regions[index]
        region.kind, region.target = kind, target
        region.style = bpy.data.images.load(str(STYLES / f"{style}.jpg"))
    return tree, node


def final_picture(scene: Any, folder: Path, name: str) -> Any:
    """The composite of the frame from what is on disk: (height, width, 3) in [0, 1], as a screen shows it."""
    import bpy

    assert bpy.ops.lookmatte.final_frames(file_format="PNG", folder=name) == {"FINISHED"}
    return load(folder / name / f"plate_{FRAME}.png")


def load(path: Path) -> Any:
    """A picture's own values."""
    import bpy

    image = bpy.data.images.load(str(path))
    image.colorspace_settings.name = "Non-Color"
    width, height = image.size
    pixels = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(pixels)
    return pixels.reshape(height, width, 4)[::-1, :, :3]


def shrink(picture: Any, width: int) -> Any:
    """An area average by whole numbers."""
    times = picture.shape[1] // width
    rows, columns = (side // times for side in picture.shape[:2])
    cut = picture[: rows * times, : columns * times]
    return cut.reshape(rows, times, columns, times, 3).mean((1, 3))


def with_reference(picture: Any, *names: str) -> Any:
    """The picture with reference pictures in its upper left corner."""
    made, left = picture.copy(), GAP
    for name in names:
        small = shrink(load(STYLES / f"{name}.jpg"), 102)
        rows, columns = small.shape[:2]
        made[GAP - 2 : GAP + rows + 2, left - 2 : left + columns + 2] = 0.9
        made[GAP : GAP + rows, left : left + columns] = small
        left += columns + GAP
    return made


def sheet(rows: list[list[Any]]) -> Any:
    """Pictures of one size in rows, with gaps."""
    lines = [np.concatenate([np.pad(one, ((0, GAP), (0, GAP), (0, 0))) for one in row], axis=1) for row in rows]
    return np.concatenate(lines, axis=0)[:-GAP, :-GAP]


def write_jpeg(picture: Any, path: Path) -> None:
    import bpy

    height, width = picture.shape[:2]
    image = bpy.data.images.new(path.stem, width, height)
    filled = np.ones((height, width, 4), np.float32)
    filled[..., :3] = picture
    image.pixels.foreach_set(np.ascontiguousarray(filled[::-1]).ravel())
    image.file_format = "JPEG"
    image.save(filepath=str(path), quality=68)
    print(path, f"{path.stat().st_size / 1024:.0f} KB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", required=True, help="the Python of an environment that has lookmatte")
    parser.add_argument("--samples", type=int, default=48)
    parser.add_argument("--output", type=Path, default=HERE.parent / "docs/images", help="the folder to write to")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    output = arguments.output.resolve()

    with tempfile.TemporaryDirectory(prefix="lookmatte") as name:
        folder = Path(name)
        os.environ["BLENDER_USER_RESOURCES"] = str(folder / "user")
        import bpy

        import render_shot
        import scenery as sc

        scene = sc.start(WIDTH, HEIGHT, arguments.samples, view="AgX")
        install(os.path.abspath(arguments.python), folder)
        render_shot.build(range(1001, 1011))
        scene.frame_start = scene.frame_end = FRAME
        scene.frame_set(FRAME)
        scene.render.filepath = str(folder / "plate_")
        tree, node = add_node(scene)
        bpy.ops.lookmatte.setup()
        bpy.ops.render.render(animation=True)

        def shown(*strengths: float) -> Any:
            for region, strength in zip(node.regions, strengths, strict=True):
                node.strengths[region.slot] = strength
            return final_picture(scene, folder, "-".join(f"{strength:g}" for strength in strengths))

        plate, gold, all_looks = shown(0, 0, 0), shown(1, 0, 0), shown(1, 1, 1)
        glow = tree.nodes.new("CompositorNodeGlare")
        if hasattr(glow, "glare_type"):
            glow.glare_type = "BLOOM"
        end = next(link.to_socket for link in tree.links if link.from_node == node)
        tree.links.new(node.outputs[0], glow.inputs["Image"])
        tree.links.new(glow.outputs["Image"], end)
        glowing = final_picture(scene, folder, "glow")
        rows = [
            [plate, with_reference(gold, "golden_dusk")],
            [with_reference(all_looks, *(style for _, _, style in REGIONS)), glowing],
        ]
        write_jpeg(sheet(rows), output / "blender_looks.jpg")
        steps = [shown(share, share, share)[140:350, 60:380] for share in (0.0, 0.35, 0.7, 1.0)]
        write_jpeg(sheet([steps]), output / "blender_strength.jpg")


if __name__ == "__main__":
    main()
