"""``lookmatte preview``: one frame of a job as a PNG: input, regions, result, styles."""

from __future__ import annotations

import argparse
import dataclasses
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookmatte.commands.common import (
    add_json,
    add_path_map,
    add_shot,
    is_job,
    load_jobs,
    positive,
    progress_of,
    set_threads,
)
from lookmatte.commands.render import JOBLESS, add_plate_options, forbid_job_options, job_from_options
from lookmatte.errors import FrameError, InputError
from lookmatte.progress import JsonLines, printable

if TYPE_CHECKING:
    from lookmatte.job import Job
    from lookmatte.rendering.preview import Strip

_FRAME = re.compile(r"-?[0-9]{1,9}")
_PADDING = re.compile(r"[._-]?(#+|@+|%\d*d|\$F\d*)")


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "preview",
        help="see one frame as a PNG: input, regions, result, styles",
        description="Style one frame by itself and show it as a PNG: the input, each region in a colour of its "
        "own, the result, and the styles. What the job writes is left alone.",
        usage="lookmatte preview JOB.yaml [--frame N] [-o PNG] [options]\n"
        "       lookmatte preview PLATE --style PICTURE [--matte KIND:NAME] [--frame N] [-o PNG] [options]",
        allow_abbrev=False,
    )
    parser.add_argument("input", metavar="JOB|PLATE", help="a job file (.yaml), or a plate: shot.####.exr")
    add_plate_options(parser)
    parser.add_argument("--frame", metavar="N", type=_frame, help="which frame (default: the middle one on disk)")
    parser.add_argument("-o", "--output", metavar="PNG", help="where it goes (default: JOB.preview.png by the job)")
    parser.add_argument("--model", metavar="FILE", help="other weights than the shipped ones")
    parser.add_argument("--quiet", action="store_true", help="tell warnings and the path alone")
    parser.add_argument("--threads", metavar="N", type=positive, help="processor threads (default: all)")
    add_shot(parser)
    add_path_map(parser)
    add_json(parser)
    parser.set_defaults(run=run, forwards=False)


def _frame(text: str) -> int:
    if not _FRAME.fullmatch(text):
        raise argparse.ArgumentTypeError(f"must be one frame number, not {text!r}")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Write the preview and return the exit code."""
    started = time.perf_counter()
    path = _destination(args)
    job = _job(args, path)
    set_threads(args.threads)
    from lookmatte.imaging.picture import write_png
    from lookmatte.rendering.preview import preview

    progress = progress_of(args)
    try:
        check_destination(path, job, "-o", args.input)
        strip = preview(job, frame=args.frame, model=_file(args.model), progress=progress)
        write_png(path, strip.picture)
    except FrameError as error:  # one frame was asked for, so without it there is nothing
        raise InputError(str(error)) from None
    _tell(strip, path, progress if isinstance(progress, JsonLines) else None, args.quiet, started)
    return 0


def _file(text: str | None) -> Path | None:
    return None if text is None else Path(text)


def _destination(args: argparse.Namespace) -> Path:
    if args.output is None:
        if is_job(args.input):
            shot = f".{args.shot[0]}" if args.shot else ""
            return Path(args.input).with_suffix(f"{shot}.preview.png")
        # A plate often lies where nobody but the renderer may write.
        return Path(_PADDING.sub("", Path(args.input).stem) or "plate").with_suffix(".preview.png")
    path = Path(args.output)
    if path.suffix.lower() != ".png":
        raise InputError(f"-o: {args.output} must end in .png")
    return path


def _job(args: argparse.Namespace, path: Path) -> Job:
    """The job, with an output beside the preview in place of its own: that one is neither needed nor touched."""
    aside = str(path.absolute().with_suffix(".####.exr"))
    if not is_job(args.input):
        forbid_job_options(args)
        return job_from_options(argparse.Namespace(**{**vars(args), "output": aside}))
    extra = [f"--{option}" for option in JOBLESS if option != "output" and getattr(args, option) is not None]
    if extra:
        raise InputError(f"{', '.join(extra)}: with a job file, write that in {args.input}")
    (job,) = load_jobs(args, args.input, single=True).values()
    return dataclasses.replace(job, output=aside)


def check_destination(path: Path, job: Job, label: str, *given: str) -> None:
    """Raise InputError, which begins with ``label``, when writing ``path`` would overwrite what a job reads, or one
    of the ``given`` files."""
    from lookmatte.imaging.sequence import Sequence, collides
    from lookmatte.job import MatteFile

    if path.is_dir():
        raise InputError(f"{label}: {path} is a folder; name a file in it")
    inputs = [Path(one) for one in given]
    patterns = [job.plate, *(one.source.pattern for one in job.regions if isinstance(one.source, MatteFile))]
    for pattern in patterns:
        sequence = Sequence.parse(pattern, Path())
        inputs.extend(sequence.path(frame) for frame in sequence.on_disk())
    for region in job.everything:
        for picture in region.style.pictures:
            inputs.extend(Path(name) for name in (picture.image, picture.matte) if name)
    taken = collides(path, inputs)
    if taken is not None:
        raise InputError(f"{label}: {path} is an input ({taken}); write somewhere else")


def _tell(strip: Strip, path: Path, json_lines: JsonLines | None, quiet: bool, started: float) -> None:
    seconds = round(time.perf_counter() - started, 4)
    if json_lines is not None:
        regions = [
            {"name": one.name, "tint": one.tint.hex, "styles": [style.image for style in one.styles]}
            for one in strip.swatches
        ]
        json_lines.emit("preview", path=path, frame=strip.frame, regions=regions, seconds=seconds)
        return
    if not quiet:
        wide = max((len(one.tint.name) for one in strip.swatches), default=0)
        lines = [f"preview: frame {strip.frame} ({seconds:.1f} s)"]
        for one in strip.swatches:
            styles = ", ".join(Path(style.image).name for style in one.styles)
            lines.append(f"  {one.tint.name:{wide}}  {one.name}: {styles}")
        print("\n".join(printable(line) for line in lines), file=sys.stderr)
    print(printable(str(path)))
