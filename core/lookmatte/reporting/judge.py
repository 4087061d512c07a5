"""Which frames a person should look at, and why: rules over what was measured. Nothing is read here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from lookmatte.reporting.measures import Colour, FrameMeasures

JUMP = 0.012
"""How far a region's mean may leave the middle of its neighbours beyond what the plate's does, in the working
encoding: three codes of an 8-bit screen, which is where a large area is seen to flicker."""

GAIN = 2.0
"""A look may have more contrast than its plate, and so may its flicker."""

MANY = 1e-4
"""The share of a frame's pixels from which on clipped ones are worth a line."""

CRUSHED = 0.02
"""The share from which on pixels without any light left are, where the shot's usual share is not as high."""

SLOW = 5.0
"""How many times as long as usual a frame may take."""

_SHORTEST = 1.0  # seconds; what is quicker is slow for nobody

Severity = Literal["bad", "look"]


@dataclass(frozen=True)
class Finding:
    """Something about a frame. ``bad``: it must be made again or mended; ``look``: a person should decide."""

    frame: int
    severity: Severity
    text: str


def judge(
    frames: Sequence[FrameMeasures],
    failed: Mapping[int, str],
    seconds: Mapping[int, Mapping[str, float]] | None = None,
) -> list[Finding]:
    """Findings in the order of frames, the worst of each first. ``failed``: frames that could not be measured."""
    found = [Finding(frame, "bad", reason) for frame, reason in failed.items()]
    usual = median([one.crushed / one.pixels for one in frames]) if frames else 0.0
    for one in frames:
        found += [Finding(one.frame, "bad", doubt) for doubt in one.doubts]
        if one.broken:
            found.append(Finding(one.frame, "bad", f"{_pixels(one.broken)} NaN or infinite that the plate has not"))
        if one.clipped > MANY * one.pixels:
            found.append(Finding(one.frame, "look", f"{_pixels(one.clipped)} clipped at the largest half"))
        dark = one.crushed / one.pixels
        if dark > CRUSHED + usual:
            found.append(Finding(one.frame, "look", f"{dark:.0%} of the frame lost all its light"))
    for name in dict.fromkeys(name for one in frames for name in one.regions):
        for frame, jump, plate in jumps(frames, name):
            found.append(Finding(frame, "look", f"{name} jumps by {jump:.3f}, the plate by {plate:.3f}"))
    found += _slow(seconds or {})
    return sorted(found, key=lambda one: (one.frame, one.severity != "bad"))


def flicker(frames: Sequence[FrameMeasures], region: str) -> list[tuple[int, float, float]]:
    """(frame, look's, plate's): how far a region's mean leaves the middle of its neighbours', in whichever channel
    it leaves it most. Only for frames whose neighbours were measured, and have the region too."""
    found = []
    for before, here, after in zip(frames, frames[1:], frames[2:], strict=False):
        three = [one.regions.get(region) for one in (before, here, after)]
        if None not in three and after.frame - here.frame == here.frame - before.frame:
            a, b, c = (one for one in three if one is not None)
            found.append((here.frame, _bend(a.look, b.look, c.look), _bend(a.plate, b.plate, c.plate)))
    return found


def jumps(frames: Sequence[FrameMeasures], region: str) -> list[tuple[int, float, float]]:
    """The frames of :func:`flicker` that a person would see: the tops of what passes JUMP, since one frame's jump
    bends its neighbours as well."""
    found = flicker(frames, region)
    excess = {frame: look - GAIN * plate for frame, look, plate in found}
    order = list(excess)
    tops = []
    for index, (frame, look, plate) in enumerate(found):
        beside = [excess[order[at]] for at in (index - 1, index + 1) if 0 <= at < len(order)]
        if excess[frame] > JUMP and all(excess[frame] >= other for other in beside):
            tops.append((frame, look, plate))
    return tops


def _bend(before: Colour, here: Colour, after: Colour) -> float:
    return max(abs(b - 0.5 * (a + c)) for a, b, c in zip(before, here, after, strict=True))


def _slow(seconds: Mapping[int, Mapping[str, float]]) -> list[Finding]:
    totals = {frame: sum(stages.values()) for frame, stages in seconds.items() if stages}
    if len(totals) < 3:
        return []
    usual = median(totals.values())
    return [
        Finding(frame, "look", f"took {total:.1f} s, {total / usual:.0f} times as long as usual")
        for frame, total in totals.items()
        if total > _SHORTEST and usual > 0.0 and total > SLOW * usual
    ]


def _pixels(count: int) -> str:
    return f"{count:,} pixel{'' if count == 1 else 's'}"
