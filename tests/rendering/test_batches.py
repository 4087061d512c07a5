"""Several shots in one command: checked before any is begun, told apart, planned, logged."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from shots import Nursery, Shot, make_shot

import lookmatte
from lookmatte.progress import printable
from lookmatte.rendering.plan import REPLACES, UNSURE

REPOSITORY = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((REPOSITORY / "core/lookmatte/events.json").read_text(encoding="utf-8"))
Maker = Callable[..., Shot]


@pytest.fixture
def two(shot: Maker) -> Shot:
    """Two shots of three frames in one folder; ``seq.yaml`` holds both, with a look each."""
    made = shot(range(1, 4), size=(32, 24))
    (made.folder / "other").mkdir()
    make_shot(made.folder / "other", made.model, range(1, 4), size=(32, 24), cut=1)
    mapping = made.mapping()
    shots = {
        "sh010": {"plate": mapping["plate"], "output": "out/a.####.exr"},
        "sh020": {"plate": "other/plate/sh.####.exr", "output": "out/b.####.exr", "temporal": {"mode": "frame"}},
    }
    (made.folder / "seq.yaml").write_text(json.dumps({"regions": mapping["regions"], "shots": shots}))
    return made


def files(folder: Path) -> dict[str, int]:
    """Every file with its time of change."""
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def events(text: str) -> list[dict[str, Any]]:
    """JSON lines, each of which keeps to the schema."""
    found = [json.loads(line) for line in text.splitlines()]
    for event in found:
        jsonschema.validate(event, SCHEMA)
    return found


def test_each_shot_is_rendered_as_if_it_were_alone(two: Shot, nursery: Nursery) -> None:
    ran = nursery.run("render", "seq.yaml", "--model", two.model, "--json", cwd=two.folder)
    assert (ran.returncode, ran.stderr) == (0, "")
    told = events(ran.stdout)
    for name in ("sh010", "sh020"):
        own = [one["event"] for one in told if one.get("shot") == name and one["event"] != "note"]
        assert own == ["start", "frame_done", "frame_done", "frame_done", "done"]
    for name, pattern in (("sh010", "a"), ("sh020", "b")):
        job = lookmatte.Job.load(two.folder / "seq.yaml", name)
        alone = two.job("alone", plate=job.plate, temporal={"mode": job.temporal.mode})
        assert lookmatte.render(alone, model=two.model, overwrite=True).done == [1, 2, 3]
        for frame in two.frames:
            styled = (two.folder / f"out/{pattern}.{frame:04d}.exr").read_bytes()
            assert styled == two.output(frame, "alone").read_bytes()


def test_bake_and_apply_keep_the_bakes_of_shots_apart(two: Shot, nursery: Nursery) -> None:
    assert nursery.run("bake", "seq.yaml", "--model", two.model, cwd=two.folder).returncode == 0
    assert (two.folder / "seq.bake/sh010/bake.json").is_file()
    assert (two.folder / "seq.bake/sh020/bake.json").is_file()
    ran = nursery.run("apply", "seq.yaml", "--shot", "sh020", "--frames", "2", cwd=two.folder)
    assert ran.returncode == 0
    assert [path.name for path in (two.folder / "out").glob("*.exr")] == ["b.0002.exr"]


def test_one_shot_of_several_is_chosen_by_its_name(two: Shot, nursery: Nursery) -> None:
    for words, said in (
        (["render", "seq.yaml", "--shot", "sh01"], "--shot: seq.yaml has no shot 'sh01'; nearest: sh010"),
        (["preview", "seq.yaml"], "seq.yaml holds 2 shots (sh010, sh020); name one of them"),
        (["render", "p.####.exr", "--style", "red.png", "-o", "x.####.exr", "--shot", "a"], "is a plate"),
    ):
        ran = nursery.run(*words, cwd=two.folder)
        assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
        assert said in ran.stderr
    ran = nursery.run("preview", "seq.yaml", "--shot", "sh020", "--model", two.model, "--json", cwd=two.folder)
    assert ran.returncode == 0
    assert Path(events(ran.stdout)[-1]["path"]).name == "seq.sh020.preview.png"


def test_a_mistake_in_one_shot_keeps_all_from_being_begun(two: Shot, nursery: Nursery) -> None:
    for path in (two.folder / "other/plate").iterdir():
        path.unlink()
    before = files(two.folder)
    ran = nursery.run("render", "seq.yaml", "--model", two.model, cwd=two.folder)
    assert ran.returncode == 2
    (line,) = ran.stderr.splitlines()
    assert line.startswith("lookmatte: error: shot sh020: plate: ")
    assert files(two.folder) == before


def test_a_shot_that_is_lost_does_not_take_the_others_along(two: Shot, nursery: Nursery) -> None:
    for path in (two.folder / "plate").iterdir():
        path.write_bytes(b"no picture")
    ran = nursery.run("render", "seq.yaml", "--model", two.model, "--json", cwd=two.folder)
    assert ran.returncode == 1
    told = events(ran.stdout)
    assert [one["done"] for one in told if one["event"] == "done"] == [3]
    assert told[-1]["event"] == "error"
    assert {line.split(": ")[0] for line in told[-1]["message"].splitlines()} == {"shot sh010"}


@pytest.mark.parametrize("command", ["render", "bake"])
def test_a_dry_run_tells_what_a_run_then_does(two: Shot, nursery: Nursery, command: str) -> None:
    words = [command, "seq.yaml", "--model", two.model, "--json"]
    (two.folder / "out").mkdir()
    (two.folder / "out/a.0002.exr").write_bytes(b"not ours")
    two.plate(3).write_bytes(b"no picture")
    before = files(two.folder)
    ran = nursery.run(*words, "--dry-run", cwd=two.folder)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert files(two.folder) == before
    planned = [one for one in events(ran.stdout) if one["event"] == "plan_frame"]
    assert {file["bytes"] for one in planned for file in one["reads"]} == {
        path.stat().st_size for path in (*two.folder.glob("plate/*"), *two.folder.glob("other/plate/*"))
    }
    done = [one for one in events(nursery.run(*words, cwd=two.folder).stdout) if one["event"].startswith("frame_")]
    # That a picture is damaged shows when it is read.
    expected = {(one["shot"], one["frame"]): one["action"] for one in planned} | {("sh010", 3): "fail"}
    names = {"frame_done": "make" if command == "render" else "bake", "frame_failed": "fail"}
    assert {(one["shot"], one["frame"]): names[one["event"]] for one in done} == expected
    if command == "render":
        written = {file["path"] for one in planned for file in one["writes"] if one["action"] == "make"}
        lacking = [name for name in written if not Path(name).is_file()]
        assert [Path(name).name.split(".")[-2] for name in lacking] == ["0003"] * len(lacking)


def test_a_dry_run_knows_what_is_there(two: Shot, nursery: Nursery) -> None:
    words = ["render", "seq.yaml", "--model", two.model]
    assert nursery.run(*words, cwd=two.folder).returncode == 0
    (two.folder / "out/b.0002.exr").unlink()
    before = files(two.folder)
    ran = nursery.run(*words, "--dry-run", cwd=two.folder)
    assert (ran.returncode, files(two.folder)) == (0, before)
    made = [line for line in ran.stdout.splitlines() if " made: " in line]
    assert len(made) == 1
    assert made[0].startswith("sh020: frame 2 made: ")
    assert "sh010: 3 there already" in ran.stdout
    assert "sh020: 1 to make, 2 there already" in ran.stdout
    assert ran.stdout.splitlines()[-1].startswith("2 shots: 1 to make, 5 there already; reads ")
    again = nursery.run(*words, "--dry-run", "--overwrite", cwd=two.folder).stdout.splitlines()
    assert sum("made (replaces the frame that is there): " in line for line in again) == 5
    assert again[-1].startswith("2 shots: 6 to make (5 in place of what is there); reads ")
    assert files(two.folder) == before


def test_a_dry_run_says_which_frames_may_stay(shot: Maker) -> None:
    """With a memory a new frame has the shot baked anew, and the frames before it come out as they were."""
    made = shot(range(1, 5), size=(32, 24))
    job = made.job(temporal={"mode": "coherent"})
    lookmatte.render(job, model=made.model)
    made.plate(3).touch()
    run = lookmatte.rendering.Run(job, model=made.model)
    plan = {one.frame: (one.action, one.why) for one in run.plan().frames}
    assert plan == {1: ("make", UNSURE), 2: ("make", UNSURE), 3: ("make", REPLACES), 4: ("make", UNSURE)}
    summary = run.run()
    assert (summary.done, summary.skipped) == ([3], [1, 2, 4])


def test_a_dry_run_warns_of_holes_as_a_run_does(two: Shot, nursery: Nursery) -> None:
    two.plate(2).unlink()
    ran = nursery.run("render", "seq.yaml", "--model", two.model, "--dry-run", "--json", cwd=two.folder)
    (warning,) = [one for one in events(ran.stdout) if one["event"] == "warning"]
    holes = f"the sequence has holes: 2 missing from {two.folder / 'plate/sh.####.exr'}"
    assert (ran.returncode, warning) == (0, {"event": "warning", "shot": "sh010", "message": holes})


def test_a_dry_run_of_some_frames_bakes_no_further_than_they_need(shot: Maker) -> None:
    made = shot(range(1, 13), size=(32, 24), objects=("hero",))
    run = lookmatte.rendering.Run(
        made.job(temporal={"mode": "coherent", "subsample": 4}), frames="2-3", model=made.model
    )
    plan = {one.frame: one.action for one in run.plan().frames}
    assert plan == {1: "bake", 2: "make", 3: "make", 5: "bake"}
    run.run()
    assert run.store.keys == [1, 5]


def test_a_log_has_time_machine_shot_frame_and_file(two: Shot, nursery: Nursery) -> None:
    log = two.folder / "logs/render.log"
    two.plate(2).write_bytes(b"no picture")
    words = ["render", "seq.yaml", "--model", two.model, "--quiet", "--log", log]
    assert nursery.run(*words, cwd=two.folder).returncode == 1
    assert nursery.run(*words, "--shot", "sh030", cwd=two.folder).returncode == 2
    lines = log.read_text(encoding="utf-8").splitlines()
    assert all(line[:10].count("-") == 2 and line[10:19].count(":") == 2 for line in lines)
    said = [line.split(" ", 3)[3].split(None, 1) for line in lines]
    texts = [text for _, text in said]
    assert any(text.startswith(f"sh020 frame 1 -> {two.folder / 'out/b.0001.exr'} (") for text in texts)
    (failure,) = [text for level, text in said if level == "ERROR" and "frame 2" in text]
    assert failure.startswith("sh010 frame 2: ")
    assert printable(str(two.plate(2))) in failure
    assert said[-1] == ["ERROR", "exit code 1"]


def test_a_log_that_cannot_be_written_is_one_line(two: Shot, nursery: Nursery) -> None:
    ran = nursery.run("render", "seq.yaml", "--log", "red.png/x.log", cwd=two.folder)
    assert (ran.returncode, ran.stderr.count("\n")) == (2, 1)
    assert "--log: red.png/x.log cannot be written" in ran.stderr


def test_plates_of_one_name_keep_bakes_of_their_own(two: Shot) -> None:
    jobs = [two.job("same", plate=plate) for plate in ("plate/sh.####.exr", "other/plate/sh.####.exr")]
    runs = [lookmatte.rendering.Run(job, model=two.model) for job in jobs]
    assert runs[0].store.header.bake == runs[1].store.header.bake
    assert runs[0].store.folder != runs[1].store.folder


def test_the_snippet_for_several_shots_does_what_it_says(
    two: Shot, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(two.folder)
    page = (REPOSITORY / "docs/td.md").read_text(encoding="utf-8")
    blocks = [block.split("```")[0] for block in page.split("```python\n")[1:]]
    (snippet,) = [block for block in blocks if "load_shots" in block]
    two.plate(2).write_bytes(b"no picture")
    with pytest.raises(SystemExit) as ended:
        exec(compile(snippet, "td.md", "exec"), {})
    assert ended.value.code == 1
    assert capsys.readouterr().out.splitlines() == ["sh010 [2]", "sh020 is done"]
    assert sorted(path.name for path in (two.folder / "out").glob("*.exr")) == [
        "a.0001.exr", "a.0003.exr", "b.0001.exr", "b.0002.exr", "b.0003.exr",
    ]  # fmt: skip


def test_what_other_commands_print_keeps_to_the_schema_too(two: Shot, nursery: Nursery) -> None:
    assert nursery.run("render", "seq.yaml", "--model", two.model, cwd=two.folder).returncode == 0
    names = []
    for words in (
        ["inspect", two.plate(1), "--json"],
        ["report", "seq.yaml", "--shot", "sh010", "--json"],
        ["render", "nothing.yaml", "--json"],
    ):
        names.append(events(nursery.run(*words, cwd=two.folder).stdout)[-1]["event"])
    assert names == ["inspect", "report", "error"]
    assert (two.folder / "seq.sh010.report.html").is_file()
