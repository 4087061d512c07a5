"""Pictures made by arithmetic, random grids and guides, and the clips that a test may use when they are there."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from lookmatte.bilateral.guide import GuideWeights


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def picture(seed: int, rows: int = 96, columns: int = 96) -> Tensor:
    """A colour picture (3, h, w) in [0.02, 0.98]: shading over several scales, correlated channels, grain."""
    random = generator(seed)
    fields = [
        torch.nn.functional.interpolate(
            torch.randn(1, 3, size, size, generator=random), (rows, columns), mode="bicubic", align_corners=False
        )[0]
        / size**0.5
        for size in (3, 6, 12, 24)
    ]
    field = torch.stack(fields).sum(0)
    light, tint = field.mean(0, keepdim=True), 0.35 * field
    middle = torch.rand(3, 1, 1, generator=random) * 0.4 + 0.3
    grain = 0.01 * torch.randn(3, rows, columns, generator=random)
    return (middle + 0.35 * light + 0.3 * tint + grain).clamp(0.02, 0.98)


def disc(rows: int = 96, columns: int = 96, radius: float = 0.3, x: float = 0.45, y: float = 0.5) -> Tensor:
    """A round matte (h, w), anti-aliased."""
    v, u = torch.meshgrid((torch.arange(rows) + 0.5) / rows, (torch.arange(columns) + 0.5) / columns, indexing="ij")
    distance = ((u - x) ** 2 + (v - y) ** 2).sqrt()
    return ((radius - distance) * min(rows, columns) + 0.5).clamp(0.0, 1.0)


def random_grid(seed: int, size: float = 0.3, depth: int = 8, height: int = 16, width: int = 16) -> Tensor:
    """The identity with noise of this size on every coefficient."""
    noise = torch.randn(12, depth, height, width, generator=generator(seed))
    return torch.eye(3, 4).reshape(12, 1, 1, 1) + size * noise


def random_guide(seed: int) -> GuideWeights:
    random = generator(seed)
    return GuideWeights(
        torch.randn(16, 4, generator=random),
        0.2 * torch.randn(16, generator=random),
        0.4 * torch.randn(16, generator=random),
        torch.tensor(0.1),
    )


def centres(size: int) -> Tensor:
    """Display coordinates of ``size`` pixels."""
    return (torch.arange(size) + 0.5) / size


def clips() -> list[Path]:
    """Folders of real clips with a mask per frame; skips the test when there are none."""
    root = Path(os.environ.get("LOOKMATTE_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")) / "clips"
    found = sorted(path for path in root.glob("*") if len(list((path / "masks").glob("*.png"))) >= 20)
    if not found:
        pytest.skip(f"no clips under {root}; set LOOKMATTE_DATA")
    return found


def load_proxy(clip: Path, stem: str) -> tuple[Tensor, Tensor]:
    """A frame of a clip and its matte as area averages: (3, 256, 256) and (256, 256)."""
    rgb = cv2.imread(str(clip / "frames" / f"{stem}.jpg"))
    mask = cv2.imread(str(clip / "masks" / f"{stem}.png"), cv2.IMREAD_GRAYSCALE)
    small = cv2.resize(rgb, (256, 256), interpolation=cv2.INTER_AREA)[..., ::-1]
    matte = cv2.resize((mask > 0).astype(np.float32), (256, 256), interpolation=cv2.INTER_AREA)
    return torch.from_numpy(small.astype(np.float32) / 255.0).permute(2, 0, 1).contiguous(), torch.from_numpy(matte)
