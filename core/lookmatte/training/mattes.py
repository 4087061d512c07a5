"""Masks for training: true ones from label maps, and rough ones as rotoscopes and segmenters make them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lookmatte.errors import InputError
from lookmatte.training.augment import uniform

Labels = NDArray[np.uint8]


def read_labels(path: Path) -> Labels | None:
    """A label map (h, w) uint8, or None where there is no such file."""
    if not path.is_file():
        return None
    labels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if labels is None:
        raise InputError(f"{path}: no label map can be read there")
    if labels.ndim == 3:
        labels = labels[..., :3].max(-1)
    return np.asarray(labels, np.uint8)


def pick_region(
    labels: Labels, generator: torch.Generator, least: float = 0.06, most: float = 0.75
) -> Labels | None:
    """A mask (h, w) of 0 and 255 of one label at random, among those that cover ``least`` to ``most``."""
    values, counts = np.unique(labels, return_counts=True)
    share = counts / labels.size
    fitting = values[(share >= least) & (share <= most)]
    if not len(fitting):
        return None
    chosen = fitting[int(torch.randint(0, len(fitting), (), generator=generator))]
    return np.asarray((labels == chosen) * 255, np.uint8)


def roughen(matte: Tensor, generator: torch.Generator, largest: int = 5) -> Tensor:
    """Erode or dilate a (1, h, w) matte by up to ``largest`` pixels, with a wavering border (paper, section
    6.3)."""
    height, width = matte.shape[-2:]
    coarse = torch.randn(1, 1, max(2, height // 24), max(2, width // 24), generator=generator)
    wave = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic", align_corners=False)[0, 0]
    inside = (matte[0].numpy() >= 0.5).astype(np.uint8)
    # Signed distance to the border, positive inside: shifting it is erosion or dilation by any amount.
    distance = cv2.distanceTransform(inside, cv2.DIST_L2, 3) - cv2.distanceTransform(1 - inside, cv2.DIST_L2, 3)
    shift = float(uniform(generator, -largest, largest))
    moved = torch.from_numpy(distance) + shift + wave * float(uniform(generator, 0.0, 2.0))
    # Half of the people who roto feather.
    soft = float(uniform(generator, 0.5, 2.5)) if float(torch.rand((), generator=generator)) < 0.5 else 0.5
    return (0.5 + moved / (2 * soft)).clamp(0.0, 1.0)[None].to(matte.dtype)
