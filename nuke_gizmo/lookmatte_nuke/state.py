"""What a node was baked from, and whether that still holds. No Nuke in here.

>>> then = State({"style": "a.jpg"}, graph="1f", files={"a.jpg": "9c"}, first=1001, last=1048)
>>> status(then, then._replace(graph="2a"))
'stale: what src or mask shows has changed · baked 1001-1048'
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from . import job

NOT_BAKED = "not baked yet"

_LABELS = {"style_matte": "part of style", "blend": "edges", "temporal": "mode", "subsample": "bake every"}


class State(NamedTuple):
    """All that a bake depends on. ``settings`` are plain values by their knobs' names; ``graph`` is a hash of the
    nodes above, ``files`` has one for each file or pattern that is read; ``still``: the one frame that was baked,
    and is held."""

    settings: Mapping[str, Any]
    graph: str
    files: Mapping[str, str]
    first: int
    last: int
    still: int | None = None
    failed: tuple[int, ...] = ()

    def text(self) -> str:
        """As a knob keeps it."""
        return json.dumps(self._asdict(), sort_keys=True)


def parse(text: str) -> State | None:
    """A state from a knob's text; None for a text that is none."""
    try:
        data = json.loads(text)
        return State(
            dict(data["settings"]),
            str(data["graph"]),
            {str(pattern): str(stamp) for pattern, stamp in data["files"].items()},
            int(data["first"]),
            int(data["last"]),
            None if data["still"] is None else int(data["still"]),
            tuple(int(frame) for frame in data["failed"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def changes(then: State, now: State) -> list[str]:
    """Why a bake no longer fits, in words; empty while it does."""
    found = []
    names = sorted(
        name for name in {*then.settings, *now.settings} if then.settings.get(name) != now.settings.get(name)
    )
    if names:
        found.append("{} changed".format(", ".join(_LABELS.get(name, name) for name in names)))
    if then.graph != now.graph:
        found.append("what src or mask shows has changed")
    changed = [pattern for pattern, stamp in now.files.items() if then.files.get(pattern, stamp) != stamp]
    if changed and (then.first, then.last) == (now.first, now.last):
        found.append(f"{', '.join(map(os.path.basename, changed))} changed on disk")
    if then.still is None and (now.first < then.first or now.last > then.last):
        found.append(f"the range is {job.frames_text(now.first, now.last)}")
    return found


def status(then: State | None, now: State, gone: str = "", about: str = "") -> str:
    """The status line. ``gone`` is a bake's folder that is not there any more; ``about`` says more of a bake that
    fits."""
    if then is None:
        return NOT_BAKED
    if gone:
        return f"the bake is gone: there is no {gone}; bake again"
    if then.still is not None:
        baked = f"baked from frame {then.still} alone"
    else:
        baked = f"baked {job.frames_text(then.first, then.last)}"
    if then.failed:
        baked += f", but {len(then.failed)} frame{'s' * (len(then.failed) > 1)} failed"
    why = changes(then, now)
    parts = (["stale: " + "; ".join(why)] if why else []) + [baked] + ([about] if about else [])
    return " · ".join(parts)
