"""Motion between two small pictures: what it brings to where, and whether it is all that changed."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from lookmatte.looks.proxy import CHANGE

SIZE = 64
"""Cells on a side of the pictures in which motion is told from a cut."""

# In 13 frames of rendered pans that look like cuts, motion leaves .13 to .38 of the change, once .55, and .18 to
# .76 of the frame is seen in both. Of 7644 pairs of unrelated pictures, laid along others' motion, one passes.
_LEFT, _LEFT_BY_SEEN = 0.6, 2.0


def warp(picture: Tensor, flow: Tensor) -> Tensor:
    """Fetch (B, C, h, w) at x + flow, where ``flow`` (B, 2, h, w) is in pixels, x first; border clamped."""
    height, width = picture.shape[-2:]
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    u = (x + flow[:, 0] + 0.5) / width
    v = (y + flow[:, 1] + 0.5) / height
    where = torch.stack([u, v], -1) * 2.0 - 1.0
    return functional.grid_sample(picture, where, "bilinear", "border", align_corners=False)


def stays_inside(flow: Tensor) -> Tensor:
    """(h, w), true where ``flow`` (2, h, w) in pixels leads to a place in the picture; unknown motion, NaN, does
    not."""
    height, width = flow.shape[-2:]
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    to_x, to_y = x + flow[0], y + flow[1]
    return (to_x >= 0) & (to_x <= width - 1) & (to_y >= 0) & (to_y <= height - 1)


def explains(flow: Tensor, before: Tensor, after: Tensor) -> bool:
    """Is a change of picture that looks like a cut no more than motion?

    ``before`` and ``after`` (3, 64, 64) in [0, 1]; ``flow`` (2, 64, 64), from ``after`` back to ``before``, in
    cells, NaN where it is not known. Motion explains what it carries along: where the picture was in view before,
    most of the change must be gone once the picture before is laid where it moved to, and the more so the less of
    it was in view.
    """
    seen = stays_inside(flow)
    share = float(seen.float().mean())
    if share == 0.0:
        return False
    carried = warp(before[None], flow.nan_to_num()[None])[0]
    left = float((carried - after).abs().mean(0)[seen].mean())
    change = float((before - after).abs().mean(0)[seen].mean())
    return left <= CHANGE and left <= min(_LEFT, _LEFT_BY_SEEN * share) * change
