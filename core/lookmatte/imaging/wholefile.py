"""Files that appear whole or not at all, and what processes leave that are killed while they write one.

A file is written under a temporary name in its own folder and renamed when all of it is on the disk. Meanwhile its
writer holds a lock on it, which the system takes back when the process ends, by whatever way. So whoever finds a
temporary can tell whether somebody still writes it, and no two machines' clocks are ever compared.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import os
import platform
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lookmatte.errors import FrameError
from lookmatte.imaging.locks import lock
from lookmatte.imaging.patience import patiently

ABANDONED = 3600.0
"""Seconds without a change, by the file server's own clock, after which a temporary that nobody has locked is
nobody's even where locks may not reach from machine to machine. No file takes so long to write."""

_CLOCK = "clock"  # what a folder's clock is read from
_TRIES = 50  # to begin a file; to lose one to somebody who sweeps takes a coincidence
_LONGEST = 180  # bytes of the name that is taken over; file systems allow 255
_TEMPORARY = re.compile(r"\.(.+)\.(?:([0-9a-f]{8})-)?\d+\.[0-9a-f]{8}\.tmp(\.\w+)?")


@functools.lru_cache(maxsize=1)
def machine() -> str:
    """This machine since it was started, in 8 hexadecimal digits; containers on it are the same machine."""
    try:
        known = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
    except (OSError, ValueError):
        known = platform.node()
    return hashlib.sha256(known.encode()).hexdigest()[:8]


@contextmanager
def whole_file(path: Path, *, suffix: str = "") -> Iterator[Path]:
    """Give a temporary path beside ``path``; it becomes ``path`` when the block ends well, else it is removed.

    The temporary is there and empty; the block writes it under its name. Raises FrameError when the folder cannot
    be made or written.
    """
    path = Path(path)
    temporary: Path | None = None
    handle = -1
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary, handle = _begin(path, suffix)
        yield temporary
        _settle(temporary)
        if os.name == "nt":  # Windows renames no file that is open
            os.close(handle)
            handle = -1
        os.replace(temporary, path)
    except OSError as error:
        raise FrameError(f"{path}: cannot be written ({why(error)})") from None
    finally:
        if handle >= 0:
            os.close(handle)
        if temporary is not None:
            _forget(temporary)


_unfinished: set[Path] = set()


def _forget(temporary: Path) -> None:
    with contextlib.suppress(OSError):
        temporary.unlink()
    _unfinished.discard(temporary)


def discard_unfinished() -> None:
    """Remove the files that this process has begun and not finished: for one that was interrupted, which may have
    been between any two steps, or that ends without waiting for them."""
    for temporary in list(_unfinished):
        _forget(temporary)


def write_whole(path: Path, write: Callable[[Path], None], *, suffix: str = "") -> None:
    """Let ``write`` fill a temporary that becomes ``path`` once it is whole; from the beginning again when the
    network fails for a moment. Raises FrameError; then nothing is left behind, and what was there stays."""

    def attempt() -> None:
        with whole_file(path, suffix=suffix) as temporary:
            write(temporary)

    patiently(attempt, path)


def write_bytes(path: Path, data: bytes) -> None:
    """:func:`write_whole` for bytes that are in memory."""

    def write(temporary: Path) -> None:
        temporary.write_bytes(data)

    write_whole(path, write)


def remove(path: Path) -> None:
    """Remove a file, if it is there; patiently. Raises FrameError."""
    try:
        patiently(lambda: path.unlink(missing_ok=True), path)
    except OSError as error:
        raise FrameError(f"{path}: cannot be removed ({why(error)})") from None


def why(error: OSError) -> str:
    """The system's reason in words that a person can act on."""
    words = {
        errno.ENOSPC: "the disk is full",
        getattr(errno, "EDQUOT", -1): "the quota is used up",
        errno.EROFS: "the disk is read-only",
        errno.EFBIG: "the file is larger than the disk or a limit allows",
    }
    return words.get(error.errno or 0, error.strerror or str(error))


def _begin(path: Path, suffix: str) -> tuple[Path, int]:
    """A temporary beside ``path``, empty, open and locked. Raises OSError."""
    name = os.fsencode(path.name)[:_LONGEST].decode(errors="ignore")
    for _ in range(_TRIES):
        stem = f".{name}.{machine()}-{os.getpid()}.{secrets.token_hex(4)}.tmp{suffix}"
        temporary = path.with_name(stem)
        _unfinished.add(temporary)
        try:
            handle = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o666)
        except OSError as error:
            _unfinished.discard(temporary)
            if isinstance(error, FileExistsError):
                continue  # made by this very request, which the network carried twice
            raise
        try:
            ours = lock(handle) is not False and _is_there(temporary)
        except BaseException:
            os.close(handle)
            _forget(temporary)
            raise
        if ours:
            return temporary, handle
        os.close(handle)  # somebody who sweeps was quicker than the lock
        _forget(temporary)
    raise OSError(errno.EAGAIN, "its temporary is taken away again and again")


def _is_there(path: Path) -> bool:
    try:
        os.stat(path)
    except FileNotFoundError:
        return False
    return True


def _settle(temporary: Path) -> None:
    """Have all of it on the disk, so that a power cut leaves no file of zeros under the final name."""
    handle = os.open(temporary, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def temporary_of(path: Path) -> str | None:
    """The name of the file that a temporary was to become; None for any other file."""
    match = _TEMPORARY.fullmatch(path.name)
    return match[1] if match else None


def sweep(folder: Path, ours: Callable[[str], bool]) -> None:
    """Remove the temporaries in ``folder`` that nobody writes any more, when ``ours`` knows their target.

    Of this machine: those whose writer is dead. Of another: those, too, that have not changed for an hour.
    """
    try:
        entries = list(folder.iterdir())
    except OSError:
        return
    clock = folder_clock(folder)
    for path in entries:
        match = _TEMPORARY.fullmatch(path.name)
        if match is not None and (match[1] == _CLOCK or ours(match[1])):
            with contextlib.suppress(OSError):
                _remove_abandoned(path, match[2] == machine(), clock)


def _remove_abandoned(path: Path, own: bool, clock: Callable[[], float | None]) -> None:
    handle = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
    try:
        if not is_abandoned(handle, own, os.fstat(handle).st_mtime, clock):
            return
        if os.name != "nt":
            path.unlink()  # under the lock, so that nobody begins to write it in between
    finally:
        os.close(handle)
    if os.name == "nt":
        path.unlink()  # refused while its writer has it open


def is_abandoned(handle: int, own: bool, changed: float, clock: Callable[[], float | None]) -> bool:
    """Is an open file, which its user keeps locked, nobody's any more? It is locked then, until it is closed.

    ``own``: its user was a process of this machine, whose locks are known here. Of another machine's files, or
    without locks, those are nobody's that were ``changed`` long ago by the ``clock`` of their folder.
    """
    held = lock(handle)
    if held is not True or not own:
        now = None if held is False else clock()
        return now is not None and now - changed > ABANDONED
    return True


def folder_clock(folder: Path) -> Callable[[], float | None]:
    """The time by the clock that stamps the files of a folder, a server's perhaps; None where nothing can be
    written. It is looked at when it is first asked for."""

    @functools.lru_cache(maxsize=1)
    def now() -> float | None:
        with contextlib.suppress(OSError):
            probe, handle = _begin(folder / _CLOCK, "")
            try:
                return os.fstat(handle).st_mtime
            finally:
                os.close(handle)
                _forget(probe)
        return None

    return now
