"""Which share of a pixel each region has: mattes of a frame, made into weights on straight colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
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


def pixel_mattes(
    mattes: Sequence[RegionMatte], y0: int, y1: int, width: int
) -> tuple[NDArray[np.float32], list[bool]]:
    """Mattes of the `pixel` regions as they are, in the order of the regions' names: (P, n, w), and whether each is
    coverage."""
    named = _pixel_regions(mattes)
    rows = [region.matte.rows(y0, y1) for region in named]
    coverage = [region.matte.coverage for region in named]
    if len(rows) == 1:
        return np.ascontiguousarray(rows[0])[None], coverage
    return np.stack(rows) if rows else np.empty((0, y1 - y0, width), np.float32), coverage


def _pixel_regions(mattes: Sequence[RegionMatte]) -> list[RegionMatte]:
    return sorted((region for region in mattes if region.blend == "pixel"), key=lambda region: region.name)


def pixel_weights(mattes: Sequence[RegionMatte], y0: int, y1: int, alpha: Tensor) -> Tensor:
    """Weights of the `pixel` regions, shared, in the order of the regions' names: (P, n, w), sum at most 1."""
    named = _pixel_regions(mattes)
    if not named:
        return torch.zeros(0, *alpha.shape)
    return share_weights(torch.stack([matte_rows(region, y0, y1, alpha) for region in named]))[0]


@dataclass(frozen=True)
class RegionRows:
    """Rows of one region, (n, w) in [0, 1]: its own ``matte``, and the ``weight`` that is left to it beside the
    others, which its statistics use."""

    matte: Tensor
    weight: Tensor


def region_rows(mattes: Sequence[RegionMatte], y0: int, y1: int, alpha: Tensor) -> dict[str, RegionRows]:
    """Rows of every region by name. `pixel` regions lie over `grid` regions, as they do in the picture."""
    found: dict[str, RegionRows] = {}
    left = torch.ones_like(alpha)
    for blend in ("pixel", "grid"):
        named = sorted((region for region in mattes if region.blend == blend), key=lambda region: region.name)
        if named:
            rows = torch.stack([matte_rows(region, y0, y1, alpha) for region in named])
            shared = share_weights(rows)[0] * left
            left = (left - shared.sum(0)).clamp_min(0.0)
            found |= {one.name: RegionRows(rows[k], shared[k]) for k, one in enumerate(named)}
    return found
