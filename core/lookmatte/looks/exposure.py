"""How far a look carries a region's mean luminance, and taking as much of the look back as a limit asks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from lookmatte.bilateral.apply import keep_highlights
from lookmatte.bilateral.encoding import LARGEST_HALF, decode, luma, luminance
from lookmatte.bilateral.grid import strengthen
from lookmatte.bilateral.slicing import apply_affine
from lookmatte.bilateral.tone import retone

_BLACK = 1e-6
_ROUNDING = 1e-6  # stops
_ROOT = 1.0 / 2.4
# Proxy pixels that a large region is measured on.
_ENOUGH = 1 << 12

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


def _sample(encoded: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Places (n,) in the flattened picture that stand for a region, and the share of its weight of each.

    All of a small region; of a large one every so many, but every highlight, which a mean hangs on.
    """
    inside = weight > 0.0
    step = max(1, int(inside.sum()) // _ENOUGH)
    bright = inside & (encoded > 1.0).any(0)
    plain = (inside & ~bright).flatten().nonzero()[:, 0]
    few = plain[:: step | 1]
    value = weight.flatten()
    scale = value[plain].sum() / value[few].sum().clamp_min(1e-6)
    lights = bright.flatten().nonzero()[:, 0]
    share = torch.cat([value[few] * scale, value[lights]])
    return torch.cat([few, lights]), share / share.sum().clamp_min(1e-6)


def measure_exposure(coefficients: Tensor, encoded: Tensor, weight: Tensor) -> Exposure:
    """Measure :class:`Exposure` on a proxy: sliced (12, h, w), colours (3, h, w) in the working encoding,
    (h, w) weights."""
    places, share = _sample(encoded, weight)
    coefficients, encoded = coefficients.flatten(1)[:, places, None], encoded.flatten(1)[:, places, None]
    clamped = encoded.clamp(0.0, 1.0)
    above = encoded - clamped
    styled = apply_affine(coefficients, clamped)

    def means(pictures: Tensor) -> list[float]:
        # What a pixel may hold at most bounds it here too: a wild look must not make the mean infinite.
        linear = decode(pictures).clamp(-LARGEST_HALF, LARGEST_HALF)
        return [float(mean) for mean in luminance(linear, 1)[..., 0] @ share]

    own, looks = (float(luma(one)[:, 0] @ share) for one in (clamped, styled))
    # Chroma in proportion to level: what was lifted far, and is held down again, would be garish.
    chroma = min(1.0, own / max(looks, _BLACK))
    toned = apply_affine(take_back(coefficients.unsqueeze(1), _TONED, chroma).squeeze(1), clamped)
    # Grids that are taken back lie on two straight lines, and so do their colours.
    held = torch.stack(
        [
            torch.lerp(styled, toned, amount / _TONED)
            if amount <= _TONED
            else torch.lerp(toned, clamped, (amount - _TONED) / (1.0 - _TONED))
            for amount in AMOUNTS
        ]
    )
    bound = keep_highlights(held.clamp_min(0.0), clamped, above) + above
    return Exposure(means(encoded[None])[0], tuple(means(bound)), chroma)
