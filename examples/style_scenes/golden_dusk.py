"""A meadow against the setting sun."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import scenery as sc

from .shared import bark, scatter


def golden_dusk() -> dict[str, Any]:
    """A meadow against the setting sun."""

    def ground(x: Any, y: Any) -> Any:
        return 0.5 * sc.fractal(x / 16, y / 16, 3, 3) + 0.0015 * np.maximum(y, 0) ** 1.5 - 0.4

    soil = sc.surface("soil", (0.08, 0.06, 0.025), (0.22, 0.17, 0.07), scale=0.8)
    grass = sc.foliage("dry grass", (0.16, 0.11, 0.025), (0.52, 0.38, 0.12))
    poppy = sc.foliage("poppy", (0.5, 0.05, 0.02), (0.75, 0.16, 0.05))
    leaf = sc.foliage("oak leaf", (0.08, 0.085, 0.015), (0.28, 0.23, 0.05))
    sc.terrain("meadow", (-40, 40), (-7, 70), ground, soil)
    sc.blades("grass", scatter(70000, (-22, 22), (-2.2, 40), ground, 1, 2.4), 0.5, 0.03, grass, 2)
    flowers = scatter(420, (-10, 10), (2.2, 22), ground, 4, 1.6)
    sc.leaves("poppies", flowers + np.array((0, 0, 0.45)), 0.05, 1700, 0.10, poppy, 5)
    wood = sc.surface("fence wood", (0.09, 0.07, 0.05), (0.26, 0.21, 0.16), scale=5, stretch=(1, 1, 0.2), bump=0.5)
    for k in range(9):
        x, y = 4.6 - 0.9 * k, 6.0 + 2.1 * k
        z = float(ground(np.array(x), np.array(y)))
        sc.box("post", (0.14, 0.14, 1.2), (x, y, z - 0.1), wood, bevel=0.02, turn=(0.03 * (-1) ** k, 0.04, 0))
        for rail in (0.5, 0.88):
            x2, y2 = x - 0.9, y + 2.1
            z2 = float(ground(np.array(x2), np.array(y2)))
            sc.tube("rail", [(x, y, z + rail), (x2, y2, z2 + rail)], 0.045, wood, steps=6)
    for k, (x, y, h) in enumerate(((-5.6, 13, 6.4), (9.5, 30, 7.5), (13, 36, 8.5), (-17, 42, 8))):
        sc.tree(
            f"oak_{k}",
            (x, y, float(ground(np.array(x), np.array(y)))),
            h,
            bark(),
            leaf,
            seed=11 + k,
            count=11000 if k == 0 else 5000,
        )
    for k, (y, top, tone) in enumerate(((110, 9, 0.10), (200, 24, 0.16), (380, 52, 0.24))):
        hill = sc.surface(
            f"hill {k}", (tone, 0.62 * tone, 0.42 * tone), (1.5 * tone, 1.0 * tone, 0.62 * tone), scale=0.05
        )
        sc.terrain(
            f"hill {k}",
            (-1.2 * y, 1.2 * y),
            (y, 1.4 * y),
            lambda a, b, y=y, top=top, k=k: (
                top
                * np.sin((b / y - 1) / 0.4 * math.pi / 2)
                * (1 + 0.5 * sc.fractal(a / y / 0.9, b * 0, 20 + k, 5))
                - 4
            ),
            hill,
        )
    sc.haze((900, 700, 70), (0, 340, -6), 0.0009, (1.0, 0.66, 0.32), 0.75)
    sc.gradient(
        [
            (-1, (0.05, 0.035, 0.02)),
            (-0.02, (1.0, 0.24, 0.025)),
            (0.04, (1.1, 0.40, 0.045)),
            (0.14, (0.80, 0.36, 0.11)),
            (0.32, (0.27, 0.27, 0.36)),
            (1, (0.06, 0.13, 0.28)),
        ],
        0.8,
    )
    sc.sun((0.30, 1.0, 0.15), 7.0, (1.0, 0.50, 0.15), 0.02)
    disc = sc.glow("sun disc", (1.0, 0.60, 0.22), 25.0)
    profile = [(0.001, -9), (6.4, -6.4), (9, 0), (6.4, 6.4), (0.001, 9)]
    ball = sc.lathe("disc", profile, disc, at=(0.30 * 720, 720, 0.15 * 720))
    ball.visible_shadow = False  # it stands before the lamp that plays its light
    sc.camera((0, -3.2, 1.35), (0.3, 10, 1.75), 30, focus=11, fstop=2.8)
    return {"exposure": 0.7, "look": "AgX - Punchy"}
