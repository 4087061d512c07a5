"""One thread for the small operations of a bake."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """While it lasts, torch does each operation of this thread on one core; afterwards as before.

    A bake is some hundreds of operations of ten microseconds. Divided over two idle cores it is no faster; beside
    other work, every division waits for the slower core, and the bake takes eight times as long.
    """
    before = torch.get_num_threads()
    if before == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
