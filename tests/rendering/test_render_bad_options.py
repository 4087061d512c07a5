"""Options, bakes and JSON through the real command: what does not fit ends in one clear line."""

from __future__ import annotations

import json

import pytest
from shots import Nursery, Shot, lookmatte, whole_frames


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("render", "."), "a plate needs --style and -o; a job file's name ends in .yaml"),
        (("render", "job.yaml", "--frames", "1-100000000"), "'1-100000000' asks for more than 1,000,000 frames"),
        (("render", "job.yaml", "--frames", "4-6"), "--frames: 6 not in the job; it has 1-5"),
        (("render", "job.yaml", "--model", "red.png"), "red.png: not a safetensors file"),
        (("render", "job.yaml", "--model", "none.safetensors"), "none.safetensors: no such model file"),
        (("render", "job.yaml", "--device", "gpu"), "'gpu' cannot be used here (it is none of cpu, cuda, mps"),
        (("render", "job.yaml", "--device", "cuda:77"), "device: 'cuda:77' cannot be used here"),
        (("render", "folder.yaml"), "job file 'folder.yaml' cannot be read: Is a directory"),
        (("bake", "job.yaml", "--frames", "1"), "bake does not know '--frames'"),
        (("apply", "job.yaml"), "job.bake: there is no bake here (no bake.json); run lookmatte bake first"),
        (("apply", "job.yaml", "--bake", "red.png"), "red.png"),
    ],
)
def test_bad_options_are_one_line(made: Shot, nursery: Nursery, words: tuple[str, ...], said: str) -> None:
    made.save_job()
    (made.folder / "folder.yaml").mkdir()
    ran = nursery.run(*words, cwd=made.folder)
    assert ran.returncode == 2
    assert "Traceback" not in ran.stderr
    (line,) = ran.stderr.splitlines()
    assert said in line
    assert not (made.folder / "out").exists()


def test_a_bake_of_another_job_is_not_applied(made: Shot, nursery: Nursery) -> None:
    job = made.save_job()
    assert nursery.run("bake", job, "--model", made.model, "--quiet").returncode == 0
    made.save_job(regions={"hero": {"cryptomatte": "hero", "style": "green.png"}})
    ran = nursery.run("apply", job, "--quiet")
    assert ran.returncode == 2
    folder = made.folder / "job.bake"
    said = f"{folder}: this bake was made by another job, style or model; run lookmatte bake again"
    assert ran.stderr == f"lookmatte: error: {said}\n"


def test_a_damaged_bake_fails_the_frames_that_need_it(made: Shot, nursery: Nursery) -> None:
    job = made.save_job()
    assert nursery.run("bake", job, "--model", made.model, "--quiet").returncode == 0
    grid = made.folder / "job.bake/01_hero.grid.0002.exr"
    grid.write_bytes(grid.read_bytes()[:-50])
    (made.folder / "job.bake/00_car.grid.0004.exr").unlink()
    ran = nursery.run("apply", job, "--quiet")
    assert ran.returncode == 1
    first, second, last = ran.stderr.splitlines()
    assert f"frame 2 FAILED: {grid}: is not whole" in first
    assert "frame 4 FAILED: " in second
    assert "00_car.grid.0004.exr: missing from the bake; bake the job again" in second
    assert last == "3 done, 0 skipped, 2 failed"
    assert whole_frames(made) == [1, 3, 5]


def test_programs_are_told_the_same_in_json(made: Shot) -> None:
    data = made.plate(3).read_bytes()
    made.plate(3).write_bytes(data[: len(data) // 2])
    job = made.save_job()
    ran = lookmatte("render", job, "--model", made.model, "--json")
    events = [json.loads(line) for line in ran.stdout.splitlines()]
    assert (ran.returncode, ran.stderr) == (1, "")
    assert [event["event"] for event in events if event["event"] != "frame_done"] == [
        "start",
        "frame_failed",
        "done",
    ]
    (failed,) = [event for event in events if event["event"] == "frame_failed"]
    assert failed["frame"] == 3
    assert "is not whole" in failed["message"]
    assert events[-1] == {"event": "done", "done": 4, "skipped": 0, "failed": 1}


def test_an_unknown_kernel_is_one_line(made: Shot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOKMATTE_KERNEL", "numbra")
    ran = lookmatte("render", made.save_job())
    assert ran.returncode == 2
    assert ran.stderr == "lookmatte: error: LOOKMATTE_KERNEL: 'numbra' is no kernel; nearest: numba\n"
    assert not (made.folder / "out").exists()
