"""The client against workers that are scripts: what no real worker does, and what it is made of."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conformance import Log, is_running, wait_for

import lookmatte
from lookmatte import client as module
from lookmatte.client import Client, Request, WorkerError

SOURCE = Path(module.__file__)
CORE = Path(lookmatte.__file__).resolve().parents[1]

HELLO = '{"version": "9.9", "protocol": 1, "commands": [], "python": "3", "pid": 0, "log": "x"}'
GREETING = """
import json, sys, time
def say(text):
    sys.stdout.write(text)
    sys.stdout.flush()
def hear():
    line = sys.stdin.readline()
    return json.loads(line) if line else sys.exit()
def answer(number, result="{}"):
    say('{"id": %d, "event": "result", "result": %s}\\n' % (number, result))
hear()
"""
GREETS = GREETING + f"answer(0, '{HELLO}')\n"


@pytest.fixture
def scripted(tmp_path: Path) -> Iterator[Callable[[str], Client]]:
    """Starts a worker that is a script."""
    made: list[Client] = []

    def start(script: str) -> Client:
        client = Client([sys.executable, "-c", script], str(tmp_path / "worker.log"))
        client.restart()
        made.append(client)
        return client

    yield start
    for client in made:
        client.close(timeout=0.1)


def error_of(client: Client) -> WorkerError:
    with pytest.raises(WorkerError) as caught:
        client.request("inspect", {"file": "x.exr"}).result(60)
    return caught.value


def test_what_a_worker_says_when_it_cannot_start_reaches_the_user(scripted: Callable[[str], Client]) -> None:
    error = error_of(scripted("import sys; sys.exit('No module named lookmatte')"))
    assert error.code == "not_started"
    assert "exit code 1" in error.message
    assert "No module named lookmatte" in error.message
    assert "worker.log" in error.hint


def test_a_python_that_lacks_lookmatte_says_so(tmp_path: Path) -> None:
    without = [sys.executable, "-S", "-c", module._STARTER, "serve"]
    client = Client(without, str(tmp_path / "worker.log"), {"PYTHONPATH": None})
    client.restart()
    error = error_of(client)
    assert error.code == "not_started"
    assert "lookmatte" in error.message
    assert not client.alive


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (HELLO.replace('"protocol": 1', '"protocol": 2'), "9.9 speaks protocol 2, this host 1"),
        ("{}", "what no worker sends"),
        ("[]", "what no worker sends"),
    ],
)
def test_a_worker_of_another_kind_is_refused(scripted: Callable[[str], Client], line: str, said: str) -> None:
    client = scripted(GREETING + f"answer(0, '{line}')\ntime.sleep(60)\n")
    error = error_of(client)
    assert error.code == "protocol"
    assert said in error.message
    assert "update" in error.hint


def test_a_worker_that_never_says_hello_is_given_up(
    scripted: Callable[[str], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "START_SECONDS", 0.2)
    client = scripted("import time; time.sleep(60)")
    assert error_of(client).code == "not_started"


def test_lines_may_come_in_pieces_and_between_others(scripted: Callable[[str], Client]) -> None:
    client = scripted(
        GREETS
        + """
number = hear()["id"]
say("greetings from a library\\n\\n7\\n{\\n")
for sign in '{"id": %d, "event": "note", "message": "\\\\u00e4"}\\n' % number:
    say(sign)
answer(number + 7)
answer(number, '{"a": [1, "%s"]}' % ("x" * 1000000))
hear()
"""
    )
    log = Log()
    result = client.request("inspect", {"file": "x.exr"}, log).result(60)
    assert (result["a"][0], len(result["a"][1])) == (1, 1000000)
    assert [event["event"] for event in log] == ["note", "result"]
    assert log[0]["message"] == "ä"


def test_requests_larger_than_a_pipe_are_sent_while_the_host_goes_on(
    scripted: Callable[[str], Client], tmp_path: Path
) -> None:
    go = tmp_path / "go"
    waits = f"import os\nwhile not os.path.exists({str(go)!r}):\n    time.sleep(0.01)\n"
    client = scripted(GREETS + waits + "hear()\nanswer(hear()['id'])\nhear()")
    client.wait_ready(60)
    made: list[Request] = []
    asks = [{"file": "x" * 3_000_000}, {"file": "y"}]
    host = threading.Thread(target=lambda: made.extend(client.request("inspect", one) for one in asks))
    host.start()
    host.join(30)
    assert len(made) == 2, "the host waits for a worker that does not read"
    go.touch()
    assert made[1].result(60) == {}
    assert not made[0].done


def test_what_is_no_json_raises_in_the_hosts_own_call(scripted: Callable[[str], Client], tmp_path: Path) -> None:
    client = scripted(GREETS + "answer(hear()['id'])\nhear()")
    for wrong in (object(), float("nan")):
        with pytest.raises((TypeError, ValueError)):
            client.request("inspect", {"file": wrong})
    assert client.request("inspect", {"file": tmp_path}).result(60) == {}


def test_result_may_give_up_waiting_and_the_request_goes_on(scripted: Callable[[str], Client]) -> None:
    client = scripted(GREETS + "number = hear()['id']\nhear()\nanswer(number)\nhear()")
    request = client.request("inspect", {"file": "x"})
    with pytest.raises(WorkerError) as caught:
        request.result(0.05)
    assert caught.value.code == "timeout"
    client.request("inspect", {"file": "y"})
    assert request.result(60) == {}


def test_callbacks_run_in_the_thread_that_polls(scripted: Callable[[str], Client]) -> None:
    client = scripted(GREETS + "answer(hear()['id'])\nhear()")
    threads: list[int] = []
    request = client.request("inspect", {"file": "x"}, lambda event: threads.append(threading.get_ident()))
    assert wait_for(lambda: request.done)
    assert threads == []
    assert [(one.id, event["event"]) for one, event in client.poll()] == [(request.id, "result")]
    assert threads == [threading.get_ident()]
    assert client.poll() == []
    assert request.result(0) == {}


def test_what_was_cancelled_is_not_sent_again_to_the_next_worker(
    scripted: Callable[[str], Client], tmp_path: Path
) -> None:
    died = tmp_path / "died"
    client = scripted(
        f"import os\ndied = os.path.exists({str(died)!r})\n"
        + GREETS
        + f"""
if not died:
    while hear()["command"] != "cancel":
        pass
    open({str(died)!r}, "w").close()
    sys.exit(3)
while True:
    answer(hear()["id"])
"""
    )
    first, second = (client.request("inspect", {"file": name}) for name in "xy")
    client.wait_ready(60)
    first.cancel()
    assert second.result(60) == {}
    with pytest.raises(WorkerError) as caught:
        first.result(60)
    assert caught.value.code == "cancelled"
    assert client.restarted == 1


def test_close_kills_a_worker_that_does_not_end(scripted: Callable[[str], Client]) -> None:
    client = scripted(GREETS + "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(600)")
    client.wait_ready(60)
    process = client._process
    assert process is not None
    client.close(timeout=0.1)
    assert not is_running(process.pid)
    client.close()  # twice is no mistake


def test_the_hosts_interpreter_settings_do_not_reach_the_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    monkeypatch.setenv("PYTHONPATH", "/of/the/host")
    monkeypatch.setenv("MINE", "yes")
    given = {"PYTHONPATH": "/of/the/worker", "MINE": None}
    found = module._environment(given)
    assert found["PYTHONPATH"] == "/of/the/worker"
    assert not {"PYTHONHOME", "MINE"} & set(found)


def test_modules_in_the_current_folder_are_not_the_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lookmatte.py").write_text("raise SystemExit('the wrong one')")
    (tmp_path / "json.py").write_text("raise SystemExit('the wrong one')")
    monkeypatch.chdir(tmp_path)
    with Client.start(sys.executable, str(tmp_path / "worker.log"), {"PYTHONPATH": str(CORE)}) as client:
        assert client.wait_ready(60)["protocol"] == module.PROTOCOL


def test_a_long_log_begins_anew_with_the_next_worker(
    scripted: Callable[[str], Client], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LOG_BYTES", 1000)
    (tmp_path / "worker.log").write_text("old\n" * 1000)
    client = scripted(GREETS + "hear()")
    client.wait_ready(60)
    assert (tmp_path / "worker.log.1").read_text().startswith("old")
    assert os.path.getsize(tmp_path / "worker.log") < 1000


# What it is made of.


def test_it_is_python_3_7_and_the_standard_library_alone() -> None:
    text = SOURCE.read_text(encoding="utf-8")
    tree = ast.parse(text, feature_version=(3, 7))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    origins = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert all(node.level == 0 for node in origins)
    imported |= {str(node.module) for node in origins}
    assert {name.partition(".")[0] for name in imported} <= set(sys.stdlib_module_names)
    assert not {"socket", "pickle", "multiprocessing", "select"} & imported


def old_pythons() -> list[Path]:
    """Interpreters of Python 3.7 on this machine."""
    found = sorted((Path.home() / ".pyenv" / "versions").glob("3.7.*/bin/python3.7"))
    named = os.environ.get("LOOKMATTE_PYTHON37")
    return [Path(named)] if named else found


def test_it_runs_in_python_3_7(tmp_path: Path) -> None:
    pythons = old_pythons()
    if not pythons:
        pytest.skip("no Python 3.7 here; LOOKMATTE_PYTHON37 names one")
    copy = tmp_path / "host" / "client.py"
    copy.parent.mkdir()
    copy.write_bytes(SOURCE.read_bytes())
    script = f"""
import json, sys
from client import Client, WorkerError
with Client.start({sys.executable!r}, {str(tmp_path / "worker.log")!r}, {{"PYTHONPATH": {str(CORE)!r}}}) as client:
    try:
        client.request("inspect", {{"file": "none.exr"}}).result(60)
    except WorkerError as error:
        print(json.dumps([sys.version_info[:2], client.wait_ready()["protocol"], error.code]))
"""
    ran = subprocess.run(
        [str(pythons[-1]), "-c", script], cwd=copy.parent, capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == [[3, 7], module.PROTOCOL, "input"]
