# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests that belong together, and what became of their frames: told once, when the last has ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from . import center, paths
from .session import Event


class Batch:
    """Counts the frames of requests. ``then`` is told at the end whether all have their look."""

    def __init__(self, then: Callable[[bool], None] | None = None) -> None:
        self._then = then
        self._open = 0
        self._closed = False
        self._stopped = False
        self._good: dict[tuple[str, int], bool] = {}

    def begin(self, key: str, frames: Iterable[int]) -> Callable[[set[int]], None]:
        """A request for ``frames`` of a node is on its way; what is returned takes those that have their look. A
        frame that is asked for again is what it is the last time."""
        self._open += 1
        asked = list(frames)

        def put(good: set[int]) -> None:
            self._good.update({(key, frame): frame in good for frame in asked})
            self._open -= 1
            self._settle()

        return put

    def hear(self, event: Event) -> None:
        """Take note of an event of one of the requests."""
        self._stopped = self._stopped or event.get("code") in ("cancelled", "closed")

    def close(self) -> None:
        """No further request follows."""
        self._closed = True
        self._settle()

    def _settle(self) -> None:
        if not self._closed or self._open:
            return
        failed = {frame for (_, frame), good in self._good.items() if not good}
        done = {frame for _, frame in self._good} - failed
        if done:
            center.say("INFO", f"{_frames(done)} {'has its' if len(done) == 1 else 'have their'} look")
        if failed and not self._stopped:
            above = ", and so do the lines above" if center.waits() else ""
            center.say("ERROR", f"no look for {_frames(failed)}: the node says why{above}")
        if self._then is not None:
            self._then(bool(done) and not failed)


def _frames(frames: set[int]) -> str:
    return f"{'frame' if len(frames) == 1 else 'frames'} {paths.frames_text(frames)}"
