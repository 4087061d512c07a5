"""Files that hold several pictures: which one is styled, and whose mattes it takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from shots import RED, write_style

from lookmatte.errors import FrameError, InputError
from lookmatte.imaging.frame import find_channel
from lookmatte.imaging.reader import read_header, read_parts
from lookmatte.imaging.writer import new_part, write_parts_to
from lookmatte.job import Job
from lookmatte.rendering import render

W, H = 40, 30


def stereo(path: Path, *, views: bool = True) -> Path:
    """Two eyes, each with a matte of its own half in a part of its own; the right eye first, as some write it."""
    random = np.random.default_rng(2)
    parts = []
    for eye in ("right", "left"):
        colour = {name: (random.random((H, W)) * 0.5 + 0.1).astype(np.float16) for name in "RGB"}
        half = np.zeros((H, W), np.float16)
        half[:, W // 2 :] = eye == "right"
        half[:, : W // 2] = eye == "left"
        view = {"view": eye} if views else {}
        parts.append((f"rgba_{eye}", colour, view))
        parts.append((f"mask_{eye}", {"bar.mask": half}, view))
    order = [0, 3, 2, 1]
    write_parts_to([new_part(parts[i][1], name=parts[i][0], attributes=parts[i][2]) for i in order], path)
    return path


def job(folder: Path, **plate: str) -> Job:
    given = {"file": "eyes.exr", **plate}
    region = {"channel": "bar.mask", "style": "red.png"}
    return Job.from_mapping({"plate": given, "output": "out.exr", "regions": {"bar": region}}, folder)


@pytest.mark.parametrize(("part", "columns"), [("rgba_right", slice(W // 2, W)), ("left", slice(0, W // 2))])
def test_each_eye_takes_its_own_matte(tmp_path: Path, model_file: Path, part: str, columns: slice) -> None:
    stereo(tmp_path / "eyes.exr")
    write_style(tmp_path / "red.png", RED)
    assert render(job(tmp_path, part=part), model=model_file).failed == []
    before, after = read_parts(tmp_path / "eyes.exr"), read_parts(tmp_path / "out.exr")
    changed = {}
    for old, new in zip(before, after, strict=True):
        different = np.zeros((H, W), bool)
        for name, pixels in old.channels.items():
            different |= pixels != new.channels[name]
        changed[old.name] = different
    styled = changed.pop("rgba_left" if "left" in part else "rgba_right")
    assert styled[:, columns].mean() > 0.9
    styled[:, columns] = False
    assert not styled.any()
    assert not any(different.any() for different in changed.values())


def test_a_part_that_is_not_there_is_a_mistake_of_the_job(tmp_path: Path, model_file: Path) -> None:
    stereo(tmp_path / "eyes.exr")
    write_style(tmp_path / "red.png", RED)
    with pytest.raises(InputError, match=r"no part, layer or view 'rgba_lefd' .*nearest: rgba_left"):
        render(job(tmp_path, part="rgba_lefd"), model=model_file)


def test_without_views_the_spellings_to_choose_from_are_named(tmp_path: Path) -> None:
    header = read_header(stereo(tmp_path / "eyes.exr", views=False))
    with pytest.raises(FrameError, match=r"write one of mask_left\.bar\.mask, mask_right\.bar\.mask"):
        find_channel("eyes.exr", header.parts, 0, "bar.mask")
    assert find_channel("eyes.exr", header.parts, 0, "mask_right.bar.mask") == (3, "bar.mask")
    assert find_channel("eyes.exr", header.parts, 0, "Mask_Right.Bar.Mask") == (3, "bar.mask")
