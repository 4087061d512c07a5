"""The process at a session's desk: it keeps one warm worker, and passes on what tasks ask of it.

It ends when it is told to, when the session's folder is gone, and when nobody has come for a while: engines may
lose a session without ending it, and a task that finds nobody starts another one.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from pathlib import Path

from lookmatte.client import Client
from lookmatte.farm.alive import alive_while, is_alive
from lookmatte.farm.desk import PAUSE, Desk

IDLE = 900.0
"""Seconds without a request after which it goes."""


def main(session: str) -> int:
    """Serve the desk of a session, unless somebody does; returns an exit code."""
    desk = Desk(Path(session))
    os.chdir(os.path.abspath(os.sep))  # a folder that is somebody's current one cannot be removed everywhere
    for _ in range(20):  # who looks whether anybody is there holds the lock for a moment
        with alive_while(desk.alive) as ours:
            if ours:
                _keep(desk)
                return 0
        time.sleep(PAUSE)
    return 0


def _keep(desk: Desk) -> None:
    # The worker is of this very Python, so what that needs to find its modules, the worker needs too.
    path = os.environ.get("PYTHONPATH")
    with Client.start(sys.executable, str(desk.log), {"PYTHONPATH": path}) as client:
        last = time.monotonic()
        while not _is_over(desk) and time.monotonic() - last < IDLE:
            asked = min(desk.folder.glob("*.ask.json"), default=None)
            if asked is None:
                time.sleep(PAUSE)
                continue
            if not client.alive:
                client.restart()
            if not _answer(desk, client, asked):
                return
            last = time.monotonic()


def _is_over(desk: Desk) -> bool:
    return desk.stop_file.exists() or not desk.folder.is_dir()


def _answer(desk: Desk, client: Client, asked: Path) -> bool:
    """Pass a request on, and what the worker says of it back. A task that has ended wants nothing any more.

    False when that cannot be read or told, because the disk is full or the session's folder has gone: a keeper that
    ends is missed by its tasks, which then do their work themselves; one that stays silent is waited for.
    """
    stem = asked.name.removesuffix(".ask.json")
    alive, cancel, told = (desk.folder / f"{stem}.{kind}" for kind in ("alive", "cancel", "told.jsonl"))
    try:
        message = json.loads(asked.read_text(encoding="utf-8"))
        asked.unlink()
        with told.open("ab") as stream:
            request = client.request(message["command"], message["arguments"])
            cancelled = False
            while True:
                ended = request.done
                for event in request.poll():
                    stream.write(json.dumps(event).encode("ascii") + b"\n")
                    stream.flush()
                if ended:
                    return True
                if not cancelled and (cancel.exists() or not is_alive(alive) or _is_over(desk)):
                    request.cancel()
                    cancelled = True
                time.sleep(PAUSE)
    except (OSError, ValueError):
        return False
    finally:
        if not is_alive(alive):
            for file in (asked, alive, cancel, told):
                with contextlib.suppress(OSError):
                    file.unlink()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
