"""Photographs for training, held in memory; some are held out by name, for ever the same ones."""

from __future__ import annotations

import zlib
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from lookmatte.errors import InputError

HELD_OUT_SHARE = 16
"""One photograph in this many is never trained on."""


def held_out(stem: str) -> bool:
    """Whether the photograph of this name is kept for measuring; depends on the name alone."""
    return _lot(stem) % HELD_OUT_SHARE == 0


def _lot(stem: str) -> int:
    return zlib.crc32(stem.encode())


def read_rgb(path: Path, short_side: int | None = None) -> Tensor:
    """Decode a picture to (3, h, w) uint8 RGB, reduced so that its short side is at most ``short_side``."""
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise InputError(f"{path}: no picture can be read there")
    if short_side is not None and min(picture.shape[:2]) > short_side:
        scale = short_side / min(picture.shape[:2])
        size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return torch.from_numpy(np.ascontiguousarray(picture[..., ::-1].transpose(2, 0, 1)))


def photo_folder(data: Path) -> Path:
    """Where the photographs are: ``data``/photos/train, or ``data`` itself, a folder of pictures."""
    inner = data / "photos" / "train"
    return inner if inner.is_dir() else data


def photo_paths(data: Path, held: bool) -> list[Path]:
    """The photographs of :func:`photo_folder`, either the held-out ones (at least one) or all the others, sorted
    by name. InputError where there are fewer than two."""
    folder = photo_folder(data)
    paths = sorted(path for path in folder.glob("*") if path.suffix.lower() in {".jpg", ".jpeg", ".png"})
    if not paths:
        raise InputError(f"{folder}: no photographs (jpg, png) there")
    if len(paths) < 2:
        raise InputError(f"{folder}: one photograph cannot both train and measure; give many")
    kept = {path for path in paths if held_out(path.stem)} or {min(paths, key=lambda path: _lot(path.stem))}
    return [path for path in paths if (path in kept) == held]
