"""``lookmatte demo``: style the shot that comes with lookmatte, and lay out a contact sheet of it."""

from __future__ import annotations

import argparse
import dataclasses
import os
import shlex
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from lookmatte.commands.common import add_run_options, set_batch_defaults
from lookmatte.commands.runs import run_stage
from lookmatte.errors import InputError
from lookmatte.job import Job
from lookmatte.progress import JsonLines, printable

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
FOLDER = Path("out") / "demo"
FRAMES, SHEET = "look.####.exr", "contact_sheet.png"


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "demo",
        help="style the shot that comes with lookmatte; begin here",
        description="Style the shot of examples/ as examples/job.yaml says, and lay out a contact sheet.",
        allow_abbrev=False,
    )
    parser.add_argument("-o", "--output", metavar="DIR", help=f"where it goes (default: {FOLDER} in this folder)")
    add_run_options(parser)
    set_batch_defaults(parser)
    parser.set_defaults(run=run, forwards=False)


def run(args: argparse.Namespace) -> int:
    """Render, lay out, say where things are; the exit code is the render's."""
    started = time.perf_counter()
    folder = FOLDER if args.output is None else Path(args.output)
    job_file = _job_file()
    job = dataclasses.replace(Job.load(job_file), output=str(folder.absolute() / FRAMES))
    code = run_stage(args, {None: job}, "render")
    from lookmatte.imaging.sequence import Sequence, parse_frames

    plate, output = Sequence.parse(job.plate, Path()), Sequence.parse(job.output, Path())
    wanted = args.frames or job.frames
    chosen = plate.on_disk() if wanted is None else sorted(parse_frames(wanted))
    frames = [frame for frame in chosen if output.path(frame).is_file()]
    if code not in (0, 1) or not frames:
        return code
    from lookmatte.imaging.picture import write_png
    from lookmatte.rendering.contact import contact_sheet

    sheet = folder / SHEET
    write_png(sheet, contact_sheet(job, frames))
    seconds = time.perf_counter() - started
    if args.json:
        JsonLines().emit("demo", frames=job.output, sheet=sheet.absolute(), seconds=round(seconds, 4))
        return code
    lines = [
        f"frames         {folder / FRAMES}",
        f"contact sheet  {sheet}",
        f"job            {_short(job_file)}",
        f"took           {seconds:.1f} s",
        f"next           {_self()} inspect {shlex.quote(_short(plate.path(frames[0])))}",
    ]
    print("\n".join(printable(line) for line in lines))
    return code


def _job_file() -> Path:
    path = EXAMPLES / "job.yaml"
    if not path.is_file():
        raise InputError(
            f"demo: there is no {path}; the shot is part of lookmatte's repository and not of the installed "
            "package: clone the repository and run make demo in it"
        )
    return path


def _short(path: Path) -> str:
    """As one would type it here."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith(os.pardir) else relative


def _self() -> str:
    """How lookmatte was called, for the next command."""
    called = Path(sys.argv[0])
    if shutil.which("lookmatte") is None and called.name.startswith("lookmatte") and called.is_file():
        return _short(called)
    return "lookmatte"
