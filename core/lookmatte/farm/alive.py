"""Is a process still there? A file that it keeps open says so, and the system takes that back however it ends."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lookmatte.imaging.locks import UNKNOWN, lock
from lookmatte.worker.life import exists


@contextmanager
def alive_while(path: Path) -> Iterator[bool]:
    """Be alive, as ``path`` tells others, until the block ends; False when another process is, by that file."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        held = lock(handle)
        if held is not False:
            os.ftruncate(handle, 0)
            os.write(handle, str(os.getpid()).encode("ascii"))
        yield held is not False
    finally:
        os.close(handle)


def is_alive(path: Path) -> bool:
    """Is the process alive that says so by ``path``?"""
    if os.name == "nt":
        try:
            path.unlink()  # refused as long as anybody has it open
        except PermissionError:
            return True
        except OSError:
            pass
        return False
    try:
        handle = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        held = lock(handle)
        if held is UNKNOWN:
            with contextlib.suppress(ValueError):
                return exists(int(os.read(handle, 32)))
        return held is False
    finally:
        os.close(handle)
