"""One frame's bake, and its resolution into the Look that pixels take: limits, fading in time, strength."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from lookmatte.bilateral.apply import Look
from lookmatte.bilateral.blend import blend_grids, cover
from lookmatte.bilateral.grid import fade, strengthen
from lookmatte.bilateral.guide import GuideWeights
from lookmatte.looks.exposure import Exposure, take_back

Blend = Literal["pixel", "grid", "rest"]

# How far, in proxy pixels, a `grid` region reaches beyond its enhanced matte before its weight is exactly 0.
SPREAD = 2
RADIUS = 2 * SPREAD + 1


@dataclass(frozen=True)
class RegionBake:
    """A region's grid (12, 8, 16, 16) before strength and exposure limit, its exposure, and for a `grid`
    region the soft mask (8, 16, 16) and the enhanced matte (256, 256)."""

    name: str
    blend: Blend
    grid: Tensor
    exposure: Exposure
    soft_mask: Tensor | None = None
    enhanced: Tensor | None = None

    def limited(self, stops: float | None) -> Tensor:
        """The grid within the exposure limit."""
        amount = self.exposure.amount(stops)
        return self.grid if amount == 0.0 else take_back(self.grid, amount, self.exposure.chroma)


@dataclass(frozen=True)
class FrameBake:
    """All regions of one key frame, ``rest`` last where there is one, and the guide that slices their grids."""

    frame: int
    regions: tuple[RegionBake, ...]
    guide: GuideWeights

    def with_mattes(self, enhanced: Mapping[str, Tensor]) -> FrameBake:
        """The same bake with the enhanced mattes of another frame."""
        regions = (
            replace(region, enhanced=enhanced[region.name]) if region.name in enhanced else region
            for region in self.regions
        )
        return replace(self, regions=tuple(regions))


@dataclass(frozen=True)
class Setting:
    """What a person may change without baking again: ``strength`` in [0, 1], ``exposure_limit`` in stops."""

    strength: float = 1.0
    exposure_limit: float | None = None


def envelope(enhanced: Tensor) -> Tensor:
    """Where a `grid` region acts: 1 on its enhanced matte and near it, exactly 0 from ``RADIUS`` on; (h, w)."""
    size = 2 * SPREAD + 1
    support = (enhanced > 1.0 / 512.0).to(enhanced.dtype)[None, None]
    spread = F.max_pool2d(support, size, 1, SPREAD)
    return F.avg_pool2d(spread, size, 1, SPREAD, count_include_pad=False)[0, 0]


def _by_name(bake: FrameBake) -> list[RegionBake]:
    """Regions in the order of their names: the order in which a person writes them never matters."""
    return sorted(bake.regions, key=lambda region: region.name)


def resolve(
    before: FrameBake,
    after: FrameBake | None = None,
    t: float = 0.0,
    settings: Mapping[str, Setting] | None = None,
) -> Look:
    """Make the Look of a frame that lies between two key frames: (1 - t) of ``before``, t of ``after``.

    The exposure limit is applied to each key frame's grid, then they are faded, then strength is applied.
    ``before`` carries the enhanced mattes of the frame itself. The Look's ``pixel_grids`` are in the order of the
    regions' names. A region without ``settings`` has full strength
    and no limit.
    """
    after = before if after is None else after
    guide = before.guide
    pixel: list[Tensor | None] = []
    soft: list[tuple[RegionBake, Tensor, Tensor, float]] = []
    rest: Tensor | None = None
    for early, late in zip(_by_name(before), _by_name(after), strict=True):
        setting = (settings or {}).get(early.name, Setting())
        strength = setting.strength
        grid = early.limited(setting.exposure_limit)
        if t > 0.0:
            grid = fade(grid, late.limited(setting.exposure_limit), t)
        grid = strengthen(grid, strength)
        if early.blend == "pixel":
            pixel.append(grid if strength > 0.0 else None)
        elif early.blend == "rest":
            rest = grid if strength > 0.0 else None
        else:
            assert early.soft_mask is not None
            assert late.soft_mask is not None
            assert early.enhanced is not None
            soft.append((early, grid, torch.lerp(early.soft_mask, late.soft_mask, t), strength))

    acting = [region for region, _, _, strength in soft if strength > 0.0]
    mattes = [region.enhanced for region, _, _, _ in soft if region.enhanced is not None]
    enhanced = cover(torch.stack(mattes)) if mattes else None
    if not acting and rest is None:
        return Look(tuple(pixel), None, None, None, guide)
    if not soft:
        return Look(tuple(pixel), rest, None, None, guide)
    under = blend_grids(
        torch.stack([grid for _, grid, _, _ in soft]), torch.stack([mask for _, _, mask, _ in soft]), rest
    )
    where: Tensor | None = None
    if rest is None:
        reach = [envelope(region.enhanced) for region in acting if region.enhanced is not None]
        where = torch.stack(reach).amax(0)
    return Look(tuple(pixel), under, enhanced, where, guide)
