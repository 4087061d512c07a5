"""Random colour and framing for training pictures: (B, 3, h, w) in the working encoding, every value in [0,
1]."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from lookmatte.bilateral.encoding import decode, encode


def uniform(generator: torch.Generator, low: float, high: float, *shape: int) -> Tensor:
    """Samples of U(low, high)."""
    return low + (high - low) * torch.rand(shape, generator=generator)


def frame(picture: Tensor, size: int, generator: torch.Generator, full: float = 0.5) -> Tensor:
    """Bring one picture (C, h, w) to (C, size, size): squashed whole with probability ``full``, else a
    random crop.

    Area averages downwards, bilinear upwards; mirrored half of the time.
    """
    _, height, width = picture.shape
    if float(torch.rand((), generator=generator)) >= full:
        side = float(uniform(generator, 0.45, 1.0)) * min(height, width)
        stretch = math.exp(float(uniform(generator, -0.2, 0.2)))
        h = max(8, min(height, round(side * stretch)))
        w = max(8, min(width, round(side / stretch)))
        y = int(torch.randint(0, height - h + 1, (), generator=generator))
        x = int(torch.randint(0, width - w + 1, (), generator=generator))
        picture = picture[:, y : y + h, x : x + w]
    if float(torch.rand((), generator=generator)) < 0.5:
        picture = picture.flip(-1)
    return functional.interpolate(
        picture[None], (size, size), mode="bilinear", align_corners=False, antialias=True
    )[0]


def plate(batch: Tensor, generator: torch.Generator) -> Tensor:
    """Make plates of half of the pictures: exposed by stops, with highlights that reach up to 3 stops above 1, as
    scene-linear pictures have and displays do not."""
    n = batch.shape[0]
    linear = decode(batch)
    linear = linear * torch.exp2(uniform(generator, -1.5, 1.0, n, 1, 1, 1))
    reach = uniform(generator, 0.0, 20.0, n, 1, 1, 1)
    linear = linear + reach * (linear - 0.6).clamp_min(0.0).square()
    keep = (torch.rand((n, 1, 1, 1), generator=generator) < 0.5).float()
    return keep * batch + (1 - keep) * encode(linear)


def colour(batch: Tensor, generator: torch.Generator, strength: float = 1.0) -> Tensor:
    """Shift exposure, white balance, contrast, saturation and gamma of each picture at random, as a grade
    might.

    A third of the pictures stay as they are.
    """
    n = batch.shape[0]

    def each(low: float, high: float, channels: int = 1) -> Tensor:
        return uniform(generator, low * strength, high * strength, n, channels, 1, 1)

    x = batch.clamp(1e-4, 1.0) ** 2.2
    x = x * torch.exp2(each(-2.0, 1.5) + each(-0.5, 0.5, 3))
    x = x.clamp(1e-6, 1.0) ** (1 / 2.2)
    luma = (x * torch.tensor([0.2126, 0.7152, 0.0722]).view(1, 3, 1, 1)).sum(1, keepdim=True)
    x = luma + (x - luma) * torch.exp(each(-1.0, 0.6))
    pivot = luma.mean((2, 3), keepdim=True)
    x = pivot + (x - pivot) * torch.exp(each(-0.7, 0.5))
    x = (x + each(-0.12, 0.12, 3)).clamp(0.0, 1.0)
    keep = (torch.rand((n, 1, 1, 1), generator=generator) < 1 / 3).float()
    return keep * batch + (1 - keep) * x


def random_flow(count: int, size: int, generator: torch.Generator) -> Tensor:
    """Smooth random motion (count, 2, size, size) in pixels, some percent of the picture: a camera's, and a
    little of things that move by themselves."""
    shift = torch.randn((count, 2, 1, 1), generator=generator) * 0.02 * size
    coarse = torch.randn((count, 2, 4, 4), generator=generator) * 0.01 * size
    smooth = functional.interpolate(coarse, (size, size), mode="bicubic", align_corners=False)
    return shift + smooth
