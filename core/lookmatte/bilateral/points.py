"""Slicing at single points: what :mod:`lookmatte.bilateral.slicing` gives of whole pictures, for a sample."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def _axis(position: Tensor, cells: int) -> tuple[Tensor, Tensor]:
    """Along one axis, coordinates (n,) in [0, 1]: the two cells around each (2, n), and their shares (2, n)."""
    at = (position * cells - 0.5).clamp(0.0, cells - 1.0)
    lower = at.floor()
    upper = at - lower
    first = lower.long()
    return torch.stack([first, (first + 1).clamp_max(cells - 1)]), torch.stack([1.0 - upper, upper])


def slice_points(grid: Tensor, u: Tensor, v: Tensor, guide: Tensor) -> Tensor:
    """A (12, D, H, W) grid at n points, display coordinates and guide (n,) each in [0, 1] -> (12, n)."""
    coefficients, depth, height, width = grid.shape
    (z, by_z), (y, by_y), (x, by_x) = (
        _axis(position, cells) for position, cells in ((guide, depth), (v, height), (u, width))
    )
    corner = ((z[:, None, None] * height + y[None, :, None]) * width + x[None, None, :]).flatten(0, 2)
    share = (by_z[:, None, None] * by_y[None, :, None] * by_x[None, None, :]).flatten(0, 2)
    table = grid.reshape(coefficients, -1).T.contiguous()
    return F.embedding_bag(corner.T.contiguous(), table, per_sample_weights=share.T.contiguous(), mode="sum").T
