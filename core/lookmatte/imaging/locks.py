"""Advisory locks on open files: held by one process, taken back by the system when it ends."""

from __future__ import annotations

import enum
import sys
from typing import Final, Literal

if sys.platform != "win32":
    import fcntl


class Unknown(enum.Enum):
    """The answer of systems and file systems that have no such locks."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN


def lock(handle: int) -> bool | Literal[Unknown.UNKNOWN]:
    """Lock an open file, without waiting. True: it is ours until the handle is closed; False: another process has
    it; UNKNOWN: there are no locks here. (Windows removes no file that is open: that is lock enough.)

    The lock belongs to the handle: libraries may open and close the same file by its name meanwhile.
    """
    if sys.platform == "win32":
        return UNKNOWN
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return UNKNOWN
    return True
