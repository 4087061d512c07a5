"""What several commands share: their options, their jobs, their progress, their threads."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from lookmatte.errors import InputError
from lookmatte.job import Job
from lookmatte.jobfile import load_shots
from lookmatte.jobshots import choose_shots
from lookmatte.pathmap import PathMap
from lookmatte.progress import JsonLines, Lines

Jobs = dict[str | None, Job]
"""Jobs by the name of their shot; None is the name of a job that has no shots."""

NOT_ON_A_FARM = {"output_folder": None, "session": None, "openjd": False, "tolerant": False}
"""What ``add_farm_options`` sets when none of its options is given."""

JOB_SUFFIXES = (".yaml", ".yml", ".json")


def is_job(text: str) -> bool:
    """Whether a path is a job file, by its suffix."""
    return text.lower().endswith(JOB_SUFFIXES)


def positive(text: str) -> int:
    """Parse a whole number from 1 on."""
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text)):
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 on, not {text!r}")
    return int(text)


def add_json(parser: argparse.ArgumentParser) -> None:
    """``--json``, which every command has."""
    parser.add_argument("--json", action="store_true", help="print JSON for programs")


def add_run_options(parser: argparse.ArgumentParser, *, frames: bool = True, model: bool = True) -> None:
    """The options of every command that walks over frames; with ``frames`` it is one that writes them."""
    if frames:
        parser.add_argument("--frames", metavar="RANGE", help="1001-1048, 1001-1100x2, 1,5,9 (default: all)")
        parser.add_argument("--device", metavar="DEVICE",
                            help="cuda, cuda:1 or mps: where frames are styled (default: cpu)")  # fmt: skip
    parser.add_argument("--overwrite", action="store_true", help="make what is there again")
    if model:
        parser.add_argument("--model", metavar="FILE", help="other weights than the shipped ones")
    parser.add_argument("--quiet", action="store_true", help="tell warnings and failures alone")
    parser.add_argument("--threads", metavar="N", type=positive, help="processor threads (default: all)")
    add_json(parser)


def add_batch_options(parser: argparse.ArgumentParser) -> None:
    """The options of the commands that run unattended; ``set_batch_defaults`` is for those that lack them."""
    add_shot(parser)
    parser.add_argument("--dry-run", action="store_true", help="tell what would be read and written, no more")
    parser.add_argument("--log", metavar="FILE", help="append what happens to a file, with time, machine and frame")
    add_path_map(parser)


def add_shot(parser: argparse.ArgumentParser) -> None:
    """``--shot``, of every command that takes a job file."""
    parser.add_argument("--shot", metavar="NAME", action="append", help="of a job with shots: this one; may repeat")


def add_path_map(parser: argparse.ArgumentParser) -> None:
    """``--path-map``, for jobs that were written on another machine."""
    parser.add_argument(
        "--path-map", metavar="FILE", help="rules that turn the job's paths into this machine's (pathmapping-1.0)"
    )


def add_farm_options(parser: argparse.ArgumentParser) -> None:
    """The options of the two commands that farms run."""
    farm = parser.add_argument_group("on a farm")
    farm.add_argument("--output-folder", metavar="FOLDER", help="where the frames go, in place of the job's folder")
    farm.add_argument("--session", metavar="FOLDER", help="have it done by the process of: lookmatte session start")
    farm.add_argument(
        "--openjd", action="store_true", help="frames, progress and failures as Open Job Description writes them"
    )


def set_batch_defaults(parser: argparse.ArgumentParser) -> None:
    """What ``add_batch_options`` sets when none of its options is given."""
    parser.set_defaults(shot=None, dry_run=False, log=None, path_map=None, **NOT_ON_A_FARM)


def progress_of(args: argparse.Namespace, shot: str | None = None) -> Lines | JsonLines:
    """JSON lines on standard output with ``--json``; else a bar or plain lines on standard error."""
    return JsonLines(shot=shot) if args.json else Lines(quiet=args.quiet, shot=shot)


def load_jobs(args: argparse.Namespace, file: str, *, single: bool = False) -> Jobs:
    """Load the shots of a job file that are meant; a plate in its place is told what to do."""
    if not is_job(file) and not os.path.isdir(file):
        raise InputError(f"{file} is no job file (its name must end in {', '.join(JOB_SUFFIXES)})")
    mapped = str if args.path_map is None else PathMap.load(Path(args.path_map))
    found = load_shots(Path(file), mapped)
    try:
        chosen = choose_shots(Path(file).name, found, args.shot or [], single=single)
    except InputError as error:
        raise InputError(f"--shot: {error}") from None
    return {name: found[name] for name in chosen}


def of_shot(shot: str | None, error: Exception) -> list[str]:
    """The lines of an error, each with the shot that it is of, where there are several."""
    return [line if shot is None else f"shot {shot}: {line}" for line in str(error).splitlines()]


def set_threads(count: int | None) -> None:
    """Bound the threads of torch, OpenImageIO and the bands of a frame; None leaves their defaults."""
    if count is None:
        return
    import OpenImageIO as oiio
    import torch

    from lookmatte.rendering import bands

    torch.set_num_threads(count)
    bands.set_threads(count)
    oiio.attribute("threads", count)


def bake_folder(job_file: str, given: str | None, shot: str | None = None) -> Path:
    """Where a bake lies: in what was given, else ``NAME.bake`` beside ``NAME.yaml``; a shot has a folder in it."""
    folder = Path(given) if given else Path(job_file).with_suffix(".bake")
    return folder if shot is None else folder / shot
