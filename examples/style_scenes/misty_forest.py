"""Tall trunks in green mist, sun through the crowns."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import scenery as sc

from .shared import scatter


def misty_forest() -> dict[str, Any]:
    """Tall trunks in green mist, sun through the crowns."""

    def ground(x: Any, y: Any) -> Any:
        return 0.35 * sc.fractal(x / 9, y / 9, 5, 4) + 0.12 * np.abs(x) ** 1.1 * 0.35

    moss = sc.surface(
        "moss", (0.02, 0.04, 0.01), (0.11, 0.16, 0.035), scale=1.6, rough=(0.8, 1.0), bump=1.0, bump_scale=9
    )
    mossy = sc.surface(
        "mossy bark",
        (0.035, 0.035, 0.022),
        (0.13, 0.16, 0.06),
        scale=2.4,
        stretch=(1, 1, 0.25),
        rough=(0.8, 0.95),
        bump=1.0,
        bump_scale=9,
    )
    fern = sc.foliage("fern", (0.025, 0.075, 0.012), (0.15, 0.27, 0.05))
    crown = sc.foliage("beech leaf", (0.035, 0.085, 0.012), (0.19, 0.30, 0.05))
    stone = sc.surface("stone", (0.07, 0.075, 0.06), (0.24, 0.24, 0.19), scale=2, rough=(0.6, 0.9), bump=0.8)
    sc.terrain("floor", (-30, 30), (-4, 60), ground, moss, 220)
    rng = np.random.default_rng(2)
    trunks = [
        (-2.9, 3.4, 0.34),
        (2.6, 5.2, 0.30),
        (-5.4, 8.0, 0.38),
        (5.6, 9.4, 0.36),
        (-1.6, 12.5, 0.30),
        (2.2, 16.0, 0.34),
    ]
    trunks += [
        (rng.uniform(1.2, 16) * rng.choice((-1, 1)), rng.uniform(9, 46), rng.uniform(0.16, 0.4)) for _ in range(52)
    ]
    tips = []
    for x, y, r in trunks:
        z = float(ground(np.array(x), np.array(y)))
        lean = rng.normal(0, 0.035, 2)
        axis = [
            (x + lean[0] * h + 0.05 * math.sin(h), y + lean[1] * h, z - 0.2 + h) for h in np.linspace(0, 14, 15)
        ]
        radius = r * (1 + 0.9 * np.exp(-np.linspace(0, 14, 15) / 0.35)) * np.linspace(1, 0.55, 15)
        sc.tube("trunk", axis, radius, mossy, steps=16)
        tips += [(x + rng.normal(0, 1.8), y + rng.normal(0, 1.8), z + rng.uniform(4.2, 12)) for _ in range(9)]
    sc.leaves("crowns", tips, 1.0, 60000, 0.19, crown, 9)
    for x, y, z in scatter(150, (-9, 9), (-1.5, 26), ground, 12, 1.6):
        if abs(x) > 0.75:
            tall = rng.uniform(0.35, 0.8)
            ring = [
                (
                    x + 0.5 * tall * math.cos(a) * f,
                    y + 0.5 * tall * math.sin(a) * f,
                    z + tall * math.sin(f * 2.0) * 0.75,
                )
                for a in np.linspace(0, 6.28, 9, endpoint=False)
                for f in (0.25, 0.5, 0.75, 1.0)
            ]
            sc.leaves("fern", ring, 0.10, 240, 0.14, fern, int(1000 * tall))
    sc.blades("grass", scatter(16000, (-9, 9), (-2.5, 22), ground, 13, 1.8), 0.16, 0.02, fern, 3)
    for _ in range(16):
        x, y = rng.uniform(-5, 5), rng.uniform(0, 14)
        rock = sc.lathe(
            "rock",
            [(0.001, -0.2), (0.4, 0), (0.36, 0.22), (0.2, 0.34), (0.001, 0.38)],
            stone,
            at=(x, y, float(ground(np.array(x), np.array(y)))),
            steps=9,
        )
        rock.scale = (rng.uniform(0.5, 1.3), rng.uniform(0.5, 1.1), rng.uniform(0.5, 1.0))
    sc.haze((70, 62, 16), (0, 27, -1), 0.014, (0.72, 0.95, 0.62), 0.5)
    sc.gradient(
        [(-1, (0.02, 0.03, 0.015)), (0.0, (0.42, 0.60, 0.34)), (0.3, (0.60, 0.80, 0.50)), (1, (0.50, 0.74, 0.62))],
        0.8,
    )
    sc.sun((0.35, 0.75, 0.62), 11.0, (1.0, 0.90, 0.52), 0.01)
    sc.camera((0, -4.2, 1.35), (0.1, 8, 2.0), 28, focus=9, fstop=4)
    return {"exposure": 0.5, "look": "AgX - Punchy"}
