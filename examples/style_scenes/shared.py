"""What several scenes use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import scenery as sc


def scatter(
    count: int,
    x: tuple[float, float],
    y: tuple[float, float],
    height: Callable[[Any, Any], Any],
    seed: int,
    near: float = 1.0,
) -> Any:
    """Points on a height field; `near` above 1 crowds them towards small y."""
    rng = np.random.default_rng(seed)
    px, py = rng.uniform(*x, count), y[0] + (y[1] - y[0]) * rng.uniform(0, 1, count) ** near
    return np.stack([px, py, height(px, py)], axis=1)


def bark(name: str = "bark") -> Any:
    return sc.surface(
        name, (0.05, 0.035, 0.025), (0.19, 0.14, 0.10), scale=4, stretch=(1, 1, 0.2), rough=(0.8, 0.95), bump=0.9
    )
