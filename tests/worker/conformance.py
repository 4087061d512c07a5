"""What a host may rely on, as tests that it can run with its own copy of the client and its own worker.

Standard library and pytest alone. Subclass :class:`Conformance` in a test module, and give it a fixture ``worker``
(scope ``module``) that returns a :class:`Worker`; what its ``checker`` makes is handed every message of a worker.
LOOKMATTE_REQUESTS=1000 makes the long run long.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
OBJECTS = ("hero", "car")
LAST = 160
REQUESTS = int(os.environ.get("LOOKMATTE_REQUESTS", "200"))
PATIENCE = 120.0

LINUX = sys.platform == "linux"
POSIX = os.name == "posix"

# What inspect does, done otherwise: code that follows the definition of ``find``.
_FOUND_BY = "import lookmatte.commands.inspect as module\nmodule.find = find\n"

Event = dict[str, Any]
Check = Callable[[str, dict[str, Any]], None]


def unchecked() -> Check:
    """Makes what takes any message."""
    return lambda direction, message: None


@dataclass
class Worker:
    """How a host starts a worker: its copy of the client, a Python that has lookmatte, and what is set for it."""

    client: ModuleType
    python: str = sys.executable
    environment: dict[str, str | None] = field(default_factory=dict)
    checker: Callable[[], Check] = unchecked

    def start(self, log: Path, **environment: str) -> Any:
        everything = {**self.environment, **environment}
        return self.client.Client.start(self.python, str(log), everything, self.checker())

    def lookmatte(self, *words: object) -> subprocess.CompletedProcess[str]:
        """The command line, in the worker's Python."""
        command = [self.python, "-m", "lookmatte.cli", *map(str, words)]
        return subprocess.run(command, env=self._variables(), capture_output=True, text=True, check=False)

    def run(self, script: Path, *words: object) -> None:
        """Run a script in the worker's Python."""
        subprocess.run([self.python, str(script), *map(str, words)], env=self._variables(), check=True)

    def raw(self, log: Path) -> subprocess.Popen[bytes]:
        """A worker whose pipes are the test's own."""
        command = [self.python, "-m", "lookmatte.cli", "serve", "--log", str(log)]
        return subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=self._variables()
        )

    def _variables(self) -> dict[str, str]:
        merged = {**os.environ, **self.environment}
        return {name: value for name, value in merged.items() if value is not None}


def job(folder: Path, output: str = "out", **keys: Any) -> dict[str, Any]:
    """The job of the suite's shot: ``hero`` red, ``car`` blue."""
    styles = {"hero": "red.png", "car": "blue.png"}
    regions = {name: {"cryptomatte": [name], "style": styles[name]} for name in OBJECTS}
    return {"plate": "plate/sh.####.exr", "output": f"{folder / output}/look.####.exr", "regions": regions, **keys}


def kill(pid: int) -> None:
    """End a process at once, as a crash or the system would."""
    os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))


def is_running(pid: int) -> bool:
    """Does the process still do anything? A zombie does not."""
    if LINUX:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except OSError:
            return False
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def wait_for(true: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    """Wait until something is so; False when it is not in time."""
    until = time.monotonic() + seconds
    while not true():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def names(events: list[Event]) -> list[str]:
    return [event["event"] for event in events]


class Log(list[Event]):
    """Collects a request's events; ``then`` maps an event's name to what is done when it first comes."""

    def __init__(self, **then: Callable[[], object]) -> None:
        super().__init__()
        self._then = then

    def __call__(self, event: Event) -> None:
        self.append(event)
        act = self._then.pop(event["event"], None)
        if act is not None:
            act()


class Conformance:
    """The suite. ``shot`` is a folder with a plate, ``host`` a client with a worker that several tests share."""

    @pytest.fixture(scope="module")
    @classmethod
    def shot(cls, worker: Worker, tmp_path_factory: pytest.TempPathFactory) -> Path:
        folder = tmp_path_factory.mktemp("conformance")
        worker.run(HERE / "make_shot.py", folder)
        return folder

    @pytest.fixture(scope="module")
    @classmethod
    def host(cls, worker: Worker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
        client = worker.start(tmp_path_factory.mktemp("log") / "worker.log")
        yield client
        client.close()

    @pytest.fixture
    def start(self, worker: Worker, tmp_path: Path) -> Iterator[Callable[..., Any]]:
        """Starts workers of the test's own."""
        started: list[Any] = []

        def begin(**environment: str) -> Any:
            started.append(worker.start(tmp_path / "worker.log", **environment))
            return started[-1]

        yield begin
        for client in started:
            client.close()

    def ask(self, shot: Path, tmp_path: Path, **more: Any) -> dict[str, Any]:
        """The arguments of a request with the suite's job."""
        return {"job": job(tmp_path), "base": str(shot), "model": str(shot / "untrained.safetensors"), **more}

    def failure(self, worker: Worker, request: Any) -> Any:
        """The error that a request ends with."""
        with pytest.raises(worker.client.WorkerError) as caught:
            request.result(PATIENCE)
        return caught.value

    # Hello.

    def test_says_hello(self, worker: Worker, host: Any) -> None:
        hello = host.wait_ready()
        assert hello["protocol"] == worker.client.PROTOCOL
        assert {"inspect", "preview", "bake", "render", "cancel", "shutdown"} <= set(hello["commands"])
        assert hello["version"]
        assert is_running(hello["pid"])
        assert host.alive

    def test_a_host_of_another_protocol_is_told_what_to_update(
        self, worker: Worker, start: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for spoken, culprit in ((worker.client.PROTOCOL + 1, "lookmatte in "), (0, "add-on")):
            monkeypatch.setattr(worker.client, "PROTOCOL", spoken)
            client = start()
            error = self.failure(worker, client.request("inspect", {"file": "x.exr"}))
            assert error.code == "protocol"
            assert str(spoken) in error.message
            assert error.hint.startswith("update ")
            assert culprit in error.hint
            assert "\n" not in str(error)
            assert not client.alive

    def test_a_python_without_lookmatte_is_named(self, worker: Worker, tmp_path: Path) -> None:
        missing = str(tmp_path / "no such python")
        with worker.client.Client.start(missing, str(tmp_path / "worker.log")) as client:
            error = self.failure(worker, client.request("inspect", {"file": "x.exr"}))
        assert error.code == "not_started"
        assert missing in error.message
        assert "Python" in error.hint

    def test_nothing_but_hello_is_answered_before_it(self, worker: Worker, tmp_path: Path) -> None:
        with worker.raw(tmp_path / "worker.log") as process:
            assert process.stdin is not None
            line = b'{"id": 3, "command": "inspect", "arguments": {"file": "x.exr"}}\n'
            out, _ = process.communicate(line, PATIENCE)
        (answer,) = [json.loads(line) for line in out.splitlines() if line]
        worker.checker()("received", answer)
        assert (answer["id"], answer["event"], answer["code"]) == (3, "error", "protocol")

    # Requests.

    def test_inspect_finds_what_the_command_line_finds(self, worker: Worker, host: Any, shot: Path) -> None:
        found = host.request("inspect", {"file": "real.1001.exr", "base": str(shot)}).result(PATIENCE)
        told = json.loads(worker.lookmatte("inspect", shot / "real.1001.exr", "--json").stdout)
        assert {"event": "inspect", **found} == told
        listed = {one["name"]: one["percent"] for layer in found["cryptomattes"] for one in layer["names"]}
        assert listed["hero cube"] > 1.0
        assert "Grüne Kugel" in listed
        assert found["color"]["space"]

    def test_inspect_of_a_sequence_has_its_frames(self, host: Any, shot: Path) -> None:
        found = host.request("inspect", {"file": str(shot / "plate" / "sh.####.exr")}).result(PATIENCE)
        assert found["sequence"]["frames"] == list(range(1, LAST + 1))

    def test_preview_is_a_png_or_the_styled_frame(self, host: Any, shot: Path, tmp_path: Path) -> None:
        signatures = {"png": b"\x89PNG", "exr": b"\x76\x2f\x31\x01"}
        for suffix, signature in signatures.items():
            path = tmp_path / f"preview.{suffix}"
            asked = self.ask(shot, tmp_path, output=str(path), frame=2)
            answer = host.request("preview", asked).result(PATIENCE)
            assert (answer["path"], answer["frame"]) == (str(path), 2)
            assert [region["name"] for region in answer["regions"]] == list(OBJECTS)
            assert path.read_bytes().startswith(signature)
        assert not (tmp_path / "out").exists()

    def test_a_new_strength_bakes_nothing(self, host: Any, shot: Path, tmp_path: Path) -> None:
        asked = self.ask(shot, tmp_path, output=str(tmp_path / "one.exr"), frame=3)
        assert host.request("preview", asked).result(PATIENCE)["baked"]
        first = (tmp_path / "one.exr").read_bytes()
        asked["job"]["regions"]["hero"]["strength"] = 0.5
        assert not host.request("preview", asked).result(PATIENCE)["baked"]
        assert (tmp_path / "one.exr").read_bytes() != first
        asked["job"]["regions"]["hero"] = {"cryptomatte": "hero", "style": "green.png", "strength": 0.5}
        assert host.request("preview", asked).result(PATIENCE)["baked"]

    def test_render_equals_the_command_line_bit_for_bit(
        self, worker: Worker, host: Any, shot: Path, tmp_path: Path
    ) -> None:
        mine, theirs = job(tmp_path, "mine", frames="1-6"), job(tmp_path, "theirs", frames="1-6")
        path = shot / "theirs.json"
        path.write_text(json.dumps(theirs), encoding="utf-8")
        model = shot / "untrained.safetensors"
        ran = worker.lookmatte("render", path, "--model", model)
        assert ran.returncode == 0, ran.stderr
        answer = host.request("render", self.ask(shot, tmp_path, job=mine)).result(PATIENCE)
        assert answer == {"done": [1, 2, 3, 4, 5, 6], "skipped": [], "failed": []}
        again = host.request("render", self.ask(shot, tmp_path, job=str(path))).result(PATIENCE)
        assert again["skipped"] == [1, 2, 3, 4, 5, 6]
        for frame in range(1, 7):
            file = f"look.{frame:04d}.exr"
            assert (tmp_path / "mine" / file).read_bytes() == (tmp_path / "theirs" / file).read_bytes()

    def test_bake_and_apply_equal_render(self, host: Any, shot: Path, tmp_path: Path) -> None:
        asked = self.ask(shot, tmp_path, job=job(tmp_path, "one", frames="1-3"))
        host.request("render", asked).result(PATIENCE)
        asked = self.ask(shot, tmp_path, job=job(tmp_path, "two", frames="1-3"), bake=str(tmp_path / "bake"))
        host.request("bake", asked).result(PATIENCE)
        del asked["model"]
        assert host.request("apply", asked).result(PATIENCE)["done"] == [1, 2, 3]
        for frame in range(1, 4):
            file = f"look.{frame:04d}.exr"
            assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()

    def test_events_come_in_order(self, host: Any, shot: Path, tmp_path: Path) -> None:
        log = Log()
        asked = self.ask(shot, tmp_path, job=job(tmp_path, frames="1-12"))
        request = host.request("render", asked, log)
        request.result(PATIENCE)
        told = [event for event in log if event["event"] not in ("warning", "note")]
        assert names(told) == ["start", *["frame_done"] * 12, "done", "result"]
        assert told[0]["total"] == 12
        frames = [event["frame"] for event in told if event["event"] == "frame_done"]
        assert frames == list(range(1, 13))
        assert all(Path(event["path"]).is_file() for event in told if event["event"] == "frame_done")
        assert request.progress == (12, 12)

    def test_requests_are_run_in_order_and_poll_never_waits(self, host: Any, shot: Path, tmp_path: Path) -> None:
        first = host.request("render", self.ask(shot, tmp_path, job=job(tmp_path, frames="1-20")))
        second = host.request("inspect", {"file": str(shot / "real.1001.exr")})
        ends: list[int] = []
        slowest = 0.0
        while len(ends) < 2:
            began = time.perf_counter()
            found = host.poll()
            slowest = max(slowest, time.perf_counter() - began)
            ends += [request.id for request, event in found if event["event"] == "result"]
            time.sleep(0.005)
        assert ends == [first.id, second.id]
        assert first.result(0)["done"] == list(range(1, 21))

    def test_warm_and_doctor_go_the_whole_way(self, host: Any) -> None:
        assert host.request("warm").result(PATIENCE) == {}
        log = Log()
        assert host.request("doctor", {}, log).result(PATIENCE) == {"sound": True}
        checks = {event["check"] for event in log if event["event"] == "check"}
        assert {"python", "torch", "model", "kernel", "render"} <= checks

    # The end of requests.

    def test_cancel_ends_a_render_and_leaves_whole_frames(
        self, worker: Worker, host: Any, shot: Path, tmp_path: Path
    ) -> None:
        log = Log(frame_done=lambda: request.cancel())
        request = host.request("render", self.ask(shot, tmp_path), log)
        assert self.failure(worker, request).code == "cancelled"
        told = {event["frame"] for event in log if event["event"] == "frame_done"}
        there = {int(path.suffixes[-2][1:]) for path in (tmp_path / "out").glob("look.*.exr")}
        assert 1 <= len(there) < LAST
        assert told <= there
        assert not [path for path in (tmp_path / "out").rglob("*") if ".tmp" in path.name]
        # The worker goes on, and what is there counts.
        frames = f"1-{max(there) + 2}"
        answer = host.request("render", self.ask(shot, tmp_path, frames=frames)).result(PATIENCE)
        assert told <= set(answer["skipped"])
        assert answer["failed"] == []

    def test_cancel_takes_a_request_out_of_the_queue(
        self, worker: Worker, host: Any, shot: Path, tmp_path: Path
    ) -> None:
        first = host.request("render", self.ask(shot, tmp_path, frames="1-15"))
        second = host.request("render", self.ask(shot, tmp_path, job=job(tmp_path, "second")))
        second.cancel()
        assert self.failure(worker, second).code == "cancelled"
        assert not (tmp_path / "second").exists()
        assert len(first.result(PATIENCE)["done"]) == 15
        second.cancel()  # of what has ended, it does nothing

    def test_an_unknown_object_is_an_error_with_the_nearest(
        self, worker: Worker, host: Any, shot: Path, tmp_path: Path
    ) -> None:
        wrong = job(tmp_path)
        wrong["regions"]["hero"]["cryptomatte"] = "heroo"
        error = self.failure(worker, host.request("render", self.ask(shot, tmp_path, job=wrong)))
        assert error.code == "input"
        assert "heroo" in error.message
        assert "nearest: hero" in error.message

    def test_a_wrong_job_names_each_mistake(self, worker: Worker, host: Any, shot: Path, tmp_path: Path) -> None:
        wrong = job(tmp_path, tempral={})
        del wrong["regions"]["car"]["style"]
        error = self.failure(worker, host.request("render", self.ask(shot, tmp_path, job=wrong)))
        assert error.code == "input"
        assert len(error.message.splitlines()) == 2
        assert "temporal" in error.message

    def test_broken_files_are_named(self, worker: Worker, host: Any, shot: Path, tmp_path: Path) -> None:
        for name in ("nonsense", "missing"):
            path = shot / f"{name}.1001.exr"
            error = self.failure(worker, host.request("inspect", {"file": str(path)}))
            assert error.code == "input"
            assert path.name in error.message
            assert "\n" not in error.message
        broken = {**job(tmp_path), "plate": "broken.####.exr", "regions": {"rest": {"style": "red.png"}}}
        for command in ("preview", "render"):
            asked = self.ask(shot, tmp_path, job=broken, output=str(tmp_path / "one.exr"))
            if command == "render":
                del asked["output"]
            error = self.failure(worker, host.request(command, asked))
            assert error.code == "frame"
            assert "broken.1001.exr" in error.message
        log = Log()
        mixed = {**broken, "plate": "mixed.####.exr"}
        answer = host.request("render", self.ask(shot, tmp_path, job=mixed), log).result(PATIENCE)
        assert answer == {"done": [1001], "skipped": [], "failed": [1002]}
        (failed,) = [event for event in log if event["event"] == "frame_failed"]
        assert failed["frame"] == 1002
        assert "mixed.1002.exr" in failed["message"]

    def test_misspelt_requests_are_told_the_nearest(self, worker: Worker, host: Any) -> None:
        for command, arguments, nearest in (
            ("rendr", {}, "render"),
            ("inspect", {"fille": "x.exr"}, "file"),
            ("inspect", {"file": 5}, "a path as text"),
            ("inspect", {}, "file must be given"),
        ):
            error = self.failure(worker, host.request(command, arguments))
            assert error.code == "malformed"
            assert nearest in error.message

    def test_garbage_is_answered_and_the_worker_goes_on(self, worker: Worker, tmp_path: Path) -> None:
        lines = [
            b"no json",
            b"\xff\xfe\x00",
            b"[1, 2]",
            b'{"id": "one", "command": "hello"}',
            b'{"id": -1, "command": "hello"}',
            b'{"id": 1, "command": 7}',
            b'{"id": 1, "command": "inspect", "arguments": NaN}',
            b'{"id": 1, "command": "inspect", "arguments": []}',
            b'{"id": 1, "comand": "inspect"}',
            b'{"id": 1, "command": "inspect", "arguments": {"file": "a\\u0000b"}}',
            b"[" * 200_000,
            b"9" * 10_000,
            b"x" * (5 << 20),
        ]
        hello = {"id": 7, "command": "hello", "arguments": {"protocol": worker.client.PROTOCOL}}
        last = {"id": 8, "command": "inspect", "arguments": {"file": str(tmp_path / "none.exr")}}
        said = b"\n".join([*lines, b"", b"  ", json.dumps(hello).encode(), json.dumps(last).encode(), b""])
        with worker.raw(tmp_path / "worker.log") as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(said)
            process.stdin.flush()
            answers = []
            while len(answers) < len(lines) + 2:
                line = process.stdout.readline()
                assert line, "the worker has gone"
                if line.strip():
                    answers.append(json.loads(line))
            process.stdin.close()
            assert process.wait(PATIENCE) == 0
        check = worker.checker()
        for message in (hello, last):
            check("sent", message)
        for message in answers:
            check("received", message)
        wrong = answers[: len(lines)]
        assert [(one["event"], one["code"]) for one in wrong] == [("error", "malformed")] * len(lines)
        assert all("\n" not in one["message"] and len(one["message"]) < 300 for one in wrong)
        assert [(one["id"], one["event"]) for one in answers[len(lines) :]] == [(7, "result"), (8, "error")]

    # The end of processes.

    def test_a_worker_that_dies_is_started_again_once_and_the_user_is_told(
        self, start: Callable[..., Any], shot: Path, tmp_path: Path
    ) -> None:
        client = start()
        first = client.wait_ready()["pid"]
        log = Log(frame_done=lambda: kill(client.hello["pid"]))
        asked = self.ask(shot, tmp_path, job=job(tmp_path, frames="1-60"))
        request = client.request("render", asked, log)
        waiting = client.request("inspect", {"file": str(shot / "real.1001.exr")})
        answer = request.result(PATIENCE)
        assert sorted(answer["done"] + answer["skipped"]) == list(range(1, 61))
        assert answer["skipped"]
        (told,) = [event for event in log if event["event"] == "restarted"]
        assert client.log in told["message"]
        assert "started again" in told["message"]
        assert waiting.result(PATIENCE)["parts"]
        assert client.restarted == 1
        assert client.hello["pid"] != first

    def test_a_worker_that_dies_twice_is_a_clear_error(
        self, worker: Worker, start: Callable[..., Any], shot: Path, tmp_path: Path
    ) -> None:
        client = start()
        log = Log(start=lambda: kill(client.hello["pid"]), restarted=lambda: again())

        def again() -> None:
            log._then["start"] = lambda: kill(client.hello["pid"])

        request = client.request("render", self.ask(shot, tmp_path), log)
        error = self.failure(worker, request)
        assert error.code == "worker_died"
        assert client.log in str(error)
        assert names(log).count("restarted") == 1
        assert not client.alive
        later = self.failure(worker, client.request("inspect", {"file": "x.exr"}))
        assert later.code == "worker_died"
        client.restart()  # as when a person asks for it
        assert client.request("inspect", {"file": str(shot / "real.1001.exr")}).result(PATIENCE)["parts"]

    def test_close_ends_the_worker_and_open_requests(
        self, worker: Worker, start: Callable[..., Any], shot: Path, tmp_path: Path
    ) -> None:
        client = start()
        pid = client.wait_ready()["pid"]
        request = client.request("render", self.ask(shot, tmp_path))
        client.close()
        assert self.failure(worker, request).code == "closed"
        assert not is_running(pid)

    @pytest.mark.parametrize(
        "fork", [False, pytest.param(True, marks=pytest.mark.skipif(not POSIX, reason="no fork on this system"))]
    )
    def test_a_host_that_is_killed_takes_its_worker_along(
        self, worker: Worker, shot: Path, tmp_path: Path, fork: bool
    ) -> None:
        """``fork``: a child that the host forked holds the pipes open, so that they do not end."""
        asked = json.dumps(self.ask(shot, tmp_path))
        script = f"""
import importlib.util, json, os, sys, time
spec = importlib.util.spec_from_file_location("client", {worker.client.__file__!r})
client = importlib.util.module_from_spec(spec)
sys.modules["client"] = client
spec.loader.exec_module(client)
host = client.Client.start({worker.python!r}, {str(tmp_path / "worker.log")!r}, {worker.environment!r})
pid = host.wait_ready()["pid"]
child = os.fork() if {fork} else 0
if {fork} and child == 0:
    time.sleep(60)
    os._exit(0)
print(pid, child, flush=True)
host.request("render", json.loads({asked!r})).result()
time.sleep(600)
"""
        host = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
        assert host.stdout is not None
        pid, child = (int(number) for number in host.stdout.readline().split())
        assert wait_for((tmp_path / "out" / "look.0002.exr").exists)
        kill(host.pid)
        host.wait()
        host.stdout.close()
        gone = wait_for(lambda: not is_running(pid), 10.0)
        if child:
            kill(child)
        assert gone

    # What must hold whatever happens.

    def test_what_libraries_print_is_kept_from_the_messages(
        self, worker: Worker, start: Callable[..., Any], shot: Path, tmp_path: Path
    ) -> None:
        noisy = _customized(
            tmp_path,
            """
import ctypes, os, subprocess, sys, threading, time
sys.stdout.write("no line end")
sys.stdout.flush()
def shout():
    libc = ctypes.CDLL(None) if os.name == "posix" else ctypes.cdll.msvcrt
    while True:
        print("printed by Python", flush=True)
        os.write(1, b"written to the handle")
        libc.printf(b"printed by C")
        libc.fflush(None)
        time.sleep(0.002)
threading.Thread(target=shout, daemon=True).start()
""",
        )
        client = start(PYTHONPATH=_paths(noisy, worker))
        for _ in range(10):
            assert client.request("inspect", {"file": str(shot / "real.1001.exr")}).result(PATIENCE)["parts"]
        assert client.restarted == 0
        said = Path(client.log).read_bytes()
        for text in (b"printed by Python", b"written to the handle", b"printed by C"):
            assert text in said

    def test_an_internal_error_names_the_log_that_has_its_traceback(
        self, worker: Worker, start: Callable[..., Any], tmp_path: Path
    ) -> None:
        faulty = _customized(tmp_path, "def find(*_):\n    1 // 0\n" + _FOUND_BY)
        client = start(PYTHONPATH=_paths(faulty, worker))
        error = self.failure(worker, client.request("inspect", {"file": "x.exr"}))
        assert error.code == "internal"
        assert "ZeroDivisionError" in error.message
        assert client.log in error.hint
        assert "Traceback (most recent call last)" in Path(client.log).read_text()
        assert any("ZeroDivisionError" in line for line in client.log_tail())
        assert client.request("cancel", {"request": 99}).result(PATIENCE) == {"found": False}

    def test_what_tells_nothing_is_cancelled_all_the_same(
        self, worker: Worker, start: Callable[..., Any], tmp_path: Path
    ) -> None:
        mute = "import time\ndef find(*_):\n    while True:\n        time.sleep(0.05)\n"
        client = start(PYTHONPATH=_paths(_customized(tmp_path, mute + _FOUND_BY), worker))
        request = client.request("inspect", {"file": "x.exr"})
        client.request("cancel", {"request": request.id}).result(PATIENCE)
        assert self.failure(worker, request).code == "cancelled"
        assert self.failure(worker, client.request("render", {"job": "none.yaml"})).code == "input"

    def test_a_worker_that_hangs_ends_with_its_host(
        self, worker: Worker, start: Callable[..., Any], tmp_path: Path
    ) -> None:
        stuck = (
            "import time\ndef find(*_):\n    while True:\n        try:\n            time.sleep(60)\n"
            "        except BaseException:\n            pass\n"
        )
        client = start(PYTHONPATH=_paths(_customized(tmp_path, stuck + _FOUND_BY), worker))
        pid = client.wait_ready()["pid"]
        client.request("inspect", {"file": "x.exr"})
        client._process.stdin.close()
        assert wait_for(lambda: not is_running(pid), 20.0)

    def test_the_log_stays_small(self, worker: Worker, start: Callable[..., Any], tmp_path: Path) -> None:
        small = _customized(tmp_path, "import lookmatte.worker.log as module\nmodule.LARGEST = 4000\n")
        client = start(PYTHONPATH=_paths(small, worker))
        for number in range(120):
            self.failure(worker, client.request("inspect", {"file": f"none.{number}.exr"}))
        for name in (client.log, client.log + ".1"):
            assert 0 < os.path.getsize(name) < 8000

    @pytest.mark.skipif(not LINUX, reason="reads /proc, which Linux has")
    def test_memory_and_handles_stay_flat(
        self, worker: Worker, start: Callable[..., Any], shot: Path, tmp_path: Path
    ) -> None:
        client = start()
        pid = client.wait_ready()["pid"]
        asked = self.ask(shot, tmp_path, output=str(tmp_path / "one.exr"))

        def work(number: int) -> None:
            kind = number % 4
            if kind == 0:
                client.request("inspect", {"file": str(shot / "real.1001.exr")}).result(PATIENCE)
            elif kind == 1:
                client.request("preview", {**asked, "frame": 1 + number % LAST}).result(PATIENCE)
            elif kind == 2:
                frame = str(1 + number % 20)
                client.request("render", {**self.ask(shot, tmp_path), "frames": frame}).result(PATIENCE)
            else:
                self.failure(worker, client.request("inspect", {"file": "none.exr"}))

        warm = 60
        for number in range(warm):
            work(number)
        before = _measure(pid)
        for number in range(warm, warm + REQUESTS):
            work(number)
        after = _measure(pid)
        grown = (after[0] - before[0]) / 2**20
        print(f"{REQUESTS} requests: {before[0] / 2**20:.0f} MiB grew by {grown:+.1f} MiB, handles {after[1]}")
        assert grown < 16
        assert after[1] <= before[1] + 2
        assert after[2] <= before[2] + 1
        assert client.restarted == 0
        assert client.poll() == []
        assert not client._requests


def _measure(pid: int) -> tuple[int, int, int]:
    """Resident bytes, open handles and threads of a process."""
    resident = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return resident, len(os.listdir(f"/proc/{pid}/fd")), len(os.listdir(f"/proc/{pid}/task"))


def _customized(folder: Path, code: str) -> Path:
    """A folder that makes an interpreter run ``code`` at its start."""
    place = folder / "customized"
    place.mkdir()
    (place / "sitecustomize.py").write_text(code, encoding="utf-8")
    return place


def _paths(first: Path, worker: Worker) -> str:
    return os.pathsep.join([str(first), *filter(None, [worker.environment.get("PYTHONPATH")])])
