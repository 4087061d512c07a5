"""(f) How cost grows with frames, pixels and regions: a straight line through the points, and the point that is
farthest from it."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from lookmatte.benchmarks.applying import work
from lookmatte.benchmarks.exr_job import Shot
from lookmatte.benchmarks.lowres import baking
from lookmatte.benchmarks.rows import Options, Row, cpu_name
from lookmatte.benchmarks.scenes import hard_plate, scene
from lookmatte.benchmarks.timing import Work, in_turns, torch_threads


@dataclass(frozen=True)
class Line:
    """``offset + slope x`` through points by least squares; ``worst``: index of the point farthest from it, in
    proportion to the line there."""

    slope: float
    offset: float
    worst: int
    found: float
    fitted: float

    @staticmethod
    def through(x: Sequence[float], y: Sequence[float]) -> Line:
        """Fit. Points count in proportion, so that the small ones are fitted as well as the large ones."""
        xs, ys = np.asarray(x, np.float64), np.asarray(y, np.float64)
        slope, offset = (float(value) for value in np.polyfit(xs, ys, 1, w=1.0 / ys))
        fitted = offset + slope * xs
        worst = int(np.argmax(np.abs(ys - fitted) / np.abs(fitted)))
        return Line(slope, offset, worst, float(ys[worst]), float(fitted[worst]))


def measure(options: Options) -> Iterator[Row]:
    """The rows; each fits its points from the same rounds."""
    yield _pixels(options)
    yield _regions(options)
    if not options.quick:
        yield _baked_regions(options)
    yield _frames(options)


def _row(options: Options, what: str, unit: str, x: Sequence[float], seconds: Sequence[float], note: str) -> Row:
    line = Line.through(x, [1e3 * value for value in seconds])
    apart = abs(line.found - line.fitted)
    said = (
        f"{line.slope:.3g} ms a {unit} + {line.offset:.3g} ms; the ratio is the largest deviation, "
        f"at {x[line.worst]:.3g}; {note}"
    )
    return Row(f"growth_{what}", apart, "ms", line.fitted, "the line there", cpu_name(options.threads), said)


def _pixels(options: Options) -> Row:
    sizes = [options.size(480 * k, 270 * k) for k in (2, 4, 6, 8)]
    works = [work(scene(hard_plate(*size), 1)) for size in sizes]
    seconds = in_turns(works, options.times, options.budget)
    millions = [width * height / 1e6 for width, height in sizes]
    return _row(options, "pixels", "million pixels", millions, seconds, "applying one region, up to 4K")


def _regions(options: Options) -> Row:
    regions, plate = (1, 2, 4, 8), hard_plate(*options.size(1920, 1080))
    stored = [plate[name].copy() for name in "RGB"]
    works = [work(scene(plate, number, "overlap", stored)) for number in regions]
    seconds = in_turns(works, options.times, options.budget)
    note = "applying at 1080p, every matte over the whole frame"
    return _row(options, "regions", "region", regions, seconds, note)


def _baked_regions(options: Options) -> Row:
    regions = (1, 2, 4, 8)
    with torch_threads(1):
        seconds = in_turns([Work(baking(number)) for number in regions], options.times, options.budget)
    return _row(options, "regions_baked", "region", regions, seconds, "baking one frame on one thread")


def _frames(options: Options) -> Row:
    frames = (1, 2, 4) if options.quick else (2, 4, 8, 16)
    with tempfile.TemporaryDirectory(prefix="lookmatte-bench-") as name:
        most = dataclasses.replace(options, frames=frames[-1])
        shot = Shot(Path(name) / "shot", options.size(960, 540), "zip", most)
        shot.job(1)
        works = [shot.timed(partial(shot.job, number)) for number in frames]
        seconds = in_turns(works, 2, options.budget)
    return _row(options, "frames", "frame", frames, seconds, "an EXR job at 960x540 from start to end")
