"""From an EXR's chromaticities to linear Rec.709."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

REC709 = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)
SAME = 5e-4  # chromaticities this near are the same: files hold them as floats, or with four digits

_BRADFORD: Matrix = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def to_rec709(chromaticities: Any) -> Matrix | None:
    """The 3x3 from linear light with these primaries and white to linear Rec.709, white adapted by Bradford.

    ``chromaticities`` are x, y of red, green, blue and white, as EXR stores them. Exactly the identity for
    Rec.709's own; None for anything that spans no colour space.
    """
    try:
        values = np.array(chromaticities, dtype=np.float64).ravel()
    except (TypeError, ValueError):
        return None
    if values.shape != (8,) or not np.isfinite(values).all():
        return None
    if np.abs(values - REC709).max() < SAME:
        return np.eye(3)
    try:
        with np.errstate(all="ignore"):
            to_xyz = rgb_to_xyz(values.tolist())
            adapted = _adaptation(values[6:].tolist(), REC709[6:])
            matrix: Matrix = np.linalg.inv(rgb_to_xyz(REC709)) @ adapted @ to_xyz
    except (np.linalg.LinAlgError, ZeroDivisionError):
        return None
    sane = np.isfinite(matrix).all() and np.abs(matrix).max() < 1e3 and abs(np.linalg.det(matrix)) > 1e-6
    return matrix if sane else None


def rgb_to_xyz(chromaticities: Sequence[float]) -> Matrix:
    """The 3x3 from linear RGB to CIE XYZ; white (1, 1, 1) has Y = 1."""
    xs, ys = chromaticities[0:6:2], chromaticities[1:6:2]
    primaries: Matrix = np.array([[x, y, 1 - x - y] for x, y in zip(xs, ys, strict=True)]).T
    scale = np.linalg.solve(primaries, _white(chromaticities[6:8]))
    return primaries * scale


def _white(xy: Sequence[float]) -> Matrix:
    x, y = xy
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _adaptation(source: Sequence[float], target: Sequence[float]) -> Matrix:
    gain = (_BRADFORD @ _white(target)) / (_BRADFORD @ _white(source))
    adapted: Matrix = np.linalg.inv(_BRADFORD) @ np.diag(gain) @ _BRADFORD
    return adapted
