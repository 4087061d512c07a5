"""A network that fails for a moment costs a warning; one that stays away costs the frames that need it."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path
from typing import Any

import pytest
from processes import ALL, COUNTS, LINUX, Nursery
from shots import Plane, Shot, Told, equal

from lookmatte.errors import InputError
from lookmatte.imaging import patience
from lookmatte.rendering import RenderSummary, render
from lookmatte.rendering.remarks import Remarks, gathered_from_log

Frames = dict[int, dict[str, Plane]]
NOWHERE = "/proc/self/mem"
"""A regular file by all appearance, whose first bytes cannot be read: EIO, from the system itself."""

pytestmark = pytest.mark.skipif(not LINUX, reason="reads /proc/self/mem, and preloads a library")
SKY: dict[str, Any] = {"regions": {"sky": {"matte": "sky/sky.####.png", "style": "green.png"}}}


class Network:
    """Files that cannot be read until somebody has waited ``moments`` times for them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.waits: list[float] = []
        self.moments = 1
        self._lost: list[Path] = []
        monkeypatch.setattr(patience.time, "sleep", self._wait)

    def lose(self, path: Path) -> None:
        path.rename(path.with_suffix(".away"))
        path.symlink_to(NOWHERE)
        self._lost.append(path)

    def _wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        if len(self.waits) >= self.moments:
            for path in self._lost:
                os.replace(path.with_suffix(".away"), path)
            self._lost.clear()


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    return Network(monkeypatch)


LOST: list[tuple[str, dict[str, Any]]] = [
    ("plate/sh.0001.exr", {}),
    ("plate/sh.0003.exr", {}),
    ("plate/sh.0003.exr", {"temporal": {"mode": "shot", "subsample": 2}}),
    ("sky/sky.0003.png", SKY),
    ("red.png", {}),
    ("green.png", SKY),
]


@pytest.mark.parametrize(("name", "keys"), LOST)
def test_a_file_that_cannot_be_read_for_a_moment_is_read_later(
    made: Shot, whole: Frames, network: Network, name: str, keys: dict[str, Any]
) -> None:
    if keys:
        made.render("undisturbed", **keys)
        whole = made.written("undisturbed")
    job = made.job(**keys)
    network.lose(made.folder / name)
    told = Told()
    assert render(job, model=made.model, progress=told) == RenderSummary(done=[1, 2, 3, 4, 5])
    assert told.warnings[:1] == [f"{made.folder / name}: Input/output error; went well at attempt 2"]
    assert network.waits == [patience.WAITS[0]]
    assert equal(made.written(), whole)


def test_patience_ends(made: Shot, network: Network) -> None:
    network.moments = 99
    network.lose(made.plate(3))
    told = Told()
    assert made.render(options={"progress": told}) == RenderSummary(done=[1, 2, 4, 5], failed=[3])
    assert told.failures == {3: f"{made.plate(3)}: cannot be read (Input/output error)"}
    # Read for the bake and never again.
    assert network.waits == list(patience.WAITS)
    assert told.warnings == []


def test_a_style_that_stays_away_is_bad_input(made: Shot, network: Network) -> None:
    job = made.job()
    network.moments = 99
    network.lose(made.folder / "red.png")
    with pytest.raises(InputError, match=r"red\.png cannot be read: Input/output error"):
        render(job, model=made.model)
    assert not (made.folder / "out").exists()


@pytest.mark.parametrize("moments", [1, 99])
def test_a_frame_that_is_there_and_cannot_be_looked_at_is_neither_ours_nor_foreign(
    made: Shot, network: Network, moments: int
) -> None:
    made.render()
    network.moments = moments
    network.lose(made.output(2))
    told = Told()
    summary = made.render(options={"progress": told})
    if moments == 1:
        assert summary == RenderSummary(skipped=[1, 2, 3, 4, 5])
    else:
        assert summary == RenderSummary(skipped=[1, 3, 4, 5], failed=[2])
        assert told.failures == {2: f"{made.output(2)}: cannot be looked at (Input/output error)"}
        assert made.output(2).is_symlink()


def test_a_grid_that_cannot_be_read_is_baked_again(made: Shot, network: Network) -> None:
    made.render()
    before = made.written()
    (grid,) = made.folder.glob("out/.lookmatte/*/00_hero.grid.0002.exr")
    network.moments = 99
    network.lose(grid)
    made.output(2).unlink()
    assert made.render().done == [2]
    assert not grid.is_symlink()
    assert equal(before, made.written())


def test_a_file_that_vanishes_after_the_scan_costs_its_own_frame(made: Shot) -> None:
    regions = {"hero": made.mapping()["regions"]["hero"], **SKY["regions"]}

    class Vanishing(Told):
        def start(self, total: int, *, stage: str, output: str) -> None:
            made.plate(2).unlink()
            (made.folder / "sky/sky.0004.png").unlink()

    told = Vanishing()
    summary = made.render(options={"progress": told}, regions=regions, temporal={"mode": "frame"})
    assert summary == RenderSummary(done=[1, 3, 5], failed=[2, 4])
    assert told.failures[2] == f"{made.plate(2)}: missing from the sequence; nearest: sh.0003.exr, sh.0001.exr"
    assert told.failures[4].endswith("sky.0004.png: there is no such matte file")


def test_a_file_that_is_replaced_while_it_is_read_is_made_again(made: Shot) -> None:
    """Whatever was read of it: what the frame says it was made from is not there any more."""

    class Rewriting(Told):
        def start(self, total: int, *, stage: str, output: str) -> None:
            os.utime(made.plate(2), (1, 1))

    made.render(temporal={"mode": "frame"}, options={"progress": Rewriting()})
    os.utime(made.plate(2), (2, 2))
    assert made.render(temporal={"mode": "frame"}) == RenderSummary(done=[2], skipped=[1, 3, 4, 5])


# By a library that fails the system's calls, in any language's code.

EIO, ESTALE, EACCES = (str(code) for code in (errno.EIO, errno.ESTALE, errno.EACCES))


MOMENTS = [
    ("sh.0003.exr", "read", EIO),
    ("look.0003.exr", "write", EIO),
    ("state.safetensors", "rename", ESTALE),
    ("sh.0003.exr", "open", ESTALE),
    ("look.0003.exr", "sync", EIO),
    ("look.0003.exr", "rename", ESTALE),
    (".look.0003.exr", "open", EIO),
    ("hero.grid.0003.exr", "write", EIO),
    ("bake.json", "rename", EIO),
    ("state.safetensors", "sync", EIO),
]


@pytest.mark.parametrize(("file", "call", "code"), MOMENTS if ALL else MOMENTS[:3])
@pytest.mark.parametrize("times", [1, 2] if ALL else [2])
def test_any_call_may_fail_for_a_moment(
    made: Shot, whole: Frames, faulty: Nursery, file: str, call: str, code: str, times: int
) -> None:
    job = made.save_job()
    words = ["render", job, "--model", made.model, "--quiet"]
    fault = {"FAULT_FILE": file, "FAULT_CALL": call, "FAULT_ERRNO": code, "FAULT_TIMES": str(times)}
    ended, out, err = faulty.run(*words, cwd=made.folder, **fault)
    assert (ended, out) == (0, [])
    # Reading has a second decoder, which may spare the second attempt.
    assert len(err) == 1 or call == "read"
    assert all("went well at attempt" in line for line in err)
    COUNTS["system calls that failed for a moment: the frames came out the same"] += times
    assert equal(made.written(), whole)
    assert made.leftovers() == []


READ = ["job.yaml", "sh.0001.exr", "sh.0003.exr", "red.png", "model.safetensors"]
KEPT = [
    "bake.json", "state.safetensors", "hero.grid.0002.exr", "hero.grid.0003.exr", "look.0002.exr", "look.0003.exr",
]  # fmt: skip
EVERYWHERE = [(file, call) for file in [*READ, *KEPT] for call in ("open", "read", "look")]


@pytest.mark.parametrize(("file", "call"), EVERYWHERE if ALL else [("job.yaml", "read"), ("bake.json", "open")])
@pytest.mark.parametrize("times", [1, 2] if ALL else [1])
def test_a_shot_that_is_resumed_gets_over_any_moment(
    made: Shot, whole: Frames, faulty: Nursery, file: str, call: str, times: int
) -> None:
    """Whatever file it is: of the job, of the plate, or of what an earlier run has left."""
    made.render(frames="1-3")
    made.output(3).unlink()
    job = made.save_job()
    log = made.folder / "faults.log"
    fault = {"FAULT_FILE": file, "FAULT_CALL": call, "FAULT_ERRNO": EIO, "FAULT_TIMES": str(times)}
    words = [["render", job, "--model", made.model, "--quiet"], ["report", job, "--quiet"]]
    for command in words:
        ended, _, err = faulty.run(*command, cwd=made.folder, FAULT_LOG=str(log), **fault)
        assert (ended, [line for line in err if "went well at attempt" not in line]) == (0, []), command
    assert equal(made.written(), whole)
    assert made.leftovers() == []
    met = len(log.read_bytes()) if log.exists() else 0
    # Not every file is asked after before it is opened.
    assert met or call == "look"
    COUNTS["reads of one file that failed for a moment while a shot was resumed: nothing came of it"] += met


STAYING = [
    ("sh.0003.exr", "read", EIO, "sh.0003.exr: cannot be read (Input/output error)"),
    ("look.0003.exr", "rename", EACCES, "look.0003.exr: cannot be written (Permission denied)"),
    ("sh.0003.exr", "open", EACCES, "sh.0003.exr: may not be read; check its permissions"),
    ("look.0003.exr", "write", EIO, "look.0003.exr: cannot be written (Input/output error)"),
    ("look.0003.exr", "sync", EIO, "look.0003.exr: cannot be written (Input/output error)"),
]


@pytest.mark.parametrize(("file", "call", "code", "said"), STAYING if ALL else STAYING[:2])
def test_what_stays_away_costs_its_own_frame(
    made: Shot, whole: Frames, faulty: Nursery, file: str, call: str, code: str, said: str
) -> None:
    job = made.save_job()
    words = ["render", job, "--model", made.model, "--quiet"]
    fault = {"FAULT_FILE": file, "FAULT_CALL": call, "FAULT_ERRNO": code, "FAULT_TIMES": "999999"}
    ended, out, err = faulty.run(*words, cwd=made.folder, **fault)
    assert (ended, out, len(err)) == (1, [], 2)
    assert err[0].endswith(said)
    assert err[0].startswith("[3/5] frame 3 FAILED: ")
    assert err[1] == "4 done, 0 skipped, 1 failed"
    assert sorted(made.written()) == [1, 2, 4, 5]
    assert made.leftovers() == []
    COUNTS["faults that stayed: their frame failed in a line, and came out the same once they were gone"] += 1
    # Once it is back, nothing is left of it.
    assert faulty.run(*words, cwd=made.folder) == (0, [], [])
    assert equal(made.written(), whole)


def test_a_bake_that_cannot_be_kept_ends_the_run_in_a_line(made: Shot, whole: Frames, faulty: Nursery) -> None:
    job = made.save_job()
    words = ["render", job, "--model", made.model, "--quiet"]
    fault = {"FAULT_FILE": "grid.0003", "FAULT_CALL": "write", "FAULT_ERRNO": EIO, "FAULT_TIMES": "999999"}
    ended, out, err = faulty.run(*words, cwd=made.folder, **fault)
    assert (ended, out, len(err)) == (1, [], 1)
    assert "00_hero.grid.0003.exr: cannot be written (Input/output error); nothing can follow without its" in err[0]
    assert set(made.written()) <= {1, 2}
    assert made.leftovers() == []
    assert faulty.run(*words, cwd=made.folder) == (0, [], [])
    assert equal(made.written(), whole)


def test_many_hiccups_are_few_lines(caplog: pytest.LogCaptureFixture) -> None:
    said: list[str] = []
    remarks = Remarks(said.append, said.append)
    with gathered_from_log(remarks.log):
        for number in range(1000):
            patience._log.warning(patience._TOLD, f"sh.{number:04d}.exr", "Input/output error", 2)
        patience._log.warning("another thing")
    caplog.clear()
    remarks.tell()
    assert len(said) == 12
    assert said[9] == "sh.0009.exr: Input/output error; went well at attempt 2"
    assert said[10] == "another thing"
    assert said[11] == "990 more like this: sh.0000.exr: Input/output error; went well at attempt 2"


def test_waiting_is_short() -> None:
    """A run that is told to end is not kept by it."""
    began = time.monotonic()

    def fail() -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with pytest.raises(OSError, match="Input/output"):
        patience.patiently(fail, "x")
    assert sum(patience.WAITS) <= time.monotonic() - began
    assert sum(patience.WAITS) < 2
