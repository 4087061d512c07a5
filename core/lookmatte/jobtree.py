"""Job text as a tree of plain values that remember their line.

YAML is composed with PyYAML's safe loader and never constructed: no tag can run anything. Scalars follow the
YAML 1.2 core schema, because 1.1 reads ``on`` as true, ``0010`` as 8 and ``1:30`` as 90, which are object
names, frames and typing errors to an artist. Of 1.1 the merge key stays, ``{<<: *look, strength: 0.5}``, without
which an anchor is of little use.
"""

from __future__ import annotations

import operator
import os
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, SupportsIndex

import yaml

from lookmatte.errors import InputError

MAX_BYTES = 1 << 20
MAX_DEPTH = 20
MAX_NODES = 20_000
LETTERS = 64
"""A text is one value more for each so many letters: an alias of a long one is short, and all of it is read."""

LONGEST_NUMBER = 300  # digits
MAX_REPORTED = 40

Scalar = str | int | float | bool | None


@dataclass(frozen=True)
class Table:
    """A mapping as written: (key, value) in order, without duplicates."""

    entries: tuple[tuple[Node, Node], ...]


@dataclass(frozen=True)
class Node:
    """A value and the line it stands on (from 1; None when it was not read from a file)."""

    value: Scalar | Table | tuple[Node, ...]
    line: int | None = None


def weight(node: Node) -> int:
    """How many values a tree holds, as ``MAX_NODES`` counts them."""
    value = node.value
    if isinstance(value, Table):
        return 1 + sum(weight(key) + weight(one) for key, one in value.entries)
    if isinstance(value, tuple):
        return 1 + sum(map(weight, value))
    return 1 + (len(value) // LETTERS if isinstance(value, str) else 0)


class Problems:
    """Collects every mistake, so that a person corrects a file once."""

    def __init__(self, source: str | None = None, labels: Mapping[str, str] | None = None) -> None:
        """``labels`` renames keys in messages: the command line says ``--style``, not ``rest.style``."""
        self._source = source
        self._labels = labels or {}
        self._found: dict[tuple[int, str], None] = {}
        self._part, self._shared = "", frozenset[str]()

    def of(self, part: str, shared: Collection[str]) -> Problems:
        """The same collection for a part of the file, whose mistakes say so: ``shots.sh010.plate``, unless they are
        in one of the ``shared`` keys, which are the whole file's and told once."""
        made = Problems(self._source, self._labels)
        made._found, made._part, made._shared = self._found, part, frozenset(shared)
        return made

    def add(self, where: Node | int | None, key: str, message: str) -> None:
        """Note one mistake at a node or line; ``key`` is its dotted path, empty for the file as a whole."""
        line = where.line if isinstance(where, Node) else where
        place = "" if self._source is None else f"{self._source}:{line}: " if line else f"{self._source}: "
        label = self._labels.get(key, key)
        if self._part and key.partition(".")[0] not in self._shared:
            label = f"{self._part}.{label}" if label else self._part
        self._found[line or 0, f"{place}{label}: {message}" if label else f"{place}{message}"] = None

    def raise_if_any(self) -> None:
        """Raise one InputError with a line for each mistake, in the file's order."""
        if not self._found:
            return
        lines = [text for _, text in sorted(self._found, key=lambda item: item[0])]
        if len(lines) > MAX_REPORTED:
            lines[MAX_REPORTED:] = [f"and {len(lines) - MAX_REPORTED} more mistakes"]
        raise InputError("\n".join(lines))


def show(value: object) -> str:
    """A value as an error message quotes it: printable, on one line, short."""
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 80 else text[:60] + "..."


class _Loader(yaml.SafeLoader):
    """PyYAML's safe composer with the 1.2 core schema and a limit on depth and size."""

    yaml_implicit_resolvers: dict[str, list[Any]] = {}  # noqa: RUF012 - PyYAML's own class attribute
    _depth = 0
    _count = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self._depth += 1
        self._count += 1
        if self._depth > MAX_DEPTH or self._count > MAX_NODES:
            limit = f"{MAX_DEPTH} levels" if self._depth > MAX_DEPTH else f"{MAX_NODES} values"
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem=f"more than {limit}, that is no job", problem_mark=mark)
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


_FORMS = {
    "null": re.compile(r"(?:~|null|Null|NULL|)\Z"),
    "bool": re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"),
    "int": re.compile(r"[-+]?[0-9]+\Z"),
    "float": re.compile(
        r"(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z"
    ),
}
_TAG = "tag:yaml.org,2002:"
for _kind, _form in _FORMS.items():
    _Loader.add_implicit_resolver(_TAG + _kind, _form, None)


def _scalar(tag: str, text: str) -> Scalar:
    """Read a scalar by its tag. Raises ValueError with what is wrong."""
    kind = tag.removeprefix(_TAG)
    if kind in ("str", "!"):
        return text
    form = _FORMS.get(kind)
    if form is None:
        raise ValueError(f"the tag {show(tag)} is not allowed; write a plain value")
    if not form.match(text):
        raise ValueError(f"{show(text)} is not a value of type {kind}")
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    if len(text) > LONGEST_NUMBER:
        raise ValueError(f"a number of {len(text)} digits is too long")
    return int(text) if kind == "int" else float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))


def _unprintable(text: str) -> bool:
    return any(ord(sign) < 32 or ord(sign) == 127 or 0xD800 <= ord(sign) < 0xE000 for sign in text)


class _Converter:
    """Turns YAML nodes or Python values into Nodes within one budget, which bounds what aliases expand to."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._left = MAX_NODES

    def _enter(self, line: int | None, depth: int) -> None:
        self._left -= 1
        self._check(line, depth)

    def _check(self, line: int | None, depth: int) -> None:
        if depth > MAX_DEPTH or self._left < 0:
            limit = f"{MAX_DEPTH} levels" if depth > MAX_DEPTH else f"{MAX_NODES} values"
            self._problems.add(line, "", f"more than {limit}, aliases expanded; that is no job")
            self._problems.raise_if_any()

    def _leaf(self, value: Scalar, line: int | None, depth: int) -> Node:
        if isinstance(value, str):
            self._left -= len(value) // LETTERS
            self._check(line, depth)
            if _unprintable(value):
                self._problems.add(line, "", f"{show(value)} holds a control character")
                value = "?"
        return Node(value, line)

    def _table(self, pairs: Iterable[tuple[Node, Node]]) -> Table:
        seen: dict[tuple[type, object], int | None] = {}
        entries = []
        for key, value in pairs:
            if isinstance(key.value, Table | tuple):
                self._problems.add(key, "", "a key must be a name or a frame")
                continue
            mark = (type(key.value), key.value)
            if mark in seen:
                first = "" if seen[mark] is None else f"; it stands on line {seen[mark]} too"
                self._problems.add(key, "", f"duplicate key {show(key.value)}{first}")
                continue
            seen[mark] = key.line
            entries.append((key, value))
        return Table(tuple(entries))

    def _merged(self, node: yaml.MappingNode, pairs: list[tuple[Node, Node]]) -> Table:
        """The table of a YAML mapping: its own keys, and those that ``<<`` brings from others and it lacks."""
        own: list[tuple[Node, Node]] = []
        brought: list[Node] = []
        for (written, _), (key, value) in zip(node.value, pairs, strict=True):
            if key.value != "<<" or getattr(written, "style", None) is not None:
                own.append((key, value))
            elif isinstance(value.value, Table):
                brought.append(value)
            elif isinstance(value.value, tuple) and all(isinstance(one.value, Table) for one in value.value):
                brought.extend(value.value)
            else:
                self._problems.add(key, "", "<< takes a table, *NAME of an anchor &NAME, or a list of such")
        table = self._table(own)
        entries = {(type(key.value), key.value): (key, value) for key, value in table.entries}
        for one in brought:
            assert isinstance(one.value, Table)
            for key, value in one.value.entries:
                entries.setdefault((type(key.value), key.value), (key, value))
        return Table(tuple(entries.values()))

    def from_yaml(self, node: yaml.Node, depth: int = 1) -> Node:
        line = node.start_mark.line + 1
        self._enter(line, depth)
        if isinstance(node, yaml.MappingNode) and node.tag == _TAG + "map":
            pairs = [(self.from_yaml(k, depth + 1), self.from_yaml(v, depth + 1)) for k, v in node.value]
            return Node(self._merged(node, pairs), line)
        if isinstance(node, yaml.SequenceNode) and node.tag == _TAG + "seq":
            return Node(tuple(self.from_yaml(item, depth + 1) for item in node.value), line)
        if not isinstance(node, yaml.ScalarNode):
            self._problems.add(line, "", f"the tag {show(node.tag)} is not allowed; write a plain value")
            return Node("?", line)
        try:
            return self._leaf(_scalar(node.tag, node.value), line, depth)
        except ValueError as error:
            self._problems.add(line, "", str(error))
            return Node("?", line)

    def from_python(self, value: Any, depth: int = 1) -> Node:
        self._enter(None, depth)
        if isinstance(value, Mapping):
            return Node(
                self._table(
                    (self.from_python(k, depth + 1), self.from_python(v, depth + 1)) for k, v in value.items()
                )
            )
        if isinstance(value, list | tuple):
            return Node(tuple(self.from_python(item, depth + 1) for item in value))
        if isinstance(value, os.PathLike):
            return self._leaf(os.fsdecode(value), None, depth)
        if isinstance(value, int) and abs(value) >= 10**LONGEST_NUMBER:
            self._problems.add(None, "", f"a number of more than {LONGEST_NUMBER} digits is too long")
            return Node("?")
        if value is None or isinstance(value, str | int | float | bool):
            return self._leaf(value, None, depth)
        if isinstance(value, SupportsIndex):  # numpy's integers
            return self.from_python(operator.index(value), depth)
        self._problems.add(None, "", f"a value of type {type(value).__name__} is not allowed in a job")
        return Node("?")


_HINTS = {
    "'\\t'": "; indent with spaces, not tabs",
    "found another document": "; a job file is one document, without a line --- in its midst",
    "that is no job": "",
}
"""What helps, by what PyYAML says; for all else it is mostly a text that it takes for more."""

_HINT = "; a text that holds one of # @ % * & ! : { [ ` needs quotes, one with a backslash single quotes"


def parse_yaml(text: str, problems: Problems) -> Node:
    """Compose one YAML document; a mistake after which nothing can follow is raised, others are noted."""
    loader: _Loader | None = None
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = error.problem or error.context or "not YAML"
        hint = next((hint for said, hint in _HINTS.items() if said in str(reason)), _HINT)
        problems.add(mark.line + 1 if mark else None, "", f"not valid YAML: {reason}{hint}")
        problems.raise_if_any()
        raise
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        # PyYAML lets Python's own errors through for escapes and directives that are out of range.
        problems.add(None, "", f"not valid YAML: {' '.join(str(error).split())}")
        problems.raise_if_any()
        raise
    finally:
        if loader is not None:
            loader.dispose()
    if root is None:
        return Node(None, 1)
    return _Converter(problems).from_yaml(root)


class _Dumper(yaml.SafeDumper):
    """Quotes what the loader above would not read as the text that it is; PyYAML's own quotes by YAML 1.1."""

    yaml_implicit_resolvers = _Loader.yaml_implicit_resolvers

    def ignore_aliases(self, data: Any) -> bool:
        return True


def dump_yaml(value: Any) -> str:
    """Plain values as a job file that means them, keys in their order."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


def parse_python(value: Any, problems: Problems) -> Node:
    """The same tree from plain Python values."""
    return _Converter(problems).from_python(value)
