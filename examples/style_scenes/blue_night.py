"""Snow, moonlight, and warm windows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import scenery as sc

from .shared import bark


def cabin(
    x: float, y: float, z: float, turn: float, snow: Any, log: Any, warm: Any, lit: tuple[bool, bool]
) -> None:
    """A log cabin under snow; two windows beside a door, in its gable that looks towards -y before `turn`."""
    w, d, h = 4.2, 5.0, 2.3
    parts = [
        sc.tube("log", [(-w / 2 - 0.2, s * d / 2, k), (w / 2 + 0.2, s * d / 2, k)], 0.15, log)
        for s in (-1, 1)
        for k in np.arange(0.1, h, 0.27)
    ]
    parts += [
        sc.tube("log", [(s * w / 2, -d / 2 - 0.2, k), (s * w / 2, d / 2 + 0.2, k)], 0.15, log)
        for s in (-1, 1)
        for k in np.arange(0.2, h, 0.27)
    ]
    rise = 1.9
    parts.append(
        sc.mesh(
            "gable",
            [(-w / 2, -d / 2, h - 0.2), (w / 2, -d / 2, h - 0.2), (0, -d / 2, h + rise - 0.15)],
            [(0, 1, 2)],
            log,
        )
    )
    for s in (-1, 1):
        u, v = np.meshgrid(np.linspace(0, 1, 24), np.linspace(-0.62, 0.62, 40))
        across = s * (w / 2 + 0.55) * u
        height = h + rise * (1 - u * 1.12) + 0.24 + 0.05 * sc.fractal(u * 3, v * 4, 5)
        slab = sc.grid("snow roof", np.stack([across, v * d, height], -1), snow)
        slab.modifiers.new("thickness", "SOLIDIFY").thickness = 0.3 * s
        parts.append(slab)
    for k, on in enumerate(lit):
        wx = -1.2 + 2.4 * k
        parts += [sc.box("frame", (0.98, 0.12, 1.08), (wx, -d / 2 - 0.12, 0.86), log, bevel=0.02)]
        if on:
            parts += [
                sc.box("pane", (0.37, 0.06, 0.42), (wx + a, -d / 2 - 0.17, 0.93 + b), warm)
                for a in (-0.21, 0.21)
                for b in (0, 0.5)
            ]
    parts += [sc.box("door", (0.85, 0.1, 1.75), (0, -d / 2 - 0.14, 0.1), log, bevel=0.02)]
    parts += [
        sc.box("chimney", (0.6, 0.6, 1.7), (0.9, 0.8, h + 0.6), log, bevel=0.03),
        sc.box("cap", (0.7, 0.7, 0.2), (0.9, 0.8, h + 2.3), snow, bevel=0.08),
    ]
    thing = sc.join("cabin", parts)
    thing.location, thing.rotation_euler = (x, y, z), (0, 0, turn)
    if any(lit):
        out = (x + 3.4 * math.sin(turn), y - 3.4 * math.cos(turn), z + 1.6)
        sc.light("spill", "POINT", out, 42, (1.0, 0.52, 0.18), size=0.5)


def blue_night() -> dict[str, Any]:
    """Snow, moonlight, and warm windows."""

    def ground(x: Any, y: Any) -> Any:
        return 0.45 * sc.fractal(x / 13, y / 13, 8, 4) + 0.02 * np.maximum(y - 8, 0) ** 1.15

    snow = sc.surface(
        "snow", (0.66, 0.70, 0.76), (0.84, 0.87, 0.92), scale=0.8, rough=(0.5, 0.8), bump=0.35, bump_scale=14
    )
    log = sc.surface(
        "log", (0.075, 0.042, 0.022), (0.23, 0.135, 0.07), scale=4, stretch=(0.3, 3, 3), rough=(0.6, 0.8)
    )
    warm = sc.glow("window", (1.0, 0.50, 0.14), 7.0)
    needle = sc.foliage("fir", (0.025, 0.05, 0.04), (0.10, 0.15, 0.13))
    frosted = sc.foliage("frosted fir", (0.16, 0.20, 0.22), (0.62, 0.68, 0.74))
    sc.terrain("snow", (-45, 45), (-4, 80), ground, snow, 240)

    def at(x: float, y: float) -> float:
        return float(ground(np.array(x), np.array(y)))

    for x, y, turn, lit in (
        (-3.6, 8.5, 0.35, (True, True)),
        (4.2, 12.5, -0.4, (True, False)),
        (0.6, 22, 0.1, (True, True)),
    ):
        cabin(x, y, at(x, y) - 0.15, turn, snow, log, warm, lit)
    rng = np.random.default_rng(6)
    for k in range(34):
        x, y = rng.uniform(-24, 24), rng.uniform(14, 48)
        if abs(x - 0.6) < 4 and y < 30:
            x += 9
        sc.conifer(
            f"fir_{k}",
            (x, y, at(x, y) - 0.2),
            rng.uniform(5, 10),
            bark(),
            frosted if k % 3 == 0 else needle,
            seed=k,
            count=4000,
        )
    for x, y, h in ((-8.4, 6, 6.5), (8.2, 7, 8), (1.6, 15.5, 4.2)):
        sc.conifer("fir", (x, y, at(x, y) - 0.2), h, bark(), frosted, seed=int(10 * h), count=9000)
    for k in range(6):
        x, y = -0.6 + 0.35 * k, 3.5 + 1.3 * k
        sc.tube(
            "fence",
            [(x - 3 + 0.1 * k, y, at(x - 3, y) - 0.1), (x - 3 + 0.1 * k, y, at(x - 3, y) + 0.75)],
            0.06,
            log,
            steps=7,
        )
    sc.terrain(
        "mountain",
        (-220, 220),
        (90, 190),
        lambda a, b: (
            62 * np.sin((b - 90) / 100 * math.pi / 2) * (0.75 + 0.42 * sc.fractal(a / 120, b / 120, 14, 6)) - 6
        ),
        snow,
        200,
    )
    stars = np.random.default_rng(3).normal(size=(420, 3)) * (1, 0.6, 0.5)
    stars = stars / np.linalg.norm(stars, axis=1, keepdims=True) * 700
    stars = stars[(stars[:, 1] > 100) & (stars[:, 2] > 60)]
    sc.leaves("stars", stars, 1.0, len(stars) * 2, 2.2, sc.glow("star", (0.8, 0.9, 1.0), 9.0), 4)
    sc.haze((160, 120, 26), (0, 62, -4), 0.004, (0.8, 0.9, 1.0), 0.3)
    sc.gradient(
        [
            (-1, (0.01, 0.015, 0.03)),
            (0.0, (0.06, 0.13, 0.28)),
            (0.2, (0.025, 0.065, 0.19)),
            (1, (0.006, 0.018, 0.07)),
        ],
        1.0,
    )
    sc.sun((-0.6, -0.35, 0.62), 0.42, (0.50, 0.68, 1.0), 0.02)
    sc.camera((0.3, -5.5, 2.1), (0.2, 10, 2.5), 30, focus=14, fstop=4)
    return {"exposure": 0.9, "look": "AgX - Medium High Contrast"}
