"""The errors that lookmatte raises on purpose: each message is one line for a person.

A message names the culprit (file, key, name), the nearest valid choice where there is one, and what to do.
``exit_code`` is what the command line returns for it.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Iterable
from itertools import islice
from typing import NoReturn

_COMPARED = 20_000  # names: a manifest of a million would keep a person waiting for minutes


class LookmatteError(Exception):
    """Root of every error that lookmatte raises on purpose."""

    exit_code = 2


class InputError(LookmatteError):
    """What a person gave cannot be used: a job key, a path, a name, a number. Exit code 2."""


class FrameError(LookmatteError):
    """One frame cannot be read, styled or written; the other frames go on. Exit code 1."""

    exit_code = 1


def nearest(name: str, choices: Iterable[str], limit: int = 3) -> str:
    """Return ``"; nearest: a, b"`` for an error message, or ``"; there is: ..."`` when nothing is near.

    An empty string when there is nothing to choose from. Of more than ``_COMPARED`` choices the first are compared.
    """
    known = [str(choice) for choice in islice(choices, _COMPARED)]
    folded = {choice.casefold(): choice for choice in known}
    close = difflib.get_close_matches(name.casefold(), list(folded), n=limit, cutoff=0.5)
    if close:
        return "; nearest: " + ", ".join(folded[match] for match in close)
    if not known:
        return ""
    shown = ", ".join(known[:6]) + (f" and {len(known) - 6} more" if len(known) > 6 else "")
    return f"; there is: {shown}"


def short(text: object, limit: int = 160) -> str:
    """A text of somebody else's, a file's or a library's, on one line and no longer than a message bears."""
    line = " ".join(str(text).split())
    return line if len(line) <= limit else line[: limit - 3] + "..."


def run_module(main: Callable[[], int | None]) -> NoReturn:
    """Run a module's command line and exit: with its code, or with one line and the code of what was wrong."""
    try:
        sys.exit(main() or 0)
    except LookmatteError as error:
        print(f"lookmatte: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
