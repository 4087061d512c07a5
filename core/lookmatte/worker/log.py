"""The worker's log: standard error in a file that stays small, for the person whom a message sends there."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from pathlib import Path

LARGEST = 4 << 20
"""Bytes; then the log begins anew, and the one before is kept beside it as NAME.1."""


class Log:
    """Lines with the time of day on standard error, which goes to ``path`` if there is one."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._lock = threading.Lock()
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._open()

    @property
    def name(self) -> str:
        """What messages call it."""
        return "standard error" if self.path is None else str(self.path)

    def write(self, text: str) -> None:
        """Write one line, or a traceback. What a full disk does not take is lost: frames matter more."""
        line = f"{time.strftime('%Y-%m-%d %H:%M:%S')} [{os.getpid()}] {text}\n"
        with contextlib.suppress(OSError):
            os.write(2, line.encode("utf-8", "backslashreplace"))

    def bound(self) -> None:
        """Begin anew when it has grown too large. Call it from time to time."""
        if self.path is None:
            return
        with self._lock, contextlib.suppress(OSError):
            if os.fstat(2).st_size <= LARGEST:
                return
            self._point_at(os.devnull)  # Windows renames no file that is open
            try:
                os.replace(self.path, f"{self.path}.1")
            finally:
                self._open()  # another worker may hold it; then it grows for a while

    def _open(self) -> None:
        assert self.path is not None
        self._point_at(self.path)

    @staticmethod
    def _point_at(path: Path | str) -> None:
        """Send standard error, and what would go to standard output, to a file; C libraries' as well."""
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o666)
        os.dup2(handle, 2)
        os.dup2(handle, 1)
        os.close(handle)
