"""Slicing at single points: what :mod:`lookmatte.bilateral.slicing` gives of whole pictures, for a sample."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def _axis(position: Tensor, cells: int) -> tuple[Tensor, tuple[Tensor, Tensor], int]:
    """Along one axis, coordinates (n,) in [0, 1]: the first of the two cells around each (n,), the shares of both,
    and how far the second one lies from the first."""
    at = (position * cells - 0.5).clamp_(0.0, cells - 1.0)
    first = at.floor().clamp_(max=max(cells - 2.0, 0.0))
    upper = at - first
    return first, (1.0 - upper, upper), min(cells - 1, 1)


def slice_points(grid: Tensor, u: Tensor, v: Tensor, guide: Tensor) -> Tensor:
    """A (12, D, H, W) grid at n points, display coordinates and guide (n,) each in [0, 1] -> (12, n)."""
    coefficients, depth, height, width = grid.shape
    (z, by_z, far), (y, by_y, down), (x, by_x, right) = (
        _axis(position, cells) for position, cells in ((guide, depth), (v, height), (u, width))
    )
    first = (z * height + y).mul_(width).add_(x).int()
    steps = [
        (k * far * height + j * down) * width + i * right for k in (0, 1) for j in (0, 1) for i in (0, 1)
    ]
    corners = first.unsqueeze(1) + torch.tensor(steps, dtype=torch.int32)
    sides = [a * b for a in by_z for b in by_y]
    share = torch.stack([side * c for side in sides for c in by_x], 1)
    table = grid.reshape(coefficients, -1).T.contiguous()
    return F.embedding_bag(corners, table, per_sample_weights=share, mode="sum").T
