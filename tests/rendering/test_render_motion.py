"""A camera that whips around is no cut where the Vector pass tells its motion; a cut stays one."""

from __future__ import annotations

import json
from itertools import accumulate
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from shots import Shot, Told, read_exr, write_exr, write_style

from lookmatte.bilateral.encoding import decode
from lookmatte.networks.model import shipped_path

Plane = NDArray[Any]
W, H = 96, 64
PAN = (0, 0, 0, 24, 32, 32, 24, 0, 0)
"""Pixels by which the camera turns to the right before each frame."""

WHIPPED = (4, 5, 6, 7)
"""Frames, from 1 on, that look like cuts."""

FAST, ZERO = "one shot that moves fast, a Vector pass", "motion blur has emptied that pass"


def panorama(seed: int) -> Plane:
    """A wide coloured picture (H, w, 3) in the working encoding, full of things."""
    rng = np.random.default_rng(seed)
    width = W + sum(PAN)
    total = sum(
        cv2.resize(rng.standard_normal((2 + n, 4 * n, 3)).astype(np.float32), (width, H)) / n**0.5 for n in (3, 6)
    )
    picture = 0.7 * total.mean(2, keepdims=True) + 0.3 * total
    return np.asarray(0.05 + 0.9 * (picture - picture.min()) / np.ptp(picture), np.float32)


SKY = slice(0, 12)
"""Rows of sky, of which Blender knows no motion."""


def write_frame(made: Shot, frame: int, picture: Plane, moved: float | None) -> None:
    """One plate; ``moved``: by how many pixels the picture has gone to the left since the frame before, None for a
    file without a Vector pass."""
    linear = decode(torch.from_numpy(np.ascontiguousarray(picture))).numpy()
    channels = {f"ViewLayer.Combined.{name}": np.ascontiguousarray(linear[..., k]) for k, name in enumerate("RGB")}
    if moved is not None:
        # X: where the pixel was less where it is. What is to come is left at 0: nobody asks for it.
        for axis in "XYZW":
            channels[f"ViewLayer.Vector.{axis}"] = np.full((H, W), moved if axis == "X" else 0.0, np.float32)
            channels[f"ViewLayer.Vector.{axis}"][SKY] = 0.0
    write_exr(made.plate(frame), channels)


def shot_of(folder: Path, vectors: str = "true", cut: int | None = None, step: int = 1) -> Shot:
    """The pan as frames 1, 1 + step, ...; ``vectors``: true, zero or none. From ``cut`` on it is elsewhere."""
    made = Shot(folder, shipped_path(), tuple(1 + step * n for n in range(len(PAN))))
    here, there = panorama(1), panorama(22)
    for frame, way, at in zip(made.frames, PAN, accumulate(PAN), strict=True):
        place = there if cut is not None and frame >= cut else here
        # With every second frame rendered, the pass tells of the motion since the one that was not.
        moved = {"true": way / step, "zero": 0.0}.get(vectors)
        write_frame(made, frame, place[:, at : at + W], moved)
    write_style(folder / "night.png", (0.1, 0.2, 0.5))
    return made


def cuts(made: Shot, name: str, **temporal: Any) -> tuple[list[int], Told]:
    """Where a render of everything found cuts, and what it told."""
    told = Told()
    regions, frames = {"rest": {"style": "night.png"}}, ",".join(map(str, made.frames))
    summary = made.render(name, options={"progress": told}, regions=regions, temporal=temporal, frames=frames)
    assert not summary.failed
    assert told.warnings == []
    index = next((made.folder / name).glob(".lookmatte/*/bake.json"))
    return json.loads(index.read_text())["cuts"], told


@pytest.mark.parametrize("mode", ["coherent", "shot"])
def test_a_whip_pan_is_one_shot_where_its_motion_is_known(tmp_path: Path, mode: str) -> None:
    found, told = cuts(shot_of(tmp_path / "known"), mode, mode=mode)
    assert found == []
    assert told.notes == []
    found, told = cuts(shot_of(tmp_path / "unknown", "none"), mode, mode=mode)
    assert found == list(WHIPPED), "without vectors the pan passes anyway: the test shows nothing"
    assert len(told.notes) == 1
    assert FAST in told.notes[0]
    assert f"in {len(WHIPPED)} frames (4-7)" in told.notes[0]


def test_vectors_that_motion_blur_has_emptied_are_told_once(tmp_path: Path) -> None:
    found, told = cuts(shot_of(tmp_path, "zero"), "out", mode="coherent")
    assert found == list(WHIPPED)
    assert len(told.notes) == 1
    assert ZERO in told.notes[0]


def test_a_cut_within_a_pan_is_still_found(tmp_path: Path) -> None:
    for cut in (3, 5, 8):
        made = shot_of(tmp_path / str(cut), cut=cut)
        for mode in ("coherent", "shot"):
            assert cuts(made, mode, mode=mode)[0] == [cut]


def test_frames_between_keys_and_frames_left_out(tmp_path: Path) -> None:
    assert cuts(shot_of(tmp_path / "all"), "sub", mode="coherent", subsample=4)[0] == []
    assert cuts(shot_of(tmp_path / "second", step=2), "out", mode="coherent")[0] == []
    assert cuts(shot_of(tmp_path / "unknown", "none"), "sub", mode="coherent", subsample=4)[0] == list(WHIPPED)


def test_a_whole_shot_keeps_one_look_through_a_pan(tmp_path: Path) -> None:
    def drift(made: Shot) -> float:
        """How far the grid after the pan is from that before."""
        cuts(made, "out", mode="shot")
        bake = next((made.folder / "out").glob(".lookmatte/*/bake.json")).parent
        first, last = (read_exr(next(bake.glob(f"**/*{made.frames[at]:04d}*.exr"))) for at in (0, -1))
        return max(float(np.abs(first[name] - last[name]).max()) for name in first)

    assert drift(shot_of(tmp_path / "known")) < 1e-3
    assert drift(shot_of(tmp_path / "unknown", "none")) > 1e-2
