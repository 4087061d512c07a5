"""The guide's weights as a module; the arithmetic is :mod:`lookmatte.bilateral.guide`."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lookmatte.bilateral.guide import HIDDEN, GuideWeights, guide


class Guide(nn.Module):
    """Owns the learned residual of the guide. It starts as luma itself: its last layer starts at zero."""

    def __init__(self) -> None:
        super().__init__()
        self.w1 = nn.Parameter(torch.randn(HIDDEN, 4) * 0.7)
        self.b1 = nn.Parameter(torch.zeros(HIDDEN))
        self.w2 = nn.Parameter(torch.zeros(HIDDEN))
        self.b2 = nn.Parameter(torch.zeros(()))

    def weights(self) -> GuideWeights:
        """The weights as the pixel kernels take them; still attached to their history while training."""
        return GuideWeights(self.w1, self.b1, self.w2, self.b2)

    def detached(self) -> GuideWeights:
        """The weights as plain float32 tensors that share no memory with the module."""
        return GuideWeights(*(part.detach().clone() for part in (self.w1, self.b1, self.w2, self.b2)))

    def forward(self, encoded: Tensor, matte: Tensor) -> Tensor:
        """(B, 3, h, w) in the working encoding and (B, h, w) matte -> (B, h, w) guide in [0, 1]."""
        return guide(encoded, matte, self.weights(), dim=1)
