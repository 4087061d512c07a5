"""What requests ask for, done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lookmatte.errors import InputError
from lookmatte.job import Job
from lookmatte.progress import JsonLines
from lookmatte.worker.requests import Request, absolute

Arguments = dict[str, Any]


def perform(request: Request, events: JsonLines) -> dict[str, Any]:
    """Do what a request asks and return its result; events on the way go to ``events``.

    Raises InputError or FrameError for what cannot be done.
    """
    return _TASKS[request.command](request.arguments, events)


def _inspect(arguments: Arguments, _: JsonLines) -> dict[str, Any]:
    from lookmatte.commands.inspect import find

    return find(str(absolute(arguments, "file")), arguments.get("layer"))


def _job(arguments: Arguments) -> Job:
    job = arguments["job"]
    if isinstance(job, str):
        path = absolute({**arguments, "job": job}, "job")
        assert path is not None
        return Job.load(path)
    return Job.from_mapping(job, absolute(arguments, "base") or Path.cwd())


def _render(arguments: Arguments, events: JsonLines) -> dict[str, Any]:
    return _run("render", arguments, events)


def _bake(arguments: Arguments, events: JsonLines) -> dict[str, Any]:
    return _run("bake", arguments, events)


def _apply(arguments: Arguments, events: JsonLines) -> dict[str, Any]:
    return _run("apply", arguments, events)


def _run(stage: Any, arguments: Arguments, events: JsonLines) -> dict[str, Any]:
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
    )
    return asdict(summary)


def _preview(arguments: Arguments, events: JsonLines) -> dict[str, Any]:
    from lookmatte.imaging.picture import write_png
    from lookmatte.rendering.preview import preview

    path = absolute(arguments, "output")
    assert path is not None
    if path.suffix.lower() != ".png":
        raise InputError(f"preview: output {path} must end in .png")
    strip = preview(
        _job(arguments), frame=arguments.get("frame"), model=absolute(arguments, "model"), progress=events
    )
    write_png(path, strip.picture)
    regions = [
        {"name": one.name, "tint": one.tint.hex, "styles": [style.image for style in one.styles]}
        for one in strip.swatches
    ]
    return {"path": str(path), "frame": strip.frame, "regions": regions}


_TASKS: dict[str, Callable[[Arguments, JsonLines], dict[str, Any]]] = {
    "inspect": _inspect,
    "preview": _preview,
    "bake": _bake,
    "render": _render,
    "apply": _apply,
}
