"""Proxies made by arithmetic: shots with objects, lights, cuts, and regions of every awkward size."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from lookmatte.looks.baker import RegionLook, StylePicture
from lookmatte.looks.proxy import PROXY, FrameProxy, RegionProxy


def picture(seed: int, size: int = PROXY) -> Tensor:
    """A colour picture (3, size, size) in [0.02, 0.98] with shading over several scales."""
    random = torch.Generator().manual_seed(seed)
    fields = [
        F.interpolate(torch.randn(1, 3, cells, cells, generator=random) / cells**0.5, (size, size), mode="bicubic")
        for cells in (3, 6, 12, 24)
    ]
    field = torch.cat(fields).sum(0)
    middle = torch.rand(3, 1, 1, generator=random) * 0.4 + 0.3
    return (middle + 0.35 * field.mean(0, keepdim=True) + 0.1 * field).clamp(0.02, 0.98)


def disc(radius: float, x: float = 128.0, y: float = 128.0) -> Tensor:
    """A round matte (256, 256), anti-aliased, in pixels of the proxy."""
    v, u = torch.meshgrid(torch.arange(PROXY) + 0.5, torch.arange(PROXY) + 0.5, indexing="ij")
    return (radius - ((u - x) ** 2 + (v - y) ** 2).sqrt() + 0.5).clamp(0.0, 1.0)


def specks(pixels: int) -> Tensor:
    """A matte of exactly so many proxy pixels."""
    matte = torch.zeros(PROXY, PROXY)
    matte[100, 60 : 60 + pixels] = 1.0
    return matte


def proxy(frame: int, rgb: Tensor, mattes: dict[str, Tensor]) -> FrameProxy:
    """A frame whose regions are these mattes, without alpha."""
    regions = {name: RegionProxy(rgb, matte, matte) for name, matte in mattes.items()}
    return FrameProxy(frame, rgb, torch.ones(PROXY, PROXY), regions)


def style(seed: int, size: int = 96) -> StylePicture:
    """A reference picture."""
    return StylePicture(picture(seed, size), torch.ones(size, size))


def looks(**blends: str) -> list[RegionLook]:
    """Regions by name and blend, each with a style of its own."""
    made = []
    for index, (name, blend) in enumerate(blends.items()):
        assert blend in ("pixel", "grid", "rest")
        made.append(RegionLook(name, blend, (style(500 + index),)))  # type: ignore[arg-type]
    return made
