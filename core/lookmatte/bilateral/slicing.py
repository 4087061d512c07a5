"""Slicing: each pixel's affine, read from the grid by trilinear interpolation at (u, v, guide).

``slice_reference`` is the definition; ``slice_band`` is the same numbers, eight times faster and in little
memory: a row of pixels has one v, so the grid is interpolated in y once a row and sampled in (x, z) alone.
Cell centres lie at (i + 0.5) / cells and bin centres at (d + 0.5) / bins; coordinates clamp at the border.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

BAND_PIXELS = 1 << 15


def slice_reference(grid: Tensor, guide: Tensor) -> Tensor:
    """(B, C, D, H, W) grid and (B, h, w) guide in [0, 1] -> (B, C, h, w). Differentiable in both."""
    batch, rows, columns = guide.shape
    v = (torch.arange(rows, dtype=guide.dtype, device=guide.device) + 0.5) / rows
    u = (torch.arange(columns, dtype=guide.dtype, device=guide.device) + 0.5) / columns
    y, x = torch.meshgrid(v, u, indexing="ij")
    where = torch.stack([x.expand(batch, -1, -1), y.expand(batch, -1, -1), guide], dim=-1) * 2.0 - 1.0
    sliced = F.grid_sample(grid, where.unsqueeze(1), "bilinear", "border", align_corners=False)
    return sliced.squeeze(2)


def slice_band(grid: Tensor, guide: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """A band of rows: (C, D, H, W) grid, (n, w) guide, (w,) u and (n,) v in display coordinates -> (C, n, w).

    u and v outside [0, 1] (overscan) clamp to the border. Memory: about (C + 4) floats a pixel.
    """
    height = grid.shape[2]
    y = (v * height - 0.5).clamp(0.0, height - 1.0)
    upper = y.floor().long().clamp_max(max(height - 2, 0))
    lower = (upper + 1).clamp_max(height - 1)
    by_row = grid.movedim(2, 0)
    slab = torch.lerp(by_row[upper], by_row[lower], (y - upper).view(-1, 1, 1, 1))
    where = torch.stack([u.expand_as(guide), guide], dim=-1).unsqueeze(1) * 2.0 - 1.0
    return F.grid_sample(slab, where, "bilinear", "border", align_corners=False).squeeze(2).movedim(1, 0)


def apply_affine(coefficients: Tensor, colour: Tensor) -> Tensor:
    """(..., 12, h, w) affines on (..., 3, h, w) colours -> (..., 3, h, w)."""
    size = coefficients.shape
    rows = coefficients.reshape(*size[:-3], 3, 4, *size[-2:])
    red, green, blue = colour.unsqueeze(-4).unbind(-3)
    return rows[..., 0, :, :] * red + rows[..., 1, :, :] * green + rows[..., 2, :, :] * blue + rows[..., 3, :, :]


def band_rows(width: int) -> int:
    """Rows a band should have at this width: its temporaries stay near the cache, and far below 64 MiB."""
    return max(1, min(64, BAND_PIXELS // max(width, 1)))
