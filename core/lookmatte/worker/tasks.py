"""What requests ask for, done; what they have in common stays in memory between them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookmatte.errors import InputError
from lookmatte.job import Job
from lookmatte.progress import JsonLines
from lookmatte.worker.requests import Request, absolute

if TYPE_CHECKING:
    from lookmatte.rendering.plan import Stage
    from lookmatte.worker.stills import Stills

Answer = dict[str, Any]
Arguments = dict[str, Any]


class Workshop:
    """Does one request after another, all in one thread.

    Libraries, the kernel's code, weights and the last frame's bake stay in memory between requests.
    """

    def __init__(self) -> None:
        self._stills: Stills | None = None

    def prepare(self, request: Request) -> None:
        """Import what a request needs: a library that is interrupted inside its own start is in disorder."""
        if request.command == "inspect":
            import lookmatte.imaging.colour
            import lookmatte.imaging.cryptomatte
        else:
            import OpenEXR  # noqa: F401

            import lookmatte.rendering
            import lookmatte.rendering.preview  # noqa: F401

    def perform(self, request: Request, events: JsonLines) -> Answer:
        """Do what a request asks and return its result; events on the way go to ``events``.

        Raises InputError or FrameError for what cannot be done.
        """
        arguments = request.arguments
        if request.command == "inspect":
            return _inspect(arguments)
        if request.command == "preview":
            return self._preview(arguments, events)
        if request.command == "doctor":
            return _doctor(events)
        if request.command == "warm":
            return _warm()
        return _run(request.command, arguments, events)  # type: ignore[arg-type]

    def _preview(self, arguments: Arguments, events: JsonLines) -> Answer:
        from lookmatte.worker.stills import Stills

        path = _path(arguments, "output")
        job = _job(arguments, aside=path)
        if self._stills is None:
            self._stills = Stills()
        return self._stills.make(job, arguments.get("frame"), path, absolute(arguments, "model"), events)


def _path(arguments: Arguments, name: str) -> Path:
    path = absolute(arguments, name)
    assert path is not None, f"{name} is required"
    return path


def _job(arguments: Arguments, aside: Path | None = None) -> Job:
    """The job of a request; with ``aside`` it writes beside that path, and its own output is not needed."""
    given = arguments["job"]
    output = None if aside is None else str(aside.with_suffix(".####.exr"))
    if isinstance(given, str):
        job = Job.load(_path(arguments, "job"))
        return job if output is None else dataclasses.replace(job, output=output)
    return Job.from_mapping(given if output is None else {**given, "output": output}, _base(arguments))


def _base(arguments: Arguments) -> Path:
    return absolute(arguments, "base") or Path.cwd()


def _inspect(arguments: Arguments) -> Answer:
    from lookmatte.commands.inspect import find

    return find(str(_path(arguments, "file")), arguments.get("layer"))


def _run(stage: Stage, arguments: Arguments, events: JsonLines) -> Answer:
    job = _job(arguments)
    from lookmatte.rendering import render

    summary = render(
        job,
        progress=events,
        frames=arguments.get("frames"),
        overwrite=arguments.get("overwrite", False),
        stage=stage,
        bake_dir=absolute(arguments, "bake"),
        model=absolute(arguments, "model"),
        device=arguments.get("device"),
    )
    return dataclasses.asdict(summary)


def _doctor(events: JsonLines) -> Answer:
    from lookmatte.commands.doctor import findings

    failed = False
    for finding in findings():
        failed = failed or finding.state == "FAIL"
        events.emit("check", **vars(finding))
    return {"sound": not failed}


def _warm() -> Answer:
    """Go the whole way once with a generated picture: what is slow for the first time is behind then."""
    from lookmatte.commands.doctor import check_kernel, check_render

    for finding in (*check_kernel(), *check_render()):
        if finding.state == "FAIL":
            raise InputError(f"{finding.check}: {finding.found}; {finding.todo}")
    return {}
