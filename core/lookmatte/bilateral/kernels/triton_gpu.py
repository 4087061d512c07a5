"""The fused pass over a frame in a GPU's memory, in place: what Triton compiles.

What :func:`lookmatte.bilateral.apply.apply_band` says, for one run of a row's pixels a program, one pixel a thread,
all of it in registers. Two kernels: ``lerp_rows`` interpolates each grid between its rows of cells once for each
row of the frame (a pixel's transform is linear in y, and a row has one v), so that ``style_rows`` gathers four
corners of a cell and not eight. A corner's 12 coefficients lie one after the other: three loads of 16 bytes.
"""

from __future__ import annotations

import triton
import triton.language as tl

from lookmatte.bilateral.apply import HIGHLIGHT_STOPS, ROUNDING
from lookmatte.bilateral.encoding import STOP
from lookmatte.bilateral.guide import HIDDEN, REACH

_LARGEST = tl.constexpr(3.4028234663852886e38)
_KNEE, _KNEE_ENCODED = tl.constexpr(0.0031308), tl.constexpr(12.92 * 0.0031308)
_STOP, _PER_STOP = tl.constexpr(STOP), tl.constexpr(1.0 / STOP)
_LOWEST, _HIGHEST = tl.constexpr(1.0 - HIGHLIGHT_STOPS * STOP), tl.constexpr(1.0 + HIGHLIGHT_STOPS * STOP)
_ROUNDING, _SURE = tl.constexpr(ROUNDING), tl.constexpr(1.0 - ROUNDING)
_REACH, _HIDDEN = tl.constexpr(REACH), tl.constexpr(HIDDEN)

REGION_BITS = 29
"""What a program's pixels have among them is told in bits: weight of a region (those from the 29th on share one),
of the rest, and alpha."""
_REST, _OPAQUE = tl.constexpr(1 << REGION_BITS), tl.constexpr(2 << REGION_BITS)


@triton.jit
def lerp_rows(grids, v, slabs, rows, SIZE: tl.constexpr, HEIGHT: tl.constexpr, BLOCK: tl.constexpr):
    """(R, HEIGHT, SIZE) grids at the rows' (n,) v -> (R, n, SIZE) slabs."""
    row, grid = tl.program_id(0).to(tl.int64), tl.program_id(1).to(tl.int64)
    at = tl.load(v + row) * HEIGHT - 0.5
    at = tl.minimum(tl.maximum(at, 0.0), HEIGHT - 1.0)
    above = tl.minimum(at.to(tl.int32), max(HEIGHT - 2, 0))
    fall = at - above.to(tl.float32)
    source = grids + (grid * HEIGHT + above) * SIZE
    target = slabs + (grid * rows + row) * SIZE
    for start in range(0, SIZE, BLOCK):
        index = start + tl.arange(0, BLOCK)
        inside = index < SIZE
        upper = tl.load(source + index, mask=inside)
        lower = tl.load(source + index + (SIZE if HEIGHT > 1 else 0), mask=inside)
        tl.store(target + index, upper + fall * (lower - upper), mask=inside)


@triton.jit
def _log2(x, NATIVE: tl.constexpr):
    """log2 of a positive number: the processor's own where ``NATIVE``, to 2^-22; it knows no denormal numbers."""
    if NATIVE:
        return tl.inline_asm_elementwise("lg2.approx.ftz.f32 $0, $1;", "=f,f", [x], tl.float32, True, 1)
    else:
        return tl.log2(x)


@triton.jit
def _exp2(x, NATIVE: tl.constexpr):
    """2^x, to 2^-22 of its value."""
    if NATIVE:
        return tl.inline_asm_elementwise("ex2.approx.ftz.f32 $0, $1;", "=f,f", [x], tl.float32, True, 1)
    else:
        return tl.exp2(x)


@triton.jit
def _inverse(x, NATIVE: tl.constexpr):
    """1 / x, to 2^-23 of its value."""
    if NATIVE:
        return tl.inline_asm_elementwise("rcp.approx.ftz.f32 $0, $1;", "=f,f", [x], tl.float32, True, 1)
    else:
        return 1.0 / x


@triton.jit
def _either(one, other):
    return one | other


@triton.jit
def _finite(r, g, b):
    """Whether all three are neither NaN nor infinite."""
    # Times 0, all else would be NaN.
    return r * 0.0 + (g * 0.0 + b * 0.0) == 0.0


@triton.jit
def _four(at):
    """Four numbers that lie one after the other, at each of (n,) places."""
    pairs = tl.reshape(tl.load(at[:, None] + tl.arange(0, 4)[None, :]), [at.shape[0], 2, 2])
    even, odd = tl.split(pairs)
    first, third = tl.split(even)
    second, fourth = tl.split(odd)
    return first, second, third, fourth


@triton.jit
def _affine(at, r, g, b):
    """A row of four coefficients, at each of (n,) places, of a colour."""
    one, two, three, four = _four(at)
    return one * r + (two * g + (three * b + four))


@triton.jit
def _between(place, CELLS: tl.constexpr):
    """The cell before a place in [0, 1] of an axis, and how far on to the next; the border clamps."""
    at = tl.minimum(tl.maximum(place * CELLS - 0.5, 0.0), CELLS - 1.0)
    before = tl.minimum(at.to(tl.int32), CELLS - 2 if CELLS > 1 else 0)
    return before, at - before.to(tl.float32)


@triton.jit
def _times(matrix, r, g, b):
    """A 3x3, row by row, times a colour."""
    return (
        matrix[0] * r + matrix[1] * g + matrix[2] * b,
        matrix[3] * r + matrix[4] * g + matrix[5] * b,
        matrix[6] * r + matrix[7] * g + matrix[8] * b,
    )


@triton.jit
def _signed(size, like):
    """A number that is not negative, with the sign of another."""
    sign = like.to(tl.int32, bitcast=True) & -2147483648
    return (size.to(tl.int32, bitcast=True) | sign).to(tl.float32, bitcast=True)


@triton.jit
def _encode(x, NATIVE: tl.constexpr):
    """The working encoding of a channel: clamped to [0, 1], and what lies beyond."""
    size = tl.abs(x)
    log = _log2(tl.maximum(size, _KNEE), NATIVE)
    w = 1.055 * _exp2(log * (1.0 / 2.4), NATIVE) - 0.055
    w = tl.where(size > _KNEE, w, 12.92 * size)
    w = tl.where(size <= 1.0, w, 1.0 + _STOP * log)
    w = _signed(w, x)
    clamped = tl.minimum(tl.maximum(w, 0.0), 1.0)
    return clamped, w - clamped


@triton.jit
def _decode(w, above, NATIVE: tl.constexpr):
    """A channel of the affine's result: highlights bounded, what lay beyond added, linear."""
    w = tl.maximum(w, 0.0)
    bounded = tl.minimum(tl.maximum(w, _LOWEST), _HIGHEST)
    w = w + (bounded - w) * tl.minimum(tl.maximum(above, 0.0), 1.0) + above
    size = tl.abs(w)
    power = 2.4 * _log2(size * (1.0 / 1.055) + (0.055 / 1.055), NATIVE)
    linear = _exp2(tl.where(size > 1.0, tl.minimum(size * _PER_STOP - _PER_STOP, 127.0), power), NATIVE)
    linear = tl.where(size > _KNEE_ENCODED, linear, size * (1.0 / 12.92))
    return _signed(linear, w)


@triton.jit
def _guide(r, g, b, w1, bias, w2, b2, DEPTH: tl.constexpr, FLAT: tl.constexpr, NATIVE: tl.constexpr):
    """Where a colour lies between the bins: the one before, and how far on."""
    z = 0.2126 * r + 0.7152 * g + 0.0722 * b
    if not FLAT:
        total = tl.zeros_like(r) + b2
        for j in tl.static_range(_HIDDEN):
            unit = w1[3 * j] * r + (w1[3 * j + 1] * g + (w1[3 * j + 2] * b + bias[j]))
            total += w2[j] * tl.maximum(unit, 0.0)
        # 2 sigmoid(x) - 1
        power = tl.minimum(total * -1.4426950408889634, 126.0)
        z += _REACH * (2.0 * _inverse(1.0 + _exp2(power, NATIVE), NATIVE) - 1.0)
    return _between(z, DEPTH)


@triton.jit
def _cover(matte, at, inside, coverage, part):
    """A `pixel` region's weight before it is shared; ``part`` is 1 / alpha, 0 where there is none."""
    value = tl.load(matte + at, mask=inside, other=0.0).to(tl.float32)
    return tl.where(coverage != 0, tl.minimum(value * part, 1.0), value)


@triton.jit
def _soft_cover(maps, column, way, row, fall, r, g, b, HEIGHT: tl.constexpr, WIDTH: tl.constexpr):
    """A `grid` region's weight before it is shared, from its (HEIGHT, WIDTH, 4) coefficients."""
    at = maps + (row * WIDTH + column) * 4
    right: tl.constexpr = 4 if WIDTH > 1 else 0
    below: tl.constexpr = WIDTH * 4 if HEIGHT > 1 else 0
    here, there = _affine(at, r, g, b), _affine(at + right, r, g, b)
    here += fall * (_affine(at + below, r, g, b) - here)
    there += fall * (_affine(at + (below + right), r, g, b) - there)
    matte = tl.maximum(here + way * (there - here), 0.0)
    return tl.where(matte > _SURE, 1.0, matte)


@triton.jit
def _lay(red, green, blue, slab, column, way, bin, rise, weight, r, g, b, DEPTH: tl.constexpr, WIDTH: tl.constexpr):
    """Add a region's transform of a colour, by its weight."""
    cell = slab + (column * DEPTH + bin) * 12
    after = weight * way
    before = weight - after
    for corner in tl.static_range(4):
        share = before if corner < 2 else after
        share = share * rise if corner % 2 == 1 else share - share * rise
        step = ((DEPTH * 12 if WIDTH > 1 else 0) if corner >= 2 else 0) + (
            (12 if DEPTH > 1 else 0) if corner % 2 == 1 else 0
        )
        red += share * _affine(cell + step, r, g, b)
        green += share * _affine(cell + (step + 4), r, g, b)
        blue += share * _affine(cell + (step + 8), r, g, b)
    return red, green, blue


@triton.jit
def _store(target, at, value, straight, alpha, limit, chosen):
    """Premultiply and bound a channel, and write it where ``chosen``."""
    # What was not negative does not become so.
    value = tl.where(straight < 0.0, value, tl.maximum(value, 0.0)) * alpha
    value = tl.minimum(tl.maximum(value, -limit), limit)
    tl.store(target + at, value.to(target.dtype.element_ty), mask=chosen)


@triton.jit(do_not_specialize=["named", "softs"])
def style_rows(
    red, green, blue, alpha, mattes, touched, broken, solid, u, v, plan, slabs, maps,
    width, height, named, softs, row_step, column_step, alpha_row, alpha_column,
    matte_step, matte_row, matte_column, forth, back, w1, bias, bare, w2, b2, limit,
    BLOCK: tl.constexpr, DEPTH: tl.constexpr, WIDTH: tl.constexpr, SOFT_HEIGHT: tl.constexpr,
    SOFT_WIDTH: tl.constexpr, ALPHA: tl.constexpr, CONVERT: tl.constexpr, FLAT: tl.constexpr,
    SOFT: tl.constexpr, REST: tl.constexpr, TOUCHED: tl.constexpr, SINGLE: tl.constexpr, COVERAGE: tl.constexpr,
    NATIVE: tl.constexpr,
):  # fmt: skip
    """Style the rows of three planes in place; a program has BLOCK pixels of one row, over a grid of (runs, rows).

    The planes have one type and one pair of steps, in elements, from row to row and column to column; ``alpha`` and
    ``mattes`` (``named``, height, width) have their own. ``broken`` (height,) counts pixels that are not finite;
    ``solid`` (height,) becomes 1 where there is alpha; ``touched`` (height, width), if TOUCHED, where a look has
    weight. ``plan`` (``named`` + ``softs`` + 1, 3): of each region and the rest its grid, whether its matte is
    coverage, and its bit. ``slabs``: from :func:`lerp_rows`. ``maps`` (``softs``, SOFT_HEIGHT, SOFT_WIDTH, 4):
    enhanced mattes. ``bias`` and ``bare``: what the guide's units begin with in a region and in the rest. SINGLE:
    one `pixel` region, whose grid is the first. NATIVE: the processor's own logarithm may be asked for.
    """
    y = tl.program_id(1)
    x = tl.max_contiguous(tl.program_id(0) * BLOCK + tl.arange(0, BLOCK), 1)
    inside = x < width
    row = y.to(tl.int64)
    red, green, blue = red + row * row_step, green + row * row_step, blue + row * row_step
    mattes += row * matte_row
    at, matte_at = x * column_step, x * matte_column

    r = tl.load(red + at, mask=inside, other=0.0).to(tl.float32)
    g = tl.load(green + at, mask=inside, other=0.0).to(tl.float32)
    b = tl.load(blue + at, mask=inside, other=0.0).to(tl.float32)
    whole = _finite(r, g, b)
    if ALPHA:
        a = tl.load((alpha + row * alpha_row) + x * alpha_column, mask=inside, other=0.0).to(tl.float32)
        whole &= a * 0.0 == 0.0
        opaque = a > 0.0
        part = _inverse(tl.where(opaque, a, 1.0), NATIVE)
        r, g, b = r * part, g * part, b * part
        part = tl.where(opaque, tl.minimum(part, 1e12), 0.0)
    else:
        opaque, part = inside, 1.0
        a = 1.0
    tl.atomic_add(broken + y + x * 0, 1, mask=inside & ~whole, sem="relaxed")
    valid = opaque & whole
    lr, lg, lb = r, g, b
    if CONVERT:
        lr, lg, lb = _times(forth, r, g, b)
    # A colour over a vanishing alpha, or in another gamut, may not fit float32.
    valid &= _finite(lr, lg, lb)
    lr, lg, lb = tl.where(valid, lr, 0.0), tl.where(valid, lg, 0.0), tl.where(valid, lb, 0.0)

    covered = tl.zeros([BLOCK], tl.float32)
    bits = tl.where(opaque, _OPAQUE, 0)
    if SINGLE:
        covered = _cover(mattes, matte_at, inside, COVERAGE, part)
        bits |= tl.where(valid & (covered > 0.0), 1, 0)
    else:
        matte, entry = mattes, plan
        for _ in range(named):
            weight = _cover(matte, matte_at, inside, tl.load(entry + 1), part)
            covered += weight
            bits |= tl.where(valid & (weight > 0.0), tl.load(entry + 2), 0)
            matte += matte_step
            entry += 3
    left = 1.0 - tl.minimum(covered, 1.0)
    left = tl.where(left > _ROUNDING, left, 0.0)
    shared = _inverse(tl.maximum(covered, 1.0), NATIVE)
    if REST:
        bits |= tl.where(valid & (left > 0.0), _REST, 0)
    seen = tl.reduce(bits, 0, _either)
    tl.store(solid + y, 1, mask=(seen & _OPAQUE) != 0)

    if SOFT or (seen & (_OPAQUE - 1)) != 0:
        cr, over_r = _encode(lr, NATIVE)
        cg, over_g = _encode(lg, NATIVE)
        cb, over_b = _encode(lb, NATIVE)
        place = tl.load(u + x, mask=inside, other=0.0)
        column, way = _between(place, WIDTH)
        bin, rise = _guide(cr, cg, cb, w1, bias, w2, b2, DEPTH, FLAT, NATIVE)
        size: tl.constexpr = WIDTH * DEPTH * 12

        sr, sg, sb = tl.zeros_like(cr), tl.zeros_like(cr), tl.zeros_like(cr)
        kept, active = tl.zeros_like(cr), tl.zeros_like(cr)
        if SINGLE:
            active = shared * covered
            plan += 3
            if seen & 1 != 0:
                slab = slabs + row * size
                sr, sg, sb = _lay(sr, sg, sb, slab, column, way, bin, rise, active, cr, cg, cb, DEPTH, WIDTH)
        else:
            matte = mattes
            for _ in range(named):
                grid = tl.load(plan)
                if grid < 0 or seen & tl.load(plan + 2) != 0:
                    weight = shared * _cover(matte, matte_at, inside, tl.load(plan + 1), part)
                    if grid < 0:
                        kept += weight
                    else:
                        slab = slabs + (grid.to(tl.int64) * height + y) * size
                        sr, sg, sb = _lay(
                            sr, sg, sb, slab, column, way, bin, rise, weight, cr, cg, cb, DEPTH, WIDTH
                        )
                        active += weight
                matte += matte_step
                plan += 3
        if SOFT:
            soft_row, soft_fall = _between(tl.load(v + y), SOFT_HEIGHT)
            soft_column, soft_way = _between(place, SOFT_WIDTH)
            rough = tl.zeros([BLOCK], tl.float32)
            rough_map = maps
            for _ in range(softs):
                rough += _soft_cover(
                    rough_map, soft_column, soft_way, soft_row, soft_fall, cr, cg, cb, SOFT_HEIGHT, SOFT_WIDTH
                )
                rough_map += SOFT_HEIGHT * SOFT_WIDTH * 4
            under = left / tl.maximum(rough, 1.0)
            remains = 1.0 - tl.minimum(rough, 1.0)
            left = left * tl.where(remains > _ROUNDING, remains, 0.0)
            for _ in range(softs):
                weight = under * _soft_cover(
                    maps, soft_column, soft_way, soft_row, soft_fall, cr, cg, cb, SOFT_HEIGHT, SOFT_WIDTH
                )
                grid = tl.load(plan)
                if grid < 0:
                    kept += weight
                elif tl.max(weight, 0) > 0.0:
                    slab = slabs + (grid.to(tl.int64) * height + y) * size
                    sr, sg, sb = _lay(sr, sg, sb, slab, column, way, bin, rise, weight, cr, cg, cb, DEPTH, WIDTH)
                    active += weight
                maps += SOFT_HEIGHT * SOFT_WIDTH * 4
                plan += 3
        if REST:
            if tl.max(left, 0) > 0.0:
                bin, rise = _guide(cr, cg, cb, w1, bare, w2, b2, DEPTH, FLAT, NATIVE)
                grid = tl.load(plan)
                slab = slabs + (grid.to(tl.int64) * height + y) * size
                sr, sg, sb = _lay(sr, sg, sb, slab, column, way, bin, rise, left, cr, cg, cb, DEPTH, WIDTH)
                active += left
        else:
            kept += left

        dr = _decode(sr + kept * cr, over_r, NATIVE)
        dg = _decode(sg + kept * cg, over_g, NATIVE)
        db = _decode(sb + kept * cb, over_b, NATIVE)
        if CONVERT:
            dr, dg, db = _times(back, dr, dg, db)
        chosen = valid & (active > 0.0) & (dr == dr) & (dg == dg) & (db == db)
        _store(red, at, dr, r, a, limit, chosen)
        _store(green, at, dg, g, a, limit, chosen)
        _store(blue, at, db, b, a, limit, chosen)
        if TOUCHED:
            tl.store((touched + row * width) + x, 1, mask=inside & (active > 0.0))


INTERPRETED = not isinstance(style_rows, triton.JITFunction)
"""Whether Triton only interprets the kernels, on tensors in main memory: TRITON_INTERPRET=1 in the environment."""
