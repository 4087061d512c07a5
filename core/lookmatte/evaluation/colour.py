"""How near a picture's colours are to a style's: sliced Wasserstein distances (Rabin et al. 2011)."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from lookmatte.bilateral.oklab import to_oklab
from lookmatte.evaluation.pictures import Rgb, Weight

DIRECTIONS, QUANTILES = 64, 512
# OKLab's axes stretched to about CIELAB's extent, so that the two distances can be read side by side.
_OKLAB_SCALE = (100.0, 250.0, 250.0)

Colours = NDArray[np.float32]


def cielab(rgb: Rgb) -> Colours:
    """CIELAB (D65) of an sRGB picture: L* in [0, 100], a*, b*."""
    lab: Colours = cv2.cvtColor(np.ascontiguousarray(rgb, np.float32), cv2.COLOR_RGB2LAB)
    return lab


def scaled_oklab(rgb: Rgb) -> Colours:
    """OKLab (Ottosson 2020) times (100, 250, 250), of an sRGB picture."""
    lab = to_oklab(torch.from_numpy(np.ascontiguousarray(rgb.reshape(-1, 3).T))).T * torch.tensor(_OKLAB_SCALE)
    return np.asarray(lab.reshape(rgb.shape).numpy(), np.float32)


def _directions() -> Colours:
    """Fixed directions, uniform on the sphere: (64, 3)."""
    drawn = np.random.RandomState(0).standard_normal((DIRECTIONS, 3))
    return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True), np.float32)


def signature(colours: Colours, weight: Weight) -> Colours:
    """Quantiles of the colours (h, w, 3) where ``weight`` (h, w) > 0.5, along each direction: (64, 512).

    Quantiles are at (i + 0.5) / 512, linear between order statistics. Without a pixel, NaN.
    """
    inside = colours[weight > 0.5]
    if not len(inside):
        return np.full((DIRECTIONS, QUANTILES), np.nan, np.float32)
    ordered = np.sort(_directions() @ inside.T, axis=1)
    place = (np.arange(QUANTILES) + 0.5) / QUANTILES * (len(inside) - 1)
    low = np.floor(place).astype(np.int64)
    high = np.minimum(low + 1, len(inside) - 1)
    part = (place - low).astype(np.float32)
    found: Colours = ordered[:, low] * (1.0 - part) + ordered[:, high] * part
    return found


def wasserstein(one: Colours, other: Colours) -> float:
    """Sliced Wasserstein-1 distance of two signatures: 0 for the same colours, in units of the colour space."""
    return float(np.abs(one - other).mean(dtype=np.float64))
