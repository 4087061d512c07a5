"""Applying a look: from a band of straight, linear Rec.709 pixels to the same band, styled.

One meaning, used by every kernel: encode, weigh, guide, slice, blend by weight, apply the affine, decode. Nothing
here knows of files, frames or networks.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from lookmatte.bilateral.blend import share_weights
from lookmatte.bilateral.encoding import STOP, decode, encode
from lookmatte.bilateral.enhance import matte_at
from lookmatte.bilateral.guide import GuideWeights, guide
from lookmatte.bilateral.slicing import apply_affine, slice_band, slice_reference

HIGHLIGHT_STOPS = 2.9
ROUNDING = 1e-6


@dataclass(frozen=True)
class SoftRegion:
    """A `grid` region: its grid (12, D, H, W), None where its strength is 0, and the coefficients (4, h, w) of its
    enhanced matte, sampled at display coordinates (:func:`lookmatte.bilateral.enhance.matte_at`)."""

    grid: Tensor | None
    enhanced: Tensor

    def to(self, device: torch.device) -> SoftRegion:
        """The same, with its tensors on a device."""
        return SoftRegion(_on(self.grid, device), self.enhanced.to(device))


@dataclass(frozen=True)
class Look:
    """All that one frame's pixels need, strength and exposure limit already in the grids.

    ``pixel_grids``: one (12, D, H, W) for each `pixel` region, in the order of the weights given to
    :func:`apply_band`; None where the region's strength is 0. ``soft``: the `grid` regions, which lie under them.
    ``rest``: the grid of what no region covers; None leaves it as it is.
    """

    pixel_grids: tuple[Tensor | None, ...]
    soft: tuple[SoftRegion, ...]
    rest: Tensor | None
    guide: GuideWeights

    def to(self, device: torch.device) -> Look:
        """The same, with its tensors on a device."""
        return Look(
            tuple(_on(grid, device) for grid in self.pixel_grids),
            tuple(region.to(device) for region in self.soft),
            _on(self.rest, device),
            self.guide.to(device),
        )


def _on(grid: Tensor | None, device: torch.device) -> Tensor | None:
    return None if grid is None else grid.to(device)


def sample_map(picture: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """Bilinear samples of a (C, h, w) map at display coordinates (w,) u and (n,) v -> (C, n, w), clamped at
    borders."""
    y, x = torch.meshgrid(v, u, indexing="ij")
    where = torch.stack([x, y], dim=-1).unsqueeze(0) * 2.0 - 1.0
    return F.grid_sample(picture[None], where, "bilinear", "border", align_corners=False)[0]


def soft_weights(regions: tuple[SoftRegion, ...], clamped: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """Weights of the `grid` regions on a band of colours (3, n, w) in [0, 1], shared where they pass 1 together:
    (G, n, w); u and v as in :func:`apply_band`. Exactly 0 where a region's coefficients are."""
    weights = clamped.new_zeros(len(regions), *clamped.shape[1:])
    for region, weight in zip(regions, weights, strict=True):
        columns = _columns_near(region.enhanced, u, v)
        if columns.start < columns.stop:
            sampled = sample_map(region.enhanced, u[columns], v)
            weight[:, columns] = matte_at(sampled, clamped[:, :, columns])
    return share_weights(weights)[0]


def _columns_near(enhanced: Tensor, u: Tensor, v: Tensor) -> slice:
    """The columns of a band from which a map that is not 0 can be seen; (w,) u ascends."""
    height, width = enhanced.shape[1:]
    first = int((float(v.min()) * height - 0.5) // 1)
    last = int((float(v.max()) * height - 0.5) // 1) + 1
    first, last = min(max(first, 0), height - 1), min(max(last, 0), height - 1)
    seen = enhanced[:, first : last + 1].any(1).any(0).nonzero()
    if not len(seen):
        return slice(0, 0)
    left, right = int(seen[0]), int(seen[-1])
    # Beyond the border the map goes on; inside it a cell is seen up to one cell from its centre.
    begin = torch.searchsorted(u, (left - 0.5) / width) if left > 0 else 0
    end = torch.searchsorted(u, (right + 1.5) / width, right=True) if right < width - 1 else len(u)
    return slice(int(begin), int(end))


def _touched_columns(weight: Tensor) -> slice:
    """From the first to the last column of (n, w) with a value that is not 0."""
    seen = weight.any(0).nonzero()
    return slice(int(seen[0]), int(seen[-1]) + 1) if len(seen) else slice(0, 0)


def keep_highlights(styled: Tensor, clamped: Tensor, above: Tensor) -> Tensor:
    """Bound how far a channel above 1 travels: by ``HIGHLIGHT_STOPS`` from 3.3 stops above 1 on.

    ``styled`` is the affine's result for ``clamped`` = clamp(W, 0, 1); ``above`` = W - clamped. Channels within
    [0, 1] are left alone; the bound fades in with the distance above 1, so that nothing jumps.
    """
    reach = HIGHLIGHT_STOPS * STOP
    bounded = styled.clamp(1.0 - reach, 1.0 + reach)
    return torch.lerp(styled, bounded, above.clamp(0.0, 1.0))


def _remain(weight: Tensor) -> Tensor:
    """What is left of a pixel. Weights that share it sum to 1 but for rounding: what that leaves is no place for
    another look."""
    return torch.where(weight > ROUNDING, weight, 0.0)


def apply_band(linear: Tensor, weights: Tensor, u: Tensor, v: Tensor, look: Look) -> tuple[Tensor, Tensor]:
    """Style a band: (3, n, w) straight linear Rec.709 and (P, n, w) weights of the `pixel` regions (their sum at
    most 1), (w,) u, ascending, and (n,) v in display coordinates -> the styled (3, n, w) and (n, w) bool, where a
    look has weight. Elsewhere the result equals the input only up to rounding: copy the input there.
    """
    encoded = encode(linear)
    clamped = encoded.clamp(0.0, 1.0)
    above = encoded - clamped
    kept = torch.zeros_like(linear[0])
    inside: list[tuple[Tensor, Tensor, slice]] = []

    def lay(grid: Tensor | None, weight: Tensor) -> None:
        if grid is None:
            kept.add_(weight)
            return
        columns = _touched_columns(weight)
        if columns.start < columns.stop:
            inside.append((grid, weight, columns))

    for grid, weight in zip(look.pixel_grids, weights, strict=True):
        lay(grid, weight)
    left = _remain(1.0 - weights.sum(0))
    if look.soft:
        soft = soft_weights(look.soft, clamped, u, v)
        for region, weight in zip(look.soft, soft, strict=True):
            lay(region.grid, weight * left)
        left = left * _remain(1.0 - soft.sum(0))

    affine: Tensor | None = None
    active = torch.zeros(linear.shape[1:], dtype=torch.bool, device=linear.device)
    if look.rest is None:
        kept.add_(left)
    elif bool((left > 0).any()):
        affine = slice_band(look.rest, guide(clamped, 0.0, look.guide), u, v).mul_(left)
        active |= left > 0
    if inside:
        first, last = min(one.start for *_, one in inside), max(one.stop for *_, one in inside)
        where = guide(clamped[:, :, first:last], 1.0, look.guide)
        for grid, weight, columns in inside:
            share = weight[:, columns]
            z = where[:, columns.start - first : columns.stop - first]
            part = slice_band(grid, z, u[columns], v).mul_(share)
            if affine is None and share.shape == weight.shape:
                affine = part
            else:
                affine = linear.new_zeros(12, *linear.shape[1:]) if affine is None else affine
                affine[:, :, columns] += part
            active[:, columns] |= share > 0

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
