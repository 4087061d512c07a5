# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of frames: how Blender writes them, where the styled ones go. No Blender in here."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

_PADDING = re.compile(r"#+")


def pattern_of(filepath: str, extension: str = ".exr", animation: bool = True) -> str:
    """The pattern of the files that Blender writes for an absolute output path: the last run of # in the name is
    the frame, without any it is four digits at the end. A still has none unless it is part of an animation."""
    stem = filepath[: -len(extension)] if filepath.lower().endswith(extension) else filepath
    if animation and not _PADDING.search(os.path.basename(stem)):
        stem += "####"
    return stem + extension


def split(pattern: str) -> tuple[str, int, str]:
    """(before, digits, after) of a pattern's frame number; no digits and an empty end where there is none."""
    folder, name = os.path.split(pattern)
    runs = list(_PADDING.finditer(name))
    if not runs:
        return pattern, 0, ""
    run = runs[-1]
    return os.path.join(folder, name[: run.start()]), run.end() - run.start(), name[run.end() :]


def path_at(pattern: str, frame: int) -> str:
    """The file of a frame."""
    before, digits, after = split(pattern)
    if not digits:
        return pattern
    return f"{before}{'-' if frame < 0 else ''}{abs(frame):0{digits}d}{after}"


def look_pattern(plate: str, folder: str = "look") -> str:
    """Where the styled frames of a plate go: ``shot/sh.####.exr`` to ``shot/look/sh_look.####.exr``."""
    before, digits, after = split(plate)
    if not digits:
        before, after = os.path.splitext(plate)
    where, name = os.path.split(before)
    name = name.rstrip("._- ")
    stem = f"{name}_look" if name else "look"
    frame = f".{'#' * digits}" if digits else ""
    return os.path.join(where, folder, f"{stem}{frame}{after}")


def brief(path: str) -> str:
    """A path as a message bears it: its folder's name and its own."""
    where, name = os.path.split(path)
    folder = os.path.basename(where)
    return f"…/{folder}/{name}" if folder else path


def in_brief(text: str, folders: Iterable[str]) -> str:
    """A message without the long names of these folders."""
    for folder in sorted({one for one in folders if os.path.basename(one)}, key=len, reverse=True):
        text = text.replace(os.path.join(folder, ""), f"…/{os.path.basename(folder)}/")
    return text


def frames_text(frames: Iterable[int]) -> str:
    """Frame numbers as a job writes them: 1-4,7."""
    runs: list[list[int]] = []
    for frame in sorted(set(frames)):
        if runs and frame == runs[-1][1] + 1:
            runs[-1][1] = frame
        else:
            runs.append([frame, frame])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def on_disk(pattern: str, frames: Iterable[int]) -> list[int]:
    """Which of the frames are there. Their folder is read once: on a network disk each question costs."""
    if not pattern:
        return []
    if not split(pattern)[1]:
        return list(frames) if os.path.isfile(pattern) else []
    try:
        there = set(os.listdir(os.path.dirname(pattern)))
    except OSError:
        return []
    return [frame for frame in frames if os.path.basename(path_at(pattern, frame)) in there]
