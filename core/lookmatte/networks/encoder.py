"""The feature encoder: four scales of what a picture looks like, small enough to run on every frame.

It stands where the paper has VGG-19 (Figure 2): its taps take the place of relu1_1, relu2_1, relu3_1 and
relu4_1. It is distilled from a perceptual network once (``lookmatte.training.distill``), frozen, and
shipped.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional

TAP_CHANNELS = (16, 32, 64, 128)
CENTRE, SCALE = 0.45, 0.25
ENCODER_SIZE = 128
"""Side of the square picture that the encoder sees; its taps have sides 128, 64, 32 and 16."""


def _conv(channels_in: int, channels_out: int) -> nn.Conv2d:
    return nn.Conv2d(channels_in, channels_out, 3, padding=1, padding_mode="replicate")


class Encoder(nn.Module):
    """Working encoding in, four feature maps out; 0.18 GMAC at 128x128.

    Two 3x3 convolutions a scale (one at the last), ReLU after each, 2x2 averages between the scales: averages
    rather than maxima, because features that ignore sub-pixel motion make statistics that are calm over time.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stages = nn.ModuleList()
        before = 3
        for index, channels in enumerate(TAP_CHANNELS):
            last = index == len(TAP_CHANNELS) - 1
            widths = [before, channels] if last else [before, channels, channels]
            layers: list[nn.Module] = []
            for a, b in itertools.pairwise(widths):
                layers += [_conv(a, b), nn.ReLU()]
            self.stages.append(nn.Sequential(*layers))
            # Deviation of each channel over the training photographs; set by distillation.
            self.register_buffer(f"deviation{index + 1}", torch.ones(channels))
            before = channels

    def raw(self, rgb: Tensor) -> list[Tensor]:
        """Taps before normalisation; ``rgb`` (B, 3, h, w) in the working encoding, clamped to [0, 1] here."""
        # Few channels at many places: with channels last it is a third faster on a CPU.
        x = ((rgb.clamp(0.0, 1.0) - CENTRE) / SCALE).contiguous(memory_format=torch.channels_last)
        taps = []
        for index, stage in enumerate(self.stages):
            if index:
                x = functional.avg_pool2d(x, 2)
            x = stage(x)
            taps.append(x)
        return taps

    def forward(self, rgb: Tensor) -> list[Tensor]:
        """Feature maps (B, 16, h, w), (B, 32, h/2, w/2), (B, 64, h/4, w/4), (B, 128, h/8, w/8), each O(1).

        ``rgb`` is (B, 3, h, w) in the working encoding; values outside [0, 1] count as 0 or 1. h and w are
        multiples of 8, 128 in the product.
        """
        taps = self.raw(rgb)
        return [tap / self.get_buffer(f"deviation{i + 1}").view(1, -1, 1, 1) for i, tap in enumerate(taps)]
