"""The worker of this Nuke, and what it is asked. No Nuke in here: a caller waits in a thread or inline.

>>> work = ask("/opt/lookmatte/bin/python", None, "bake", {"job": {...}}, "hero")
>>> while not work.done:                      # each call hears what arrived meanwhile
...     work.hear()
...     time.sleep(0.1)
>>> work.result                               # or work.error, a WorkerError
{'done': [1001, 1002], 'skipped': [], 'failed': []}
"""

from __future__ import annotations

import atexit
import getpass
import os
import tempfile
from typing import Any

from .client import Client, Request, WorkerError
from .job import SettingsError

VARIABLE = "LOOKMATTE_PYTHON"
"""The environment variable that names a Python with lookmatte: its interpreter, or its environment's folder."""

_HELP = f"install lookmatte in a Python 3.10 or newer, and set ${VARIABLE} to it, or the knob python"

_client: Client | None = None
_started: tuple[str, str | None] = ("", None)


class Work:
    """One request under way. ``trouble`` has a line for each frame that failed and each warning; ``said`` is the
    last line that was heard."""

    def __init__(self, request: Request, label: str) -> None:
        self.label = label
        self.result: dict[str, Any] | None = None
        self.error: WorkerError | None = None
        self.failures: list[str] = []
        self.warnings: list[str] = []
        self.said = "starting lookmatte"
        self._request = request

    @property
    def done(self) -> bool:
        """Has it ended, and was its end heard?"""
        return self.result is not None or self.error is not None

    @property
    def share(self) -> float:
        """How much of it is done, 0 to 1."""
        met, total = self._request.progress
        return met / total if total else 0.0

    def cancel(self) -> None:
        """Ask for its end, which comes soon as the error ``cancelled``."""
        self._request.cancel()

    def hear(self) -> None:
        """Take in what has arrived since the last call. Never waits."""
        for event in self._request.poll():
            kind = event["event"]
            if kind == "start":
                self.said = f"{event['stage']} {event['total']} frames"
            elif kind in ("frame_done", "frame_skipped"):
                self.said = f"frame {event['frame']}"
            elif kind == "frame_failed":
                self.failures.append(f"frame {event['frame']}: {event['message']}")
            elif kind in ("warning", "restarted"):
                self.warnings.append(str(event["message"]))
            elif kind == "result":
                self.result = dict(event["result"])
            elif kind == "error":
                self.error = WorkerError(str(event["code"]), str(event["message"]), str(event.get("hint", "")))


def interpreter(given: str) -> str:
    """The Python that a person means by the knob, else by the environment: an interpreter, or an environment's
    folder.

    Raises SettingsError with a sentence when there is none.
    """
    said, where = given.strip(), "the knob python"
    if not said:
        said, where = os.environ.get(VARIABLE, "").strip(), "$" + VARIABLE
    if not said:
        raise SettingsError(f"there is no Python with lookmatte: {_HELP}")
    path = os.path.abspath(os.path.expanduser(os.path.expandvars(said)))
    if os.path.isdir(path):
        inside = os.path.join(path, *(("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")))
        if not os.path.isfile(inside):
            raise SettingsError(f"{where}: {path} is no Python environment, there is no {inside}")
        return inside
    if not os.path.isfile(path):
        raise SettingsError(f"{where}: there is no {path}; {_HELP}")
    return path


def log_path() -> str:
    """The file that keeps what workers had to say."""
    try:
        user = getpass.getuser()
    except Exception:  # no name, no home: a farm's account
        user = "nuke"
    return os.path.join(tempfile.gettempdir(), f"lookmatte-{user}", "nuke-worker.log")


def client(python: str, config: str | None) -> Client:
    """The worker of that interpreter, with that file as $OCIO (None: as it is): started, kept, or started again."""
    global _client, _started
    if _client is not None and _started != (python, config):
        close()
    if _client is None:
        environment: dict[str, str | None] = {} if config is None else {"OCIO": config}
        _client, _started = Client.start(python, log_path(), environment), (python, config)
    elif not _client.alive:
        _client.restart()
    return _client


def ask(python: str, config: str | None, command: str, arguments: dict[str, Any], label: str) -> Work:
    """Ask the worker; returns at once. What cannot be is the work's error."""
    return Work(client(python, config).request(command, arguments), label)


def close() -> None:
    """End the worker; it finishes the file that it is writing."""
    global _client
    ended, _client = _client, None
    if ended is not None:
        ended.close()


atexit.register(close)
