"""Another attempt for what a network file system refuses for a moment, and then no more."""

from __future__ import annotations

import errno
import logging
import os
import stat
import time
from collections.abc import Callable
from io import BufferedReader
from pathlib import Path
from typing import TypeVar

from lookmatte.errors import FrameError, LookmatteError

T = TypeVar("T")

WAITS = (0.25, 1.0)
"""Seconds before the second attempt and before the third, which is the last."""


def _maybe(*names: str) -> list[int]:
    return [getattr(errno, name) for name in names if hasattr(errno, name)]


PASSING = frozenset(
    _maybe(
        "EIO", "ESTALE", "ETIMEDOUT", "EAGAIN", "ENETDOWN", "ENETUNREACH", "ENETRESET", "EHOSTDOWN", "EHOSTUNREACH",
        "ECONNRESET", "ECONNABORTED", "ECONNREFUSED", "ENOTCONN", "EREMOTEIO", "ENOLINK", "ECOMM",
    )
)  # fmt: skip
"""What the system says of a server that does not answer, or that has another file under an open handle. Neither a
full disk nor a missing file nor a lack of rights is among them: those stay."""

_PIECE = 1 << 16  # bytes

_LASTING = (errno.ENOSPC, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, *_maybe("EDQUOT"))

_TOLD = "%s: %s; went well at attempt %d"
_log = logging.getLogger(__name__)


def system_error(error: BaseException) -> OSError | None:
    """The system's own error: this one, one that lies behind it, or one that a library quotes."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno is not None:
            return seen
        seen = seen.__cause__ or seen.__context__
    said = str(error)
    code = next((code for code in (*PASSING, *_LASTING) if os.strerror(code) in said), None)
    return None if code is None else OSError(code, os.strerror(code))


def passes(error: BaseException) -> bool:
    """Does the system's own error behind it come from a network that may answer later?"""
    cause = system_error(error)
    return cause is not None and cause.errno in PASSING


def patiently(act: Callable[[], T], what: object) -> T:
    """Return ``act()``; when the system says by it what passes, try twice more.

    A success at a later attempt is logged as a warning that names ``what``: a person should hear of a network that
    limps. The last failure is raised as it is.
    """
    reason = ""
    for attempt, wait in enumerate((*WAITS, None), 1):
        try:
            found = act()
        except Exception as error:
            if wait is None or not passes(error):
                raise
            reason = str(getattr(system_error(error), "strerror", error))
        else:
            if attempt > 1:
                _log.warning(_TOLD, what, reason, attempt)
            return found
        time.sleep(wait)
    raise AssertionError("the last attempt returns or raises")


def is_file(path: Path) -> bool:
    """Is there a file of that name? A server that does not answer has not said no: that raises FrameError."""
    try:
        return patiently(path.is_file, path)
    except OSError as error:
        raise FrameError(f"{path}: cannot be looked at ({error.strerror})") from None


def open_file(path: Path) -> BufferedReader:
    """Open a file to read it. Raises OSError, for a pipe too: nobody waits for one who may write into it."""
    if stat.S_ISFIFO(os.stat(path).st_mode):
        raise OSError(errno.EINVAL, "it is a pipe and no file", str(path))
    return path.open("rb")


def first_bytes(path: Path, most: int, *, pipes: bool = False) -> bytes:
    """A file's bytes, ``most`` of them at most, read patiently; ``pipes``: a person may have named one. Raises
    OSError."""

    def attempt() -> bytes:
        with path.open("rb") if pipes else open_file(path) as stream:
            # Python takes the memory for all that is asked for before it reads any; a pipe has no size.
            piece = max(os.fstat(stream.fileno()).st_size, _PIECE)
            found: list[bytes] = []
            left = most
            while left > 0 and (read := stream.read(min(piece, left))):
                found.append(read)
                left -= len(read)
            return b"".join(found)

    return patiently(attempt, path)


def at_second_glance(decode: Callable[[], T], path: Path) -> T:
    """Return ``decode()``; when it fails, once more after the file's bytes could be read.

    Decoders of pictures do not tell damage from a network that failed them. Raises OSError when the bytes cannot be
    read, else what ``decode`` raises the second time.
    """
    try:
        return decode()
    except LookmatteError:
        patiently(lambda: _read_through(path), path)
    found = decode()
    _log.warning(_TOLD, path, "could not be decoded", 2)
    return found


def _read_through(path: Path) -> None:
    with path.open("rb") as stream:
        while stream.read(1 << 20):
            pass
