"""In which order frames are opened, so that one reading serves both baking and applying."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection

from lookmatte.rendering.bakery import Bakery


class Order:
    """Frames of a render that are to be opened: a key frame before the frames whose grids lie between it and the
    key before. So those can be applied at once, and no frame is opened twice.

    ``writing`` are the frames that are to be written. Of those that baking opens and nobody writes, the ones
    beside them are opened too: what is written depends on all that was baked before.
    """

    def __init__(self, bakery: Bakery, writing: Collection[int]) -> None:
        self._bakery = bakery
        last = max(writing, default=None)
        todo = [] if last is None else bakery.todo
        self._keys = deque(frame for frame in todo if bakery.is_key(frame))
        self._lacking = set(self._keys)
        mattes = {frame for frame in todo if not bakery.is_key(frame) and frame <= last} if last is not None else ()
        self._frames = deque(sorted({*writing, *mattes} - self._lacking))
        self._writing = sorted(writing)

    def following(self) -> int | None:
        """The frame to open next; None: none is needed any more, unless a key that was asked for fails."""
        good = (frame for frame in reversed(self._writing) if frame not in self._bakery.failed)
        frame = self._frames[0] if self._frames else next(good, None)
        if frame is None:
            return None
        if self._keys and (self._keys[0] <= frame or self._bakery.needed_key(frame) in self._lacking):
            key = self._keys.popleft()
            self._lacking.discard(key)
            return key
        return self._frames.popleft() if self._frames else None

    def ready(self, frame: int) -> bool:
        """Is all of the frame's grids baked that will be?"""
        return self._bakery.needed_key(frame) not in self._bakery.left
