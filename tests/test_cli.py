"""The command line: exit codes, one line an error, nothing heavy before a command runs."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from lookmatte import cli
from lookmatte.commands import doctor
from lookmatte.errors import FrameError, InputError
from lookmatte.job import Channel, Cryptomatte, Job, MatteFile
from lookmatte.progress import JsonLines, Lines, printable

DATA = Path(__file__).parent / "data"
BLENDER_45, BLENDER_50 = DATA / "blender45.exr", DATA / "blender50.exr"


def lookmatte(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lookmatte.cli", *words],
        env={**os.environ, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = cli.main(words)
    out, err = capsys.readouterr()
    return code, out, err


# ---- the whole --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["render", "--help"], ["rendr"]])
def test_nothing_heavy_is_imported_before_a_command_runs(words: list[str]) -> None:
    heavy = ["torch", "OpenImageIO", "OpenEXR", "numpy", "cv2", "PyOpenColorIO", "tqdm", "fileseq"]
    script = (
        "import sys; from lookmatte.cli import main; code = main(sys.argv[1:]);"
        f"print('LOADED', [name for name in {heavy} if name in sys.modules], code)"
    )
    ran = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == f"LOADED [] {2 if words == ['rendr'] else 0}"


def test_version_is_the_installed_one(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--version")
    assert (code, out) == (0, f"lookmatte {cli.version()}\n")


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--help")
    assert code == 0
    for command in cli.COMMANDS:
        assert f"\n    {command.__name__.rpartition('.')[2]} " in out


def test_every_documented_command_and_no_other_exists(capsys: pytest.CaptureFixture[str]) -> None:
    documented = (DATA.parent.parent / "docs/td.md").read_text(encoding="utf-8")
    rows = {line.split()[2].rstrip("`") for line in documented.splitlines() if line.startswith("| `lookmatte ")}
    assert rows == set(cli.build_parser()[1])


def test_every_documented_event_and_no_other_has_a_schema() -> None:
    documented = (DATA.parent.parent / "docs/td.md").read_text(encoding="utf-8")
    rows = [line for line in documented.partition("## JSON lines")[2].splitlines() if line.startswith("| `")]
    told = {name for line in rows for name in re.findall(r"`(\w+)`", line.split("|")[1])}
    schema = json.loads((Path(cli.__file__).parent / "events.json").read_text(encoding="utf-8"))
    assert {one["$ref"].rpartition("/")[2] for one in schema["oneOf"]} == told
    assert {name for name, one in schema["$defs"].items() if one.get("type") == "object"} == told
    for name in told:
        assert schema["$defs"][name]["properties"]["event"]["const"] == name


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], ["COMMAND"]),
        (["rendr"], ["unknown command 'rendr'", "nearest: render"]),
        (["render"], ["JOB|PLATE"]),
        (["render", "j.yaml", "--overwite"], ["'--overwite'", "nearest: --overwrite"]),
        (["render", "j.yaml", "--threads", "0"], ["--threads", "from 1 on", "'0'"]),
        (["render", "j.yaml", "--threads", "²"], ["--threads", "from 1 on"]),
        (["render", "plate.####.exr"], ["a plate needs --style and -o"]),
        (["render", "plate.####.exr", "--style", "a.jpg"], ["a plate needs -o"]),
        (["render", "j.yaml", "--style", "a.jpg"], ["--style", "write that in j.yaml"]),
        (["render", "nowhere.yaml"], ["no file", "nowhere.yaml"]),
        (["bake", "plate.####.exr"], ["plate.####.exr is no job file"]),
        (["inspect", "nothing.exr"], ["nothing.exr"]),
    ],
)
def test_bad_usage_is_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], words: list[str], expected: list[str]
) -> None:
    code, out, err = run(capsys, *words)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert err.startswith("lookmatte: error: ")
    for part in expected:
        assert part in err


def failing(error: BaseException) -> Any:
    def run(args: object) -> int:
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (InputError("a: wrong\nb: wrong too"), 2, ["lookmatte: error: a: wrong", "lookmatte: error: b: wrong too"]),
        (FrameError("frame 7 is cut off"), 1, ["lookmatte: error: frame 7 is cut off"]),
        (InputError("red \x1b[31m name"), 2, ["lookmatte: error: red \\x1b[31m name"]),
        (KeyboardInterrupt(), 130, ["lookmatte: interrupted; the frames that are there are whole"]),
        (
            ZeroDivisionError("by\nzero"),
            1,
            [
                "lookmatte: error: internal error: ZeroDivisionError: by zero; "
                "run again with LOOKMATTE_DEBUG=1 for the traceback"
            ],
        ),
    ],
)
def test_every_error_has_its_exit_code(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    code: int,
    said: list[str],
) -> None:
    monkeypatch.delenv("LOOKMATTE_DEBUG", raising=False)
    monkeypatch.setattr(doctor, "run", failing(error))
    assert run(capsys, "doctor") == (code, "", "".join(line + "\n" for line in said))


def test_errors_are_an_event_with_json(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "inspect", str(DATA / "blender46.exr"), "--json")
    assert code == 2
    event = json.loads(out)
    assert (event["event"], event["kind"]) == ("error", "input")
    assert "there is no such file; nearest: blender" in event["message"]
    assert err == f"lookmatte: error: {event['message']}\n"


def test_debug_shows_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOKMATTE_DEBUG", "1")
    monkeypatch.setattr(doctor, "run", failing(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        cli.main(["doctor"])


@pytest.mark.skipif(os.name != "posix", reason="sh closes the streams")
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_a_service_needs_no_standard_streams(tmp_path: Path, closed: str) -> None:
    """What is opened later gets none of their numbers: a library that prints would print into it."""
    script = tmp_path / "run.py"
    script.write_text(
        "import os\n"
        "from lookmatte import cli\n"
        "codes = [cli.main(['--version']), cli.main(['rendr'])]\n"
        f"opened = os.open({str(tmp_path / 'frame')!r}, os.O_WRONLY | os.O_CREAT)\n"
        "os._exit(0 if codes == [0, 2] and opened > 2 else 9)\n"
    )
    ran = subprocess.run(["sh", "-c", f'exec "$0" "$1" {closed}', sys.executable, script], check=False, timeout=60)
    assert ran.returncode == 0


def test_a_closed_pipe_is_quiet() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stdout:
        ran = subprocess.run(
            [sys.executable, "-m", "lookmatte.cli", "inspect", str(BLENDER_45)],
            stdout=stdout, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (1, "")


# ---- render, bake, apply ----------------------------------------------------------------------------------


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Record what the commands ask of ``lookmatte.rendering.Run`` in place of rendering."""
    calls: list[dict[str, Any]] = []

    class Run:
        def __init__(self, job: Job, **options: Any) -> None:
            self._failed = len(job.regions) > 1
            calls.append({"job": job, **options})

        def run(self) -> SimpleNamespace:
            return SimpleNamespace(done=2, skipped=1, failed=self._failed)

    module = ModuleType("lookmatte.rendering")
    module.Run = Run  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "lookmatte.rendering", module)
    return calls


@pytest.fixture
def shot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "gold.jpg").write_bytes(b"gold")
    region = "{cryptomatte: [a], style: gold.jpg}"
    job = f"plate: p.####.exr\noutput: o.####.exr\nregions:\n  hero: {region}\n"
    (tmp_path / "job.yaml").write_text(job)
    (tmp_path / "two.yaml").write_text(f"{job}  other: {region}\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_stages_ask_for_what_their_options_say(
    capsys: pytest.CaptureFixture[str], shot: Path, rendered: list[dict[str, Any]]
) -> None:
    assert run(capsys, "render", "job.yaml", "--frames", "1-5", "--overwrite")[0] == 0
    assert run(capsys, "bake", "job.yaml", "--json")[0] == 0
    assert run(capsys, "apply", "job.yaml", "--bake", "elsewhere", "--quiet")[0] == 0
    first, second, third = rendered
    assert first["job"] == Job.load(shot / "job.yaml")
    assert (first["stage"], first["frames"], first["overwrite"], first["bake_dir"]) == ("render", "1-5", True, None)
    assert (second["stage"], second["overwrite"], second["bake_dir"]) == ("bake", False, Path("job.bake"))
    assert (third["stage"], third["bake_dir"]) == ("apply", Path("elsewhere"))
    assert [type(call["progress"]) for call in rendered] == [Lines, JsonLines, Lines]


@pytest.mark.parametrize("given", ["-3-4", "-7--3", "-5", "-3-4:2", "-8--2x3,1"])
def test_frames_may_begin_below_zero(
    capsys: pytest.CaptureFixture[str], shot: Path, rendered: list[dict[str, Any]], given: str
) -> None:
    """A farm writes what a task's frames are, after the option, and asks nobody."""
    assert run(capsys, "apply", "job.yaml", "--quiet", "--openjd", "--frames", given, "--overwrite")[0] == 0
    assert (rendered[0]["frames"], rendered[0]["overwrite"]) == (given.replace(":", "x"), True)


def test_failed_frames_are_exit_code_1(
    capsys: pytest.CaptureFixture[str], shot: Path, rendered: list[dict[str, Any]]
) -> None:
    assert run(capsys, "render", "two.yaml")[0] == 1


@pytest.mark.parametrize(
    ("matte", "source"),
    [
        ("crypto:chr:*", Cryptomatte(("chr:*",))),
        ("channel:mask.R", Channel("mask.R")),
        ("file:roto/a.####.exr", "roto/a.####.exr"),
    ],
)
def test_a_plate_and_a_style_need_no_job_file(
    capsys: pytest.CaptureFixture[str], shot: Path, rendered: list[dict[str, Any]], matte: str, source: Any
) -> None:
    words = ["render", "p.####.exr", "--style", "gold.jpg", "-o", "out/o.####.exr", "--strength", "0.25"]
    code, _, err = run(capsys, *words, "--matte", matte, "--space", "ACEScg")
    assert (code, err) == (0, "")
    job = rendered[0]["job"]
    assert (job.plate, job.output) == (str(shot / "p.####.exr"), str(shot / "out/o.####.exr"))
    assert job.color.space == "ACEScg"
    region = job.regions[0]
    assert region.source == (MatteFile(str(shot / source)) if isinstance(source, str) else source)
    assert region.strength_at(1) == 0.25
    assert job.rest is None


def test_without_a_matte_the_whole_frame_is_styled(
    capsys: pytest.CaptureFixture[str], shot: Path, rendered: list[dict[str, Any]]
) -> None:
    assert run(capsys, "render", "p.####.exr", "--style", "gold.jpg", "-o", "o.####.exr")[0] == 0
    job = rendered[0]["job"]
    assert job.regions == ()
    assert job.rest.style.pictures[0].image == str(shot / "gold.jpg")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--style", "golf.jpg"], ["--style: there is no file", "nearest: gold.jpg"]),
        (["--style", "gold.jpg", "--strength", "nan"], ["--strength: must be a number from 0 to 1, not nan"]),
        (["--style", "gold.jpg", "--strength", "lots"], ["--strength: must be", "'lots'"]),
        (["--style", "gold.jpg", "--matte", "cripto:a"], ["--matte", "'cripto:a'", "nearest: crypto"]),
        (["--style", "gold.jpg", "--matte", "crypto:"], ["--matte", "'crypto:'"]),
        (["--style", "gold.jpg", "--matte", "file:$NO_SUCH_VARIABLE"], ["--matte", "$NO_SUCH_VARIABLE", "not set"]),
    ],
)
def test_options_are_named_as_they_were_typed(
    capsys: pytest.CaptureFixture[str],
    shot: Path,
    rendered: list[dict[str, Any]],
    options: list[str],
    expected: list[str],
) -> None:
    code, _, err = run(capsys, "render", "p.####.exr", "-o", "o.####.exr", *options)
    assert (code, rendered) == (2, [])
    assert err.count("\n") == 1
    for part in expected:
        assert part in err


def test_train_hands_its_options_on(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []
    module = ModuleType("lookmatte.training.train")
    module.main = lambda argv: seen.append(list(argv)) or 0  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "lookmatte.training.train", module)
    assert run(capsys, "train", "--steps", "3", "configs/a.yaml", "--help")[0] == 0
    assert seen == [["--steps", "3", "configs/a.yaml", "--help"]]


def test_train_says_what_it_needs(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("lookmatte.training")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "cv2", None)
    code, _, err = run(capsys, "train", "configs/a.yaml")
    assert code == 2
    assert err == "lookmatte: error: training needs: pip install 'lookmatte[train]'\n"


# ---- progress ---------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def tell(progress: Lines | JsonLines) -> None:
    progress.start(3, stage="render", output="o.####.exr")
    progress.warning("no alpha")
    progress.warning("no alpha")
    progress.note("baked")
    progress.frame_skipped(1, Path("o.0001.exr"))
    progress.frame_failed(2, "cut \x1b off")
    progress.frame_done(3, Path("o.0003.exr"), 1.25)
    progress.done(1, 1, 1)


def test_plain_lines_where_there_is_no_terminal() -> None:
    stream = io.StringIO()
    tell(Lines(stream))
    assert stream.getvalue().splitlines() == [
        "render: 3 frames -> o.####.exr",
        "warning: no alpha",
        "baked",
        "[1/3] frame 1 is there already: o.0001.exr",
        "[2/3] frame 2 FAILED: cut \\x1b off",
        "[3/3] frame 3 -> o.0003.exr (1.25 s)",
        "1 done, 1 skipped, 1 failed",
    ]


def test_quiet_tells_warnings_and_failures() -> None:
    stream = io.StringIO()
    tell(Lines(stream, quiet=True))
    assert stream.getvalue().splitlines() == [
        "warning: no alpha",
        "[2/3] frame 2 FAILED: cut \\x1b off",
        "1 done, 1 skipped, 1 failed",
    ]


def test_a_terminal_shows_a_bar_and_keeps_the_failures() -> None:
    stream = Terminal()
    tell(Lines(stream))
    text = stream.getvalue()
    assert "0/3" in text
    assert "frame 2 FAILED" in text
    assert "o.0003.exr" not in text
    assert text.endswith("1 done, 1 skipped, 1 failed\n")


def test_json_lines_are_one_object_a_line() -> None:
    stream = io.StringIO()
    tell(JsonLines(stream))
    assert [json.loads(line) for line in stream.getvalue().splitlines()] == [
        {"event": "start", "total": 3, "stage": "render", "output": "o.####.exr"},
        {"event": "warning", "message": "no alpha"},
        {"event": "note", "message": "baked"},
        {"event": "frame_skipped", "frame": 1, "path": "o.0001.exr"},
        {"event": "frame_failed", "frame": 2, "message": "cut \x1b off"},
        {"event": "frame_done", "frame": 3, "path": "o.0003.exr", "seconds": 1.25},
        {"event": "done", "done": 1, "skipped": 1, "failed": 1},
    ]


def test_names_from_files_cannot_steer_a_terminal() -> None:
    assert printable("a\x1b[2J\nb\u202ec Ä") == "a\\x1b[2J\\nb\\u202ec Ä"


# ---- inspect ----------------------------------------------------------------------------------------------


def test_inspect_shows_what_an_artist_needs(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "inspect", str(BLENDER_50))
    assert (code, err) == (0, "")
    assert "plate     ViewLayer.Combined.R, ViewLayer.Combined.G, ViewLayer.Combined.B; " in out
    assert "alpha ViewLayer.Combined.A; half, part 0" in out
    assert "color     linear Rec.709 (colorInteropID)" in out
    assert "part 3 ViewLayer.CryptoObject00: 96x54, zip" in out
    lines = [line.split() for line in out.splitlines() if line.endswith(" %")]
    assert ["Grüne", "Kugel"] in [line[:2] for line in lines]
    assert "without a pixel: " in out


def test_both_blender_layouts_show_the_same_names(capsys: pytest.CaptureFixture[str]) -> None:
    found = []
    for path in (BLENDER_45, BLENDER_50):
        code, out, _ = run(capsys, "inspect", str(path), "--layer", "object", "--json")
        assert code == 0
        (layer,) = json.loads(out)["cryptomattes"]
        shares = [one["percent"] for one in layer["names"]]
        assert shares == sorted(shares, reverse=True)
        assert 0 < sum(shares) <= 100.001
        found.append({one["name"] for one in layer["names"]})
    assert found[0] == found[1]
    assert "hero cube" in found[0]


def test_inspect_names_the_nearest_layer(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "inspect", str(BLENDER_45), "--layer", "ViewLayer.CryptoObjekt")
    assert code == 2
    assert "CryptoObject" in err


def test_inspect_shows_range_holes_and_frames_that_differ(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for frame in (1001, 1002, 1005):
        (tmp_path / f"p.{frame}.exr").write_bytes(BLENDER_45.read_bytes())
    pattern = str(tmp_path / "p.####.exr")
    code, out, _ = run(capsys, "inspect", pattern)
    assert code == 0
    assert "3 frames, 1001-1002,1005" in out
    assert "missing   1003-1004" in out
    (tmp_path / "p.1003.exr").write_bytes(BLENDER_50.read_bytes())
    (tmp_path / "p.1004.exr").write_bytes(BLENDER_45.read_bytes()[:20000])
    code, out, _ = run(capsys, "inspect", pattern)
    assert code == 1
    assert "differs   1003: 8 parts instead of 1" in out
    assert "differs   1004: " in out


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n" + bytes(40)])
def test_inspect_refuses_what_is_no_exr(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "a.exr").write_bytes(content)
    code, out, err = run(capsys, "inspect", str(tmp_path / "a.exr"))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "a.exr" in err


# ---- doctor -----------------------------------------------------------------------------------------------


def test_doctor_checks_this_machine() -> None:
    ran = lookmatte("doctor", "--json", OCIO="")
    findings = {event["check"]: event for event in map(json.loads, ran.stdout.splitlines())}
    assert {"python", "torch", "OpenImageIO", "OpenEXR", "OCIO", "disk", "kernel"} <= findings.keys()
    assert "cg-config" in findings["OCIO"]["found"]
    assert [one for one in findings.values() if one["state"] == "FAIL"] == []
    assert ran.returncode == 0


def test_doctor_says_what_to_do() -> None:
    ran = lookmatte("doctor", OCIO="/nowhere/config.ocio")
    assert ran.returncode == 1
    (line,) = [line for line in ran.stdout.splitlines() if line.startswith("FAIL") and "OCIO" in line]
    assert "/nowhere/config.ocio" in line
    assert line.endswith("; set $OCIO to a config that exists, or unset it")
