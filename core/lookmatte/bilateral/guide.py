"""The guide: the grid's third coordinate, from a pixel's own colour and its matte (paper, section 3.4).

Pointwise, where the paper's is two 3x3 convolutions: it fuses with slicing into one pass, runs where only a
pixel is at hand, and cannot ring. It is luma plus a learned residual that can move a pixel by at most
``REACH``, two bins of eight, so that it cannot collapse and eq. 13 holds from the start.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lookmatte.bilateral.encoding import luma

HIDDEN = 16
REACH = 0.25


@dataclass(frozen=True)
class GuideWeights:
    """The learned residual's weights, float32: ``w1`` (16, 4) for r, g, b, matte; ``b1`` (16,); ``w2`` (16,);
    ``b2`` ()."""

    w1: Tensor
    b1: Tensor
    w2: Tensor
    b2: Tensor

    @staticmethod
    def luma_only() -> GuideWeights:
        """Weights whose guide is luma itself."""
        return GuideWeights(torch.zeros(HIDDEN, 4), torch.zeros(HIDDEN), torch.zeros(HIDDEN), torch.zeros(()))

    def to(self, device: torch.device) -> GuideWeights:
        """The same, with its tensors on a device."""
        return GuideWeights(self.w1.to(device), self.b1.to(device), self.w2.to(device), self.b2.to(device))


def guide(encoded: Tensor, matte: Tensor | float, weights: GuideWeights, dim: int = 0) -> Tensor:
    """Guide of an encoded picture: values in [0, 1], shape of the picture without its channel axis ``dim``.

    ``matte`` in [0, 1] has that shape too, or is one number: 1 for a `pixel` region, 0 where none is.
    z = clamp(Y + REACH (2 sigmoid(w2 . relu(w1 [r, g, b, m] + b1) + b2) - 1), 0, 1); encoded is clamped to
    [0, 1] first.
    """
    colour = encoded.clamp(0.0, 1.0)
    brightness = luma(colour, dim)
    if not (torch.is_grad_enabled() or bool(weights.w2.any()) or bool(weights.b2.any())):
        return brightness.clamp(0.0, 1.0)
    planar = colour.movedim(dim, 0).flatten(1)
    if isinstance(matte, Tensor):
        hidden = torch.addmm(weights.b1.unsqueeze(1), weights.w1, torch.cat([planar, matte.reshape(1, -1)]))
    else:
        bias = weights.b1 + weights.w1[:, 3] * matte
        hidden = torch.addmm(bias.unsqueeze(1), weights.w1[:, :3], planar)
    # 2 sigmoid(x) - 1 is tanh(x / 2).
    residual = torch.tanh(0.5 * (weights.w2 @ hidden.relu_() + weights.b2))
    return (brightness + REACH * residual.view_as(brightness)).clamp(0.0, 1.0)
