"""The fused pass over a strip of pixels: load, weigh, encode, guide, slice, decode, store.

What :func:`lookmatte.bilateral.apply.apply_band` says, in loops that numba's compiler can vectorise. A strip is a
run of pixels between two columns of cell centres, at most ``STRIP`` long; what is at hand of it lies in rows of one
small array, the buffer, that stays in the first-level cache, and each function below is one pass over it. Rows
begin at fixed places, so that the compiler sees that they do not overlap. Loops run to a multiple of ``LANES``:
what lies behind a strip's end has weight 0, and is not stored.

Slicing has no gathers: a pixel's transform is the sum over bins of a tent of its guide times the bin's transform,
and that is linear in x between two columns of cells. Bins that no pixel of a strip touches are left out.
"""

from __future__ import annotations

from lookmatte.bilateral.apply import HIGHLIGHT_STOPS, ROUNDING
from lookmatte.bilateral.encoding import STOP
from lookmatte.bilateral.guide import REACH
from lookmatte.bilateral.kernels import lookup
from lookmatte.bilateral.kernels.lookup import BINS
from lookmatte.bilateral.kernels.scalars import (
    HALF,
    ONE,
    ZERO,
    F,
    I,
    U,
    bits_of,
    compiled,
    encoded,
    exp2,
    finite,
    narrow,
    number_of,
    power_2_4,
    widen,
    with_sign,
)

STRIP, LANES = 256, 16

# Where the rows of the buffer begin; R, G and B follow each other. Of WEIGHTS there is one for each region.
STORED, CLAMPED, ABOVE, STYLED = 0, 3 * STRIP, 6 * STRIP, 9 * STRIP
ALPHA, VALID, ACTIVE, KEPT, LEFT, WEIGHT, Z, NEAR, FAR, WEIGHTS = (row * STRIP for row in range(12, 22))
G, B = STRIP, 2 * STRIP

_KNEE_ENCODED, _PER_STOP = F(12.92 * 0.0031308), F(1.0 / STOP)
_REACH = F(REACH)
_LOWEST, _HIGHEST = F(1.0 - HIGHLIGHT_STOPS * STOP), F(1.0 + HIGHLIGHT_STOPS * STOP)
HAS_LOOKUP = lookup.is_there()
_lay_by_lookup = lookup.lookup_layer(STRIP)
_ROUNDING, _SURE = F(ROUNDING), F(1.0 - ROUNDING)


@compiled
def buffer_size(regions):
    """Elements of the buffer."""
    return WEIGHTS + regions * STRIP


@compiled
def load(buffer, pixels, row, y, x0, n):
    """A channel of a strip, as float32, into a row of the buffer."""
    for i in range(n):
        buffer[U(row + i)] = widen(pixels[y, U(x0 + i)])


@compiled
def validate(buffer, n):
    """VALID: finite, with alpha; how many pixels are not finite, whether any has alpha, and whether STORED is
    straight already, and valid everywhere."""
    broken, opaque, straight = I(0), I(0), I(1)
    for i in range(n):
        r, g, b, a = buffer[STORED + i], buffer[STORED + G + i], buffer[STORED + B + i], buffer[ALPHA + i]
        whole = finite(r) & finite(g) & finite(b) & finite(a)
        broken = I(broken + (I(0) if whole else I(1)))
        opaque = I(opaque | (I(1) if a > ZERO else I(0)))
        straight = I(straight & (I(1) if a == ONE else I(0)))
        buffer[VALID + i] = ONE if whole & (a > ZERO) else ZERO
    return broken, opaque != 0, straight != 0 and broken == 0


@compiled
def straighten(buffer, n):
    """STORED without alpha, and 0 where it is not VALID."""
    for i in range(n):
        r, g, b, valid = buffer[STORED + i], buffer[STORED + G + i], buffer[STORED + B + i], buffer[VALID + i]
        part = valid / (buffer[ALPHA + i] if valid > ZERO else ONE)
        r, g, b = r * part, g * part, b * part
        # A colour over a vanishing alpha may not fit float32 once divided.
        fits = finite(r) & finite(g) & finite(b)
        buffer[VALID + i] = valid if fits else ZERO
        buffer[STORED + i] = r if fits else ZERO
        buffer[STORED + G + i] = g if fits else ZERO
        buffer[STORED + B + i] = b if fits else ZERO


@compiled
def cover(buffer, row, matte, y, x0, n, padded, coverage):
    """A `pixel` region's weight before it is shared; 0 behind the strip's end."""
    for i in range(n, padded):
        buffer[U(row + i)] = ZERO
    for i in range(n):
        value, a = matte[y, U(x0 + i)], buffer[ALPHA + i]
        part = value / (a if a > F(1e-12) else F(1e-12))
        part = (part if part < ONE else ONE) if a > ZERO else ZERO
        buffer[U(row + i)] = part if coverage else value


@compiled
def share(buffer, n, first, count):
    """Divide ``count`` rows of weights by their sum where it passes 1, within LEFT; LEFT keeps the rest."""
    if count == 1:
        for i in range(n):
            weight, left = buffer[U(first + i)], buffer[LEFT + i]
            rest = ONE - weight
            buffer[U(first + i)] = weight * left
            buffer[LEFT + i] = left * (rest if rest > _ROUNDING else ZERO)
        return
    for i in range(n):
        buffer[NEAR + i] = ZERO
        buffer[FAR + i] = ZERO
    for k in range(count):
        for i in range(n):
            buffer[NEAR + i] += buffer[U(first + k * STRIP + i)]
    for k in range(count):
        for i in range(n):
            total = buffer[NEAR + i]
            weight = buffer[U(first + k * STRIP + i)] / (total if total > ONE else ONE)
            buffer[FAR + i] += weight
            buffer[U(first + k * STRIP + i)] = weight * buffer[LEFT + i]
    for i in range(n):
        rest = ONE - buffer[FAR + i]
        buffer[LEFT + i] *= rest if rest > _ROUNDING else ZERO


@compiled
def soft_line(soft, y, f, line):
    """A row's part of the (G, 4, h, w) coefficients of enhanced mattes, between their rows y and y + 1."""
    lower = min(y + 1, soft.shape[2] - 1)
    for g in range(soft.shape[0]):
        for c in range(4):
            for x in range(soft.shape[3]):
                line[g, c, x] = soft[g, c, y, x] + f * (soft[g, c, lower, x] - soft[g, c, y, x])


@compiled
def soft_cover(buffer, row, line, columns, ways, x0, n, padded):
    """A `grid` region's weight, from its coefficients (4, w) and CLAMPED; whether there can be any."""
    end = line.shape[1] - 1
    for i in range(padded):
        buffer[U(row + i)] = ZERO
    seen = False
    for x in range(columns[x0], min(columns[x0 + n - 1] + 1, end) + 1):
        for c in range(4):
            seen |= line[c, x] != ZERO
    if seen:
        for i in range(n):
            here = columns[U(x0 + i)]
            after, f = min(here + 1, end), ways[U(x0 + i)]
            a = line[0, here] + f * (line[0, after] - line[0, here])
            b = line[1, here] + f * (line[1, after] - line[1, here])
            c = line[2, here] + f * (line[2, after] - line[2, here])
            d = line[3, here] + f * (line[3, after] - line[3, here])
            matte = a * buffer[CLAMPED + i] + (b * buffer[CLAMPED + G + i] + (c * buffer[CLAMPED + B + i] + d))
            matte = matte if matte > ZERO else ZERO
            buffer[U(row + i)] = ONE if matte > _SURE else matte
    return seen


@compiled
def convert(buffer, n, source, matrix):
    """STYLED = ``matrix`` times the colours in ``source``."""
    m00, m01, m02 = matrix[0, 0], matrix[0, 1], matrix[0, 2]
    m10, m11, m12 = matrix[1, 0], matrix[1, 1], matrix[1, 2]
    m20, m21, m22 = matrix[2, 0], matrix[2, 1], matrix[2, 2]
    for i in range(n):
        r, g, b = buffer[U(source + i)], buffer[U(source + G + i)], buffer[U(source + B + i)]
        buffer[STYLED + i] = m00 * r + (m01 * g + m02 * b)
        buffer[STYLED + G + i] = m10 * r + (m11 * g + m12 * b)
        buffer[STYLED + B + i] = m20 * r + (m21 * g + m22 * b)


@compiled
def drop_what_does_not_fit(buffer, n):
    """A gamut may carry a large value of STYLED beyond float32: such a pixel is not VALID, and 0."""
    for i in range(n):
        r, g, b = buffer[STYLED + i], buffer[STYLED + G + i], buffer[STYLED + B + i]
        fits = finite(r) & finite(g) & finite(b)
        buffer[VALID + i] = buffer[VALID + i] if fits else ZERO
        buffer[STYLED + i] = r if fits else ZERO
        buffer[STYLED + G + i] = g if fits else ZERO
        buffer[STYLED + B + i] = b if fits else ZERO


@compiled
def encode(buffer, n, source):
    """CLAMPED and ABOVE of the linear colours in ``source``."""
    for k in range(0, 3 * STRIP, STRIP):
        for i in range(n):
            w = encoded(buffer[U(source + k + i)])
            clamped = w if w > ZERO else ZERO
            clamped = clamped if clamped < ONE else ONE
            buffer[CLAMPED + k + i] = clamped
            buffer[ABOVE + k + i] = w - clamped


@compiled
def guide(buffer, n, guiding, matte, depth):
    """Z: where CLAMPED, with one ``matte``, lies between the bins, in [0, depth - 1]."""
    w1, b1, w2 = guiding.w1, guiding.b1, guiding.w2
    for i in range(n):
        buffer[Z + i] = guiding.b2
    for j in range(0, guiding.hidden, 2):
        a0, a1, a2, a3, a4 = w1[j, 0], w1[j, 1], w1[j, 2], b1[j] + matte * w1[j, 3], w2[j]
        c0, c1, c2, c4 = w1[j + 1, 0], w1[j + 1, 1], w1[j + 1, 2], w2[j + 1]
        c3 = b1[j + 1] + matte * w1[j + 1, 3]
        for i in range(n):
            r, g, b = buffer[CLAMPED + i], buffer[CLAMPED + G + i], buffer[CLAMPED + B + i]
            one = a0 * r + (a1 * g + (a2 * b + a3))
            two = c0 * r + (c1 * g + (c2 * b + c3))
            buffer[Z + i] += a4 * (one if one > ZERO else ZERO) + c4 * (two if two > ZERO else ZERO)
    top = F(depth - 1)
    for i in range(n):
        r, g, b = buffer[CLAMPED + i], buffer[CLAMPED + G + i], buffer[CLAMPED + B + i]
        # 2 sigmoid(x) - 1
        power = buffer[Z + i] * F(-1.4426950408889634)
        power = power if power > F(-126.0) else F(-126.0)
        sway = F(2.0) / (ONE + exp2(power if power < F(126.0) else F(126.0))) - ONE
        z = F(0.2126) * r + (F(0.7152) * g + (F(0.0722) * b + _REACH * sway))
        z = z * F(depth) - HALF
        z = z if z > ZERO else ZERO
        buffer[Z + i] = z if z < top else top


@compiled
def slab(above, below, f, tables):
    """A row's tables (size,): ``f`` of the way from those of the row of cells above it to those below."""
    for i in range(tables.size):
        tables[i] = above[i] + f * (below[i] - above[i])


@compiled
def lay(buffer, n, tables, ways, x0):
    """Add a region's transform of CLAMPED, by WEIGHT, to STYLED, and WEIGHT to ACTIVE. ``tables`` (12, 2, 2, D):
    each coefficient at the column of cells before and from there to the next, in each bin and from there on.
    ``ways[x0:]``: how far on the strip's pixels are."""
    for i in range(n):
        buffer[ACTIVE + i] += buffer[WEIGHT + i]
    if HAS_LOOKUP and tables.shape[3] == BINS:
        _lay_by_lookup(buffer, Z, CLAMPED, WEIGHT, STYLED, tables, ways, x0, n)
        return
    lowest, highest = I(0x7F800000), I(0)
    for i in range(n):
        # Of floats that are not negative the bits are in order; and integers have no NaN to heed.
        bits = bits_of(buffer[Z + i])
        touched = buffer[WEIGHT + i] > ZERO
        lowest = I(min(lowest, bits if touched else I(0x7F800000)))
        highest = I(max(highest, bits if touched else I(0)))
    first, last = number_of(lowest), number_of(highest)
    for d in range(0, tables.shape[3], 2):
        if last > F(d - 1) and first < F(d + 2):
            for i in range(n):
                away = buffer[Z + i] - F(d)
                near, far = ONE - abs(away), ONE - abs(away - ONE)
                buffer[NEAR + i] = (near if near > ZERO else ZERO) * buffer[WEIGHT + i]
                buffer[FAR + i] = (far if far > ZERO else ZERO) * buffer[WEIGHT + i]
            _lay_bins(buffer, n, tables, 0, STYLED, d, ways, x0)
            _lay_bins(buffer, n, tables, 4, STYLED + G, d, ways, x0)
            _lay_bins(buffer, n, tables, 8, STYLED + B, d, ways, x0)


@compiled
def _lay_bins(buffer, n, tables, c, row, d, ways, x0):
    """Add one output of two neighbouring bins, by NEAR and FAR: their coefficients from ``c`` on, to ``row``."""
    a0, a1, a2, a3 = tables[c, 0, 0, d], tables[c + 1, 0, 0, d], tables[c + 2, 0, 0, d], tables[c + 3, 0, 0, d]
    b0, b1, b2, b3 = tables[c, 1, 0, d], tables[c + 1, 1, 0, d], tables[c + 2, 1, 0, d], tables[c + 3, 1, 0, d]
    d += 1
    e0, e1, e2, e3 = tables[c, 0, 0, d], tables[c + 1, 0, 0, d], tables[c + 2, 0, 0, d], tables[c + 3, 0, 0, d]
    h0, h1, h2, h3 = tables[c, 1, 0, d], tables[c + 1, 1, 0, d], tables[c + 2, 1, 0, d], tables[c + 3, 1, 0, d]
    for i in range(n):
        r, g, b, x = buffer[CLAMPED + i], buffer[CLAMPED + G + i], buffer[CLAMPED + B + i], ways[U(x0 + i)]
        near = (a0 + x * b0) * r + ((a1 + x * b1) * g + ((a2 + x * b2) * b + (a3 + x * b3)))
        far = (e0 + x * h0) * r + ((e1 + x * h1) * g + ((e2 + x * h2) * b + (e3 + x * h3)))
        buffer[U(row + i)] += buffer[NEAR + i] * near + buffer[FAR + i] * far


@compiled
def decode(buffer, n):
    """STYLED, which holds the sum of the affines, and what is KEPT: highlights bounded, ABOVE added, linear."""
    for k in range(0, 3 * STRIP, STRIP):
        highest = I(0)
        for i in range(n):
            above = buffer[ABOVE + k + i]
            w = buffer[STYLED + k + i] + buffer[KEPT + i] * buffer[CLAMPED + k + i]
            w = w if w > ZERO else ZERO
            bounded = w if w > _LOWEST else _LOWEST
            bounded = bounded if bounded < _HIGHEST else _HIGHEST
            part = above if above > ZERO else ZERO
            w = w + (bounded - w) * (part if part < ONE else ONE) + above
            buffer[STYLED + k + i] = w
            highest = I(max(highest, bits_of(abs(w))))
        if number_of(highest) > ONE:
            _unfold_highlights(buffer, n, STYLED + k)
        else:
            for i in range(n):
                w = buffer[STYLED + k + i]
                size = abs(w)
                linear = power_2_4(size) if size > _KNEE_ENCODED else size * F(1.0 / 12.92)
                buffer[STYLED + k + i] = with_sign(linear, w)


@compiled
def _unfold_highlights(buffer, n, row):
    """A row from W to linear, where some of it lies above 1."""
    for i in range(n):
        w = buffer[U(row + i)]
        size = abs(w)
        stops = (size - ONE) * _PER_STOP
        linear = exp2(stops if stops < F(127.0) else F(127.0))
        linear = linear if size > ONE else power_2_4(size)
        linear = linear if size > _KNEE_ENCODED else size * F(1.0 / 12.92)
        buffer[U(row + i)] = with_sign(linear, w)


@compiled
def settle(buffer, n):
    """VALID: the pixels that are to be stored."""
    for i in range(n):
        r, g, b = buffer[STYLED + i], buffer[STYLED + G + i], buffer[STYLED + B + i]
        real = (r == r) & (g == g) & (b == b) & (buffer[ACTIVE + i] > ZERO)
        buffer[VALID + i] = buffer[VALID + i] if real else ZERO


@compiled
def store(buffer, channel, pixels, y, x0, n, limit):
    """Premultiply and bound a channel of STYLED, and write it where VALID; elsewhere the stored bits stay."""
    for i in range(n):
        value = buffer[U(STYLED + channel + i)]
        # What was not negative does not become so.
        value = value if (value > ZERO) | (buffer[U(STORED + channel + i)] < ZERO) else ZERO
        value *= buffer[ALPHA + i]
        value = value if value < limit else limit
        value = value if value > -limit else -limit
        stored = pixels[y, U(x0 + i)]
        pixels[y, U(x0 + i)] = narrow(value, stored) if buffer[VALID + i] > ZERO else stored


@compiled
def any_in(buffer, n, row):
    """Is anything in a row of values that are not negative?"""
    found = I(0)
    for i in range(n):
        found = I(found | bits_of(buffer[U(row + i)]))
    return found != 0


@compiled
def fill(buffer, n, row, value):
    """One value in a whole row."""
    for i in range(n):
        buffer[U(row + i)] = value


@compiled
def copy(buffer, n, source, target):
    """One row to another."""
    for i in range(n):
        buffer[U(target + i)] = buffer[U(source + i)]


@compiled
def add(buffer, n, row, total):
    """Add one row to another."""
    for i in range(n):
        buffer[U(total + i)] += buffer[U(row + i)]
