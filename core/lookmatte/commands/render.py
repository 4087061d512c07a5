"""``lookmatte render``: a job, or a plate with one style, from EXR to styled EXR."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from lookmatte.commands.common import NOT_ON_A_FARM, add_batch_options, add_run_options, is_job, load_jobs
from lookmatte.commands.runs import run_stage
from lookmatte.errors import InputError, nearest
from lookmatte.job import Job
from lookmatte.jobfile import from_mapping

REGION = "subject"
KINDS = {"crypto": "cryptomatte", "channel": "channel", "file": "matte"}
JOBLESS = ("style", "matte", "strength", "output", "space")


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "render",
        help="style a shot: a job file, or a plate and one style",
        description="Style a shot. Frames that are there and made by the same job are skipped.",
        usage="lookmatte render JOB.yaml [options]\n"
        "       lookmatte render PLATE --style PICTURE [--matte KIND:NAME] -o OUT [options]",
        allow_abbrev=False,
    )
    parser.add_argument("input", metavar="JOB|PLATE", help="a job file (.yaml), or a plate: shot.####.exr")
    alone = add_plate_options(parser)
    alone.add_argument("-o", "--output", metavar="OUT", help="where the frames go: out.####.exr")
    add_run_options(parser)
    add_batch_options(parser)
    parser.set_defaults(run=run, forwards=False, **NOT_ON_A_FARM)


def add_plate_options(parser: argparse.ArgumentParser) -> Any:
    """The options that stand for a job file when a plate is given; returns their group."""
    alone = parser.add_argument_group("without a job file")
    alone.add_argument("--style", metavar="PICTURE", help="the reference picture")
    alone.add_argument(
        "--matte", metavar="KIND:NAME", help="crypto:NAME, channel:NAME or file:PATTERN (default: the whole frame)"
    )
    alone.add_argument("--strength", metavar="X", help="0 to 1 (default: 1)")
    alone.add_argument("--space", metavar="NAME", help="the plate's colour space (default: as the file says)")
    return alone


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def job_from_options(args: argparse.Namespace) -> Job:
    """The job that the options describe. Raises InputError in the options' words."""
    name, region = "rest", {"style": args.style}
    if args.style is None or args.output is None:
        given = (("--style", args.style), ("-o", args.output))
        lacking = " and ".join(flag for flag, value in given if value is None)
        raise InputError(f"a plate needs {lacking}; a job file's name ends in .yaml")
    if args.matte is not None:
        kind, colon, what = args.matte.partition(":")
        if kind not in KINDS or not colon or not what:
            hint = f"; write {kind}:NAME" if kind in KINDS else nearest(kind, KINDS)
            raise InputError(f"--matte: {args.matte!r} is not KIND:NAME{hint}")
        name = REGION
        region[KINDS[kind]] = what
    if args.strength is not None:
        region["strength"] = _number(args.strength)
    mapping: dict[str, Any] = {"plate": args.input, "output": args.output, "regions": {name: region}}
    if args.space is not None:
        mapping["color"] = {"space": args.space}
    labels = {
        "plate": "PLATE",
        "output": "--output",
        "color.space": "--space",
        f"regions.{name}.style": "--style",
        f"regions.{name}.strength": "--strength",
        **{f"regions.{name}.{key}": "--matte" for key in KINDS.values()},
    }
    return from_mapping(mapping, Path.cwd(), labels)


def run(args: argparse.Namespace) -> int:
    """Render and return the exit code."""
    if is_job(args.input):
        extra = [f"--{option}" for option in JOBLESS if getattr(args, option) is not None]
        if extra:
            raise InputError(f"{', '.join(extra)}: with a job file, write that in {args.input}")
        return run_stage(args, load_jobs(args, args.input), "render")
    forbid_job_options(args)
    return run_stage(args, {None: job_from_options(args)}, "render")


def forbid_job_options(args: argparse.Namespace) -> None:
    """Raise InputError for options that say something of a job file, when there is none."""
    for option, given in (("--shot", args.shot), ("--path-map", args.path_map)):
        if given:
            raise InputError(f"{option}: {args.input} is a plate; that is for job files")
