"""Frames as they may lie in memory, on which every kernel must make the same of a look."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from hypothesis import strategies as st
from numpy.typing import NDArray

from lookmatte.bilateral.apply import Look, SoftRegion
from lookmatte.bilateral.encoding import encode
from lookmatte.bilateral.grid import identity
from lookmatte.bilateral.guide import GuideWeights
from lookmatte.imaging.colour import PlateColour, plate_matrix
from lookmatte.imaging.frame import Frame, Part, Window
from lookmatte.imaging.mattes import ChannelMatte
from lookmatte.rendering.pixels import PlatePixels
from lookmatte.rendering.weights import RegionMatte

HALF, FLOAT = np.dtype(np.float16), np.dtype(np.float32)
Channels = dict[str, NDArray[np.generic]]
SPACES = ("lin_rec709_srgb", "ACEScg", "ACEScct")
TYPES = [
    [HALF] * 6, [FLOAT] * 6, [HALF] * 3 + [FLOAT] * 3, [FLOAT, FLOAT, FLOAT, HALF, HALF, FLOAT],
    [HALF, FLOAT, HALF, HALF, HALF, HALF],
]  # fmt: skip
"""Of red, green, blue, alpha and the two mattes."""


def block_of(rows: int, columns: int, random: np.random.Generator) -> NDArray[np.float32]:
    """Colours, alpha and two mattes (rows, columns, 6): bright, dark, negative, broken, transparent."""
    block = np.exp(random.normal(-1.0, 1.5, (rows, columns, 6))).astype(np.float32)
    block[..., :3][random.random((rows, columns)) < 0.05] *= -1.0
    block[..., 3] = np.clip(random.normal(0.7, 0.5, (rows, columns)), 0.0, 1.0)
    block[..., 4:] = np.clip(random.normal(0.4, 0.5, (rows, columns, 2)), 0.0, 1.0) * block[..., 3:4]
    for value in (np.nan, np.inf, -np.inf):
        block[random.integers(rows), random.integers(columns), random.integers(5)] = value
    return block


def frame_of(block: NDArray[np.float32], types: list[np.dtype], interleaved: bool, alpha: bool) -> Frame:
    """A block as a frame that is not where its display window is."""
    names = ["R", "G", "B", "A", "m.one", "m.two"]
    planes = [block[..., k].astype(kind) for k, kind in enumerate(types)]
    if interleaved:
        together = np.stack([plane.astype(types[0]) for plane in planes], -1)
        planes = [together[..., k] for k in range(len(names))]
    rows, columns = block.shape[:2]
    window, display = Window(-3, 2, columns, rows), Window(0, 0, columns + 2, rows + 5)
    part = Part("", dict(zip(names, planes, strict=True)), window, display)
    return Frame(Path("plate.exr"), [part], ((0, "R"), (0, "G"), (0, "B")), (0, "A") if alpha else None)


def look_of(seed: int, soft: bool, rest: bool) -> Look:
    """For two `pixel` regions."""
    random = torch.Generator().manual_seed(seed)
    grids = [identity() + 0.1 * torch.randn(12, 8, 16, 16, generator=random) for _ in range(4)]
    enhanced = 0.3 * torch.randn(4, 20, 20, generator=random)
    enhanced[3] += 0.5
    under = (SoftRegion(grids[2], enhanced),) if soft else ()
    guide = GuideWeights(*(torch.randn(size, generator=random) for size in ((16, 4), (16,), (16,), ())))
    return Look((grids[0], grids[1]), under, grids[3] if rest else None, guide)


@dataclass(frozen=True)
class Case:
    """A plate with two mattes, and a look for it."""

    block: NDArray[np.float32]
    types: list[np.dtype]
    interleaved: bool
    alpha: bool
    look: Look
    colour: PlateColour

    def frame(self) -> Frame:
        """The plate, unstyled."""
        return frame_of(self.block, self.types, self.interleaved, self.alpha)


def case(
    seed: int, rows: int, columns: int, types: list[np.dtype], interleaved: bool, alpha: bool,
    soft: bool, rest: bool, space: str,
) -> Case:  # fmt: skip
    """A random one."""
    block = block_of(rows, columns, np.random.default_rng(seed))
    if space == "ACEScct":
        # 1.4 is 20,000; a float holds no more than 8.
        finite = np.isfinite(block)
        block[finite] = np.minimum(block, np.float32(0.8) * np.maximum(block[..., 3:4], 0.0))[finite]
    colour = plate_matrix(space, attributes={}, config="ocio://default")
    return Case(block, types, interleaved, alpha, look_of(seed, soft, rest), colour)


def cases(rows: int, columns: int) -> st.SearchStrategy[Case]:
    """Cases up to this size."""
    return st.builds(
        case, st.integers(0, 2**31 - 1), st.integers(1, rows), st.integers(1, columns), st.sampled_from(TYPES),
        st.booleans(), st.booleans(), st.booleans(), st.booleans(), st.sampled_from(SPACES),
    )  # fmt: skip


def mattes_of(frame: Frame) -> list[RegionMatte]:
    """Its two regions."""
    return [RegionMatte(name, "pixel", ChannelMatte(frame, f"m.{name}")) for name in ("one", "two")]


def check(case: Case, made: PlatePixels, made_frame: Frame, expected: PlatePixels, wanted_frame: Frame) -> None:
    """Two kernels' frames, and what they met in them, must agree; and what is to keep its bits must have them."""
    styled, wanted = made_frame.plate.channels, wanted_frame.plate.channels
    assert made.nonfinite == expected.nonfinite
    assert made.opaque_seen == expected.opaque_seen
    before = case.frame().plate.channels
    bits = {name: np.dtype(f"u{one.itemsize}") for name, one in before.items()}
    for name in ("A", "m.one", "m.two"):
        assert np.array_equal(styled[name].view(bits[name]), before[name].view(bits[name]))
    for name in "RGB":
        still = ~np.isfinite(before[name])
        assert np.array_equal(styled[name].view(bits[name])[still], before[name].view(bits[name])[still])
        assert np.array_equal(np.isfinite(styled[name]), np.isfinite(wanted[name]))
    one, other = (_straight(case, channels) for channels in (styled, wanted))
    # A gamut's matrix carries the rounding of a bright channel over to a dark one.
    near = (encode(one) - encode(other)).abs() < 1e-4
    near |= (one - other).abs() <= 1e-5 * other.abs().amax(0)
    if HALF in case.types[:3]:
        stored, target = (np.nan_to_num(_stored(one), posinf=0.0, neginf=0.0) for one in (styled, wanted))
        near |= torch.from_numpy(np.abs(stored - target) <= 2.0**-10 * np.abs(target).max(0))
    assert bool((near | ~torch.from_numpy(np.isfinite(_stored(wanted)).all(0))).all())


def _stored(channels: Channels) -> NDArray[np.float32]:
    """(3, rows, columns)."""
    return np.stack([channels[name].astype(np.float32) for name in "RGB"])


def _straight(case: Case, channels: Channels) -> torch.Tensor:
    """(3, rows, columns), linear Rec.709."""
    frame = frame_of(case.block, [FLOAT] * 6, case.interleaved, case.alpha)
    frame.plate.channels.update(channels)
    return PlatePixels(frame, case.colour).read(0, len(case.block)).linear
