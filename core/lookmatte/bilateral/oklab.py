"""OKLab (Ottosson 2020) of the working encoding: where colours are compared and transported."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from lookmatte.bilateral.curve import decode_unit
from lookmatte.bilateral.encoding import encode

_TO_CONES = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
_TO_LAB = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)


def _mix(matrix: Tensor, colour: Tensor) -> Tensor:
    return matrix.to(colour) @ colour


@functools.lru_cache(maxsize=4)
def _matrices(dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """To cones, to lab, and the way back from both."""
    cones, lab = (torch.tensor(rows, dtype=torch.float64) for rows in (_TO_CONES, _TO_LAB))
    with torch.inference_mode(False):
        both = (cones, lab, torch.linalg.inv(cones), torch.linalg.inv(lab))
    return both[0].to(dtype), both[1].to(dtype), both[2].to(dtype), both[3].to(dtype)


def to_oklab(encoded: Tensor) -> Tensor:
    """(..., 3, n) in the working encoding, clamped to [0, 1] here -> (..., 3, n) OKLab: L in [0, 1], a, b."""
    to_cones, to_lab, _, _ = _matrices(encoded.dtype)
    cones = _mix(to_cones, decode_unit(encoded))
    return _mix(to_lab, cones.clamp_min(1e-9).pow(1.0 / 3.0))


def from_oklab(lab: Tensor) -> Tensor:
    """The inverse of :func:`to_oklab`; colours outside Rec.709 come out below 0 or above 1, not clamped."""
    _, _, from_cones, from_lab = _matrices(lab.dtype)
    return encode(_mix(from_cones, _mix(from_lab, lab).pow(3.0)))
