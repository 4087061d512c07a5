"""What a run says of looks that were tamed, or should be: one line a thing, with its frames and what to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from shots import Shot, Told, write_exr, write_picture

from lookmatte.bilateral.grid import identity
from lookmatte.bilateral.guide import GuideWeights
from lookmatte.job import Job
from lookmatte.looks.bake import FrameBake, RegionBake, Setting
from lookmatte.looks.exposure import AMOUNTS, Exposure
from lookmatte.looks.notices import fill
from lookmatte.rendering import render
from lookmatte.rendering.preview import preview
from lookmatte.rendering.remarks import FAR, Remark, Remarks, exposure_remarks

Maker = Callable[..., Shot]
LUMA = GuideWeights.luma_only()


def _said() -> tuple[Remarks, list[str], list[str]]:
    warnings: list[str] = []
    notes: list[str] = []
    return Remarks(warnings.append, notes.append), warnings, notes


def _bake(stops: float, name: str = "sky") -> FrameBake:
    after = tuple(0.18 * 2.0 ** (stops * (1.0 - amount)) for amount in AMOUNTS)
    return FrameBake(1, (RegionBake(name, "pixel", identity(), Exposure(0.18, after)),), LUMA)


# ---- the lines ------------------------------------------------------------------------------------------------


def test_values_that_differ_are_one_line_with_their_range() -> None:
    remarks, warnings, notes = _said()
    for frame, value in ((1, 4.31), (2, 4.02), (3, 4.12), (7, 4.31)):
        remarks.add(frame, Remark("region 'sky': {} stops", value=value, advice="do this"))
    remarks.tell()
    assert warnings == ["region 'sky': 4 to 4.3 stops in 4 frames (1-3,7); do this"]
    assert notes == []
    remarks.tell()
    assert len(warnings) == 1


def test_a_name_with_braces_is_no_value() -> None:
    assert fill("region '{}': {} stops", 1.25, 2.0) == "region '{}': 1.2 to 2 stops"
    assert fill("region '{}' is empty{x}", 3.0, 3.0).count("3") == 1


def test_what_the_job_asked_for_is_a_note() -> None:
    remarks, warnings, notes = _said()
    remarks.add(5, Remark("held", note=True))
    remarks.tell()
    assert (warnings, notes) == ([], ["held in frame 5"])


@pytest.mark.parametrize("why", ["region 'car': the matte is empty", "region 'car': a, b covers no pixel"])
def test_a_region_without_a_pixel_is_said_once(why: str) -> None:
    """The frames in which it is empty need no second reason; those in which it is small do."""
    remarks, warnings, _ = _said()
    for frame in range(1, 5):
        remarks.add(frame, Remark("region 'car': {} pixels", value=float(frame), region="car"))
        remarks.add(frame, Remark("region 'cars': {} pixels", value=7.0, region="cars"))
    for frame in (1, 2):
        remarks.add(frame, Remark(why))
    remarks.tell()
    assert warnings == [
        "region 'car': 3 to 4 pixels in 2 frames (3-4)",
        "region 'cars': 7 pixels in 4 frames (1-4)",
        f"{why} in 2 frames (1-2)",
    ]


# ---- exposure -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("stops", "way"), [(-FAR - 0.3, "darker"), (FAR + 0.3, "brighter")])
def test_a_look_that_travels_far_is_told_with_its_remedy(stops: float, way: str) -> None:
    (remark,) = exposure_remarks(_bake(stops), {})
    assert remark.text == f"region 'sky': its style asks for {{}} stops {way}"
    assert remark.value == pytest.approx(FAR + 0.3)
    assert "exposure_limit: 2" in remark.advice
    assert not remark.note


def test_a_look_that_is_held_is_a_note_and_one_within_its_limit_nothing() -> None:
    (remark,) = exposure_remarks(_bake(-3.1), {"sky": Setting(1.0, 2.0)})
    assert remark.text == "region 'sky': its style asks for {} stops darker, held at its exposure_limit of 2"
    assert remark.note
    assert exposure_remarks(_bake(-3.1), {"sky": Setting(1.0, 3.5)}) == []
    assert exposure_remarks(_bake(-FAR + 0.1), {}) == []
    assert exposure_remarks(_bake(-9.0), {"sky": Setting(0.0)}) == []
    assert exposure_remarks(_bake(-FAR - 1.0), {"sky": Setting(0.4)}) == []


def test_a_region_that_is_black_has_nothing_to_hold() -> None:
    bake = _bake(0.0)
    black = replace(bake.regions[0], exposure=Exposure(0.0, (0.4,) * len(AMOUNTS)))
    assert exposure_remarks(replace(bake, regions=(black,)), {"sky": Setting(1.0, 1.0)}) == []


# ---- runs -----------------------------------------------------------------------------------------------------


def _plates(made: Shot, colours: dict[int, float], mask: dict[int, int]) -> None:
    random = np.random.default_rng(4)
    for frame, level in colours.items():
        rgb = level * (1.0 + 0.2 * random.standard_normal((90, 160, 3)))
        matte = np.zeros((90, 160), np.float32)
        matte[40, 20 : 20 + mask.get(frame, 0)] = 1.0
        planes = {name: rgb[..., i].clip(0).astype(np.float32) for i, name in enumerate("RGB")}
        write_exr(made.plate(frame), {**planes, "mask.R": matte})


def _told(made: Shot, regions: dict[str, Any], name: str = "out", **keys: Any) -> Told:
    told = Told()
    mapping = {"plate": "plate/sh.####.exr", "output": f"{name}/look.####.exr", "regions": regions, **keys}
    render(Job.from_mapping(mapping, made.folder), model=made.model, progress=told)
    return told


@pytest.fixture
def bright(shot: Maker) -> Shot:
    made = shot(range(1, 4))
    _plates(made, {1: 0.8, 2: 0.8, 3: 0.8}, {1: 1, 2: 1, 3: 4})
    random = np.random.default_rng(5)
    write_picture(made.folder / "night.png", random.integers(4, 16, (40, 60, 3)).astype(np.uint8))
    write_picture(made.folder / "card.png", np.full((40, 60, 3), (200, 40, 20), np.uint8))
    return made


def test_a_style_that_asks_for_many_stops(bright: Shot) -> None:
    told = _told(bright, {"rest": {"style": "night.png"}})
    (line,) = [one for one in told.warnings if "stops" in one]
    assert line.startswith("region 'rest': its style asks for ")
    assert " stops darker in 3 frames (1-3); `exposure_limit: 2` " in line
    again = _told(bright, {"rest": {"style": "night.png"}}, "other")
    assert [one for one in again.warnings if "stops" in one] == [line]

    held = _told(bright, {"rest": {"style": "night.png", "exposure_limit": 2}})
    assert not [one for one in held.warnings if "stops" in one]
    (note,) = [one for one in held.notes if "stops" in one]
    assert note.endswith(" stops darker, held at its exposure_limit of 2 in 3 frames (1-3)")


def test_a_style_of_one_colour(bright: Shot) -> None:
    regions = {"hero": {"channel": "mask.R", "style": "card.png"}, "rest": {"style": "card.png"}}
    told = _told(bright, regions)
    (line,) = [one for one in told.warnings if "card.png" in one]
    assert line == (
        "style card.png is one colour: only its mean is used, and contrast falls to a third; "
        "a lower `strength` keeps more"
    )


def test_regions_too_small_to_be_measured(bright: Shot) -> None:
    told = _told(bright, {"hero": {"channel": "mask.R", "style": "red.png"}}, temporal={"mode": "frame"})
    none, part = (one for one in told.warnings if "256x256" in one)
    measured = "of the 256x256 pixels that looks are measured in, so it"
    assert none == f"region 'hero': 4.6 {measured} keeps its colours in 2 frames (1-2); 12 are the least"
    assert part == f"region 'hero': 18.2 {measured} takes on a part of its look in frame 3; all of it from 24 on"


def test_a_look_that_amplifies(shot: Maker) -> None:
    made = shot(range(1, 3))
    y, x = np.mgrid[0:90, 0:160] / np.array([[[90.0]], [[160.0]]])
    soft = 0.4 + 0.05 * np.sin(9 * x + 4 * y)
    for frame in (1, 2):
        write_exr(made.plate(frame), {name: soft.astype(np.float32) for name in "RGB"})
    hard = (np.sin(40 * x[::2, ::2]) > 0)[..., None] * np.array([255, 250, 240])
    write_picture(made.folder / "hard.png", hard.astype(np.uint8))
    told = _told(made, {"rest": {"style": "hard.png"}})
    (line,) = [one for one in told.warnings if "contrast" in one]
    assert line.startswith("region 'rest': its look makes contrast, and grain and banding with it, ")
    assert line.endswith("times as strong in 2 frames (1-2); a lower `strength` or a softer style would calm it")
    assert not [one for one in _told(made, {"rest": {"style": "red.png"}}).warnings if "contrast" in one]


def test_a_preview_says_the_same_with_the_frames_name(bright: Shot) -> None:
    mapping = {"plate": "plate/sh.####.exr", "output": "out/look.####.exr"}
    regions = {"hero": {"channel": "mask.R", "style": "card.png"}, "rest": {"style": "night.png"}}
    told = Told()
    preview(
        Job.from_mapping({**mapping, "regions": regions}, bright.folder), frame=2, model=bright.model, progress=told
    )
    text = "\n".join(told.warnings)
    assert len(told.warnings) == 3
    assert "card.png is one colour" in text
    assert "so it keeps its colours in sh.0002.exr; 12 are the least" in text
    assert "stops darker in sh.0002.exr; `exposure_limit: 2`" in text
    assert "{}" not in text


def test_an_ordinary_look_says_nothing(shot: Maker) -> None:
    made = shot(range(1, 4))
    told = Told()
    made.render(options={"progress": told})
    assert told.warnings == []
