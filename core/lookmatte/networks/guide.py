"""The guide's weights as a module; the arithmetic is :mod:`lookmatte.bilateral.guide`."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from lookmatte.bilateral.guide import HIDDEN, REACH, GuideWeights, guide


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

    @torch.no_grad()
    def part(self, amount: float) -> None:
        """Let the matte move the guide: by ``amount`` up where it is 1, as much down where it is 0, no change at
        1/2; ``amount`` below REACH, in guide units. The hidden unit that says least about colours is given to it.

        Object and background of one brightness then lie in different bins, so that grid blending (eq. 7) can
        tell them apart.
        """
        axis = torch.linspace(0.0, 1.0, 6)
        colours = torch.stack(torch.meshgrid(axis, axis, axis, torch.tensor([0.0, 1.0]), indexing="ij"))
        said = torch.relu(self.w1 @ colours.flatten(1) + self.b1.unsqueeze(1)).mean(1) * self.w2.abs()
        unit = int(said.argmin())
        rise = 2.0 * math.atanh(amount / REACH)
        self.w1[unit] = torch.tensor([0.0, 0.0, 0.0, 1.0])
        self.b1[unit] = 0.0
        self.w2[unit] = 2.0 * rise
        self.b2.sub_(rise)

    def forward(self, encoded: Tensor, matte: Tensor) -> Tensor:
        """(B, 3, h, w) in the working encoding and (B, h, w) matte -> (B, h, w) guide in [0, 1]."""
        return guide(encoded, matte, self.weights(), dim=1)
