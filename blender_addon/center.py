# SPDX-License-Identifier: GPL-3.0-or-later
"""The one session of this Blender, the timer that collects from it, and the status bar that tells of it."""

from __future__ import annotations

import os
import traceback
from collections import deque
from collections.abc import Callable
from typing import Any

import bpy

from . import environment, jobs, mapping, memory, paths
from .session import PREFERENCES, Event, Session

_OFTEN, _SELDOM = 0.1, 0.5

session: Session | None = None
messages: list[tuple[str, str]] = []
"""(kind, sentence) of what a person should know, the newest last."""

watchers: list[Callable[[], None]] = []
"""Called at every tick, whether the worker is busy or not."""

_shown = ""
_faults: set[str] = set()
_folders: set[str] = set()
_reports: deque[tuple[str, str]] = deque()
_later: deque[Callable[[], None]] = deque()


def say(kind: str, text: str) -> None:
    """Keep a message, print it, and have it shown in Blender's status bar. From any thread."""
    messages.append((kind, text))
    del messages[:-50]
    print(f"lookmatte: {'' if kind == 'INFO' else kind.lower() + ': '}{text}", flush=True)
    if not waits():
        _reports.append((kind, in_brief(text)))


def in_brief(text: str) -> str:
    """A message as a node or the status bar bears it: without the long names of the folders that were worked in."""
    return paths.in_brief(text, _folders)


def later(act: Callable[[], None]) -> None:
    """Do something in the main thread: at the next tick, or at once where no timer runs. From any thread."""
    if waits():
        act()
    else:
        _later.append(act)


def preferences() -> Any:
    """The add-on's preferences."""
    context: Any = bpy.context
    return context.preferences.addons[memory.package()].preferences


def python() -> str:
    """The interpreter that the preferences name. Raises SettingsError when there is none."""
    try:
        found = environment.interpreter(preferences().python)
    except ValueError as error:
        raise mapping.SettingsError(f"{error}; choose another environment in {PREFERENCES}") from None
    if not found:
        found = environment.python_in(memory.folder("environment"))
        if not os.path.isfile(found):
            raise mapping.SettingsError(f"lookmatte has no environment yet: choose or create one in {PREFERENCES}")
    return found


def submit(
    command: str,
    arguments: dict[str, Any],
    label: str,
    on_event: Callable[[Event], None] | None = None,
    on_end: Callable[[Event | None], None] | None = None,
) -> None:
    """Ask the worker, which is started if need be. Raises SettingsError when there is no environment."""
    global session
    chosen = python()
    _folders.update({memory.folder(), *jobs.folders(arguments)})
    if session is None:
        session = Session(os.path.join(memory.folder(), "worker.log"), say)
    session.use(chosen)
    session.submit(command, arguments, label, on_event, on_end)


def waits() -> bool:
    """Is there no window, and so no timer that collects? Then whoever asks waits for the answer."""
    return bool(bpy.app.background)


def busy() -> bool:
    """Is anything under way?"""
    return session is not None and session.busy


def cancel() -> None:
    """Ask for the end of everything that is under way."""
    if session is not None:
        session.cancel()


def drain(seconds: float | None = None) -> bool:
    """Wait until nothing is under way, where no timer runs; prints what is done. False when the time was up."""
    if session is None:
        return True
    told = ""

    def step() -> None:
        nonlocal told
        status = session.status() if session is not None else ""
        if status and status != told:
            told = status
            print(status, flush=True)

    return session.drain(step, seconds)


def tick() -> float:
    """The timer: collect, show progress, and come again."""
    try:
        while _later:
            _later.popleft()()
        if session is not None:
            session.tick()
        for watcher in list(watchers):
            watcher()
        _show(session.status() if session is not None else "")
        while _reports:
            _report(*_reports.popleft())
    except Exception:  # a timer that raises is never called again
        fault = traceback.format_exc()
        if fault not in _faults:
            _faults.add(fault)
            print(fault, flush=True)
            say("ERROR", "lookmatte met a fault of its own: Blender's console tells which")
    return _OFTEN if busy() else _SELDOM


def _report(kind: str, text: str) -> None:
    """Only an operator can report. An error would open a window of its own: a warning stands in the status bar."""
    shown = windows()
    if shown:
        with bpy.context.temp_override(window=shown[0]):
            operators: Any = bpy.ops
            operators.lookmatte.tell(kind="INFO" if kind == "INFO" else "WARNING", text=text)


def windows() -> list[Any]:
    """Blender's windows; none in the background."""
    manager = bpy.context.window_manager
    return [] if manager is None else list(manager.windows)


def _show(text: str) -> None:
    global _shown
    if text == _shown or waits():
        return
    _shown = text
    for window in windows():
        window.workspace.status_text_set(f"{text}    (the X on the node stops it)" if text else None)
    redraw("NODE_EDITOR")


def redraw(kind: str) -> None:
    """Have all areas of a kind drawn again."""
    for window in windows():
        for area in window.screen.areas:
            if area.type == kind:
                area.tag_redraw()


def start() -> None:
    """Begin to collect."""
    if not bpy.app.timers.is_registered(tick):
        bpy.app.timers.register(tick, first_interval=_SELDOM, persistent=True)


def stop() -> None:
    """End the worker and the timer."""
    global session
    if bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)
    _show("")
    if session is not None:
        session.close()
        session = None
    watchers.clear()
    _later.clear()
    _reports.clear()
