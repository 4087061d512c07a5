"""The Blink kernel and the definition on random looks, plates and windows: trained looks are too tame to tell."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from blink_compiled import Blink, Picture, Pixels
from blink_shots import apart, same_bits, show
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lookmatte.bilateral.grid import identity
from lookmatte.bilateral.guide import GuideWeights
from lookmatte.imaging.colour import plate_matrix
from lookmatte.imaging.frame import Frame, Part, Window
from lookmatte.imaging.mattes import ChannelMatte
from lookmatte.looks.bake import Blend, FrameBake, RegionBake, Setting, resolve
from lookmatte.looks.exposure import AMOUNTS, Exposure
from lookmatte.rendering.apply import apply
from lookmatte.rendering.bakeindex import BakeHeader
from lookmatte.rendering.store import BakeStore
from lookmatte.rendering.weights import RegionMatte

KEYS = (1, 5)


class _Weight(ChannelMatte):
    """A channel that is the weight itself."""

    coverage = False  # type: ignore[assignment]


@dataclass(frozen=True)
class Case:
    """A random plate in a random place, and how a random look is applied to it."""

    seed: int
    size: tuple[int, int]
    place: tuple[int, int]
    beyond: tuple[int, int]
    blend: Blend
    coverage: bool
    frame: int
    strength: float
    limit: float | None
    space: str
    wild: float


cases = st.builds(
    Case, st.integers(0, 2**31 - 1), st.tuples(st.integers(1, 60), st.integers(1, 90)),
    st.tuples(st.integers(-9, 9), st.integers(-9, 9)), st.tuples(st.integers(0, 9), st.integers(0, 9)),
    st.sampled_from(["pixel", "grid", "rest"]), st.booleans(), st.integers(0, 6), st.sampled_from([1.0, 0.3, 0.0]),
    st.sampled_from([None, None, 0.0, 0.2, 1.0]), st.sampled_from(["lin_rec709_srgb", "ACEScg"]),
    st.sampled_from([0.05, 0.3, 2.0]),
)  # fmt: skip


def _plate(case: Case, random: np.random.Generator) -> Pixels:
    rows, columns = case.size
    plate = np.exp(random.normal(-1.0, 2.0, (rows, columns, 4))).astype(np.float32)
    plate[random.random((rows, columns)) < 0.05] *= 2e4
    plate[..., :3][random.random((rows, columns, 3)) < 0.05] *= -1.0
    plate[..., 3] = np.clip(random.normal(0.7, 0.6, (rows, columns)), 0.0, 1.0)
    np.clip(plate, -6e4, 6e4, plate)
    # Finite as stored; without alpha, or in another gamut, more than a float holds.
    plate[random.integers(rows), random.integers(columns)] = np.float32([3e38, -3e38, 0.0, 1.0])
    plate[random.integers(rows), random.integers(columns)] = np.float32([1e37, 0.5, 0.5, 1e-3])
    for value in (np.nan, np.inf, -np.inf):
        plate[random.integers(rows), random.integers(columns), random.integers(4)] = value
    return plate


def _matte(plate: Pixels, random: np.random.Generator) -> Pixels:
    matte = np.clip(random.normal(0.5, 0.7, plate.shape), 0.0, 1.0).astype(np.float32)
    matte[..., 3] *= np.nan_to_num(plate[..., 3])
    matte[random.random(plate.shape[:2]) < 0.05, 3] = 1.0 - 5e-7
    matte[random.integers(len(plate)), 0, 3] = np.nan
    return matte


def _bake(case: Case, folder: Path) -> tuple[FrameBake, FrameBake]:
    """Random key frames, as a bake on disk."""
    random = torch.Generator().manual_seed(case.seed)
    guide = GuideWeights(*(torch.randn(size, generator=random) for size in ((16, 4), (16,), (16,), ())))
    colour = plate_matrix(case.space, attributes={})
    matrix = tuple(tuple(float(value) for value in row) for row in colour.matrix)
    store = BakeStore(folder, BakeHeader("b", "m", case.space, matrix, guide, (("one", case.blend),), "frame", 4))
    store.create()
    made = []
    for key in KEYS:
        # A steep look makes much of what a gamut's matrix carries from one channel to another.
        size = case.wild if case.space == "lin_rec709_srgb" else min(case.wild, 0.3)
        grid = identity() + size * torch.randn(12, 8, 16, 16, generator=random)
        luminance = torch.rand(len(AMOUNTS) + 2, generator=random).double().tolist()
        enhanced = 0.4 * torch.randn(4, 256, 256, generator=random)
        enhanced[3] += 0.5
        enhanced[:, :, 100:140] = 0.0
        exposure = Exposure(luminance[0], tuple(luminance[2:]), luminance[1])
        region = RegionBake("one", case.blend, grid, exposure, enhanced if case.blend == "grid" else None)
        made.append(FrameBake(key, (region,), guide))
        store.add(made[-1], "")
    if case.blend == "grid":
        store.add_mattes(case.frame, {"one": made[0].regions[0].enhanced}, "")
    store.save_index()
    return made[0], made[1]


def _applied(case: Case, plate: Pixels, matte: NDArray[np.float32], keys: tuple[FrameBake, FrameBake]) -> Pixels:
    """The definition's frame."""
    channels = {name: np.array(plate[..., k]) for k, name in enumerate("RGBA")} | {"m": np.array(matte)}
    rows, columns = case.size
    window = Window(*case.place, columns, rows)
    part = Part("", channels, window, Window(0, 0, columns + case.beyond[0], rows + case.beyond[1]))
    frame = Frame(Path("plate.exr"), [part], ((0, "R"), (0, "G"), (0, "B")), (0, "A"))
    kind = ChannelMatte if case.coverage else _Weight
    mattes = [] if case.blend == "rest" else [RegionMatte("one", case.blend, kind(frame, "m"))]
    share = min(max((case.frame - KEYS[0]) / (KEYS[1] - KEYS[0]), 0.0), 1.0)
    look = resolve(*keys, share, {"one": Setting(case.strength, case.limit)})
    apply(frame, look, mattes, colour=plate_matrix(case.space, attributes={}))
    return np.stack([frame.plate.channels[name] for name in "RGBA"], -1)


@given(cases)
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
def test_it_equals_the_definition(blink: Blink, case: Case) -> None:
    random = np.random.default_rng(case.seed)
    plate = _plate(case, random)
    matte = _matte(plate, random)
    rows, columns = case.size
    full = columns + case.beyond[0], rows + case.beyond[1]
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patched:
        patched.setenv("LOOKMATTE_KERNEL", "torch")
        keys = _bake(case, Path(folder))
        expected = _applied(case, plate, matte[..., 3], keys)
        made = show(
            blink, Path(folder), case.frame, Picture(plate, *case.place, full[1]),
            Picture(matte, *case.place, full[1]), case.coverage, case.strength, case.limit, full,
        )  # fmt: skip
    far = apart(made, expected, case.space)
    if case.space != "lin_rec709_srgb":
        # A gamut's matrix carries the rounding of a bright channel over to a dark one.
        with np.errstate(invalid="ignore"):
            brightest = np.maximum(np.abs(expected), np.abs(plate))[..., :3].max(-1, keepdims=True)
            far[(np.abs(made - expected)[..., :3] <= 1e-5 * brightest).all(-1)] = 0.0
    assert float(far.max(initial=0.0)) < 1e-4
    kept = same_bits(plate, expected)
    assert same_bits(made, plate)[kept].all() or case.strength > 0.0
