"""``lookmatte COMMAND``: parses the command line and turns every error into one line and an exit code.

0 done, 1 some frames failed (or lookmatte itself did), 2 bad input or usage, 130 interrupted. Each command is
a module of ``lookmatte.commands`` with ``register(subparsers)`` and ``run(args) -> exit code``.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import sys
from collections.abc import Sequence
from importlib import metadata
from typing import NoReturn

from lookmatte.commands import (
    apply,
    bake,
    bench,
    demo,
    doctor,
    evaluate,
    export,
    farm,
    inspect,
    preview,
    render,
    report,
    serve,
    session,
    train,
)
from lookmatte.errors import InputError, LookmatteError, nearest
from lookmatte.farm.engine import tell_failure
from lookmatte.progress import printable

COMMANDS = (
    demo, render, bake, apply, preview, export, inspect, report,
    farm, session, serve, train, evaluate, bench, doctor,
)  # fmt: skip

_BELOW_ZERO = re.compile(r"-\d")


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are InputErrors, with the nearest spelling."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; see {self.prog} --help")

    def options(self) -> list[str]:
        """Every option's spelling."""
        return [option for action in self._actions for option in action.option_strings]


def version() -> str:
    """The installed version, or ``unknown`` when lookmatte runs from a folder that was never installed."""
    try:
        return metadata.version("lookmatte")
    except metadata.PackageNotFoundError:
        return "unknown"


class _Version(argparse.Action):
    """Prints the version when it is asked for, and looks it up no sooner."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print(f"lookmatte {version()}")
        parser.exit()


def build_parser() -> tuple[Parser, dict[str, Parser]]:
    """The parser, and each command's own by name."""
    parser = Parser(
        prog="lookmatte",
        description="A photographic look for each object of a shot: scene-linear EXR in, styled EXR out.",
        epilog="lookmatte COMMAND --help tells more. Begin with: lookmatte inspect FILE.exr",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.register(subparsers)
    return parser, dict(subparsers.choices)


def _bound(words: Sequence[str]) -> list[str]:
    """The words, with a range that begins below 0 (``--frames -3-4``) bound to its option: argparse takes it for
    an option of its own, and farms write what a task's frames are without asking."""
    bound: list[str] = []
    for word in words:
        if bound and bound[-1] == "--frames" and _BELOW_ZERO.match(word):
            bound[-1] += f"={word}"
        else:
            bound.append(word)
    return bound


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser, commands = build_parser()
    argv = _bound(argv)
    first = next((word for word in argv if not word.startswith("-")), None)
    if first is not None and first not in commands:
        raise InputError(f"unknown command {first!r}{nearest(first, commands)}; see lookmatte --help")
    args, rest = parser.parse_known_args(argv)
    if rest and not args.forwards:
        own = commands[args.command]
        hint = nearest(rest[0].split("=")[0], own.options()) if rest[0].startswith("-") else ""
        raise InputError(f"{args.command} does not know {rest[0]!r}{hint}; see {own.prog} --help")
    args.rest = rest
    return args


def _report(message: str, kind: str, words: Sequence[str]) -> None:
    """Tell why a command line ends, to a person, and to the program that its words say is reading."""
    with contextlib.suppress(OSError):  # on a full disk the exit code is all that is left to tell
        for line in message.splitlines() or [""]:
            print(f"lookmatte: error: {printable(line)}", file=sys.stderr)
    with contextlib.suppress(OSError):
        if "--openjd" in words:
            tell_failure(message.partition("\n")[0])
        if "--json" in words:
            print(json.dumps({"event": "error", "kind": kind, "message": message}), flush=True)


def _silence_output() -> None:
    """The output cannot be written any more: what is still buffered goes nowhere, so that exiting is quiet."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _hold_streams() -> None:
    """Where a service starts us without standard streams they lead nowhere: else a frame that is being written
    would get the number of one of them, and with it what libraries print."""
    while (handle := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(handle, True)
    os.close(handle)
    for handle, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(handle, mode, closefd=False))


def _run(argv: Sequence[str]) -> int:
    try:
        args = _parse(argv)
        code: int = args.run(args)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        raise
    except SystemExit as stop:  # --help, --version, and a command that parses its own options
        if isinstance(stop.code, str):
            _report(stop.code, "input", argv)
            return 2
        return stop.code or 0
    except KeyboardInterrupt:
        print("lookmatte: interrupted; the frames that are there are whole", file=sys.stderr)
        return 130
    except LookmatteError as error:
        _report(str(error), "input" if error.exit_code == 2 else "frame", argv)
        return error.exit_code
    except OSError as error:
        if os.environ.get("LOOKMATTE_DEBUG"):
            raise
        what = "standard output" if error.filename is None else str(error.filename)
        _report(f"{what}: {error.strerror or error}", "internal", argv)
        return 1
    except Exception as error:
        if os.environ.get("LOOKMATTE_DEBUG"):
            raise
        what = " ".join(f"{type(error).__name__}: {error}".split())
        hint = "run again with LOOKMATTE_DEBUG=1 for the traceback"
        _report(f"internal error: {what}; {hint}", "internal", argv)
        return 1


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; raises nothing unless LOOKMATTE_DEBUG asks for tracebacks."""
    words = list(sys.argv[1:] if argv is None else argv)
    _hold_streams()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # the terminal may lack a name's letters
    try:
        code = _run(words)
        sys.stdout.flush()
        return code
    except OSError:
        _silence_output()
        return 1


if __name__ == "__main__":
    sys.exit(main())
