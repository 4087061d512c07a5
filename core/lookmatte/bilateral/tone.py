"""Tone of a grid, apart from its colour: taking either back, and keeping brighter what was brighter.

A grid's output parts into its luma, in the working encoding, and what is left, its chroma. Both are linear in the
coefficients, so a grid with less of either is a grid again.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lookmatte.bilateral.grid import DEPTH, identity_like, tents
from lookmatte.bilateral.guide import GuideWeights, guide

TOLERANCE = 0.01
"""How far, in the working encoding, luma may fall where the input's rises before :func:`keep_order` acts."""

_LUMA = (0.2126, 0.7152, 0.0722)
_SAMPLES = 8 * DEPTH + 1
_ROUNDS = 8
_RIDGE = 1e-3


def _luma(grid: Tensor) -> Tensor:
    """The grid whose three outputs all are the luma of ``grid``'s: (..., 12, D, H, W)."""
    rows = grid.movedim(-4, 0)
    red, green, blue = (weight * rows[4 * row : 4 * row + 4] for row, weight in enumerate(_LUMA))
    return torch.cat([red + green + blue] * 3).movedim(0, -4)


def retone(grid: Tensor, amount: float, chroma: float = 1.0) -> Tensor:
    """Give back a share of the input's own luma, and keep a share of the grid's chroma; (..., 12, D, H, W).

    ``amount`` 0 keeps the grid's luma, 1 has the input's; ``chroma`` 0 leaves neutral colours alone.
    """
    toned = _luma(grid)
    return torch.lerp(toned, _luma(identity_like(grid)), amount) + chroma * (grid - toned)


class Order:
    """Takes out of a grid what would turn tones around: a solarised picture. For one guide and what it sees of
    the matte.

    Bins that hold little of a region are extrapolated, and may carry its rare dark tones above lighter ones. In
    each cell a ramp of neutrals is sent through the grid; going away from the anchor, the region's mean luma,
    its luma may not turn back by more than ``TOLERANCE``. What does is taken back by neutral offsets and slopes of
    the bins, fitted by least squares, so that hue stays. A grid in order is returned as it is, to the bit.
    """

    def __init__(self, weights: GuideWeights, matte: float = 1.0) -> None:
        """``matte`` is what the guide sees."""
        steps = torch.linspace(0.0, 1.0, _SAMPLES)
        with torch.no_grad():
            z = guide(steps.expand(3, 1, -1), matte, weights)[0]
        tent = tents(z).T
        self._basis = torch.cat([tent * steps.unsqueeze(1), tent], 1)
        gram = self._basis.mT @ self._basis + _RIDGE * torch.eye(2 * DEPTH)
        self._inverse = torch.linalg.solve(gram, self._basis.mT)

    def keep(self, grid: Tensor, anchor: float) -> Tensor:
        """The (12, D, H, W) grid with its tones in order around ``anchor``, in the working encoding."""
        middle = min(max(round(anchor * (_SAMPLES - 1)), 0), _SAMPLES - 1)
        rows = grid.view(3, 4, DEPTH, -1)
        curves = torch.cat([rows[:, :3].sum(1), rows[:, 3]], 1)
        change: Tensor | None = None
        for _ in range(_ROUNDS):
            ramp = self._basis @ (curves if change is None else curves + change)
            red, green, blue = ramp.clamp_min_(0.0).unbind(0)
            luma = _LUMA[0] * red + _LUMA[1] * green + _LUMA[2] * blue
            above = luma[middle:].cummax(0).values - TOLERANCE
            below = luma[: middle + 1].flip(0).cummin(0).values.flip(0) + TOLERANCE
            wanted = torch.cat([luma[:middle].minimum(below[:-1]), luma[middle:].maximum(above)])
            if torch.equal(wanted, luma):
                break
            step = self._inverse @ (wanted - luma)
            change = step if change is None else change + step
        if change is None:
            return grid
        ordered = rows.clone()
        ordered[:, :3] += torch.tensor(_LUMA).view(3, 1, 1) * change[:DEPTH]
        ordered[:, 3] += change[DEPTH:]
        return ordered.view_as(grid)


def keep_order(grid: Tensor, anchor: float, weights: GuideWeights, matte: float = 1.0) -> Tensor:
    """:class:`Order` of one grid."""
    return Order(weights, matte).keep(grid, anchor)
