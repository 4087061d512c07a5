"""The fused pass that measures a frame for its proxy: colours and weights of rows, summed over the proxy's cells.

The same numbers as the plain form in ``lookmatte.rendering.proxy``, its judge, to 1e-6: load, un-premultiply,
convert, encode, weigh and add, in one pass. What lies in one row of cells is added up in lines as wide as the
picture, and gathered into cells once.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from lookmatte.bilateral.kernels.kept import Kept
from lookmatte.bilateral.kernels.scalars import ONE, ZERO, F, I, bits_of, compiled, encoded, finite, widen

Floats = NDArray[np.float32]

STRIP = 1024
# Rows of the buffer; of WEIGHTS there are two for each region: its matte on straight colour, and what it is given.
_COLOUR, _ALPHA, _LEFT, _TOTAL, _WEIGHTS = 0, 3, 4, 5, 6


class Plane(NamedTuple):
    """Colour as it lies in memory, (n, w) each: float32, or halves as uint16; ``alpha`` (0, 0): there is none.
    ``straight``: it was un-premultiplied. ``matrix``: to linear Rec.709, if ``convert``."""

    rgb: tuple[NDArray[Any], NDArray[Any], NDArray[Any]]
    alpha: NDArray[Any]
    straight: bool
    convert: bool
    matrix: Floats


class Covers(NamedTuple):
    """Mattes (R, n, w) in [0, 1]; ``coverage`` (R,): of the pixel, alpha included; ``over`` (R,): it lies over
    those that do not, and is given its weight first."""

    mattes: Floats
    coverage: NDArray[np.bool_]
    over: NDArray[np.bool_]


class Cells(NamedTuple):
    """Where pixels lie. ``edges`` (n + 1,): of rows, in cells from the first one summed. Cell c of a row begins
    with ``begins[c]`` of pixel ``firsts[c]`` and ends with ``ends[c]`` of ``lasts[c]``; pixels between count
    ``inside``. All parts in units of a cell."""

    edges: NDArray[np.float64]
    firsts: NDArray[np.int64]
    lasts: NDArray[np.int64]
    begins: Floats
    ends: Floats
    inside: np.float32


@compiled
def _load(row, stored):
    for i in range(stored.shape[0]):
        row[i] = widen(stored[i])


@compiled
def _straighten(buffer, n, plane):
    """Colour to straight linear Rec.709, alpha to [0, 1]: 0 where a value is not finite, or alpha is 0."""
    for i in range(n):
        r, g, b, a = buffer[_COLOUR, i], buffer[_COLOUR + 1, i], buffer[_COLOUR + 2, i], buffer[_ALPHA, i]
        part = ONE if plane.straight else ONE / a
        r, g, b = r * part, g * part, b * part
        valid = (a > ZERO) & finite(a) & finite(r) & finite(g) & finite(b)
        buffer[_ALPHA, i] = min(a, ONE) if valid else ZERO
        buffer[_COLOUR, i] = r if valid else ZERO
        buffer[_COLOUR + 1, i] = g if valid else ZERO
        buffer[_COLOUR + 2, i] = b if valid else ZERO
    if plane.convert:
        m = plane.matrix
        a0, a1, a2 = m[0, 0], m[0, 1], m[0, 2]
        b0, b1, b2 = m[1, 0], m[1, 1], m[1, 2]
        c0, c1, c2 = m[2, 0], m[2, 1], m[2, 2]
        for i in range(n):
            r, g, b = buffer[_COLOUR, i], buffer[_COLOUR + 1, i], buffer[_COLOUR + 2, i]
            x, y, z = a0 * r + a1 * g + a2 * b, b0 * r + b1 * g + b2 * b, c0 * r + c1 * g + c2 * b
            fits = finite(x) & finite(y) & finite(z)
            buffer[_ALPHA, i] = buffer[_ALPHA, i] if fits else ZERO
            buffer[_COLOUR, i] = x if fits else ZERO
            buffer[_COLOUR + 1, i] = y if fits else ZERO
            buffer[_COLOUR + 2, i] = z if fits else ZERO


@compiled
def _encode(buffer, n):
    """Linear Rec.709 to the working encoding."""
    for k in range(3):
        for i in range(n):
            buffer[_COLOUR + k, i] = encoded(buffer[_COLOUR + k, i])


@compiled
def _any(row, n):
    """Is there anything in a row of values that are not negative?"""
    found = I(0)
    for i in range(n):
        found = I(found | bits_of(row[i]))
    return found != 0


@compiled
def _weigh(buffer, n, covers, y, x0):
    """The two rows of every region; whether any has something here, else they are not made. The alpha is that of
    the file still."""
    count = covers.mattes.shape[0]
    seen = False
    for k in range(count):
        seen |= _any(covers.mattes[k, y, x0 : x0 + n], n)
    if not seen:
        return False
    alpha, left, total = buffer[_ALPHA], buffer[_LEFT], buffer[_TOTAL]
    for k in range(count):
        matte, row = covers.mattes[k, y, x0 : x0 + n], buffer[_WEIGHTS + k]
        if covers.coverage[k]:
            for i in range(n):
                a = alpha[i]
                part = matte[i] / (a if a > F(1e-12) else F(1e-12))
                row[i] = (part if part < ONE else ONE) if a > ZERO else ZERO
        else:
            for i in range(n):
                row[i] = matte[i]
    left[:n] = ONE
    for over in (True, False):
        total[:n] = ZERO
        for k in range(count):
            if covers.over[k] == over:
                row = buffer[_WEIGHTS + k]
                for i in range(n):
                    total[i] += row[i]
        for k in range(count):
            if covers.over[k] == over:
                row, own = buffer[_WEIGHTS + k], buffer[_WEIGHTS + count + k]
                for i in range(n):
                    own[i] = row[i] / (total[i] if total[i] > ONE else ONE) * left[i]
        for i in range(n):
            rest = left[i] - (total[i] if total[i] < ONE else ONE) * left[i]
            left[i] = rest if rest > ZERO else ZERO
    return True


@compiled
def _add(lines, first, x0, buffer, n, weight, f):
    """Three colours times a weight, and the weight, times ``f``, to four lines from ``first`` on."""
    own, red, green, blue = buffer[weight], buffer[_COLOUR], buffer[_COLOUR + 1], buffer[_COLOUR + 2]
    # Slices of one line each: what numba knows to be contiguous is vectorised.
    r, g = lines[first, x0 : x0 + n], lines[first + 1, x0 : x0 + n]
    b, w = lines[first + 2, x0 : x0 + n], lines[first + 3, x0 : x0 + n]
    for i in range(n):
        share = own[i] * f
        r[i] += red[i] * share
        g[i] += green[i] * share
        b[i] += blue[i] * share
        w[i] += share


@compiled
def _add_strip(lines, buffer, y, x0, n, plane, covers, grain, f):
    """Everything of a strip of a row, times ``f``, to the lines."""
    count = covers.mattes.shape[0]
    for k in range(3):
        _load(buffer[_COLOUR + k], plane.rgb[k][y, x0 : x0 + n])
    if plane.alpha.shape[0]:
        _load(buffer[_ALPHA], plane.alpha[y, x0 : x0 + n])
    else:
        buffer[_ALPHA, :n] = ONE
    covered = _weigh(buffer, n, covers, y, x0)
    _straighten(buffer, n, plane)
    _encode(buffer, n)
    _add(lines, 0, x0, buffer, n, _ALPHA, f)
    alpha = buffer[_ALPHA]
    for k in range(count):
        matte, own = buffer[_WEIGHTS + k], buffer[_WEIGHTS + count + k]
        if not covered or not _any(matte, n):
            continue
        line = lines[8 + 5 * k, x0 : x0 + n]
        for i in range(n):
            line[i] += matte[i] * f
            own[i] *= alpha[i]
        _add(lines, 4 + 5 * k, x0, buffer, n, _WEIGHTS + count + k, f)
    if grain:
        for k in range(3):
            line, row = lines[4 + 5 * count + k, x0 : x0 + n], buffer[_COLOUR + k]
            for i in range(n):
                c = min(max(row[i], ZERO), ONE)
                line[i] += c * c * alpha[i] * f


@njit(nogil=True, fastmath={"contract", "reassoc"}, error_model="numpy")
def _gather(sums, lines, cells):
    """Lines (P, w) into a row of cells (P, columns); P is a multiple of 4."""
    for p in range(0, lines.shape[0], 4):
        one, two, three, four = lines[p], lines[p + 1], lines[p + 2], lines[p + 3]
        for c in range(cells.firsts.shape[0]):
            a, b = cells.firsts[c], cells.lasts[c]
            s, t, u, v = ZERO, ZERO, ZERO, ZERO
            for x in range(a + 1, b):
                s += one[x]
                t += two[x]
                u += three[x]
                v += four[x]
            w, first, last = cells.inside, cells.begins[c], cells.ends[c]
            sums[p, c] += s * w + one[a] * first + one[b] * last
            sums[p + 1, c] += t * w + two[a] * first + two[b] * last
            sums[p + 2, c] += u * w + three[a] * first + three[b] * last
            sums[p + 3, c] += v * w + four[a] * first + four[b] * last


def _measure_rows(plane, covers, cells, grain, sums):
    height, width = plane.rgb[0].shape
    lines = np.empty((sums.shape[1], width), F)
    buffer = np.zeros((_WEIGHTS + 2 * covers.mattes.shape[0], STRIP), F)
    edges, first = cells.edges, 0
    for c in range(sums.shape[0]):
        # A row of pixels that lies in two rows of cells is measured twice: that costs less than to keep it.
        while first < height and edges[first + 1] <= c:
            first += 1
        end = first
        while end < height and edges[end] < c + 1:
            end += 1
        for x0 in range(0, width, STRIP):
            n = min(STRIP, width - x0)
            for p in range(lines.shape[0]):
                lines[p, x0 : x0 + n] = ZERO
            for y in range(first, end):
                f = F(min(edges[y + 1], c + 1.0) - max(edges[y], float(c)))
                _add_strip(lines, buffer, y, x0, n, plane, covers, grain, f)
        if end > first:
            _gather(sums[c], lines, cells)


_kept = Kept(_measure_rows, "scalars.py", "../encoding.py")


def measure_rows(plane: Plane, covers: Covers, cells: Cells, grain: bool, sums: NDArray[np.float64]) -> None:
    """Add rows of a frame to sums (cells down, P, cells across), P a multiple of 4; ``grain``: whether the clamped
    colour's square is wanted. Several threads may, each with sums of its own. What a plane of the sums is:
    ``lookmatte.rendering.proxy.plain_sums``."""
    _kept(f"{plane.rgb[0].dtype}_{plane.alpha.dtype}", plane, covers, cells, grain, sums)
