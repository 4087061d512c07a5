"""Looks on a GPU, against copying the bytes that one fused pass must move in its memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from lookmatte.benchmarks.rows import Options, Row
from lookmatte.benchmarks.scenes import hard_plate, look, scene
from lookmatte.benchmarks.timing import Work, in_turns
from lookmatte.bilateral.apply import Look, reference_transform
from lookmatte.bilateral.kernels import find_device, kernel_on
from lookmatte.bilateral.kernels.plain import DeviceLook, PlainLook

SIZE = (4000, 3000)
_NAME = "3000x4000"
_SHAPES = ((128, 4), (256, 4), (512, 4), (64, 1), (128, 1), (256, 2))
_AHEAD = 16


@dataclass(frozen=True)
class _Queued(Work):
    """Work timed by a CUDA device's own clock. ``ahead`` keeps the device busy while the host queues what is timed,
    so that the host's part, a tenth of a millisecond of Python, is not in it."""

    ahead: Callable[[], object] = field(kw_only=True)

    def seconds(self) -> float:
        self.before()
        for _ in range(_AHEAD):
            self.ahead()
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
        start.record()
        self.run()
        end.record()
        end.synchronize()
        return float(start.elapsed_time(end)) / 1e3


class _Plate:
    """A hard plate and its mattes in a device's memory."""

    def __init__(
        self, width: int, height: int, regions: int, dtype: type[np.floating], device: torch.device
    ) -> None:
        made = scene(hard_plate(width, height, dtype), regions)
        self.look: Look = made.look
        channels = made.frame.plate.channels
        self.stored = torch.stack([torch.from_numpy(channels[name]) for name in "RGB"]).to(device)
        self.alpha = torch.from_numpy(channels["A"]).to(device)
        mattes = [torch.from_numpy(matte.matte.rows(0, height)) for matte in made.mattes]
        self.mattes = torch.stack(mattes).to(device)
        self.rgb = self.stored.clone()
        self.u = (torch.arange(width) + 0.5) / width
        self.v = (torch.arange(height) + 0.5) / height
        self._coverage = [True] * regions

    def restore(self) -> None:
        """Undo what styling has changed."""
        self.rgb.copy_(self.stored)

    def style(self, kernel: DeviceLook) -> None:
        """Style it, in place."""
        kernel.style(self.rgb.unbind(0), self.alpha, self.mattes, self._coverage)


def measure(options: Options, device: str = "cuda") -> Iterator[Row]:
    """The rows, of one size: 12 million pixels, the paper's largest."""
    place = find_device(device)
    for regions, dtype in ((1, np.float32), (1, np.float16), (4, np.float32)):
        yield from _applied(options, place, regions, dtype)
    yield _definition(options, place)


def _applied(options: Options, device: torch.device, regions: int, dtype: type[np.floating]) -> Iterator[Row]:
    width, height = options.size(*SIZE)
    plate = _Plate(width, height, regions, dtype, device)
    moved = 14 if dtype is np.float16 else 28
    copy = _Copy(width * height * moved, device)

    def kernel() -> DeviceLook:
        return kernel_on(device, plate.look, plate.u, plate.v)

    laid = kernel()
    plain = isinstance(laid, PlainLook)
    kind = "_half" if dtype is np.float16 else ""
    # What it is called and what it does, by row.
    works: dict[str, tuple[Callable[[], object], str]] = {
        f"apply_{_NAME}_r{regions}{kind}_gpu": (
            lambda: plate.style(laid),
            "plain torch in tiles" if plain else "the fused kernel, the look laid out before",
        )
    }
    if regions == 1 and not kind:
        works[f"look_{_NAME}_r1_gpu"] = (lambda: plate.style(kernel()), "a new look laid out, and applied")
        if not plain and not options.quick:
            works |= {
                f"apply_{_NAME}_r1_gpu_{block}w{warps}": (
                    _shaped(plate, (block, warps), device), f"programs of {block} pixels and {warps} warps"
                )
                for block, warps in _SHAPES
            }  # fmt: skip
    timed = [_work(copy, device, copy), *(_work(run, device, copy, plate.restore) for run, _ in works.values())]
    for one in timed:
        one.seconds()
    floor, *found = in_turns(timed, max(options.times, 20), options.budget)
    skip = "" if regions == 1 else "; mattes side by side, a region's work may be skipped where it has none"
    for (id, (_, note)), seconds in zip(works.items(), found, strict=True):
        against = f"a copy of {moved} bytes a pixel in its memory"
        yield Row(id, seconds * 1e3, "ms", floor * 1e3, against, _name(device), note + skip)


def _shaped(plate: _Plate, shape: tuple[int, int], device: torch.device) -> Callable[[], None]:
    from lookmatte.bilateral.kernels.gpu import GpuLook

    kernel = GpuLook(plate.look, plate.u, plate.v, device=device, shape=shape)
    return lambda: plate.style(kernel)


class _Copy:
    """A copy of a number of bytes within a device's memory."""

    def __init__(self, size: int, device: torch.device) -> None:
        self._source = torch.ones(size, dtype=torch.uint8, device=device)
        self._target = torch.zeros_like(self._source)

    def __call__(self) -> None:
        self._target.copy_(self._source)


def _work(
    run: Callable[[], object], device: torch.device, copy: _Copy, before: Callable[[], object] = lambda: None
) -> Work:
    return _Queued(run, before, ahead=copy) if device.type == "cuda" else Work(run, before)


def _name(device: torch.device) -> str:
    return f"cuda: {torch.cuda.get_device_name(device)}" if device.type == "cuda" else str(device)


def _definition(options: Options, device: torch.device) -> Row:
    """The definition, in plain torch over the whole picture: what a kernel is judged by."""
    width, height = options.size(*SIZE)
    made = look(1).to(device)
    grid: Tensor | None = made.pixel_grids[0]
    assert grid is not None
    whole, rgb = grid[None], torch.rand(1, 3, height, width, device=device)
    copy = _Copy(width * height * 28, device)

    @torch.no_grad()
    def reference() -> None:
        reference_transform(whole, rgb, 1.0, made.guide)

    works = [_work(copy, device, copy), _work(reference, device, copy)]
    for work in works:
        work.seconds()
    floor, seconds = in_turns(works, max(options.times, 20), options.budget)
    note = "the definition in plain torch, without alpha and matte: what a kernel is judged by"
    what = "a copy of 28 bytes a pixel in its memory"
    return Row(f"reference_{_NAME}_r1_gpu", seconds * 1e3, "ms", floor * 1e3, what, _name(device), note)
