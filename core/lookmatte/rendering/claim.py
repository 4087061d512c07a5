"""Whose a bake's folder is: one process at a time bakes into it, and nobody loses work to another.

Baking the same job twice gives the same files, so two processes in one folder would do no harm to a pixel. But
each would take the other's index back to where it stands itself, and who applies or resumes the bake meanwhile
would find less than there was.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
import secrets
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lookmatte.errors import InputError
from lookmatte.imaging.locks import lock
from lookmatte.imaging.patience import patiently
from lookmatte.imaging.wholefile import folder_clock, is_abandoned, machine, why
from lookmatte.rendering.store import LOCK

_LOOK = 0.5  # seconds between two looks at a lock that somebody else has
_LONGEST = 200


@contextmanager
def claimed(folder: Path, *, wait: bool, tell: Callable[[str], None]) -> Iterator[Path]:
    """Give the folder to bake into, which is this process's own until the block ends.

    When another process has it: with ``wait`` the block begins once that has ended; else it has a folder beside it,
    with all that lies in the first one by now, which is gone afterwards. ``tell`` hears of either. Where a file
    system knows no locks the folder is shared. Raises InputError when it cannot be made.
    """
    with contextlib.ExitStack() as held:
        try:
            _sweep(folder)
            own = folder
            taken = _take(folder, held)
            if not taken and wait:
                tell(f"{folder}: {_owner(folder)} bakes into it; this run begins when that has ended")
                while not taken:
                    time.sleep(_LOOK)
                    taken = _take(folder, held)
            if not taken:
                own = _beside(folder, tell, held)
        except OSError as error:
            raise InputError(f"{folder}: the bake's folder cannot be made ({why(error)})") from None
        yield own


def _take(folder: Path, held: contextlib.ExitStack) -> bool:
    """Lock a folder, until ``held`` is left; False when another process has it. Raises OSError."""
    handle = patiently(lambda: _open_lock(folder), folder)
    with contextlib.ExitStack() as mine:  # a process that lives on must not keep a lock of which nobody knows
        mine.callback(os.close, handle)
        if lock(handle) is False:
            return False
        found = os.fstat(handle)
        if stat.S_ISREG(found.st_mode) and found.st_nlink == 1:  # the folder may come from anywhere
            with contextlib.suppress(OSError):
                os.ftruncate(handle, 0)
                os.write(handle, f"process {os.getpid()} on {platform.node()}".encode())
        held.enter_context(mine.pop_all())
    return True


def _open_lock(folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    return os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)


def _owner(folder: Path) -> str:
    try:
        with (folder / LOCK).open("rb") as file:
            said = file.read(_LONGEST).decode(errors="replace").strip()
    except OSError:
        said = ""
    return said or "another process"


def _beside(folder: Path, tell: Callable[[str], None], held: contextlib.ExitStack) -> Path:
    """A folder of this process's own, with what has been baked so far; it goes when ``held`` is left."""
    own = folder.with_name(f"{folder.name}.{machine()}-{os.getpid()}.{secrets.token_hex(4)}")
    held.callback(shutil.rmtree, own, ignore_errors=True)
    _take(own, held)
    tell(f"{_owner(folder)} bakes the same; this run bakes for itself, in {own.name} until it ends")
    # What was written last is taken first: what it counts on is there then. Files are never changed, only replaced.
    there = patiently(lambda: os.listdir(folder), folder)
    names = sorted(there, key=lambda name: (name.endswith(".exr"), not name.endswith(".safetensors")))
    for name in names:
        if name != LOCK and not name.startswith("."):
            with contextlib.suppress(OSError):
                _copy(folder / name, own / name)
    return own


def _copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except (OSError, NotImplementedError):
        shutil.copy2(source, target, follow_symlinks=False)


def _sweep(folder: Path) -> None:
    """Remove folders of :func:`_beside` whose process was killed."""
    name = re.compile(re.escape(folder.name) + r"\.([0-9a-f]{8})-\d+\.[0-9a-f]{8}")
    clock = folder_clock(folder.parent)
    with contextlib.suppress(OSError):
        for path in folder.parent.iterdir():
            match = name.fullmatch(path.name)
            if match is None:
                continue
            with contextlib.suppress(OSError):
                handle = os.open(path / LOCK, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
                try:
                    if is_abandoned(handle, match[1] == machine(), path.stat().st_mtime, clock):
                        shutil.rmtree(path, ignore_errors=True)
                finally:
                    os.close(handle)
