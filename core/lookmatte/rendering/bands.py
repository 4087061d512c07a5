"""Bands of a frame on all cores: one band a thread, each computed by that thread alone.

Splitting single operations over cores costs a barrier each, hundreds a band, and on a machine that does other
work at the same time every barrier waits for the slowest core. Whole bands need none.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch
from threadpoolctl import threadpool_limits

from lookmatte.bilateral.slicing import band_rows

T = TypeVar("T")


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def undivided() -> Iterator[None]:
    """While it lasts, torch and BLAS do each operation on one thread; afterwards as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1, "blas"):
            yield
    finally:
        torch.set_num_threads(before)


def each_band(
    height: int, width: int, work: Callable[[int, int], T], threads: int | None = None
) -> Iterator[tuple[int, T]]:
    """``work(y0, y1)`` for every band of rows of a frame; yields (y0, result) in order.

    ``threads`` None: as :func:`set_threads` says, else one a core. Only a few bands are worked on ahead of what
    the caller has taken, so memory stays that of a few bands.
    """
    step, count = band_rows(width), threads or _threads
    flying: deque[tuple[int, Future[T]]] = deque()
    with ThreadPoolExecutor(count, "lookmatte-band") as pool:
        try:
            for y0 in range(0, height, step):
                flying.append((y0, pool.submit(work, y0, min(y0 + step, height))))
                if len(flying) > count + 1:
                    first, done = flying.popleft()
                    yield first, done.result()
            while flying:
                first, done = flying.popleft()
                yield first, done.result()
        finally:
            for _, waiting in flying:
                waiting.cancel()


_threads = cores()


def set_threads(count: int) -> None:
    """How many bands are worked on at the same time, from now on in this process."""
    global _threads
    _threads = max(1, count)
