"""What lies between colour as a file stores it and the straight colour that looks act on: alpha, and numbers that
do not fit."""

from __future__ import annotations

import torch
from torch import Tensor

from lookmatte.bilateral.encoding import LARGEST_HALF


def straighten(rgb: Tensor, alpha: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """(3, n, w) float32 as stored, premultiplied by (n, w) alpha, None: there is none -> straight colour, 0 where
    it is not ``valid``; ``valid`` (n, w) bool: finite, and alpha > 0; ``finite`` (n, w) bool."""
    finite = rgb.isfinite().all(0)
    if alpha is None:
        valid = finite
    else:
        finite = finite & alpha.isfinite()
        valid = finite & (alpha > 0)
        rgb = rgb / torch.where(valid, alpha, 1.0)
        # A colour over a vanishing alpha may not fit float32 once divided: such a pixel is left alone.
        valid = valid & rgb.isfinite().all(0)
    return torch.where(valid, rgb, 0.0), valid, finite


def drop_what_does_not_fit(linear: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    """A log curve or a gamut may carry a large value of (3, n, w) beyond float32: such a pixel becomes 0, and is
    not ``valid`` (n, w)."""
    valid = valid & linear.isfinite().all(0)
    return torch.where(valid, linear, 0.0), valid


def premultiply(styled: Tensor, straight: Tensor, alpha: Tensor | None) -> Tensor:
    """Styled straight colour (3, n, w) in the plate's own space -> what is stored, within half's range. What was
    not negative in ``straight`` (3, n, w) does not become so. NaN stays."""
    styled = torch.where(straight >= 0.0, styled.clamp_min(0.0), styled)
    if alpha is not None:
        styled = styled * alpha
    return styled.clamp(-LARGEST_HALF, LARGEST_HALF)
