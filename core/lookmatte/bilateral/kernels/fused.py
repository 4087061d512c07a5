"""The fused pass over rows of a frame, in place: what numba compiles, and keeps on disk for the next process."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from lookmatte.bilateral.kernels import strips as of
from lookmatte.bilateral.kernels.kept import Kept
from lookmatte.bilateral.kernels.scalars import ONE, ZERO, F
from lookmatte.bilateral.kernels.strips import (
    ACTIVE,
    ALPHA,
    KEPT,
    LANES,
    LEFT,
    STORED,
    STRIP,
    STYLED,
    WEIGHT,
    WEIGHTS,
)  # fmt: skip

inlined = njit(inline="always")

Floats = NDArray[np.float32]
Integers = NDArray[np.int32]


class Plane(NamedTuple):
    """Colour as it lies in memory, (n, w) each: float32, or halves as uint16. ``alpha`` (0, 0): there is none."""

    rgb: tuple[NDArray[Any], NDArray[Any], NDArray[Any]]
    alpha: NDArray[Any]


class Covers(NamedTuple):
    """Mattes of the `pixel` regions: (P, n, w) in [0, 1], and (P,) bool, whether each is coverage."""

    mattes: Floats
    coverage: NDArray[np.bool_]


class Cells(NamedTuple):
    """Where pixels lie between the cells of the grids. ``strips`` (K, 3): first pixel, end, and the column of cells
    to the left; ``columns`` (w + LANES,): how far on to the next column; ``rows`` (n,): the row of cells above,
    ``falls`` (n,): how far on to the next row."""

    strips: Integers
    columns: Floats
    rows: Integers
    falls: Floats


class Soft(NamedTuple):
    """Coefficients of the `grid` regions' enhanced mattes (G, 4, h, w), and where rows and columns lie in them."""

    maps: Floats
    rows: Integers
    falls: Floats
    columns: Integers
    ways: Floats


class Looks(NamedTuple):
    """Grids as tables: for each of R grids and its H rows a flat (W, 12, 2, 2, D), each coefficient at a column of
    cells and from there to the next, and in each bin and from there to the next. ``columns`` is W, ``bins`` D, of
    which the first ``depth`` count. ``which`` of the grids (P + G + 1,) each `pixel` region, `grid` region and the
    rest has: -1 none."""

    tables: Floats
    columns: int
    bins: int
    depth: int
    which: Integers


class Guiding(NamedTuple):
    """The guide: its ``hidden`` units, 0 for luma alone, and their weights as GuideWeights has them."""

    hidden: int
    w1: Floats
    b1: Floats
    w2: Floats
    b2: np.float32


class Space(NamedTuple):
    """The 3x3 from the plate's space to linear Rec.709 and back, if ``convert``; the bound of what is stored."""

    convert: bool
    forth: Floats
    back: Floats
    limit: np.float32


class Found(NamedTuple):
    """What is told of the rows: ``broken`` (n,), pixels that are not finite, and ``touched`` (n, w) uint8, where a
    look has weight; (0, 0): not wanted."""

    broken: NDArray[np.int64]
    touched: NDArray[np.uint8]


@inlined
def _begin(buffer, y, x0, n, padded, plane, covers):
    """Load a strip and weigh its `pixel` regions; how many pixels are not finite, and whether any has alpha."""
    for k in range(3):
        of.load(buffer, plane.rgb[k], STORED + k * STRIP, y, x0, n)
    if plane.alpha.shape[0]:
        of.load(buffer, plane.alpha, ALPHA, y, x0, n)
    else:
        of.fill(buffer, n, ALPHA, ONE)
    broken, opaque, straight = of.validate(buffer, n)
    if not straight:
        of.straighten(buffer, n)
    named = covers.mattes.shape[0]
    for k in range(named):
        of.cover(buffer, WEIGHTS + k * STRIP, covers.mattes[k], y, x0, n, padded, covers.coverage[k])
    of.fill(buffer, n, LEFT, ONE)
    for i in range(n, padded):
        buffer[LEFT + i] = ZERO
    return broken, opaque


@inlined
def _wanted(buffer, n, named, softs, which):
    """Whether any look may have weight in a strip, as far as the `pixel` regions tell."""
    if softs > 0 or (which[named + softs] >= 0 and of.any_in(buffer, n, LEFT)):
        return True
    found = False
    for k in range(named):
        found |= which[k] >= 0 and of.any_in(buffer, n, WEIGHTS + k * STRIP)
    return found


@inlined
def _lay_all(buffer, n, y, x0, cell, slots, cells, looks, guiding, slabs):
    """Every region's affine of CLAMPED by its weight in STYLED, KEPT for those without, and ACTIVE."""
    tables, made = slabs
    for row in (STYLED, STYLED + STRIP, STYLED + 2 * STRIP, ACTIVE, KEPT):
        of.fill(buffer, n, row, ZERO)
    guided = False
    for slot in range(slots + 1):
        rest = slot == slots
        weight = LEFT if rest else WEIGHTS + slot * STRIP
        if not of.any_in(buffer, n, weight):
            continue
        grid = looks.which[slot]
        if grid < 0:
            of.add(buffer, n, weight, KEPT)
            continue
        if rest or not guided:
            of.guide(buffer, n, guiding, ZERO if rest else ONE, looks.depth)
            guided = True
        if made[grid] != y:
            above = cells.rows[y]
            below = min(above + 1, looks.tables.shape[1] - 1)
            of.slab(looks.tables[grid, above], looks.tables[grid, below], cells.falls[y], tables[grid].reshape(-1))
            made[grid] = y
        of.copy(buffer, n, weight, WEIGHT)
        of.lay(buffer, n, tables[grid, cell], cells.columns, x0)


@inlined
def _style_strip(buffer, y, strip, plane, covers, cells, looks, soft, line, guiding, space, touched, slabs):
    """Style one strip; how many of its pixels are not finite, and whether any has alpha."""
    x0, x1, cell = strip
    n = x1 - x0
    padded = (n + LANES - 1) // LANES * LANES
    named, softs = covers.mattes.shape[0], soft.maps.shape[0]
    told = _begin(buffer, y, x0, n, padded, plane, covers)
    for layer in range(2):
        # First the `pixel` regions, then the `grid` regions in what those leave.
        first, count, any_soft = WEIGHTS, named, False
        if layer == 1:
            if not _wanted(buffer, padded, named, softs, looks.which):
                return told
            if space.convert:
                of.convert(buffer, padded, STORED, space.forth)
                of.drop_what_does_not_fit(buffer, padded)
            of.encode(buffer, padded, STYLED if space.convert else STORED)
            first, count = WEIGHTS + named * STRIP, softs
            for g in range(softs):
                row = first + g * STRIP
                any_soft |= of.soft_cover(buffer, row, line[g], soft.columns, soft.ways, x0, n, padded)
        if count and (layer == 0 or any_soft):
            of.share(buffer, padded, first, count)
    _lay_all(buffer, padded, y, x0, cell, named + softs, cells, looks, guiding, slabs)
    if of.any_in(buffer, padded, ACTIVE):
        of.decode(buffer, padded)
        if space.convert:
            of.convert(buffer, padded, STYLED, space.back)
        of.settle(buffer, padded)
        if touched.shape[0]:
            for i in range(n):
                touched[y, x0 + i] = np.uint8(1) if buffer[ACTIVE + i] > ZERO else np.uint8(0)
        for k in range(3):
            of.store(buffer, k * STRIP, plane.rgb[k], y, x0, n, space.limit)
    return told


def _style_rows(plane, covers, cells, looks, soft, guiding, space, found):
    softs = soft.maps.shape[0]
    buffer = np.zeros(of.buffer_size(covers.mattes.shape[0] + softs), F)
    count = len(looks.tables)
    slabs = (np.empty((count, looks.columns, 12, 2, 2, looks.bins), F), np.full(count, -1))
    line = np.empty((softs, 4, soft.maps.shape[3]), F)
    opaque = False
    for y in range(plane.rgb[0].shape[0]):
        found.broken[y] = 0
        if softs:
            of.soft_line(soft.maps, soft.rows[y], soft.falls[y], line)
        for s in range(cells.strips.shape[0]):
            strip = (cells.strips[s, 0], cells.strips[s, 1], cells.strips[s, 2])
            broken, seen = _style_strip(
                buffer, y, strip, plane, covers, cells, looks, soft, line, guiding, space, found.touched, slabs
            )
            found.broken[y] += broken
            opaque |= seen
    return opaque


_kept = Kept(_style_rows, "scalars.py", "strips.py", "lookup.py", "../encoding.py", "../apply.py", "../guide.py")


def style_rows(
    plane: Plane,
    covers: Covers,
    cells: Cells,
    looks: Looks,
    soft: Soft,
    guiding: Guiding,
    space: Space,
    found: Found,
) -> bool:
    """Style rows of a frame in place: whether any pixel has alpha. Several threads may, each rows of its own."""
    kind = f"{plane.rgb[0].dtype}_{plane.alpha.dtype}"
    return bool(_kept(kind, plane, covers, cells, looks, soft, guiding, space, found))
