"""Single values of a job: reads a text, a number, a path from the tree, or notes what is wrong with it."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, get_args

from lookmatte.errors import FrameError, nearest
from lookmatte.imaging.patience import is_file
from lookmatte.jobpaths import expand, missing
from lookmatte.jobtree import Node, Problems, Table, show
from lookmatte.progress import printable

T = TypeVar("T")

FRAME_LIMIT = 999_999_999
LONGEST_NAME = 64
"""Letters in a region's name."""

_FRAME_TEXT = re.compile(r"-?[0-9]{1,9}\Z")


class Values:
    """Reads single values. A mistake is noted and a harmless value stands in, so that all is checked."""

    def __init__(self, problems: Problems, base: Path, paths: Callable[[str], str] = str) -> None:
        """Relative paths start at ``base``; ``paths`` turns each, as it was written, into one of this machine."""
        self._problems = problems
        self._base = base
        self._paths = paths

    def _wrong(self, node: Node, key: str, wanted: str) -> None:
        value = node.value
        if value is None:
            hint = "it is empty (a text that begins with # needs quotes)"
        elif isinstance(value, Table):
            hint = "not a table of keys"
        elif isinstance(value, tuple):
            hint = "not a list"
        elif isinstance(value, str):
            hint = f"not the text {show(value)}"
        else:
            hint = f"not {show(value)}" + (" (in quotes it would be a text)" if "text" in wanted else "")
        self._problems.add(node, key, f"must be {wanted}, {hint}")

    def _text(self, node: Node, key: str, wanted: str = "a text") -> str:
        if isinstance(node.value, str) and node.value.strip():
            return node.value
        self._wrong(node, key, wanted)
        return ""

    def _choice(self, node: Node, key: str, kind: Any, default: T) -> T:
        choices: tuple[T, ...] = get_args(kind)
        for choice in choices:
            if node.value == choice:
                return choice
        shown = show(node.value) if isinstance(node.value, str | int | float) else "that"
        self._problems.add(node, key, f"must be one of {', '.join(map(str, choices))}, not {shown}")
        return default

    def _number(self, node: Node, key: str, wanted: str, low: float, high: float) -> float:
        value = node.value
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._wrong(node, key, wanted)
        elif not low <= value <= high or math.isinf(value):  # NaN is in no range
            self._problems.add(node, key, f"must be {wanted}, not {show(value)}")
        else:
            return float(value)
        return low

    def _whole(self, node: Node, key: str, wanted: str, low: int, high: int = FRAME_LIMIT) -> int:
        value = node.value
        if isinstance(value, bool) or not isinstance(value, int):
            self._wrong(node, key, wanted)
        elif not low <= value <= high:
            self._problems.add(node, key, f"must be {wanted}, not {show(value)}")
        else:
            return value
        return low

    def _frame_key(self, node: Node, key: str) -> int | None:
        value = node.value
        if isinstance(value, str) and _FRAME_TEXT.match(value):  # JSON has no other keys than texts
            return int(value)
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= FRAME_LIMIT:
            return value
        close = nearest(value, ("ease",)) if isinstance(value, str) else ""
        self._problems.add(node, key, f"{show(value)} is no frame; keys are whole numbers and ease{close}")
        return None

    def _table(self, node: Node, key: str, allowed: tuple[str, ...] | None, wanted: str) -> dict[str, Node]:
        """The entries by name; unknown names are noted with the nearest that is allowed."""
        if not isinstance(node.value, Table):
            self._wrong(node, key, wanted)
            return {}
        found: dict[str, Node] = {}
        for name, value in node.value.entries:
            if not isinstance(name.value, str):
                self._problems.add(name, key, f"the key {show(name.value)} is not a text; put it in quotes")
            elif allowed is not None and name.value not in allowed:
                self._problems.add(name, key, f"unknown key {show(name.value)}{nearest(name.value, allowed)}")
            else:
                found[name.value] = value
        return found

    def _path(self, node: Node, key: str, *, pattern: bool) -> str:
        text = self._text(node, key, "a path as text")
        if not text:
            return ""
        try:
            return expand(self._paths(text), self._base, pattern=pattern)
        except ValueError as error:
            self._problems.add(node, key, f"{show(text)}: {error}")
            return ""

    def _picture(self, node: Node, key: str) -> str:
        path = self._path(node, key, pattern=False)
        try:
            if path and not is_file(Path(path)):
                what = f"{path} is a folder" if os.path.isdir(path) else missing(path)
                self._problems.add(node, key, printable(what))  # names may hold letters that no message should
        except FrameError as error:
            self._problems.add(node, key, str(error))
        return path
