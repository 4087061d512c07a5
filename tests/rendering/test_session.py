"""The process that a farm's session keeps: one for all tasks, gone with the session, missed by nobody."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from shots import Nursery, Shot, Told, environment, equal, stopped, whole_frames

from lookmatte.client import Client
from lookmatte.farm import keeper
from lookmatte.farm.alive import alive_while, is_alive
from lookmatte.farm.desk import Desk
from lookmatte.farm.sessionrun import SessionRun
from lookmatte.rendering import Run

FRAMES = range(1, 61)


@pytest.fixture
def long(sound: Shot, tmp_path: Path) -> Shot:
    """Sixty frames, which are few in truth, and a job for them."""
    made = Shot(tmp_path, sound.model, tuple(FRAMES))
    (tmp_path / "plate").mkdir()
    shutil.copyfile(sound.folder / "red.png", tmp_path / "red.png")
    for frame in FRAMES:
        os.link(sound.plate(sound.frames[frame % len(sound.frames)]), made.plate(frame))
    made.save_job(regions={"rest": {"style": "red.png"}}, temporal={"mode": "frame", "subsample": 60})
    return made


@pytest.fixture
def desk(long: Shot) -> Iterator[Desk]:
    session = long.folder / "session"
    session.mkdir()
    made = Desk(session)
    yield made
    assert made.close(60)


def eventually(true: Callable[[], bool]) -> bool:
    """Whether it becomes true within two minutes."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        if true():
            return True
        time.sleep(0.05)
    return False


def workers(desk: Desk) -> set[str]:
    """The processes that have written into the session's log."""
    return set(re.findall(r"\[(\d+)\] worker up", desk.log.read_text(encoding="utf-8")))


def words(long: Shot, desk: Desk, command: str) -> list[object]:
    return [command, long.folder / "job.yaml", "--session", desk.folder.parent]


def test_one_process_serves_every_task_until_the_session_ends(long: Shot, desk: Desk, nursery: Nursery) -> None:
    started = nursery.run("session", "start", desk.folder.parent, "--openjd")
    assert started.returncode == 0, started.stderr
    assert re.search(r"^ok +render +styled a generated picture", started.stdout, re.MULTILINE)
    assert nursery.run(*words(long, desk, "bake"), "--model", long.model).returncode == 0
    ran = nursery.run(*words(long, desk, "apply"), "--frames", "1-5:2,9", "--openjd", cwd=long.folder)
    assert ran.returncode == 0
    assert ran.stdout.splitlines()[-1] == "openjd_progress: 100.0"
    assert whole_frames(long) == [1, 3, 5, 9]
    assert len(workers(desk)) == 1
    for bad, said in (("4-x", "is no frame range"), ("61", "--frames: 61 not in the job")):
        ran = nursery.run(*words(long, desk, "apply"), "--frames", bad, "--openjd")
        assert ran.returncode == 2
        assert said in ran.stderr
        assert ran.stdout.splitlines()[-1].startswith("openjd_fail: ")
    long.render("home", options={"frames": "1,3,5,9"}, regions={"rest": {"style": "red.png"}},
                temporal={"mode": "frame", "subsample": 60})  # fmt: skip
    assert equal(long.written(), long.written("home"))
    assert nursery.run("session", "stop", desk.folder.parent).returncode == 0
    assert not is_alive(desk.alive)
    assert "worker ends" in desk.log.read_text(encoding="utf-8")
    assert not list(desk.folder.glob("*.ask.json"))


def test_a_process_that_dies_is_replaced_by_the_next_task(long: Shot, desk: Desk, nursery: Nursery) -> None:
    assert nursery.run(*words(long, desk, "bake"), "--model", long.model).returncode == 0
    os.kill(int(desk.alive.read_text()), signal.SIGKILL)
    assert eventually(lambda: not is_alive(desk.alive))
    assert nursery.run(*words(long, desk, "apply"), "--frames", "7").returncode == 0
    assert whole_frames(long) == [7]
    assert len(workers(desk)) == 2
    # The worker of the one that was killed has ended by itself.
    log = desk.log
    assert eventually(lambda: "ending: standard input has ended" in log.read_text(encoding="utf-8"))


def test_a_task_that_is_ended_is_ended_in_the_process_too(long: Shot, desk: Desk, nursery: Nursery) -> None:
    assert nursery.run(*words(long, desk, "bake"), "--model", long.model).returncode == 0
    apply = words(long, desk, "apply")
    code, errors = stopped(apply, long.folder, signal.SIGTERM, long.output(2), 0.0)
    assert (code, errors.splitlines()[-1][:21]) == (143, "lookmatte: terminated")
    assert len(whole_frames(long)) < len(FRAMES)
    code, _ = stopped([*apply, "--overwrite"], long.folder, signal.SIGKILL, long.output(3), 0.0)
    assert code == -signal.SIGKILL
    assert eventually(lambda: {path.suffix for path in desk.folder.iterdir()} <= {".alive", ".log"})
    assert eventually(lambda: len(list(desk.folder.iterdir())) == 2)
    assert len(whole_frames(long)) < len(FRAMES)
    assert long.leftovers() == []
    assert nursery.run(*apply).returncode == 0
    assert len(whole_frames(long)) == len(FRAMES)
    assert len(workers(desk)) == 1


def test_it_goes_when_the_folder_goes(long: Shot, desk: Desk) -> None:
    desk.open()
    pid = int(desk.alive.read_text())
    shutil.rmtree(desk.folder)
    assert eventually(lambda: os.waitpid(pid, os.WNOHANG)[0] == pid)


def test_a_machine_that_fails_a_check_fails_the_session(long: Shot, desk: Desk) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "lookmatte.cli", "session", "start", desk.folder.parent, "--openjd"],
        env={**environment(), "OCIO": "/nowhere/config.ocio"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 1
    assert "lookmatte: error: OCIO: " in ran.stderr
    assert "openjd_fail: OCIO: " in ran.stdout
    assert not is_alive(desk.alive)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_process_that_cannot_answer_goes(tmp_path: Path) -> None:
    """On a full disk. A task would wait for ever for one that stays, and does its work itself when it has gone."""
    desk = Desk(tmp_path)
    desk.folder.mkdir()
    (desk.folder / "1.told.jsonl").symlink_to("/dev/full")
    with Client.start(sys.executable, str(desk.log), {"PYTHONPATH": environment()["PYTHONPATH"]}) as client:
        for name in ("1", "2"):
            ask = desk.folder / f"{name}.ask.json"
            ask.write_text('{"command": "nonsense", "arguments": {}}', encoding="utf-8")
            with alive_while(desk.folder / f"{name}.alive"):
                assert keeper._answer(desk, client, ask) is (name == "2")
    (line,) = (desk.folder / "2.told.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["code"] == "malformed"


def test_a_task_that_is_told_to_end_on_a_full_disk_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot even cancel; nor does it take its work for left to itself."""
    desk = Desk(tmp_path)
    desk.folder.mkdir()

    def fill_the_disk(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def told_to_end(_: object) -> None:
        raise KeyboardInterrupt

    def answer() -> None:
        assert eventually(lambda: any(desk.folder.glob("*.ask.json")))
        (asked,) = desk.folder.glob("*.ask.json")
        stem = asked.name.removesuffix(".ask.json")
        (desk.folder / f"{stem}.told.jsonl").write_text('{"event": "note", "message": "begun"}\n', encoding="utf-8")

    monkeypatch.setattr(Path, "touch", fill_the_disk)
    with alive_while(desk.alive) as ours:
        assert ours
        answering = threading.Thread(target=answer)
        answering.start()
        with pytest.raises(KeyboardInterrupt):
            desk.ask("doctor", {}, told_to_end)
        answering.join()
        assert desk.close(0.0) is False
    assert [path.name for path in desk.folder.iterdir()] == ["keeper.alive"]


def test_a_worker_that_dies_again_and_again_leaves_the_work_to_its_task(made: Shot) -> None:
    desk = Desk(made.folder)
    desk.folder.mkdir()
    over = threading.Event()
    died = {"event": "error", "code": "worker_died", "message": "the worker died twice (signal 9)", "hint": ""}

    def answer() -> None:
        with alive_while(desk.alive):
            while not over.wait(0.01):
                for asked in desk.folder.glob("*.ask.json"):
                    asked.rename(asked.with_suffix(".taken"))
                    stem = asked.name.removesuffix(".ask.json")
                    (desk.folder / f"{stem}.told.jsonl").write_text(json.dumps(died) + "\n", encoding="utf-8")

    keeping = threading.Thread(target=answer)
    keeping.start()
    try:
        assert eventually(lambda: is_alive(desk.alive))
        told = Told()
        run = SessionRun(desk, Run, made.job(), stage="render", model=made.model, progress=told)
        assert run.run().failed == []
    finally:
        over.set()
        keeping.join()
    assert whole_frames(made) == list(made.frames)
    assert told.notes[0] == "the worker died twice (signal 9); this task goes on in a process of its own"
