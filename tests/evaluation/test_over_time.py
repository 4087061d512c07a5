"""Motion, estimated and given, and what is measured along it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes import photo, shared

from lookmatte.errors import InputError
from lookmatte.evaluation.motion import (
    flow_and_visibility,
    given_flow,
    read_flo,
    read_vector_pass,
    scaled_flow,
    visibility,
)
from lookmatte.evaluation.pictures import read, to_tensor
from lookmatte.evaluation.temporal import Steadiness
from lookmatte.imaging.writer import new_part, write_parts_to
from lookmatte.looks.motion import warp

STILL = torch.zeros(2, 90, 120)
SEEN = torch.ones(1, 90, 120)


def test_flow_finds_a_shift_and_warping_undoes_it() -> None:
    before = to_tensor(photo(4, 128, 128))
    now = torch.roll(before, 3, 2)
    flow, visible = flow_and_visibility(now, before)
    inner = (slice(None), slice(16, -16), slice(16, -16))
    assert float(visible[inner].mean()) > 0.6
    seen = visible[inner].bool().expand(2, -1, -1)
    assert float(flow[inner][0][seen[0]].median()) == pytest.approx(-3.0, abs=0.3)
    error = (warp(before[None], flow[None])[0] - now).abs() * visible
    assert float(error[inner].mean()) < 0.02


def test_what_is_covered_leaves_or_goes_astray_is_not_visible() -> None:
    here = to_tensor(photo(5))
    there = here.clone()
    there[:, 20:30, 20:30] = 1.0 - here[:, 20:30, 20:30].round()
    seen = visibility(here, there, STILL, STILL)[0]
    assert float(seen[40:, 40:].min()) == 1.0
    assert float(seen[20:30, 20:30].max()) == 0.0
    out = torch.full_like(STILL, 200.0)
    assert float(visibility(here, here, out, None).max()) == 0.0
    # Nobody knows where a NaN goes, and a way that does not lead back is wrong.
    unknown = STILL.clone()
    unknown[:, 50:, :] = torch.nan
    assert float(visibility(here, here, unknown, None)[0, 50:].max()) == 0.0
    astray = torch.full_like(STILL, 4.0)
    assert float(visibility(here, here, STILL, astray).max()) == 0.0


def test_flo_files_are_read_and_unknown_motion_is_nan(tmp_path: Path) -> None:
    flow = np.random.default_rng(1).normal(0, 3, (9, 14, 2)).astype(np.float32)
    flow[2, 3] = 1e10
    assert cv2.writeOpticalFlow(str(tmp_path / "a.flo"), flow)
    found, back = given_flow(tmp_path / "a.flo", tmp_path / "b.flo")
    assert back is None
    assert np.isnan(found[2, 3]).all()
    flow[2, 3] = np.nan
    np.testing.assert_array_equal(found, flow)
    whole = (tmp_path / "a.flo").read_bytes()
    for damaged in (b"", b"PIEH\0\0", whole[:-1], b"HEIP" + whole[4:], whole[:4] + b"\xff" * 8 + whole[12:]):
        (tmp_path / "bad.flo").write_bytes(damaged)
        with pytest.raises(InputError, match=r"bad\.flo: is no whole \.flo file"):
            read_flo(tmp_path / "bad.flo")


@pytest.mark.parametrize("layer", ["ViewLayer.Vector.", "Vector."])
def test_the_vector_pass_points_up_and_backwards(tmp_path: Path, layer: str) -> None:
    values = dict(zip("XYZW", (1.0, 2.0, 3.0, 4.0), strict=True))
    channels = {f"{layer}{axis}": np.full((6, 8), value, np.float32) for axis, value in values.items()}
    channels |= {name: np.zeros((6, 8), np.float16) for name in "RGB"}
    write_parts_to([new_part(channels)], tmp_path / "a.exr")
    there, back = read_vector_pass(tmp_path / "a.exr")
    assert there[0, 0].tolist() == [-3.0, 4.0]
    assert back[0, 0].tolist() == [1.0, -2.0]


def test_a_file_without_vectors_says_what_it_has(tmp_path: Path) -> None:
    channels = {name: np.zeros((6, 8), np.float16) for name in "RGB"}
    write_parts_to([new_part(channels)], tmp_path / "a.exr")
    with pytest.raises(InputError, match=r"a\.exr: no channel 'Vector\.X'"):
        read_vector_pass(tmp_path / "a.exr")


def test_blenders_vectors_explain_a_rendered_shot() -> None:
    first, second = (shared(f"shots/garden/shot_{frame:04d}.exr") for frame in (5, 6))
    here, there = (to_tensor(read(path, 640)) for path in (first, second))
    going, coming = given_flow(first, second)
    assert coming is not None
    flow, back = scaled_flow(going, (360, 640)), scaled_flow(coming, (360, 640))
    seen = visibility(here, there, flow, back)
    assert float(seen.mean()) > 0.7
    along = float(((warp(there[None], flow[None])[0] - here).abs() * seen).mean())
    unmoved = float(((there - here).abs() * seen).mean())
    assert along < 0.5 * unmoved


def test_a_reduced_flow_moves_by_fewer_pixels() -> None:
    flow = np.full((40, 80, 2), (8.0, -4.0), np.float32)
    small = scaled_flow(flow, (20, 40))
    assert small.shape == (2, 20, 40)
    assert small[:, 10, 10].tolist() == [4.0, -2.0]


@settings(max_examples=15)
@given(st.integers(0, 1000), st.integers(-6, 6))
def test_the_plate_itself_is_as_steady_as_the_plate(seed: int, shift: int) -> None:
    first = photo(seed)
    second = np.roll(first, shift, axis=1)
    flow = STILL.clone()
    flow[0] = shift
    one = Steadiness()
    one.add((first, second), (first, second), flow, SEEN)
    scores = one.scores()
    assert (scores.warp, scores.tcc) == (pytest.approx(1.0), pytest.approx(1.0, abs=1e-6))


@settings(max_examples=15)
@given(st.integers(0, 1000), st.floats(0.01, 0.2))
def test_flicker_is_measured_in_its_own_size(seed: int, size: float) -> None:
    """A clip that stands still and gets brighter by ``size`` in every other frame, half of it visible."""
    plate = (0.7 * photo(seed)).astype(np.float32)
    lit = (plate + np.float32(size)).astype(np.float32)
    seen = SEEN.clone()
    seen[:, :45] = 0.0
    one = Steadiness()
    for out in ((plate, lit), (lit, plate)):
        one.add((plate, plate), out, STILL, seen)
    scores = one.scores()
    assert scores.warp_out == pytest.approx(size, rel=1e-3)
    assert scores.warp_plate == pytest.approx(0.0, abs=1e-6)
    assert scores.e_temporal == pytest.approx(size / 2**0.5, rel=1e-3)
    assert scores.tcc < 0.6
    assert scores.warp > 1000
