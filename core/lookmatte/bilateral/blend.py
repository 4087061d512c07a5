"""How regions share a pixel: weights that sum to at most 1, and eq. 7 for any number of grids."""

from __future__ import annotations

import torch
from torch import Tensor

from lookmatte.bilateral.grid import identity_like


def share_weights(weights: Tensor) -> tuple[Tensor, Tensor]:
    """(R, ...) weights in [0, 1] -> the same divided by their sum where it passes 1, and the rest (...).

    The order of regions does not matter; the rest is max(0, 1 - sum).
    """
    total = weights.sum(0)
    return weights / total.clamp_min(1.0), (1.0 - total).clamp_min(0.0)


def blend_grids(grids: Tensor, masks: Tensor, rest: Tensor | None = None) -> Tensor:
    """Eq. 7 for R regions: (..., R, 12, D, H, W) grids, (..., R, D, H, W) soft masks -> (..., 12, D, H, W).

    sum(M_i G_i) / max(1, sum M_i) + max(0, 1 - sum M_i) G_rest; without ``rest`` G_rest is the identity.
    """
    background = identity_like(grids.select(-5, 0)) if rest is None else rest
    total = masks.sum(-4).unsqueeze(-4)
    regions = (grids * masks.unsqueeze(-4)).sum(-5) / total.clamp_min(1.0)
    return regions + (1.0 - total).clamp_min(0.0) * background


def coverage_weight(coverage: Tensor, alpha: Tensor) -> Tensor:
    """Weight on un-premultiplied colour of a same-render matte: min(1, coverage / alpha); 0 at alpha 0."""
    return torch.where(alpha > 0, (coverage / alpha.clamp_min(1e-12)).clamp(0.0, 1.0), torch.zeros_like(coverage))


def cover(masks: Tensor) -> Tensor:
    """What several mattes (R, ...) cover together: their sum, at most 1. It is what the shared guide sees."""
    return masks.sum(0).clamp_max(1.0) if masks.shape[0] else torch.zeros_like(masks.sum(0))
