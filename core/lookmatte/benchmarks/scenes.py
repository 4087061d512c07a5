"""Plates, mattes and looks to measure on: hard ones, so that no branch of a kernel is spared.

Colours are noise with highlights far above 1 and some negative values, alpha is rarely 1 and sometimes 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lookmatte.benchmarks.rows import Options
from lookmatte.bilateral.apply import Look, SoftRegion
from lookmatte.bilateral.enhance import enhance
from lookmatte.bilateral.grid import identity
from lookmatte.bilateral.guide import GuideWeights
from lookmatte.imaging.colour import PlateColour, plate_matrix
from lookmatte.imaging.frame import Frame
from lookmatte.imaging.mattes import ChannelMatte
from lookmatte.imaging.writer import new_part
from lookmatte.looks.proxy import PROXY
from lookmatte.rendering.weights import RegionMatte

Layout = Literal["disjoint", "overlap", "grid"]
Plane = NDArray[Any]

SIZES = {"1080p": (1920, 1080), "4k": (3840, 2160), "8k": (7680, 4320)}
# Red, green and blue in, one matte in, red, green and blue out.
MOVED = {np.dtype(np.float32): 28, np.dtype(np.float16): 14}

_ROWS = 128
_SOFT = 0.08


@dataclass(frozen=True)
class Scene:
    """A frame with its mattes and its look, and what apply changes in it, to be put back before each run."""

    frame: Frame
    mattes: list[RegionMatte]
    look: Look
    stored: list[Plane]

    @property
    def moved(self) -> int:
        """Bytes that one fused pass moves: the floor."""
        pixels = self.stored[0]
        return int(pixels.size * MOVED[pixels.dtype])

    def restore(self) -> None:
        """Undo what apply has changed."""
        for key, pixels in zip(self.frame.rgb, self.stored, strict=True):
            np.copyto(self.frame.pixels(key), pixels)


def hard_plate(width: int, height: int, dtype: type[np.floating[Any]] = np.float32) -> dict[str, Plane]:
    """R, G, B (premultiplied) and A, each (height, width): a block of rows, again and again, so that making an
    8K plate takes no longer than filling it."""
    random = np.random.default_rng(1)
    alpha = random.uniform(0.3, 1.0, (_ROWS, width)).astype(np.float32)
    alpha[random.random(alpha.shape) < 0.02] = 0.0
    bright = np.where(random.random(alpha.shape) < 0.05, 20.0, 1.0).astype(np.float32)
    channels: dict[str, Plane] = {"A": _tiled(alpha.astype(dtype), height)}
    for name in "BGR":
        colour = random.random(alpha.shape, dtype=np.float32) * bright
        colour[random.random(alpha.shape) < 0.01] = -0.05
        channels[name] = _tiled((colour * alpha).astype(dtype), height)
    return {name: channels[name] for name in "RGBA"}


def _tiled(block: Plane, height: int) -> Plane:
    made = np.empty((height, block.shape[1]), block.dtype)
    for y in range(0, height, _ROWS):
        made[y : y + _ROWS] = block[: min(_ROWS, height - y)]
    return made


def scene(
    plate: dict[str, Plane], regions: int, layout: Layout = "disjoint", stored: list[Plane] | None = None
) -> Scene:
    """A plate with ``regions`` soft mattes of the same render.

    ``disjoint``: side by side, together the whole frame, with soft edges between them; most pixels see one.
    ``overlap``: each over the whole frame, none of them 0 anywhere. ``grid``: as disjoint, but blended in the
    grid, with the edges of the picture (a rough matte). ``stored``: the plate's colours, if they were kept.
    """
    height, width = plate["A"].shape
    alpha, channels = plate["A"], dict(plate)
    for index in range(regions):
        across, down = _ramps(index, regions, layout, width, height)
        matte = channels[f"m{index}"] = np.empty_like(alpha)
        for y in range(0, height, _ROWS):
            rows = slice(y, y + _ROWS)
            matte[rows] = alpha[rows] * (down[rows, None] * across)
    frame = Frame(Path("plate.exr"), [new_part(channels)], ((0, "R"), (0, "G"), (0, "B")), (0, "A"))
    kind: Literal["pixel", "grid"] = "grid" if layout == "grid" else "pixel"
    mattes = [RegionMatte(f"m{i}", kind, ChannelMatte(frame, f"m{i}")) for i in range(regions)]
    kept = [plate[name].copy() for name in "RGB"] if stored is None else stored
    return Scene(frame, mattes, look(regions, layout), kept)


def scene_of(
    options: Options, size: str, regions: int, layout: Layout, dtype: type[np.floating[Any]] = np.float32
) -> Scene:
    """A scene of one of the SIZES."""
    return scene(hard_plate(*options.size(*SIZES[size]), dtype), regions, layout)


def _ramps(index: int, regions: int, layout: Layout, width: int, height: int) -> tuple[Plane, Plane]:
    """A matte as the product of what it is across, (width,), and down, (height,)."""
    x = (np.arange(width, dtype=np.float32) + 0.5) / width
    y = (np.arange(height, dtype=np.float32) + 0.5) / height
    if layout == "overlap":
        wave = 0.55 + 0.35 * np.sin(2.0 * np.pi * (x * (1 + index % 3) + index / regions))
        return wave.astype(np.float32), (0.6 + 0.4 * np.cos(np.pi * (y + index))).astype(np.float32)
    rows = 1 if regions < 4 else 2
    columns = -(-regions // rows)
    # Weights between 0.8 and 1, so that a little of the plate shows everywhere.
    veil = 0.9 + 0.1 * np.sin(40.0 * x)
    return (
        (veil * _cell(x, index % columns, columns)).astype(np.float32),
        _cell(y, index // columns, rows).astype(np.float32),
    )


def _cell(x: Plane, index: int, cells: int) -> Plane:
    """1 inside one of equal cells of an axis; with soft edges, so that neighbours sum to 1."""

    def beyond(edge: int) -> Plane | float:
        if edge in (0, cells):
            return 1.0 if edge == 0 else 0.0
        return np.clip((x * cells - edge) / _SOFT + 0.5, 0.0, 1.0)

    return np.asarray(beyond(index) - beyond(index + 1)) * np.ones_like(x)


def look(regions: int, layout: Layout = "disjoint") -> Look:
    """Grids far from the identity and a guide whose learned residual counts."""
    draw = torch.Generator().manual_seed(1)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=draw)

    weights = GuideWeights(normal(16, 4), normal(16), 0.1 * normal(16), torch.zeros(()))
    grids = tuple(identity() + 0.1 * normal(12, 8, 16, 16) for _ in range(regions))
    if layout != "grid":
        return Look(grids, (), None, weights)
    colours = torch.rand(1, 3, PROXY, PROXY, generator=draw)
    soft = []
    for index, grid in enumerate(grids):
        across, down = _ramps(index, regions, layout, PROXY, PROXY)
        matte = torch.from_numpy(down[:, None] * across)
        soft.append(SoftRegion(grid, enhance(colours, matte[None, None])[0]))
    return Look((), tuple(soft), None, weights)


def linear() -> PlateColour:
    """A plate in linear Rec.709."""
    return plate_matrix(None, attributes={})


def acescg() -> PlateColour:
    """A plate in ACEScg: a 3x3 each way."""
    return plate_matrix("ACEScg", attributes={}, config="ocio://default")
