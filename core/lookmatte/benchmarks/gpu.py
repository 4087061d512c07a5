"""The definition on a GPU, against copying the same bytes in its memory."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from lookmatte.benchmarks.rows import Options, Row
from lookmatte.benchmarks.scenes import look
from lookmatte.benchmarks.timing import Work, in_turns
from lookmatte.bilateral.apply import reference_transform
from lookmatte.bilateral.guide import GuideWeights


def measure(options: Options, device: str = "cuda") -> Iterator[Row]:
    """The rows, of one size: 12 million pixels, the paper's largest."""
    width, height = options.size(4000, 3000)
    made = look(1)
    weights = GuideWeights(*(getattr(made.guide, name).to(device) for name in ("w1", "b1", "w2", "b2")))
    assert made.pixel_grids[0] is not None
    grid = made.pixel_grids[0][None].to(device)
    rgb = torch.rand(1, 3, height, width, device=device)
    source = torch.ones(height * width * 28, dtype=torch.uint8, device=device)
    target = torch.zeros_like(source)

    def settle() -> None:
        if device == "cuda":
            torch.cuda.synchronize()

    @torch.no_grad()
    def reference() -> None:
        reference_transform(grid, rgb, 1.0, weights)

    works = [Work(lambda: target.copy_(source), settle=settle), Work(reference, settle=settle)]
    for work in works:
        work.seconds()
    floor, seconds = in_turns(works, max(options.times, 20), options.budget)
    name = f"cuda: {torch.cuda.get_device_name()}" if device == "cuda" else device
    note = "the definition in plain torch, without alpha and matte: what a kernel is judged by"
    what = "a copy of 28 bytes a pixel in its memory"
    yield Row("reference_3000x4000_r1_gpu", seconds * 1e3, "ms", floor * 1e3, what, name, note)
