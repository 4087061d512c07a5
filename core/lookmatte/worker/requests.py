"""Requests: which there are, what each takes, and what to say of a line that is none."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lookmatte.errors import nearest
from lookmatte.worker.channel import LONGEST

PROTOCOL = 1
"""The version of the messages; it grows when a host of the version before would misread an answer."""

_SHOWN = 60


class Refused(Exception):
    """A line that asks for nothing that can be done. ``number`` is its request's, where it has one."""

    def __init__(self, message: str, hint: str = "", number: int | None = None, code: str = "malformed") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.number = number


@dataclass(frozen=True)
class Request:
    """A request that is well formed; what its arguments name may still not exist."""

    number: int
    command: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class _Kind:
    """A type of argument: the Python types of its JSON, and how a person would say it."""

    types: tuple[type, ...]
    wanted: str


_TEXT = _Kind((str,), "text")
_PATH = _Kind((str,), "a path as text")
_WHOLE = _Kind((int,), "a whole number")
_FLAG = _Kind((bool,), "true or false")
_JOB = _Kind((dict, str), "a job's keys, or the path of a job file")

_RUN = {"job": _JOB, "base": _PATH, "bake": _PATH}
_FRAMES = {
    "frames": _Kind((str,), 'a range as text, "1001-1048"'),
    "overwrite": _FLAG,
    "device": _Kind((str,), "the name of a device, cuda or mps"),
}

COMMANDS: dict[str, dict[str, _Kind]] = {
    "hello": {"protocol": _WHOLE, "host": _WHOLE},
    "inspect": {"file": _PATH, "base": _PATH, "layer": _TEXT},
    "preview": {
        "job": _JOB,
        "base": _PATH,
        "frame": _WHOLE,
        "output": _PATH,
        "model": _PATH,
    },
    "doctor": {},
    "warm": {},
    "bake": {**_RUN, "overwrite": _FLAG, "model": _PATH},
    "render": {**_RUN, **_FRAMES, "model": _PATH},
    "apply": {**_RUN, **_FRAMES},
    "cancel": {"request": _WHOLE},
    "shutdown": {},
}
"""Every command, and its arguments."""

REQUIRED: dict[str, tuple[str, ...]] = {
    "hello": ("protocol",),
    "inspect": ("file",),
    "preview": ("job", "output"),
    "bake": ("job",),
    "render": ("job",),
    "apply": ("job", "bake"),
    "cancel": ("request",),
}
"""The arguments that must be given."""


def parse(line: bytes | None) -> Request:
    """Read one line of a host; None stands for one that was too long. Raises Refused."""
    if line is None:
        raise Refused(f"a line of more than {LONGEST} bytes", "pixels go through files, by their paths")
    try:
        message = json.loads(line.decode("utf-8"), parse_constant=_no_number)
    except UnicodeDecodeError:
        raise Refused("a line that is not UTF-8", _FORM) from None
    except RecursionError:
        raise Refused("a line that is nested too deeply", _FORM) from None
    except ValueError as error:
        raise Refused(f"a line that is no JSON ({error})", _FORM) from None
    if not isinstance(message, dict):
        raise Refused(f"{_show(message)} is no request", _FORM)
    number: Any = message.get("id")
    if not _is(number, (int,)) or not 0 <= number < 2**53:
        raise Refused(f"id: must be a whole number from 0 on, not {_show(number)}", _FORM)
    try:
        return _request(number, message)
    except Refused as refused:
        refused.number = number
        raise


def _request(number: int, message: dict[str, Any]) -> Request:
    for key in message:
        if key not in ("id", "command", "arguments"):
            raise Refused(f"unknown key {_show(key)}{nearest(key, ('id', 'command', 'arguments'))}", _FORM)
    command, arguments = message.get("command"), message.get("arguments", {})
    if not isinstance(command, str):
        raise Refused(f"command: must be text, not {_show(command)}", _FORM)
    if command not in COMMANDS:
        raise Refused(f"unknown command {_show(command)}{nearest(command, COMMANDS)}")
    if not isinstance(arguments, dict):
        raise Refused(f"arguments: must be an object, not {_show(arguments)}", _FORM)
    known = COMMANDS[command]
    for name, value in arguments.items():
        if name not in known:
            raise Refused(f"{command}: unknown argument {_show(name)}{nearest(name, known)}")
        if not _is(value, known[name].types):
            raise Refused(f"{command}: {name} must be {known[name].wanted}, not {_show(value)}")
        if known[name] is _PATH and not _is_path(value):
            raise Refused(f"{command}: {name} is no path: {_show(value)}")
    lacking = [name for name in REQUIRED.get(command, ()) if name not in arguments]
    if lacking:
        raise Refused(f"{command}: {' and '.join(lacking)} must be given")
    return Request(number, command, arguments)


_FORM = 'write {"id": 1, "command": "inspect", "arguments": {"file": "shot.1001.exr"}}'


def _is(value: object, types: tuple[type, ...]) -> bool:
    return isinstance(value, types) and (not isinstance(value, bool) or bool in types)


def _is_path(text: str) -> bool:
    """Can a file be called so? What cannot raises another error in every library that it reaches."""
    try:
        return bool(text) and b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number of JSON")


def _show(value: object) -> str:
    try:
        text = json.dumps(value)
    except RecursionError:  # writing goes a little deeper than reading did
        return "something nested too deeply"
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def absolute(arguments: dict[str, Any], name: str) -> Path | None:
    """A path argument made absolute: from ``base``, else from the folder where the worker was started."""
    if name not in arguments:
        return None
    return Path(os.path.expanduser(arguments.get("base", "")), os.path.expanduser(arguments[name])).absolute()
