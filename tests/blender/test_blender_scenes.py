"""Scenes as artists have them: looks over looks, awkward settings, windows where nothing waits, failing frames."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from blender_pictures import channels, combined, flat, same_bits

import lookmatte
from lookmatte.job import Job

Case = Callable[..., Any]

FRESH, STALE = "CHECKMARK", "ERROR"


def test_looks_over_looks(case: Case) -> None:
    told = case("series")
    assert told["order"] == ["lookmatte", "lookmatte.001"]
    assert told["above"] == "lookmatte"
    assert told["messages"] == [["INFO", "frames 2,4,6 have their look"]]
    folder = told.folder / "süß und #2 " / "rend er"
    names = [f"sh_look.000{frame}.exr" for frame in (2, 4, 6)]
    written = {name for name in told["files"] if name.startswith("rend er/look")}
    assert written == {f"rend er/{place}/{name}" for place in ("look", "look2") for name in names}

    assert told["first"]["regions"]["1 Cube"]["strength"] == {"2": 0.2, "6": 1.0}
    assert told["second"]["plate"]["file"] == told["first"]["output"]
    for name in names:
        first, second = (combined(folder / place / name) for place in ("look", "look2"))
        assert np.abs(first - second).max() > 0, "the second look changes nothing"

    notes = next(one["notes"] for one in told.values if "notes" in one)
    assert {icon for icon, _ in notes.values()} == {FRESH}
    assert told["finals"] == ["sh_0002.exr", "sh_0004.exr", "sh_0006.exr"]
    assert told["left"] == [], "what stood in for the final frames is still there"
    assert told["format"] == "OPEN_EXR_MULTILAYER"
    assert [told["stale"][name][0] for name in told["order"]] == [STALE, FRESH]
    assert [told["above_is_newer"][name][0] for name in told["order"]] == [FRESH, STALE]
    assert [told["again"][name][0] for name in told["order"]] == [FRESH, FRESH]
    assert [told["previewed"][name] for name in told["order"]] == [[FRESH, "Preview of frame 4"]] * 2
    first, second = (combined(Path(path)) for path in told["previews"])
    assert np.abs(first - second).max() > 0
    assert told["muted"] is None
    assert told["source"].endswith("rend er/sh_####.exr")
    assert "render frames 8,10 first" in told["lacking"]


def test_final_frames_are_the_last_look_bit_for_bit(case: Case, tmp_path: Path) -> None:
    """Though nodes behind ask for a pass, for alpha and for an object, nothing is rendered again."""
    told = case("finals")
    # The second look goes over the first one, as two jobs of lookmatte's own do.
    first, second = ({**job, "output": str(tmp_path / f"{n}" / "l.####.exr")} for n, job in enumerate(told["jobs"]))
    second["plate"]["file"] = first["output"]
    for n, (job, place) in enumerate(((first, "look"), (second, "look2"))):
        assert lookmatte.render(Job.from_mapping(job, tmp_path)).done == [1, 2]
        for frame in (1, 2):
            ours = channels(told.folder / place / f"shot_look.{frame:04d}.exr")
            theirs = channels(tmp_path / f"{n}" / f"l.{frame:04d}.exr")
            assert all(same_bits(ours[name], theirs[name]) for name in theirs)
    for frame in (1, 2):
        look = combined(told.folder / "look2" / f"shot_look.{frame:04d}.exr")
        final = flat(told.folder / "final" / f"shot.{frame:04d}.exr")
        assert np.array_equal(final, look)
    assert told["messages"] == [["INFO", "frames 1-2 have their look"]]
    assert "have no Normal" in told["lacking"]
    assert told["left"] == []


def test_what_an_artist_does_with_a_node(case: Case) -> None:
    told = case("handling")
    assert told["menu"] == ["lookmatte"]
    assert told["folders"] == ["look", "look2", "look3"], "two nodes write to one folder"
    assert told["target"] == "Cube"
    assert told["made"] == [["", ""], ["", ""]]
    assert told["gates"] == [1.0, 0.0]
    assert told["undone"] == "AUTO"
    assert told["same"] is True, "an undone step took the preview along"
    assert told["still_shown"] is True
    assert told["note"][1].startswith("Preview of frame 1, stale")
    face = " ".join(told["face"])
    assert "region 1 Cubo: " in face
    assert "no cryptomatte name is 'Cubo'" in face
    assert "nearest: Cube" in face
    assert all(len(line) <= 44 for line in told["face"])
    dialogs = told["setup"] + told["setup_with_blur"] + told["final"]
    assert all(len(line) <= 68 for line in dialogs), "a dialog is wider than its window"
    assert all(len(line) <= 76 for line in told["create"] + told["preferences"])
    assert "/" not in face.replace("…/", ""), "a long path is on the node's face"
    assert told["setup"][-1] == "Vector pass: tells very fast camera moves from cuts; larger files"
    assert "Motion blur is on and leaves the Vector pass empty" in " ".join(told["setup_with_blur"])
    assert " ".join(told["final"]) == "…/final/shot.####, from what is rendered and styled"
    assert "PyTorch among them" in told["create"][0]
    assert told["preferences"][0] == "Checking: done"
    assert "gold.png" in told["listed"]
    assert "What 'Blur' does is not in it" in told["bypassed"]


def test_in_a_window_nothing_waits(case: Case) -> None:
    told = case("window")
    assert told["preview_at_once"] is True
    assert told["fault"] == [["ERROR", "lookmatte met a fault of its own: Blender's console tells which"]]
    assert "ZeroDivisionError" in told.output
    assert told["status"] == "lookmatte: preview of frame 1"
    notes = [one["note"] for one in told.values if "note" in one]
    assert notes == [[FRESH, "Preview of frame 1"]]
    assert told["rendered_again"] == [STALE, "Preview of frame 1, stale:\nit was rendered again since"]
    assert told["live"] == [FRESH, "Preview of frame 1"]
    assert told["nothing_yet"] is True, "a handler did what is the main thread's"
    assert told["open_after_render"] is True, "the end of the render waited for the worker"
    assert "Info: frames 1-2 have their look" in told.output, "the message is not in the status bar"
    assert told["messages"] == [["INFO", "frames 1-2 have their look"]]
    assert told["styled"] == ["shot_look.0001.exr", "shot_look.0002.exr"]
    assert told["new_worker"] is True
    assert told["old_ended"] is True, "the worker of the old environment is still there"
    assert told["after"] == [FRESH, "Look of frame 1"]


def outcomes(told: Any) -> dict[str, dict[str, Any]]:
    return {one["outcome"]: one for one in told.values if "outcome" in one}


def test_scenes_that_are_set_up_otherwise(case: Case) -> None:
    told = case("awkward")
    found = outcomes(told)
    assert told["offered"] == ["Output: switch on File Extensions"]
    assert found["no extension"]["messages"] == [
        ["ERROR", "the render has no .exr at its end: press Set Up Render in the lookmatte node, then render again"]
    ]
    for what, frames in (("blur", 2), ("layers", 1), ("packed", 1), ("crop", 1)):
        looks = [name for name in found[what]["files"] if name.startswith("look/")]
        assert looks == [f"look/s_look.000{frame + 1}.exr" for frame in range(frames)], what
    assert found["blur"]["note"] == [FRESH, "Look of frame 1"]
    assert told["job"]["plate"]["part"] == "Second. layer.Combined"
    assert told["layers"][-1] == "View layer Second. layer: switch on Cryptomatte Object"
    plate, look = (channels(told.folder / "layers" / name) for name in ("s_0001.exr", "look/s_look.0001.exr"))
    changed = {name for name in plate if not same_bits(plate[name], look[name])}
    assert changed == {f"Second. layer.Combined.{sign}" for sign in "RGB"}
    gone = "view layer 'Second. layer' is no longer there; nearest: Second, ViewLayer; choose one"
    assert told["renamed"][0] == STALE
    assert told["renamed"][1].startswith(gone)
    assert " ".join(told["dialog"]).startswith(gone)
    assert told["shown"] == "Second. layer", "the look of another layer is shown"
    assert told["followed"] == [STALE, "Look of frame 1, stale:\nsettings have changed since"]
    assert "the render has no view layer 'Second'; nearest: Second. layer" in " ".join(told["not_in_render"])
    refused = [one["without_layer"] for one in told.values if "without_layer" in one]
    assert len(refused) == 3
    assert all("'Second. layer' is no longer there; nearest: ViewLayer;" in words for words in refused)
    assert told["gone_files"] == ["s_0001.exr"], "another layer was styled"
    assert "is no longer there" in told["gone"][0][1]
    assert told["gone"][-1][1].startswith("no look for frame 1")
    assert "Traceback" not in told.output
    assert told["packed"] == "gold.png"
    assert told["nowhere"] == [STALE, "region 1 (object 'Cube'): style 'nowhere' is not on disk; save it"]
    assert told["linked"] is True
    assert told["unsaved"] == ["/tmp/####.png", f"{told['cwd']}/beside####.png"]
    assert "must not hold #" in found["still"]["messages"][0][1]

    # A render of a part of the frame; and a Matte of a quarter shows a quarter of the look.
    folder = told.folder / "crop"
    look, plain = combined(folder / "look" / "s_look.0001.exr"), flat(folder / "plain.exr")
    assert look.shape == (4, 45, 80)
    assert np.array_equal(flat(folder / "composite.exr"), look)
    quarter = flat(folder / "quarter.exr")
    np.testing.assert_allclose(quarter, 0.75 * plain + 0.25 * look, atol=1e-5)
    np.testing.assert_allclose(flat(folder / "final" / "s_0001.exr"), quarter, atol=2e-3)


def test_each_frame_knows_what_it_was_made_with(case: Case) -> None:
    told = case("reopening")
    stale = "Look of frame {}, stale:\nsettings have changed since"
    assert told["one_again"] == [[STALE, stale.format(1)], [FRESH, "Look of frame 2"]]
    assert told["reopened"] == [[FRESH, "Look of frame 1"], [STALE, stale.format(2)]]
    unknown = "Look of frame {}:\nmade elsewhere, with unknown settings"
    assert told["nobody_knows"] == [["QUESTION", unknown.format(frame)] for frame in (1, 2)]


def test_a_whip_pan_is_no_cut_unless_motion_blur_hides_its_motion(case: Case) -> None:
    told = case("motion")
    known, blurred = (one for one in told.values if "motion" in one)
    assert known["cuts"] == []
    assert known["said"] == []
    assert blurred["cuts"], "the pan passes anyway: the test shows nothing"
    ((kind, words),) = blurred["said"]
    assert kind == "INFO"
    assert "motion blur has emptied that pass" in words


def test_the_frames_that_fail_are_told(case: Case) -> None:
    """``case`` has seen that the process ended with 0, as a farm wants it."""
    told = case("failing")
    said = [words for kind, words in told["messages"] if kind == "ERROR"]
    assert any("frame 2: region '1 roto.####.png'" in words and "no such matte file" in words for words in said)
    assert said[-1].startswith("no look for frame 2")
    assert ["INFO", "frames 1,3 have their look"] in told["messages"]
    assert sum("stretched" in words for _, words in told["messages"]) == 1, "each frame says it again"
    assert told["styled"] == ["shot_look.0001.exr", "shot_look.0003.exr"]
    assert "no such matte file" in " ".join(told["face"])
    refused = [one["refused"] for one in told.values if "refused" in one]
    assert "no look for frame 2" in refused[0]
    assert "no final frames were made: not all frames have their look" in refused[1]
    assert told["finals"] == []


def test_the_worker_ends_with_blender(case: Case) -> None:
    told = case("quitting")
    assert told["busy"] is True
    for _ in range(300):
        try:
            os.kill(told["pid"], 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    raise AssertionError("the worker outlives Blender")
