"""Frames on their way through one pool of threads: read ahead, baked in order, finished behind.

A frame passes three stations. It is read in the pool; it *arrives*, in the caller's own thread and in the order in
which frames were asked for, where what needs an order is done; and what is left of the work is done in the pool
again. So every core has a whole frame to work on, while only a few frames are in memory.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from lookmatte.imaging.exr_bits import threads_in_files
from lookmatte.rendering import bands

BROKEN = (Exception,)
"""What one frame may raise that is nobody's input, whatever it is: it must not take the frames behind it along."""

IN_FLIGHT_BYTES = 4 << 30
"""Decoded pixels of the frames that are in memory together; two frames may be more."""

Read = TypeVar("Read")
Done = TypeVar("Done")


def internal_error(path: Path, error: BaseException) -> str:
    """One line for a frame that failed by no fault of a person; raises it again where LOOKMATTE_DEBUG asks so."""
    if os.environ.get("LOOKMATTE_DEBUG"):
        raise error
    what = " ".join(f"{type(error).__name__}: {error}".split())
    return f"{path}: internal error: {what}; run again with LOOKMATTE_DEBUG=1 for the traceback"


@dataclass(frozen=True)
class Crew:
    """``workers`` threads, each of which has a frame of its own and may spread it over ``share`` threads;
    ``flight``: frames in memory at the same time."""

    workers: int
    share: int
    flight: int

    @staticmethod
    def of(frame_bytes: int, frames: int, threads: int) -> Crew:
        """For ``frames`` frames that take ``frame_bytes`` each once decoded, on ``threads`` threads.

        One frame more than there are workers: none waits while a frame passes its ordered station.
        """
        fitting = max(2, IN_FLIGHT_BYTES // max(frame_bytes, 1))
        workers = max(1, min(threads, frames, fitting))
        return Crew(workers, max(1, threads // workers), min(workers + 1, fitting))


@dataclass
class _Reading(Generic[Read]):
    number: int
    future: Future[tuple[float, Read]]


@dataclass
class _Finishing(Generic[Done]):
    number: int
    future: Future[tuple[float, Done]]


class Flow(Generic[Read, Done]):
    """Brings frames through the pool, and tells the caller, always in its own thread, what becomes of them.

    ``load(number)`` runs in the pool. ``arrive(number, read)`` comes once for each frame that could be read, in
    order; after it, as soon as ``ready(number)``, ``finish(number, read)`` returns what is left of the work, which
    runs in the pool, or None. ``landed(number, result, seconds)`` or ``lost(number, error)`` end its way. What is
    ``fatal`` of the errors that arriving raises ends the run.
    """

    def __init__(
        self,
        crew: Crew,
        load: Callable[[int], Read],
        arrive: Callable[[int, Read], None],
        lost: Callable[[int, Exception], None],
        finish: Callable[[int, Read], Callable[[], Done] | None] = lambda _, __: None,
        landed: Callable[[int, Done, float], None] = lambda _, __, ___: None,
        ready: Callable[[int], bool] = lambda _: True,
        fatal: tuple[type[Exception], ...] = (),
    ) -> None:
        self._crew, self._fatal = crew, fatal
        self._load, self._arrive, self._finish = load, arrive, finish
        self._landed, self._lost, self._ready = landed, lost, ready
        self._ahead: deque[_Reading[Read]] = deque()
        self._held: list[tuple[int, Read, float]] = []
        self._behind: list[_Finishing[Done]] = []

    def run(self, following: Callable[[], int | None]) -> None:
        """Bring all frames through. ``following()`` is the next one to read; None: there is none at the moment, or
        none any more when no frame is on its way."""
        with threads_in_files(self._crew.share):
            self._run(following)

    def _run(self, following: Callable[[], int | None]) -> None:
        pool = ThreadPoolExecutor(self._crew.workers, "lookmatte", bands.share, (self._crew.share,))
        try:
            while True:
                self._read_ahead(pool, following)
                if self._ahead and self._ahead[0].future.done():
                    self._take(pool)
                elif self._ahead or self._behind:
                    ends: list[Future[Any]] = [one.future for one in self._behind]
                    if self._ahead:
                        ends.append(self._ahead[0].future)
                    wait(ends, return_when=FIRST_COMPLETED)
                elif self._held:
                    # Nothing will come that these could wait for.
                    self._release(pool, whatever=True)
                else:
                    return
                self._land()
        finally:
            # What was begun is ended, so that no file is half written; what was not is left.
            pool.shutdown(wait=True, cancel_futures=True)
            self._land()

    def _read_ahead(self, pool: ThreadPoolExecutor, following: Callable[[], int | None]) -> None:
        while True:
            flying = len(self._ahead) + len(self._held) + len(self._behind)
            # Frames that are held wait for one that must be read whatever is in memory.
            if flying >= self._crew.flight and (self._ahead or self._behind):
                return
            number = following()
            if number is None:
                return
            self._ahead.append(_Reading(number, pool.submit(self._begin, number)))

    def _begin(self, number: int) -> tuple[float, Read]:
        started = time.perf_counter()
        return started, self._load(number)

    def _take(self, pool: ThreadPoolExecutor) -> None:
        reading = self._ahead.popleft()
        try:
            started, read = reading.future.result()
            self._arrive(reading.number, read)
        except self._fatal:
            raise
        except BROKEN as error:
            self._lost(reading.number, error)
        else:
            self._held.append((reading.number, read, started))
        del reading
        self._release(pool)

    def _release(self, pool: ThreadPoolExecutor, *, whatever: bool = False) -> None:
        waiting, self._held = self._held, []
        while waiting:
            number, read, started = waiting.pop(0)
            if not whatever and not self._ready(number):
                self._held.append((number, read, started))
                continue
            try:
                work = self._finish(number, read)
            except BROKEN as error:
                self._lost(number, error)
                continue
            if work is not None:
                self._behind.append(_Finishing(number, pool.submit(_end, started, work)))

    def _land(self) -> None:
        for one in [one for one in self._behind if one.future.done()]:
            self._behind.remove(one)
            if one.future.cancelled():
                continue
            try:
                seconds, result = one.future.result()
            except BROKEN as error:
                self._lost(one.number, error)
            else:
                self._landed(one.number, result, seconds)


def _end(started: float, work: Callable[[], Done]) -> tuple[float, Done]:
    result = work()
    return time.perf_counter() - started, result
