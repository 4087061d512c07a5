# SPDX-License-Identifier: GPL-3.0-or-later
"""With which settings each styled file was made: noted beside the files, for another day too. No Blender in here.

A note counts while the file is the one that was noted: another program, or another .blend, may have written it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

_PLACE = (".lookmatte", "frames.json")
_read: dict[str, tuple[int, dict[str, list[str]]]] = {}


def made_by(path: str) -> str:
    """The fingerprint of the settings that a file was made with; "" when nobody noted it, or it changed since."""
    found = _notes(os.path.dirname(path)).get(os.path.basename(path))
    return found[0] if found is not None and found[1] == _stamp(path) else ""


def note(made: Mapping[str, str]) -> None:
    """Note the fingerprints of files of one folder that are there now."""
    there = {path: stamp for path in made if (stamp := _stamp(path))}
    if not there:
        return
    folder = os.path.dirname(next(iter(there)))
    notes = dict(_notes(folder))
    notes.update({os.path.basename(path): [made[path], stamp] for path, stamp in there.items()})
    place = os.path.join(folder, *_PLACE)
    temporary = f"{place}.{os.getpid()}.tmp"
    try:
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(notes, file)
        os.replace(temporary, place)
    except OSError:
        pass  # then nobody knows, and the node says so


def standing(source: str, look: str, wanted: str, alone: str = "") -> str:
    """What there is to say of a styled file: ``fresh``; ``missing``; ``render``: what it is made from is newer;
    ``elsewhere``: nobody noted its settings; ``settings``: they are not those ``wanted`` now; ``alone``: they are
    those of a frame by itself, until a whole shot's look is made."""
    styled, rendered = modified(look), modified(source)
    if styled is None:
        return "missing"
    if rendered is not None and rendered > styled:
        return "render"
    made = made_by(look)
    if made == wanted:
        return "fresh"
    if not made:
        return "elsewhere"
    return "alone" if made == alone else "settings"


def modified(path: str) -> float | None:
    """When a file was written; None when it is not there."""
    try:
        return os.stat(path).st_mtime
    except OSError:
        return None


def _stamp(path: str) -> str:
    """What tells a file from a later one of its name, as text: JSON's numbers are too short. "" when it is not
    there."""
    try:
        status = os.stat(path)
    except OSError:
        return ""
    return f"{status.st_size}:{status.st_mtime_ns}"


def _notes(folder: str) -> dict[str, list[str]]:
    place = os.path.join(folder, *_PLACE)
    try:
        changed = os.stat(place).st_mtime_ns
        if place not in _read or _read[place][0] != changed:
            with open(place, encoding="utf-8") as file:
                found = json.load(file)
            sound = {
                str(name): [str(part) for part in one]
                for name, one in (found.items() if isinstance(found, dict) else ())
                if isinstance(one, list) and len(one) == 2
            }
            _read[place] = changed, sound
        return _read[place][1]
    except (OSError, ValueError):
        return {}
