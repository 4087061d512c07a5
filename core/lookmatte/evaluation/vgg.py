"""The judge: VGG-19 to relu4_1 (Simonyan and Zisserman 2014). It measures and teaches; it is never shipped.

The weights come from a safetensors file that the caller names: keys ``conv1_1.weight``, ``conv1_1.bias``, ...
``conv4_1.bias``, layout OIHW, for RGB in [0, 255] minus a per-channel mean.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from lookmatte.errors import InputError

_PLAN = ("1_1", "1_2", "pool", "2_1", "2_2", "pool", "3_1", "3_2", "3_3", "3_4", "pool", "4_1")
VGG_CHANNELS = (64, 128, 256, 512)


class Vgg19(nn.Module):
    """Features after relu1_1, relu2_1, relu3_1 and relu4_1; frozen."""

    def __init__(self, path: Path) -> None:
        """Read the weights. InputError when the file is missing or holds something else."""
        super().__init__()
        try:
            tensors = load_file(str(path))
        except (OSError, SafetensorError) as error:
            raise InputError(f"{path}: no VGG-19 weights can be read there ({error})") from error
        for name in (step for step in _PLAN if step != "pool"):
            for part in ("weight", "bias"):
                key = f"conv{name}.{part}"
                if key not in tensors:
                    raise InputError(f"{path}: not VGG-19 weights, {key!r} is missing")
                self.register_buffer(key.replace(".", "__"), tensors[key].float())
        self.register_buffer("mean", torch.tensor([123.68, 116.779, 103.939]).view(1, 3, 1, 1))

    def forward(self, rgb: Tensor, precision: torch.dtype = torch.float32) -> list[Tensor]:
        """(B, 3, h, w) display-referred in [0, 1] -> four maps of 64, 128, 256, 512 channels, h/1, h/2,
        h/4, h/8."""
        x = (rgb * 255.0 - self.get_buffer("mean")).to(precision)
        taps = []
        for step in _PLAN:
            if step == "pool":
                x = functional.max_pool2d(x, 2)
                continue
            weight = self.get_buffer(f"conv{step}__weight").to(precision)
            bias = self.get_buffer(f"conv{step}__bias").to(precision)
            x = functional.relu(functional.conv2d(x, weight, bias, padding=1))
            if step.endswith("_1"):
                taps.append(x.float())
        return taps
