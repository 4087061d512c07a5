"""Looks in Blender: previews and renders, judged by lookmatte itself on the same EXRs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from blender_pictures import channels, combined, flat, same_bits

import lookmatte
from lookmatte.job import Job

Case = Callable[..., Any]


@pytest.mark.parametrize("temporal", ["coherent", "shot"])
def test_a_rendered_animation_is_styled_and_shown(case: Case, temporal: str, tmp_path: Path) -> None:
    told = case("rendering", CASE_TEMPORAL=temporal)
    folder = told.folder
    assert len(told["changes"]) == 2
    assert told["left"] == []
    said = next(one["messages"] for one in told.values if "messages" in one)
    assert said == [["INFO", "frames 1-3 have their look"]]
    wanted = [f"shot.000{n}.exr" for n in (1, 2, 3)] + [f"look/shot_look.000{n}.exr" for n in (1, 2, 3)]
    assert sorted(told["files"]) == sorted(wanted)

    job = {**told["job"], "output": str(tmp_path / "reference" / "look.####.exr")}
    assert lookmatte.render(Job.from_mapping(job, tmp_path)).done == [1, 2, 3]
    for frame in (1, 2, 3):
        ours = channels(folder / "look" / f"shot_look.{frame:04d}.exr")
        theirs = channels(tmp_path / "reference" / f"look.{frame:04d}.exr")
        plate = channels(folder / f"shot.{frame:04d}.exr")
        assert list(ours) == list(theirs)
        assert all(same_bits(ours[name], theirs[name]) for name in ours)
        changed = {name for name in ours if not same_bits(ours[name], plate[name])}
        assert changed == {f"ViewLayer.Combined.{sign}" for sign in "RGB"}

    for name, frame in (("composite1", 1), ("composite3", 3), ("reopened", 3)):
        styled = combined(folder / "look" / f"shot_look.{frame:04d}.exr")
        assert np.array_equal(flat(folder / f"{name}.exr"), styled), name
    assert np.array_equal(flat(folder / "beyond.exr"), flat(folder / "plain.exr"))
    assert told["fresh"] == ["CHECKMARK", "Look of frame 2"]
    assert told["stale"][0] == "ERROR"
    assert "settings have changed" in told["stale"][1]
    assert "not styled" in told["beyond"][1]


def test_preview_of_a_render_in_memory(case: Case) -> None:
    told = case("previewing")
    assert told["written"] == ["gold.png"], "the render was written to the artist's folder"
    assert told["same_settings"]
    plate = combined(Path(told["plate"]))
    full, weaker, blue, none = (combined(told.folder / f"preview{step}.exr") for step in range(4))
    assert np.array_equal(none, plate), "strength 0 changes the picture"
    assert 0 < np.abs(weaker - plate).max() < np.abs(full - plate).max()
    hotter = full[0] - plate[0]
    colder = blue[0] - plate[0]
    assert hotter.sum() > colder.sum(), "the style makes no difference"
    grids = [one["bakes"] for one in told.values if "bakes" in one]
    assert grids[0]
    assert grids[1] == grids[0], "a change of strength baked anew"
    assert set(grids[2]) > set(grids[1])
    assert grids[3] == grids[2]
    assert [one["live"] for one in told.values if "live" in one] == [True, False]
    assert told["live_note"] == ["CHECKMARK", "Preview of frame 1"]
    assert np.array_equal(flat(told.folder / "composite.exr"), combined(Path(told["preview"])))


def test_what_cannot_be_done_is_said(case: Case) -> None:
    told = case("refusing")
    for what, words in {
        "nothing rendered": "render frame 1 first: the output is not OpenEXR MultiLayer, press Set Up Render",
        "no cryptomatte": "there is no cryptomatte in this file",
        "unknown object": "nearest: Cube",
        "no object": "pick an object",
        "no style": "open a reference picture",
        "view layer that has gone": "view layer 'VeiwLayer' is no longer there; nearest: ViewLayer; choose one",
        "environment that is not there": "…/nowhere/python is not there; choose another environment in",
        "no environment": "Edit > Preferences > Add-ons > lookmatte",
        "environment without lookmatte": "(exit code 1): No module named 'lookmatte'; press Check in Edit >",
        "nothing to stop": "lookmatte is doing nothing",
    }.items():
        assert words in told.attempt(what)["error"], what
        assert "Traceback" not in told.attempt(what)["error"]
    for what in ("names", "all well"):
        assert told.attempt(what)["error"] == ""
    assert told.attempt("names")["messages"] == [["INFO", "2 names read from the last render"]]
    assert told["names"]["OBJECT"] == ["Cube", "ground plane"]
    assert told["rendered_without"] is True
    assert "has no environment yet" in told["told_without"][0][1]
    assert told["told_without"][1][1].startswith("no look for frame 1")


def test_a_killed_worker_is_replaced_and_told(case: Case) -> None:
    told = case("dying")
    drained = [one for one in told.values if "drained" in one]
    assert all(one["drained"] for one in drained)
    assert drained[0]["other"] is True
    assert any(kind == "WARNING" and "started again" in words for kind, words in drained[0]["messages"])
    assert [name for name in drained[0]["files"] if not name.startswith(".")] == [
        "shot_look.0001.exr",
        "shot_look.0002.exr",
    ]
    for frame in (1, 2):
        name = f"shot_look.{frame:04d}.exr"
        assert np.array_equal(
            combined(told.folder / "look_before" / name), combined(told.folder / "look_restarted" / name)
        )
    assert drained[1]["messages"][-1] == ["INFO", "frames 1 to 2: cancelled"]
    assert drained[1]["busy"] is False


def test_a_4k_frame(case: Case) -> None:
    told = case("large")
    assert told["messages"] == [["INFO", "frame 1 has its look"]]
    assert told["note"][0] == "CHECKMARK"
    styled = combined(told.folder / "look" / "shot_look.0001.exr")
    assert styled.shape == (4, 2160, 3840)
    assert np.array_equal(flat(told.folder / "composite1.exr"), styled)
