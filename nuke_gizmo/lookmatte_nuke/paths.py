"""Files and patterns of files, and what is known of them on disk. No Nuke in here."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable

from . import job

_PADDING = re.compile(r"#+|%0?\d{0,2}d")
_REMEMBERED = 10.0  # seconds; a status line asks often, and a network disk answers slowly

MEANT_BY_NUKE = "%#[]{}$\\\""
"""Letters that Nuke reads as its own in the path of a Read."""

_stamps: dict[tuple[str, int, int], tuple[float, str]] = {}


def is_pattern(path: str) -> bool:
    """Does a path stand for a file a frame?"""
    return _PADDING.search(os.path.basename(path)) is not None


def at_frame(pattern: str, frame: int) -> str:
    """The file of a frame; a pattern without padding is a still."""
    folder, name = os.path.split(pattern)
    runs = list(_PADDING.finditer(name))
    if not runs:
        return pattern
    run = runs[-1]
    text = run.group()
    digits = len(text) if text[0] == "#" else int(text[1:-1] or 0)
    number = f"{'-' if frame < 0 else ''}{abs(frame):0{digits}d}"
    return os.path.join(folder, name[: run.start()] + number + name[run.end() :])


def stamps(patterns: Iterable[str], first: int, last: int, fresh: bool = False) -> dict[str, str]:
    """By pattern a short name for what its files are on disk in a range of frames, by their sizes and times. What
    was looked at within the last seconds is not looked at again, unless it must be ``fresh``."""
    return {pattern: _stamp_of(pattern, first, last, fresh) for pattern in patterns}


def stamp_at(patterns: Iterable[str], frame: int) -> str:
    """A short name for what the files of one frame are."""
    return job.hashed([[pattern, _status(at_frame(pattern, frame))] for pattern in sorted(set(patterns))])


def _stamp_of(pattern: str, first: int, last: int, fresh: bool) -> str:
    key, now = (pattern, first, last), time.monotonic()
    known = _stamps.get(key)
    if known is not None and now - known[0] < _REMEMBERED and not fresh:
        return known[1]
    frames = range(first, last + 1) if is_pattern(pattern) else range(1)
    found = job.hashed([_status(at_frame(pattern, frame)) for frame in frames])
    _stamps[key] = now, found
    return found


def _status(path: str) -> list[int]:
    try:
        status = os.stat(path)
    except OSError:
        return []
    return [status.st_size, status.st_mtime_ns]


def slug(text: str) -> str:
    """A text as the name of a folder that every system and Nuke itself take as it is."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", text)[:60].strip("_") or "_"
