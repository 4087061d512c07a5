"""Timing on machines that do other work: in turns, the best of many, until the floor stays where it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from types import TracebackType

import numpy as np
import torch

# Rounds in which the floor's best time has not moved, and what counts as moving.
_STEADY, _MOVED = 4, 0.99
_FEWEST, _FAR = 3, 4.0
_CHUNK = 4 << 20


def _nothing() -> None:
    pass


@dataclass(frozen=True)
class Work:
    """What is timed: ``run``. ``before`` is not: it puts back what the run changes. ``settle`` waits for what a
    device still has to do, before and after."""

    run: Callable[[], object]
    before: Callable[[], object] = _nothing
    settle: Callable[[], object] = _nothing

    def seconds(self) -> float:
        """One run."""
        self.before()
        self.settle()
        start = time.perf_counter()
        self.run()
        self.settle()
        return time.perf_counter() - start


def in_turns(works: Sequence[Work], times: int, budget: float) -> list[float]:
    """Seconds of each work's fastest run, all of them run once a round; the first, the floor, before and after.

    There are ``times`` rounds at least, and then more until the floor has not been faster for a while. ``budget``
    seconds end it, once there were three rounds, and four times as much ends it anyway. A machine that is busy in
    one round is so for every work in it, and a floor that is found too low makes no ratio look better.
    """
    best = [float("inf")] * len(works)
    begun, rounds, steady = time.perf_counter(), 0, 0
    while True:
        found = [work.seconds() for work in works]
        found[0] = min(found[0], works[0].seconds())
        steady = 0 if found[0] < best[0] * _MOVED else steady + 1
        best = [min(pair) for pair in zip(best, found, strict=True)]
        rounds += 1
        spent = time.perf_counter() - begun
        enough = 1 if spent >= _FAR * budget else min(times, _FEWEST)
        if (spent >= budget and rounds >= enough) or (rounds >= times and steady >= _STEADY):
            return best


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """While it lasts, torch divides an operation over so many threads; afterwards as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Copy:
    """memcpy of a number of bytes on a number of threads, between buffers that were touched before.

    Each thread takes the next chunk as it comes free, as bands of a frame are taken.
    """

    def __init__(self, size: int, threads: int) -> None:
        self._source, self._target = np.ones(size, np.uint8), np.zeros(size, np.uint8)
        chunks = threads * max(1, size // (threads * _CHUNK))
        edges = [size * k // chunks for k in range(chunks + 1)]
        self._parts = [slice(*pair) for pair in pairwise(edges)]
        self._pool = ThreadPoolExecutor(threads, "memcpy")

    def __call__(self) -> None:
        for _ in self._pool.map(self._part, self._parts):
            pass

    def _part(self, part: slice) -> None:
        np.copyto(self._target[part], self._source[part])

    def __enter__(self) -> Copy:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._pool.shutdown()
