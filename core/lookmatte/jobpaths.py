"""The paths of a job: what a person wrote made absolute, and whether files stand where they point."""

from __future__ import annotations

import os
import re
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from lookmatte.errors import InputError, nearest

if TYPE_CHECKING:
    from lookmatte.job import Job

_VARIABLE = re.compile(r"\$(?:\{([^}]*)\}|([A-Za-z_][A-Za-z0-9_]*))")
_HOUDINI_FRAME = re.compile(r"F[0-9]*\Z")
_LISTED = 5000


def expand(text: str, base: Path, *, pattern: bool) -> str:
    """Expand ``~``, ``$VAR`` and ``${VAR}`` and make the path absolute; ``..`` stays (symbolic links).

    With ``pattern`` the frame paddings ``$F`` and ``$F4`` are left as they are.
    Raises ValueError that names an unset variable.
    """

    def value(match: re.Match[str]) -> str:
        name = match.group(1) if match.group(1) is not None else match.group(2)
        if pattern and _HOUDINI_FRAME.match(name):
            return match.group(0)
        if name not in os.environ:
            close = nearest(name, os.environ) if name else ""
            raise ValueError(f"the variable ${name or '{}'} is not set{close if 'nearest' in close else ''}")
        return os.environ[name]

    expanded = os.path.expanduser(_VARIABLE.sub(value, text))
    if expanded.startswith("~"):
        raise ValueError(f"there is no home folder for {expanded.split(os.sep)[0]!r}")
    return str(base.absolute() / expanded)


def _listing(folder: Path, folders_only: bool = False) -> list[str]:
    """The printable names in a folder, so that a message stays on one line; empty when it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            chosen = (e.name for e in entries if e.name.isprintable() and (e.is_dir() or not folders_only))
            return sorted(islice(chosen, _LISTED))
    except (OSError, ValueError):
        return []


def missing(path: str) -> str:
    """Say what is missing of a path, and the nearest file in its folder or folder in its parent."""
    wanted = Path(path)
    folder = wanted.parent
    if os.path.isdir(folder):
        return f"there is no file {path}{nearest(wanted.name, _listing(folder))}"
    while not os.path.isdir(folder.parent) and folder.parent != folder:
        folder = folder.parent
    return f"there is no file {path}: no folder {folder}{nearest(folder.name, _listing(folder.parent, True))}"
