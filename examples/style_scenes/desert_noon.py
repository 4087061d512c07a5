"""Bleached sand, an adobe wall, hard shadows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import scenery as sc

from .shared import scatter


def desert_noon() -> dict[str, Any]:
    """Bleached sand, an adobe wall, hard shadows."""

    def ground(x: Any, y: Any) -> Any:
        dune = 0.9 * sc.fractal(x / 34, y / 34, 4, 3) + 0.02 * np.maximum(y - 16, 0) ** 1.2
        return dune + 0.035 * np.sin(7.0 * (y + 0.5 * x + 0.6 * np.sin(x * 0.7) + 0.4 * np.sin(y * 1.1)))

    sand = sc.surface(
        "sand", (0.50, 0.41, 0.30), (0.70, 0.60, 0.46), scale=0.7, rough=(0.85, 1.0), bump=0.25, bump_scale=60
    )
    rock = sc.surface(
        "rock",
        (0.33, 0.22, 0.15),
        (0.60, 0.46, 0.34),
        scale=0.12,
        stretch=(1, 1, 3.5),
        rough=(0.85, 1.0),
        bump=0.9,
        bump_scale=1.5,
    )
    adobe = sc.surface(
        "adobe", (0.52, 0.40, 0.28), (0.72, 0.60, 0.46), scale=1.0, rough=(0.85, 1.0), bump=0.6, bump_scale=10
    )
    white = sc.surface(
        "lime", (0.70, 0.67, 0.60), (0.84, 0.81, 0.75), scale=1.2, rough=(0.85, 1.0), bump=0.4, bump_scale=10
    )
    cactus = sc.surface("cactus", (0.09, 0.13, 0.065), (0.22, 0.26, 0.15), scale=3, rough=(0.6, 0.8), bump=0.4)
    shrub = sc.foliage("shrub", (0.15, 0.15, 0.08), (0.40, 0.37, 0.22))
    blue = sc.surface(
        "blue door", (0.10, 0.19, 0.25), (0.20, 0.31, 0.37), scale=3, stretch=(5, 5, 1), rough=(0.7, 0.9)
    )
    hole = sc.paint("window hole", (0.02, 0.018, 0.016), Roughness=0.9)
    sc.terrain("sand", (-50, 50), (-5, 110), ground, sand, 420)

    def at(x: float, y: float) -> float:
        return float(ground(np.array(x), np.array(y)))

    z = at(-4.5, 9) - 0.3
    walls = [
        sc.box("house", (5.2, 5, 3.4), (-4.6, 10.5, z), adobe, bevel=0.16),
        sc.box("tower", (2.6, 3, 4.7), (-7.4, 12, z), white, bevel=0.16),
        sc.box("annex", (3.2, 3, 2.5), (-0.8, 11.2, z), white, bevel=0.14),
        sc.box("yard wall", (3.6, 0.4, 1.4), (2.3, 9.9, z), adobe, bevel=0.12),
        sc.box("door", (1.0, 0.1, 2.1), (-4.0, 7.98, z + 0.25), blue, bevel=0.02),
        sc.box("lintel", (1.5, 0.3, 0.18), (-4.0, 7.95, z + 2.35), rock, bevel=0.03),
    ]
    walls += [
        sc.box("window", (0.6, 0.1, 0.7), (x, y, z + h), hole)
        for x, y, h in ((-6.0, 7.98, 1.7), (-2.7, 7.98, 1.7), (-0.6, 9.68, 1.2), (-7.6, 10.48, 3.4))
    ]
    walls += [
        sc.tube("beam", [(x, 8.2, z + 3.0), (x, 7.45, z + 3.0)], 0.09, rock) for x in np.arange(-6.7, -2.2, 0.75)
    ]
    for x, y, h in ((3.3, 6.2, 3.0), (6.4, 13, 3.8), (1.1, 20, 3.4)):
        b = at(x, y) - 0.1
        ribs = [(x, y, b + t) for t in np.linspace(0, h, 12)]
        sc.tube("cactus", ribs, 0.24 * np.array([1] * 9 + [0.92, 0.7, 0.1]), cactus, steps=14)
        for s, low in ((-1, 0.42), (1, 0.55)):
            arm = [
                (x, y, b + low * h),
                (x + 0.4 * s, y, b + low * h),
                (x + 0.62 * s, y, b + low * h + 0.15),
                (x + 0.66 * s, y, b + low * h + 0.5),
                (x + 0.66 * s, y, b + (low + 0.36) * h),
                (x + 0.66 * s, y, b + (low + 0.38) * h),
            ]
            sc.tube("arm", arm, [0.15, 0.16, 0.17, 0.17, 0.14, 0.02], cactus, steps=12)
    for k, (x, y, zz) in enumerate(scatter(46, (-16, 16), (0, 42), ground, 7, 1.3)):
        sc.leaves("shrub", [(x, y, zz + 0.15), (x + 0.15, y, zz + 0.1)], 0.36, 260, 0.12, shrub, k)
    jar = [(0.001, 0), (0.16, 0), (0.32, 0.35), (0.26, 0.62), (0.13, 0.7), (0.17, 0.78)]
    for x, s in ((-2.9, 1.0), (-2.35, 0.75)):
        pot = sc.lathe("jar", jar, rock, at=(x, 7.3, at(x, 7.3)))
        pot.scale = (s, s, s)
    for k, (x, y, w, h) in enumerate(((20, 75, 13, 15), (-14, 95, 22, 17), (42, 105, 15, 20), (-44, 88, 12, 13))):
        a = np.linspace(0, 2 * math.pi, 90, endpoint=False)
        rows = np.array(
            [
                (1.35, 0),
                (1.12, 0.25),
                (1.0, 0.42),
                (0.94, 0.44),
                (0.92, 0.7),
                (0.88, 0.97),
                (0.8, 1.0),
                (0.01, 1.01),
            ]
        )
        r = w * rows[:, :1] * (1 + 0.14 * sc.fractal(a / 2.2, a * 0 + k, 30 + k, 5))[None]
        sc.grid(
            "mesa",
            np.stack([x + r * np.cos(a), y + r * np.sin(a), np.broadcast_to(rows[:, 1:] * h, r.shape)], -1),
            rock,
            closed=True,
            smooth=False,
        )
    sc.haze((300, 200, 60), (0, 90, -5), 0.0010, (1.0, 0.97, 0.92), 0.3)
    sc.gradient(
        [(-1, (0.4, 0.33, 0.25)), (0, (0.86, 0.86, 0.82)), (0.15, (0.60, 0.72, 0.82)), (1, (0.24, 0.42, 0.66))],
        0.6,
    )
    sc.sun((0.80, -0.20, 0.95), 5.6, (1.0, 0.96, 0.88), 0.009)
    sc.camera((1.4, -3.6, 1.75), (-0.7, 9, 1.9), 28)
    return {"exposure": 0.0, "look": "AgX - High Contrast"}
