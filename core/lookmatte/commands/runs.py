"""The jobs of a command, one after the other: all are checked before the first of them writes anything."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from lookmatte.commands.common import Jobs, of_shot, progress_of, set_threads
from lookmatte.commands.dryrun import tell_plans
from lookmatte.commands.process import Terminated, ended_by_sigterm, libraries_muted, undisturbed
from lookmatte.errors import FrameError, InputError, LookmatteError
from lookmatte.farm.engine import EngineLines
from lookmatte.farm.frames import from_openjd
from lookmatte.farm.sessionrun import Runnable, SessionRun
from lookmatte.job import Job
from lookmatte.progress import JsonLines, Lines, Progress
from lookmatte.runlog import Logged, RunLog, Several

if TYPE_CHECKING:
    from lookmatte.rendering.plan import Stage

R = TypeVar("R")
Ready = dict[str | None, tuple[R, Lines | JsonLines]]
Places = Callable[[str | None], Path | None]


def run_stage(args: argparse.Namespace, jobs: Jobs, stage: Stage, bake_dir: Places = lambda _: None) -> int:
    """Run a stage of each job and return the exit code: 1 when frames failed, 143 after SIGTERM, else 0.

    Raises InputError when one of the jobs cannot be run at all; then nothing has been written, unless that showed
    only in its turn, and then the others have been run. FrameError: none of a job's frames can be read.
    """
    jobs = _elsewhere(jobs, args.output_folder)
    with _log_of(args) as log:

        def ending(line: str) -> None:
            print(line, file=sys.stderr, flush=True)
            if log is not None:
                log.write("ERROR", line.removeprefix("lookmatte: "))

        try:
            with libraries_muted(), ended_by_sigterm(ending):
                code = _Batch(args, stage, log).run(jobs, bake_dir)
        except Terminated:
            ending("lookmatte: terminated; the frames that are there are whole")
            code = 143
        if log is not None:
            log.write("INFO" if code == 0 else "ERROR", f"exit code {code}")
        return code


def _elsewhere(jobs: Jobs, folder: str | None) -> Jobs:
    """The jobs, with their frames under the same names in another folder; an empty text is none."""
    if not folder:
        return jobs
    if len(jobs) > 1:
        raise InputError("--output-folder: that is for one shot; choose it with --shot")
    place = Path(folder).absolute()
    return {shot: replace(job, output=str(place / Path(job.output).name)) for shot, job in jobs.items()}


def _frames(args: argparse.Namespace) -> str | None:
    given: str | None = getattr(args, "frames", None)
    return from_openjd(given) if given is not None and args.openjd else given


@contextmanager
def _log_of(args: argparse.Namespace) -> Iterator[RunLog | None]:
    """The log that was asked for; what ends the block early is written into it."""
    if args.log is None or args.dry_run:
        yield None
        return
    log = RunLog(Path(args.log))
    log.write("INFO", f"lookmatte {' '.join(sys.argv[1:])}")
    try:
        yield log
    except LookmatteError as error:
        for line in [*str(error).splitlines(), f"exit code {error.exit_code}"]:
            log.write("ERROR", line)
        raise
    except KeyboardInterrupt:
        log.write("ERROR", "interrupted")
        raise
    except Exception as error:
        log.write("ERROR", f"internal error: {type(error).__name__}: {error}")
        raise
    finally:
        log.close()


class _Here:
    """Makes runs in this process, once its libraries are imported."""

    def __init__(self, threads: int | None) -> None:
        with undisturbed():
            import OpenEXR  # noqa: F401  (imported where it is used, later than this)

            from lookmatte.rendering import Run

            set_threads(threads)
        self.run = Run


def _maker(args: argparse.Namespace) -> Callable[..., Runnable]:
    """What makes a run of a job: in this process, or in that of a session."""
    if args.session is None:
        return _Here(args.threads).run
    from lookmatte.farm.desk import Desk

    if args.threads is not None:
        raise InputError("--threads: the session's process has its own; leave one of the two out")
    if not Path(args.session).is_dir():
        raise InputError(f"--session: there is no folder {args.session}")

    def here(job: Job, **options: Any) -> Runnable:
        return _Here(None).run(job, **options)

    return partial(SessionRun, Desk(Path(args.session)), here)


class _Batch:
    """The runs of a command, and what went wrong with whole shots."""

    def __init__(self, args: argparse.Namespace, stage: Stage, log: RunLog | None) -> None:
        self._args, self._stage, self._log = args, stage, log
        self._mistakes: list[str] = []
        self._losses: list[str] = []

    def run(self, jobs: Jobs, bake_dir: Places) -> int:
        if self._args.dry_run:
            return self._plan(jobs, bake_dir)
        code = self._run(self._ready(jobs, bake_dir, _maker(self._args)))
        if code == 1 and self._args.tolerant:
            return 0
        return code

    def _plan(self, jobs: Jobs, bake_dir: Places) -> int:
        runs = self._ready(jobs, bake_dir, _Here(self._args.threads).run)
        tell_plans({shot: run.plan() for shot, (run, _) in runs.items()}, as_json=self._args.json)
        return 0

    def _ready(self, jobs: Jobs, bake_dir: Places, make: Callable[..., R]) -> Ready[R]:
        """Every job as a run, with what tells a person of it; InputError unless all can be run."""
        runs: Ready[R] = {}
        for shot, job in jobs.items():
            shown = progress_of(self._args, shot)
            told: list[Progress] = [shown]
            if self._log is not None:
                told.append(Logged(self._log, shot))
            if self._args.openjd:
                told.append(EngineLines())
            with self._counted(shot):
                run = make(
                    job,
                    progress=told[0] if len(told) == 1 else Several(told),
                    frames=_frames(self._args),
                    overwrite=self._args.overwrite,
                    stage=self._stage,
                    bake_dir=bake_dir(shot),
                    model=None if getattr(self._args, "model", None) is None else Path(self._args.model),
                    device=getattr(self._args, "device", None),
                )
                runs[shot] = (run, shown)
        if self._mistakes:
            raise InputError("\n".join(self._mistakes))
        return runs

    def _run(self, runs: Ready[Runnable]) -> int:
        failed = False
        for shot, (run, shown) in runs.items():
            with self._counted(shot):
                try:
                    failed = bool(run.run().failed) or failed
                finally:
                    if isinstance(shown, Lines):
                        shown.close()
        if self._mistakes:
            raise InputError("\n".join([*self._mistakes, *self._losses]))
        if self._losses:
            raise FrameError("\n".join(self._losses))
        return 1 if failed else 0

    @contextmanager
    def _counted(self, shot: str | None) -> Iterator[None]:
        """Of several shots one that cannot be run does not take the others along."""
        try:
            yield
        except LookmatteError as error:
            (self._losses if isinstance(error, FrameError) else self._mistakes).extend(of_shot(shot, error))
