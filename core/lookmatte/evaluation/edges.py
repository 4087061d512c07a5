"""What shows at the edges of mattes: errors in a band around the true edges, and light or dark lines.

A result whose matte was rough is held against the result with the true matte, in the working encoding, as the
paper's Figures 6, 10 and 14 do by eye.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from lookmatte.evaluation.pictures import Rgb, Weight

_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


def edge_band(matte: Weight, radius: int) -> NDArray[np.bool_]:
    """Pixels within ``radius`` of the edges of a true matte (h, w) in [0, 1]; an edge is where it passes 1/2."""
    inside = np.asarray(matte >= 0.5, np.uint8)
    grown = cv2.dilate(inside, _disc(radius))
    return np.asarray((grown > 0) & (cv2.erode(inside, _disc(radius)) == 0))


def edge_band_error(result: Rgb, reference: Rgb, matte: Weight, radius: int) -> float:
    """Mean absolute difference of two results (h, w, 3) within ``radius`` pixels of the edges of the true matte
    (h, w). 0 where the matte has no edge."""
    band = edge_band(matte, radius)
    if not band.any():
        return 0.0
    return float(np.abs(np.asarray(result, np.float64) - reference)[band].mean())


def edge_line(result: Rgb, reference: Rgb, matte: Weight, radius: int) -> float:
    """How far a light or dark line stands out along the edges of the true matte: pictures (h, w, 3), luma units.

    Across an edge, luma may run anywhere between the two looks; what lies above the lightest or below the darkest
    that the reference has within ``radius`` pixels belongs to neither, and is seen as a line. The largest such
    excess within ``radius`` of each pixel of the edge, averaged along the edge; 0 for the reference itself. Luma is
    averaged over 3x3 pixels first, since a speck is no line.
    """
    band = edge_band(matte, radius)
    if not band.any():
        return 0.0
    made, true = (cv2.blur(np.asarray(picture @ _LUMA, np.float32), (3, 3)) for picture in (result, reference))
    over = made - cv2.dilate(true, _disc(radius))
    under = cv2.erode(true, _disc(radius)) - made
    excess = np.where(band, np.maximum(np.maximum(over, under), 0.0), 0.0).astype(np.float32)
    return float(cv2.dilate(excess, _disc(radius))[edge_band(matte, 1)].mean())


def _disc(radius: int) -> NDArray[np.uint8]:
    size = 2 * radius + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)), np.uint8)
