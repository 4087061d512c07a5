"""``lookmatte apply``: style the frames of a job from saved grids, in any order and any chunks."""

from __future__ import annotations

import argparse
from typing import Any

from lookmatte.commands.common import add_run_options, bake_folder, load_job, run_stage


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
    parser.set_defaults(run=run, forwards=False)


def run(args: argparse.Namespace) -> int:
    """Apply and return the exit code."""
    return run_stage(args, load_job(args.job), "apply", bake_folder(args.job, args.bake))
