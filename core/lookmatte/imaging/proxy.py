"""The proxy: an exact area average of a picture over its display window, fed a band of rows at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lookmatte.imaging.frame import Weight, Window

_COLUMNS = 4096


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
        self._columns = np.empty((data_window.width, size[1]), dtype=np.float32)
        for begin in range(0, data_window.width, _COLUMNS):  # a few MiB of doubles at a time
            part = self._columns[begin : begin + _COLUMNS]
            first = data_window.x + begin
            part[:] = overlap_matrix(first, len(part), display_window.x, display_window.width, size[1]).T
        self._sums: NDArray[np.float64] | None = None

    def add(self, y0: int, block: Weight) -> None:
        """Add rows ``y0 ..`` of the data window, 0 its first: float32 (rows, width, channels), all finite.

        Each row once, in any order. A matte's weights are multiplied in beforehand.
        """
        rows, width, channels = block.shape
        if width != self._data.width or y0 < 0 or y0 + rows > self._data.height:
            raise ValueError(f"rows {y0} to {y0 + rows} of width {width} are not in {self._data}")
        if self._sums is None:
            self._sums = np.zeros((self._size[0], channels, self._size[1]), dtype=np.float64)
        display_y, display_h = self._display.y, self._display.height
        weights = overlap_matrix(self._data.y + y0, rows, display_y, display_h, self._size[0])
        touched = np.flatnonzero(weights.any(axis=1))
        if not len(touched):
            return
        down = weights[touched[0] : touched[-1] + 1].astype(np.float32)
        inside = slice(touched[0], touched[-1] + 1)
        if len(down) <= rows:
            # Rows first: they shrink the band to a few lines before the columns' larger product.
            lines = down @ block.reshape(rows, width * channels)
            self._sums[inside] += self._across(lines.reshape(len(down), width, channels))
        else:
            # A picture lower than the grid: each of its rows is spread over several cells.
            cells = self._across(block).reshape(rows, -1)
            self._sums[inside] += (down @ cells).reshape(len(down), channels, -1)

    def result(self) -> Weight:
        """Sums of value times covered area, in units of a cell: (grid rows, grid columns, channels) float32.

        1 everywhere for a picture of ones that fills its display window.
        """
        if self._sums is None:
            raise ValueError("no rows were added")
        return np.ascontiguousarray(self._sums.transpose(0, 2, 1), dtype=np.float32)

    def _across(self, lines: Weight) -> Weight:
        """(lines, data width, channels) -> (lines, channels, grid columns)."""
        count, width, channels = lines.shape
        turned = np.ascontiguousarray(lines.transpose(0, 2, 1)).reshape(count * channels, width)
        cells: Weight = (turned @ self._columns).reshape(count, channels, -1)
        return cells
