"""What a look does to the picture itself: structure kept, colour blobs, noise raised, samples clipped.

Every score compares a content and a picture, (h, w, 3) in [0, 1] and of one size.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from lookmatte.evaluation.colour import cielab
from lookmatte.evaluation.pictures import Rgb, Weight

_BINS = 12
_HALF_STEP = 0.5 / 255
Plane = NDArray[np.float32]


def _bell(plane: Plane) -> Plane:
    """The 11x11 Gaussian window of SSIM, sigma 1.5."""
    blurred: Plane = cv2.GaussianBlur(plane, (11, 11), 1.5)
    return blurred


def _moments(x: Plane, y: Plane) -> tuple[Plane, Plane, Plane, Plane, Plane]:
    """Local means, variances and covariance."""
    mx, my = _bell(x), _bell(y)
    vx = np.maximum(_bell(x * x) - mx * mx, 0.0)
    vy = np.maximum(_bell(y * y) - my * my, 0.0)
    return mx, my, vx, vy, _bell(x * y) - mx * my


def ssim(x: Plane, y: Plane, span: float) -> float:
    """Mean SSIM of two planes whose values span ``span`` (Wang et al. 2004, eq. 13; K1 0.01, K2 0.03)."""
    mx, my, vx, vy, cxy = _moments(x, y)
    c1, c2 = (0.01 * span) ** 2, (0.03 * span) ** 2
    top = (2 * mx * my + c1) * (2 * cxy + c2)
    return float((top / ((mx * mx + my * my + c1) * (vx + vy + c2))).mean())


def ssim_s(content: Rgb, picture: Rgb) -> float:
    """Mean structure term of SSIM on L* (Wang et al. 2004, eq. 10, C3 = C2 / 2): 1 is best; blind to local gain
    and offset."""
    _, _, vx, vy, cxy = _moments(cielab(content)[..., 0], cielab(picture)[..., 0])
    c3 = (0.03 * 100.0) ** 2 / 2
    return float(((cxy + c3) / (np.sqrt(vx * vy) + c3)).mean())


def blotch(content: Rgb, picture: Rgb, weights: Sequence[Weight]) -> float:
    """100 x rms of what no map of colours to colours explains, one map per region: colour blobs; 0 is best.

    The map is the best affine plus a table of 12^3 bins of its residual, at half size, away from the regions'
    borders, where two maps meet. A pure colour map scores its binning error.
    """
    size = (content.shape[1] // 2, content.shape[0] // 2)
    before = cv2.resize(content, size, interpolation=cv2.INTER_AREA).reshape(-1, 3).astype(np.float64)
    after = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).reshape(-1, 3).astype(np.float64)
    region = np.zeros(len(before), np.int64)
    for number, weight in enumerate(weights, 1):
        mask = cv2.resize((weight > 0.5).astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
        region[cv2.erode(mask, np.ones((5, 5), np.uint8)).ravel() > 0] = number
    total, count = 0.0, 0
    for number in np.unique(region[region > 0]):
        x, y = before[region == number], after[region == number]
        affine = np.concatenate([x, np.ones((len(x), 1))], axis=1)
        left = y - affine @ np.linalg.lstsq(affine, y, rcond=None)[0]
        key = np.minimum((x * _BINS).astype(np.int64), _BINS - 1) @ np.array([_BINS * _BINS, _BINS, 1])
        members = np.maximum(np.bincount(key, minlength=_BINS**3), 1)
        sums = np.stack([np.bincount(key, left[:, axis], _BINS**3) for axis in range(3)], axis=1)
        total += float(((left - (sums / members[:, None])[key]) ** 2).mean(axis=1).sum())
        count += len(x)
    return 100.0 * float(np.sqrt(total / max(count, 1)))


def _slope(rgb: Rgb) -> Plane:
    """Gradient of L*, in L* per pixel times 2 (Sobel / 4)."""
    lightness = cielab(rgb)[..., 0]
    across = cv2.Sobel(lightness, cv2.CV_32F, 1, 0, ksize=3) / 4
    down = cv2.Sobel(lightness, cv2.CV_32F, 0, 1, ksize=3) / 4
    size: Plane = np.hypot(across, down)
    return size


def gain(content: Rgb, picture: Rgb) -> float:
    """95th percentile of the gradient's gain where the content is smooth: noise and banding; 1 is neutral, and
    what a picture without 50 smooth pixels gets."""
    before, after = _slope(content), _slope(picture)
    calm = cv2.erode((before < 4).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    flat = (cv2.blur(before, (5, 5)) < 2) & calm
    if flat.sum() <= 50:
        return 1.0
    return float(np.percentile((after[flat] + 0.5) / (before[flat] + 0.5), 95))


def clip(content: Rgb, picture: Rgb) -> float:
    """% of samples at either end of the range that were not so in the content."""

    def at_end(rgb: Rgb) -> NDArray[np.bool_]:
        ends: NDArray[np.bool_] = (rgb <= _HALF_STEP) | (rgb >= 1.0 - _HALF_STEP)
        return ends

    return 100.0 * float((at_end(picture) & ~at_end(content)).mean())
