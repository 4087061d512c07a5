"""How much memory there is: what asks for more is refused before it takes any."""

from __future__ import annotations

import math
import os
import stat
from pathlib import Path

LARGEST_PICTURE = 4 << 30
"""Bytes of a file that is read whole: a reference, or a matte that is no OpenEXR file."""


def machine_bytes() -> float:
    """This machine's memory in bytes; infinite where that is not known."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return math.inf


def too_large(path: Path) -> str:
    """What to say of a picture's file that nobody should read to its end; empty for any other. Raises OSError."""
    found = path.stat()
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        return f"{path}: is a pipe or a device, which may have no end; name a file"
    size = found.st_size
    if size <= LARGEST_PICTURE:
        return ""
    return f"{path}: is {size / 2**30:.0f} GiB, more than {LARGEST_PICTURE >> 30} GiB; save it smaller"
