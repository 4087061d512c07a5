"""Magenta and cyan tubes over a wet floor, a counter with bottles."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import scenery as sc


def neon_bar() -> dict[str, Any]:
    """Magenta and cyan tubes over a wet floor, a counter with bottles."""
    tile = sc.surface(
        "floor tile",
        (0.015, 0.016, 0.022),
        (0.05, 0.05, 0.065),
        per_island=0.5,
        scale=3,
        rough=(0.06, 0.30),
        bump=0.06,
    )
    brick = sc.surface(
        "brick", (0.10, 0.06, 0.055), (0.30, 0.20, 0.18), per_island=0.6, scale=4, rough=(0.6, 0.85), bump=0.5
    )
    joint = sc.paint("joint", (0.06, 0.055, 0.055), Roughness=0.9)
    dark = sc.surface(
        "dark wood", (0.035, 0.02, 0.014), (0.12, 0.065, 0.04), scale=2, stretch=(8, 1, 1), rough=(0.15, 0.35)
    )
    metal = sc.paint("steel", (0.6, 0.6, 0.62), Metallic=1.0, Roughness=0.18)
    seat = sc.surface("seat", (0.10, 0.012, 0.02), (0.26, 0.03, 0.05), scale=3, rough=(0.3, 0.45))
    pink = sc.glow("pink neon", (1.0, 0.05, 0.50), 22.0, lights=True)
    cyan = sc.glow("cyan neon", (0.04, 0.72, 1.0), 16.0, lights=True)
    amber = sc.glow("amber", (1.0, 0.52, 0.14), 9.0)
    sc.stones("tiles", (-4.2, -4, 0), (8.6, 14.2), (0.6, 0.6), tile, gap=0.012, height=0.02, seed=4)
    sc.box("floor", (9, 16, 0.1), (0, 3, -0.12), dark)
    wall = sc.stones("bricks", (-4.2, 0, 0), (8.8, 3.8), (0.30, 0.105), brick, gap=0.014, height=0.05, seed=8)
    wall.rotation_euler, wall.location = (math.pi / 2, 0, 0), (0, 10.0, 0)
    sc.box("joints", (9, 0.1, 4), (0, 10.1, 0), joint)
    left = sc.stones("bricks", (-4, 0, 0), (14.2, 3.8), (0.30, 0.105), brick, gap=0.014, height=0.05, seed=9)
    left.rotation_euler, left.location = (math.pi / 2, 0, math.pi / 2), (-4.1, 0, 0)
    sc.box("joints", (0.1, 16, 4), (-4.2, 3, 0), joint)
    sc.box("right wall", (0.1, 16, 4), (4.3, 3, 0), dark)
    sc.box("ceiling", (9, 16, 0.1), (0, 3, 3.7), joint)
    for k in range(5):
        sc.box("beam", (8.6, 0.2, 0.26), (0, -1 + 2.6 * k, 3.42), dark, bevel=0.02)
    sc.box("counter", (1.0, 7.6, 1.05), (2.6, 5.2, 0), dark, bevel=0.03)
    sc.box("top", (1.25, 7.8, 0.06), (2.55, 5.2, 1.05), metal, bevel=0.02)
    sc.tube("counter neon", [(2.06, 1.5, 0.92), (2.06, 9.0, 0.92)], 0.022, pink)
    rng = np.random.default_rng(5)
    glasses = [
        sc.paint(f"bottle {k}", c, Roughness=0.06, Transmission_Weight=0.6, IOR=1.45)
        for k, c in enumerate(
            ((0.10, 0.35, 0.14), (0.45, 0.22, 0.05), (0.65, 0.70, 0.72), (0.10, 0.20, 0.42), (0.50, 0.07, 0.10))
        )
    ]
    for shelf in range(3):
        z = 1.35 + 0.62 * shelf
        sc.box("shelf", (0.4, 7, 0.04), (4.0, 5.4, z), dark)
        sc.tube("shelf light", [(4.2, 2.0, z + 0.06), (4.2, 8.9, z + 0.06)], 0.012, amber)
        for y in np.arange(2.1, 8.8, 0.19):
            w, h = rng.uniform(0.045, 0.07), rng.uniform(0.28, 0.44)
            shape = [(0.001, 0), (w, 0), (w, 0.55 * h), (0.35 * w, 0.72 * h), (0.3 * w, h), (0.001, h)]
            sc.lathe(
                "bottle", shape, glasses[rng.integers(5)], at=(3.98 + rng.normal(0, 0.04), y, z + 0.04), steps=14
            )
    for k in range(6):
        y = 1.9 + 1.25 * k
        sc.lathe(
            "stool",
            [(0.001, 0), (0.24, 0.0), (0.22, 0.03), (0.035, 0.06), (0.035, 0.70), (0.2, 0.72)],
            metal,
            at=(1.6, y, 0.01),
            steps=24,
        )
        sc.lathe(
            "cushion",
            [(0.001, 0.72), (0.21, 0.72), (0.235, 0.77), (0.21, 0.83), (0.001, 0.85)],
            seat,
            at=(1.6, y, 0.01),
            steps=28,
        )
    for k in range(3):
        y = 2.4 + 2.6 * k
        sc.box("table", (1.1, 1.1, 0.05), (-2.5, y, 0.74), dark, bevel=0.02)
        sc.lathe("leg", [(0.28, 0), (0.26, 0.03), (0.04, 0.06), (0.04, 0.74)], metal, at=(-2.5, y, 0), steps=20)
        sc.lathe(
            "candle", [(0.001, 0), (0.05, 0), (0.06, 0.10), (0.001, 0.10)], amber, at=(-2.4, y, 0.79), steps=16
        )
        sc.box("bench", (0.6, 1.8, 0.45), (-3.6, y, 0), seat, bevel=0.06)
        sc.box("back", (0.18, 1.8, 1.0), (-3.9, y, 0.1), seat, bevel=0.06)
    ring = [(-0.9 + 0.75 * math.cos(a), 9.85, 2.25 + 0.75 * math.sin(a)) for a in np.linspace(0.3, 6.0, 50)]
    sc.tube("neon ring", ring, 0.03, pink)
    wave = [(-2.5 + 3.2 * t, 9.8, 2.25 + 0.26 * math.sin(11 * t)) for t in np.linspace(0, 1, 60)]
    sc.tube("neon wave", wave, 0.025, cyan)
    for y in (1.2, 4.0, 6.8):
        sc.tube("neon line", [(-3.98, y, 2.5), (-3.98, y + 2.0, 2.5)], 0.028, cyan)
        sc.tube("neon line", [(-3.98, y + 0.3, 2.68), (-3.98, y + 1.6, 2.68)], 0.022, pink if y > 2 else cyan)
    sc.haze((8.8, 16, 3.7), (0, 3, 0), 0.018, (0.9, 0.85, 1.0), 0.3)
    sc.gradient([(-1, (0, 0, 0)), (1, (0.004, 0.004, 0.01))])
    sc.light("blue fill", "AREA", (0, -3, 3.2), 34, (0.35, 0.40, 1.0), size=3, aim=(0, 4, 0.5))
    sc.light("cyan wash", "AREA", (-3.2, 4.5, 3.3), 46, (0.06, 0.75, 1.0), size=2.5, aim=(-2.6, 5, 0))
    sc.light("pink wash", "AREA", (0.6, 8.2, 3.3), 46, (1.0, 0.06, 0.55), size=2.0, aim=(0.4, 9.5, 0.8))
    sc.light("bar light", "AREA", (2.8, 5.4, 3.3), 30, (1.0, 0.5, 0.2), size=2.5, aim=(3.9, 5.4, 1.6))
    sc.camera((-0.55, -3.4, 1.5), (0.25, 6, 1.45), 24, focus=6, fstop=4)
    return {"exposure": 1.9, "look": "AgX - Punchy"}
