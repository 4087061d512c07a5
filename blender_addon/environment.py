# SPDX-License-Identifier: GPL-3.0-or-later
"""A Python environment with lookmatte: where it is, and whether it is sound. No Blender in here."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections import deque
from collections.abc import Sequence

from .paths import brief

# What Blender sets for its own interpreter and another one would stumble over.
_HOSTS_OWN = (
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "PYTHONEXECUTABLE",
    "__PYVENV_LAUNCHER__",
    "PYTHONUSERBASE",
)
_KEPT = 400


class Commands:
    """Commands that run one after the other without anybody waiting; the first that fails ends them."""

    def __init__(self, commands: Sequence[Sequence[str]], folder: str) -> None:
        self.lines: deque[str] = deque(maxlen=_KEPT)
        """What they said last, errors included."""
        self.code: int | None = None
        """0 once all have ended well, another number where one failed, None while they run."""
        self._commands = [list(command) for command in commands]
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="lookmatte-environment", daemon=True)
        self._thread.start()

    @property
    def last(self) -> str:
        """The last line that was said."""
        try:
            return self.lines[-1]
        except IndexError:
            return ""

    def instead(self, command: Sequence[str]) -> Sequence[str] | None:
        """What to run in the place of a command that failed; None where there is nothing."""
        return None

    def stop(self) -> None:
        """End them now."""
        with self._lock:
            self._stopped = True
            if self._process is not None:
                self._process.kill()

    def wait(self, seconds: float) -> int | None:
        """Wait for the end, for as long as that; for tests and for background runs."""
        self._thread.join(seconds)
        return self.code

    def _run(self) -> None:
        code = 0
        for command in self._commands:
            code = self._one(command)
            if code and (other := self.instead(command)) is not None:
                code = self._one(list(other))
            if code:
                break
        self.code = code

    def _one(self, command: list[str]) -> int:
        kept = {name: value for name, value in os.environ.items() if name not in _HOSTS_OWN}
        kept["PYTHONUNBUFFERED"] = "1"
        try:
            with self._lock:
                if self._stopped:
                    return 1
                self._process = subprocess.Popen(
                    command,
                    cwd=self._folder,
                    env=kept,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    encoding="utf-8",
                    errors="replace",
                    creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
                )
        except OSError as error:
            self.lines.append(f"{command[0]}: {error.strerror or error}")
            return 1
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.strip():
                self.lines.append(line.rstrip())
        return self._process.wait()


def python_in(folder: str) -> str:
    """The interpreter of the environment in a folder."""
    inside = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
    return os.path.join(folder, *inside)


def interpreter(given: str) -> str:
    """The interpreter that a person means by a path: the file itself, or the one of an environment's folder.

    "" for no path. Raises ValueError with a sentence when there is nothing to run.
    """
    if not given.strip():
        return ""
    path = os.path.abspath(os.path.expanduser(given.strip()))
    if os.path.isdir(path):
        inside = python_in(path)
        if not os.path.isfile(inside):
            raise ValueError(f"{brief(path)} is no Python environment")
        return inside
    if not os.path.isfile(path):
        raise ValueError(f"{brief(path)} is not there")
    return path


def doctor(python: str, folder: str) -> Commands:
    """Start the check of an environment."""
    return Commands([[python, "-m", "lookmatte.cli", "doctor", "--json"]], folder)


def findings(lines: Sequence[str]) -> list[tuple[str, str, str]]:
    """(state, check, sentence) of what doctor said so far; other lines are dropped."""
    found = []
    for line in lines:
        try:
            said = json.loads(line)
        except ValueError:
            continue
        if isinstance(said, dict) and said.get("event") == "check":
            todo = f"; {said['todo']}" if said.get("todo") else ""
            found.append((str(said["state"]), str(said["check"]), f"{said['found']}{todo}"))
    return found

