"""Leaves, grass and trees."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np

from .materials import Point
from .meshes import join, mesh, tube


def blades(name: str, roots: Any, height: float, width: float, material: Any, seed: int, lean: float = 0.35) -> Any:
    """Grass: one bent blade of two faces per root (n, 3)."""
    rng = np.random.default_rng(seed)
    roots = np.asarray(roots, float)
    count = len(roots)
    turn = rng.uniform(0, 2 * math.pi, count)
    side = np.stack([np.cos(turn), np.sin(turn), 0 * turn], 1) * width / 2
    tall = height * rng.uniform(0.5, 1.2, (count, 1))
    bend = rng.normal(0, lean, (count, 3)) * (1, 1, 0) * tall
    middle, tip = roots + bend * 0.35 + (0, 0, 1) * tall * 0.6, roots + bend + (0, 0, 1) * tall
    corners = np.stack([roots - side, roots + side, middle + side * 0.6, middle - side * 0.6, tip], axis=1)
    index = np.arange(count)[:, None] * 5
    faces = [tuple(f) for f in index + np.array((0, 1, 2, 3))] + [tuple(f) for f in index + np.array((3, 2, 4))]
    return mesh(name, corners.reshape(-1, 3), faces, material)


def conifer(name: str, at: Point, height: float, bark: Any, needle: Any, *, seed: int, count: int = 7000) -> Any:
    """A fir: a straight trunk and drooping whorls of needles, wide below."""
    rng = np.random.default_rng(seed)
    tips = []
    for level in np.linspace(0.14, 0.97, 16):
        reach = height * 0.24 * (1 - level) ** 0.85
        for turn in np.linspace(0, 2 * math.pi, 9, endpoint=False) + rng.uniform(0, 6):
            for part in (0.25, 0.5, 0.75, 1.0):
                r = reach * part * rng.uniform(0.8, 1.1)
                tips.append((r * math.cos(turn), r * math.sin(turn), height * level - 0.35 * r))
    trunk = tube(
        "trunk",
        [(0, 0, 0), (0, 0, height * 0.5), (0, 0, height * 0.95)],
        [height * 0.022, height * 0.014, 0.01],
        bark,
    )
    thing = join(name, [trunk, leaves("needles", tips, height * 0.035, count, height * 0.03, needle, seed)])
    thing.location = at
    return thing


def leaves(name: str, centers: Any, spread: float, count: int, size: float, material: Any, seed: int) -> Any:
    """`count` folded leaves in soft balls of that spread around the centres."""
    rng = np.random.default_rng(seed)
    centers = np.asarray(centers, float)
    direction = rng.normal(size=(count, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    position = centers[rng.integers(len(centers), size=count)]
    position = position + direction * spread * rng.uniform(0.15, 1.0, (count, 1)) ** 0.5 * (1.0, 1.0, 0.7)
    length = rng.normal((0.0, 0.0, -0.4), 1.0, (count, 3))
    length /= np.linalg.norm(length, axis=1, keepdims=True)
    width = np.cross(length, rng.normal(size=(count, 3)))
    width /= np.linalg.norm(width, axis=1, keepdims=True)
    s = size * rng.uniform(0.6, 1.3, (count, 1))
    fold = np.cross(length, width) * s * 0.15
    corners = np.stack(
        [
            position,
            position + length * s * 0.5 + width * s * 0.28 + fold,
            position + length * s,
            position + length * s * 0.5 - width * s * 0.28 + fold,
        ],
        axis=1,
    )
    index = np.arange(count)[:, None] * 4
    faces = np.concatenate([index + np.array((0, 1, 2)), index + np.array((0, 2, 3))], axis=1).reshape(-1, 3)
    return mesh(name, corners.reshape(-1, 3), faces, material)


def tree(
    name: str,
    at: Point,
    height: float,
    bark: Any,
    leaf: Any,
    *,
    seed: int,
    crown: float = 0.36,
    count: int = 9000,
    leaf_size: float = 0.16,
    bare: float = 0.35,
) -> Any:
    """A broad-leaved tree: bent trunk, forked branches, leaves in clusters at the tips. Its origin is its foot."""
    rng = random.Random(seed)
    parts: list[Any] = []
    tips: list[Point] = []

    def branch(start: Point, heading: Point, length: float, radius: float, depth: int) -> None:
        path, here, bend = [start], np.array(start), np.array(heading)
        for _ in range(5):
            bend = bend + np.array([rng.gauss(0, 0.12), rng.gauss(0, 0.12), 0.05])
            bend = bend / np.linalg.norm(bend)
            here = here + bend * length / 5
            path.append(tuple(here))
        parts.append(tube("branch", path, np.linspace(radius, radius * 0.55, 6), bark, steps=7))
        if depth == 0:
            tips.extend(path[3:])
            return
        for k in range(3 if depth > 1 else 4):
            turn = k * 2.1 + rng.uniform(-0.5, 0.5)
            lean = rng.uniform(0.45, 0.95)
            out = bend * math.cos(lean) + np.array([math.cos(turn), math.sin(turn), 0.15]) * math.sin(lean)
            branch(tuple(here), tuple(out), length * rng.uniform(0.55, 0.8), radius * 0.55, depth - 1)

    branch((0, 0, 0), (rng.gauss(0, 0.06), rng.gauss(0, 0.06), 1), height * bare, height * 0.03, 2)
    parts.append(leaves("leaves", tips, height * crown * 0.3, count, leaf_size, leaf, seed))
    thing = join(name, parts)
    thing.location = at
    return thing
