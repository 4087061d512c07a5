"""``lookmatte export``: one baked frame's look as a file for another program."""

from __future__ import annotations

import argparse
import json
import math
import re
from pathlib import Path
from typing import Any

from lookmatte.commands.common import add_json, add_shot, bake_folder, is_job
from lookmatte.errors import FrameError, InputError
from lookmatte.jobshots import choose_shots
from lookmatte.progress import printable

_FRAME = re.compile(r"-?[0-9]{1,9}")


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "export",
        help="write a baked frame's look as a model for Nuke's Inference node",
        description="Write one baked frame's look as a TorchScript model that every Nuke from 13 on loads, and "
        "beside it a .nk with the CatFileCreator that makes the Inference node's .cat file of it.",
        usage="lookmatte export BAKE --torchscript LOOK.pt [--frame N] [--region NAME] [options]",
        allow_abbrev=False,
    )
    parser.add_argument("bake", metavar="BAKE", help="a bake's folder, or the job whose bake lies beside it")
    parser.add_argument("--torchscript", metavar="LOOK.pt", required=True, help="where the model goes")
    parser.add_argument("--frame", metavar="N", type=_frame, help="whose look (default: the only one)")
    parser.add_argument("--region", metavar="NAME", help="whose look (default: the only one)")
    parser.add_argument(
        "--exposure-limit", metavar="STOPS", type=_stops, help="how far mean luminance may travel (default: free)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace what is there")
    parser.add_argument("--quiet", action="store_true", help="tell nothing")
    add_shot(parser)
    add_json(parser)
    parser.set_defaults(run=run, forwards=False)


def _frame(text: str) -> int:
    if not _FRAME.fullmatch(text):
        raise argparse.ArgumentTypeError(f"must be one frame number, not {text!r}")
    return int(text)


def _stops(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0.0):
        raise argparse.ArgumentTypeError(f"must be a number from 0 on, not {text!r}")
    return value


def run(args: argparse.Namespace) -> int:
    """Write the model and its node, and return the exit code."""
    path = _destination(args)
    folder = _bake(args)
    from lookmatte.export.torchscript import find_still, node, write_still
    from lookmatte.imaging.sequence import describe_frames
    from lookmatte.imaging.wholefile import write_bytes
    from lookmatte.rendering.store import BakeStore

    store = BakeStore.open(folder)
    if args.frame is None and len(store.keys) != 1:
        there = describe_frames(store.keys) if store.keys else "nothing"
        raise InputError(f"--frame: name one; the bake has key frames {there}")
    if args.frame is not None and store.keys and not store.keys[0] <= args.frame <= store.keys[-1]:
        raise InputError(f"--frame: {args.frame} is not in the bake; it has {store.keys[0]}-{store.keys[-1]}")
    try:
        frame = store.keys[0] if args.frame is None else args.frame
        still = find_still(store, frame, args.region, args.exposure_limit)
        text = node(path, still)
        write_still(still, path)
        write_bytes(path.with_suffix(".nk"), text.encode())
    except FrameError as error:  # one frame was asked for, so without it there is nothing
        raise InputError(str(error)) from None
    _tell(args, path, still.region.name, still.frame)
    return 0


def _bake(args: argparse.Namespace) -> Path:
    """The bake's folder; of a job with shots that of one of them."""
    from lookmatte.rendering.bakeindex import INDEX

    folder = bake_folder(args.bake, None) if is_job(args.bake) else Path(args.bake)
    shots = [] if (folder / INDEX).exists() else sorted(path.parent.name for path in folder.glob(f"*/{INDEX}"))
    if not shots and not args.shot:
        return folder
    try:
        (chosen,) = choose_shots(str(folder), shots, args.shot or [], single=True)
    except InputError as error:
        raise InputError(f"--shot: {error}") from None
    return folder / str(chosen)


def _destination(args: argparse.Namespace) -> Path:
    path = Path(args.torchscript).absolute()
    if path.suffix != ".pt":
        raise InputError(f"--torchscript: {args.torchscript} must end in .pt")
    for one in (path, path.with_suffix(".nk")):
        if one.is_dir():
            raise InputError(f"--torchscript: {one} is a folder")
        if one.exists() and not args.overwrite:
            raise InputError(f"--torchscript: {one} is there; use --overwrite, or name another file")
    return path


def _tell(args: argparse.Namespace, path: Path, region: str, frame: int) -> None:
    script = path.with_suffix(".nk")
    if args.json:
        said = {"event": "exported", "path": str(path), "node": str(script), "region": region, "frame": frame}
        print(json.dumps(said), flush=True)
    elif not args.quiet:
        print(printable(f"{path}  {region}, frame {frame}"))
        print(printable(f"{script}  paste it into Nuke and press Create .cat file and Inference"))
