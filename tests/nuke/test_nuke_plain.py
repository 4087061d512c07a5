"""What of the host needs no Nuke: jobs, names of files, what is stale, colour spaces, and the Python of Nuke 13."""

from __future__ import annotations

import ast
import csv
import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lookmatte_nuke import colour, graph, job, paths, session
from lookmatte_nuke.job import Names, Settings, SettingsError, Written, job_mapping, keyframes
from lookmatte_nuke.state import NOT_BAKED, State, changes, parse, status

from lookmatte import client
from lookmatte.imaging.colour import plate_matrix
from lookmatte.job import Channel, Cryptomatte, Job, MatteFile, Strength

REPOSITORY = Path(__file__).resolve().parents[2]
HERE = REPOSITORY / "nuke_gizmo"
IN_NUKE = [HERE / "init.py", HERE / "menu.py", *sorted(HERE.glob("lookmatte_nuke/*.py"))]

# Jobs.


def as_read(settings: Settings, matte: job.Matte, plate: str = "/s/p.####.exr") -> Job:
    return Job.from_mapping(job_mapping(settings, plate, matte, "/s/o.####.exr", "1001-1003"), "/")


def test_jobs_are_what_lookmatte_reads(tmp_path: Path) -> None:
    style = tmp_path / "gold.png"
    style.write_bytes(b"a picture")
    plain = Settings(str(style))
    named = as_read(plain._replace(stops=1.5, cuts=(1002,), subsample=4), Names(("chr_*", "<0.5>"), "Object"))
    assert named.regions[0].source == Cryptomatte(("chr_*", "<0.5>"), "Object")
    assert (named.regions[0].blend, named.regions[0].exposure_limit) == ("pixel", 1.5)
    assert (named.temporal.cuts, named.temporal.subsample) == ((1002,), 4)
    # Coverage is a channel of the plate that Nuke wrote; a weight is a matte, whose file may be the plate's.
    covered = as_read(plain, Written("/s/p.####.exr"))
    assert covered.regions[0].source == Channel("mask.a")
    weighed = as_read(plain._replace(coverage=False, exact=False), Written("/s/p.####.exr"))
    assert weighed.regions[0].source == MatteFile("/s/p.####.exr", "mask.a")
    assert weighed.regions[0].blend == "grid"
    whole = as_read(plain._replace(whole=True, style_matte=str(style), space="ACEScg", alpha="ignore"), None)
    assert whole.rest is not None
    assert whole.rest.style.pictures[0].matte == str(style)
    assert (whole.color.space, whole.alpha) == ("ACEScg", "ignore")


def test_everything_that_lacks_is_told_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        job_mapping(Settings("", subsample=0), "", None, "o", "1")
    told = [line.split(":")[0] for line in str(caught.value).splitlines()]
    assert told == ["style", "region", "src", "bake every"]


def test_a_bake_is_named_by_what_its_grids_depend_on() -> None:
    def name(settings: Settings, frames: str = "1-2", strength: float = 1.0, model: str = "") -> str:
        made = job_mapping(settings, "p", Names(("a",), ""), "o", frames, strength)
        return job.fingerprint(made, model)

    plain = Settings("s.png")
    assert name(plain) == name(plain, "1-9", 0.5) == name(plain._replace(stops=2.0))
    others = {name(plain._replace(temporal="shot")), name(plain._replace(style="t.png")), name(plain, model="m")}
    assert len({name(plain), *others}) == 4


@given(st.dictionaries(st.integers(-20, 60), st.floats(-0.5, 1.5), min_size=1, max_size=25))
def test_keyframes_give_every_value_back(values: dict[int, float]) -> None:
    kept = keyframes(values)
    keys = {int(frame): value for frame, value in kept.items()} if isinstance(kept, dict) else {0: kept}
    strength = Strength(tuple(sorted(keys.items())))
    for frame, value in values.items():
        assert strength.at(frame) == pytest.approx(min(1.0, max(0.0, value)), abs=3e-5)


def test_a_straight_line_needs_two_keys() -> None:
    assert keyframes({frame: frame / 10 for frame in range(11)}) == {"0": 0.0, "10": 1.0}
    assert keyframes({1: 0.5, 2: 0.5}) == 0.5


@given(st.lists(st.integers(-999, 99999)))
def test_cuts(frames: list[int]) -> None:
    assert job.parse_cuts(", ".join(map(str, frames))) == tuple(sorted(set(frames)))
    assert job.parse_cuts("  ".join(map(str, frames))) == tuple(sorted(set(frames)))


def test_what_is_no_cut() -> None:
    with pytest.raises(SettingsError, match="'1001-1004' is no frame"):
        job.parse_cuts("1000 1001-1004")


# Names in matte lists, as Psyop's and Nuke's Cryptomatte write them.


def encoded(names: list[str]) -> str:
    """A matte list as the Cryptomatte nodes write it."""
    out = io.StringIO()
    writer = csv.writer(out, quotechar='"', escapechar="\\", doublequote=False, quoting=csv.QUOTE_ALL)
    writer.writerow(names)
    return out.getvalue().strip().replace('","', '", "')


@given(st.lists(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1), min_size=1, unique=True))
def test_matte_lists(names: list[str]) -> None:
    assert graph.matte_list(encoded(names)) == tuple(names)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ()),
        (" , ,", ()),
        ("hero, car", ("hero", "car")),
        ('"a, b", "say \\"hi\\"", <5.2e-20>', ("a, b", 'say "hi"', "<5.2e-20>")),
        ("chr_*, hero, hero", ("chr_*", "hero")),
    ],
)
def test_matte_lists_as_people_write_them(text: str, names: tuple[str, ...]) -> None:
    assert graph.matte_list(text) == names


# Files.


@pytest.mark.parametrize(
    ("pattern", "frame", "path"),
    [
        ("/s/a.%04d.exr", 7, "/s/a.0007.exr"),
        ("/s/a.####.exr", -7, "/s/a.-0007.exr"),
        ("/s/v##/a_#_##.exr", 123, "/s/v##/a_#_123.exr"),
        ("/s/a.%d.exr", 7, "/s/a.7.exr"),
        ("/s/still.exr", 7, "/s/still.exr"),
    ],
)
def test_paths_of_frames(pattern: str, frame: int, path: str) -> None:
    assert paths.at_frame(pattern, frame) == path
    assert paths.is_pattern(pattern) == (pattern != path)


@given(st.text(max_size=80))
def test_folders_are_taken_by_every_system_and_by_nuke(text: str) -> None:
    made = paths.slug(text)
    assert 0 < len(made) <= 60
    assert not set(made) & set(paths.MEANT_BY_NUKE + '/\\:*?"<>| .')


def test_stamps_follow_size_and_time(tmp_path: Path) -> None:
    pattern = str(tmp_path / "a.####.exr")
    for frame in (1, 2):
        (tmp_path / f"a.{frame:04d}.exr").write_bytes(b"x")
    first = paths.stamps([pattern], 1, 2, fresh=True)
    assert first == paths.stamps([pattern], 1, 2, fresh=True)
    (tmp_path / "a.0002.exr").write_bytes(b"xy")
    assert first == paths.stamps([pattern], 1, 2), "looked at a moment ago"
    assert first != paths.stamps([pattern], 1, 2, fresh=True)
    assert paths.stamp_at([pattern], 1) != paths.stamp_at([pattern], 2)


# What is stale.

STATES = st.builds(
    State,
    st.dictionaries(st.text(max_size=8), st.text(max_size=8) | st.booleans() | st.integers(0, 9), max_size=4),
    st.text("abc", max_size=3),
    st.dictionaries(st.text(max_size=8), st.text("abc", max_size=3), max_size=3),
    st.integers(-9, 9),
    st.integers(-9, 9),
    st.none() | st.integers(-9, 9),
    st.tuples(st.integers(0, 9)),
)  # fmt: skip


@given(STATES)
def test_a_state_is_kept_in_a_knob(state: State) -> None:
    assert parse(state.text()) == state
    assert changes(state, state) == []


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", '{"settings": 3}', "[" * 5000, '{"first": "x"}'])
def test_what_is_no_state(text: str) -> None:
    assert parse(text) is None


def test_status_lines() -> None:
    then = State({"style": "a", "blend": "auto"}, "g", {"/s/p.####.exr": "1"}, 1, 9)
    assert status(None, then) == NOT_BAKED
    assert status(then, then, about="hero") == "baked 1-9 · hero"
    assert status(then, then._replace(first=2, last=4)) == "baked 1-9"
    # Another range has other files: of those no one can say that they changed.
    longer = then._replace(last=12, files={"/s/p.####.exr": "2"})
    assert status(then, longer) == "stale: the range is 1-12 · baked 1-9"
    other = then._replace(settings={"style": "b", "blend": "exact"}, graph="h", files={"/s/p.####.exr": "2"})
    assert status(then, other) == (
        "stale: edges, style changed; what src or mask shows has changed; p.####.exr changed on disk · baked 1-9"
    )
    assert status(then._replace(failed=(3, 4)), then) == "baked 1-9, but 2 frames failed"
    assert status(then._replace(still=5), then._replace(last=12)) == "baked from frame 5 alone"
    assert status(then, then, gone="/s/bake") == "the bake is gone: there is no /s/bake; bake again"


# Colour.


@pytest.mark.parametrize(
    ("settings", "space", "config"),
    [
        (("auto", "Nuke", "nuke-default", "", "linear", ""), "lin_rec709", "ocio://default"),
        (("auto", "OCIO", "nuke-default", "", "linear", ""), "lin_rec709", None),
        (("auto", "OCIO", "aces_1.2", "", "ACES - ACEScg", ""), "ACEScg", None),
        (("auto", "OCIO", "fn-nuke_cg-config-v1.0.0_aces-v1.3_ocio-v2.1", "", "scene_linear", ""), "ACEScg", None),
        (("auto", "OCIO", "aces_1.2", "", "Utility - Linear - sRGB", ""), "lin_rec709", None),
        (("auto", "OCIO", "custom", "/c/config.ocio", "scene_linear", ""), "scene_linear", "/c/config.ocio"),
        (("auto", "OCIO", "custom", "/c/config.ocio", "ACEScg", "/e.ocio"), "ACEScg", None),
        ((" ACES2065-1 ", "Nuke", "", "", "", ""), "ACES2065-1", None),
    ],
)
def test_working_spaces(settings: tuple[str, str, str, str, str, str], space: str, config: str | None) -> None:
    assert colour.working_space(*settings) == (space, config)
    if config in (None, "ocio://default") and space != "scene_linear":
        assert plate_matrix(space, attributes={}, config=config or "ocio://default").decode is None


# The worker's Python.


def test_interpreter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(session.VARIABLE, raising=False)
    with pytest.raises(SettingsError, match="set \\$LOOKMATTE_PYTHON"):
        session.interpreter(" ")
    monkeypatch.setenv(session.VARIABLE, sys.executable)
    assert session.interpreter("") == os.path.abspath(sys.executable)
    with pytest.raises(SettingsError, match="the knob python: there is no"):
        session.interpreter(str(tmp_path / "nothing"))
    with pytest.raises(SettingsError, match="is no Python environment"):
        session.interpreter(str(tmp_path))
    inside = Path(tmp_path, *(("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")))
    inside.parent.mkdir()
    inside.touch()
    assert session.interpreter(str(tmp_path)) == str(inside)


# The Python of Nuke 13.


@pytest.mark.parametrize("path", IN_NUKE, ids=lambda path: path.name)
def test_what_runs_in_nuke_is_python_37_and_the_standard_library(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 7))
    allowed = {"nuke", "lookmatte_nuke", *sys.stdlib_module_names}
    for one in ast.walk(tree):
        names = [alias.name for alias in one.names] if isinstance(one, ast.Import) else []
        if isinstance(one, ast.ImportFrom) and one.level == 0:
            names.append(one.module or "")
        assert {name.partition(".")[0] for name in names} <= allowed, f"{path.name}:{one.lineno}"


def old_python() -> str:
    """A real Python 3.7; skips where there is none."""
    homes = sorted(map(str, Path.home().glob(".pyenv/versions/3.7.*/bin/python")))
    for found in (os.environ.get("PYTHON37"), *homes, shutil.which("python3.7")):
        if found:
            said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False)
            if said.stdout.startswith("Python 3.7."):
                return found
    pytest.skip("NOT PROVED: that all of it runs in Python 3.7; $PYTHON37 names one")


def test_python_37_runs_it(tmp_path: Path) -> None:
    """Every module is compiled, and those without Nuke are used, by the oldest Python that Nuke has."""
    python = old_python()
    script = tmp_path / "try.py"
    script.write_text(
        f"""
import compileall, sys
sys.dont_write_bytecode = True
for path in {[str(path) for path in IN_NUKE]!r}:
    compile(open(path, encoding="utf-8").read(), path, "exec")
sys.path.insert(0, {str(REPOSITORY / "nuke_gizmo")!r})
from lookmatte_nuke import client, colour, exposure, exr, job, knobs, live, paths, session, state
settings = job.Settings("/s/gold.png", cuts=job.parse_cuts("3 4"))
made = job.job_mapping(settings, "/s/p.####.exr", job.Names(("a",), ""), "/s/o.####.exr", job.frames_text(1, 9))
then = state.State({{"style": "a"}}, "g", {{"f": "1"}}, 1, 9)
assert state.parse(then.text()) == then
print(job.fingerprint(made, ""), state.status(then, then), len(knobs.bindings()), paths.slug("a b"))
"""
    )
    ran = subprocess.run([python, str(script)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    settings = Settings("/s/gold.png", cuts=(3, 4))
    made = job_mapping(settings, "/s/p.####.exr", Names(("a",), ""), "/s/o.####.exr", "1-9")
    assert ran.stdout.split()[0] == job.fingerprint(made, "")


def test_python_37_talks_to_a_worker(worker: Path, tmp_path: Path, shot) -> None:  # type: ignore[no-untyped-def]
    """The oldest Python that Nuke has bakes with a worker in ours."""
    python = old_python()
    made = job_mapping(
        Settings(str(shot.folder / "red.png"), whole=True), str(shot.folder / "plate/sh.####.exr"), None,
        str(tmp_path / "o.####.exr"), "1001-1002",
    )  # fmt: skip
    asked = {"job": made, "bake": str(tmp_path / "bake"), "model": str(shot.model)}
    script = tmp_path / "try.py"
    script.write_text(
        f"""
import json, sys, time
sys.dont_write_bytecode = True
sys.path.insert(0, {str(REPOSITORY / "nuke_gizmo")!r})
from lookmatte_nuke import live, session
work = session.ask({str(worker)!r}, None, "bake", {asked!r}, "hero")
while not work.done:
    work.hear()
    time.sleep(0.05)
assert work.error is None, work.error
bake = live.Bake.open(work.result and {asked["bake"]!r})
print(json.dumps([work.result, bake.keys, sorted(bake.curves(bake.region()))]))
"""
    )
    ran = subprocess.run([python, str(script)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert '"done": [1001, 1002]' in ran.stdout
    assert "[1001, 1002], [" in ran.stdout


def test_the_package_carries_the_client_itself() -> None:
    carried = REPOSITORY / "nuke_gizmo" / "lookmatte_nuke" / "client.py"
    assert carried.read_bytes() == Path(client.__file__).read_bytes()
