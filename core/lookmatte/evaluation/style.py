"""How near a picture's features are to a style's: the distance that style transfer is trained and judged by.

Distances of means and deviations of a network's features are those of AdaIN (Huang and Belongie 2017) and of the
style loss of Xia et al. (2021, eq. 10), read inside a region's mask. They are told relative to the untouched
picture: 1 is what doing nothing gets, 0 a picture whose statistics are the style's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from lookmatte.evaluation.pictures import Rgb, Weight, to_tensor
from lookmatte.evaluation.vgg import Vgg19
from lookmatte.networks.adain import Statistics, masked_statistics
from lookmatte.networks.model import Model

Features = Callable[[Tensor], list[Tensor]]
"""(1, 3, h, w) in [0, 1] -> a list of feature maps (1, C, h', w')."""


@dataclass(frozen=True)
class Judge:
    """Whose features count: ``short`` heads the table's column, ``name`` says what it is."""

    short: str
    name: str
    features: Features


def load_judge(vgg: Path | None) -> Judge:
    """VGG-19 from a file of weights, relu1_1 to relu4_1; without one the encoder of the shipped model.

    The encoder is what the model itself looks through, so its verdict on the model is a partial one.
    """
    if vgg is not None:
        return Judge("vgg", "VGG-19, relu1_1 to relu4_1", Vgg19(vgg).to(memory_format=torch.channels_last))  # type: ignore[call-overload]
    return Judge("enc", "lookmatte's own encoder, not VGG-19", Model.load().encoder)


@torch.no_grad()
def statistics(features: Features, rgb: Rgb, weights: Sequence[Weight]) -> list[list[Statistics]]:
    """Per weight (h, w) and layer, the masked mean and deviation of a picture's features."""
    taps = features(to_tensor(rgb)[None].contiguous(memory_format=torch.channels_last))
    found = []
    for weight in weights:
        mask = torch.from_numpy(weight)[None, None]
        pooled = [functional.adaptive_avg_pool2d(mask, (tap.shape[2], tap.shape[3])) for tap in taps]
        found.append([masked_statistics(tap, part) for tap, part in zip(taps, pooled, strict=True)])
    return found


def style_distance(ours: Sequence[Statistics], theirs: Sequence[Statistics]) -> list[float]:
    """Per layer, the rms over channels of the differences of mean and deviation."""
    return [
        float(((a.mean - b.mean) ** 2 + (a.deviation - b.deviation) ** 2).mean().sqrt())
        for a, b in zip(ours, theirs, strict=True)
    ]
