"""What is to be said of single frames, gathered so that a person reads one line and not a line a frame."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from lookmatte.imaging.sequence import describe_frames

CLEAR = "alpha is 0 everywhere"
EMPTY = "the matte is empty"
UNSEEN = "covers no pixel"
_REGION = re.compile(r"region ('.*?'|\".*?\")")


@dataclass(frozen=True)
class Remark:
    """``text`` holds of a frame; ``count``: how many pixels it is about, 0 when it is about none."""

    text: str
    count: int = 0

    def line(self, where: str, total: int | None = None) -> str:
        """``text in WHERE``, with the count before it."""
        count = self.count if total is None else total
        return f"{self.text}: {count} in {where}" if count else f"{self.text} in {where}"


class Remarks:
    """Remarks of a run by their text. :meth:`tell` says each once, with the frames that it holds of."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._found: dict[str, dict[int, Remark]] = {}
        self._logged: dict[str, None] = {}

    def add(self, frame: int, remark: Remark) -> None:
        """Note a remark; said twice of a frame it counts once."""
        self._found.setdefault(remark.text, {})[frame] = remark

    def log(self, text: str) -> None:
        """Note what a module of lookmatte logged: told unless a remark says why already."""
        self._logged[text] = None

    def tell(self) -> None:
        """Say all that was gathered, and forget it."""
        found, self._found = self._found, {}
        logged, self._logged = self._logged, {}
        bare = [one for one in found if one.startswith(CLEAR) or one.endswith((EMPTY, UNSEEN))]
        for text in logged:
            region = _REGION.match(text)
            if region is None or not any(one.startswith((f"{region[0]}:", CLEAR)) for one in bare):
                self._warn(text)
        for text, frames in found.items():
            count = sum(remark.count for remark in frames.values())
            spans = describe_frames(frames)
            where = f"frame {spans}" if len(frames) == 1 else f"{len(frames)} frames ({spans})"
            self._warn(Remark(text).line(where, count))


class _Forward(logging.Handler):
    def __init__(self, gather: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._forward = gather

    def emit(self, record: logging.LogRecord) -> None:
        self._forward(record.getMessage())


@contextmanager
def gathered_from_log(gather: Callable[[str], None]) -> Iterator[None]:
    """Hand the warnings that lookmatte's own modules log to ``gather`` while the block runs."""
    logger = logging.getLogger("lookmatte")
    handler = _Forward(gather)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
