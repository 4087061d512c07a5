"""Slicing by table, where the processor looks up 16 numbers of a vector register at once: twice as fast as tents.

In a column of cells, each of the 12 coefficients has a value in 8 bins and a step to the next bin: 16 numbers, one
register. The compiler finds no such lookup in a loop, so the loop is written for it here, in its own language.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from lookmatte.bilateral.kernels.kept import processor

BINS = 8
LANES = 2 * BINS
_NUMBERS, _PLACES = ir.VectorType(ir.FloatType(), LANES), ir.VectorType(ir.IntType(32), LANES)
_LOOKUP = "llvm.x86.avx512.permvar.sf.512"


def is_there() -> bool:
    """Whether the processor that numba makes code for has the lookup."""
    return "+avx512f" in processor()[2].split(",")


def lookup_layer(stride: int) -> Any:
    """A compiled function that adds a region: ``(buffer, z, colour, weight, output, tables, ways, x0, n)``.

    To three rows from ``output`` on, ``stride`` elements apart, is added the transform of three rows from
    ``colour`` on, by the row ``weight``, at the row ``z`` between the bins. ``tables`` (12, 2, 2, 8) hold a column
    of cells and, second, the way to the next one; ``ways[x0:]`` says how far along it a pixel lies. ``n``: a
    multiple of 16.
    """

    @intrinsic
    def layer(context, buffer, z, colour, weight, output, tables, ways, x0, n):  # type: ignore[no-untyped-def]
        integer = types.int64
        signature = types.void(buffer, integer, integer, integer, integer, tables, ways, integer, integer)

        def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            def data(index: int) -> ir.Value:
                kind = signature.args[index]
                return context.make_array(kind)(context, builder, arguments[index]).data

            _, z, colour, weight, output, _, _, x0, n = arguments
            emitted = _Lanes(builder, data(0), data(5))
            with cgutils.for_range_slice(builder, n.type(0), n, n.type(LANES), intp=n.type, inc=True) as (i, _):
                emitted.pixels(
                    emitted.load(builder.add(z, i)),
                    [emitted.load(builder.add(colour, builder.add(i, n.type(k * stride)))) for k in range(3)],
                    emitted.load(builder.add(weight, i)),
                    emitted.load(builder.add(x0, i), data(6)),
                    [builder.add(output, builder.add(i, n.type(k * stride))) for k in range(3)],
                )
            return context.get_dummy_value()

        return signature, generate

    return layer


class _Lanes:
    """The instructions for 16 pixels."""

    def __init__(self, builder: ir.IRBuilder, buffer: ir.Value, tables: ir.Value) -> None:
        self._builder, self._buffer, self._tables = builder, buffer, tables
        kind = ir.FunctionType(_NUMBERS, [_NUMBERS, _PLACES])
        self._permute = cgutils.get_or_insert_function(builder.module, kind, _LOOKUP)

    def load(self, place: ir.Value, source: ir.Value | None = None) -> ir.Value:
        """16 numbers from ``place`` on."""
        return self._builder.load(self._at(place, source), align=4)

    def _at(self, place: ir.Value, source: ir.Value | None = None) -> ir.Value:
        start = self._builder.gep(self._buffer if source is None else source, [place])
        return self._builder.bitcast(start, _NUMBERS.as_pointer())

    def _fused(self, a: ir.Value, b: ir.Value, c: ir.Value) -> ir.Value:
        """a b + c."""
        product = self._builder.fmul(a, b, flags=("contract",))
        return self._builder.fadd(product, c, flags=("contract",))

    def pixels(
        self, z: ir.Value, colour: Sequence[ir.Value], weight: ir.Value, way: ir.Value, outputs: Sequence[ir.Value]
    ) -> None:
        """Add the transform of ``colour`` at ``z`` and ``way``, by ``weight``, to what lies at ``outputs``."""
        builder = self._builder
        bin = builder.fptosi(z, _PLACES)
        above = builder.fsub(z, builder.sitofp(bin, _NUMBERS))
        step = builder.add(bin, ir.Constant(_PLACES, [BINS] * LANES))

        def along(index: int) -> ir.Value:
            table = self.load(ir.IntType(64)(index * LANES), self._tables)
            value, rise = (builder.call(self._permute, [table, where]) for where in (bin, step))
            return self._fused(rise, above, value)

        for row, output in enumerate(outputs):
            a, b, c, d = (
                self._fused(along(2 * k + 1), way, along(2 * k)) for k in range(4 * row, 4 * row + 4)
            )
            styled = self._fused(colour[0], a, self._fused(colour[1], b, self._fused(colour[2], c, d)))
            place = self._at(output)
            builder.store(self._fused(styled, weight, builder.load(place, align=4)), place, align=4)
