"""The end of the host, by whatever way, is the end of its worker."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable

INTERVAL = 1.0
"""Seconds between two looks."""


def watch_host(pid: int, gone: Callable[[], None]) -> None:
    """Call ``gone`` from another thread once the process ``pid`` has ended.

    The end of standard input tells as much, unless a child that the host forked still holds the pipe open. (Linux
    could send a signal when the parent ends; but there the parent is the thread that started the worker, and hosts
    start it from threads that do not last.)
    """
    if pid > 0:
        target = _windows if sys.platform == "win32" else _posix
        threading.Thread(target=target, args=(pid, gone), name="lookmatte-host", daemon=True).start()


def _posix(pid: int, gone: Callable[[], None]) -> None:
    # A parent that has ended is told even while it is a zombie; of others only the process table knows.
    is_parent = os.getppid() == pid
    if not is_parent and not exists(pid):
        return  # a number of another container's table
    while (os.getppid() == pid) if is_parent else exists(pid):
        time.sleep(INTERVAL)
    gone()


def exists(pid: int) -> bool:
    """Is there a process of this number?"""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # it is there, and another user's
    return True


def _windows(pid: int, gone: Callable[[], None]) -> None:
    if sys.platform == "win32":
        import ctypes

        kernel = ctypes.WinDLL("kernel32", use_last_error=True)
        kernel.OpenProcess.restype = ctypes.c_void_p
        synchronize, forever = 0x00100000, 0xFFFFFFFF
        handle = kernel.OpenProcess(synchronize, False, pid)
        if handle:
            kernel.WaitForSingleObject(ctypes.c_void_p(handle), forever)
            gone()
