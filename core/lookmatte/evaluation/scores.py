"""All scores of one picture, and their summary over many. None is to be trusted alone, nor without the eye.

style   distance of masked mean and deviation of a judge's features to the style's, per layer (``style.py``);
        relative to the untouched picture it is 1 for doing nothing, lower is better
swd     sliced Wasserstein-1 distance of CIELAB colours to the style's (``colour.py``); lower is better
swd_ok  the same in OKLab, scaled like CIELAB
ssim_s  structure term of SSIM on L* (``structure.py``); 1 is best
blotch  100 x rms of what no map of colours explains: colour blobs; 0 is best
gain    95th percentile of the gradient gain in smooth areas: noise, banding; 1 is neutral
clip    % of samples newly at 0 or 1
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lookmatte.errors import InputError
from lookmatte.evaluation import structure
from lookmatte.evaluation.colour import Colours, cielab, scaled_oklab, signature, wasserstein
from lookmatte.evaluation.pictures import SMALLEST_SHARE, Rgb, Weight
from lookmatte.evaluation.style import Features, statistics, style_distance
from lookmatte.networks.adain import Statistics

MEASURES = ("style", "swd", "swd_ok", "ssim_s", "blotch", "gain", "clip")


@dataclass(frozen=True)
class Scores:
    """One picture's scores; ``style`` and ``style_untouched`` per layer of the judge."""

    style: tuple[float, ...]
    style_untouched: tuple[float, ...]
    swd: float
    swd_untouched: float
    swd_ok: float
    ssim_s: float
    blotch: float
    gain: float
    clip: float


@dataclass(frozen=True)
class Target:
    """What is to be known of a style, or of the part of it that counts: measured once for many pictures."""

    statistics: list[Statistics]
    cielab: Colours
    oklab: Colours


def scorable(weight: Weight) -> bool:
    """Whether a region, or the part of a style that counts, is large enough to be measured."""
    return float((weight > 0.5).mean()) >= SMALLEST_SHARE


def target(features: Features, style: Rgb, weight: Weight) -> Target:
    """Measure a style (h, w, 3) inside its weight (h, w)."""
    return Target(
        statistics(features, style, [weight])[0],
        signature(cielab(style), weight),
        signature(scaled_oklab(style), weight),
    )


class Scene:
    """A content (h, w, 3) with its regions: weights (h, w) and the target of each, which count by their area.

    Regions under 1 % of the picture are not scored; InputError when none is left.
    """

    def __init__(self, features: Features, content: Rgb, regions: Sequence[tuple[Weight, Target]]) -> None:
        self.content = content
        kept = [one for one in regions if scorable(one[0])]
        if not kept:
            raise InputError("no region and its style cover 1 % of their pictures, so there is nothing to score")
        self.weights = [weight for weight, _ in kept]
        self._targets = [target for _, target in kept]
        areas = np.array([weight.mean() for weight in self.weights])
        self._shares = areas / areas.sum()
        self._features = features
        self._untouched = self._likeness(content)

    def _likeness(self, picture: Rgb) -> tuple[tuple[float, ...], float, float]:
        """Style distance per layer, and both colour distances."""
        found = statistics(self._features, picture, self.weights)
        lab, oklab = cielab(picture), scaled_oklab(picture)
        style, swd, swd_ok = np.zeros(len(found[0])), 0.0, 0.0
        for share, weight, wanted, ours in zip(self._shares, self.weights, self._targets, found, strict=True):
            style += share * np.array(style_distance(ours, wanted.statistics))
            swd += share * wasserstein(signature(lab, weight), wanted.cielab)
            swd_ok += share * wasserstein(signature(oklab, weight), wanted.oklab)
        return tuple(float(value) for value in style), float(swd), float(swd_ok)

    def score(self, picture: Rgb) -> Scores:
        """Score a picture that was made of the content, of its size, clamped to [0, 1] here."""
        picture = np.clip(picture, 0.0, 1.0)
        style, swd, swd_ok = self._likeness(picture)
        return Scores(
            style=style,
            style_untouched=self._untouched[0],
            swd=swd,
            swd_untouched=self._untouched[1],
            swd_ok=swd_ok,
            ssim_s=structure.ssim_s(self.content, picture),
            blotch=structure.blotch(self.content, picture, self.weights),
            gain=structure.gain(self.content, picture),
            clip=structure.clip(self.content, picture),
        )


def mean_scores(many: Sequence[Scores]) -> Scores:
    """The mean of several pictures' scores: those of a clip's frames stand for the clip."""

    def layers(name: str) -> tuple[float, ...]:
        rows = [getattr(one, name) for one in many]
        return tuple(sum(column) / len(rows) for column in zip(*rows, strict=True))

    def plain(name: str) -> float:
        return float(sum(getattr(one, name) for one in many) / len(many))

    names = ("swd", "swd_untouched", "swd_ok", "ssim_s", "blotch", "gain", "clip")
    return Scores(layers("style"), layers("style_untouched"), *(plain(name) for name in names))


def style_layers(many: Sequence[Scores]) -> list[float]:
    """Per layer, summed distances relative to the untouched pictures' sum."""
    rows = np.array([one.style for one in many]).sum(axis=0)
    untouched = np.array([one.style_untouched for one in many]).sum(axis=0)
    return [float(value) for value in rows / np.maximum(untouched, 1e-9)]


def value(measure: str, many: Sequence[Scores]) -> float:
    """A measure over many pictures: the mean; for ``style`` the mean over layers of ``style_layers``."""
    if measure == "style":
        return float(np.mean(style_layers(many)))
    return float(np.mean([getattr(one, measure) for one in many]))


def summary(many: Sequence[Scores]) -> dict[str, float]:
    """Every measure over many pictures, by name."""
    return {measure: value(measure, many) for measure in MEASURES}
