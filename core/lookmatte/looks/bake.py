"""One frame's bake, and its resolution into the Look that pixels take: limits, fading in time, strength."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from torch import Tensor

from lookmatte.bilateral.apply import Look, SoftRegion, keep_highlights
from lookmatte.bilateral.encoding import LARGEST_HALF, decode, luminance
from lookmatte.bilateral.grid import fade, strengthen
from lookmatte.bilateral.guide import GuideWeights

Blend = Literal["pixel", "grid", "rest"]

GAINS: tuple[float, ...] = tuple(2.0 ** (k / 2.0) for k in range(-8, 9))


@dataclass(frozen=True)
class Exposure:
    """How a region's mean scene-linear luminance moves: ``before`` the look, and ``after`` it when the look's
    output in the working encoding is multiplied by each of :data:`GAINS`."""

    before: float
    after: tuple[float, ...]

    def gain(self, stops: float | None) -> float:
        """The multiplier, as near to 1 as can be, that keeps the mean within ``stops`` of where it was."""
        if stops is None or self.before <= 1e-6:
            return 1.0
        travel = [math.log2(max(value, 1e-9) / self.before) for value in self.after]
        near = GAINS.index(1.0)
        goal = min(max(travel[near], -stops), stops)
        if goal == travel[near]:
            return 1.0
        towards = 1 if goal > travel[near] else -1
        for far in range(near + towards, -1 if towards < 0 else len(GAINS), towards):
            if (travel[far] - goal) * towards >= 0.0:
                inner = far - towards
                t = (goal - travel[inner]) / (travel[far] - travel[inner])
                return float(GAINS[inner] * (GAINS[far] / GAINS[inner]) ** t)
            # Out of reach, the gain stops where nothing more is won: a black look stays as it is.
            if (travel[far] - travel[near]) * towards > 0.0:
                near = far
        return GAINS[near]


def measure_exposure(coefficients: Tensor, encoded: Tensor, weight: Tensor) -> Exposure:
    """Measure :class:`Exposure` on a proxy: sliced (12, h, w), colours (3, h, w) in the working encoding,
    (h, w) weights."""
    clamped = encoded.clamp(0.0, 1.0)
    above = encoded - clamped
    rows = coefficients.view(3, 4, *coefficients.shape[1:])
    styled = (rows[:, :3] * clamped.unsqueeze(0)).sum(1) + rows[:, 3]
    share = weight / weight.sum().clamp_min(1e-6)

    def mean(picture: Tensor) -> float:
        # What a pixel may hold at most bounds it here too: a wild look must not make the mean infinite.
        return float((luminance(decode(picture).clamp(-LARGEST_HALF, LARGEST_HALF)) * share).sum())

    after = tuple(mean(keep_highlights((gain * styled).clamp_min(0.0), clamped, above) + above) for gain in GAINS)
    return Exposure(mean(encoded), after)


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
        gain = self.exposure.gain(stops)
        return self.grid if gain == 1.0 else self.grid * gain


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
