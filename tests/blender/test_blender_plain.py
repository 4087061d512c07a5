"""What of the extension needs no Blender: jobs from settings, names of frames, environments."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from blender_addon import build, environment, installation, paths, records, session
from blender_addon.mapping import (
    NodeSettings,
    RegionSettings,
    SettingsError,
    fingerprint,
    job_mapping,
    keyframes,
    region_name,
)
from hypothesis import given
from hypothesis import strategies as st
from wheels import write_wheel

from lookmatte.job import Cryptomatte, Job, MatteFile, Strength


def settings(*regions: RegionSettings, temporal: str = "coherent") -> NodeSettings:
    return NodeSettings(regions, temporal)


def test_a_job_as_lookmatte_reads_it(tmp_path: Path) -> None:
    style = tmp_path / "gold.png"
    style.write_bytes(b"a picture")
    node = settings(
        RegionSettings("OBJECT", "hero: car", str(style), {1: 0.0, 2: 0.5, 3: 1.0}, exposure_limit=1.5),
        RegionSettings("NAME", "tree*", str(style), 0.6000000238),
        RegionSettings("FILE", str(tmp_path / "roto.####.exr"), str(style), blend="pixel"),
        RegionSettings("PASS", "ViewLayer.Mask.R", str(style)),
        RegionSettings("REST", "", str(style)),
    )
    made = job_mapping(node, str(tmp_path / "sh.####.exr"), str(tmp_path / "look" / "sh.####.exr"), "1-3")
    job = Job.from_mapping(made, "/")
    assert job.part == "ViewLayer.Combined"
    assert job.regions[0].name == "1 hero_ car"
    assert job.regions[0].source == Cryptomatte(("hero: car",), "ViewLayer.CryptoObject")
    assert job.regions[0].strength == Strength(((1, 0.0), (3, 1.0)))
    assert job.regions[0].exposure_limit == 1.5
    assert job.regions[1].source == Cryptomatte(("tree*",), None)
    assert job.regions[1].strength_at(7) == 0.6
    assert job.regions[2].source == MatteFile(str(tmp_path / "roto.####.exr"))
    assert job.regions[2].blend == "pixel"
    assert job.rest is not None
    assert job.frames == "1-3"


def test_everything_that_lacks_is_told_at_once() -> None:
    node = settings(RegionSettings("OBJECT", " ", ""), RegionSettings("REST", "", "", problem="it is not on disk"))
    with pytest.raises(SettingsError) as caught:
        job_mapping(node, "p.exr", "o.exr")
    lines = str(caught.value).splitlines()
    assert [
        words in line for words, line in zip(("pick an object", "no style", "not on disk"), lines, strict=True)
    ] == [True] * 3
    with pytest.raises(SettingsError, match="no region"):
        job_mapping(settings(), "p.exr", "o.exr")


def test_fingerprint_follows_what_a_frame_is_made_with() -> None:
    def of(strength: float | dict[int, float], frame: int = 1, over: str = "", temporal: str = "coherent") -> str:
        return fingerprint(settings(RegionSettings("REST", "", "s.png", strength), temporal=temporal), frame, over)

    assert of(1.0) == of(1.0, 5) == of({1: 0.2, 5: 1.0}, 5)
    assert len({of(1.0), of(0.5), of({1: 0.2, 5: 1.0}), of(1.0, over="look"), of(1.0, temporal="shot")}) == 5


@given(st.dictionaries(st.integers(-20, 40), st.floats(0, 1), min_size=1, max_size=20))
def test_keyframes_give_every_value_back(values: dict[int, float]) -> None:
    kept = keyframes(values)
    keys = kept if isinstance(kept, dict) else {0: kept}
    strength = Strength(tuple(sorted(keys.items())))
    for frame, value in values.items():
        assert strength.at(frame) == pytest.approx(value, abs=5e-6)


def test_a_straight_line_needs_two_keys() -> None:
    assert keyframes({frame: frame / 10 for frame in range(11)}) == {0: 0.0, 10: 1.0}
    assert keyframes({1: 0.5, 2: 0.5}) == 0.5


@given(st.text(max_size=90), st.integers(1, 32))
def test_region_names_are_accepted(target: str, number: int) -> None:
    name = region_name(number, target)
    job = Job.from_mapping(
        {"plate": "p.exr", "output": "o.exr", "regions": {name: {"style": __file__, "channel": "m.R"}}}, "/"
    )
    assert job.regions[0].name == name


@pytest.mark.parametrize(
    ("given_path", "pattern", "look"),
    [
        ("/s/sh.####", "/s/sh.####.exr", "/s/look/sh_look.####.exr"),
        ("/s/sh_###.exr", "/s/sh_###.exr", "/s/look/sh_look.###.exr"),
        ("/s/", "/s/####.exr", "/s/look/look.####.exr"),
        ("/s/a#b/v##_####", "/s/a#b/v##_####.exr", "/s/look/x"),
    ],
)
def test_patterns(given_path: str, pattern: str, look: str) -> None:
    assert paths.pattern_of(given_path) == pattern
    if look != "/s/look/x":
        assert paths.look_pattern(pattern) == look
    assert "#" in os.path.basename(paths.look_pattern(pattern))


def test_paths_of_frames() -> None:
    assert paths.path_at("/s/v##_####.exr", 7) == "/s/v##_0007.exr"
    assert paths.path_at("/s/still.exr", 7) == "/s/still.exr"
    assert paths.look_pattern("/s/still.exr", "warm") == "/s/warm/still_look.exr"
    assert paths.frames_text([3, 1, 2, 7]) == "1-3,7"


def test_paths_in_messages_are_short() -> None:
    assert paths.brief("/home/anna/shots/sh010/sh.####.exr") == "…/sh010/sh.####.exr"
    assert (paths.brief("/sh.exr"), paths.brief("sh.exr")) == ("/sh.exr", "sh.exr")
    folders = ["/home/anna/shots/sh010", "/home/anna/shots/sh010/look", "", "/"]
    said = "/home/anna/shots/sh010/sh.1.exr: cannot be written as /home/anna/shots/sh010/look/sh.1.exr"
    assert paths.in_brief(said, folders) == "…/sh010/sh.1.exr: cannot be written as …/look/sh.1.exr"


def test_errors_that_no_artist_can_read_are_told_in_other_words(tmp_path: Path) -> None:
    told: list[tuple[str, str]] = []
    log = str(tmp_path / "worker.log")
    asked = session.Session(log, lambda kind, text: told.append((kind, text)))
    asked.use(str(tmp_path / "no python"))
    asked.submit("inspect", {"file": "x.exr"}, "reading names")
    assert asked.drain(seconds=60)
    asked.close()
    ((kind, text),) = told
    assert kind == "ERROR"
    assert text.endswith("press Check in Edit > Preferences > Add-ons > lookmatte")
    fault = {"event": "error", "code": "internal", "message": "internal error: KeyError: 'x'", "hint": "traceback"}
    assert asked._plain(fault)["message"] == "lookmatte met a fault of its own"
    assert asked._plain(fault)["hint"] == f"what happened is in {log}"


def test_what_there_is_to_say_of_a_file(tmp_path: Path) -> None:
    plate, look = tmp_path / "p.exr", tmp_path / "l.exr"

    def standing(wanted: str) -> str:
        return records.standing(str(plate), str(look), wanted, "by itself")

    plate.touch()
    os.utime(plate, (100, 100))
    assert standing("a") == "missing"
    look.write_bytes(b"1")
    assert standing("a") == "elsewhere"
    records.note({str(look): "a", str(tmp_path / "none.exr"): "a"})
    assert (standing("a"), standing("b")) == ("fresh", "settings")
    records.note({str(look): "by itself"})
    assert standing("a") == "alone"
    look.write_bytes(b"22")
    assert standing("a") == "elsewhere", "the file is another one"
    os.utime(look, (50, 50))
    assert standing("a") == "render"


def test_notes_of_files_are_kept_together_and_may_be_damaged(tmp_path: Path) -> None:
    looks = [str(tmp_path / f"l.{frame}.exr") for frame in range(3)]
    for number, look in enumerate(looks):
        Path(look).touch()
        records.note({look: str(number)})
    assert [records.made_by(look) for look in looks] == ["0", "1", "2"]
    for damage in ("", "[1]", '{"l.0.exr": 3, "l.1.exr": [1, 2, 3]}', "{"):
        (tmp_path / ".lookmatte" / "frames.json").write_text(damage)
        assert {records.made_by(look) for look in looks} == {""}
    records.note({looks[0]: "again"})
    assert records.made_by(looks[0]) == "again"


def test_interpreter(tmp_path: Path) -> None:
    assert environment.interpreter(" ") == ""
    assert environment.interpreter(sys.executable) == os.path.abspath(sys.executable)
    with pytest.raises(ValueError, match="is not there"):
        environment.interpreter(str(tmp_path / "nothing"))
    with pytest.raises(ValueError, match="no Python environment"):
        environment.interpreter(str(tmp_path))


def test_commands_end_with_the_first_that_fails(tmp_path: Path) -> None:
    say = [sys.executable, "-c", "print('first')"]
    fail = [sys.executable, "-c", "import sys; print('second'); sys.exit(3)"]
    commands = environment.Commands([say, fail, say], str(tmp_path))
    assert commands.wait(60) == 3
    assert list(commands.lines) == ["first", "second"]
    missing = environment.Commands([[str(tmp_path / "nothing")]], str(tmp_path))
    assert missing.wait(60) == 1
    assert "No such file" in missing.last


def test_commands_can_be_stopped(tmp_path: Path) -> None:
    commands = environment.Commands([[sys.executable, "-c", "import time; time.sleep(600)"]], str(tmp_path))
    assert commands.code is None
    commands.stop()
    assert commands.wait(60) not in (None, 0)


def test_what_is_installed_is_what_was_tested(tmp_path: Path) -> None:
    """Of all that a server has: the tested version, and of that its CPU build."""
    tested = re.search(r"^torch==(\S+)$", build.CONSTRAINTS.read_text(), re.MULTILINE)
    assert tested is not None
    for version in (f"{tested[1]}+cpu", tested[1], "99.0"):
        write_wheel(tmp_path, "torch", version)
    wheel = write_wheel(tmp_path, "lookmatte", "9.9", needs="torch>=2.4")
    options = ["--dry-run", "--no-index", "--find-links", str(tmp_path), "--ignore-installed"]
    command = installation.install(sys.prefix, str(wheel), options, str(build.CONSTRAINTS))
    apart = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    done = subprocess.run(command, env={**apart, "PIP_CONFIG_FILE": os.devnull}, capture_output=True, text=True)
    assert f"Would install lookmatte-9.9 torch-{tested[1]}+cpu" in done.stdout, done.stderr


def test_an_installation_says_what_it_does_and_why_it_failed() -> None:
    said = [
        "Processing /a folder/lookmatte-0.1.0-py3-none-any.whl",
        "Collecting torch>=2.4 (from lookmatte==0.1.0)",
        "  Downloading torch-2.13.0-cp311-cp311-win_amd64.whl.metadata (28 kB)",
        "Downloading torch-2.13.0-cp311-cp311-win_amd64.whl (117.3 MB)",
        "Installing collected packages: mpmath, torch, lookmatte",
        "Successfully installed lookmatte-0.1.0 mpmath-1.3.0 torch-2.13.0",
    ]
    assert [installation.doing(said[:count]) for count in range(len(said) + 1)] == [
        "Making room for the libraries", *["Looking for the libraries"] * 3, "Downloading torch 2.13.0, 117.3 MB",
        "Unpacking 3 libraries, which takes a while", "Starting lookmatte for the first time",
    ]  # fmt: skip
    retry = "WARNING: Retrying (Retry(total=4, connect=None)) after connection broken by 'NewConnectionError'"
    none = "ERROR: No matching distribution found for torch>=2.4"
    for lines, words in (
        ([retry, none], "does not answer"),
        ([none], "there is no torch>=2.4 for Python"),
        (["ERROR: Could not install packages: [Errno 28] No space left on device"], "disk is full"),
        (["PermissionError: [Errno 13] Permission denied: '/there'"], "may not be written"),
        (["ERROR: something new", "[notice] A new release of pip is there"], "something new"),
        ([], "nothing was said"),
    ):
        assert words in installation.trouble(lines)
