"""W's inverse for many numbers at once: the sum of its pieces.

A choice between pieces, element by element, costs more than all of them. Each piece is constant where another one
holds, so their sum is the curve: :func:`lookmatte.bilateral.encoding.decode` to 1e-7.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lookmatte.bilateral.encoding import SLOPE

_KNEE = 12.92 * 0.0031308
_KNEE_LINEAR = ((_KNEE + 0.055) / 1.055) ** 2.4


def decode_unit(encoded: Tensor) -> Tensor:
    """The working encoding, clamped to [0, 1] here -> scene-linear, any shape."""
    curve = encoded.clamp(_KNEE, 1.0).add(0.055).mul(1.0 / 1.055).pow(2.4)
    line = encoded.clamp(0.0, _KNEE).mul(1.0 / 12.92).sub(_KNEE_LINEAR)
    return curve + line


def decode_any(encoded: Tensor) -> Tensor:
    """The working encoding, any finite values -> scene-linear, any shape; infinite beyond float32."""
    size = encoded.abs()
    linear = decode_unit(size)
    if bool(size.max() > 1.0) if size.numel() else False:
        linear = linear + size.clamp_min(1.0).sub(1.0).mul(1.0 / SLOPE).exp().sub(1.0)
    return torch.copysign(linear, encoded)
