"""``lookmatte farm``: a folder that an Open Job Description engine runs: bake in one task, apply in chunks."""

from __future__ import annotations

import argparse
import os
import shlex
from pathlib import Path
from typing import Any

from lookmatte.commands.common import add_json, add_path_map, add_shot, load_jobs, positive
from lookmatte.errors import FrameError, InputError
from lookmatte.farm.template import CHUNK, Order
from lookmatte.job import Job
from lookmatte.progress import JsonLines, Lines, printable


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "farm",
        help="write a job for a render farm (Open Job Description)",
        description="Write a folder with an Open Job Description template of a job: one task bakes, then chunks of "
        "frames are applied in any order on any machine. With several shots each has a folder of its own in DIR.",
        allow_abbrev=False,
    )
    parser.add_argument("job", metavar="JOB.yaml", help="the job file")
    parser.add_argument("-o", "--output", metavar="DIR", required=True, help="where it goes; workers must reach it")
    parser.add_argument("--frames", metavar="RANGE", help="1001-1048, 1001-1100x2 (default: all of the job's)")
    parser.add_argument("--chunk", metavar="N", type=positive, default=CHUNK,
                        help=f"frames in a task at most (default: {CHUNK})")  # fmt: skip
    parser.add_argument("--fixed-chunks", action="store_true",
                        help="for engines without TASK_CHUNKING: frames and chunks are fixed")  # fmt: skip
    parser.add_argument("--device", choices=("cpu", "cuda", "mps"), default="cpu",
                        help="where frames are styled (default: cpu)")  # fmt: skip
    parser.add_argument("--model", metavar="FILE", help="other weights than the shipped ones; they are sent along")
    parser.add_argument("--unchecked", action="store_true",
                        help="do not look for plates and mattes: another job makes them first")  # fmt: skip
    add_shot(parser)
    add_path_map(parser)
    add_json(parser)
    parser.set_defaults(run=run, forwards=False)


def run(args: argparse.Namespace) -> int:
    """Write the folders and return the exit code."""
    from lookmatte.farm.bundle import check_folder, write_bundle

    jobs = load_jobs(args, args.job)
    model = None if args.model is None else _model(Path(args.model))
    orders: dict[str | None, Order] = {}
    folders = {shot: Path(args.output) if shot is None else Path(args.output) / shot for shot in jobs}
    mistakes: list[str] = []
    for shot, job in jobs.items():
        try:
            check_folder(folders[shot])
            orders[shot] = _order(args, job, shot)
        except InputError as error:
            mistakes += [line if shot is None else f"shot {shot}: {line}" for line in str(error).splitlines()]
    if mistakes:
        raise InputError("\n".join(mistakes))
    for shot, job in jobs.items():
        try:
            write_bundle(folders[shot], job, orders[shot], model)
        except (FrameError, OSError) as error:
            raise InputError(str(error)) from None
        _tell(args, shot, folders[shot], orders[shot])
        if holes := _holes(job):
            shown = JsonLines(shot=shot) if args.json else Lines(shot=shot)
            shown.warning(f"the sequence has holes: {holes} missing from {job.plate}, so the farm's job has none")
    return 0


def _holes(job: Job) -> str:
    """Where nobody named the frames: those that lack between the first and the last on disk."""
    from lookmatte.farm.bundle import frames_of
    from lookmatte.imaging.sequence import describe_holes

    return "" if job.frames is not None else describe_holes(frames_of(job, None))


def _order(args: argparse.Namespace, job: Job, shot: str | None) -> Order:
    from lookmatte.farm.bundle import check_order, frames_of
    from lookmatte.jobpaths import check_paths

    if not args.unchecked:
        check_paths(job)
    name = Path(args.job).stem if shot is None else f"{Path(args.job).stem} {shot}"
    order = Order(
        f"lookmatte {name}",
        frames_of(job, args.frames),
        args.chunk,
        extension=not args.fixed_chunks,
        model=args.model is not None,
        device=args.device,
    )
    check_order(order)
    return order


def _model(path: Path) -> Path:
    """Weights that are sound, so that no farm finds out that they are not."""
    from lookmatte.networks.model import Model

    Model.load(path)
    return path


def _tell(args: argparse.Namespace, shot: str | None, folder: Path, order: Order) -> None:
    from lookmatte.farm.bundle import TEMPLATE

    path = folder / TEMPLATE
    if args.json:
        told = JsonLines(shot=shot)
        told.emit("farm", path=folder.absolute(), template=path, frames=len(order.frames), tasks=order.tasks)
        return
    shown = shlex.quote(os.path.relpath(path))
    count = f"{len(order.frames)} frames in {order.tasks - 1} tasks, and one that bakes"
    print(printable(f"{path}: {count}"))
    if shot is None:
        print(printable(f"try it here: openjd run {shown}"))
