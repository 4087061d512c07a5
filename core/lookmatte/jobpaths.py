"""The paths of a job: what a person wrote made absolute, and whether files stand where they point."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from lookmatte.errors import InputError, nearest
from lookmatte.imaging.filenames import impossible
from lookmatte.job import Job, MatteFile

if TYPE_CHECKING:
    from lookmatte.imaging.sequence import Sequence

_VARIABLE = re.compile(r"\$(?:\{([^}]*)\}|([A-Za-z_][A-Za-z0-9_]*))")
_HOUDINI_FRAME = re.compile(r"F[0-9]*\Z")
_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\")
_LISTED = 5000


def expand(text: str, base: Path, *, pattern: bool) -> str:
    """Expand ``~``, ``$VAR`` and ``${VAR}`` and make the path absolute; ``..`` stays (symbolic links).

    With ``pattern`` the frame paddings ``$F`` and ``$F4`` are left as they are.
    Raises ValueError that names an unset variable, or says that no file can be called so.
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
    path = str(base.absolute() / expanded)
    if wrong := impossible(path):
        raise ValueError(wrong)
    if os.name == "posix" and _WINDOWS.match(expanded) and not os.path.lexists(base / expanded.split("/")[0]):
        raise ValueError("a path of Windows; --path-map turns those of a job into this machine's")
    return path


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
    if os.path.isdir(wanted):
        return f"{path} is a folder, not a file{nearest(wanted.name, _listing(wanted))}"
    if os.path.isdir(folder):
        return f"there is no file {path}{nearest(wanted.name, _listing(folder))}"
    while not os.path.isdir(folder.parent) and folder.parent != folder:
        folder = folder.parent
    return f"there is no file {path}: no folder {folder}{nearest(folder.name, _listing(folder.parent, True))}"


def check_paths(job: Job) -> None:
    """Check a job against the disk before anything is read: plate and mattes are there, no output is an input.

    Raises InputError with a line for every mistake. Single missing frames are left to the render, which goes on
    without them; none at all of the asked ones is a mistake.
    """
    from lookmatte.imaging.sequence import Sequence, describe_frames, first_collision, parse_frames

    mistakes: list[str] = []
    inputs: list[Path] = []

    def found(key: str, pattern: str) -> list[int]:
        try:
            sequence = Sequence.parse(pattern, Path())
            frames = sequence.require()
        except InputError as error:
            mistakes.append(f"{key}: {error}")
            return []
        inputs.extend(sequence.path(frame) for frame in frames)
        return frames

    frames = there = found("plate", job.plate)
    if job.frames is not None and there:
        asked = set(parse_frames(job.frames))
        frames = [frame for frame in there if frame in asked]
        if not frames:
            mistakes.append(f"frames: none of {job.frames} is on disk; the plate has {describe_frames(there)}")
    for region in job.everything:
        if isinstance(region.source, MatteFile):
            found(f"regions.{region.name}.matte", region.source.pattern)
        for picture in region.style.pictures:
            inputs.extend(Path(path) for path in (picture.image, picture.matte) if path)
    try:
        output = Sequence.parse(job.output, Path())
    except InputError as error:
        mistakes.append(f"output: {error}")
    else:
        mistakes.extend(f"output: {wrong}" for wrong in _output_mistakes(output, len(frames)))
        pair = first_collision((output.path(frame) for frame in frames), inputs)
        if pair:
            mistakes.append(f"output: {pair[0]} is an input ({pair[1]}); write somewhere else")
    if mistakes:
        raise InputError("\n".join(mistakes))


def _output_mistakes(output: Sequence, count: int) -> Iterator[str]:
    if not str(output).lower().endswith(".exr"):
        yield f"{output} must end in .exr"
    if output.is_still and count > 1:
        yield f"{output} has no padding for {count} frames; write NAME.####.exr"
    if wrong := closed(output.folder):
        yield wrong


def closed(folder: Path) -> str:
    """Why nothing can be written into a folder that is there, or is to be made; empty where it can."""
    while not os.path.lexists(folder) and folder.parent != folder:
        folder = folder.parent
    if not os.path.isdir(folder):
        return f"{folder} is a file; a folder is needed there"
    return "" if os.access(folder, os.W_OK) else f"the folder {folder} is not writable"
