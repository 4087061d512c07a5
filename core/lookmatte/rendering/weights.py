"""Which share of a pixel each region has: mattes of a frame, made into weights on straight colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lookmatte.bilateral.blend import coverage_weight, share_weights
from lookmatte.imaging.mattes import Matte
from lookmatte.looks.bake import Blend


@dataclass(frozen=True)
class RegionMatte:
    """A region's matte in one frame."""

    name: str
    blend: Blend
    matte: Matte


def matte_rows(region: RegionMatte, y0: int, y1: int, alpha: Tensor) -> Tensor:
    """The region's weight on straight colour, before sharing: (n, w) in [0, 1]."""
    values = torch.from_numpy(region.matte.rows(y0, y1))
    return coverage_weight(values, alpha) if region.matte.coverage else values


def pixel_weights(mattes: Sequence[RegionMatte], y0: int, y1: int, alpha: Tensor) -> Tensor:
    """Weights of the `pixel` regions, shared: (P, n, w), sum at most 1."""
    rows = [matte_rows(region, y0, y1, alpha) for region in mattes if region.blend == "pixel"]
    if not rows:
        return torch.zeros(0, *alpha.shape)
    return share_weights(torch.stack(rows))[0]


def all_weights(mattes: Sequence[RegionMatte], y0: int, y1: int, alpha: Tensor) -> tuple[Tensor, Tensor]:
    """Weights of all regions for their statistics, (R, n, w), and what is left for ``rest``, (n, w).

    `pixel` regions lie over `grid` regions, as they do in the picture.
    """
    pixel = pixel_weights(mattes, y0, y1, alpha)
    left = (1.0 - pixel.sum(0)).clamp_min(0.0)
    soft_rows = [matte_rows(region, y0, y1, alpha) for region in mattes if region.blend == "grid"]
    soft = share_weights(torch.stack(soft_rows))[0] * left if soft_rows else pixel[:0]
    pixels, softs = iter(pixel), iter(soft)
    ordered = [next(pixels) if region.blend == "pixel" else next(softs) for region in mattes]
    stacked = torch.stack(ordered) if ordered else torch.zeros(0, *alpha.shape)
    return stacked, (left - soft.sum(0)).clamp_min(0.0)
