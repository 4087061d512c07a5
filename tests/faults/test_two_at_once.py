"""Several processes on one job: no torn file, nobody fails, nothing is lost but time."""

from __future__ import annotations

import errno
import os
import platform
import time
from pathlib import Path
from typing import Any

import pytest
from processes import ALL, COUNTS, Nursery
from shots import Plane, Shot, Told, equal

from lookmatte.errors import InputError
from lookmatte.imaging import patience
from lookmatte.imaging.wholefile import machine
from lookmatte.rendering import RenderSummary
from lookmatte.rendering.claim import LOCK, claimed
from lookmatte.rendering.store import BakeStore

Frames = dict[int, dict[str, Plane]]


def bakes(made: Shot) -> list[Path]:
    return [path for path in (made.folder / "out/.lookmatte").iterdir() if path.is_dir()]


@pytest.mark.parametrize("count", [2, 3, 6] if ALL else [3])
def test_processes_that_render_the_same_frames_all_end_well(
    made: Shot, whole: Frames, nursery: Nursery, count: int
) -> None:
    job = made.save_job()
    words = ["render", job, "--model", made.model, "--quiet"]
    children = [nursery.start(*words, cwd=made.folder) for _ in range(count)]
    assert [child.wait() for child in children] == [(0, [], [])] * count
    assert equal(made.written(), whole)
    assert made.leftovers() == []
    (bake,) = bakes(made)
    assert BakeStore.open(bake).complete
    again = nursery.run("render", job, "--model", made.model, cwd=made.folder)
    assert again[2][-1] == "0 done, 5 skipped, 0 failed"
    COUNTS["processes that rendered the same frames at once: all ended with 0"] += count


def test_who_finds_the_bake_taken_bakes_beside_it(made: Shot, whole: Frames) -> None:
    made.render(frames="1-2")
    (bake,) = bakes(made)
    made.output(2).unlink()
    index = (bake / "bake.json").read_bytes()

    met: list[str] = []

    class Looking(Told):
        def start(self, total: int, *, stage: str, output: str) -> None:
            (own,) = (path for path in bakes(made) if path != bake)
            met.extend(sorted(path.name for path in own.glob("*.grid.*")))

    told = Looking()
    with claimed(bake, wait=False, tell=lambda _: None) as taken:
        assert taken == bake
        assert made.render(options={"progress": told}) == RenderSummary(done=[2, 3, 4, 5], skipped=[1])
    # It began with all that was there, left it as it was, and took its own away.
    assert met == ["00_hero.grid.0001.exr", "00_hero.grid.0002.exr"]
    assert bakes(made) == [bake]
    assert (bake / "bake.json").read_bytes() == index
    assert any(
        note.startswith(f"process {os.getpid()} on ") and "bakes for itself" in note for note in told.notes
    ), told.notes
    assert equal(made.written(), whole)
    # What it wrote is current for whoever owns the bake.
    assert made.render() == RenderSummary(skipped=[1, 2, 3, 4, 5])


def test_a_bake_waits_for_its_folder_and_finds_it_baked(made: Shot, whole: Frames, nursery: Nursery) -> None:
    job = made.save_job()
    words = ["bake", job, "--model", made.model]
    with claimed(made.folder / "job.bake", wait=True, tell=lambda _: None):
        waiting = nursery.start(*words, cwd=made.folder)
        until = time.monotonic() + 60
        while not waiting.err.read_text() and time.monotonic() < until:
            time.sleep(0.02)
        assert f"process {os.getpid()} on " in waiting.err.read_text()
        assert "this run begins when that has ended" in waiting.err.read_text()
    code, _, err = waiting.wait()
    assert (code, err[-1]) == (0, "5 done, 0 skipped, 0 failed")
    both = [nursery.start(*words, "--overwrite", cwd=made.folder) for _ in range(2)]
    assert [child.wait()[0] for child in both] == [0, 0]
    assert nursery.run("apply", job, cwd=made.folder)[0] == 0
    assert equal(made.written(), whole)


def test_who_takes_over_from_a_killed_one_goes_on_where_it_was(made: Shot, whole: Frames, nursery: Nursery) -> None:
    job = made.save_job()
    words = ["render", job, "--model", made.model, "--quiet"]
    first = nursery.start(*words, cwd=made.folder)
    until = time.monotonic() + 60
    while not made.output(2).exists() and time.monotonic() < until:
        time.sleep(0.001)
    second = nursery.start(*words, cwd=made.folder)
    first.kill()
    assert first.wait()[0] == -9
    assert second.wait() == (0, [], [])
    assert equal(made.written(), whole)
    assert len(bakes(made)) == 1


def test_what_a_killed_one_baked_beside_goes_with_the_next_run(made: Shot) -> None:
    made.render()
    (bake,) = bakes(made)
    dead = bake.with_name(f"{bake.name}.{machine()}-4711.0123abcd")
    elsewhere = bake.with_name(f"{bake.name}.0123abcd-4711.0123abcd")
    forgotten = bake.with_name(f"{bake.name}.0123abcd-4712.0123abcd")
    mine = bake.with_name(f"{bake.name}.notes")
    for folder in (dead, elsewhere, forgotten, mine):
        folder.mkdir()
        (folder / LOCK).touch()
    os.utime(forgotten, (0, 0))
    made.render()
    assert set(bakes(made)) == {bake, elsewhere, mine}


def test_a_lock_leads_nowhere_else(made: Shot) -> None:
    """A bake's folder may come from anywhere: its lock is written through no link."""
    bake = made.folder / "bake"
    bake.mkdir()
    precious = made.folder / "precious.txt"
    precious.write_text("mine")
    options = {"stage": "bake", "bake_dir": bake}
    os.link(precious, bake / LOCK)
    assert made.render(options=options).done == [1, 2, 3, 4, 5]
    (bake / LOCK).unlink()
    (bake / LOCK).symlink_to(precious)
    with pytest.raises(InputError, match="the bake's folder cannot be made \\(Too many levels of symbolic links"):
        made.render(options=options)
    assert precious.read_text() == "mine"


def test_a_claim_that_is_interrupted_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker lives on when a request is cancelled, and would wait for itself."""

    def interrupt() -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(platform, "node", interrupt)
        with pytest.raises(KeyboardInterrupt), claimed(tmp_path / "bake", wait=True, tell=pytest.fail):
            pytest.fail("it was interrupted")
    with claimed(tmp_path / "bake", wait=False, tell=pytest.fail) as folder:
        assert folder == tmp_path / "bake"


def test_a_claim_that_fails_halfway_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does a moment of a bad network fail it."""
    real, failing = os.listdir, 0

    def listing(path: Any = ".") -> list[str]:
        nonlocal failing
        if Path(path).name == "bake" and failing:
            failing -= 1
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(path)

    told: list[str] = []
    monkeypatch.setattr(patience, "WAITS", (0.0, 0.0))
    monkeypatch.setattr(os, "listdir", listing)
    with claimed(tmp_path / "bake", wait=False, tell=told.append) as folder:
        (folder / "bake.json").write_text("{}")
        failing = 1
        with claimed(tmp_path / "bake", wait=False, tell=told.append) as beside:
            assert (beside / "bake.json").read_text() == "{}"
        failing = 99
        with pytest.raises(InputError, match="cannot be made"), claimed(folder, wait=False, tell=told.append):
            pytest.fail("it cannot be listed")
    assert len(told) == 2
    assert real(tmp_path) == ["bake"]


def test_a_grid_of_another_bake_is_never_applied(made: Shot) -> None:
    """Two jobs in one folder: whoever bakes last has it, and nobody gets the other's look."""
    bake = made.folder / "bake"
    blue = made.mapping()["regions"]
    blue["hero"]["style"] = "blue.png"
    made.render(options={"stage": "bake", "bake_dir": bake})
    index = (bake / "bake.json").read_bytes()
    made.render("blue", options={"stage": "bake", "bake_dir": bake}, regions=blue)
    (bake / "bake.json").write_bytes(index)
    told = Told()
    options = {"stage": "apply", "bake_dir": bake, "progress": told}
    assert made.render(options=options) == RenderSummary(failed=[1, 2, 3, 4, 5])
    assert told.failures[1].endswith("grid.0001.exr: belongs to another bake; delete it and bake the job again")
    assert made.render(options={"stage": "bake", "bake_dir": bake}).done == [1, 2, 3, 4, 5]
    assert made.render(options=options).done == [1, 2, 3, 4, 5]
