"""Numbers for the strips: halves, and the logarithm and power that the working encoding is made of.

Vectorised approximations, whose error (see below) is some thousandth of a half's own step.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic, overload

from lookmatte.bilateral.encoding import STOP

F = np.float32
I = np.int32  # noqa: E741
"""numba widens the integers that it adds: sums are cut back, or they would fill two vectors."""
U = np.uint64
"""As an index it is never counted from the end, which would make a gather of a load."""
ZERO, HALF, ONE = F(0.0), F(0.5), F(1.0)

_KNEE, _STOP, _SIGN = F(0.0031308), F(STOP), I(-(2**31))

# Polynomials of least greatest error, lowest power first.
# log2(1 + m) / m for 1 + m in [sqrt(1/2), sqrt(2)]: log2 to 4e-7.
LOG = (
    F(1.442699670791626), F(-0.7213758826255798), F(0.48046502470970154), F(-0.3589618504047394),
    F(0.29726260900497437), F(-0.27269789576530457), F(0.17063434422016144),
)  # fmt: skip
# 2^t for t in [-1/2, 1/2]: to 2.5e-7 of its value.
EXP = (
    F(1.0000001192092896), F(0.6931469440460205), F(0.24022120237350464), F(0.05550713092088699),
    F(0.009675540961325169), F(0.001327647129073739),
)  # fmt: skip
# ((x + 0.055) / 1.055)^2.4 for x in [0.0404, 1]: to 1.6e-6 of the working encoding, and 4e-5 of its value, a
# twelfth of what a half rounds away.
POWER = (
    F(0.0008439731318503618), F(0.03575977683067322), F(0.4784303307533264), F(0.9115444421768188),
    F(-1.0493220090866089), F(1.3316740989685059), F(-1.1857818365097046), F(0.6139498353004456),
    F(-0.13710196316242218),
)  # fmt: skip

# Sums may be contracted to multiply-adds, and nothing else: NaN and the order of additions count.
compiled = njit(nogil=True, fastmath={"contract"}, error_model="numpy")


@intrinsic
def bits_of(_context, number_of):
    """The bits of a float32, as an int32."""
    return types.int32(types.float32), lambda _c, builder, _s, args: builder.bitcast(args[0], ir.IntType(32))


@intrinsic
def number_of(_context, bits_of):
    """The float32 that has these bits."""
    return types.float32(types.int32), lambda _c, builder, _s, args: builder.bitcast(args[0], ir.FloatType())


def widen(stored):
    """A stored value as float32: float32 itself, or the bits of a half as uint16."""


@overload(widen)
def _widened(stored):
    if stored == types.float32:
        return lambda stored: stored

    def half(stored):
        size = I(I(stored) & I(0x7FFF))
        exponent = I(112 << 23) if size < I(0x7C00) else I(224 << 23)
        wide = number_of(I(I(size << I(13)) + exponent))
        wide = F(size) * F(2.0**-24) if size < I(0x400) else wide
        return number_of(I(bits_of(wide) | I(I(I(stored) & I(0x8000)) << I(16))))

    return half


def narrow(value, stored):
    """A finite float32 within the range of a half, in the type of ``stored``, rounded to the nearest even."""


@overload(narrow)
def _narrowed(value, stored):
    if stored == types.float32:
        return lambda value, stored: value

    def half(value, stored):
        bits = bits_of(value)
        size = I(bits & I(0x7FFFFFFF))
        # A half's smallest steps are those of a float32 just above 1/2: adding that rounds.
        small = I(bits_of(number_of(size) + HALF) - bits_of(HALF))
        large = I(I(I(size + I(0xFFF - (112 << 23))) + I(I(size >> I(13)) & I(1))) >> I(13))
        return np.uint16(I((small if size < I(113 << 23) else large) | I(I(bits >> I(16)) & I(0x8000))))

    return half


@compiled
def finite(x):
    """Whether a float32 is neither NaN nor infinite."""
    return I(bits_of(x) & I(0x7F800000)) != I(0x7F800000)


@compiled
def log2(x):
    """log2 of a positive float32."""
    bits = bits_of(x)
    exponent = I(I(bits - I(0x3F3504F3)) >> I(23))
    m = number_of(I(bits - I(exponent << I(23)))) - ONE
    p = LOG[6]
    p = p * m + LOG[5]
    p = p * m + LOG[4]
    p = p * m + LOG[3]
    p = p * m + LOG[2]
    p = p * m + LOG[1]
    p = p * m + LOG[0]
    return p * m + F(exponent)


@compiled
def exp2(x):
    """2^x for x in [-126, 127]."""
    whole = np.rint(x)
    t = x - whole
    p = EXP[5]
    p = p * t + EXP[4]
    p = p * t + EXP[3]
    p = p * t + EXP[2]
    p = p * t + EXP[1]
    p = p * t + EXP[0]
    return number_of(I(bits_of(p) + I(I(whole) << I(23))))


@compiled
def power_2_4(x):
    """sRGB's power curve, from an encoded x in [0.0404, 1] to linear."""
    p = POWER[8]
    p = p * x + POWER[7]
    p = p * x + POWER[6]
    p = p * x + POWER[5]
    p = p * x + POWER[4]
    p = p * x + POWER[3]
    p = p * x + POWER[2]
    p = p * x + POWER[1]
    return p * x + POWER[0]


@compiled
def with_sign(size, x):
    """A number that is not negative, with the sign of another."""
    return number_of(I(bits_of(size) | I(bits_of(x) & _SIGN)))


@compiled
def encoded(x):
    """W of a linear x: see :func:`lookmatte.bilateral.encoding.encode`."""
    size = abs(x)
    log = log2(size if size > _KNEE else _KNEE)
    w = F(1.055) * exp2(log * F(1.0 / 2.4)) - F(0.055)
    w = w if size > _KNEE else F(12.92) * size
    return with_sign(w if size <= ONE else ONE + _STOP * log, x)
