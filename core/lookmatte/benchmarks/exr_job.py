"""(c) A job from EXR to EXR, against only reading and writing the same files with as many workers."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookmatte.benchmarks.lowres import picture
from lookmatte.benchmarks.rows import Options, Row, count, cpu_name
from lookmatte.benchmarks.scenes import SIZES
from lookmatte.benchmarks.timing import Work, in_turns
from lookmatte.errors import LookmatteError
from lookmatte.imaging.frame import Frame
from lookmatte.imaging.picture import write_png
from lookmatte.imaging.reader import read_frame
from lookmatte.imaging.writer import new_part, write_frame
from lookmatte.job import Job
from lookmatte.rendering.flow import Crew
from lookmatte.rendering.pipeline import render

_FIRST = 1001
_KEPT = 2


def measure(options: Options) -> Iterator[Row]:
    """The rows."""
    size = options.size(*SIZES["4k"])
    with tempfile.TemporaryDirectory(prefix="lookmatte-bench-") as name:
        for compression in ("zip",) if options.quick else ("zip", "piz"):
            shot = Shot(Path(name) / compression, size, compression, options)
            row = "job_4k_vs_io" if compression == "zip" else f"job_4k_vs_io_{compression}"
            yield shot.row(row)
            shutil.rmtree(shot.folder)


class Shot:
    """Frames on disk that compress as pictures do, and two ways to go through them."""

    def __init__(self, folder: Path, size: tuple[int, int], compression: str, options: Options) -> None:
        self.folder, self.options, self.frames = folder, options, options.frames
        self._made: list[Frame] = []
        self.workers = Crew.of(size[0] * size[1] * 8, self.frames, options.threads).workers
        folder.mkdir()
        for number in range(self.frames):
            write_frame(_frame(*size, number, compression), self.plate(number))
        style = (picture(100).permute(1, 2, 0).numpy() * 255.0).astype(np.uint8)
        write_png(folder / "style.png", style)
        self.note = f"{size[0]}x{size[1]}, half RGBA, {compression}; {self._share(size)}"

    def plate(self, number: int) -> Path:
        """Where a frame of the plate lies."""
        return self.folder / f"plate.{_FIRST + number}.exr"

    def _share(self, size: tuple[int, int]) -> str:
        raw = self.frames * size[0] * size[1] * 8
        stored = sum(self.plate(number).stat().st_size for number in range(self.frames))
        return f"stored at {stored / raw:.0%} of its bytes"

    def row(self, name: str) -> Row:
        """Time the job and its files in turns; the first job, which compiles and loads, is not counted."""
        self.job(min(_KEPT, self.frames))
        self.keep()
        times = 1 if self.options.quick else 2
        floor, seconds = in_turns([self.timed(self.files), self.timed(self.job)], times, self.options.budget)
        what = f"reading and writing {count(self.frames, 'frame')} with {count(self.workers, 'worker')}, as the job"
        note = f"a frame of a job whose look covers it whole; {self.note}"
        device = cpu_name(self.options.threads)
        return Row(name, seconds / self.frames * 1e3, "ms", floor / self.frames * 1e3, what, device, note)

    def timed(self, run: Callable[[], object]) -> Work:
        """A run with its output out of the way: a job skips frames that are there, and takes over its grids."""
        return Work(run, before=self._sweep)

    def _sweep(self) -> None:
        shutil.rmtree(self.folder / "out", ignore_errors=True)

    def job(self, frames: int | None = None) -> None:
        """Read, bake, apply and write; FrameError when a frame fails."""
        last = _FIRST + (frames or self.frames) - 1
        mapping = {
            "plate": "plate.####.exr",
            "frames": f"{_FIRST}-{last}",
            "output": "out/look.####.exr",
            "regions": {"rest": {"style": "style.png"}},
        }
        summary = render(Job.from_mapping(mapping, self.folder))
        if summary.failed:
            raise LookmatteError(f"bench: {count(len(summary.failed), 'frame')} of the job failed")

    def keep(self) -> None:
        """Keep some of the frames that the job has written: a styled frame compresses otherwise than its plate."""
        self._made = [read_frame(path) for path in sorted((self.folder / "out").glob("look.*.exr"))[:_KEPT]]

    def files(self) -> None:
        """Read each plate and write what the job makes, as many frames at a time as the job does."""

        def copy(number: int) -> None:
            read_frame(self.plate(number))
            made = self._made[number % len(self._made)]
            write_frame(made, self.folder / "out" / f"copy.{_FIRST + number}.exr")

        with ThreadPoolExecutor(self.workers, "files") as pool:
            for _ in pool.map(copy, range(self.frames)):
                pass


def _frame(width: int, height: int, number: int, compression: str) -> Frame:
    """Soft shapes, hard edges and grain, scene-linear, in half."""
    random = np.random.default_rng(number)
    x = np.linspace(0.0, 1.0, width, dtype=np.float32)
    channels: dict[str, NDArray[Any]] = {name: np.empty((height, width), np.float16) for name in "RGBA"}
    grain = random.standard_normal((128, width + 64), dtype=np.float32)
    for y in range(0, height, 128):
        v = (np.arange(y, min(y + 128, height), dtype=np.float32) / height)[:, None]
        shape = ((x - 0.5 - 0.01 * number) ** 2 + (v - 0.5) ** 2 < 0.1).astype(np.float32)
        for index, name in enumerate("RGB"):
            light = 0.2 + 0.15 * np.sin(6.0 * x + index) * np.cos(5.0 * v - number * 0.1) + 0.5 * shape * v
            noise = grain[: len(v), (shift := int(random.integers(64))) : shift + width]
            channels[name][y : y + 128] = light * (1.0 + 0.02 * noise)
        channels["A"][y : y + 128] = 1.0
    part = new_part(channels, compression=compression)
    return Frame(Path("plate.exr"), [part], ((0, "R"), (0, "G"), (0, "B")), (0, "A"))
