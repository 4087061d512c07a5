"""Optical flow between neighbouring frames and where it can be believed, for eq. 14."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

Picture = NDArray[np.float32]


def _dis(a: Picture, b: Picture) -> Picture:
    grey = [cv2.cvtColor((picture * 255).clip(0, 255).astype(np.uint8), cv2.COLOR_RGB2GRAY) for picture in (a, b)]
    opencv: Any = cv2
    estimator = opencv.DISOpticalFlow_create(opencv.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow: Picture = estimator.calc(grey[0], grey[1], None)
    return flow


def warp(picture: Tensor, flow: Tensor) -> Tensor:
    """Fetch (B, C, h, w) at x + flow, where ``flow`` (B, 2, h, w) is in pixels, x first; border clamped."""
    height, width = picture.shape[-2:]
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    u = (x + flow[:, 0] + 0.5) / width
    v = (y + flow[:, 1] + 0.5) / height
    where = torch.stack([u, v], -1) * 2.0 - 1.0
    return functional.grid_sample(picture, where, "bilinear", "border", align_corners=False)


def random_flow(count: int, size: int, generator: torch.Generator) -> Tensor:
    """Smooth random motion (count, 2, size, size) in pixels, some percent of the picture: a camera's, and a
    little of things that move by themselves."""
    shift = torch.randn((count, 2, 1, 1), generator=generator) * 0.02 * size
    coarse = torch.randn((count, 2, 4, 4), generator=generator) * 0.01 * size
    smooth = functional.interpolate(coarse, (size, size), mode="bicubic", align_corners=False)
    return shift + smooth


def flow_and_visibility(now: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
    """Flow from frame t to frame t - 1, (2, h, w), and V of eq. 14, (1, h, w), of (3, h, w) pictures in [0,
    1].

    A pixel is visible in both when going there and back ends where it began, within half a pixel or a tenth
    of the way, and the colours there agree.
    """
    a, b = (np.ascontiguousarray(frame.permute(1, 2, 0).numpy()) for frame in (now, before))
    there = torch.from_numpy(_dis(a, b)).permute(2, 0, 1)[None]
    back = torch.from_numpy(_dis(b, a)).permute(2, 0, 1)[None]
    returned = warp(back, there)
    drift = ((there + returned) ** 2).sum(1, keepdim=True)
    length = (there**2).sum(1, keepdim=True) + (returned**2).sum(1, keepdim=True)
    visible = drift < 0.01 * length + 0.5
    visible &= (warp(before[None], there) - now[None]).abs().amax(1, keepdim=True) < 0.1
    height, width = now.shape[-2:]
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    to_x, to_y = x + there[:, 0], y + there[:, 1]
    inside = (to_x >= 0) & (to_x <= width - 1) & (to_y >= 0) & (to_y <= height - 1)
    return there[0], (visible[0] & inside).float()
