"""What a Baker has to say of a look, to a person who can do something about it."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from lookmatte.bilateral.guide import GuideWeights
from lookmatte.bilateral.transport import NOISE, Moments, spread
from lookmatte.looks.sample import Sample
from lookmatte.networks.adain import FEWEST_PIXELS

VALUE = "{}"
"""Stands in a notice where its value belongs, so that frames which differ in it alone share one line."""


@dataclass(frozen=True)
class Notice:
    """About a region's look on a frame: ``text`` holds :data:`VALUE` where ``value`` belongs; ``advice`` is what a
    person may do."""

    frame: int
    region: str
    text: str
    value: float
    advice: str = ""


Listener = Callable[[Notice], None]

CONTRAST = 2.5
_STEP = 0.01

log = logging.getLogger("lookmatte")


def say_once() -> Listener:
    """A listener that sends notices to lookmatte's log, each text once."""
    said: set[str] = set()

    def listen(notice: Notice) -> None:
        if notice.text not in said:
            said.add(notice.text)
            line = f"{fill(notice.text, notice.value, notice.value)} in frame {notice.frame}"
            log.warning("%s", "; ".join(filter(None, (line, notice.advice))))

    return listen


def fill(text: str, low: float, high: float) -> str:
    """The text with its value, or the range of its values."""
    before, marker, after = text.rpartition(VALUE)
    least, most = (f"{value:.1f}".removesuffix(".0") for value in (low, high))
    return f"{before}{least if least == most else f'{least} to {most}'}{after}" if marker else text


def small(frame: int, name: str, pixels: float) -> Notice | None:
    """The notice for a region of so many proxy pixels, if one is due."""
    if pixels >= 2.0 * FEWEST_PIXELS:
        return None
    measured = f"region {name!r}: {VALUE} of the 256x256 pixels that looks are measured in, so it"
    if pixels < FEWEST_PIXELS:
        return Notice(frame, name, f"{measured} keeps its colours", pixels, f"{FEWEST_PIXELS:.0f} are the least")
    advice = f"all of it from {2 * FEWEST_PIXELS:.0f} on"
    return Notice(frame, name, f"{measured} takes on a part of its look", pixels, advice)


def one_colour(style: str, colours: Moments) -> str | None:
    """The line for a style without any contrast, if it has none."""
    if spread(colours) > NOISE:
        return None
    return (
        f"style {style} is one colour: only its mean is used, and contrast falls to a third; "
        "a lower `strength` keeps more"
    )


def contrast(frame: int, name: str, times: float) -> Notice | None:
    """The notice for a look that amplifies so much, if one is due."""
    if times <= CONTRAST:
        return None
    text = f"region {name!r}: its look makes contrast, and grain and banding with it, {VALUE} times as strong"
    return Notice(frame, name, text, times, "a lower `strength` or a softer style would calm it")


def amplification(grid: Tensor, sample: Sample, weights: GuideWeights, matte: float) -> float:
    """How much a (12, D, H, W) grid makes of a small difference of luminance: rms over a region's colours; 0 where
    there are none. ``matte`` is what the guide sees."""
    below, above = ((sample.colours + sign * _STEP).clamp_(0.0, 1.0) for sign in (-1.0, 1.0))
    share = sample.share * ((above - below) > _STEP).all(0)
    start, end = (sample.styled(grid, ends, weights, matte).clamp_min_(0.0) for ends in (below, above))
    change = ((end - start) / (2.0 * _STEP)).square().mean(0)
    return math.sqrt(float(change @ share / share.sum().clamp_min(1e-3)))
