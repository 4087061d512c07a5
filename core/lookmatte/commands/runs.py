"""The jobs of a command, one after the other: all are checked before the first of them writes anything."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lookmatte.commands.common import Jobs, progress_of, set_threads
from lookmatte.commands.dryrun import tell_plans
from lookmatte.commands.process import Terminated, ended_by_sigterm, libraries_muted, undisturbed
from lookmatte.errors import FrameError, InputError, LookmatteError
from lookmatte.progress import Lines, Progress
from lookmatte.runlog import Logged, RunLog, Several

if TYPE_CHECKING:
    from lookmatte.rendering import Run
    from lookmatte.rendering.plan import Stage

Places = Callable[[str | None], Path | None]


def run_stage(args: argparse.Namespace, jobs: Jobs, stage: Stage, bake_dir: Places = lambda _: None) -> int:
    """Run a stage of each job and return the exit code: 1 when frames failed, 143 after SIGTERM, else 0.

    Raises InputError when one of the jobs cannot be run at all; then nothing has been written, unless that showed
    only in its turn, and then the others have been run. FrameError: none of a job's frames can be read.
    """
    with _log_of(args) as log:

        def ending(line: str) -> None:
            print(line, file=sys.stderr, flush=True)
            if log is not None:
                log.write("ERROR", line.removeprefix("lookmatte: "))

        try:
            with libraries_muted(), ended_by_sigterm(ending):
                with undisturbed():
                    import OpenEXR  # noqa: F401  (imported where it is used, later than this)

                    from lookmatte.rendering import Run

                    set_threads(args.threads)
                code = _Batch(args, stage, log).run(jobs, bake_dir, Run)
        except Terminated:
            ending("lookmatte: terminated; the frames that are there are whole")
            code = 143
        if log is not None:
            log.write("INFO" if code == 0 else "ERROR", f"exit code {code}")
        return code


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


class _Batch:
    """The runs of a command, and what went wrong with whole shots."""

    def __init__(self, args: argparse.Namespace, stage: Stage, log: RunLog | None) -> None:
        self._args, self._stage, self._log = args, stage, log
        self._mistakes: list[str] = []
        self._losses: list[str] = []

    def run(self, jobs: Jobs, bake_dir: Places, make: type[Run]) -> int:
        runs: dict[str | None, Run] = {}
        shown: dict[str | None, Progress] = {}
        for shot, job in jobs.items():
            shown[shot] = progress_of(self._args, shot)
            told = shown[shot] if self._log is None else Several([shown[shot], Logged(self._log, shot)])
            with self._counted(shot):
                runs[shot] = make(
                    job,
                    progress=told,
                    frames=getattr(self._args, "frames", None),
                    overwrite=self._args.overwrite,
                    stage=self._stage,
                    bake_dir=bake_dir(shot),
                    model=None if getattr(self._args, "model", None) is None else Path(self._args.model),
                    device=getattr(self._args, "device", None),
                )
        if self._mistakes:
            raise InputError("\n".join(self._mistakes))
        if self._args.dry_run:
            tell_plans({shot: run.plan() for shot, run in runs.items()}, as_json=self._args.json)
        failed = False
        for shot, run in runs.items() if not self._args.dry_run else ():
            with self._counted(shot):
                try:
                    failed = bool(run.run().failed) or failed
                finally:
                    one = shown[shot]
                    if isinstance(one, Lines):
                        one.close()
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
            said = [line if shot is None else f"shot {shot}: {line}" for line in str(error).splitlines()]
            (self._losses if isinstance(error, FrameError) else self._mistakes).extend(said)
