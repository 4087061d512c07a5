"""Pictures made by arithmetic, and a judge of random weights: enough to run the training on, in seconds."""

from __future__ import annotations

import zlib
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.torch import save_file

from lookmatte.training.photos import held_out


def picture(seed: int, height: int = 72, width: int = 96) -> tuple[np.ndarray, np.ndarray]:
    """A sky, a ground and a ball in random colours: (h, w, 3) uint8, and its label map (h, w) of 0, 1, 2."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    labels = (y > height * random.uniform(0.4, 0.6)).astype(np.uint8)
    centre = random.uniform(0.3, 0.7, 2) * (height, width)
    labels[(y - centre[0]) ** 2 + (x - centre[1]) ** 2 < (height / 3.5) ** 2] = 2
    colours = random.uniform(40, 220, (3, 3))
    shade = 0.75 + 0.25 * np.sin(x / random.uniform(4, 12) + y / random.uniform(4, 12))
    rgb = colours[labels] * shade[..., None] + random.normal(0, 4, (height, width, 3))
    return rgb.clip(0, 255).astype(np.uint8), labels


def make_data(folder: Path, photos: int = 10) -> Path:
    """A data folder: labelled photographs, of which two are held out by their names, and one clip of six frames."""
    for name in ("photos/train", "photos/masks", "clips/ball/frames", "clips/ball/masks"):
        (folder / name).mkdir(parents=True)
    kept = [f"made_{i}" for i in range(300) if held_out(f"made_{i}")][:2]
    trained = [f"made_{i}" for i in range(300) if not held_out(f"made_{i}")][:photos]
    for stem in [*kept, *trained]:
        rgb, labels = picture(zlib.crc32(stem.encode()))
        cv2.imwrite(str(folder / "photos/train" / f"{stem}.jpg"), rgb[..., ::-1])
        cv2.imwrite(str(folder / "photos/masks" / f"{stem}.png"), labels)
    rgb, labels = picture(5)
    for frame in range(6):
        cv2.imwrite(str(folder / f"clips/ball/frames/{frame:05d}.jpg"), np.roll(rgb, 2 * frame, 1)[..., ::-1])
        mask = (np.roll(labels, 2 * frame, 1) == 2).astype(np.uint8) * 255
        cv2.imwrite(str(folder / f"clips/ball/masks/{frame:05d}.png"), mask)
    return folder


def make_vgg(path: Path) -> Path:
    """A judge of VGG-19's layout with few channels and random weights."""
    generator = torch.Generator().manual_seed(1)
    tensors, before = {}, 3
    for name in ("1_1", "1_2", "2_1", "2_2", "3_1", "3_2", "3_3", "3_4", "4_1"):
        channels = 4 * int(name[0])
        weight = torch.randn(channels, before, 3, 3, generator=generator) * (2 / (9 * before)) ** 0.5
        tensors[f"conv{name}.weight"], tensors[f"conv{name}.bias"] = weight, torch.zeros(channels)
        before = channels
    save_file(tensors, str(path))
    return path
