"""(a) Applying a look to a decoded frame, against copying the bytes that one fused pass must move."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from lookmatte.benchmarks.rows import Options, Row, count, cpu_name
from lookmatte.benchmarks.scenes import SIZES, Scene, acescg, hard_plate, linear, scene
from lookmatte.benchmarks.timing import Copy, Work, in_turns, torch_threads
from lookmatte.bilateral.apply import reference_transform
from lookmatte.imaging.colour import PlateColour
from lookmatte.rendering.apply import apply

_SKIP = "mattes side by side over the whole frame, soft edges; a region's work may be skipped where it has none"
_NOTES = {
    1: "one matte over the whole frame, nothing can be skipped",
    2: _SKIP,
    4: _SKIP,
    8: _SKIP,
}


def measure(options: Options) -> Iterator[Row]:
    """The rows."""
    # A kernel may be compiled when it is first called.
    for dtype in (np.float32, np.float16):
        warm = scene(hard_plate(64, 64, dtype), 1)
        apply(warm.frame, warm.look, warm.mattes, colour=linear())
    for size in ("1080p", "4k") if options.quick else SIZES:
        yield from _size(options, size)
    if not options.quick:
        yield _definition(options)


def _size(options: Options, size: str) -> Iterator[Row]:
    plate = hard_plate(*options.size(*SIZES[size]))
    stored = [plate[name].copy() for name in "RGB"]
    with Copy(plate["A"].size * 28, options.threads) as copy:
        for regions in _regions(options, size):
            made = scene(plate, regions, "disjoint", stored)
            yield _row(options, copy, f"apply_{size}_r{regions}", made, _NOTES[regions])
        if size != "4k":
            return
        made = scene(plate, 4, "overlap", stored)
        note = "four mattes, each over the whole frame, shared where they pass 1: nothing can be skipped"
        yield _row(options, copy, "apply_4k_r4_overlap", made, note)
        made = scene(plate, 1, "grid", stored)
        note = "a rough matte, enhanced: its weight follows the colours of each pixel"
        yield _row(options, copy, "apply_4k_r1_grid", made, note)
        if not options.quick:
            made = scene(plate, 1, "disjoint", stored)
            yield _row(options, copy, "apply_4k_r1_acescg", made, "an ACEScg plate: two 3x3 more", acescg())
    plate = hard_plate(*options.size(*SIZES[size]), np.float16)
    with Copy(plate["A"].size * 14, options.threads) as copy:
        note = f"half in, half out; {_NOTES[1]}"
        yield _row(options, copy, "apply_4k_r1_half", scene(plate, 1), note)


def _regions(options: Options, size: str) -> tuple[int, ...]:
    if options.quick:
        return (1, 4) if size == "4k" else (1,)
    return (1, 2, 4, 8)


def _row(
    options: Options, copy: Copy, name: str, made: Scene, note: str, colour: PlateColour | None = None
) -> Row:
    made.restore()
    floor, seconds = in_turns([Work(copy), work(made, colour)], options.times, options.budget)
    # A kernel reads alpha too, which the floor leaves out.
    what = f"memcpy of {made.moved // made.stored[0].size} bytes a pixel on {count(options.threads, 'thread')}"
    return Row(name, seconds * 1e3, "ms", floor * 1e3, what, cpu_name(options.threads), note)


def work(made: Scene, colour: PlateColour | None = None) -> Work:
    """Applying a scene's look to its frame, which gets its pixels back before each run."""
    space = colour or linear()
    return Work(lambda: apply(made.frame, made.look, made.mattes, colour=space), made.restore)


def _definition(options: Options) -> Row:
    """The definition, in plain torch over the whole picture: what a kernel is judged by."""
    width, height = options.size(*SIZES["1080p"])
    made = scene(hard_plate(64, 64), 1).look
    grid, rgb = made.pixel_grids[0], torch.rand(1, 3, height, width)
    assert grid is not None
    whole = grid[None]

    def reference() -> None:
        with torch.no_grad():
            reference_transform(whole, rgb, 1.0, made.guide)

    with torch_threads(options.threads), Copy(width * height * 28, options.threads) as copy:
        floor, seconds = in_turns([Work(copy), Work(reference)], 2, options.budget)
    what = f"memcpy of 28 bytes a pixel on {count(options.threads, 'thread')}"
    note = "the definition in plain torch, without alpha and matte: what a kernel is judged by"
    device = cpu_name(options.threads)
    return Row("reference_1080p_r1", seconds * 1e3, "ms", floor * 1e3, what, device, note)
