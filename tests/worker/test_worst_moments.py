"""The worker at moments that are hard to meet: a signal that comes late, a full disk, a line that is odd."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from shots import environment

from lookmatte.errors import InputError
from lookmatte.worker import server as module
from lookmatte.worker.channel import Channel
from lookmatte.worker.log import LARGEST, Log
from lookmatte.worker.requests import PROTOCOL, Refused, Request, parse
from lookmatte.worker.server import Server

HELLO = json.dumps({"id": 0, "command": "hello", "arguments": {"protocol": PROTOCOL}}).encode() + b"\n"
BYE = b'{"id": 9, "command": "shutdown"}\n'


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Server, int]]:
    """A worker that nobody has started, and the end at which its messages come out."""
    monkeypatch.setattr(Server, "_later", staticmethod(lambda *_: None))
    (source, ours), (theirs, sink) = os.pipe(), os.pipe()
    yield Server(Channel(source, sink), Log(None)), theirs
    for handle in (source, ours, theirs, sink):
        os.close(handle)


def test_an_interrupt_that_comes_when_its_request_has_ended_ends_nothing(
    told: tuple[Server, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, _ = told

    def late(_: object) -> None:
        server._running = None  # the main thread gets so far before the signal reaches it
        server._interrupted()

    monkeypatch.setattr(module, "_raise_in_main_thread", late)
    server._running = 7
    server._interrupt(7)
    assert not server._ending
    server._interrupted()  # a person's own Ctrl-C is heeded as ever
    assert server._ending


def test_an_interrupt_while_an_error_is_worded_does_not_end_the_worker(told: tuple[Server, int]) -> None:
    server, theirs = told

    class Wordy(InputError):
        def __str__(self) -> str:
            server._cancelled.add(7)
            server._calling = True
            server._interrupted()
            return "no such file"

    class Failing:
        def prepare(self, _: Request) -> None: ...

        def perform(self, *_: Any) -> dict[str, Any]:
            raise Wordy

    server._workshop = Failing()  # type: ignore[assignment]
    server._open.add(7)
    server._do(Request(7, "inspect", {}))
    assert json.loads(os.read(theirs, 1000))["message"] == "no such file"
    assert not server._ending


def serve(*words: object, lines: bytes) -> tuple[int, list[Any]]:
    command = [sys.executable, "-m", "lookmatte.cli", "serve", *map(str, words)]
    ended = subprocess.run(command, input=lines, env=environment(), capture_output=True, check=False, timeout=120)
    return ended.returncode, [json.loads(line) for line in ended.stdout.splitlines() if line]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_log_on_a_full_disk_costs_the_log_alone() -> None:
    code, said = serve("--log", "/dev/full", lines=HELLO + b"nonsense\n" + BYE)
    assert (code, [one["event"] for one in said]) == (0, ["result", "error", "result"])


_BOUND = f"""
import shutil, sys
from pathlib import Path
from lookmatte.worker.log import Log
log = Log(Path(sys.argv[1], "logs", "worker.log"))
log.write("x" * {LARGEST})
shutil.rmtree(log.path.parent)
log.bound()
log.write("more")
"""


def test_a_log_whose_folder_has_gone_ends_nobody(tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", _BOUND, tmp_path], env=environment(), check=False, timeout=120)
    assert ended.returncode == 0


@pytest.mark.parametrize("around", ["%s", '{"id": 1, "command": %s}', '{"id": %s}'])
def test_a_line_is_refused_however_deep_it_is(around: str) -> None:
    """At one depth or two Python reads it, and cannot write it down again."""
    for depth in range(900, 1020):
        with pytest.raises(Refused) as refused:
            parse((around % ("[" * depth + "]" * depth)).encode())
        assert len(str(refused.value)) < 400


@pytest.mark.parametrize("name", ["", "a\0b", "\ud800.exr"])
def test_what_no_file_can_be_called_is_refused(name: str) -> None:
    line = json.dumps({"id": 1, "command": "inspect", "arguments": {"file": name}}).encode()
    with pytest.raises(Refused, match="file is no path"):
        parse(line)
    parse(json.dumps({"id": 1, "command": "inspect", "arguments": {"file": os.fsdecode(b"\xff.exr")}}).encode())
