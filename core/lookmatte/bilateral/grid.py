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


def compose(after: Tensor, before: Tensor) -> Tensor:
    """Cell by cell, the affine that does ``before``, then ``after``; shapes (..., 12, D, H, W) broadcast."""
    columns = after.reshape(*after.shape[:-4], 3, 4, 1, *after.shape[-3:])
    rows = before.reshape(*before.shape[:-4], 1, 3, 4, *before.shape[-3:])
    made = columns.select(-5, 0) * rows.select(-5, 0)
    made = torch.addcmul(made, columns.select(-5, 1), rows.select(-5, 1))
    made = torch.addcmul(made, columns.select(-5, 2), rows.select(-5, 2))
    offset = after.new_tensor([0.0, 0.0, 0.0, 1.0]).view(4, 1, 1, 1)
    return torch.addcmul(made, columns.select(-5, 3), offset).flatten(-5, -4)


def tents(guide: Tensor, depth: int = DEPTH) -> Tensor:
    """The share of each bin that slicing takes at a guide (...) in [0, 1]: (depth, ...), of its type; they sum to
    1."""
    centres = torch.arange(depth, dtype=guide.dtype, device=guide.device) + 0.5
    apart = (guide * depth).clamp(0.5, depth - 0.5) - centres.view(-1, *[1] * guide.dim())
    return (1.0 - apart.abs_()).clamp_min_(0.0)


def slice_one_cell(grid: Tensor, guide: Tensor) -> Tensor:
    """What slicing gives of a grid that is the same in every cell: (12, D, 1, 1) and a guide (...) -> (12, ...)."""
    return (grid[:, :, 0, 0] @ tents(guide.flatten(), grid.shape[1])).view(-1, *guide.shape)


def fade(start: Tensor, end: Tensor, amount: float) -> Tensor:
    """Interpolate two grids (paper, section 4.4): ``amount`` 0 is ``start`` and 1 is ``end``, to the bit."""
    return torch.lerp(start, end, amount)


def strengthen(grid: Tensor, strength: float) -> Tensor:
    """Move a grid towards the identity: (1 - s) I + s grid. 0 is the identity and 1 the grid, to the bit."""
    return torch.lerp(identity_like(grid), grid, strength)
