"""OKLab (Ottosson 2020) of the working encoding: where colours are compared and transported."""

from __future__ import annotations

import torch
from torch import Tensor

from lookmatte.bilateral.encoding import decode, encode

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
    return torch.einsum("ij,...jn->...in", matrix, colour)


def to_oklab(encoded: Tensor) -> Tensor:
    """(..., 3, n) in the working encoding, clamped to [0, 1] here -> (..., 3, n) OKLab: L in [0, 1], a, b."""
    linear = decode(encoded.clamp(0.0, 1.0))
    cones = _mix(torch.tensor(_TO_CONES, dtype=linear.dtype, device=linear.device), linear)
    root = cones.clamp_min(1e-9).pow(1.0 / 3.0)
    return _mix(torch.tensor(_TO_LAB, dtype=linear.dtype, device=linear.device), root)


def from_oklab(lab: Tensor) -> Tensor:
    """The inverse of :func:`to_oklab`; colours outside Rec.709 come out below 0 or above 1, not clamped."""
    to_lab = torch.tensor(_TO_LAB, dtype=torch.float64)
    to_cones = torch.tensor(_TO_CONES, dtype=torch.float64)
    root = _mix(torch.linalg.inv(to_lab).to(lab), lab)
    return encode(_mix(torch.linalg.inv(to_cones).to(lab), root.pow(3.0)))
