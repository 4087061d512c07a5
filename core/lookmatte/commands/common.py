"""What several commands share: their options, their progress, their threads."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Literal

from lookmatte.commands.process import Terminated, ended_by_sigterm, libraries_muted, undisturbed
from lookmatte.errors import InputError
from lookmatte.job import Job
from lookmatte.progress import JsonLines, Lines, Progress

Stage = Literal["render", "bake", "apply"]

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


def progress_of(args: argparse.Namespace) -> Progress:
    """JSON lines on standard output with ``--json``; else a bar or plain lines on standard error."""
    return JsonLines() if args.json else Lines(quiet=args.quiet)


def load_job(text: str) -> Job:
    """Load a job file; a plate in its place is told what to do."""
    if not is_job(text) and not os.path.isdir(text):
        raise InputError(f"{text} is no job file (its name must end in {', '.join(JOB_SUFFIXES)})")
    return Job.load(text)


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


def bake_folder(job_file: str, given: str | None) -> Path:
    """Where a job's bake lies: what was given, else ``NAME.bake`` beside ``NAME.yaml``."""
    return Path(given) if given else Path(job_file).with_suffix(".bake")


def run_stage(args: argparse.Namespace, job: Job, stage: Stage, bake_dir: Path | None = None) -> int:
    """Run a stage of a job and return its exit code: 1 when frames failed, 143 after SIGTERM, else 0."""
    model = getattr(args, "model", None)
    try:
        with ended_by_sigterm(), libraries_muted():
            with undisturbed():
                import OpenEXR  # noqa: F401  (imported where it is used, later than this)

                from lookmatte.rendering import render

                set_threads(args.threads)
            progress = progress_of(args)
            try:
                summary = render(
                    job,
                    progress=progress,
                    frames=getattr(args, "frames", None),
                    overwrite=args.overwrite,
                    stage=stage,
                    bake_dir=bake_dir,
                    model=None if model is None else Path(model),
                    device=getattr(args, "device", None),
                )
            finally:
                if isinstance(progress, Lines):
                    progress.close()
    except Terminated:
        print("lookmatte: terminated; the frames that are there are whole", file=sys.stderr)
        return 143
    return 1 if summary.failed else 0
