"""Messages over standard input and output, which the worker takes for itself: nothing else may write there."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator
from typing import Any

LONGEST = 4 << 20
"""Bytes in one line from the host; a job of a thousand regions takes a tenth."""

_PIECE = 65536


class HostGone(Exception):
    """Nobody reads what is written any more."""


class Channel:
    """Two pipes: lines from one, messages into the other. Writing is safe from any thread."""

    def __init__(self, source: int, sink: int) -> None:
        self._source, self._sink = source, sink
        self._lock = threading.Lock()

    @staticmethod
    def take_over_standard_streams() -> Channel:
        """Keep standard input and output for messages. Whatever else reads or writes there, C++ libraries and child
        processes included, finds an empty file, and standard error."""
        sys.stdout.flush()
        source, sink = os.dup(0), os.dup(1)  # not inheritable, as the pipes' ends must not be
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        os.dup2(2, 1)
        sys.stdout = sys.stderr
        channel = Channel(source, sink)
        channel._write(b"\n")  # what an interpreter's start wrote before may lack its own
        return channel

    def lines(self) -> Iterator[bytes | None]:
        """The lines of the host until it closes its end; None for one that is longer than ``LONGEST``."""
        kept = bytearray()
        dropping = False
        while True:
            try:
                piece = os.read(self._source, _PIECE)
            except OSError:
                return
            if not piece:
                return
            *whole, rest = piece.split(b"\n")
            for part in whole:
                too_long = dropping or len(kept) + len(part) > LONGEST
                yield None if too_long else bytes(kept) + part
                kept, dropping = bytearray(), False
            if not dropping:
                kept += rest
            if len(kept) > LONGEST:
                kept, dropping = bytearray(), True

    def send(self, message: dict[str, Any]) -> None:
        """Write one message; paths become texts. Raises HostGone."""
        self._write(json.dumps(message, allow_nan=False, default=str).encode("ascii") + b"\n")

    def _write(self, line: bytes) -> None:
        left = memoryview(line)
        with self._lock:
            try:
                while left:
                    left = left[os.write(self._sink, left) :]
            except OSError as error:
                raise HostGone(str(error)) from None
