"""The proxy: an exact area average of a picture over its display window, fed a band of rows at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lookmatte.imaging.frame import Weight, Window

_BLOCK = 32


def overlap_matrix(first: int, count: int, origin: int, length: int, cells: int) -> NDArray[np.float64]:
    """How much of each cell each pixel covers, along one axis: (cells, count), in units of a cell.

    Pixels ``first .. first + count`` and the display window's ``origin .. origin + length``, cut into
    ``cells`` equal cells, share a coordinate. Every column sums to cells / length inside the window, every
    row to 1 where the pixels fill the cell.
    """
    edges = cell_edges(first, count, origin, length, cells)
    cell = np.arange(cells, dtype=np.float64)[:, None]
    upper = np.minimum(edges[None, 1:], cell + 1)
    covered: NDArray[np.float64] = np.maximum(upper - np.maximum(edges[None, :-1], cell), 0.0)
    return covered


def cell_edges(first: int, count: int, origin: int, length: int, cells: int) -> NDArray[np.float64]:
    """Where pixels ``first .. first + count`` begin, and the last one ends, in cells of the display window's
    ``origin .. origin + length``: (count + 1,), ascending; beyond 0 and ``cells`` outside the window."""
    return (np.arange(first, first + count + 1, dtype=np.float64) - origin) * (cells / length)


@dataclass(frozen=True)
class Spans:
    """Which pixels cells cover along one axis, (cells,) each. Cell c begins with ``begins[c]`` of pixel
    ``firsts[c]`` and ends with ``ends[c]`` of ``lasts[c]``; ``ends`` is 0 where that is the same pixel. Pixels
    between count ``inside``. All parts in units of a cell. A cell without pixels has places 0, and no parts."""

    firsts: NDArray[np.int64]
    lasts: NDArray[np.int64]
    begins: Weight
    ends: Weight
    inside: np.float32

    @staticmethod
    def of(edges: NDArray[np.float64], cells: int) -> Spans:
        """``edges`` of the pixels, as :func:`cell_edges` has them."""
        cell, last = np.arange(cells, dtype=np.float64), len(edges) - 2
        firsts = np.clip(np.searchsorted(edges, cell, side="right") - 1, 0, last)
        lasts = np.clip(np.searchsorted(edges, cell + 1, side="left") - 1, 0, last)
        begins = np.minimum(edges[firsts + 1], cell + 1) - np.maximum(edges[firsts], cell)
        ends = np.minimum(edges[lasts + 1], cell + 1) - np.maximum(edges[lasts], cell)
        there = (begins > 0) & (ends > 0)
        return Spans(
            np.where(there, firsts, 0),
            np.where(there, lasts, 0),
            np.where(there, begins, 0.0).astype(np.float32),
            np.where(there & (lasts > firsts), ends, 0.0).astype(np.float32),
            np.float32((edges[-1] - edges[0]) / (len(edges) - 1)),
        )


class AreaAverage:
    """Averages rows over the cells of a grid that divides the display window; fractional overlaps count.

    Pixels outside the data window count as absent, pixels outside the display window (overscan) not at all.
    A picture smaller than the grid works too: each pixel is spread over the cells that it overlaps.
    """

    def __init__(
        self, data_window: Window, display_window: Window, size: tuple[int, int] = (256, 256)
    ) -> None:
        """``size`` is (rows, columns) of the grid."""
        self._data = data_window
        self._display = display_window
        self._size = size
        self._blocks = _blocks(data_window, display_window, size[1])
        self._sums: NDArray[np.float64] | None = None

    def add(self, y0: int, planes: Weight) -> None:
        """Add rows ``y0 ..`` of the data window, 0 its first: float32 (channels, rows, width), all finite.

        Each row once, in any order. A matte's weights are multiplied in beforehand.
        """
        self.put(self.gather(y0, planes))

    def gather(self, y0: int, planes: Weight) -> tuple[int, Weight]:
        """What :meth:`add` would :meth:`put`, for several threads: the first row of cells that the rows touch, and
        their sums (channels, rows of cells, columns of cells)."""
        channels, rows, width = planes.shape
        if width != self._data.width or y0 < 0 or y0 + rows > self._data.height:
            raise ValueError(f"rows {y0} to {y0 + rows} of width {width} are not in {self._data}")
        display_y, display_h = self._display.y, self._display.height
        weights = overlap_matrix(self._data.y + y0, rows, display_y, display_h, self._size[0])
        touched = np.flatnonzero(weights.any(axis=1))
        if not len(touched):
            return 0, np.zeros((channels, 0, self._size[1]), np.float32)
        down = weights[touched[0] : touched[-1] + 1].astype(np.float32)
        if len(down) <= rows:
            # Rows first: they shrink the band to a few lines.
            return int(touched[0]), self._across(down @ planes)
        # A picture lower than the grid: each of its rows is spread over several cells.
        found: Weight = down @ self._across(planes)
        return int(touched[0]), found

    def put(self, gathered: tuple[int, Weight]) -> None:
        """Add what :meth:`gather` found; one thread after the other."""
        first, part = gathered
        if self._sums is None:
            self._sums = np.zeros((len(part), *self._size), dtype=np.float64)
        self._sums[:, first : first + part.shape[1]] += part

    def result(self) -> Weight:
        """Sums of value times covered area, in units of a cell: (channels, grid rows, grid columns) float32.

        1 everywhere for a picture of ones that fills its display window.
        """
        if self._sums is None:
            raise ValueError("no rows were added")
        return self._sums.astype(np.float32)

    def _across(self, lines: Weight) -> Weight:
        """(channels, lines, data width) -> (channels, lines, grid columns)."""
        channels, count, width = lines.shape
        flat = lines.reshape(channels * count, width)
        found = np.zeros((channels * count, self._size[1]), np.float32)
        for cells, pixels, weights in self._blocks:
            np.matmul(flat[:, pixels], weights, out=found[:, cells])
        return found.reshape(channels, count, -1)


def _blocks(data: Window, display: Window, cells: int) -> list[tuple[slice, slice, Weight]]:
    """A few columns of the grid, the pixels that they cover, and how much: (pixels, columns). One matrix for all
    columns would be zeros for its greatest part."""
    edges = cell_edges(data.x, data.width, display.x, display.width, cells)
    found = []
    for begin in range(0, cells, _BLOCK):
        end = min(begin + _BLOCK, cells)
        first = int(np.searchsorted(edges[1:], begin, side="right"))
        last = int(np.searchsorted(edges[:-1], end, side="left"))
        if first < last:
            covered = overlap_matrix(data.x + first, last - first, display.x, display.width, cells)
            weights = np.ascontiguousarray(covered[begin:end].T, dtype=np.float32)
            found.append((slice(begin, end), slice(first, last), weights))
    return found
