"""An exposure limit where lookmatte itself cannot run: what of a look is taken back, from the numbers in its bake.

The same arithmetic as ``lookmatte.looks.exposure``; a test holds the two together. What is taken back acts on the
affine's result, after slicing: luma returns to the input's while chroma fades, then all that is left goes.
"""

from __future__ import annotations

import json
import math
from typing import NamedTuple

AMOUNTS = tuple(k / 16.0 for k in range(17))

_TONED = 0.75
_BLACK = 1e-6
_ROUNDING = 1e-6  # stops
_ROOT = 1.0 / 2.4


class ExposureError(ValueError):
    """A text that holds no exposure."""


class Exposure(NamedTuple):
    """A region's mean scene-linear luminance ``before`` the look, and ``after`` it when the look is taken back by
    each of AMOUNTS; the share of chroma that stays when luma is back."""

    before: float
    chroma: float
    after: tuple[float, ...]

    @staticmethod
    def parse(text: str) -> Exposure:
        """An exposure as a grid's file has it. ExposureError for another text."""
        try:
            before, chroma, *after = (float(value) for value in json.loads(text))
        except (ValueError, TypeError, RecursionError):
            raise ExposureError("its exposure cannot be read") from None
        if len(after) != len(AMOUNTS) or not all(map(math.isfinite, (before, chroma, *after))):
            raise ExposureError("its exposure is incomplete")
        return Exposure(before, chroma, tuple(after))

    def amount(self, stops: float) -> float:
        """The smallest share of the look to take back that keeps the mean within ``stops`` of where it was."""
        if self.before <= _BLACK:
            return 0.0
        travel = math.log(max(self.after[0], 1e-9) / self.before, 2.0)
        if abs(travel) <= stops + _ROUNDING:
            return 0.0
        towards = math.copysign(1.0, travel)
        goal = math.pow(self.before * 2.0 ** (towards * stops), _ROOT)
        values = [math.pow(max(value, 0.0), _ROOT) for value in self.after]
        for index in range(1, len(AMOUNTS)):
            if (values[index] - goal) * towards <= 0.0:
                t = (values[index - 1] - goal) / (values[index - 1] - values[index])
                return AMOUNTS[index - 1] + t * (AMOUNTS[index] - AMOUNTS[index - 1])
        return 1.0

    def take(self, stops: float) -> tuple[float, float, float]:
        """The kernel's ``take_a`` or ``take_b``: how far luma goes back to the input's, how much chroma stays, and
        then how much of all that; (0, 1, 1) is the whole look."""
        amount = self.amount(stops)
        toned = min(amount / _TONED, 1.0)
        whole = 1.0 if amount <= _TONED else (1.0 - amount) / (1.0 - _TONED)
        return toned, 1.0 + toned * (self.chroma - 1.0), whole
