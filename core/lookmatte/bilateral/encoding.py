"""The working encoding W: sRGB's curve on [0, 1], logarithmic above, odd. Affines act on it.

W(x) = sRGB(x) for 0 <= x <= 1, 1 + (1.055 / 2.4) ln x above, -W(-x) below 0. It is monotone, C1 at 1
(sRGB's slope there is 1.055 / 2.4), and turns a highlight's stops into distance: one stop is ``STOP``.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

SLOPE = 1.055 / 2.4
STOP = SLOPE * math.log(2.0)
LARGEST_HALF = 65504.0
_KNEE = 0.0031308
_KNEE_ENCODED = 12.92 * _KNEE


def encode(linear: Tensor) -> Tensor:
    """Scene-linear Rec.709, any shape, any finite values -> the working encoding, same shape and type."""
    size = linear.abs()
    encoded = size.clamp(_KNEE, 1.0).pow(1.0 / 2.4).mul(1.055).sub(0.055)
    encoded = torch.where(size <= _KNEE, 12.92 * size, encoded)
    if torch.is_grad_enabled() or bool((size > 1.0).any()):
        encoded = torch.where(size <= 1.0, encoded, 1.0 + SLOPE * size.clamp_min(1.0).log())
    return torch.copysign(encoded, linear)


def decode(encoded: Tensor) -> Tensor:
    """The inverse of :func:`encode`. Values that stand for more than float32 holds become infinite."""
    size = encoded.abs()
    linear = size.clamp(_KNEE_ENCODED, 1.0).add(0.055).div(1.055).pow(2.4)
    linear = torch.where(size <= _KNEE_ENCODED, size / 12.92, linear)
    if torch.is_grad_enabled() or bool((size > 1.0).any()):
        linear = torch.where(size <= 1.0, linear, ((size.clamp_min(1.0) - 1.0) / SLOPE).exp())
    return torch.copysign(linear, encoded)


def luma(encoded: Tensor, dim: int = 0) -> Tensor:
    """Rec.709 luma of an encoded picture clamped to [0, 1]; ``dim`` is the channel axis and is removed."""
    red, green, blue = encoded.clamp(0.0, 1.0).unbind(dim)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def luminance(linear: Tensor, dim: int = 0) -> Tensor:
    """Rec.709 luminance of scene-linear Rec.709; ``dim`` is the channel axis and is removed."""
    red, green, blue = linear.unbind(dim)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
