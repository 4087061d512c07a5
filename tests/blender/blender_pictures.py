"""What tests read of the EXRs that Blender and lookmatte wrote."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenEXR


def channels(path: Path) -> dict[str, np.ndarray]:
    """All channels of all parts."""
    parts = OpenEXR.File(str(path), separate_channels=True).parts
    return {name: channel.pixels for part in parts for name, channel in part.channels.items()}


def combined(path: Path) -> np.ndarray:
    """What was rendered, (4, H, W) float32."""
    found = channels(path)
    return np.stack([found[f"ViewLayer.Combined.{sign}"].astype(np.float32) for sign in "RGBA"])


def flat(path: Path) -> np.ndarray:
    """A composite on its own, (4, H, W) float32."""
    found = channels(path)
    return np.stack([found[sign].astype(np.float32) for sign in "RGBA"])


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    return a.dtype == b.dtype and a.tobytes() == b.tobytes()
