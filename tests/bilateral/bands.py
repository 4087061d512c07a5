"""Random bands and looks, on which every kernel must agree with the definition."""

from __future__ import annotations

from collections.abc import Callable

import torch
from natural import centres, generator, random_guide
from torch import Tensor

from lookmatte.bilateral.apply import Look, SoftRegion, apply_band
from lookmatte.bilateral.blend import share_weights
from lookmatte.bilateral.encoding import encode
from lookmatte.bilateral.grid import identity
from lookmatte.bilateral.guide import GuideWeights

TOLERANCE = 1e-4
Style = Callable[[Look, Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
"""A kernel: look, u, v, linear colours, which it may change, and weights -> styled, and where it has weight."""


def grids(count: int, seed: int, shape: tuple[int, int, int]) -> list[Tensor]:
    random = generator(seed)
    return [identity(*shape) + 0.2 * torch.randn(12, *shape, generator=random) for _ in range(count)]


def soft(seed: int, size: int) -> Tensor:
    """Coefficients of an enhanced matte that is 0 in a part of the picture and full in another."""
    coefficients = 0.3 * torch.randn(4, size, size, generator=generator(seed))
    coefficients[3] += torch.linspace(-0.5, 1.5, size)
    coefficients[:, :, : size // 3] = 0.0
    return coefficients


def scene_linear(seed: int, rows: int, columns: int) -> Tensor:
    """Scene-linear colours from below 0 over black to far above white."""
    random = generator(seed)
    colours = torch.exp(2.0 * torch.randn(3, rows, columns, generator=random) - 1.0)
    colours[:, torch.rand(rows, columns, generator=random) < 0.1] *= -1.0
    colours[:, torch.rand(rows, columns, generator=random) < 0.1] = 0.0
    colours[:, torch.rand(rows, columns, generator=random) < 0.02] = 5e4
    return colours


def shared_weights(count: int, seed: int, rows: int, columns: int) -> Tensor:
    """Weights that overlap, end hard and softly, and leave some pixels alone."""
    weights = (3.0 * torch.rand(count, rows, columns, generator=generator(seed)) - 1.0).clamp(0.0, 1.0)
    weights[:, :, columns // 2 : columns // 2 + 5] = 0.0
    weights[:, rows // 2] *= 0.3
    return share_weights(weights)[0]


def compare(
    style: Style,
    seed: int,
    rows: int,
    columns: int,
    named: int,
    softs: int,
    rest: bool,
    shape: tuple[int, int, int],
    plain: bool,
) -> None:
    """The kernel must agree with apply_band on a random band and look."""
    tables: list[Tensor | None] = list(grids(named, seed, shape))
    if named > 1:
        tables[seed % named] = None
    under = tuple(
        SoftRegion(None if index == 1 else grid, soft(seed + index, 9))
        for index, grid in enumerate(grids(softs, seed + 1, shape))
    )
    weights = GuideWeights.luma_only() if plain else random_guide(seed)
    look = Look(tuple(tables), under, grids(1, seed + 2, shape)[0] if rest else None, weights)
    linear, mattes = scene_linear(seed, rows, columns), shared_weights(named, seed, rows, columns)
    # Overscan: the picture goes on beyond its display window.
    u, v = centres(columns) * 1.2 - 0.1, centres(rows) * 1.2 - 0.1
    with torch.no_grad():
        expected, active = apply_band(linear, mattes, u, v, look)
    styled, touched = style(look, u, v, linear.clone(), mattes)
    assert torch.equal(touched, active)
    assert torch.equal(styled[:, ~touched], linear[:, ~touched])
    apart = (encode(styled) - encode(expected)).abs()[:, active]
    assert apart.numel() == 0 or float(apart.max()) < TOLERANCE
