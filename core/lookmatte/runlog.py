"""A log that outlives the terminal: one line an event, with time, machine, shot, frame and file."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from lookmatte.errors import InputError
from lookmatte.progress import Progress, printable


class RunLog:
    """A file to which lines are appended, each in one piece, so that many machines may share it.

    ``2026-11-21 15:25:34 node7:4711 ERROR sh010 frame 1003: ...``
    """

    def __init__(self, path: Path) -> None:
        """Opens the file. Raises InputError when it cannot be written."""
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        except OSError as error:
            raise InputError(f"--log: {path} cannot be written ({error.strerror})") from None
        self._who = f"{socket.gethostname()}:{os.getpid()}"

    def write(self, level: str, text: str) -> None:
        """One line; what the disk does not take is lost, and the run goes on."""
        line = f"{time.strftime('%Y-%m-%d %H:%M:%S')} {self._who} {level:7} {printable(text)}\n"
        with contextlib.suppress(OSError):
            os.write(self._handle, line.encode("utf-8", "backslashreplace"))

    def close(self) -> None:
        """Close the file."""
        os.close(self._handle)


class Logged:
    """A progress whose events go into a log."""

    def __init__(self, log: RunLog, shot: str | None = None) -> None:
        self._log = log
        self._of = "" if shot is None else f"{shot} "
        self._told: set[str] = set()
        self._lock = threading.Lock()

    def _write(self, level: str, text: str) -> None:
        self._log.write(level, f"{self._of}{text}")

    def _once(self, level: str, text: str) -> None:
        with self._lock:
            known = text in self._told
            self._told.add(text)
        if not known:
            self._write(level, text)

    def start(self, total: int, *, stage: str, output: str) -> None:
        self._write("INFO", f"{stage}: {total} frames -> {output}")

    def frame_done(self, frame: int, path: Path | None, seconds: float) -> None:
        self._write("INFO", f"frame {frame}{'' if path is None else f' -> {path}'} ({seconds:.2f} s)")

    def frame_skipped(self, frame: int, path: Path | None) -> None:
        self._write("INFO", f"frame {frame} is there already{'' if path is None else f': {path}'}")

    def frame_failed(self, frame: int, message: str) -> None:
        self._write("ERROR", f"frame {frame}: {message}")

    def warning(self, message: str) -> None:
        self._once("WARNING", message)

    def note(self, message: str) -> None:
        self._once("INFO", message)

    def done(self, done: int, skipped: int, failed: int) -> None:
        self._write("INFO", f"{done} done, {skipped} skipped, {failed} failed")


class Several:
    """A progress that tells several others."""

    def __init__(self, others: Sequence[Progress]) -> None:
        self._others = tuple(others)

    def start(self, total: int, *, stage: str, output: str) -> None:
        for one in self._others:
            one.start(total, stage=stage, output=output)

    def frame_done(self, frame: int, path: Path | None, seconds: float) -> None:
        for one in self._others:
            one.frame_done(frame, path, seconds)

    def frame_skipped(self, frame: int, path: Path | None) -> None:
        for one in self._others:
            one.frame_skipped(frame, path)

    def frame_failed(self, frame: int, message: str) -> None:
        for one in self._others:
            one.frame_failed(frame, message)

    def warning(self, message: str) -> None:
        for one in self._others:
            one.warning(message)

    def note(self, message: str) -> None:
        for one in self._others:
            one.note(message)

    def done(self, done: int, skipped: int, failed: int) -> None:
        for one in self._others:
            one.done(done, skipped, failed)
