"""``lookmatte bake``: predict the grids of a job and save them; no frame is styled."""

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
        "bake",
        help="predict a job's grids and save them",
        description="Predict a job's grids, in frame order, and save them; lookmatte apply makes the frames.",
        allow_abbrev=False,
    )
    parser.add_argument("job", metavar="JOB.yaml", help="the job file")
    parser.add_argument("--bake", metavar="FOLDER", help="where it goes (default: JOB.bake beside the job)")
    add_run_options(parser, frames=False)
    add_batch_options(parser)
    add_farm_options(parser)
    parser.add_argument(
        "--tolerant", action="store_true", help="exit 0 although frames cannot be read: apply fails them"
    )
    parser.set_defaults(run=run, forwards=False)


def run(args: argparse.Namespace) -> int:
    """Bake and return the exit code."""
    jobs = load_jobs(args, args.job)
    return run_stage(args, jobs, "bake", lambda shot: bake_folder(args.job, args.bake, shot))
