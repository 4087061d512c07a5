"""Matte enhancement (paper, section 3.3): pull a rough matte to the edges that the picture has."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

RADIUS = 12
"""Pixels of the proxy beyond which an enhanced matte equals its input, bit for bit where that is flat."""

LEAK = 0.1

_NEAR = RADIUS // 2


class Enhancer(nn.Module):
    """Table 4's three convolutions, 16-8-1, on (r, g, b, matte) at 256x256, sigmoid at the end.

    Readings of the paper: leaky ReLU between the convolutions (Table 4 prints none, and then three
    convolutions would be one), and dilations 1, 2, 4, so that errors of several pixels can be seen at the
    same cost. The sigmoid, centred, is what is added to the matte near its edges, so that the start is the
    identity.
    """

    def __init__(self) -> None:
        super().__init__()
        self.m1 = nn.Conv2d(4, 16, 3, padding=1, padding_mode="replicate")
        self.m2 = nn.Conv2d(16, 8, 3, padding=2, dilation=2, padding_mode="replicate")
        self.m3 = nn.Conv2d(8, 1, 3, padding=4, dilation=4, padding_mode="replicate")
        nn.init.normal_(self.m3.weight, std=1e-3)
        if self.m3.bias is not None:
            nn.init.zeros_(self.m3.bias)

    def forward(self, rgb: Tensor, matte: Tensor) -> Tensor:
        """(B, 3, h, w) in the working encoding and (B, 1, h, w) matte in [0, 1] -> enhanced matte (B, 1, h,
        w)."""
        picture = rgb.clamp(0.0, 1.0) - 0.5
        x = functional.leaky_relu(self.m1(torch.cat([picture, matte - 0.5], 1)), LEAK)
        x = functional.leaky_relu(self.m2(x), LEAK)
        change = 2.0 * torch.sigmoid(self.m3(x)) - 1.0
        return (matte + edge_band(matte) * change).clamp(0.0, 1.0)


def edge_band(matte: Tensor) -> Tensor:
    """Where a matte may be changed: 1 near its edges, fading to exactly 0 within RADIUS; (B, 1, h, w)."""
    size = 2 * _NEAR + 1
    padded = functional.pad(matte, [_NEAR] * 4, mode="replicate")
    spread = functional.max_pool2d(padded, size, 1) + functional.max_pool2d(-padded, size, 1)
    padded = functional.pad(spread, [_NEAR] * 4, mode="replicate")
    # A box average of something that is 0 may come out as rounding noise; a maximum cannot.
    touched = (functional.max_pool2d(padded, size, 1) > 0).to(matte.dtype)
    return (2.0 * functional.avg_pool2d(padded, size, 1)).clamp(0.0, 1.0) * touched
