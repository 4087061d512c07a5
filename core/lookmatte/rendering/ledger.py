"""What became of frames, told in their order, in whatever order they end."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable


class Ledger:
    """Of every frame of ``frames`` one end is put down; it is told once all frames before it have been.

    Leaving the block tells what is left: after an interrupt frames that never ended keep nobody waiting.
    """

    def __init__(self, frames: Iterable[int]) -> None:
        self._expected = deque(sorted(frames))
        self._ends: dict[int, Callable[[], None]] = {}

    def put(self, frame: int, tell: Callable[[], None]) -> None:
        """Note how a frame ended, and tell what can be told."""
        self._ends[frame] = tell
        while self._expected and self._expected[0] in self._ends:
            self._ends.pop(self._expected.popleft())()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        for frame in sorted(self._ends):
            self._ends.pop(frame)()
