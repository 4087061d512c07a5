"""Overlap: one frame is read ahead and one is being written while a third is worked on."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from lookmatte.errors import LookmatteError
from lookmatte.imaging.frame import Frame
from lookmatte.imaging.writer import write_frame
from lookmatte.rendering.shot import LoadedFrame

BROKEN = (MemoryError, RuntimeError, ValueError, ArithmeticError)
"""What one frame may raise that is nobody's input: it must not take the frames behind it along."""

Reading = tuple[int, "Future[LoadedFrame]", float]


def ahead(frames: Iterable[int], load: Callable[[int], LoadedFrame]) -> Iterator[Reading]:
    """Each frame with its reading and when that began: while the frame before was worked on."""
    with ThreadPoolExecutor(1, "lookmatte-read") as pool:
        queue: deque[Reading] = deque()
        left = iter(frames)

        def submit() -> None:
            frame = next(left, None)
            if frame is not None:
                queue.append((frame, pool.submit(load, frame), time.perf_counter()))

        try:
            submit()
            while queue:
                current = queue.popleft()
                submit()
                yield current
                del current
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def internal_error(path: Path, error: BaseException) -> str:
    """One line for a frame that failed by no fault of a person; raises it again where LOOKMATTE_DEBUG asks so."""
    if os.environ.get("LOOKMATTE_DEBUG"):
        raise error
    what = " ".join(f"{type(error).__name__}: {error}".split())
    return f"{path}: internal error: {what}; run again with LOOKMATTE_DEBUG=1 for the traceback"


class Writer:
    """Writes one frame while the next is worked on. Leaving waits for the frame in flight.

    ``landed(number, path, seconds)`` and ``lost(number, message)`` are called from the caller's own thread.
    """

    def __init__(self, landed: Callable[[int, Path, float], None], lost: Callable[[int, str], None]) -> None:
        self._landed = landed
        self._lost = lost
        self._pool = ThreadPoolExecutor(1, "lookmatte-write")
        self._flying: tuple[int, Path, Future[float]] | None = None

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._land()
        finally:
            self._pool.shutdown(wait=True)

    def write(self, number: int, frame: Frame, path: Path, attributes: Mapping[str, str], started: float) -> None:
        """Write a frame; the one before must have landed."""
        self._land()

        def work() -> float:
            write_frame(frame, path, attributes=attributes)
            return time.perf_counter() - started

        self._flying = (number, path, self._pool.submit(work))

    def _land(self) -> None:
        if self._flying is None:
            return
        (number, path, future), self._flying = self._flying, None
        try:
            seconds = future.result()
        except LookmatteError as error:
            self._lost(number, str(error))
        except OSError as error:
            self._lost(number, f"{path}: cannot be written ({error.strerror or error})")
        except BROKEN as error:
            self._lost(number, internal_error(path, error))
        else:
            self._landed(number, path, seconds)
