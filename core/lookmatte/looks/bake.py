"""One frame's bake, and its resolution into the Look that pixels take: limits, fading in time, strength."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from torch import Tensor

from lookmatte.bilateral.apply import Look, SoftRegion
from lookmatte.bilateral.grid import fade, strengthen
from lookmatte.bilateral.guide import GuideWeights
from lookmatte.looks.exposure import Exposure, take_back

Blend = Literal["pixel", "grid", "rest"]



@dataclass(frozen=True)
class RegionBake:
    """A region's grid (12, 8, 16, 16) before strength and exposure limit, its exposure, and for a `grid`
    region the coefficients (4, 256, 256) of its enhanced matte
    (:func:`lookmatte.bilateral.enhance.matte_at`)."""

    name: str
    blend: Blend
    grid: Tensor
    exposure: Exposure
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
    ``before`` carries the enhanced mattes of the frame itself. The Look's ``pixel_grids`` and ``soft`` are in the
    order of the regions' names. A region without ``settings`` has full strength and no limit.
    """
    after = before if after is None else after
    pixel: list[Tensor | None] = []
    soft: list[SoftRegion] = []
    rest: Tensor | None = None
    for early, late in zip(_by_name(before), _by_name(after), strict=True):
        setting = (settings or {}).get(early.name, Setting())
        made: Tensor | None = None
        if setting.strength > 0.0:
            made = early.limited(setting.exposure_limit)
            if t > 0.0:
                made = fade(made, late.limited(setting.exposure_limit), t)
            made = strengthen(made, setting.strength)
        if early.blend == "pixel":
            pixel.append(made)
        elif early.blend == "rest":
            rest = made
        else:
            assert early.enhanced is not None
            soft.append(SoftRegion(made, early.enhanced))
    return Look(tuple(pixel), tuple(soft), rest, before.guide)
