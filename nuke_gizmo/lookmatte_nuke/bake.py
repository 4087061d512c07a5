"""Baking and rendering: what Nuke must write is written, the worker is asked, and its answer lands in the node.

In Nuke's window a thread follows the worker and shows a progress bar; nodes are touched in the main thread alone.
In a terminal all of it runs inline, and what fails raises BakeError.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import nuke

from . import job, landing, plan, session, status, writing
from .job import SettingsError
from .live import LiveError
from .plan import Plan
from .session import Work

_PAUSE = 0.1
_SHOWN = 5


class BakeError(Exception):
    """A bake or render that failed in a terminal: what a person would have been told."""


class Run(NamedTuple):
    """A request under way for a node; ``land`` takes its result into the script, in the main thread."""

    node: nuke.Node
    name: str
    work: Work
    notes: tuple[str, ...]
    land: Callable[[dict[str, Any]], None]


_running: dict[str, Run] = {}


def bake(node: nuke.Node, still: int | None = None) -> None:
    """Bake the node's range, or the frame ``still`` alone. In Nuke's window it returns while the worker bakes."""

    def prepare() -> Run:
        planned = plan.plan(node, still)
        folder = planned.bake_folder()
        arguments = _arguments(planned, planned.job(planned.folder + "/none.####.exr"), folder)

        def land(result: dict[str, Any]) -> None:
            state = planned.state._replace(failed=tuple(int(frame) for frame in result["failed"]))
            landing.land(node, folder, planned.settings.coverage, state, planned.about)

        return _ask(node, planned, "bake", arguments, land)

    _start(node, prepare)


def render(node: nuke.Node) -> None:
    """Have the worker write the styled frames of the node's range, and read them in a new Read."""

    def prepare() -> Run:
        planned = plan.plan(node)
        frames = range(planned.first, planned.last + 1)
        strength = job.keyframes({frame: float(node["strength"].getValueAt(frame)) for frame in frames})
        output = _output(node, planned)
        arguments = _arguments(planned, planned.job(output, strength), planned.bake_folder())

        def land(result: dict[str, Any]) -> None:
            _read(node, planned, output)

        return _ask(node, planned, "render", arguments, land)

    _start(node, prepare)


def cancel(node: nuke.Node) -> None:
    """Stop what is under way for the node."""
    run = _running.get(node.fullName())
    if run is not None:
        run.work.cancel()


def busy(node: nuke.Node) -> str:
    """What is under way for the node, in a line; "" for nothing."""
    run = _running.get(node.fullName())
    return "" if run is None else f"{run.work.label}: {run.work.said}"


def _arguments(planned: Plan, made: dict[str, Any], folder: str) -> dict[str, Any]:
    arguments: dict[str, Any] = {"job": made, "bake": folder}
    if planned.settings.model:
        arguments["model"] = planned.settings.model
    return arguments


def _ask(
    node: nuke.Node, planned: Plan, command: str, arguments: dict[str, Any], land: Callable[[dict[str, Any]], None]
) -> Run:
    """Write what is to be written, then ask the worker."""
    python = session.interpreter(plan.evaluated(node, "python"))
    for one in planned.writes:
        writing.write(one)
    name = node.fullName()
    work = session.ask(python, planned.config, command, arguments, f"{command} {name}")
    return Run(node, name, work, planned.notes, land)


def _start(node: nuke.Node, prepare: Callable[[], Run]) -> None:
    if node.fullName() in _running:
        _tell(f"{node.name()}: a bake or render is under way; press Cancel to stop it")
        return
    try:
        run = prepare()
    except writing.WriteCancelled:
        status.refresh(node)
        if not nuke.GUI:
            raise BakeError(f"{node.name()}: cancelled") from None
        return
    except (SettingsError, writing.WriteError, LiveError) as error:
        _tell("\n".join(f"{node.name()}: {line}" for line in str(error).splitlines()))
        return
    _running[run.name] = run
    status.say(node, run.work.label)
    if nuke.GUI:
        threading.Thread(target=_follow, args=(run,), name="lookmatte", daemon=True).start()
        return
    try:
        while not run.work.done:
            run.work.hear()
            time.sleep(_PAUSE / 2)
    except KeyboardInterrupt:
        run.work.cancel()
        _running.pop(run.name, None)
        raise
    _end(run)


def _follow(run: Run) -> None:
    """Show how far the worker is, in a thread of its own; the end is the main thread's."""
    task = nuke.ProgressTask("lookmatte: " + run.work.label)
    while not run.work.done:
        run.work.hear()
        if task.isCancelled():
            run.work.cancel()
        task.setProgress(int(100 * run.work.share))
        task.setMessage(run.work.said)
        time.sleep(_PAUSE)
    del task
    nuke.executeInMainThread(_end, (run,))


def _end(run: Run) -> None:
    """Take a request's end into the script. What it raises would be lost in the window: it is told instead."""
    _running.pop(run.name, None)
    try:
        trouble = _outcome(run)
    except LiveError as error:
        trouble = str(error)
    except ValueError:
        return  # the node was deleted meanwhile
    try:
        status.refresh(run.node)
    except ValueError:
        return
    if trouble:
        _tell(f"{run.node.name()}: {trouble}")


def _outcome(run: Run) -> str:
    """Land the result; what a person should be told, empty if nothing."""
    error = run.work.error
    if error is not None:
        if error.code == "cancelled":
            return "" if nuke.GUI else "cancelled"
        return f"{error.message}\n{error.hint}" if error.hint else error.message
    result = run.work.result
    assert result is not None
    if result["done"] or result["skipped"]:
        run.land(result)
    for warning in run.work.warnings:
        _note(f"{run.work.label}: {warning}")
    status.say(run.node, _listed([*run.work.warnings, *run.notes]), "notes")
    return _listed(run.work.failures)


def _listed(lines: list[str]) -> str:
    more = len(lines) - _SHOWN
    return "\n".join(lines[:_SHOWN] + ([f"and {more} more"] if more > 0 else []))


def _output(node: nuke.Node, planned: Plan) -> str:
    given = plan.evaluated(node, "render_to")
    return given or f"{planned.folder}/render/{node.name()}_look.####.exr"


def _read(node: nuke.Node, planned: Plan, output: str) -> None:
    """A Read of the styled frames, below the node."""
    with node.parent():
        made = nuke.nodes.Read(
            file=output, file_type="exr", first=planned.first, last=planned.last, origfirst=planned.first,
            origlast=planned.last, origset=True, raw=True,
        )  # fmt: skip
    made["label"].setValue(f"{node.name()}, rendered by lookmatte")
    made.setXYpos(node.xpos() + 120, node.ypos() + 80)


def _tell(text: str) -> None:
    """A message in the window, an exception in a terminal."""
    if not nuke.GUI:
        raise BakeError(text)
    nuke.message(text)


def _note(text: str) -> None:
    print("lookmatte: " + text, file=sys.stderr if not nuke.GUI else sys.stdout)
