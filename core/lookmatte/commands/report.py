"""``lookmatte report``: one page on which a person sees a bad frame in five seconds."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookmatte.commands.common import add_json, add_path_map, add_shot, load_jobs, positive, set_threads
from lookmatte.errors import FrameError, InputError
from lookmatte.progress import JsonLines, Lines, printable

if TYPE_CHECKING:
    from lookmatte.job import Job
    from lookmatte.progress import Progress
    from lookmatte.reporting.page import Report


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "report",
        help="lay out what was rendered as one HTML page, bad frames first",
        description="Measure a job's rendered frames against their plate and lay them out as one HTML page: what "
        "is missing, broken, stale or flickers, each region over time, seconds a frame, and a contact sheet. The "
        "exit code is 1 when a frame is bad.",
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
    shot = f".{args.shot[0]}" if args.shot else ""
    path = Path(args.output or Path(args.job).with_suffix(f"{shot}.report.html")).absolute()
    if path.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"-o: {path} must end in .html")
    (job,) = load_jobs(args, args.job, single=True).values()
    set_threads(args.threads)
    progress: JsonLines | Lines = JsonLines() if args.json else Lines(quiet=args.quiet)
    try:
        made = _make(job, Path(args.job).stem, args.frames, progress)
    finally:
        if isinstance(progress, Lines):
            progress.close()
    _write(path, made)
    bad = sorted(frame for frame, severity in made.worst.items() if severity == "bad")
    if isinstance(progress, JsonLines):
        for one in made.findings:
            progress.emit("finding", frame=one.frame, severity=one.severity, message=one.text)
        progress.emit("report", path=path, frames=len(made.frames), bad=bad, verdict=made.verdict)
    else:
        print(printable(str(path)))
        print(printable(made.verdict))
    return 1 if bad else 0


def _make(job: Job, title: str, frames: str | None, progress: Progress) -> Report:
    from lookmatte.imaging.sequence import describe_frames, parse_frames
    from lookmatte.rendering import bands
    from lookmatte.rendering.flow import Crew, Flow, internal_error
    from lookmatte.rendering.times import recall
    from lookmatte.reporting.judge import judge
    from lookmatte.reporting.measures import FrameMeasures, Inspector
    from lookmatte.reporting.page import Report

    inspector = Inspector(job)
    shot = inspector.shot
    expected = shot.frames if frames is None else sorted(parse_frames(frames))
    strange = sorted(set(expected) - set(shot.frames))
    if strange:
        raise InputError(
            f"--frames: {describe_frames(strange)} not in the job; it has {describe_frames(shot.frames)}"
        )
    progress.start(len(expected), stage="report", output=str(inspector.output))
    measured: list[FrameMeasures] = []
    failed: dict[int, str] = {}

    def arrive(_: int, found: FrameMeasures) -> None:
        measured.append(found)
        progress.frame_done(found.frame, found.path, 0.0)

    def lost(frame: int, error: Exception) -> None:
        expected_error = isinstance(error, (FrameError, InputError))
        failed[frame] = str(error) if expected_error else internal_error(inspector.output.path(frame), error)
        progress.frame_failed(frame, failed[frame])

    left = iter(expected)
    crew = Crew.of(2 * shot.frame_bytes, len(expected), bands.threads())
    Flow[FrameMeasures, None](crew, inspector.measure, arrive, lost).run(lambda: next(left, None))
    seconds = {frame: stages for frame, stages in recall(inspector.output).items() if frame in set(expected)}
    findings = judge(measured, failed, seconds)
    return Report(title, str(inspector.output), expected, measured, findings, seconds)


def _write(path: Path, made: Report) -> None:
    from lookmatte.imaging.wholefile import write_bytes
    from lookmatte.reporting.page import page

    write_bytes(path, page(made).encode("utf-8"))

