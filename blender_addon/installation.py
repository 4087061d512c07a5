# SPDX-License-Identifier: GPL-3.0-or-later
"""How an environment with lookmatte is made: with which versions, what a person reads meanwhile, and why it failed.
No Blender in here."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from pathlib import Path

from .environment import Commands, python_in

_NO_VERSION = re.compile(r"No matching distribution found for (\S+)|The user requested \(constraint\) (\S+)")
_NO_NETWORK = re.compile(r"Retrying \(Retry|ConnectionError|ProxyError|SSLError|Read timed out|getaddrinfo")
_NO_SPACE = re.compile(r"No space left|Errno 28|not enough space")
_NO_PERMISSION = re.compile(r"Permission denied|Errno 13|Access is denied")
_DOWNLOAD = re.compile(r"^\s*Downloading ([\w.]+)-(\d[\w.+!]*)-\S+\.whl \((.+)\)")


class Creation(Commands):
    """The making of an environment in ``folder`` with the interpreter ``python``, and of lookmatte in it;
    ``package`` is what pip installs, ``options`` are pip's, ``constraints`` is the file of the versions that
    lookmatte was tested with, "" for none. Where they cannot be had others are taken, and ``remark`` says so."""

    def __init__(
        self, python: str, folder: str, package: str, options: Sequence[str] = (), constraints: str = ""
    ) -> None:
        self.remark = ""
        self._tested = install(folder, package, options, constraints)
        self._any = install(folder, package, options)
        os.makedirs(folder, exist_ok=True)
        start = [python_in(folder), "-m", "lookmatte.cli", "--version"]
        super().__init__([[python, "-m", "venv", folder], self._tested, start], folder)

    def instead(self, command: Sequence[str]) -> Sequence[str] | None:
        """Any versions, where the tested ones cannot be had; a server that does not answer has none of either."""
        lines = list(self.lines)
        found = _first(_NO_VERSION, lines)
        if command != self._tested or self._any == self._tested or found is None or _first(_NO_NETWORK, lines):
            return None
        which = f"{found[1] or found[2]} cannot be had here"
        self.remark = f"{which}: the newest libraries were taken, which lookmatte was not tested with"
        return self._any

    @property
    def doing(self) -> str:
        """What is under way, in a few words."""
        return doing(list(self.lines))

    @property
    def trouble(self) -> str:
        """Why it failed, as a sentence."""
        return trouble(list(self.lines))


def install(folder: str, package: str, options: Sequence[str] = (), constraints: str = "") -> list[str]:
    """The command that installs ``package`` in the environment in a folder."""
    pip = [python_in(folder), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    pinned = ["--constraint", constraints] if constraints else []
    return [*pip, "--progress-bar", "off", *pinned, *options, package]


def bundled(here: str) -> str:
    """The wheel of lookmatte that a build laid beside the add-on; "" when there is none."""
    found = sorted(Path(here).glob("lookmatte-*.whl"))
    return str(found[-1]) if found else ""


def tested(here: str) -> str:
    """The file of the versions that lookmatte was tested with; "" when there is none."""
    path = os.path.join(here, "constraints.txt")
    return path if os.path.isfile(path) else ""


def doing(lines: Sequence[str]) -> str:
    """What pip is at, from what it said so far."""
    for line in reversed(lines):
        if line.startswith("Successfully installed"):
            return "Starting lookmatte for the first time"
        if line.startswith("Installing collected packages:"):
            return f"Unpacking {line.count(',') + 1} libraries, which takes a while"
        if found := _DOWNLOAD.match(line):
            return f"Downloading {found[1]} {found[2]}, {found[3]}"
        if line.startswith(("Collecting ", "Processing ")):
            return "Looking for the libraries"
    return "Making room for the libraries"


def trouble(lines: Sequence[str]) -> str:
    """Why an installation failed, as a sentence, from what was said."""
    if _first(_NO_SPACE, lines):
        return "the disk is full; make room, then create it again"
    if _first(_NO_NETWORK, lines):
        return "the server with the libraries does not answer; look to the network, then create it again"
    if _first(_NO_PERMISSION, lines):
        return "a folder may not be written; what was said last names it"
    found = _first(_NO_VERSION, lines[::-1])
    if found is not None:
        python = ".".join(platform.python_version_tuple()[:2])
        system = {"Darwin": "macOS"}.get(platform.system(), platform.system())
        return f"there is no {found[1] or found[2]} for Python {python} on {system} ({platform.machine()})"
    last = next((line for line in reversed(lines) if line.strip() and not line.startswith("[notice]")), "")
    return last.removeprefix("ERROR: ").strip() or "nothing was said"


def _first(pattern: re.Pattern[str], lines: Sequence[str]) -> re.Match[str] | None:
    return next((found for line in lines if (found := pattern.search(line))), None)
