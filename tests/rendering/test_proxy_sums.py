"""The proxy of a frame by the fused kernel is that of plain torch, which is its judge."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lookmatte.imaging.colour import PlateColour, plate_matrix
from lookmatte.imaging.frame import Frame, Part, Window
from lookmatte.imaging.mattes import ChannelMatte
from lookmatte.looks.bake import Blend
from lookmatte.rendering.measure import fused_sums
from lookmatte.rendering.pixels import AlphaMode
from lookmatte.rendering.proxy import make_proxy, plain_sums
from lookmatte.rendering.weights import RegionMatte

pytest.importorskip("numba")

LINEAR = PlateColour("linear", "assumed", np.eye(3))
TURNED = PlateColour("turned", "job", np.array([[1.4, -0.3, -0.1], [-0.1, 1.2, -0.1], [0.0, -0.2, 1.2]]))


def antilog(rows: NDArray[np.float32]) -> None:
    """A plate that is no matrix away, in place."""
    np.exp2(np.clip(rows, -20, 9), out=rows)


LOG = PlateColour("log", "job", np.eye(3), decode=antilog)


class Drawn:
    """A matte of given values over the data window."""

    peak, nonfinite = 1.0, 0

    def __init__(self, values: NDArray[np.float32], coverage: bool) -> None:
        self._values, self.coverage, self.notes = values, coverage, list[str]()

    def rows(self, y0: int, y1: int) -> NDArray[np.float32]:
        return self._values[y0:y1].copy()


def frame_of(channels: dict[str, NDArray[Any]], data: Window, display: Window) -> Frame:
    part = Part("", channels, data, display)
    alpha = (0, "A") if "A" in channels else None
    return Frame(Path("plate.exr"), [part], ((0, "R"), (0, "G"), (0, "B")), alpha)


def plates(seed: int, height: int, width: int, dtype: type, alpha: bool) -> dict[str, NDArray[Any]]:
    """Colours from -1 to 500, most within [0, 1]; alpha with holes and partial coverage; a few broken pixels."""
    random = np.random.default_rng(seed)
    shape = (height, width)
    cover = np.clip(random.normal(0.7, 0.6, shape), 0, 1.2) if alpha else np.ones(shape)
    planes = {name: random.normal(0.3, 0.3, shape) * cover for name in "RGB"}
    for plane in planes.values():
        plane[random.random(shape) < 0.05] *= 300
        plane[random.random(shape) < 0.02] = random.choice([np.nan, np.inf, -np.inf, 0.0])
    if alpha:
        planes["A"] = cover
        cover[random.random(shape) < 0.01] = np.nan
    return {name: plane.astype(dtype) for name, plane in planes.items()}


def mattes_of(seed: int, height: int, width: int, kinds: list[tuple[Blend, bool]]) -> list[RegionMatte]:
    random = np.random.default_rng(seed + 1)
    found = []
    for index, (blend, coverage) in enumerate(kinds):
        values = np.clip(random.normal(0.3, 0.6, (height, width)), 0, 1).astype(np.float32)
        values[:, : width // 3] *= random.random() < 0.5
        found.append(RegionMatte(f"region {index}", blend, Drawn(values, coverage)))
    return found


sides = st.one_of(st.integers(1, 40), st.integers(200, 700))
kinds = st.tuples(st.sampled_from(["pixel", "grid"]), st.booleans())


@settings(max_examples=60)
@given(
    size=st.tuples(sides, sides),
    scan=st.tuples(st.integers(-60, 60), st.integers(-60, 60), st.integers(-30, 90), st.integers(-30, 90)),
    dtype=st.sampled_from([np.float16, np.float32]),
    alpha=st.booleans(),
    mode=st.sampled_from(["premultiplied", "ignore"]),
    colour=st.sampled_from([LINEAR, TURNED, LOG]),
    regions=st.lists(kinds, max_size=4),
    enhancing=st.booleans(),
    seed=st.integers(0, 1 << 30),
)
def test_the_fused_sums_are_the_plain_sums(
    size: tuple[int, int],
    scan: tuple[int, int, int, int],
    dtype: type,
    alpha: bool,
    mode: AlphaMode,
    colour: PlateColour,
    regions: list[tuple[Blend, bool]],
    enhancing: bool,
    seed: int,
) -> None:
    height, width = size
    display = Window(3, -5, max(1, width - scan[2]), max(1, height - scan[3]))
    data = Window(display.x + scan[0], display.y + scan[1], width, height)
    frame = frame_of(plates(seed, height, width, dtype, alpha), data, display)
    mattes = mattes_of(seed, height, width, regions)
    with np.errstate(all="ignore"):
        fused = fused_sums(frame, colour, mode, mattes, enhancing)
        plain = plain_sums(frame, colour, mode, mattes, enhancing)
    assert fused.shape == plain.shape
    scale = np.maximum(np.abs(plain), 1.0)
    # Of single pixels: a matrix that takes a large colour near 0 leaves its rounding there, times a curve's slope.
    assert np.abs((fused - plain) / scale).max() < 1e-5
    assert np.abs((fused - plain) / scale).mean() < 2e-7


def test_a_large_plate_of_one_colour_is_that_colour() -> None:
    height, width = 540, 1021
    colours = {"R": 0.5, "G": 2.0, "B": -0.25, "A": 1.0}
    channels = {name: np.full((height, width), value, np.float16) for name, value in colours.items()}
    channels["mask"] = np.zeros((height, width), np.float16)
    channels["mask"][:, 500:] = 1
    window = Window(0, 0, width, height)
    frame = frame_of(channels, window, window)
    region = RegionMatte("a", "pixel", ChannelMatte(frame, "mask"))
    proxy = make_proxy(1, frame, plate_matrix(None, attributes={}), "premultiplied", [region], True)
    expected = np.array([0.735357, 1.304691, -0.537099], np.float32)[:, None, None]
    assert np.abs(proxy.rgb.numpy() - expected).max() < 1e-5
    assert np.abs(proxy.weight.numpy() - 1).max() < 1e-5
    own, rest = proxy.regions["a"], proxy.regions["rest"]
    assert own.weight[:, :125].abs().max() == 0
    assert (own.weight[:, 126:] - 1).abs().max() < 1e-5
    assert np.abs((own.weight + rest.weight).numpy() - 1).max() < 1e-4
