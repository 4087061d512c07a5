"""apply(): the fused kernel and plain torch make the same frame of whatever lies in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lookmatte.bilateral.apply import Look, SoftRegion
from lookmatte.bilateral.encoding import encode
from lookmatte.bilateral.grid import identity
from lookmatte.bilateral.guide import GuideWeights
from lookmatte.imaging.colour import PlateColour, plate_matrix
from lookmatte.imaging.frame import Frame, Part, Window
from lookmatte.imaging.mattes import ChannelMatte
from lookmatte.rendering.apply import apply
from lookmatte.rendering.pixels import PlatePixels
from lookmatte.rendering.weights import RegionMatte

HALF, FLOAT = np.dtype(np.float16), np.dtype(np.float32)
Channels = dict[str, NDArray[np.generic]]
SPACES = ("lin_rec709_srgb", "ACEScg", "ACEScct")


def _colours(rows: int, columns: int, random: np.random.Generator) -> NDArray[np.float32]:
    """Colours, alpha and two mattes (rows, columns, 6): bright, dark, negative, broken, transparent."""
    block = np.exp(random.normal(-1.0, 1.5, (rows, columns, 6))).astype(np.float32)
    block[..., :3][random.random((rows, columns)) < 0.05] *= -1.0
    block[..., 3] = np.clip(random.normal(0.7, 0.5, (rows, columns)), 0.0, 1.0)
    block[..., 4:] = np.clip(random.normal(0.4, 0.5, (rows, columns, 2)), 0.0, 1.0) * block[..., 3:4]
    for value in (np.nan, np.inf, -np.inf):
        block[random.integers(rows), random.integers(columns), random.integers(5)] = value
    return block


def _frame(block: NDArray[np.float32], types: list[np.dtype], interleaved: bool, alpha: bool) -> Frame:
    names = ["R", "G", "B", "A", "m.one", "m.two"]
    planes = [block[..., k].astype(kind) for k, kind in enumerate(types)]
    if interleaved:
        together = np.stack([plane.astype(types[0]) for plane in planes], -1)
        planes = [together[..., k] for k in range(len(names))]
    rows, columns = block.shape[:2]
    window, display = Window(-3, 2, columns, rows), Window(0, 0, columns + 2, rows + 5)
    part = Part("", dict(zip(names, planes, strict=True)), window, display)
    return Frame(Path("plate.exr"), [part], ((0, "R"), (0, "G"), (0, "B")), (0, "A") if alpha else None)


def _look(seed: int, soft: bool, rest: bool) -> Look:
    random = torch.Generator().manual_seed(seed)
    grids = [identity() + 0.1 * torch.randn(12, 8, 16, 16, generator=random) for _ in range(4)]
    enhanced = 0.3 * torch.randn(4, 20, 20, generator=random)
    enhanced[3] += 0.5
    under = (SoftRegion(grids[2], enhanced),) if soft else ()
    guide = GuideWeights(*(torch.randn(size, generator=random) for size in ((16, 4), (16,), (16,), ())))
    return Look((grids[0], grids[1]), under, grids[3] if rest else None, guide)


def _applied(frame: Frame, look: Look, colour: PlateColour, kernel: str) -> tuple[PlatePixels, Channels]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("LOOKMATTE_KERNEL", kernel)
        mattes = [RegionMatte(name, "pixel", ChannelMatte(frame, f"m.{name}")) for name in ("one", "two")]
        return apply(frame, look, mattes, colour=colour), frame.plate.channels


@given(
    st.integers(0, 2**31 - 1), st.integers(1, 40), st.integers(1, 300),
    st.sampled_from([[HALF] * 6, [FLOAT] * 6, [HALF] * 3 + [FLOAT] * 3, [FLOAT, FLOAT, FLOAT, HALF, HALF, FLOAT],
                     [HALF, FLOAT, HALF, HALF, HALF, HALF]]),
    st.booleans(), st.booleans(), st.booleans(), st.booleans(), st.sampled_from(SPACES),
)  # fmt: skip
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_frames_agree(
    seed: int, rows: int, columns: int, types: list[np.dtype], interleaved: bool, alpha: bool,
    soft: bool, rest: bool, space: str,
) -> None:  # fmt: skip
    block = _colours(rows, columns, np.random.default_rng(seed))
    if space == "ACEScct":
        # 1.4 is 20,000; a float holds no more than 8.
        finite = np.isfinite(block)
        block[finite] = np.minimum(block, np.float32(0.8) * np.maximum(block[..., 3:4], 0.0))[finite]
    look = _look(seed, soft, rest)
    colour = plate_matrix(space, attributes={}, config="ocio://default")
    plain, expected = _applied(_frame(block, types, interleaved, alpha), look, colour, "torch")
    fast, made = _applied(_frame(block, types, interleaved, alpha), look, colour, "numba")
    assert fast.nonfinite == plain.nonfinite
    assert fast.opaque_seen == plain.opaque_seen
    before = _frame(block, types, interleaved, alpha).plate.channels
    bits = {name: np.dtype(f"u{one.itemsize}") for name, one in before.items()}
    for name in ("A", "m.one", "m.two"):
        assert np.array_equal(made[name].view(bits[name]), before[name].view(bits[name]))
    for name in "RGB":
        still = ~np.isfinite(before[name])
        assert np.array_equal(made[name].view(bits[name])[still], before[name].view(bits[name])[still])
        assert np.array_equal(np.isfinite(made[name]), np.isfinite(expected[name]))
    one, other = (PlatePixels(_with(frame, block, interleaved, alpha), colour).read(0, rows).linear
                  for frame in (made, expected))  # fmt: skip
    # A gamut's matrix carries the rounding of a bright channel over to a dark one.
    near = (encode(one) - encode(other)).abs() < 1e-4
    near |= (one - other).abs() <= 1e-5 * other.abs().amax(0)
    if HALF in types[:3]:
        stored, wanted = (np.nan_to_num(stored_rgb(one), posinf=0.0, neginf=0.0) for one in (made, expected))
        near |= torch.from_numpy(np.abs(stored - wanted) <= 2.0**-10 * np.abs(wanted).max(0))
    assert bool((near | ~torch.from_numpy(np.isfinite(stored_rgb(expected)).all(0))).all())


def stored_rgb(channels: Channels) -> NDArray[np.float32]:
    """(3, rows, columns)."""
    return np.stack([channels[name].astype(np.float32) for name in "RGB"])


def _with(channels: Channels, block: NDArray[np.float32], interleaved: bool, alpha: bool) -> Frame:
    """A frame of these channels."""
    frame = _frame(block, [FLOAT] * 6, interleaved, alpha)
    frame.plate.channels.update(channels)
    return frame
