"""Pictures made by arithmetic, and files of pairs."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

REPOSITORY = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("LOOKMATTE_DATA", REPOSITORY.parent / "shared" / "data"))


def shared(path: str, base: Path = DATA) -> Path:
    """A file of the data that is no part of the repository; the test is skipped where it is missing."""
    found = base / path
    if not found.exists():
        pytest.skip(f"needs {path}, which is not part of the repository")
    return found


def photo(seed: int, height: int = 90, width: int = 120) -> NDArray[np.float32]:
    """A smooth picture with an edge, texture and colours of its own: (h, w, 3) float32, whole bytes / 255."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    low, high = random.uniform(0.1, 0.4, 3), random.uniform(0.5, 0.9, 3)
    ramp = (y / height)[..., None] * random.uniform(0.3, 1.0) + 0.1 * np.sin(x / random.uniform(9, 15))[..., None]
    rgb = low + (high - low) * ramp
    centre = random.uniform(0.35, 0.65, 2) * (height, width)
    ball = (y - centre[0]) ** 2 + (x - centre[1]) ** 2 < (height / 4) ** 2
    rgb[ball] = random.uniform(0.2, 0.8, 3) + 0.1 * np.cos(x[ball] / 5)[:, None]
    rgb += random.normal(0, 0.01, rgb.shape)
    return (np.rint(rgb.clip(0.02, 0.98) * 255) / 255).astype(np.float32)


def write(path: Path, rgb: NDArray[np.float32]) -> Path:
    """Write a picture in [0, 1] as PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.rint(rgb[..., ::-1] * 255).astype(np.uint8))
    return path


def write_labels(path: Path, labels: NDArray[Any]) -> Path:
    """Write a label map as a grey PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), labels.astype(np.uint8))
    return path


def halves(height: int = 90, width: int = 120) -> NDArray[np.uint8]:
    """A label map: 1 on the left, 2 on the right."""
    labels = np.ones((height, width), np.uint8)
    labels[:, width // 2 :] = 2
    return labels


def write_pairs(folder: Path, pairs: list[dict[str, Any]]) -> Path:
    """Write PAIRS.json."""
    path = folder / "pairs.json"
    path.write_text(json.dumps(pairs), encoding="utf-8")
    return path


def small_set(folder: Path) -> Path:
    """A whole picture, one of two regions and a clip of three frames, with their files."""
    for seed in range(4):
        write(folder / f"photo{seed}.png", photo(seed))
    write_labels(folder / "halves.png", halves())
    for frame in range(3):
        write(folder / "clip" / f"{frame:04d}.png", np.roll(photo(7), 2 * frame, axis=1))
    return write_pairs(
        folder,
        [
            {"name": "one", "content": "photo0.png", "styles": [{"image": "photo1.png"}]},
            {"name": "two", "content": "photo1.png", "mask": "halves.png",
             "styles": [{"image": "photo2.png", "label": 1}, {"image": "photo3.png", "label": 2}]},
            {"name": "moving", "content": "clip", "styles": [{"image": "photo3.png"}]},
        ],
    )  # fmt: skip
