"""A run that is done by the process of a session instead of this one, which then imports nothing heavy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from lookmatte.errors import FrameError, InputError
from lookmatte.farm.desk import Desk, Event, Gone
from lookmatte.job import Job
from lookmatte.jobmapping import as_mapping
from lookmatte.progress import Progress, Silent

_NO_WORKER = ("not_started", "worker_died", "protocol", "closed")
"""The client's codes for a worker that is not there, whatever is asked of it."""


class Summary(Protocol):
    """Of a run: the frames that failed."""

    failed: list[int]


class Runnable(Protocol):
    """A job that is ready to go."""

    def run(self) -> Summary:
        """Do it."""


@dataclass
class _Told:
    failed: list[int] = field(default_factory=list)


class SessionRun:
    """Takes what ``lookmatte.rendering.Run`` takes, and has the process at ``desk`` do it. Where there is none, or
    none any more, ``here`` makes the run that does it in this process: slower to start, and the same frames."""

    def __init__(
        self,
        desk: Desk,
        here: Callable[..., Runnable],
        job: Job,
        *,
        progress: Progress | None = None,
        frames: str | None = None,
        overwrite: bool = False,
        stage: str = "render",
        bake_dir: Path | None = None,
        model: Path | None = None,
        device: str | None = None,
    ) -> None:
        self._desk, self._here, self._job, self._stage = desk, here, job, stage
        self._progress = progress or Silent()
        self._options: dict[str, Any] = {
            "frames": frames, "overwrite": overwrite, "bake_dir": bake_dir, "model": model, "device": device
        }  # fmt: skip

    def run(self) -> Summary:
        """Have it done. Raises InputError or FrameError as the run itself would."""
        try:
            ended = self._desk.ask(self._stage, self._arguments(), self._hear)
        except Gone as gone:
            return self._run_here(str(gone))
        if ended["event"] == "result":
            return _Told(list(ended["result"]["failed"]))
        if ended["code"] in _NO_WORKER:
            return self._run_here(ended["message"])
        said = "\n".join(filter(None, (ended["message"], ended["hint"])))
        raise InputError(said) if ended["code"] == "input" else FrameError(said)

    def _run_here(self, why: str) -> Summary:
        self._progress.note(f"{why}; this task goes on in a process of its own")
        return self._here(self._job, progress=self._progress, stage=self._stage, **self._options).run()

    def _arguments(self) -> dict[str, Any]:
        options = self._options
        arguments: dict[str, Any] = {"job": as_mapping(self._job), "overwrite": options["overwrite"]}
        arguments |= {key: options[key] for key in ("frames", "device") if options[key] is not None}
        for key, name in (("bake_dir", "bake"), ("model", "model")):
            if options[key] is not None:
                arguments[name] = str(options[key].absolute())
        return arguments

    def _hear(self, event: Event) -> None:
        told, name = self._progress, event["event"]
        path = None if event.get("path") is None else Path(event["path"])
        if name == "start":
            told.start(event["total"], stage=event["stage"], output=event["output"])
        elif name == "frame_done":
            told.frame_done(event["frame"], path, event["seconds"])
        elif name == "frame_skipped":
            told.frame_skipped(event["frame"], path)
        elif name == "frame_failed":
            told.frame_failed(event["frame"], event["message"])
        elif name in ("warning", "restarted"):
            told.warning(event["message"])
        elif name == "note":
            told.note(event["message"])
        elif name == "done":
            told.done(event["done"], event["skipped"], event["failed"])
