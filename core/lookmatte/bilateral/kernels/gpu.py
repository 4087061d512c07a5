"""The fused GPU kernel: a frame in a device's memory, styled in place in one pass (Triton).

The same numbers as :func:`lookmatte.bilateral.apply.apply_band` between reading and writing them, to 1e-4 of the
working encoding. Triton compiles for some seconds at the first use of each kind of frame and look (half or float,
alpha, a 3x3, soft regions, rest), and keeps that on disk.

What bounds it: a pixel under one region costs 24 to 32 bytes of the card's memory and some 390 instructions on
Hopper (counted in the machine code that Triton makes for it, half of them multiply-adds), of which 16 are of the
special function unit and 12 are loads of 16 bytes from the first-level cache. An H200 that issues four instructions
a clock and multiprocessor at 1.98 GHz needs 0.14 ms for the instructions of 12 million pixels, where copying their
bytes takes 0.08 ms: issuing instructions bounds it, then the first-level cache, then memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from lookmatte.bilateral.apply import Look, SoftRegion
from lookmatte.bilateral.encoding import LARGEST_HALF
from lookmatte.bilateral.kernels.plain import Told, as_bits
from lookmatte.bilateral.kernels.triton_gpu import INTERPRETED, REGION_BITS, lerp_rows, style_rows

Shape = tuple[int, int]

SHAPE: Shape = (512, 4)
"""Pixels of a program, and its warps, where one region covers the frame: four pixels a thread share what is
the same for all of a row."""

SHAPE_MANY: Shape = (256, 4)
"""The same for several regions, which need more registers, and whose programs skip those that they do not see."""

_MOST_ROWS = 65_535
_LERPED = 1024
_UNBOUND = torch.finfo(torch.float32).max
_EYE = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


class GpuLook:
    """A Look laid out for frames on a CUDA ``device`` whose columns lie at (w,) ``u``, ascending, and rows at (h,)
    ``v``, in display coordinates. ``forth`` and ``back``: the 3x3 from the plate's own space to linear Rec.709 and
    its inverse; None: it is that space. Its methods are those of
    :class:`~lookmatte.bilateral.kernels.plain.DeviceLook`, and wait for nothing.

    Memory beside the frame: 6 KiB a row and region that has a grid.
    """

    def __init__(
        self,
        look: Look,
        u: Tensor,
        v: Tensor,
        forth: Tensor | None = None,
        back: Tensor | None = None,
        *,
        device: torch.device,
        shape: Shape | None = None,
    ) -> None:
        self.device = device
        self._shape = shape
        self._u, self._v = u.to(device, torch.float32).contiguous(), v.to(device, torch.float32).contiguous()
        grids: list[Tensor] = []
        self._which: list[int] = []
        for grid in (*look.pixel_grids, *(one.grid for one in look.soft), look.rest):
            self._which.append(-1 if grid is None else len(grids))
            grids += [] if grid is None else [grid.to(device)]
        size = tuple(grids[0].shape[1:]) if grids else (2, 1, 1)
        self._depth, self._height, self._width = size
        stacked = torch.stack(grids) if grids else torch.zeros(0, 12, *size, device=device)
        # (R, H, W, D, 12): what a pixel gathers lies together.
        self._grids = stacked.float().permute(0, 3, 4, 2, 1).contiguous()
        self._maps = _maps(look.soft, device)
        self._named = len(look.pixel_grids)
        self._plans: dict[tuple[bool, ...], Tensor] = {}
        self._convert = forth is not None
        self._forth = _EYE if forth is None else _numbers(forth)
        self._back = _EYE if back is None else _numbers(back)
        guide = look.guide
        self._flat = not (bool(guide.w2.any()) or bool(guide.b2.any()))
        # The guide sees a matte of 1 in a region and of 0 in the rest: that is in what its units begin with.
        bare = guide.b1.cpu()
        bias = bare + guide.w1.cpu()[:, 3]
        self._guide = (
            _numbers(guide.w1[:, :3]), _numbers(bias), _numbers(bare), _numbers(guide.w2), float(guide.b2),
        )  # fmt: skip

    def style(
        self, rgb: Sequence[Tensor], alpha: Tensor | None, mattes: Tensor, coverage: Sequence[bool], y0: int = 0
    ) -> Told:
        rows = len(rgb[0])
        strides = {(plane.stride(), plane.dtype) for plane in rgb}
        planes = list(rgb) if len(strides) == 1 else [plane.contiguous() for plane in rgb]
        told = torch.zeros(2, rows, dtype=torch.int32, device=self.device)
        self._run(planes, alpha, mattes, coverage, y0, (told[0], told[1]), None)
        if len(strides) > 1:
            for plane, styled in zip(rgb, planes, strict=True):
                as_bits(plane).copy_(as_bits(styled))
        return Told(told[0], told[1].any())

    def style_linear(self, linear: Tensor, weights: Tensor, y0: int = 0) -> Tensor:
        told = torch.zeros(2, linear.shape[1], dtype=torch.int32, device=self.device)
        touched = torch.zeros(linear.shape[1:], dtype=torch.uint8, device=self.device)
        self._run(list(linear), None, weights, [False] * len(weights), y0, (told[0], told[1]), touched)
        return touched.bool()

    def _run(
        self,
        rgb: Sequence[Tensor],
        alpha: Tensor | None,
        mattes: Tensor,
        coverage: Sequence[bool],
        y0: int,
        told: Sequence[Tensor],
        touched: Tensor | None,
    ) -> None:
        rows, width = rgb[0].shape
        if not rows * width:
            return
        if rows > _MOST_ROWS:
            for first in range(0, rows, _MOST_ROWS):
                part = slice(first, first + _MOST_ROWS)
                self._run(
                    [plane[part] for plane in rgb], None if alpha is None else alpha[part], mattes[:, part],
                    coverage, y0 + first, [one[part] for one in told], None if touched is None else touched[part],
                )  # fmt: skip
            return
        single = self._named == 1 and self._which[0] == 0
        block, warps = self._shape or (SHAPE if single and not len(self._maps) else SHAPE_MANY)
        over = rgb[0] if alpha is None else alpha
        convert = self._convert and touched is None
        limit = LARGEST_HALF if touched is None else _UNBOUND
        options: dict[str, Any] = {"num_warps": warps, "enable_fp_fusion": True}
        with self._here():
            v = self._v[y0 : y0 + rows]
            slabs = self._slabs(v)
            style_rows[(-(-width // block), rows)](
                *rgb, over, mattes, rgb[0] if touched is None else touched, *told, self._u, v,
                self._plan(coverage), slabs, self._maps, width, rows, self._named, len(self._maps),
                *rgb[0].stride(), *over.stride(), *mattes.stride(), self._forth, self._back, *self._guide, limit,
                BLOCK=block, DEPTH=self._depth, WIDTH=self._width, SOFT_HEIGHT=self._maps.shape[1],
                SOFT_WIDTH=self._maps.shape[2], ALPHA=alpha is not None, CONVERT=convert, FLAT=self._flat,
                SOFT=len(self._maps) > 0, REST=self._which[-1] >= 0, TOUCHED=touched is not None, SINGLE=single,
                COVERAGE=int(single and coverage[0]), NATIVE=self._native(), **options,
            )  # fmt: skip

    def _slabs(self, v: Tensor) -> Tensor:
        """Every grid between its rows of cells, for each row of the frame: (R, n, W * D * 12)."""
        count, size = len(self._grids), self._width * self._depth * 12
        slabs = torch.empty(count, len(v), size, device=self.device)
        if count:
            lerp_rows[(len(v), count)](self._grids, v, slabs, len(v), SIZE=size, HEIGHT=self._height, BLOCK=_LERPED)
        return slabs

    def _plan(self, coverage: Sequence[bool]) -> Tensor:
        """(P + G + 1, 3) int32, of each `pixel` region, `grid` region and the rest: its grid, -1 for none; whether
        its matte is coverage; and the bit that tells of its weight."""
        key = tuple(bool(one) for one in coverage)
        if key not in self._plans:
            flags = [*key, *[False] * (len(self._which) - len(key))]
            rows = [
                [grid, int(flag), 0 if grid < 0 else 1 << min(index, REGION_BITS - 1)]
                for index, (grid, flag) in enumerate(zip(self._which, flags, strict=True))
            ]
            self._plans[key] = torch.tensor(rows, dtype=torch.int32).to(self.device)
        return self._plans[key]

    def _native(self) -> bool:
        return not INTERPRETED and torch.version.hip is None

    def _here(self) -> AbstractContextManager[Any]:
        return torch.cuda.device(self.device) if self.device.type == "cuda" else nullcontext()


def _numbers(tensor: Tensor) -> tuple[float, ...]:
    return tuple(tensor.detach().float().flatten().tolist())


def _maps(regions: Sequence[SoftRegion], device: torch.device) -> Tensor:
    """Coefficients of the enhanced mattes, four together: (G, h, w, 4)."""
    if not regions:
        return torch.zeros(0, 1, 1, 4, device=device)
    return torch.stack([region.enhanced.to(device).float() for region in regions]).permute(0, 2, 3, 1).contiguous()
