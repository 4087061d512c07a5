"""Render the example shot: a small car crosses a village square on a late afternoon.

    .venv-bpy45/bin/python examples/render_shot.py                          # the sequence, EXR
    .venv-bpy45/bin/python examples/render_shot.py --preview --samples 16   # one PNG per frame, to look at

Needs the `bpy` package (4.5; also runs on 5.0, which names the file's parts differently). The sky is transparent,
the colour is half, cryptomatte is float; the lamps, the chrome and the balloon's flame are far above 1.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

import numpy as np

import car as hero
import scenery as sc
import village

HERE = Path(__file__).resolve().parent
FIRST, LAST = 1001, 1010
WIDTH, HEIGHT = 576, 324


def greenery(frames: range) -> None:
    bark = sc.surface(
        "bark", (0.06, 0.042, 0.028), (0.20, 0.15, 0.10), scale=5, stretch=(1, 1, 0.25), rough=(0.8, 0.95), bump=0.8
    )
    olive = sc.foliage("olive leaf", (0.07, 0.10, 0.035), (0.25, 0.27, 0.12))
    plane = sc.foliage("plane leaf", (0.07, 0.13, 0.025), (0.33, 0.34, 0.09))
    cypress = sc.foliage("cypress leaf", (0.022, 0.045, 0.02), (0.075, 0.11, 0.045))
    flower = sc.foliage("geranium", (0.42, 0.035, 0.05), (0.66, 0.16, 0.14))
    clay = sc.surface("terracotta", (0.26, 0.10, 0.055), (0.44, 0.20, 0.11), scale=4, rough=(0.7, 0.9), bump=0.2)

    def sway(thing: Any, amount: float, phase: float) -> None:
        def pose(t: float) -> dict[str, Any]:
            return {"rotation_euler": (amount * math.sin(t * 0.45 + phase), amount * math.cos(t * 0.36 + phase), 0)}

        sc.animate(thing, frames, pose)

    sway(sc.tree("tree_01", (5.7, 5.0, 0), 5.6, bark, plane, seed=4, count=16000, leaf_size=0.17), 0.010, 0.4)
    sway(sc.tree("tree_02", (4.4, 17.0, 0), 4.6, bark, olive, seed=9, count=9000, leaf_size=0.16), 0.008, 1.9)
    for k, (x, y, h) in enumerate(((1.6, 21, 7.4), (6.6, 23, 6.4), (7.9, 20, 7.6))):
        axis = [(0, 0, h * (0.12 + 0.8 * f)) for f in np.linspace(0, 1, 14)]
        rng = np.random.default_rng(k)
        around = [
            (a + rng.normal(0, 0.28 * (1.1 - p[2] / h)), b + rng.normal(0, 0.28 * (1.1 - p[2] / h)), z)
            for p in axis
            for a, b, z in [p] * 5
        ]
        thing = sc.leaves(f"cypress_{k + 1:02}", around, 0.5, 6000, 0.22, cypress, k)
        thing.location = (x, y, 0)
        sway(thing, 0.006, k)
    for k, (x, y, s) in enumerate(
        ((-3.35, 6.3, 1.0), (-1.75, 6.35, 0.8), (-6.7, 6.3, 1.1), (3.75, 2.9, 0.85), (0.15, -2.7, 1.0))
    ):
        z = 0.13 if y > 4.6 else 0.0
        pot = sc.lathe(
            "pot",
            [
                (0.001, 0),
                (0.17, 0),
                (0.25, 0.36),
                (0.28, 0.37),
                (0.28, 0.43),
                (0.24, 0.43),
                (0.22, 0.38),
                (0.001, 0.38),
            ],
            clay,
        )
        green = sc.leaves(
            "green", [(0, 0, 0.55), (0.1, 0.05, 0.62), (-0.1, -0.05, 0.5)], 0.27, 500, 0.11, plane, 20 + k
        )
        red = sc.leaves(
            "red", [(0, 0, 0.68), (0.12, -0.1, 0.62), (-0.12, 0.02, 0.66)], 0.24, 170, 0.07, flower, 40 + k
        )
        potted = sc.join(f"flower pot_{k + 1:02}", [pot, green, red])
        potted.location, potted.scale = (x, y, z), (s, s, s)


def lantern(frames: range) -> None:
    iron = sc.surface(
        "wrought iron", (0.018, 0.02, 0.022), (0.05, 0.052, 0.055), scale=8, rough=(0.35, 0.6), bump=0.2
    )
    core = sc.glow("flame", (1.0, 0.60, 0.24), 70.0, lights=True)
    glass = sc.paint(
        "lantern glass",
        (1.0, 0.86, 0.66),
        Roughness=0.05,
        Alpha=0.12,
        Emission_Color=(1, 0.6, 0.26, 1),
        Emission_Strength=1.2,
    )
    post = [
        (0.13, 0),
        (0.15, 0.06),
        (0.11, 0.12),
        (0.10, 0.42),
        (0.12, 0.46),
        (0.06, 0.54),
        (0.05, 2.5),
        (0.07, 2.54),
        (0.05, 2.6),
        (0.045, 3.3),
        (0.075, 3.36),
        (0.001, 3.5),
    ]
    arm = [(0, 0, 3.1), (-0.15, 0, 3.27), (-0.36, 0, 3.34), (-0.58, 0, 3.30), (-0.66, 0, 3.22)]
    scroll = [
        (-0.05 - 0.15 * (1 - t) * math.cos(5 * t) - 0.15, 0, 3.08 + 0.13 * (1 - t) * math.sin(5 * t))
        for t in np.linspace(0, 0.9, 16)
    ]
    stand = sc.join(
        "lamp post",
        [
            sc.lathe("post", post, iron, steps=20),
            sc.tube("arm", arm, 0.026, iron),
            sc.tube("scroll", scroll, 0.014, iron),
        ],
    )
    stand.location = (4.1, 2.6, 0)
    parts = [
        sc.tube("link", [(0, 0, 0.0), (0, 0, -0.10)], 0.012, iron),
        sc.lathe(
            "cap",
            [(0.23, -0.30), (0.235, -0.28), (0.13, -0.17), (0.06, -0.13), (0.05, -0.10), (0.001, -0.08)],
            iron,
            steps=6,
            smooth=False,
        ),
        sc.lathe(
            "base",
            [(0.001, -0.82), (0.05, -0.80), (0.14, -0.76), (0.145, -0.72), (0.001, -0.72)],
            iron,
            steps=6,
            smooth=False,
        ),
        sc.lathe("panes", [(0.135, -0.73), (0.205, -0.30)], glass, steps=6, smooth=False),
        sc.lathe(
            "core", [(0.001, -0.66), (0.045, -0.62), (0.06, -0.55), (0.045, -0.46), (0.001, -0.38)], core, steps=20
        ),
    ]
    for k in range(6):
        a = k * math.pi / 3
        parts.append(
            sc.tube(
                "bar",
                [
                    (0.14 * math.cos(a), 0.14 * math.sin(a), -0.74),
                    (0.215 * math.cos(a), 0.215 * math.sin(a), -0.29),
                ],
                0.011,
                iron,
            )
        )
    hanging = sc.join("lantern", parts)
    hanging.location = (3.44, 2.6, 3.22)
    sc.animate(
        hanging,
        frames,
        lambda t: {"rotation_euler": (0.05 * math.sin(t * 0.4), 0.20 * math.sin(t * 0.33 - 0.9), 0.05 * t)},
    )


def balloon(frames: range) -> None:
    cloth = [
        sc.surface("balloon cream", (0.55, 0.48, 0.36), (0.68, 0.61, 0.48), scale=0.6, rough=(0.55, 0.7)),
        sc.surface("balloon brick", (0.38, 0.10, 0.055), (0.50, 0.16, 0.09), scale=0.6, rough=(0.55, 0.7)),
        sc.surface("balloon slate", (0.09, 0.15, 0.20), (0.14, 0.22, 0.28), scale=0.6, rough=(0.55, 0.7)),
    ]
    wicker = sc.surface("wicker", (0.14, 0.08, 0.035), (0.36, 0.23, 0.11), scale=6, stretch=(1, 1, 6), bump=0.8)
    rope = sc.paint("rope", (0.30, 0.25, 0.18), Roughness=0.8)
    flame = sc.glow("burner", (1.0, 0.55, 0.20), 90.0)
    gores, steps = 24, 192
    t = np.linspace(0, 1, 60)
    radius = np.where(
        t < 0.62,
        0.42 + 3.08 * np.sin(t / 0.62 * math.pi / 2) ** 1.15,
        3.5 * np.sqrt(np.clip(1 - ((t - 0.62) / 0.38) ** 2, 0, 1)),
    )
    angle = np.linspace(0, 2 * math.pi, steps, endpoint=False)
    bulge = 1 + 0.035 * np.abs(np.sin(angle * gores / 2))
    r = radius[:, None] * bulge[None]
    points = np.stack([r * np.cos(angle), r * np.sin(angle), np.broadcast_to((8.6 * t)[:, None], r.shape)], axis=-1)
    gore = (np.arange(steps) * gores // steps) % 2
    row = np.arange(59)
    slots = np.where((row > 33) & (row < 40), 2, 0)[:, None] + 0 * gore[None]
    slots = np.where((slots == 0) & (gore[None] == 1), 1, slots)
    parts = [
        sc.grid("envelope", points, cloth, closed=True, slots=slots.ravel()),
        sc.box("basket", (0.9, 0.9, 0.75), (0, 0, -2.1), wicker, bevel=0.06),
    ]
    parts += [
        sc.tube("rope", [(0.42 * a, 0.42 * b, -1.4), (0.36 * a, 0.36 * b, 0.1)], 0.016, rope, steps=5)
        for a in (-1, 1)
        for b in (-1, 1)
    ]
    parts.append(
        sc.lathe("flame", [(0.001, -1.1), (0.15, -0.95), (0.2, -0.7), (0.13, -0.2), (0.001, 0.5)], flame, steps=16)
    )
    thing = sc.join("balloon", parts)
    sc.animate(
        thing,
        frames,
        lambda f: {
            "location": (3.7 - 0.035 * f, 33.0, 6.6 + 0.03 * f),
            "rotation_euler": (0, 0.02 * math.sin(f * 0.3), 0.02 * f),
        },
    )


def bunting(frames: range) -> None:
    """Pennants from the house to the lamp post; two shape keys, a quarter wave apart, make the wind."""
    colors = ((0.52, 0.46, 0.36), (0.46, 0.13, 0.08), (0.13, 0.23, 0.28), (0.52, 0.34, 0.10))
    cloth = [
        sc.surface(f"pennant {k}", tuple(0.85 * c for c in color), color, scale=4, rough=(0.8, 0.9))
        for k, color in enumerate(colors)
    ]
    a, b, flags = np.array((-2.6, 6.9, 4.15)), np.array((4.1, 2.6, 3.42)), 28

    def at(t: Any) -> Any:
        t = np.asarray(t)[..., None]
        return a + (b - a) * t - np.array((0, 0, 1.0)) * 0.75 * 4 * t * (1 - t) * 0.5

    vertices, faces, slots, weight, phase = [], [], [], [], []
    for k in range(flags):
        left, right = at((k + 0.16) / flags), at((k + 0.84) / flags)
        for row in range(5):
            f = row / 4
            tip = (left + right) / 2 - (0, 0, 0.34)
            vertices += [
                left + (tip - left) * f,
                (left + right) / 2 + (tip - (left + right) / 2) * f,
                right + (tip - right) * f,
            ]
            weight += [f**1.3] * 3
            phase += [k * 0.9 + 2 * f - 0.3, k * 0.9 + 2 * f, k * 0.9 + 2 * f + 0.3]
        for row in range(4):
            base = 15 * k + 3 * row
            faces += [(base, base + 1, base + 4, base + 3), (base + 1, base + 2, base + 5, base + 4)]
            slots += [k % 4] * 2
    thing = sc.mesh("bunting", vertices, faces, *cloth, slots=slots, smooth=True)
    push = np.array(weight)[:, None] * np.array((0.04, 0.13, 0.05))
    thing.shape_key_add(name="rest")
    for name, wave in (("sine", np.sin(phase)), ("cosine", np.cos(phase))):
        key = thing.shape_key_add(name=name)
        key.slider_min = -1.0
        key.data.foreach_set("co", (np.array(vertices) + push * wave[:, None]).astype(np.float32).ravel())
        turn = math.sin if name == "sine" else math.cos
        sc.animate(key, frames, lambda t, turn=turn: {"value": turn(0.55 * t)})
    line = sc.paint("twine", (0.35, 0.30, 0.22), Roughness=0.9)
    sc.tube("twine", [tuple(at(t)) for t in np.linspace(0, 1, 40)], 0.009, line, steps=5)


def drive(frames: range) -> None:
    body, wheels = hero.hero_car("hero car", (0.115, 0.235, 0.245), (0.66, 0.60, 0.49))
    heading = -0.42
    pace = 0.075

    def pose(t: float) -> dict[str, Any]:
        s = -0.55 + pace * t
        bounce = 0.006 * math.sin(t * 1.3)
        return {
            "location": (-0.5 + s * math.cos(heading), 0.5 + s * math.sin(heading), 0.025 + bounce),
            "rotation_euler": (0.004 * math.sin(t * 0.9), 0.005 * math.cos(t * 1.1), heading),
        }

    sc.animate(body, frames, pose)
    for wheel in wheels:
        steer = 0.12 if "front" in wheel.name else 0.0
        sc.animate(
            wheel, frames, lambda t, steer=steer: {"rotation_euler": (0, pace * t / hero.WHEEL_RADIUS, steer)}
        )


def build(frames: range) -> None:
    village.ground()
    village.houses()
    village.hills()
    greenery(frames)
    lantern(frames)
    balloon(frames)
    bunting(frames)
    drive(frames)
    sc.sky(math.radians(24), math.radians(118), 0.085, haze=1.6)
    sc.sun((0.77, -0.46, 0.43), 4.6, (1.0, 0.86, 0.69))
    sc.light("rim", "AREA", (-7, 4, 6), 260, (0.72, 0.84, 1.0), size=3, aim=(-1, 1, 0.8))
    view = sc.camera((2.2, -5.5, 1.2), (0.5, 3.0, 1.98), 29, focus=6.2, fstop=2.8)
    home = tuple(view.location)
    sc.animate(view, frames, lambda t: {"location": (home[0] - 0.03 * t, home[1] + 0.012 * t, home[2] + 0.004 * t)})


def write_exr(scene: Any, folder: Path) -> None:
    """Colour and object cryptomatte alone: the File Output node leaves the denoiser's noisy copy out."""
    import bpy

    layer = bpy.context.view_layer
    layer.use_pass_cryptomatte_object = True
    layer.pass_cryptomatte_depth = 4
    if bpy.app.version >= (5, 0):
        tree = bpy.data.node_groups.new("write", "CompositorNodeTree")
        scene.compositing_node_group = tree
    else:
        scene.use_nodes = True
        tree = scene.node_tree
        tree.nodes.clear()
    source, sink = tree.nodes.new("CompositorNodeRLayers"), tree.nodes.new("CompositorNodeOutputFile")
    if bpy.app.version >= (5, 0):
        sink.format.media_type = "MULTI_LAYER_IMAGE"
        sink.directory, sink.file_name = str(folder), f"plate.{scene.frame_current:04d}"
    else:
        sink.base_path = str(folder / "plate.####")
        sink.layer_slots.clear()
    sink.format.file_format, sink.format.color_depth, sink.format.exr_codec = "OPEN_EXR_MULTILAYER", "16", "ZIP"
    for name, socket in (
        ("Combined", "Image"),
        ("CryptoObject00", "CryptoObject00"),
        ("CryptoObject01", "CryptoObject01"),
    ):
        slot = f"{layer.name}.{name}"
        if bpy.app.version >= (5, 0):
            sink.file_output_items.new("RGBA", slot)
        else:
            sink.layer_slots.new(slot)
        tree.links.new(source.outputs[socket], sink.inputs[slot])
    bpy.ops.render.render()


def span(text: str) -> range:
    """`1001-1010` or `1004`, within the shot: movement is keyed there only."""
    first, _, last = text.partition("-")
    try:
        frames = range(int(first), int(last or first) + 1)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no frame range, write 1001-1010 or 1004") from None
    if not frames or frames[0] < FIRST or frames[-1] > LAST:
        raise argparse.ArgumentTypeError(f"{text!r} lies outside the shot, {FIRST}-{LAST}")
    return frames


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=span, default=f"{FIRST}-{LAST}", help="1001-1010, or one frame")
    parser.add_argument("--samples", type=int, default=40)
    parser.add_argument("--preview", action="store_true", help="write PNG pictures instead, as seen on a screen")
    parser.add_argument("--output", type=Path, default=HERE / "shot", help="the folder to write to")
    arguments = parser.parse_args()

    scene = sc.start(WIDTH, HEIGHT, arguments.samples, view="Standard")
    scene.render.film_transparent = True
    scene.render.use_motion_blur = True
    scene.render.motion_blur_shutter = 0.4
    build(range(FIRST, LAST + 1))
    arguments.output.mkdir(parents=True, exist_ok=True)
    for frame in arguments.frames:
        scene.frame_set(frame)
        if arguments.preview:
            sc.render_picture(scene, arguments.output / f"preview.{frame:04d}.png")
        else:
            write_exr(scene, arguments.output.resolve())


if __name__ == "__main__":
    main()
