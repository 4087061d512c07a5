"""Teal water and orange trees with the lifted blacks of an old print."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import scenery as sc

from .shared import bark


def autumn_lake() -> dict[str, Any]:
    """Teal water and orange trees with the lifted blacks of an old print."""
    water = sc.surface(
        "water",
        (0.008, 0.055, 0.062),
        (0.02, 0.085, 0.09),
        scale=0.4,
        rough=(0.03, 0.10),
        bump=0.22,
        bump_scale=1.4,
        stretch=(1, 2.2, 1),
    )
    wood = sc.surface(
        "jetty",
        (0.11, 0.085, 0.065),
        (0.33, 0.27, 0.21),
        per_island=0.6,
        scale=3,
        stretch=(1, 8, 8),
        rough=(0.6, 0.85),
        bump=0.4,
    )
    hull = sc.surface("canoe", (0.42, 0.10, 0.025), (0.58, 0.17, 0.05), scale=2, rough=(0.25, 0.4), Coat_Weight=0.6)
    rim = sc.surface("ash", (0.26, 0.16, 0.08), (0.48, 0.33, 0.18), scale=3, stretch=(1, 8, 8), rough=(0.3, 0.5))
    stone = sc.surface(
        "granite", (0.06, 0.075, 0.08), (0.25, 0.26, 0.25), scale=0.035, rough=(0.8, 1.0), bump=0.8, bump_scale=0.6
    )
    shore = sc.surface("shore", (0.10, 0.07, 0.035), (0.26, 0.19, 0.10), scale=0.3, rough=(0.8, 1.0), bump=0.5)
    autumn = [
        sc.foliage(f"autumn {k}", a, b)
        for k, (a, b) in enumerate(
            (
                ((0.30, 0.10, 0.015), (0.72, 0.33, 0.06)),
                ((0.36, 0.055, 0.015), (0.62, 0.16, 0.045)),
                ((0.34, 0.20, 0.02), (0.74, 0.52, 0.10)),
            )
        )
    ]
    dark = sc.foliage("spruce", (0.012, 0.035, 0.032), (0.05, 0.095, 0.08))
    sc.box("lake", (400, 200, 0.1), (0, 60, -0.1), water)

    def bank(x: Any, y: Any) -> Any:
        return 0.16 * (y - 36 - 6 * sc.fractal(x / 40, y * 0, 3, 3)) + 0.5 * sc.fractal(x / 8, y / 8, 5, 3)

    sc.terrain("bank", (-90, 90), (30, 78), bank, shore, 150)
    sc.terrain(
        "mountains",
        (-330, 330),
        (120, 330),
        lambda a, b: (
            125
            * np.sin(np.clip((b - 120) / 190, 0, 1) * math.pi / 2)
            * (0.62 + 0.5 * sc.fractal(a / 190, b / 190, 41, 7))
            - 10
        ),
        stone,
        260,
    )
    rng = np.random.default_rng(12)
    for k in range(40):
        x, y = rng.uniform(-44, 44), rng.uniform(40, 62)
        z = float(bank(np.array(x), np.array(y)))
        if k % 3 == 2:
            sc.conifer(f"spruce_{k}", (x, y, z - 0.3), rng.uniform(7, 13), bark(), dark, seed=k, count=3000)
        else:
            sc.tree(
                f"maple_{k}",
                (x, y, z - 0.3),
                rng.uniform(5, 9),
                bark(),
                autumn[k % 7 % 3],
                seed=k,
                count=5500,
                leaf_size=0.42,
            )
    planks = [
        sc.box("plank", (1.7, 0.21, 0.06), (1.9, y, 0.42), wood, bevel=0.012, turn=(0, 0, rng.normal(0, 0.012)))
        for y in np.arange(-4, 11, 0.235)
    ]
    sc.join("jetty", planks)
    for y in (0.5, 4, 7.5, 11):
        for s in (-1, 1):
            sc.tube("pile", [(1.9 + 0.92 * s, y, -1), (1.9 + 0.92 * s, y, 0.95)], 0.11, wood, steps=12)
    t = np.linspace(-1, 1, 60)
    beam, sheer = 0.46 * (1 - np.abs(t) ** 2.4) ** 0.75, 0.30 + 0.22 * np.abs(t) ** 2.6
    angle = np.linspace(-math.pi / 2, math.pi / 2, 22)
    across = beam[:, None] * np.sin(angle)[None]
    low = -0.06 + (sheer[:, None] + 0.06) * (1 - np.cos(angle)[None] ** 0.55)
    canoe = sc.grid("canoe", np.stack([np.broadcast_to(2.3 * t[:, None], across.shape), across, low], -1), hull)
    canoe.modifiers.new("thickness", "SOLIDIFY").thickness = 0.02
    edges = [
        sc.tube("gunwale", np.stack([2.3 * t, s * beam, sheer], 1).tolist(), 0.025, rim, steps=6) for s in (-1, 1)
    ]
    seats = [sc.box("seat", (0.26, 0.78, 0.03), (x, 0, 0.22), rim, bevel=0.01) for x in (-1.1, 1.0)]
    boat = sc.join("canoe", [canoe, *edges, *seats])
    boat.location, boat.rotation_euler = (-1.6, 4.4, 0.03), (0.02, 0, 0.75)
    sc.lathe(
        "buoy",
        [(0.001, -0.2), (0.3, -0.05), (0.32, 0.15), (0.1, 0.3), (0.03, 0.7), (0.001, 0.72)],
        hull,
        at=(-5.2, 12, 0),
    )
    sc.haze((900, 400, 90), (0, 190, -2), 0.0005, (0.75, 0.92, 0.95), 0.3)
    sc.gradient(
        [
            (-1, (0.05, 0.09, 0.10)),
            (0, (0.85, 0.72, 0.52)),
            (0.12, (0.62, 0.70, 0.68)),
            (0.4, (0.20, 0.40, 0.46)),
            (1, (0.06, 0.20, 0.27)),
        ],
        0.8,
    )
    sc.sun((-0.72, -0.45, 0.36), 4.6, (1.0, 0.72, 0.42), 0.02)
    sc.camera((0.2, -4.6, 1.75), (-0.35, 10, 1.95), 28, focus=9, fstop=4)
    return {
        "exposure": 0.25,
        "look": "AgX - High Contrast",
        "curves": {"lift": (0.035, 0.055, 0.068), "gain": (0.99, 0.94, 0.83)},
    }
