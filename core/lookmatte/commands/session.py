"""``lookmatte session``: one warm process for the tasks that a farm's worker runs one after the other."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from lookmatte.errors import InputError
from lookmatte.farm.desk import Desk, Event, Gone
from lookmatte.farm.engine import tell_failure
from lookmatte.progress import printable


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "session",
        help="on a farm: check the machine and keep a process warm for bake and apply --session",
        description="start: check this machine, and start a process that bake and apply --session FOLDER use, so "
        "that each of them need not start anew. stop: end it. It ends by itself with the folder, or when it has "
        "not been used for a quarter of an hour.",
        allow_abbrev=False,
    )
    parser.add_argument("action", metavar="start|stop", choices=("start", "stop"), help="which of the two")
    parser.add_argument("folder", metavar="FOLDER", help="the session's own folder, on a disk of this machine")
    parser.add_argument("--openjd", action="store_true", help="say why it failed as Open Job Description does")
    parser.set_defaults(run=run, forwards=False)


def run(args: argparse.Namespace) -> int:
    """Start or stop, and return the exit code: 1 when a check fails."""
    folder = Path(args.folder)
    if not folder.is_dir():
        raise InputError(f"session: there is no folder {folder}")
    desk = Desk(folder)
    return _start(desk, args.openjd) if args.action == "start" else _stop(desk)


def _start(desk: Desk, openjd: bool) -> int:
    failed: list[str] = []

    def hear(event: Event) -> None:
        if event["event"] == "check":
            todo = f"; {event['todo']}" if event["todo"] else ""
            line = f"{event['state']:4}  {event['check']:12}  {event['found']}{todo}"
            print(printable(line), flush=True)
            if event["state"] == "FAIL":
                failed.append(f"{event['check']}: {event['found']}{todo}")

    try:
        ended = desk.ask("doctor", {}, hear)
    except Gone as gone:
        # A worker that cannot keep a process can still run each task in one of its own.
        print(f"lookmatte: no warm process: {printable(str(gone))}", file=sys.stderr)
        from lookmatte.commands.doctor import findings

        for finding in findings():
            hear({"event": "check", **vars(finding)})
    else:
        if ended["event"] == "error":
            failed.append(f"{ended['message']} {ended['hint']}".strip())
    if failed:
        desk.close()
        for line in failed:
            print(f"lookmatte: error: {printable(line)}", file=sys.stderr)
        if openjd:
            tell_failure(failed[0])
    return 1 if failed else 0


def _stop(desk: Desk) -> int:
    if not desk.close():
        print(f"lookmatte: the session's process has not ended yet; {desk.log}", file=sys.stderr)
    return 0
