"""``lookmatte report``: one page on which a person sees a bad frame in five seconds."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookmatte.commands.common import (
    Jobs,
    add_json,
    add_path_map,
    add_shot,
    load_jobs,
    of_shot,
    positive,
    progress_of,
    set_threads,
)
from lookmatte.errors import FrameError, InputError, LookmatteError
from lookmatte.jobpaths import closed
from lookmatte.progress import JsonLines, Lines, printable

if TYPE_CHECKING:
    from lookmatte.reporting.report import Report
    from lookmatte.reporting.survey import Survey


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "report",
        help="lay out what was rendered as one HTML page, bad frames first",
        description="Measure a job's rendered frames, of all its shots, against their plates and lay them out as "
        "one HTML page: what is missing, broken, stale or flickers, each region over time, seconds a frame, and a "
        "contact sheet. The exit code is 1 when a frame is bad.",
        allow_abbrev=False,
    )
    parser.add_argument("job", metavar="JOB.yaml", help="the job file")
    parser.add_argument("-o", "--output", metavar="FILE.html",
                        help="the page (default: JOB.report.html beside the job)")  # fmt: skip
    parser.add_argument("--frames", metavar="RANGE", help="1001-1048, 1001-1100x2 (default: all)")
    parser.add_argument("--quiet", action="store_true", help="tell the verdict alone")
    parser.add_argument("--threads", metavar="N", type=positive, help="processor threads (default: all)")
    add_shot(parser)
    add_path_map(parser)
    add_json(parser)
    parser.set_defaults(run=run, forwards=False)


def run(args: argparse.Namespace) -> int:
    """Measure, write the page, say the verdict; 1 when a frame is bad, else 0."""
    from lookmatte.imaging.wholefile import write_bytes
    from lookmatte.reporting.page import page
    from lookmatte.reporting.report import verdict_of

    path = _destination(args)
    surveys = _surveys(args, load_jobs(args, args.job))
    set_threads(args.threads)
    made = []
    shown = {shot: progress_of(args, shot) for shot in surveys}
    for shot, survey in surveys.items():
        told = shown[shot]
        try:
            made.append(survey.report(told))
        finally:
            if isinstance(told, Lines):
                told.close()
    write_bytes(path, page(Path(args.job).stem, made).encode("utf-8"))
    for report in made:
        told = shown[report.shot]
        if isinstance(told, JsonLines):
            for one in report.findings:
                told.emit("finding", frame=one.frame, severity=one.severity, message=one.text)
            told.emit("report", path=path, frames=len(report.frames), bad=report.bad, verdict=report.verdict)
            told.end(f"{path} is written")
    if not args.json:
        _say(path, made, verdict_of(made))
    return 1 if any(report.bad for report in made) else 0


def _destination(args: argparse.Namespace) -> Path:
    one = f".{args.shot[0]}" if args.shot and len(args.shot) == 1 else ""
    path = Path(args.output or Path(args.job).with_suffix(f"{one}.report.html")).absolute()
    if path.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"-o: {path} must end in .html")
    # Before an hour of measuring, not after it.
    wrong = "is a folder" if path.is_dir() else closed(path.parent)
    if wrong:
        raise InputError(f"{path}: {wrong}; name another place with -o FILE.html")
    return path


def _surveys(args: argparse.Namespace, jobs: Jobs) -> dict[str | None, Survey]:
    """What is to be measured. One line for each mistake, of whichever shot; a shot that nobody has rendered is
    reported beside others, but not by itself."""
    from lookmatte.reporting.survey import Survey

    found: dict[str | None, Survey] = {}
    wrong: list[tuple[str | None, LookmatteError]] = []
    for shot, job in jobs.items():
        try:
            found[shot] = Survey(job, shot=shot, frames=args.frames)
        except LookmatteError as error:
            wrong.append((shot, error))
    if not wrong and not any(survey.rendered for survey in found.values()):
        for shot, survey in found.items():
            wrong.append((shot, InputError(f"{survey.output}: no frame is there; run lookmatte render first")))
    if wrong:
        lines = "\n".join(line for shot, error in wrong for line in of_shot(shot, error))
        unread = all(isinstance(error, FrameError) for _, error in wrong)
        raise FrameError(lines) if unread else InputError(lines)
    return found


def _say(path: Path, made: list[Report], verdict: str) -> None:
    print(printable(str(path)))
    if len(made) > 1:
        for report in made:
            print(printable(f"{report.shot}: {report.verdict}"))
    print(printable(verdict))
