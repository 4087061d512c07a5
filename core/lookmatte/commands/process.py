"""What a long run asks of its process: an end by SIGTERM as by Ctrl-C, and no chatter of libraries."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from lookmatte.imaging.wholefile import discard_unfinished

GRACE = 3.0
"""Seconds in which frames that are being written may be finished after Ctrl-C or SIGTERM. What follows a SIGTERM
that is not heeded is a SIGKILL, after ten seconds with some engines and five with others."""

# Windows' own way to ask a process group to end, which engines use there, is a third one.
_TERMINATING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGBREAK") if hasattr(signal, name))
_ENDING = (signal.SIGINT, *_TERMINATING)


class Terminated(KeyboardInterrupt):
    """SIGTERM, which farms and batch systems send."""


def _terminate(*_: object) -> NoReturn:
    raise Terminated


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@contextmanager
def ended_by_sigterm(tell: Callable[[str], None] = _to_stderr) -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl-C would, and either of them end the process within ``GRACE`` seconds.

    What is not finished by then is discarded; ``tell`` is given a line that says so, and the exit code is the
    signal's as ever. Elsewhere than in the main thread signals stay as they are.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {sign: signal.signal(sign, _terminate) for sign in _TERMINATING}
    try:
        with _impatient(tell):
            yield
    except KeyboardInterrupt:
        discard_unfinished()
        raise
    finally:
        for sign, handler in previous.items():
            signal.signal(sign, handler)


@contextmanager
def _impatient(tell: Callable[[str], None]) -> Iterator[None]:
    """Watch for signals from another thread: the main one does not see them while it is inside a library."""
    if os.name != "posix":  # there the pipe would have to be a socket, and SIGTERM ends a process at once
        yield
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)

    def watch() -> None:
        sign = os.read(reader, 1)
        while sign and sign[0] not in _ENDING:
            sign = os.read(reader, 1)
        if not sign:
            os.close(reader)
            return
        # Whether or not the block has ended by then: at its end Python waits for threads that work, however long.
        time.sleep(GRACE)
        discard_unfinished()
        what = "interrupted" if sign[0] == signal.SIGINT else "terminated"
        tell(f"lookmatte: {what}; what took longer than {GRACE:g} s to finish is discarded, other frames are whole")
        os._exit(128 + sign[0])

    threading.Thread(target=watch, name="lookmatte-signals", daemon=True).start()
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        os.close(writer)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Hold Ctrl-C and SIGTERM back until the block has ended: for importing libraries, some of which abort, or lose
    the exit code, when Python is interrupted inside their own start."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []
    before = {sign: signal.signal(sign, lambda number, _: held.append(number)) for sign in _ENDING}
    try:
        yield
    finally:
        for sign, handler in before.items():
            signal.signal(sign, handler)
        if held:
            signal.raise_signal(held[0])


@contextmanager
def libraries_muted() -> Iterator[None]:
    """Drop what libraries write to standard error past Python (OpenEXR prints a line of its own for every damaged
    chunk, which the frame's own error then repeats). ``LOOKMATTE_DEBUG`` lets it through."""
    if os.environ.get("LOOKMATTE_DEBUG"):
        yield
        return
    own = sys.stderr
    try:
        shared = own.fileno() == 2
        kept = os.dup(2)
    except (OSError, ValueError, AttributeError):
        yield
        return
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    os.close(null)
    if shared:
        own.flush()
        raw = io.FileIO(kept, "w", closefd=False)
        sys.stderr = io.TextIOWrapper(raw, own.encoding, own.errors, line_buffering=True)
    try:
        yield
    finally:
        if shared:
            sys.stderr.flush()
            sys.stderr = own
        os.dup2(kept, 2)
        os.close(kept)
