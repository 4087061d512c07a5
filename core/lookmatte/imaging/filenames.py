"""What no file can be called, on any system that lookmatte knows."""

from __future__ import annotations

import os

_LONGEST_NAME = 255  # bytes
_LONGEST_PATH = 4096


def impossible(path: str | os.PathLike[str]) -> str:
    """Why no file can have this path: its letters, its length, or that of a name in it; empty where one can."""
    try:
        data = os.fsencode(path)
    except UnicodeEncodeError:
        return "it holds letters that no file's name can hold"
    if b"\0" in data:
        return "it holds a null character, which no file's name can hold"
    longest = max(map(len, data.split(b"/")))
    if longest > _LONGEST_NAME:
        return f"a name of {longest} bytes is longer than a file's can be ({_LONGEST_NAME})"
    if len(data) >= _LONGEST_PATH:
        return f"a path of {len(data)} bytes is longer than a path can be ({_LONGEST_PATH})"
    return ""
