"""Pictures to be scored: display-referred (h, w, 3) float32 in [0, 1], rounded to bytes as a screen gets them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lookmatte.bilateral.encoding import encode
from lookmatte.errors import InputError
from lookmatte.imaging.picture import linear_rec709, read_picture

SIZE = 320
"""The longer side at which single pictures are scored."""
SMALLEST_SIDE = 16
"""A picture whose shorter side falls below this is not scored: windows and feature maps would not fit."""
SMALLEST_SHARE = 0.01
"""A region or a style's part below this share of its picture is not scored: its statistics mean nothing."""

Rgb = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Weight = NDArray[np.float32]
Labels = NDArray[np.uint8]

# The colours of the label maps of Luan et al. 2017, "Deep Photo Style Transfer"; they stand for labels 1 to 9.
LABEL_COLOURS = {
    "blue": (0, 0, 255), "green": (0, 255, 0), "black": (0, 0, 0), "white": (255, 255, 255), "red": (255, 0, 0),
    "yellow": (255, 255, 0), "grey": (128, 128, 128), "light blue": (0, 255, 255), "purple": (255, 0, 255),
}  # fmt: skip


def read_bytes(path: Path) -> Bytes:
    """A picture as a screen shows it, (h, w, 3) uint8. Scene-linear files are shown through the working encoding,
    clamped to [0, 1], with no tone curve. Raises InputError for what cannot be read."""
    picture = read_picture(path)
    if picture.display_referred:
        return to_bytes(picture.rgb)
    shown = encode(torch.from_numpy(np.nan_to_num(linear_rec709(picture))))
    return to_bytes(shown.numpy())


def to_bytes(rgb: Rgb) -> Bytes:
    """Round [0, 1] to bytes."""
    rounded: Bytes = np.rint(np.clip(rgb, 0.0, 1.0) * 255.0).astype(np.uint8)
    return rounded


def to_floats(rgb: Bytes) -> Rgb:
    """Bytes as float32 in [0, 1]."""
    return np.ascontiguousarray(rgb).astype(np.float32) / np.float32(255.0)


def reduced_size(height: int, width: int, longest: int) -> tuple[int, int]:
    """(height, width) with the longer side at most ``longest``."""
    scale = min(1.0, longest / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def resize(rgb: Bytes, size: tuple[int, int]) -> Bytes:
    """Area average to (height, width), in bytes."""
    if rgb.shape[:2] == size:
        return rgb
    smaller: Bytes = cv2.resize(rgb, size[::-1], interpolation=cv2.INTER_AREA)
    return smaller


def read(path: Path, longest: int) -> Rgb:
    """A picture with its longer side at most ``longest``. Raises InputError where that leaves too little."""
    full = read_bytes(path)
    size = reduced_size(full.shape[0], full.shape[1], longest)
    if min(size) < SMALLEST_SIDE:
        what = f"{full.shape[1]}x{full.shape[0]} pixels are too few or too narrow to be scored"
        raise InputError(f"{path}: {what} (at {longest} pixels its shorter side must have {SMALLEST_SIDE})")
    return to_floats(resize(full, size))


def read_like(path: Path, like: Rgb) -> Rgb:
    """A picture in the size of another. Raises InputError when its shape is another one."""
    full = read_bytes(path)
    (height, width), size = full.shape[:2], (like.shape[0], like.shape[1])
    if abs(height / width / (size[0] / size[1]) - 1.0) > 0.02:
        raise InputError(f"{path}: {width}x{height} is not the shape of its content, {size[1]}x{size[0]}")
    return to_floats(resize(full, size))


def read_labels(path: Path) -> Labels:
    """A label map (h, w): the values of a grey picture, or 1 to 9 for the nearest of ``LABEL_COLOURS``.

    A picture of three equal channels with more than nine values is grey. Raises InputError.
    """
    data = np.frombuffer(path.read_bytes(), np.uint8)
    stored = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
    if stored is None:
        raise InputError(f"{path}: is no label map that can be read; save it as an 8-bit PNG")
    if stored.dtype != np.uint8:
        raise InputError(f"{path}: is of {stored.dtype}; a label map has 8 bits a channel")
    if stored.ndim == 3 and stored.shape[2] < 3:
        stored = stored[..., 0]
    if stored.ndim == 2:
        grey: Labels = np.asarray(stored, np.uint8)
        return grey
    colour = stored[..., 2::-1].astype(np.int32)  # OpenCV stores blue first
    first = colour[..., 0]
    if not (colour != first[..., None]).any() and len(np.unique(first)) > len(LABEL_COLOURS):
        return np.asarray(first, np.uint8)
    nearest = np.zeros(first.shape, np.uint8)
    least = np.full(first.shape, np.iinfo(np.int32).max, np.int32)
    for label, known in enumerate(LABEL_COLOURS.values(), 1):
        distance = ((colour - np.asarray(known, np.int32)) ** 2).sum(-1, dtype=np.int32)
        nearer = distance < least
        nearest[nearer], least[nearer] = label, distance[nearer]
    return nearest


def resize_labels(labels: Labels, size: tuple[int, int]) -> Labels:
    """The nearest label at (height, width)."""
    if labels.shape == size:
        return labels
    chosen: Labels = cv2.resize(labels, size[::-1], interpolation=cv2.INTER_NEAREST)
    return chosen


def to_tensor(rgb: Rgb) -> Tensor:
    """(h, w, 3) -> (3, h, w)."""
    return torch.from_numpy(np.ascontiguousarray(rgb.transpose(2, 0, 1)))


def from_tensor(rgb: Tensor) -> Rgb:
    """(3, h, w) -> (h, w, 3), clamped to [0, 1]."""
    return np.ascontiguousarray(rgb.detach().clamp(0.0, 1.0).permute(1, 2, 0).cpu().numpy(), np.float32)
