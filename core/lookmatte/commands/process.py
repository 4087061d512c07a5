"""What a long run asks of its process: an end by SIGTERM as by Ctrl-C, and no chatter of libraries."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

_ENDING = (signal.SIGINT, signal.SIGTERM)


class Terminated(KeyboardInterrupt):
    """SIGTERM, which farms and batch systems send."""


def _terminate(*_: object) -> NoReturn:
    raise Terminated


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl-C would. Elsewhere than in the main thread it stays as it is."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


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
