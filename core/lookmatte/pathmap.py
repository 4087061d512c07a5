"""Paths as one machine writes them, turned into those of another: what a farm knows of its mounts.

The rules are those of Open Job Description, whose engines write them into a file for every session; any other
engine, or a person, may write the same file::

    {"version": "pathmapping-1.0", "path_mapping_rules": [
        {"source_path_format": "WINDOWS", "source_path": "S:\\\\shows", "destination_path": "/mnt/shows"}]}

>>> paths = PathMap((Rule(PureWindowsPath("S:/shows"), "/mnt/shows"),))
>>> paths(r"s:\\shows\\kite\\sh010.####.exr")
'/mnt/shows/kite/sh010.####.exr'
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from string import ascii_lowercase, ascii_uppercase
from typing import Any

from lookmatte.errors import InputError, nearest, short
from lookmatte.imaging.patience import first_bytes

VERSION = "pathmapping-1.0"
_FORMATS: dict[str, type[PurePosixPath] | type[PureWindowsPath]] = {
    "POSIX": PurePosixPath,
    "WINDOWS": PureWindowsPath,
}
_ASCII_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)
_LARGEST = 1 << 20


@dataclass(frozen=True)
class Rule:
    """Paths in the folder ``source``, in the format of the machine that wrote them, lie in ``destination`` here."""

    source: PurePosixPath | PureWindowsPath
    destination: str

    def apply(self, path: str) -> str | None:
        """The path here; None when the rule says nothing of it. ``..`` stays: links may be on its way."""
        given = type(self.source)(path)
        own, parts = self.source.parts, given.parts
        if len(parts) < len(own) or [self._fold(part) for part in parts[: len(own)]] != list(map(self._fold, own)):
            return None
        return str(PurePath(self.destination, *parts[len(own) :]))

    def _fold(self, part: str) -> str:
        """Windows tells no case apart; ASCII alone, as the engines do it."""
        return part.translate(_ASCII_LOWER) if isinstance(self.source, PureWindowsPath) else part


@dataclass(frozen=True)
class PathMap:
    """Rules in any order; of those that fit, the one with the longest source counts."""

    rules: tuple[Rule, ...] = ()

    def __call__(self, path: str) -> str:
        """The path here; as it is when no rule fits."""
        for rule in sorted(self.rules, key=lambda rule: -len(rule.source.parts)):
            found = rule.apply(path)
            if found is not None:
                return found
        return path

    @staticmethod
    def load(file: Path) -> PathMap:
        """Read a file of rules; an empty object has none. Rules for addresses (URI) are passed over: no path of a
        job is one. Raises InputError that names the file."""
        try:
            text = first_bytes(file, _LARGEST + 1, pipes=True)
            if len(text) > _LARGEST:
                raise InputError(f"{file}: too large for path mapping rules")
            data = json.loads(text.decode("utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            reason = getattr(error, "strerror", None) or error
            raise InputError(f"{file}: cannot be read as path mapping rules ({reason})") from None
        try:
            return PathMap(tuple(_rules(data)))
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            what = f"there is no {error}" if isinstance(error, KeyError) else short(error)
            raise InputError(f"{file}: no path mapping rules ({what})") from None


def _rules(data: Any) -> list[Rule]:
    if data == {}:
        return []
    if not isinstance(data, dict):
        raise ValueError("a table with version and path_mapping_rules is needed")
    if data["version"] != VERSION:
        raise ValueError(f"version {data['version']!r}; lookmatte reads {VERSION}")
    made = []
    for rule in data["path_mapping_rules"]:
        if not isinstance(rule, dict):
            raise ValueError("a rule must be a table")
        lacking = [key for key in ("source_path_format", "source_path", "destination_path") if key not in rule]
        if lacking:
            raise ValueError(f"a rule has no {lacking[0]!r}")
        kind = str(rule["source_path_format"]).upper()
        if kind == "URI":
            continue
        if kind not in _FORMATS:
            raise ValueError(f"unknown source_path_format {kind!r}{nearest(kind, _FORMATS)}")
        source, destination = rule["source_path"], rule["destination_path"]
        if not isinstance(source, str) or not isinstance(destination, str) or not source or not destination:
            raise ValueError("source_path and destination_path must be texts")
        made.append(Rule(_FORMATS[kind](source), os.fspath(destination)))
    return made
