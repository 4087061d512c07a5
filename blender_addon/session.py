# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker and what it is asked; nothing here waits but ``drain``. No Blender in here."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .client import Client, Request, WorkerError

Event = dict[str, Any]

PREFERENCES = "Edit > Preferences > Add-ons > lookmatte"
"""Where an environment is chosen, created and checked."""


# What an artist never wrote: keys of a job file, names of parts, kinds of exceptions.
_REGION, _REST = re.compile(r"\bregions\.(?=\d)"), re.compile(r"\bregions\.rest\b")
_NO_PART = re.compile(r"no part, layer or view '(.+?)\.Combined' with red, green and blue(.*)")
_EXCEPTION = re.compile(r"\b\w+(?:Error|Exception): ")


def plain(message: str) -> str:
    """A message of the worker's in the words of the node."""

    def no_layer(found: re.Match[str]) -> str:
        return f"the render has no view layer {found[1]!r}{found[2].replace('.Combined', '')}"

    message = _REST.sub("everything else", _REGION.sub("region ", message))
    return _EXCEPTION.sub("", _NO_PART.sub(no_layer, message))


@dataclass
class Task:
    """A request, what it is called, and who hears of it. ``on_end`` gets the result, or None after an error."""

    request: Request
    label: str
    on_event: Callable[[Event], None] | None = None
    on_end: Callable[[Event | None], None] | None = None


class Session:
    """Owns the worker. ``say(kind, text)`` hears what a person should know: kind is INFO, WARNING or ERROR."""

    def __init__(self, log: str, say: Callable[[str, str], None]) -> None:
        self.log = log
        self.tasks: list[Task] = []
        self._say = say
        self._client: Client | None = None
        self._python = ""

    @property
    def busy(self) -> bool:
        """Is anything under way?"""
        return bool(self.tasks)

    @property
    def version(self) -> str:
        """The worker's version once it is up, else ""."""
        hello = self._client.hello if self._client is not None else None
        return str(hello.get("version", "")) if hello else ""

    @property
    def pid(self) -> int | None:
        """The worker's process once it is up."""
        hello = self._client.hello if self._client is not None else None
        return int(hello["pid"]) if hello and "pid" in hello else None

    def use(self, python: str) -> None:
        """Have a worker of this interpreter: start one, keep the one that runs, or start again one that ended."""
        if self._client is not None and self._python != python:
            # It may take seconds to end, for which nobody should wait.
            threading.Thread(target=self._client.close, name="lookmatte-close", daemon=True).start()
            self._client = None
        if self._client is None:
            self._client, self._python = Client.start(python, self.log), python
        elif not self._client.alive:
            self._client.restart()

    def submit(
        self,
        command: str,
        arguments: dict[str, Any],
        label: str,
        on_event: Callable[[Event], None] | None = None,
        on_end: Callable[[Event | None], None] | None = None,
    ) -> Task:
        """Ask the worker; ``use`` comes first. Returns at once; may be called from any thread."""
        if self._client is None:
            raise RuntimeError("no worker was chosen")
        task = Task(self._client.request(command, arguments), label, on_event, on_end)
        self.tasks.append(task)
        return task

    def status(self) -> str:
        """One line on what is under way; "" when nothing is."""
        tasks = list(self.tasks)
        if not tasks:
            return ""
        met, total = tasks[0].request.progress
        share = f", frame {met} of {total}" if total else ""
        more = f" (and {len(tasks) - 1} more)" if len(tasks) > 1 else ""
        return f"lookmatte: {tasks[0].label}{share}{more}"

    def tick(self) -> bool:
        """Collect what has arrived, and tell those who wait for it; True when there was anything. Never waits."""
        met = False
        for task in list(self.tasks):
            for event in task.request.poll():
                met = True
                self._hear(task, event)
        return met

    def _hear(self, task: Task, event: Event) -> None:
        event, kind = self._plain(event), event["event"]
        if task.on_event is not None:
            task.on_event(event)
        if kind == "restarted":
            self._say("WARNING", str(event["message"]))
        elif kind == "frame_failed":
            # A request for one frame has its name already.
            where = f"frame {event['frame']}"
            self._say("ERROR", f"{where if task.label == where else f'{task.label}: {where}'}: {event['message']}")
        elif kind == "result":
            self._end(task, event["result"])
        elif kind == "error":
            error = WorkerError(str(event["code"]), str(event["message"]), str(event.get("hint", "")))
            if error.code == "cancelled":
                self._say("INFO", f"{task.label}: cancelled")
            elif error.code != "closed":
                self._say("ERROR", f"{task.label}: {error}")
            self._end(task, None)

    def _plain(self, event: Event) -> Event:
        """An event in the words of a person who presses buttons, where it has others."""
        code = event.get("code")
        if code == "internal":
            hint = f"what happened is in {self.log}"
            return {**event, "message": "lookmatte met a fault of its own", "hint": hint}
        if "message" in event:
            event = {**event, "message": plain(str(event["message"]))}
        return {**event, "hint": f"press Check in {PREFERENCES}"} if code == "not_started" else event

    def _end(self, task: Task, result: Event | None) -> None:
        if task in self.tasks:
            self.tasks.remove(task)
        if task.on_end is not None:
            task.on_end(result)

    def cancel(self) -> None:
        """Ask for the end of everything that is under way."""
        for task in list(self.tasks):
            task.request.cancel()

    def drain(self, step: Callable[[], None] | None = None, seconds: float | None = None) -> bool:
        """Wait until nothing is under way; for background runs, where no timer runs. ``step`` is called meanwhile;
        False when ``seconds`` went by."""
        until = None if seconds is None else time.monotonic() + seconds
        while self.tasks:
            if not self.tick():
                if until is not None and time.monotonic() > until:
                    return False
                time.sleep(0.02)
            if step is not None:
                step()
        return True

    def close(self) -> None:
        """End the worker; it finishes the file that it is writing."""
        client, self._client = self._client, None
        if client is not None:
            client.close()
        self.tick()
        self.tasks.clear()
