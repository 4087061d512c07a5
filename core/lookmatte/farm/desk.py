"""A session's desk: the folder on which tasks leave requests for the process that outlives them, and find answers.

Files alone: they need no port, work the same on every system, and go with the session's folder. Of a request ``ID``
there are ``ID.alive`` (its task holds it open), ``ID.ask.json``, ``ID.told.jsonl`` (events, a line each, the last
one ``result`` or ``error``), and ``ID.cancel`` once it is not wanted any more.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lookmatte.farm.alive import alive_while, is_alive

Event = dict[str, Any]

PAUSE = 0.03
"""Seconds between two looks."""

START_SECONDS = 60.0
"""How long the process may take until it says that it is alive; its worker may take longer, and is waited for."""

_CANCELLING = 2.5  # seconds in which a cancelled request may still tell of its end

# As for a worker: Python looks for modules in the current folder first, and a session's may hold anything.
_STARTER = (
    "import sys; sys.path[:] = [entry for entry in sys.path if entry]; "
    "from lookmatte.farm.keeper import main; sys.exit(main(sys.argv[1]))"
)


class Gone(Exception):
    """There is nobody at the desk, or there is nobody any more."""


class Desk:
    """The desk of the session whose working folder is ``session``."""

    def __init__(self, session: Path) -> None:
        self.folder = session.absolute() / "lookmatte"
        self.alive = self.folder / "keeper.alive"
        self.stop_file = self.folder / "stop"
        self.log = self.folder / "lookmatte.log"

    # The tasks' side.

    def open(self) -> None:
        """Have somebody at the desk: start the process, unless it is there. Raises Gone when it does not come."""
        if is_alive(self.alive):
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                self.stop_file.unlink()
            started = _start(self.folder.parent, self.log)
        except OSError as error:
            raise Gone(f"{error.filename or self.folder}: {error.strerror or error}") from None
        until = time.monotonic() + START_SECONDS
        while not is_alive(self.alive):
            if started.poll() is not None or time.monotonic() > until:
                raise Gone(f"the session's process did not start; {self.log}")
            time.sleep(PAUSE)

    def ask(self, command: str, arguments: dict[str, Any], hear: Callable[[Event], None]) -> Event:
        """Ask the worker for something, hand every event on the way to ``hear``, and return the last: ``result`` or
        ``error``. Raises Gone. A KeyboardInterrupt on the way cancels the request."""
        self.open()
        name = f"{time.time_ns():020d}-{os.getpid()}-{secrets.token_hex(3)}"
        kinds = ("alive", "draft", "ask.json", "told.jsonl", "cancel")
        files = [self.folder / f"{name}.{kind}" for kind in kinds]
        alive, draft, ask, told, cancel = files
        try:
            with alive_while(alive):
                draft.write_text(json.dumps({"command": command, "arguments": arguments}), encoding="utf-8")
                draft.replace(ask)
                try:
                    return self._listen(told, hear)
                except KeyboardInterrupt:
                    # On a full disk, too: who is told to end must not go on by itself.
                    with contextlib.suppress(OSError, Gone):
                        cancel.touch()
                        self._listen(told, lambda _: None, time.monotonic() + _CANCELLING)
                    raise
        except OSError as error:
            raise Gone(f"{error.filename or self.folder}: {error.strerror or error}") from None
        finally:
            for file in files:
                with contextlib.suppress(OSError):
                    file.unlink()

    def _listen(self, told: Path, hear: Callable[[Event], None], until: float = float("inf")) -> Event:
        heard = 0
        while True:
            there = is_alive(self.alive)  # asked first: what was told before the end is heard all the same
            with contextlib.suppress(FileNotFoundError), told.open("rb") as file:
                file.seek(heard)
                for line in file.read().splitlines(keepends=True):
                    if not line.endswith(b"\n"):
                        break
                    heard += len(line)
                    event: Event = json.loads(line)
                    if event["event"] in ("result", "error"):
                        return event
                    hear(event)
            if not there or time.monotonic() > until:
                raise Gone(f"the session's process has ended; {self.log}")
            time.sleep(PAUSE)

    def close(self, seconds: float = 10.0) -> bool:
        """Send the process home; False when it has not gone within ``seconds``."""
        if not self.folder.is_dir():
            return True
        with contextlib.suppress(OSError):  # it goes with the folder all the same
            self.stop_file.touch()
        until = time.monotonic() + seconds
        while is_alive(self.alive):
            if time.monotonic() > until:
                return False
            time.sleep(PAUSE)
        return True


def _start(session: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start the process apart from this one: in no group and on no stream that an engine waits for or ends."""
    flags = getattr(subprocess, "CREATE_NO_WINDOW", 0) | getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
    with log.open("ab") as stream:
        return subprocess.Popen(
            [sys.executable, "-c", _STARTER, str(session)],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            creationflags=flags,
            start_new_session=os.name == "posix",
        )
