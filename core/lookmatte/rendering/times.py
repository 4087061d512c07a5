"""How long frames took, stage by stage: kept beside a sequence, for whoever asks why a night was not enough."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from lookmatte.imaging.sequence import Sequence

STAGES = ("read", "reduce", "bake", "apply", "write")
"""Decoding the plate, averaging it to the proxy, predicting grids, styling at full size, encoding the result."""

_LONGEST = 8 << 20


@contextlib.contextmanager
def timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    """Add what the block takes to ``seconds`` of a stage."""
    began = time.perf_counter()
    try:
        yield
    finally:
        seconds[stage] = seconds.get(stage, 0.0) + time.perf_counter() - began


def path_of(sequence: Sequence) -> Path:
    """The file of a sequence's times: JSON lines, ``{"frame": 1001, "read": 0.11, ...}``."""
    return sequence.folder / ".lookmatte" / f"{sequence.prefix}{sequence.suffix}.times.jsonl"


class Times:
    """Notes the times of a sequence's frames. Nobody's frame fails because a note cannot be kept."""

    def __init__(self, sequence: Sequence) -> None:
        self._path = path_of(sequence)

    def note(self, frame: int, seconds: Mapping[str, float]) -> None:
        """Append a line in one write, so that lines of two processes do not mix (over NFS one may be lost)."""
        known = {stage: round(seconds[stage], 4) for stage in STAGES if stage in seconds}
        line = json.dumps({"frame": frame, **known})
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                if self._path.stat().st_size > _LONGEST:
                    os.replace(self._path, self._path.with_suffix(".old"))
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
            handle = os.open(self._path, flags, 0o666)
            try:
                os.write(handle, line.encode("ascii") + b"\n")
            finally:
                os.close(handle)


def recall(sequence: Sequence) -> dict[int, dict[str, float]]:
    """Seconds by stage, of each frame's last making. A line that is damaged, or not there, is passed over."""
    found: dict[int, dict[str, float]] = {}
    try:
        with open(path_of(sequence), "rb") as file:
            text = file.read(2 * _LONGEST)
    except OSError:
        return found
    for line in text.splitlines():
        with contextlib.suppress(ValueError, RecursionError):
            note = json.loads(line)
            if isinstance(note, dict) and type(note.get("frame")) is int:
                found[note["frame"]] = {stage: float(note[stage]) for stage in STAGES if _is_time(note.get(stage))}
    return found


def _is_time(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0.0 <= value < 1e9
