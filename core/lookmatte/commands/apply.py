"""``lookmatte apply``: style the frames of a job from saved grids, in any order and any chunks."""

from __future__ import annotations

import argparse
from typing import Any

from lookmatte.commands.common import (
    add_batch_options,
    add_farm_options,
    add_run_options,
    bake_folder,
    load_jobs,
)
from lookmatte.commands.runs import run_stage


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "apply",
        help="style frames from saved grids",
        description="Style the frames of a job from its bake: any frames, in any order and any chunks.",
        allow_abbrev=False,
    )
    parser.add_argument("job", metavar="JOB.yaml", help="the job file")
    parser.add_argument("--bake", metavar="FOLDER", help="the bake (default: JOB.bake beside the job)")
    add_run_options(parser, model=False)
    add_batch_options(parser)
    add_farm_options(parser)
    parser.set_defaults(run=run, forwards=False, tolerant=False)


def run(args: argparse.Namespace) -> int:
    """Apply and return the exit code."""
    jobs = load_jobs(args, args.job)
    return run_stage(args, jobs, "apply", lambda shot: bake_folder(args.job, args.bake, shot))
