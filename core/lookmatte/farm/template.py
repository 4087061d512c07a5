"""The Open Job Description template of a shot: bake it in one task, then apply it in chunks, in any order.

What differs from job to job is in the parameters; the template names no path of the machine that wrote it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from lookmatte.farm.frames import chunks, to_openjd
from lookmatte.progress import printable

CHUNK = 10
"""Frames in a task unless told: some seconds to a minute of work, against half a second to start one."""

BAKE, APPLY = "Bake", "Apply"

MAX_CHUNKS, MAX_TEXT = 1024, 1024
"""Open Job Description's limits on the values of a task's parameter and on the length of a job's."""

# A frame gets three seconds to become whole; a task then says so and ends. See commands.process.
_NOTICE_SECONDS = 10

_BRACES = re.compile(r"([{}])(?=\1)")


@dataclass(frozen=True)
class Order:
    """What is to be rendered: the ``name`` of the job, its ``frames`` in ascending order, how many a ``chunk``
    takes. ``extension``: does the engine form the chunks (TASK_CHUNKING)? ``model``: does the folder bring weights?
    """

    name: str
    frames: tuple[int, ...]
    chunk: int = CHUNK
    extension: bool = True
    model: bool = False
    device: str = "cpu"

    @property
    def tasks(self) -> int:
        """How many tasks the job has: one that bakes, and one for each chunk."""
        return 1 + len(chunks(list(self.frames), self.chunk))


def template(order: Order) -> dict[str, Any]:
    """The template as plain values, in the order in which a person reads it."""
    made: dict[str, Any] = {"specificationVersion": "jobtemplate-2023-09"}
    if order.extension:
        made["extensions"] = ["TASK_CHUNKING"]
    made["name"] = _name(order.name)
    made["parameterDefinitions"] = list(_parameters(order))
    made["jobEnvironments"] = [_environment()]
    made["steps"] = [_bake(order), _apply(order)]
    return made


def _name(text: str) -> str:
    """A job's name: short, and nothing in it that an engine would read as a reference."""
    return _BRACES.sub(r"\1 ", printable(text))[:128] or "lookmatte"


def _parameters(order: Order) -> list[dict[str, Any]]:
    found = [
        _path("JobFile", "FILE", "IN", "job.yaml", "The job, with all that its file said resolved"),
        _path("BakeFolder", "DIRECTORY", "OUT", "bake", "Where Bake leaves the grids for Apply"),
        _path("OutputFolder", "DIRECTORY", "OUT", "", "Where the frames go; empty: as the job says"),
    ]
    if order.model:
        found.append(_path("Model", "FILE", "IN", "model.safetensors", "The weights that Bake uses"))
    if order.extension:
        frames = to_openjd(order.frames)
        found += [
            {
                "name": "Frames",
                "type": "STRING",
                "default": frames,
                "description": "Frames to write, some of the job's; a step is :2. Bake covers all of the job's",
            },
            {
                "name": "ChunkSize",
                "type": "INT",
                "default": order.chunk,
                "minValue": 1,
                "description": "Frames in a task at most",
            },
        ]
    return [
        *found,
        {
            "name": "Device",
            "type": "STRING",
            "default": order.device,
            "allowedValues": ["cpu", "cuda", "mps"],
            "description": "Where Apply styles frames; other than cpu the same to within a thousandth",
        },
        {
            "name": "Lookmatte",
            "type": "STRING",
            "default": "lookmatte",
            "description": "The command on the workers: a name in their PATH, or a path",
        },
    ]


def _path(name: str, kind: str, flow: str, default: str, description: str) -> dict[str, Any]:
    made = {"name": name, "type": "PATH", "objectType": kind, "dataFlow": flow, "default": default}
    return {**made, "description": description}


def _action(words: list[str], *, seconds: int | None = None) -> dict[str, Any]:
    """``lookmatte`` with some words, told to end before it is killed."""
    action: dict[str, Any] = {"command": "{{Param.Lookmatte}}", "args": words}
    if seconds is not None:
        action["timeout"] = seconds
    cancel = {"mode": "NOTIFY_THEN_TERMINATE", "notifyPeriodInSeconds": _NOTICE_SECONDS}
    return {**action, "cancelation": cancel}


def _environment() -> dict[str, Any]:
    session = "{{Session.WorkingDirectory}}"
    return {
        "name": "Lookmatte",
        "description": "Checks the worker, and keeps one process warm for the tasks of the session",
        "script": {
            "actions": {
                "onEnter": _action(["session", "start", session, "--openjd"], seconds=900),
                "onExit": _action(["session", "stop", session], seconds=60),
            }
        },
    }


def _words(stage: str) -> list[str]:
    return [
        stage, "{{Param.JobFile}}", "--bake", "{{Param.BakeFolder}}", "--output-folder", "{{Param.OutputFolder}}",
        "--path-map", "{{Session.PathMappingRulesFile}}", "--session", "{{Session.WorkingDirectory}}", "--openjd",
    ]  # fmt: skip


def _bake(order: Order) -> dict[str, Any]:
    words = [*_words("bake"), "--tolerant"]
    if order.model:
        words += ["--model", "{{Param.Model}}"]
    return {
        "name": BAKE,
        "description": "Predicts the grids, in the order of the frames; opens no more than they need",
        "script": {"actions": {"onRun": _action(words)}},
    }


def _apply(order: Order) -> dict[str, Any]:
    parameter: dict[str, Any] = {"name": "Frames", "type": "CHUNK[INT]", "range": "{{Param.Frames}}"}
    if order.extension:
        parameter["chunks"] = {"defaultTaskCount": "{{Param.ChunkSize}}", "rangeConstraint": "NONCONTIGUOUS"}
    else:
        parameter["type"] = "STRING"
        parameter["range"] = [to_openjd(chunk) for chunk in chunks(list(order.frames), order.chunk)]
    words = [*_words("apply"), "--frames", "{{Task.Param.Frames}}", "--device", "{{Param.Device}}"]
    return {
        "name": APPLY,
        "description": "Styles and writes frames; skips those that are there",
        "dependencies": [{"dependsOn": BAKE}],
        "parameterSpace": {"taskParameterDefinitions": [parameter]},
        "script": {"actions": {"onRun": _action(words)}},
    }
