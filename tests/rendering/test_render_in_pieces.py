"""However a shot is made, in one go, in chunks, or killed and resumed, its frames are the same to the bit."""

from __future__ import annotations

import os
import random
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from shots import Shot, equal, has_begun, lookmatte, make_shot, read_exr, stopped

from lookmatte.rendering import render
from lookmatte.rendering.store import BakeStore

Maker = Callable[..., Shot]
FRAMES = range(1001, 1011)
CUT = 1007
WAYS = [("frame", 1), ("coherent", 1), ("frame", 4), ("coherent", 4), ("shot", 4)]


def keys(mode: str, subsample: int) -> dict[str, Any]:
    regions = {
        "hero": {
            "cryptomatte": "hero",
            "style": "red.png",
            "strength": {1001: 0.5, 1010: 1},
            "exposure_limit": 0.5,
        },
        "sky": {"matte": "sky/sky.####.png", "style": {1001: "green.png", 1004: "blue.png"}},
    }
    return {"regions": regions, "temporal": {"mode": mode, "subsample": subsample}}


@pytest.fixture(scope="module")
def cut_shot(tmp_path_factory: pytest.TempPathFactory, model_file: Path) -> Shot:
    """A shot with a cut inside. Tests write under names of their own."""
    return make_shot(tmp_path_factory.mktemp("cut"), model_file, FRAMES, cut=CUT, size=(32, 24))


def whole(made: Shot, mode: str, subsample: int) -> dict[int, dict[str, Any]]:
    """The frames of a render in one go, made once."""
    name = f"whole-{mode}-{subsample}"
    if not (made.folder / name).exists():
        assert made.render(name, **keys(mode, subsample)).done == list(FRAMES)
    return made.written(name)


@pytest.mark.parametrize(("mode", "subsample"), WAYS)
def test_bake_then_apply_in_chunks_is_a_render(cut_shot: Shot, mode: str, subsample: int) -> None:
    name, same = f"chunks-{mode}-{subsample}", keys(mode, subsample)
    bake = cut_shot.folder / f"bake-{mode}-{subsample}"
    assert not cut_shot.render(name, options={"stage": "bake", "bake_dir": bake}, **same).failed
    assert BakeStore.open(bake).cuts == ([CUT] if (mode, subsample) != ("frame", 1) else [])
    left = list(FRAMES)
    random.Random(subsample).shuffle(left)
    while left:
        chunk, left = left[:4], left[4:]
        options = {"stage": "apply", "bake_dir": bake, "frames": ",".join(map(str, chunk))}
        assert cut_shot.render(name, options=options, **same).done == sorted(chunk)
    assert equal(cut_shot.written(name), whole(cut_shot, mode, subsample))


@pytest.mark.parametrize(("mode", "subsample"), WAYS)
def test_rendering_chunk_by_chunk_is_rendering_at_once(cut_shot: Shot, mode: str, subsample: int) -> None:
    name, own = f"parts-{mode}-{subsample}", cut_shot.folder / f"own-{mode}-{subsample}"
    for chunk in ("1004", "1001-1002", "1009-1010", "1003-1008"):
        assert cut_shot.render(name, options={"frames": chunk, "bake_dir": own}, **keys(mode, subsample)).done
    assert equal(cut_shot.written(name), whole(cut_shot, mode, subsample))


class Stop(BaseException):
    """Raised in the place of a kill: nothing catches it."""


@pytest.mark.parametrize(("mode", "subsample"), WAYS[1:])
@pytest.mark.parametrize("at", [0.45, 0.75])
def test_a_bake_that_dies_between_any_two_files_is_taken_up(
    cut_shot: Shot, monkeypatch: pytest.MonkeyPatch, mode: str, subsample: int, at: float
) -> None:
    """Death comes before one of the bake's files is put in its place: what lies there must be judged rightly."""
    name, own = f"dead-{at}-{mode}-{subsample}", cut_shot.folder / f"dead-{at}-{mode}-{subsample}-bake"
    expected = whole(cut_shot, mode, subsample)
    # Per key frame a grid for each region, a mask, a matte, the index and the state; and two indices at first.
    fatal = round(at * 6 * len(FRAMES if subsample == 1 else (1, 5, 6, 7, 9, 10))) + 2
    count = 0
    replace = os.replace

    def dying(source: Any, target: Any) -> None:
        nonlocal count
        count += str(target).startswith(str(own))
        if count == fatal:
            raise Stop
        replace(source, target)

    options = {"bake_dir": own}
    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", dying)
        with pytest.raises(Stop):
            cut_shot.render(name, options=options, **keys(mode, subsample))
    cut_shot.render(name, options=options, **keys(mode, subsample))
    assert equal(cut_shot.written(name), expected)


@pytest.mark.parametrize(("mode", "subsample"), [("coherent", 1), ("shot", 4)])
def test_a_killed_render_is_resumed(cut_shot: Shot, mode: str, subsample: int) -> None:
    made, same = cut_shot, keys(mode, subsample)
    expected = whole(made, mode, subsample)
    name = f"killed-{mode}"
    job = made.save_job("killed.yaml", name, **same)
    words: list[object] = ["render", job, "--model", made.model]
    ready = made.output(1002, name)
    code, _ = stopped(words, made.folder, signal.SIGKILL, ready, random.Random(subsample).uniform(0, 0.3))
    assert code == -signal.SIGKILL
    there = made.written(name)
    assert 0 < len(there) < len(FRAMES)
    assert equal(there, {frame: expected[frame] for frame in there})
    # What a kill leaves may be anything that is not whole: it is neither read nor in the way, and goes when old.
    dead = made.folder / name / ".look.1009.exr.99.0123abcd.tmp.exr"
    dead.write_bytes(b"half a frame")
    os.utime(dead, (0, 0))
    alive = made.folder / name / ".look.1010.exr.99.0123abcd.tmp.exr"
    alive.write_bytes(b"another machine is writing this")
    foreign = made.folder / name / ".notes.tmp"
    foreign.write_text("mine")
    os.utime(foreign, (0, 0))
    ran = lookmatte(*words, "--quiet")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert equal(made.written(name), expected)
    assert (dead.exists(), alive.exists(), foreign.exists()) == (False, True, True)


def test_what_a_kill_leaves_in_a_new_bake_folder_is_no_obstacle(shot: Maker) -> None:
    made = shot(range(1, 3), size=(32, 24), objects=("hero",))
    bake = made.folder / "grids"
    bake.mkdir()
    (bake / ".bake.json.4711.0123abcd.tmp").write_text("{")
    assert made.render(options={"bake_dir": bake}).done == [1, 2]


@pytest.mark.parametrize(
    ("sign", "code", "word"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_an_interrupted_render_leaves_whole_frames_and_nothing_else(
    shot: Maker, sign: signal.Signals, code: int, word: str
) -> None:
    made = shot(FRAMES, size=(32, 24), objects=("hero",))
    job = made.save_job("stopped.yaml", "stopped")
    words: list[object] = ["render", job, "--model", made.model, "--quiet"]
    ended, errors = stopped(words, made.folder, sign, made.output(1002, "stopped"), 0.1)
    assert (ended, errors) == (code, f"lookmatte: {word}; the frames that are there are whole\n")
    assert made.leftovers() == []
    there = made.written("stopped")
    assert 0 < len(there) < len(FRAMES)
    assert lookmatte(*words).returncode == 0
    made.render("whole")
    assert equal(made.written("stopped"), made.written("whole"))


@pytest.mark.parametrize("delay", [0.0, 0.7])
def test_an_interrupt_at_any_time_is_one_line(shot: Maker, delay: float) -> None:
    made = shot(FRAMES, size=(32, 24), objects=("hero",))
    job = made.save_job()
    ended, errors = stopped(
        ["render", job, "--model", made.model, "--quiet"], made.folder, signal.SIGINT, has_begun, delay
    )
    assert ended == 130
    assert re.fullmatch(r"lookmatte: interrupted; [^\n]* frames [^\n]*are whole\n", errors), errors
    assert made.leftovers() == []


def test_in_between_frames_are_not_opened_while_baking(shot: Maker) -> None:
    made = shot(range(1, 12), size=(32, 24), objects=("hero",))
    for mode in ("frame", "coherent", "shot"):
        same: dict[str, Any] = {"temporal": {"mode": mode, "subsample": 5}}
        made.render(f"{mode}-whole", **same)
        bake = made.folder / f"{mode}-bake"
        hidden = {frame: made.plate(frame).read_bytes() for frame in made.frames if frame not in (1, 6, 11)}
        times = {frame: made.plate(frame).stat().st_mtime_ns for frame in hidden}
        for frame in hidden:
            made.plate(frame).write_bytes(b"nobody may open this")
        summary = made.render(mode, options={"stage": "bake", "bake_dir": bake}, **same)
        assert (summary.done, summary.failed) == ([1, 6, 11], [])
        for frame, data in hidden.items():
            made.plate(frame).write_bytes(data)
            os.utime(made.plate(frame), ns=(times[frame], times[frame]))
        made.render(mode, options={"stage": "apply", "bake_dir": bake}, **same)
        assert equal(made.written(mode), made.written(f"{mode}-whole"))


def test_a_bake_needs_neither_model_nor_other_frames_to_be_applied(shot: Maker) -> None:
    made = shot(range(1, 5), size=(32, 24), objects=("hero",))
    same: dict[str, Any] = {"temporal": {"subsample": 3}}
    made.render("whole", **same)
    bake = made.folder / "grids"
    made.render(options={"stage": "bake", "bake_dir": bake}, **same)
    for frame in (1, 2, 4):
        made.plate(frame).unlink()
    summary = render(made.job(frames="1-4", **same), stage="apply", bake_dir=bake, frames="3")
    assert summary.done == [3]
    whole = read_exr(made.output(3, "whole"))
    assert equal({3: read_exr(made.output(3))}, {3: whole})


def test_a_bake_that_was_not_finished_is_not_applied_beyond_its_end(
    shot: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = shot(range(1, 6), size=(32, 24), objects=("hero",))
    bake = made.folder / "grids"
    add = BakeStore.add

    def dying(store: BakeStore, baked: Any, stamp: str) -> None:
        if baked.frame == 4:
            raise Stop
        add(store, baked, stamp)

    with monkeypatch.context() as patched:
        patched.setattr(BakeStore, "add", dying)
        with pytest.raises(Stop):
            made.render(options={"stage": "bake", "bake_dir": bake})
    summary = made.render(options={"stage": "apply", "bake_dir": bake})
    assert (summary.done, summary.failed) == ([1, 2, 3], [4, 5])
    made.render(options={"stage": "bake", "bake_dir": bake})
    assert made.render(options={"stage": "apply", "bake_dir": bake}).done == [4, 5]
    made.render("whole")
    assert equal(made.written(), made.written("whole"))


def test_outputs_named_by_any_padding_are_the_same_files(shot: Maker) -> None:
    made = shot(range(1, 3), size=(32, 24), objects=("hero",))
    made.render()
    job = made.job()
    padded = made.job(plate="plate/sh.%04d.exr", output="other/look.$F4.exr")
    assert job.plate != padded.plate
    render(padded, model=made.model)
    assert equal(made.written(), made.written("other"))
    assert sorted(path.name for path in Path(made.folder / "other").glob("*.exr")) == [
        "look.0001.exr",
        "look.0002.exr",
    ]
