"""Variants of a training run, each without one idea of the paper or of lookmatte: the ablations of Table 3."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor, nn
from torch.nn import functional

from lookmatte.bilateral.encoding import luma
from lookmatte.bilateral.guide import HIDDEN, REACH, GuideWeights
from lookmatte.networks.guide import Guide
from lookmatte.training.config import TrainingConfig


class WindowGuide(Guide):
    """The paper's guide (Table 4): two 3x3 convolutions, 16 and 1, on (r, g, b, matte), within REACH of luma.

    It is trained and measured for comparison only: a pixel kernel cannot run it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.g1 = nn.Conv2d(4, HIDDEN, 3, padding=1, padding_mode="replicate")
        self.g2 = nn.Conv2d(HIDDEN, 1, 3, padding=1, padding_mode="replicate")
        nn.init.zeros_(self.g2.weight)
        if self.g2.bias is not None:
            nn.init.zeros_(self.g2.bias)

    def detached(self) -> GuideWeights:
        """What the base is fitted with, which knows colours only: luma."""
        return GuideWeights.luma_only()

    def forward(self, encoded: Tensor, matte: Tensor) -> Tensor:
        """(B, 3, h, w) in the working encoding and (B, h, w) matte -> (B, h, w) guide in [0, 1]."""
        colour = encoded.clamp(0.0, 1.0)
        hidden = functional.relu(self.g1(torch.cat([colour, matte[:, None]], 1)))
        residual = torch.tanh(0.5 * self.g2(hidden)[:, 0])
        return (luma(colour, 1) + REACH * residual).clamp(0.0, 1.0)


def _without_temporal_loss(config: TrainingConfig) -> TrainingConfig:
    weights = dataclasses.replace(config.weights, temporal=0.0, compound=0.0)
    return dataclasses.replace(config, weights=weights)


def _without_base(config: TrainingConfig) -> TrainingConfig:
    return dataclasses.replace(config, base="none")


def _with_window_guide(config: TrainingConfig) -> TrainingConfig:
    return dataclasses.replace(config, styling=dataclasses.replace(config.styling, guide="window"))


VARIANTS = {
    "full": lambda config: config,
    "without the temporal losses": _without_temporal_loss,
    "without the transport base": _without_base,
    "3x3 guide": _with_window_guide,
}
"""What is left out, and how: each takes the configuration of the full run."""
