"""Applying a look: from a band of straight, linear Rec.709 pixels to the same band, styled.

One meaning, used by every kernel: encode, guide, slice, blend by weight, apply the affine, decode. Nothing
here knows of files, frames or networks.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from lookmatte.bilateral.encoding import STOP, decode, encode
from lookmatte.bilateral.guide import GuideWeights, guide
from lookmatte.bilateral.slicing import apply_affine, slice_band, slice_reference

HIGHLIGHT_STOPS = 2.9
ROUNDING = 1e-6


@dataclass(frozen=True)
class Look:
    """All that one frame's pixels need, strength and exposure limit already in the grids.

    ``pixel_grids``: one (12, D, H, W) for each `pixel` region, in the order of the weights given to
    :func:`apply_band`; None where the region's strength is 0. ``under``: the blended grid (eq. 7) of the `grid`
    regions and of ``rest``, (12, D, H, W), or None when nothing lies there. ``enhanced``: (h, w), what the
    guide of ``under`` sees, sampled at display coordinates; None is 0 everywhere. ``envelope``: (h, w) in
    [0, 1], where ``under`` acts; None is everywhere.
    """

    pixel_grids: tuple[Tensor | None, ...]
    under: Tensor | None
    enhanced: Tensor | None
    envelope: Tensor | None
    guide: GuideWeights


def sample_map(picture: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """Bilinear samples of an (h, w) map at display coordinates (w,) u and (n,) v -> (n, w), clamped at borders."""
    y, x = torch.meshgrid(v, u, indexing="ij")
    where = torch.stack([x, y], dim=-1).unsqueeze(0) * 2.0 - 1.0
    return F.grid_sample(picture[None, None], where, "bilinear", "border", align_corners=False)[0, 0]


def keep_highlights(styled: Tensor, clamped: Tensor, above: Tensor) -> Tensor:
    """Bound how far a channel above 1 travels: by ``HIGHLIGHT_STOPS`` from 3.3 stops above 1 on.

    ``styled`` is the affine's result for ``clamped`` = clamp(W, 0, 1); ``above`` = W - clamped. Channels within
    [0, 1] are left alone; the bound fades in with the distance above 1, so that nothing jumps.
    """
    reach = HIGHLIGHT_STOPS * STOP
    bounded = styled.clamp(1.0 - reach, 1.0 + reach)
    return torch.lerp(styled, bounded, above.clamp(0.0, 1.0))


def apply_band(linear: Tensor, weights: Tensor, u: Tensor, v: Tensor, look: Look) -> tuple[Tensor, Tensor]:
    """Style a band: (3, n, w) straight linear Rec.709 and (P, n, w) weights of the `pixel` regions (their sum at
    most 1), (w,) u and (n,) v in display coordinates -> the styled (3, n, w) and (n, w) bool, where a look has
    weight. Elsewhere the result equals the input only up to rounding: copy the input there.
    """
    encoded = encode(linear)
    clamped = encoded.clamp(0.0, 1.0)
    above = encoded - clamped
    affine: Tensor | None = None
    active = torch.zeros(weights.shape[1:], dtype=torch.bool)
    left = 1.0 - weights.sum(0)
    # Weights that share a pixel sum to 1 but for rounding: what that leaves is no place for another look.
    left = torch.where(left > ROUNDING, left, 0.0)
    kept = torch.zeros_like(left)

    inside: Tensor | None = None
    for grid, weight in zip(look.pixel_grids, weights, strict=True):
        if grid is None:
            kept = kept + weight
            continue
        touched = weight > 0
        if not bool(touched.any()):
            continue
        if inside is None:
            inside = guide(clamped, 1.0, look.guide)
        part = slice_band(grid, inside, u, v) * weight
        affine = part if affine is None else affine.add_(part)
        active |= touched

    if look.under is not None and bool((left > 0).any()):
        if look.envelope is not None:
            share = left * sample_map(look.envelope, u, v)
            kept = kept + (left - share)
            left = share
        matte = 0.0 if look.enhanced is None else sample_map(look.enhanced, u, v)
        part = slice_band(look.under, guide(clamped, matte, look.guide), u, v) * left
        affine = part if affine is None else affine.add_(part)
        active |= left > 0
    else:
        kept = kept + left

    if affine is None:
        return linear, active
    affine[[0, 5, 10]] += kept
    styled = apply_affine(affine, clamped).clamp_min(0.0)
    return decode(keep_highlights(styled, clamped, above) + above), active


def reference_transform(grid: Tensor, linear: Tensor, matte: float, weights: GuideWeights) -> Tensor:
    """The definition, for one grid over a whole (B, 3, h, w) picture that fills its display: slow, but plain."""
    encoded = encode(linear)
    clamped = encoded.clamp(0.0, 1.0)
    above = encoded - clamped
    sliced = slice_reference(grid, guide(clamped, matte, weights, dim=1))
    styled = apply_affine(sliced, clamped).clamp_min(0.0)
    return decode(keep_highlights(styled, clamped, above) + above)
