"""What is to be said of single frames, gathered so that a person reads one line and not a line a frame."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from lookmatte.imaging.sequence import describe_frames
from lookmatte.looks.bake import FrameBake, Setting
from lookmatte.looks.notices import VALUE, Notice, fill

FAR = 4.0
"""Stops from which on a look without `exposure_limit` is worth a line."""

MOST_ALIKE = 10
"""Warnings of one kind that are told in full; of a thousand files that a network kept back, so many are named."""

CLEAR = "alpha is 0 everywhere"
EMPTY = "the matte is empty"
UNSEEN = "covers no pixel"


@dataclass(frozen=True)
class Remark:
    """``text`` holds of a frame; ``count``: how many pixels it is about, 0 when it is about none; ``value``: what
    stands for ``VALUE`` in the text. ``advice``: what a person may do. ``note``: it is as the job asks for, nobody
    needs to act. ``region``: it is about this region's look, so it says nothing where the region has no pixel."""

    text: str
    count: int = 0
    value: float | None = None
    advice: str = ""
    note: bool = False
    region: str | None = None

    @staticmethod
    def of(notice: Notice) -> Remark:
        """What a Baker has to say."""
        return Remark(notice.text, value=notice.value, advice=notice.advice, region=notice.region)


def _line(where: str, remarks: list[Remark]) -> str:
    """``text in WHERE; advice``, with the value, or the range of values, in it and the count before it."""
    text = remarks[0].text
    values = [remark.value for remark in remarks if remark.value is not None]
    if values:
        text = fill(text, min(values), max(values))
    count = sum(remark.count for remark in remarks)
    line = f"{text}: {count} in {where}" if count else f"{text} in {where}"
    return f"{line}; {remarks[0].advice}" if remarks[0].advice else line


class Remarks:
    """Remarks of a run by their text. :meth:`tell` says each once, with the frames that it holds of."""

    def __init__(self, warn: Callable[[str], None], note: Callable[[str], None]) -> None:
        self._warn, self._note = warn, note
        self._found: dict[str, dict[int, Remark]] = {}
        self._logged: dict[str, None] = {}

    def add(self, frame: int, remark: Remark) -> None:
        """Note a remark; said twice of a frame it counts once."""
        self._found.setdefault(remark.text, {})[frame] = remark

    def log(self, text: str) -> None:
        """Note what a module of lookmatte logged."""
        self._logged[text] = None

    def tell(self, where: str | None = None) -> None:
        """Say all that was gathered, and forget it; ``where``: the name of the one frame that it is about."""
        found, self._found = self._found, {}
        logged, self._logged = self._logged, {}
        for text in logged:
            self._warn(text)
        # Frames are met in no fixed order: what was first in the shot is told first.
        for frames in sorted(found.values(), key=min):
            told = {
                frame: remark for frame, remark in sorted(frames.items()) if not _is_explained(remark, frame, found)
            }
            if not told:
                continue
            spans = describe_frames(told)
            place = where or (f"frame {spans}" if len(told) == 1 else f"{len(told)} frames ({spans})")
            say = self._note if next(iter(told.values())).note else self._warn
            say(_line(place, list(told.values())))


def _is_explained(remark: Remark, frame: int, found: Mapping[str, Mapping[int, Remark]]) -> bool:
    """Does another remark say why the region of this one has nothing on the frame?"""
    return remark.region is not None and any(
        frame in frames and (text.startswith(CLEAR) or is_bare(text, remark.region))
        for text, frames in found.items()
    )


def is_bare(text: str, region: str) -> bool:
    """Does a remark's text say that a region has no pixel?"""
    return text.startswith(f"region {region!r}: ") and text.endswith((EMPTY, UNSEEN))


def exposure_remarks(bake: FrameBake, settings: Mapping[str, Setting]) -> list[Remark]:
    """What a person should know of how far the looks of a key frame carry the regions' mean luminance."""
    found: list[Remark] = []
    for region in bake.regions:
        setting = settings.get(region.name, Setting())
        stops = region.exposure.stops
        if setting.strength == 0.0:
            continue
        way = "brighter" if stops > 0.0 else "darker"
        asked = f"region {region.name!r}: its style asks for {VALUE} stops {way}"
        if region.exposure.amount(setting.exposure_limit) > 0.0:
            held = f"{asked}, held at its exposure_limit of {setting.exposure_limit:g}"
            found.append(Remark(held, value=abs(stops), note=True, region=region.name))
        elif setting.exposure_limit is None and abs(stops) * setting.strength >= FAR:
            advice = "`exposure_limit: 2` or a lower `strength` would hold it"
            found.append(Remark(asked, value=abs(stops), advice=advice, region=region.name))
    return found


class _Forward(logging.Handler):
    """Hands texts on; of those that one place of the code logs, no more than ``MOST_ALIKE``."""

    def __init__(self, gather: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._forward = gather
        self._alike: dict[str, list[str]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        alike = self._alike.setdefault(str(record.msg), [])
        alike.append(record.getMessage() if len(alike) < MOST_ALIKE else "")
        if len(alike) <= MOST_ALIKE:
            self._forward(alike[-1])

    def conclude(self) -> None:
        """Tell how many were not handed on."""
        for alike in self._alike.values():
            if len(alike) > MOST_ALIKE:
                self._forward(f"{len(alike) - MOST_ALIKE} more like this: {alike[0]}")


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
        handler.conclude()
