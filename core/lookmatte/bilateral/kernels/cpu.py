"""The fused CPU kernel: rows of a frame, as they lie in memory, styled in place in one pass (numba).

The same numbers as :func:`lookmatte.bilateral.apply.apply_band` between reading and writing them, to 1e-4 of the
working encoding. The first use on a machine compiles for some seconds; later processes load what that left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from lookmatte.bilateral.apply import Look, SoftRegion
from lookmatte.bilateral.encoding import LARGEST_HALF
from lookmatte.bilateral.guide import GuideWeights
from lookmatte.bilateral.kernels.fused import (
    Cells,
    Covers,
    Floats,
    Found,
    Guiding,
    Integers,
    Looks,
    Plane,
    Soft,
    Space,
    style_rows,
)  # fmt: skip
from lookmatte.bilateral.kernels.lookup import BINS
from lookmatte.bilateral.kernels.strips import LANES, STRIP

Pixels = NDArray[Any]
_NONE: Any = np.zeros((0, 0), np.uint8)
_UNBOUND = np.float32(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Told:
    """What styling rows found: ``broken`` (n,), pixels with NaN or infinity; ``opaque``: some pixel has alpha."""

    broken: NDArray[np.int64]
    opaque: bool


class FusedLook:
    """A Look laid out for the kernel, for frames whose columns lie at (w,) ``u``, ascending, and rows at (h,)
    ``v``, in display coordinates. ``forth`` and ``back``: the 3x3 from the plate's own space to linear Rec.709 and
    its inverse; None: it is that space."""

    def __init__(
        self, look: Look, u: Tensor, v: Tensor, forth: Tensor | None = None, back: Tensor | None = None
    ) -> None:
        grids: list[Tensor] = []
        which: list[int] = []
        for grid in (*look.pixel_grids, *(one.grid for one in look.soft), look.rest):
            which.append(-1 if grid is None else len(grids))
            grids += [] if grid is None else [grid]
        shape = tuple(grids[0].shape[1:]) if grids else (2, 1, 1)
        self._looks = Looks(_tables(grids, shape), shape[2], _bins(shape[0]), shape[0], np.array(which, np.int32))
        self._guiding = _guiding(look.guide)
        eye = np.eye(3, dtype=np.float32)
        self._space = Space(
            forth is not None,
            eye if forth is None else _array(forth),
            eye if back is None else _array(back),
            np.float32(LARGEST_HALF),
        )
        column, ways = _between(u, shape[2])
        rows, falls = _between(v, shape[1])
        self._cells = Cells(_strips(column), np.pad(ways, (0, LANES)), rows, falls)
        self._soft = _soft(look.soft, u, v)

    def style(
        self,
        rgb: Sequence[Pixels],
        alpha: Pixels | None,
        mattes: Floats,
        coverage: Sequence[bool],
        y0: int = 0,
    ) -> Told:
        """Style rows from ``y0`` on, in place: three (n, w) arrays of one type, float16 or float32, (n, w) alpha or
        None, and (P, n, w) mattes in [0, 1] of the `pixel` regions, each coverage or the weight itself."""
        rows = [np.ascontiguousarray(pixels) for pixels in rgb]
        plane = Plane((plain(rows[0]), plain(rows[1]), plain(rows[2])), _alpha_like(rows[0], alpha))
        told = self._run(plane, mattes, coverage, y0, self._space, _NONE)
        for pixels, row in zip(rgb, rows, strict=True):
            if row is not pixels:
                # As integers, so that no bit of a NaN changes.
                kind = np.dtype(f"u{row.itemsize}")
                pixels.view(kind)[...] = row.view(kind)
        return told

    def style_linear(self, linear: Floats, weights: Floats, y0: int = 0) -> NDArray[np.bool_]:
        """As :func:`~lookmatte.bilateral.apply.apply_band`, in place: (3, n, w) straight linear Rec.709, finite,
        and (P, n, w) weights -> (n, w), where a look has weight. What has none keeps its bits."""
        space = self._space._replace(convert=False, limit=_UNBOUND)
        touched = np.zeros(linear.shape[1:], np.uint8)
        plane = Plane((linear[0], linear[1], linear[2]), np.zeros((0, 0), np.float32))
        self._run(plane, weights, [False] * len(weights), y0, space, touched)
        return touched.astype(bool)

    def _run(
        self,
        plane: Plane,
        mattes: Floats,
        coverage: Sequence[bool],
        y0: int,
        space: Space,
        touched: NDArray[np.uint8],
    ) -> Told:
        y1 = y0 + len(plane.rgb[0])
        cells, soft = self._cells, self._soft
        found = Found(np.zeros(y1 - y0, np.int64), touched)
        opaque = style_rows(
            plane,
            Covers(mattes, np.array(coverage, np.bool_)),
            cells._replace(rows=cells.rows[y0:y1], falls=cells.falls[y0:y1]),
            self._looks,
            soft._replace(rows=soft.rows[y0:y1], falls=soft.falls[y0:y1]),
            self._guiding,
            space,
            found,
        )
        return Told(found.broken, bool(opaque))


def _array(tensor: Tensor) -> Floats:
    return np.ascontiguousarray(tensor.detach().cpu().numpy(), dtype=np.float32)


def plain(pixels: Pixels) -> Pixels:
    """Contiguous, and halves as the integers that numba reads them as."""
    pixels = np.ascontiguousarray(pixels)
    return pixels.view(np.uint16) if pixels.dtype == np.float16 else pixels


def _alpha_like(rows: Pixels, alpha: Pixels | None) -> Pixels:
    """Alpha in the type of the colours where that loses nothing: each pair of types is compiled on its own."""
    if alpha is None:
        return np.zeros((0, 0), plain(rows).dtype)
    keeps = alpha.dtype == rows.dtype == np.float16
    return plain(np.asarray(alpha, dtype=np.float16 if keeps else np.float32))


def _between(places: Tensor, cells: int) -> tuple[Integers, Floats]:
    """The cell before each place, and how far on to the next; the border clamps."""
    at = (places * cells - 0.5).clamp(0.0, cells - 1.0)
    before = at.floor().clamp_max(max(cells - 2, 0))
    return before.int().numpy(), _array(at - before)


def _strips(column: Integers) -> Integers:
    """Runs of pixels in one column of cells, none longer than STRIP: (K, 3) first, end, column."""
    ends = np.flatnonzero(np.diff(column, append=-1)) + 1
    found: list[tuple[int, int, int]] = []
    first = 0
    for end in ends.tolist():
        pieces = -(-(end - first) // STRIP)
        cuts = [first + (end - first) * k // pieces for k in range(pieces + 1)]
        found += [(a, b, int(column[a])) for a, b in pairwise(cuts)]
        first = end
    return np.array(found, np.int32).reshape(-1, 3)


def _bins(depth: int) -> int:
    """Bins of the tables: even, and no fewer than a lookup takes; those that are added have no weight."""
    return max(BINS, depth + depth % 2)


def _tables(grids: Sequence[Tensor], shape: tuple[int, ...]) -> Floats:
    """(12, D, H, W) grids -> (R, H, W * 12 * 2 * 2 * bins), see :class:`Looks`."""
    depth, height, width = shape
    tables = np.zeros((len(grids), height, width, 12, 2, 2, _bins(depth)), np.float32)
    for grid, table in zip(grids, tables, strict=True):
        values = _array(grid.permute(2, 3, 0, 1))
        for k, part in enumerate((values, np.diff(values, axis=1, append=values[:, -1:]))):
            table[..., k, 0, :depth] = part
            table[..., k, 1, : depth - 1] = np.diff(part, axis=-1)
    return tables.reshape(len(grids), height, width * 12 * 2 * 2 * _bins(depth))


def _guiding(weights: GuideWeights) -> Guiding:
    flat = not (bool(weights.w2.any()) or bool(weights.b2.any()))
    w1, b1, w2 = _array(weights.w1), _array(weights.b1), _array(weights.w2)
    return Guiding(0 if flat else len(b1), w1, b1, w2, np.float32(weights.b2))


def _soft(regions: Sequence[SoftRegion], u: Tensor, v: Tensor) -> Soft:
    maps = [_array(region.enhanced) for region in regions]
    stacked = np.stack(maps) if maps else np.zeros((0, 4, 1, 1), np.float32)
    columns, ways = _between(u, stacked.shape[3])
    rows, falls = _between(v, stacked.shape[2])
    return Soft(stacked, rows, falls, columns, ways)
