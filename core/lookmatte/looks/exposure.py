"""How far a look carries a region's mean luminance, and taking as much of the look back as a limit asks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from lookmatte.bilateral.apply import keep_highlights
from lookmatte.bilateral.curve import decode_any
from lookmatte.bilateral.encoding import LARGEST_HALF
from lookmatte.bilateral.grid import strengthen
from lookmatte.bilateral.guide import GuideWeights
from lookmatte.bilateral.tone import retone
from lookmatte.looks.sample import Sample

_BLACK = 1e-6
_ROUNDING = 1e-6  # stops
_WEIGHTS = (0.2126, 0.7152, 0.0722)
_ROOT = 1.0 / 2.4

AMOUNTS: tuple[float, ...] = tuple(k / 16.0 for k in range(17))
# Up to here luma alone is given back, from here on the rest of the look fades too.
_TONED = 0.75


def take_back(grid: Tensor, amount: float, chroma: float) -> Tensor:
    """The grid (..., 12, D, H, W) with its exposure given back by ``amount``: 0 is the grid, 1 the identity.

    First luma returns to the input's, while chroma fades to its share ``chroma``; then all that is left goes.
    """
    toned = min(amount / _TONED, 1.0)
    grid = retone(grid, toned, 1.0 + toned * (chroma - 1.0))
    return grid if amount <= _TONED else strengthen(grid, (1.0 - amount) / (1.0 - _TONED))


@dataclass(frozen=True)
class Exposure:
    """How a region's mean scene-linear luminance moves: ``before`` the look, and ``after`` it when the look is
    taken back by each of :data:`AMOUNTS`, with ``chroma`` as :func:`take_back` has it."""

    before: float
    after: tuple[float, ...]
    chroma: float = 1.0

    @property
    def stops(self) -> float:
        """How far the whole look carries the mean; 0 for a region that is black."""
        return self._travel(self.after[0])

    def _travel(self, value: float) -> float:
        return 0.0 if self.before <= _BLACK else math.log2(max(value, 1e-9) / self.before)

    def amount(self, stops: float | None) -> float:
        """The smallest share of the look to take back that keeps the mean within ``stops`` of where it was."""
        if stops is None:
            return 0.0
        if abs(self.stops) <= stops + _ROUNDING:
            return 0.0
        towards = math.copysign(1.0, self.stops)
        # Luma is linear in the amount, and luminance nearly its power.
        goal = math.pow(self.before * 2.0 ** (towards * stops), _ROOT)
        values = [math.pow(max(value, 0.0), _ROOT) for value in self.after]
        for index in range(1, len(AMOUNTS)):
            if (values[index] - goal) * towards <= 0.0:
                t = (values[index - 1] - goal) / (values[index - 1] - values[index])
                return AMOUNTS[index - 1] + t * (AMOUNTS[index] - AMOUNTS[index - 1])
        return 1.0


def _luma(colours: Tensor) -> Tensor:
    """Luma of (3, n) colours, not clamped: it is as linear as a grid's."""
    return torch.tensor(_WEIGHTS) @ colours


def _means(pictures: Tensor, share: Tensor) -> list[float]:
    """Mean luminance of each of (k, 3, n) colours in the working encoding."""
    # What a pixel may hold at most bounds it here too: a wild look must not make the mean infinite.
    linear = decode_any(pictures).clamp_(-LARGEST_HALF, LARGEST_HALF)
    weights = (torch.tensor(_WEIGHTS).unsqueeze(1) * share).flatten()
    return [float(mean) for mean in linear.flatten(1) @ weights]


def measure_exposure(grid: Tensor, sample: Sample, weights: GuideWeights, matte: float) -> Exposure:
    """Measure the :class:`Exposure` of a (12, D, H, W) grid; ``matte`` is what the guide sees."""
    colours, share = sample.colours, sample.share
    clamped = colours.clamp(0.0, 1.0)
    styled = sample.styled(grid, clamped, weights, matte)
    own, looks = (float(_luma(one.clamp(0.0, 1.0)) @ share) for one in (clamped, styled))
    # Chroma in proportion to level: what was lifted far, and is held down again, would be garish.
    chroma = min(1.0, own / max(looks, _BLACK))
    # Grids that are taken back lie on two straight lines, and so do their colours.
    toned = _luma(clamped) + chroma * (styled - _luma(styled))
    amounts = torch.tensor(AMOUNTS).view(-1, 1, 1)
    first = sum(amount <= _TONED for amount in AMOUNTS)
    held = torch.empty(len(AMOUNTS), *clamped.shape)
    torch.lerp(styled[None], toned[None], amounts[:first] / _TONED, out=held[:first])
    torch.lerp(toned[None], clamped[None], (amounts[first:] - _TONED) / (1.0 - _TONED), out=held[first:])
    held.clamp_min_(0.0)
    above = colours - clamped
    if bool(above.any()):
        held = keep_highlights(held, clamped, above) + above
    return Exposure(_means(colours[None], share)[0], tuple(_means(held, share)), chroma)
