"""The village square of the example shot: pavement, houses, garden wall, hills."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import scenery as sc


def ground() -> None:
    cobble = sc.surface(
        "cobbles",
        (0.13, 0.118, 0.11),
        (0.42, 0.37, 0.32),
        per_island=0.6,
        scale=5,
        rough=(0.28, 0.7),
        bump=0.35,
        bump_scale=40,
    )
    earth = sc.surface("joints", (0.05, 0.043, 0.033), (0.12, 0.10, 0.075), scale=6, rough=(0.8, 0.95))
    sc.stones("cobbles", (-9, -5.2, 0), (20, 17), (0.2, 0.15), cobble)
    sc.box("joints", (60, 60, 0.1), (0, 12, -0.125), earth)
    flag = sc.surface(
        "flagstone", (0.24, 0.215, 0.185), (0.46, 0.42, 0.36), per_island=0.5, scale=3, rough=(0.5, 0.8), bump=0.3
    )
    sc.stones("pavement", (-13, 4.9, 0.10), (11.2, 2.1), (0.7, 0.48), flag, gap=0.02, height=0.16, seed=3)


def window(at: sc.Point, size: tuple[float, float], wood: Any, shutter: Any, glass: Any, stone: Any) -> list[Any]:
    """A window on a wall that faces -y, with its shutters open; `at` is the middle of its sill."""
    x, y, z = at
    w, h = size
    parts = [
        sc.box("glass", (w, 0.04, h), (x, y, z), glass),
        sc.box("sill", (w + 0.3, 0.22, 0.07), (x, y - 0.06, z - 0.07), stone, bevel=0.015),
        sc.box("lintel", (w + 0.26, 0.10, 0.12), (x, y - 0.02, z + h), stone, bevel=0.015),
        sc.box("mullion", (0.05, 0.08, h), (x, y - 0.01, z), wood),
        *(sc.box("jamb", (0.06, 0.10, h), (x + s * w / 2, y - 0.02, z), wood) for s in (-1, 1)),
        *(sc.box("bar", (w, 0.06, 0.035), (x, y - 0.01, z + h * f), wood) for f in (0.0, 0.36, 0.70, 0.97)),
    ]
    for s in (-1, 1):
        leaf = x + s * (w / 2 + 0.06 + w / 4)
        parts += [
            sc.box("stile", (0.05, 0.05, h), (leaf + k * (w / 4 - 0.02), y - 0.04, z), shutter) for k in (-1, 1)
        ]
        for slat in np.arange(0.03, h - 0.05, 0.062):
            parts.append(
                sc.box("slat", (w / 2 - 0.06, 0.045, 0.018), (leaf, y - 0.04, z + slat), shutter, turn=(0.6, 0, 0))
            )
    return parts


def roof(x: tuple[float, float], y: tuple[float, float], z: float, rise: float, material: Any) -> Any:
    """Clay tiles, sloping up and away: waves across, steps along."""
    columns = np.linspace(x[0] - 0.3, x[1] + 0.3, int((x[1] - x[0]) * 44))
    rows = np.repeat(np.linspace(0, 1, 22), 2)[1:]
    step = np.tile([0.05, 0.0], 22)[: len(rows)]
    height = z + rise * rows[:, None] + step[:, None] + 0.05 * np.abs(np.sin(columns * math.pi / 0.22))[None]
    depth = (y[0] - 0.45 + (y[1] - y[0]) * rows)[:, None] + 0 * columns[None]
    points = np.stack([np.broadcast_to(columns, height.shape), depth, height], axis=-1)
    thing = sc.grid("tiles", points, material, smooth=False)
    thing.modifiers.new("thickness", "SOLIDIFY").thickness = 0.03
    return thing


def house(
    name: str,
    x: tuple[float, float],
    y: tuple[float, float],
    height: float,
    plaster: Any,
    shutter: Any,
    windows: list[tuple[float, float, bool]],
    extras: list[Any] | None = None,
) -> Any:
    """A plastered house front; windows are (x, z, lit)."""
    wood = sc.surface(name + " wood", (0.30, 0.26, 0.20), (0.52, 0.47, 0.38), scale=4, stretch=(1, 1, 8))
    stone = sc.surface(name + " stone", (0.27, 0.24, 0.2), (0.48, 0.44, 0.37), scale=5, bump=0.3)
    tile = sc.surface(
        name + " tile", (0.20, 0.075, 0.04), (0.48, 0.22, 0.12), scale=4.5, rough=(0.6, 0.85), bump=0.3
    )
    pane = sc.paint(name + " pane", (0.02, 0.03, 0.035), Roughness=0.06)
    lit = sc.glow(name + " lit pane", (1.0, 0.58, 0.24), 1.1)
    parts = [
        sc.box("wall", (x[1] - x[0], y[1] - y[0], height), ((x[0] + x[1]) / 2, (y[0] + y[1]) / 2, 0), plaster),
        sc.box("plinth", (x[1] - x[0] + 0.06, 0.12, 0.55), ((x[0] + x[1]) / 2, y[0], 0), stone, bevel=0.02),
        sc.box("eaves", (x[1] - x[0] + 0.5, 0.5, 0.12), ((x[0] + x[1]) / 2, y[0] - 0.15, height - 0.06), wood),
        roof(x, y, height + 0.08, 1.35, tile),
    ]
    for wx, wz, on in windows:
        parts += window((wx, y[0] - 0.02, wz), (0.85, 1.25), wood, shutter, lit if on else pane, stone)
    return sc.join(name, parts + (extras or []))


def awning(x: tuple[float, float], y: float, z: float) -> Any:
    """A striped shop blind with a scalloped hem."""
    cream = sc.surface("blind cream", (0.50, 0.46, 0.38), (0.64, 0.60, 0.51), scale=3, rough=(0.8, 0.9))
    stripe = sc.surface("blind stripe", (0.20, 0.24, 0.20), (0.27, 0.32, 0.26), scale=3, rough=(0.8, 0.9))
    u, v = np.linspace(x[0], x[1], 97), np.linspace(0, 1, 14)
    width = (x[1] - x[0]) / 12
    hem = 0.09 * np.abs(np.sin((u - x[0]) / width * math.pi))
    out, drop = (
        1.25 * np.minimum(v / 0.85, 1),
        0.5 * np.minimum(v / 0.85, 1) + np.maximum(v - 0.85, 0) / 0.15 * 0.16,
    )
    height = z - drop[:, None] - np.where(v > 0.99, 1, 0)[:, None] * hem[None]
    points = np.stack(
        [np.broadcast_to(u, height.shape), np.broadcast_to((y - out)[:, None], height.shape), height], axis=-1
    )
    slots = np.broadcast_to(((u[:-1] - x[0]) / width).astype(int) % 2, (13, 96)).ravel()
    return sc.grid("blind", points, [cream, stripe], smooth=False, slots=slots)


def houses() -> None:
    ochre = sc.surface(
        "ochre plaster",
        (0.46, 0.31, 0.16),
        (0.62, 0.45, 0.26),
        scale=1.1,
        rough=(0.8, 0.95),
        bump=0.35,
        bump_scale=25,
    )
    rose = sc.surface(
        "rose plaster",
        (0.46, 0.29, 0.23),
        (0.60, 0.42, 0.34),
        scale=1.1,
        rough=(0.8, 0.95),
        bump=0.35,
        bump_scale=25,
    )
    pale = sc.surface(
        "pale plaster",
        (0.44, 0.42, 0.37),
        (0.60, 0.57, 0.50),
        scale=1.1,
        rough=(0.8, 0.95),
        bump=0.35,
        bump_scale=25,
    )
    green = sc.surface("green shutter", (0.06, 0.12, 0.095), (0.11, 0.19, 0.15), scale=3, rough=(0.5, 0.7))
    blue = sc.surface("blue shutter", (0.10, 0.16, 0.22), (0.17, 0.25, 0.32), scale=3, rough=(0.5, 0.7))
    brown = sc.surface(
        "brown door", (0.09, 0.04, 0.02), (0.20, 0.10, 0.05), scale=3, stretch=(6, 6, 1), rough=(0.4, 0.6)
    )
    shop = sc.glow("shop window", (1.0, 0.60, 0.27), 0.75)
    front = [
        awning((-6.4, -3.4), 6.95, 2.85),
        sc.box("shelf", (2.6, 0.06, 0.05), (-4.9, 6.92, 1.55), brown),
        *(
            sc.lathe(
                "jar",
                [(0.001, 0), (w, 0), (w * 1.1, h * 0.6), (w * 0.4, h * 0.75), (w * 0.5, h)],
                brown,
                at=(x, 6.9, z),
            )
            for x, z, w, h in (
                (-6.0, 1.6, 0.07, 0.35),
                (-5.75, 1.6, 0.09, 0.25),
                (-5.2, 1.6, 0.06, 0.4),
                (-4.9, 1.6, 0.1, 0.3),
                (-4.1, 1.6, 0.08, 0.36),
                (-3.9, 1.6, 0.06, 0.28),
                (-5.8, 0.76, 0.2, 0.4),
                (-5.0, 0.76, 0.24, 0.3),
                (-4.6, 0.76, 0.13, 0.5),
                (-3.95, 0.76, 0.2, 0.35),
            )
        ),
        sc.box("shop", (2.6, 0.05, 1.55), (-4.9, 6.96, 0.75), shop),
        *(sc.box("shop bar", (0.07, 0.1, 1.6), (-4.9 + k, 6.93, 0.72), brown) for k in (-1.3, -0.45, 0.45, 1.3)),
        sc.box("shop base", (2.8, 0.16, 0.65), (-4.9, 6.92, 0.1), brown, bevel=0.02),
        sc.box("door", (0.95, 0.08, 2.15), (-2.5, 6.95, 0.1), brown, bevel=0.02),
        sc.box("door head", (1.25, 0.16, 0.2), (-2.5, 6.93, 2.25), pale, bevel=0.03),
    ]
    house(
        "house_left",
        (-11.2, -2.2),
        (7.0, 11.0),
        4.75,
        ochre,
        green,
        [(-9.6, 3.15, False), (-7.4, 3.15, False), (-5.2, 3.15, True), (-3.1, 3.15, False)],
        front,
    )
    house(
        "house_middle",
        (-2.2, 0.9),
        (11.0, 15.0),
        5.0,
        rose,
        blue,
        [(-1.5, 3.35, False), (0.0, 3.35, True), (-1.5, 1.15, False), (0.0, 1.15, False)],
    )
    wall = sc.surface(
        "garden wall", (0.19, 0.165, 0.13), (0.42, 0.37, 0.30), scale=2.4, rough=(0.8, 0.95), bump=0.9, bump_scale=7
    )
    sc.join(
        "garden wall",
        [
            sc.box("wall", (13, 0.5, 1.05), (7.4, 11.6, 0), wall, bevel=0.05),
            sc.box("coping", (13.1, 0.64, 0.12), (7.4, 11.6, 1.05), wall, bevel=0.04),
        ],
    )


def hills() -> None:
    near = sc.surface("hillside", (0.10, 0.13, 0.08), (0.24, 0.26, 0.16), scale=0.09, rough=(0.9, 1.0))
    far = sc.surface("far hills", (0.20, 0.25, 0.29), (0.28, 0.33, 0.36), scale=0.03, rough=(0.9, 1.0))
    for name, material, y, top, seed in (("hills", near, 90.0, 10.0, 2), ("far hills", far, 260.0, 34.0, 7)):
        rng = np.random.default_rng(seed)
        x = np.linspace(-1.2 * y, 1.6 * y, 160)
        rows = np.linspace(0, 1, 24)
        ridge = sum(rng.uniform(0.5, 1) / k * np.sin(x / y * 2.2 * k + rng.uniform(0, 7)) for k in range(1, 12))
        height = -3 + top * np.sin(rows * math.pi / 2)[:, None] * (1 + 0.3 * ridge)[None]
        height = height + rng.normal(0, 0.012 * top, height.shape)
        points = np.stack(
            [
                np.broadcast_to(x, height.shape),
                np.broadcast_to((y + rows * y * 0.4)[:, None], height.shape),
                height,
            ],
            axis=-1,
        )
        sc.grid(name, points, material)
