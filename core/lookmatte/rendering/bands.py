"""Bands of a frame on the cores that are free for it: one band a thread, each computed by that thread alone.

Splitting single operations over cores costs a barrier each, hundreds a band, and on a machine that does other
work at the same time every barrier waits for the slowest core. Whole bands need none. Where several frames are
worked on at the same time each of their threads takes its bands one after the other: no more threads are busy
than there are cores.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import TypeVar

import torch
from threadpoolctl import threadpool_limits

from lookmatte.bilateral.slicing import band_rows

T = TypeVar("T")


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Undivided:
    """How many blocks ask for it: the first one limits the libraries, the last one sets them free."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asking = 0
        self._undo = ExitStack()

    @contextmanager
    def __call__(self) -> Iterator[None]:
        with self._lock:
            if self._asking == 0:
                self._undo.callback(torch.set_num_threads, torch.get_num_threads())
                torch.set_num_threads(1)
                self._undo.enter_context(threadpool_limits(1, "blas"))
            self._asking += 1
        try:
            yield
        finally:
            with self._lock:
                self._asking -= 1
                if self._asking == 0:
                    self._undo.close()


_undivided = _Undivided()


@contextmanager
def undivided() -> Iterator[None]:
    """While it lasts, torch and BLAS do each operation on one thread; afterwards as before. It may be asked for by
    several threads, and again inside."""
    with _undivided():
        yield


def each_band(
    height: int, width: int, work: Callable[[int, int], T], count: int | None = None, rows: int | None = None
) -> Iterator[tuple[int, T]]:
    """``work(y0, y1)`` for every band of rows of a frame; yields (y0, result) in order.

    ``count`` is how many are worked on at the same time; None: as :func:`threads` says; ``rows``
    those of a band, None: as suits torch. Only a few bands are worked on ahead of what the caller has taken, so
    memory stays that of a few bands.
    """
    step, count = rows or band_rows(width), count or threads()
    if count == 1:
        for y0 in range(0, height, step):
            yield y0, work(y0, min(y0 + step, height))
        return
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


class _Own(threading.local):
    threads: int | None = None


_threads = cores()
_own = _Own()


def threads() -> int:
    """How many threads the work of the calling thread may be spread over: its :func:`share`, else all."""
    return _own.threads or _threads


def set_threads(count: int) -> None:
    """How many threads may be busy at the same time, from now on in this process; the cores, unless it is said."""
    global _threads
    _threads = max(1, count)


def share(count: int) -> None:
    """From now on the calling thread, one of several that work at the same time, may use ``count`` threads."""
    _own.threads = max(1, count)
