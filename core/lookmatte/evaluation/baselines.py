"""What a look has to beat: closed-form colour transfer, region by region, of pictures (h, w, 3) in [0, 1]."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module, util

import cv2
import numpy as np

from lookmatte.evaluation.colour import Colours, cielab
from lookmatte.evaluation.pictures import Rgb, Weight

Transfer = Callable[[Colours, Colours], Colours]
"""Colours (n, 3) and a style's colours (m, 3), both in [0, 1] -> (n, 3)."""

PACKAGE = "color-matcher"
_SMALLEST_DEVIATION = 1e-3


def reinhard(content: Colours, style: Colours) -> Colours:
    """Mean and deviation of each axis carried to the style's (Reinhard et al. 2001, "Color transfer between
    images"), in CIELAB where they have Ruderman's l-alpha-beta."""
    ours, theirs = cielab(content[None])[0], cielab(style[None])[0]
    ratio = theirs.std(axis=0) / np.maximum(ours.std(axis=0), _SMALLEST_DEVIATION)
    moved = (ours - ours.mean(axis=0)) * ratio + theirs.mean(axis=0)
    rgb: Colours = cv2.cvtColor(moved[None].astype(np.float32), cv2.COLOR_LAB2RGB)[0]
    return rgb


def _color_matcher(method: str) -> Transfer:
    """A method of the package color-matcher (Hahne and Aggoun 2021)."""

    def transfer(content: Colours, style: Colours) -> Colours:
        matcher = import_module("color_matcher").ColorMatcher()
        source, reference = (np.float64(255.0) * colours[:, None] for colours in (content, style))
        moved = matcher.transfer(src=source, ref=reference, method=method)
        return np.asarray(moved, np.float32).reshape(-1, 3) / np.float32(255.0)

    return transfer


def closed_forms() -> Mapping[str, Transfer]:
    """The transfers that can run here, by name: those of color-matcher only where it is installed."""
    found: dict[str, Transfer] = {"reinhard": reinhard}
    if util.find_spec("color_matcher") is not None:
        found |= {"cm mkl": _color_matcher("mkl"), "cm hm-mkl-hm": _color_matcher("hm-mkl-hm")}
    return found


def apply(transfer: Transfer, content: Rgb, regions: Sequence[tuple[Weight, Rgb, Weight]]) -> Rgb:
    """The content with each region (weight, style, weight in the style) transferred by itself, clamped."""
    made = content.copy()
    for weight, style, style_weight in regions:
        inside, chosen = weight > 0.5, style_weight > 0.5
        if inside.any() and chosen.any():
            made[inside] = np.nan_to_num(transfer(content[inside], style[chosen]))
    return np.clip(made, 0.0, 1.0)
