"""``lookmatte serve``: the worker that hosts start and talk to in JSON lines; people rarely need it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "serve",
        help="answer a host's requests in JSON lines, until it ends",
        description="Answer requests, JSON lines on standard input, with JSON lines on standard output, one at a "
        "time, until standard input ends. Blender and Nuke start it by themselves.",
        allow_abbrev=False,
    )
    parser.add_argument("--log", metavar="FILE", help="where standard error goes (default: where it goes)")
    parser.set_defaults(run=run, forwards=False)


def run(args: argparse.Namespace) -> int:
    """Serve and return the exit code."""
    from lookmatte.worker.server import serve

    return serve(None if args.log is None else Path(args.log).absolute())
