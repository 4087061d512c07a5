"""Grids of affine colour transforms: identity, composition, strength and fading."""

from __future__ import annotations

import torch
from torch import Tensor

DEPTH, HEIGHT, WIDTH = 8, 16, 16
COEFFICIENTS = 12


def identity(
    depth: int = DEPTH, height: int = HEIGHT, width: int = WIDTH, *, device: torch.device | None = None
) -> Tensor:
    """The grid that changes nothing: (12, depth, height, width) float32."""
    return identity_like(torch.empty(COEFFICIENTS, depth, height, width, device=device))


def identity_like(grid: Tensor) -> Tensor:
    """The identity in the shape, type and place of ``grid`` (..., 12, D, H, W)."""
    affine = torch.eye(3, 4, dtype=grid.dtype, device=grid.device).reshape(COEFFICIENTS, 1, 1, 1)
    return affine.expand_as(grid).clone()


def _matrices(grid: Tensor) -> Tensor:
    """(..., 12, D, H, W) -> (..., D, H, W, 3, 4)."""
    moved = grid.movedim(-4, -1)
    return moved.reshape(*moved.shape[:-1], 3, 4)


def _coefficients(matrices: Tensor) -> Tensor:
    """(..., D, H, W, 3, 4) -> (..., 12, D, H, W)."""
    return matrices.flatten(-2).movedim(-1, -4)


def compose(after: Tensor, before: Tensor) -> Tensor:
    """Cell by cell, the affine that does ``before``, then ``after``; shapes (..., 12, D, H, W) broadcast."""
    outer, inner = _matrices(after), _matrices(before)
    linear = outer[..., :3] @ inner[..., :3]
    offset = outer[..., :3] @ inner[..., 3:] + outer[..., 3:]
    return _coefficients(torch.cat([linear, offset], dim=-1))


def fade(start: Tensor, end: Tensor, amount: float) -> Tensor:
    """Interpolate two grids (paper, section 4.4): ``amount`` 0 is ``start`` and 1 is ``end``, to the bit."""
    return torch.lerp(start, end, amount)


def strengthen(grid: Tensor, strength: float) -> Tensor:
    """Move a grid towards the identity: (1 - s) I + s grid. 0 is the identity and 1 the grid, to the bit."""
    return torch.lerp(identity_like(grid), grid, strength)
