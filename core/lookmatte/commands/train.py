"""``lookmatte train``: hands its options on to the training loop, which knows them."""

from __future__ import annotations

import argparse
from typing import Any

from lookmatte.errors import InputError


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "train",
        help="train the networks (lookmatte train --help lists its options)",
        add_help=False,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run, forwards=True, json=False)


def run(args: argparse.Namespace) -> int:
    """Train and return the exit code. Raises InputError, also where what only training needs is not installed."""
    try:
        from lookmatte.training.train import main
    except ModuleNotFoundError as error:
        if error.name != "cv2":
            raise
        raise InputError("training needs: pip install 'lookmatte[train]'") from None
    return int(main(args.rest) or 0)
