"""Baking from the gizmo: a fake Nuke that renders, a real worker, and the kernel's own text on what comes back."""

from __future__ import annotations

import json
import os
import shutil
import struct
from pathlib import Path
from typing import Any

import fakenuke
import numpy as np
import pytest
from fakenuke.node import open_script
from fakenuke.saving import script_text
from fakenuke.world import World, reset
from lookmatte_nuke import bake, callbacks, paths, session
from shots import Shot, make_shot, read_exr, write_exr
from stage import apart, comp, crypto, folder_of, look, press, read, shown, status

from lookmatte.imaging.manifest import id_of

HALF = 2e-3  # of the working encoding: what the rounding of 16 bits amounts to, twice


def rgba(path: Path) -> np.ndarray:
    channels = read_exr(path)
    return np.stack([channels[name].astype(np.float32) for name in "RGBA"], -1)


def styled(shot: Shot, folder: Path, regions: dict[str, Any], **keys: Any) -> Path:
    """What lookmatte itself makes of a job: the folder of its frames."""
    shot.render("unused", regions=regions, output=str(folder / "look.####.exr"), **keys)
    return folder


def same_as(node: fakenuke.Node, folder: Path, frames: tuple[int, ...] = (1001, 1004, 1006)) -> None:
    """The node shows what lookmatte made, which is not what src shows."""
    for frame in frames:
        made = rgba(folder / f"look.{frame}.exr")
        assert apart(shown(node, frame), made) < HALF, frame
        assert np.array_equal(shown(node, frame)[..., 3], made[..., 3])
    assert apart(shown(node, frames[0]), shown(node.input(0), frames[0])) > 0.05


# Where the region comes from.


@pytest.mark.parametrize("psyop", [False, True], ids=["native", "psyop"])
def test_a_cryptomatte_is_baked_by_its_names_and_plays_as_lookmatte_renders(
    nuke: World, shot: Shot, tmp_path: Path, psyop: bool
) -> None:
    comp(shot, tmp_path)
    plate = read(shot)
    node = look(shot, plate, crypto(plate, "hero", psyop, "ViewLayer.CryptoObject"))
    assert status(node) == "not baked yet"
    assert np.array_equal(shown(node, 1003), shown(plate, 1003))
    press(node, "bake")
    assert nuke.messages == []
    assert status(node) == "baked 1001-1006 · hero"
    # All of it came from the files as they lie.
    assert nuke.executed == []
    index = json.loads(Path(folder_of(node), "bake.json").read_text())
    assert index["keys"] == list(shot.frames)
    same_as(node, styled(shot, tmp_path / "cli", {"hero": {"cryptomatte": "hero", "style": "red.png"}}))
    # Strength is live.
    node["strength"].setValue(0.0)
    assert np.array_equal(shown(node, 1004), shown(plate, 1004))
    assert status(node) == "baked 1001-1006 · hero"


def test_lists_of_names_ids_and_wildcards(nuke: World, shot: Shot, tmp_path: Path) -> None:
    comp(shot, tmp_path)
    plate = read(shot)
    bits = struct.unpack("<f", struct.pack("<I", id_of("car")))[0]
    made = {}
    for names in ("hero, car", f'"hero", <{bits:.9e}>', "h*, c?r"):
        node = look(shot, plate, crypto(plate, names))
        press(node, "bake")
        assert nuke.messages == []
        made[names] = shown(node, 1002)
    first, *others = made.values()
    assert all(np.array_equal(first, other) for other in others)
    assert nuke.executed == []


def test_a_mask_that_is_drawn_is_written_alone_and_is_rough(nuke: World, shot: Shot, tmp_path: Path) -> None:
    comp(shot, tmp_path)
    plate = read(shot)
    roto = fakenuke.nodes.Radial()
    roto["area"].setValue([10, 8, 50, 40])
    node = look(shot, plate, roto)
    press(node, "bake")
    assert nuke.messages == []
    (written,) = Path(folder_of(node)).parent.glob("matte_*")
    assert list(read_exr(written / "matte.1001.exr")) == ["mask.a"]
    assert not list(Path(folder_of(node)).parent.glob("plate_*"))
    matte = {"file": str(written / "matte.####.exr"), "channel": "mask.a"}
    same_as(node, styled(shot, tmp_path / "cli", {"region": {"matte": matte, "style": "red.png"}}))
    # As exact as it is drawn, if a person says so.
    node["blend"].setValue("exact")
    assert status(node).startswith("stale: edges changed")
    press(node, "bake")
    assert nuke.messages == []
    exact = {"region": {"matte": matte, "style": "red.png", "blend": "pixel"}}
    same_as(node, styled(shot, tmp_path / "exact", exact))


def test_a_channel_of_the_plate_is_coverage(nuke: World, shot: Shot, tmp_path: Path) -> None:
    comp(shot, tmp_path)
    plate = read(shot)
    drawn = fakenuke.nodes.Radial()
    drawn["area"].setValue([10, 8, 50, 40])
    copy = fakenuke.nodes.Copy(from0="rgba.alpha", to0="masks.sky")
    copy.setInput(0, plate)
    copy.setInput(1, drawn)
    node = look(shot, copy, region="channel of src")
    node.node("MaskSource")["from0"].setValue("masks.sky")
    press(node, "bake")
    assert nuke.messages == []
    (written,) = Path(folder_of(node)).parent.glob("plate_*")
    job = {"region": {"channel": "mask.a", "style": "red.png"}}
    same_as(node, styled(shot, tmp_path / "cli", job, plate=str(written / "plate.####.exr")))


def test_the_whole_frame_between_key_frames(nuke: World, shot: Shot, tmp_path: Path) -> None:
    comp(shot, tmp_path)
    node = look(shot, read(shot), subsample=3, temporal="shot")
    press(node, "bake")
    assert nuke.messages == []
    job = {"rest": {"style": "red.png"}}
    keys = {"temporal": {"mode": "shot", "subsample": 3}, "frames": "1001-1006"}
    same_as(node, styled(shot, tmp_path / "cli", job, **keys), (1001, 1002, 1003, 1005))


def test_nodes_in_a_row_equal_jobs_in_a_row(nuke: World, shot: Shot, tmp_path: Path) -> None:
    comp(shot, tmp_path)
    plate = read(shot)
    first = look(shot, plate, crypto(plate, "hero"))
    second = look(shot, first, crypto(plate, "car"), "blue.png")
    press(first, "bake")
    press(second, "bake")
    assert nuke.messages == []
    # The second plate is what the first node shows: Nuke wrote it, with the matte beside it.
    assert {name for name, _, _ in nuke.executed} == {"Write1"}
    one = styled(shot, tmp_path / "one", {"hero": {"cryptomatte": "hero", "style": "red.png"}})
    job = {"car": {"cryptomatte": "car", "style": "blue.png"}}
    same_as(second, styled(shot, tmp_path / "two", job, plate=str(one / "look.####.exr")))
    # A change of the first is a change for the second, and strength is one.
    first["strength"].setValue(0.5)
    assert status(first).startswith("baked")
    press(second, "bake")
    assert len(nuke.executed) == 2 * len(shot.frames)


@pytest.mark.parametrize(
    ("values", "job", "settings"),
    [
        ({}, {}, {}),
        ({"alpha": "ignore"}, {"alpha": "ignore"}, {}),
        (
            {}, {"color": {"space": "ACEScg"}},
            {"colorManagement": "OCIO", "OCIO_config": "aces_1.2", "workingSpaceLUT": "ACES - ACEScg"},
        ),
    ],
    ids=["partial alpha", "alpha means nothing", "ACEScg"],
)  # fmt: skip
def test_alpha_and_colour(
    nuke: World, clear: Shot, tmp_path: Path, values: dict[str, Any], job: dict[str, Any], settings: dict[str, str]
) -> None:
    comp(clear, tmp_path)
    for name, value in settings.items():
        fakenuke.root()[name].setValue(value)
    plate = read(clear, raw=True)
    node = look(clear, plate, crypto(plate, "hero"), **values)
    press(node, "bake")
    assert nuke.messages == []
    assert nuke.executed == []
    region = {"hero": {"cryptomatte": "hero", "style": "red.png"}}
    same_as(node, styled(clear, tmp_path / "cli", region, **job))
    # Written by Nuke, the same: coverage stays coverage.
    node["through_write"].setValue(True)
    press(node, "bake")
    assert len(nuke.executed) == len(clear.frames)
    same_as(node, styled(clear, tmp_path / "cli", region, **job))


def test_what_the_worker_warns_of_stands_in_the_panel(nuke: World, shot: Shot, tmp_path: Path) -> None:
    mine = make_shot(tmp_path / "shot", shot.model, range(1, 3))
    for frame in mine.frames:
        channels = read_exr(mine.plate(frame))
        channels["A"] = np.zeros_like(channels["A"])
        write_exr(mine.plate(frame), channels)
    comp(mine, tmp_path)
    node = look(mine, read(mine))
    press(node, "bake")
    assert "it keeps its colours in 2 frames" in str(node["notes"].value())
    node["alpha"].setValue("ignore")
    press(node, "bake")
    assert node["notes"].value() == ""


# What is written, and when.


def test_what_changes_pixels_is_written_once(nuke: World, shot: Shot, tmp_path: Path) -> None:
    comp(shot, tmp_path)
    plate = read(shot)
    grade = fakenuke.nodes.Grade(multiply=0.8)
    grade.setInput(0, plate)
    node = look(shot, grade, crypto(plate, "hero"))
    press(node, "bake")
    assert [frame for _, frame, _ in nuke.executed] == list(shot.frames)
    assert fakenuke.root().node("Write1") is None, "what was there for the moment is gone"
    assert nuke.undo == 0
    assert node["notes"].value() == "src is written for the bake: Grade1 (Grade) lies between"
    assert {one.Class() for one in fakenuke.root().nodes()} == {"Read", "Grade", "Cryptomatte", "lookmatte"}
    home = Path(folder_of(node)).parent
    (written,) = home.glob("plate_*")
    assert sorted(read_exr(written / "plate.1001.exr")) == ["A", "B", "G", "R", "mask.a"]
    # The same nodes, elsewhere: nothing is written, nothing is baked.
    grade.setXYpos(500, 20)
    press(node, "bake")
    assert len(nuke.executed) == len(shot.frames)
    job = {"region": {"channel": "mask.a", "style": "red.png"}}
    keys = {"plate": str(written / "plate.####.exr")}
    same_as(node, styled(shot, tmp_path / "cli", job, **keys))
    # Other values: all of it, and what was written before goes.
    grade["multiply"].setValue(0.6)
    nuke.call("updateUI", node)
    assert "what src or mask shows has changed" in status(node)
    press(node, "bake")
    assert len(nuke.executed) == 2 * len(shot.frames)
    assert not written.exists()
    assert nuke.messages == []


def test_a_frame_that_was_rendered_again_is_written_and_baked_again(
    nuke: World, shot: Shot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "_REMEMBERED", 0.0)
    mine = Shot(tmp_path / "shot", shot.model, shot.frames)
    shutil.copytree(shot.folder, mine.folder)
    comp(mine, tmp_path)
    plate = read(mine)
    grade = fakenuke.nodes.Grade(multiply=0.8)
    grade.setInput(0, plate)
    direct, through = look(mine, plate, crypto(plate, "hero")), look(mine, grade, crypto(plate, "hero"))
    for node in (direct, through):
        press(node, "bake")
        assert status(node) == "baked 1001-1006 · hero"
    nuke.executed.clear()
    os.utime(mine.plate(1004), (1, 1))
    for node in (direct, through):
        callbacks.status.refresh(node)
        assert status(node) == "stale: sh.####.exr changed on disk · baked 1001-1006 · hero"
        press(node, "bake")
        assert status(node) == "baked 1001-1006 · hero"
    assert [frame for _, frame, _ in nuke.executed] == [1004]
    assert nuke.messages == []


def test_a_read_that_is_not_the_file_as_it_lies_is_written(nuke: World, shot: Shot, tmp_path: Path) -> None:
    comp(shot, tmp_path)
    for values in ({"colorspace": "sRGB"}, {"premultiplied": True}, {"last": 1004}):
        plate = read(shot, **values)
        node = look(shot, plate, range="script")
        nuke.executed.clear()
        press(node, "bake")
        assert nuke.messages == []
        assert len(nuke.executed) == len(shot.frames), values
    node = look(shot, read(shot))
    nuke.executed.clear()
    press(node, "bake")
    assert nuke.executed == []
    node["through_write"].setValue(True)
    press(node, "bake")
    assert len(nuke.executed) == len(shot.frames)


def test_a_style_that_nuke_makes(nuke: World, shot: Shot, tmp_path: Path) -> None:
    comp(shot, tmp_path)
    plate = read(shot)
    reference = fakenuke.nodes.Read(file=str(shot.folder / "blue.png"))
    node = look(shot, plate, style="")
    node.setInput(2, reference)
    node["region"].setValue("whole frame")
    assert not node["style"].enabled()
    press(node, "bake")
    assert nuke.messages == []
    assert nuke.executed == []
    same_as(node, styled(shot, tmp_path / "cli", {"rest": {"style": "blue.png"}}))
    graded = fakenuke.nodes.Grade(multiply=0.5)
    graded.setInput(0, plate)
    node.setInput(2, graded)
    assert status(node).startswith("stale: what src or mask shows has changed")
    press(node, "bake")
    assert nuke.messages == []
    assert [frame for _, frame, _ in nuke.executed] == [1001]
    (made,) = Path(folder_of(node)).parent.glob("style_*/style.1001.exr")
    same_as(node, styled(shot, tmp_path / "graded", {"rest": {"style": str(made)}}))


# Stale, and what is live.


def test_what_makes_a_bake_stale_is_named(nuke: World, shot: Shot, tmp_path: Path) -> None:
    comp(shot, tmp_path)
    plate = read(shot)
    node = look(shot, plate, crypto(plate, "hero"))
    press(node, "bake")
    fits = status(node)
    first = folder_of(node)
    node["style"].setValue(str(shot.folder / "green.png"))
    node["temporal"].setValue("frame")
    assert status(node) == "stale: style, mode changed · " + fits
    node["style"].setValue(str(shot.folder / "red.png"))
    node["temporal"].setValue("coherent")
    assert status(node) == fits
    # Baked anew in a folder of its own: undone, the old one is there.
    node["style"].setValue(str(shot.folder / "green.png"))
    press(node, "bake")
    assert folder_of(node) != first
    node["range"].setValue("custom")
    node["first"].setValue(1001)
    node["last"].setValue(1010)
    assert status(node) == "stale: the range is 1001-1010 · " + fits
    node["last"].setValue(1000)
    assert "has no frame" in status(node)
    node["range"].setValue("src")
    dot = fakenuke.nodes.Dot()
    dot.setInput(0, plate)
    shutil.rmtree(folder_of(node))
    callbacks.status.refresh(node)
    assert status(node).startswith("the bake is gone: there is no ")


def test_one_frame_is_baked_and_held(nuke: World, shot: Shot, tmp_path: Path) -> None:
    comp(shot, tmp_path)
    plate = read(shot)
    node = look(shot, plate, crypto(plate, "hero"))
    fakenuke.frame(1003)
    press(node, "bake_frame")
    assert status(node) == "baked from frame 1003 alone · hero"
    made = styled(shot, tmp_path / "cli", {"hero": {"cryptomatte": "hero", "style": "red.png"}}, frames="1003",
                  temporal={"mode": "frame"})  # fmt: skip
    same_as(node, made, (1003,))
    assert apart(shown(node, 1006), shown(plate, 1006)) > 0.05
    fakenuke.frame(1005)
    callbacks.status.refresh(node)
    assert status(node) == "baked from frame 1003 alone · hero"


def test_an_exposure_limit_is_live(nuke: World, shot: Shot, tmp_path: Path) -> None:
    comp(shot, tmp_path)
    node = look(shot, read(shot))
    press(node, "bake")
    free, fits = shown(node, 1002), status(node)
    node["exposure_limit"].setValue(0.1)
    node["limit"].setValue(True)
    assert status(node) == fits
    job = {"rest": {"style": "red.png", "exposure_limit": 0.1}}
    same_as(node, styled(shot, tmp_path / "cli", job))
    node["limit"].setValue(False)
    assert np.array_equal(shown(node, 1002), free)
    # A bake that lands while it is on takes it along.
    held = look(shot, read(shot), limit=True, exposure_limit=0.1)
    press(held, "bake")
    same_as(held, tmp_path / "cli")


# Saved, opened again, and rendered in a terminal.


def test_a_saved_script_plays_without_lookmatte(
    nuke: World, shot: Shot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    comp(shot, tmp_path)
    plate = read(shot)
    node = look(shot, plate, crypto(plate, "hero"), subsample=2)
    node["strength"].setValueAt(0.0, 1001)
    node["strength"].setValueAt(1.0, 1006)
    press(node, "bake")
    before = [shown(node, frame) for frame in shot.frames]
    text = script_text()
    path, kernels, plugins = fakenuke.root().name(), nuke.compile_kernel, nuke.plugin_path
    farm = reset()
    farm.gui, farm.compile_kernel, farm.plugin_path = False, kernels, plugins
    callbacks.register()
    monkeypatch.delenv(session.VARIABLE)
    open_script(text, path)
    opened = fakenuke.toNode("lookmatte1")
    assert opened is not None
    for frame, picture in zip(shot.frames, before, strict=True):
        assert np.array_equal(shown(opened, frame), picture)
    assert np.array_equal(shown(opened, 1001), shown(opened.input(0), 1001))
    assert status(opened) == "baked 1001-1006 · hero"


def test_a_render_fails_where_nothing_is_baked_unless_a_person_wants_it(
    nuke: World, shot: Shot, tmp_path: Path
) -> None:
    comp(shot, tmp_path)
    node = look(shot, read(shot))
    nuke.gui = False
    with pytest.raises(RuntimeError, match="No such file"):
        shown(node, 1001)
    node["unbaked_passes"].setValue(True)
    assert np.array_equal(shown(node, 1001), shown(node.input(0), 1001))


def test_in_a_terminal_it_runs_inline(nuke: World, shot: Shot, tmp_path: Path) -> None:
    comp(shot, tmp_path)
    plate = read(shot)
    grade = fakenuke.nodes.Grade(multiply=0.8)
    grade.setInput(0, plate)
    node = look(shot, grade, crypto(plate, "hero"))
    nuke.gui = False
    bake.bake(node)
    assert status(node) == "baked 1001-1006 · hero"
    assert nuke.progress == []
    node["style"].setValue(str(shot.folder / "rad.png"))
    with pytest.raises(bake.BakeError, match=r"rad\.png; nearest: red\.png"):
        bake.bake(node)
    node["style"].setValue("")
    with pytest.raises(bake.BakeError, match="lookmatte1: style: there is none"):
        bake.bake(node)
    node["style"].setValue(str(shot.folder / "red.png"))
    grade["multiply"].setValue(0.7)
    nuke.executing = True
    with pytest.raises(bake.BakeError, match="a render is under way"):
        bake.bake(node)
    assert bake._running == {}


# What goes wrong.


def test_mistakes_are_told_in_a_message(nuke: World, shot: Shot, tmp_path: Path) -> None:
    comp(shot, tmp_path)
    plate = read(shot)
    node = look(shot, plate, crypto(plate, "heroo"))
    press(node, "bake")
    (told,) = nuke.messages
    assert told.startswith("lookmatte1: ")
    assert "heroo" in told
    assert "nearest: hero" in told
    assert status(node) == "not baked yet"
    for change, what in (
        (lambda: node["style"].setValue(""), "style: there is none"),
        (lambda: node["cuts"].setValue("1003 later"), "cuts: 'later' is no frame"),
        (lambda: node["python"].setValue(str(tmp_path / "none")), "there is no "),
        (lambda: node["folder"].setValue("beside"), "no whole path"),
        (lambda: node["folder"].setValue(str(tmp_path / "a#b")), "Nuke reads # in "),
        (lambda: fakenuke.root()._knobs["name"]._take(""), "the script has no name yet"),
        (lambda: fakenuke.root()._knobs["name"]._take(str(tmp_path / "comp.nk")), "heroo"),
        (lambda: node.setInput(1, None), "mask: nothing is connected"),
        (lambda: node.setInput(0, None), "src: nothing is connected"),
    ):
        nuke.messages.clear()
        node["folder"]._take("")
        change()
        press(node, "bake")
        assert what in nuke.messages[0], nuke.messages
        assert nuke.messages[0].startswith("lookmatte1: ")
        node["style"]._take(str(shot.folder / "red.png"))
        node["cuts"]._take("")
        node["python"]._take("")


def test_a_worker_that_could_not_start_is_started_again(
    nuke: World, shot: Shot, worker: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    comp(shot, tmp_path)
    node = look(shot, read(shot))
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho "the licence server is down" >&2\nexit 3\n')
    python.chmod(0o755)
    monkeypatch.setenv(session.VARIABLE, str(python))
    press(node, "bake")
    assert "lookmatte did not start (exit code 3): the licence server is down" in nuke.messages.pop()
    shutil.copy(worker, python)
    press(node, "bake")
    assert nuke.messages == []
    assert status(node) == "baked 1001-1006 · the whole frame"


def test_frames_that_cannot_be_read_are_named_and_the_others_play(
    nuke: World, shot: Shot, tmp_path: Path
) -> None:
    mine = Shot(tmp_path / "shot", shot.model, shot.frames)
    shutil.copytree(shot.folder, mine.folder)
    mine.plate(1003).write_bytes(b"no picture")
    comp(mine, tmp_path)
    node = look(mine, read(mine))
    press(node, "bake")
    (told,) = nuke.messages
    assert "frame 1003: " in told
    assert "sh.1003.exr" in told
    assert status(node) == "baked 1001-1006, but 1 frame failed · the whole frame"
    assert apart(shown(node, 1004), shown(node.input(0), 1004)) > 0.05


@pytest.mark.parametrize("how", ["button", "progress bar"])
def test_cancel(nuke: World, shot: Shot, tmp_path: Path, how: str) -> None:
    mine = Shot(tmp_path / "shot", shot.model, tuple(range(1001, 1401)))
    (mine.folder / "plate").mkdir(parents=True)
    for frame in mine.frames:
        os.link(shot.plate(1001 + frame % 6), mine.plate(frame))
    shutil.copy(shot.folder / "red.png", mine.folder)
    comp(mine, tmp_path)
    node = look(mine, read(mine))
    knob = node["bake"]
    assert isinstance(knob, fakenuke.PyScript_Knob)
    knob.execute()
    assert status(node) == "bake lookmatte1"
    node["bake"].execute()  # type: ignore[attr-defined]
    assert "under way" in nuke.messages.pop()
    nuke.pump(lambda: any(share > 0 for share, _ in nuke.progress))
    if how == "button":
        node["cancel"].execute()  # type: ignore[attr-defined]
    else:
        nuke.cancel_task = True
    nuke.pump(lambda: not bake.busy(node))
    assert nuke.messages == []
    assert status(node) == "not baked yet"
    assert max(share for share, _ in nuke.progress) < 100
    # The worker goes on; what is there counts.
    nuke.cancel_task = False
    node["range"].setValue("custom")
    node["first"].setValue(1001)
    node["last"].setValue(1003)
    press(node, "bake")
    assert nuke.messages == []
    assert status(node) == "baked 1001-1003 · the whole frame"


def test_nukes_own_render_is_cancelled(nuke: World, shot: Shot, tmp_path: Path) -> None:
    comp(shot, tmp_path)
    node = look(shot, read(shot), through_write=True)
    nuke.cancel_execute_at = 1003
    fakenuke.root()["proxy"].setValue(True)
    press(node, "bake")
    assert fakenuke.root()["proxy"].value()
    assert nuke.undo == 0
    assert nuke.messages == []
    assert status(node) == "not baked yet"
    assert fakenuke.root().node("Write1") is None
    nuke.cancel_execute_at = None
    nuke.executed.clear()
    press(node, "bake")
    assert [frame for _, frame, _ in nuke.executed] == [1003, 1004, 1005, 1006]
    assert status(node).startswith("baked")


def test_a_node_that_is_deleted_while_it_bakes(nuke: World, shot: Shot, tmp_path: Path) -> None:
    comp(shot, tmp_path)
    node = look(shot, read(shot))
    knob = node["bake"]
    assert isinstance(knob, fakenuke.PyScript_Knob)
    knob.execute()
    fakenuke.delete(node)
    nuke.pump(lambda: not bake._running)
    assert nuke.messages == []


# The rest of the panel.


def test_render_writes_frames_and_reads_them(nuke: World, shot: Shot, tmp_path: Path) -> None:
    comp(shot, tmp_path)
    plate = read(shot)
    node = look(shot, plate, crypto(plate, "hero"))
    node["strength"].setValueAt(0.0, 1001)
    node["strength"].setValueAt(1.0, 1006)
    press(node, "render")
    assert nuke.messages == []
    made = fakenuke.toNode("Read2")
    assert made is not None
    assert (made.firstFrame(), made.lastFrame()) == (1001, 1006)
    pattern = str(made["file"].value())
    assert pattern == f"{Path(folder_of(node) or plan_home(node))}/render/lookmatte1_look.####.exr"
    assert np.array_equal(rgba(Path(pattern.replace("####", "1001"))), rgba(shot.plate(1001)))
    # What is read is the look, and all other channels are there.
    assert set(read_exr(Path(pattern.replace("####", "1004")))) == set(read_exr(shot.plate(1004)))
    press(node, "bake")
    for frame in shot.frames:
        assert apart(shown(node, frame), shown(made, frame)) < HALF
    # The bake of the render is the node's own.
    assert len(list(Path(folder_of(node)).parent.glob("bake_*"))) == 1


def plan_home(node: fakenuke.Node) -> str:
    from lookmatte_nuke import plan

    return plan.home(node)
