"""Nuke's scripts, read by Tcl itself, with Nuke's rules for the stack of nodes.

A node takes as many nodes from the stack as it says in ``inputs`` (one, if it says nothing), the top as input 0,
and is pushed onto it; ``set V [stack 0]``, ``push $V`` and ``push 0`` keep and repeat; a Group or Gizmo has a stack
of its own until ``end_group``. What no node of a script that Nuke saved would do, more inputs than there are for
instance, is a ScriptError.
"""

from __future__ import annotations

import tkinter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

_COMMANDS = ("stack", "push", "clone", "end_group", "version", "add_layer", "define_window_layout_xml")
_FLAGS = {"l": "label", "t": "tooltip", "T": "text", "M": "menu", "R": "span", "n": "number"}


class ScriptError(ValueError):
    """A script that Nuke would not open as it was meant."""


@dataclass
class UserKnob:
    """An ``addUserKnob``: its type's number, and what is said of it. ``options`` by Nuke's letters, in words."""

    type: int
    name: str
    options: dict[str, str | list[str]] = field(default_factory=dict)
    flags: tuple[str, ...] = ()

    def __getattr__(self, name: str) -> str | list[str]:
        if name in _FLAGS.values():
            return self.options.get(name, "")
        raise AttributeError(name)


@dataclass
class Loaded:
    """A node of a script. ``knobs`` are the values as they are written, one word of Tcl each."""

    kind: str
    knobs: dict[str, str] = field(default_factory=dict)
    user_knobs: list[UserKnob] = field(default_factory=list)
    inputs: list[Loaded | None] = field(default_factory=list)
    nodes: list[Loaded] = field(default_factory=list)
    parent: Loaded | None = None

    @property
    def name(self) -> str:
        return self.knobs.get("name", "")

    def __getitem__(self, name: str) -> Loaded:
        """A node inside."""
        found = [node for node in self.nodes if node.name == name]
        if len(found) != 1:
            raise KeyError(f"{len(found)} nodes {name} in {self.name or self.kind}")
        return found[0]

    def all(self) -> Iterator[Loaded]:
        """This node's nodes, and theirs."""
        for node in self.nodes:
            yield node
            yield from node.all()


def split(text: str) -> list[str]:
    """A list of Tcl's elements."""
    try:
        return list(_TCL.splitlist(text))
    except tkinter.TclError as error:
        raise ScriptError(f"{error}: {text[:80]}") from None


_TCL = tkinter.Tcl()


def load(script: str) -> Loaded:
    """Read a script. The result stands for the root; of a .gizmo it holds one node, of kind Gizmo."""
    return _Loader().run(script)


def load_file(path: Path) -> Loaded:
    return load(path.read_text(encoding="utf-8"))


class _Loader:
    def __init__(self) -> None:
        self.tcl = tkinter.Tcl()
        self.root = Loaded("Root", {"name": "root"})
        self.group = self.root
        self.stacks: list[list[Loaded | None]] = [[]]
        self.kept: dict[str, Loaded | None] = {}
        self.trouble: BaseException | None = None
        for command in _COMMANDS:
            self.tcl.createcommand(command, self._guard(getattr(self, f"_{command}")))
        self.tcl.createcommand("unknown", self._guard(self._node))
        # A node may be called as a command of Tcl is, and a script of someone else's should reach nothing.
        for command in self.tcl.splitlist(self.tcl.eval("info commands")):
            if command not in ("set", "unknown", "rename") and command not in _COMMANDS:
                self.tcl.eval(f"rename {{{command}}} {{}}")

    def _guard(self, act: Callable[..., str | None]) -> Callable[..., str]:
        def call(*words: str) -> str:
            try:
                return act(*words) or ""
            except BaseException as error:
                self.trouble = error
                raise

        return call

    def run(self, script: str) -> Loaded:
        try:
            self.tcl.eval(script)
        except tkinter.TclError as error:
            raise self.trouble or ScriptError(str(error)) from None
        if len(self.stacks) != 1:
            raise ScriptError(f"{len(self.stacks) - 1} groups have no end_group")
        return self.root

    # Commands.

    def _version(self, *_: str) -> None:
        pass

    _add_layer = _define_window_layout_xml = _version

    def _stack(self, index: str) -> str:
        stack = self.stacks[-1]
        if int(index) >= len(stack):
            raise ScriptError(f"stack {index}: there are {len(stack)} nodes on the stack")
        name = f"@{len(self.kept)}"
        self.kept[name] = stack[-1 - int(index)]
        return name

    def _push(self, what: str) -> None:
        if what not in self.kept and what != "0":
            raise ScriptError(f"push {what}: that is no node")
        self.stacks[-1].append(self.kept.get(what))

    def _clone(self, *_: str) -> None:
        raise ScriptError("clones are not read here")

    def _end_group(self) -> None:
        if self.group.parent is None:
            raise ScriptError("end_group without a group")
        self.stacks.pop()
        self.group = self.group.parent

    def _node(self, kind: str, body: str = "", *rest: str) -> None:
        if rest or not kind.isidentifier():
            raise ScriptError(f"there is no command {kind}")
        node = Loaded(kind, parent=self.group)
        count = 1
        words = split(body)
        if len(words) % 2:
            raise ScriptError(f"{kind}: a knob without a value: {words[-1]}")
        for name, value in zip(words[::2], words[1::2], strict=True):
            if name == "inputs":
                count = sum(int(part) for part in value.split("+"))
            elif name == "addUserKnob":
                node.user_knobs.append(_user_knob(value))
            else:
                node.knobs[name] = value
        if kind == "Root":
            self.root.knobs.update(node.knobs)
            return
        top = kind == "Gizmo" and self.group is self.root
        stack = self.stacks[-1]
        if kind not in ("Input", "Gizmo") and count > len(stack):
            raise ScriptError(f"{kind} {node.name} wants {count} inputs, the stack has {len(stack)}")
        for _ in range(0 if top else count):
            node.inputs.append(stack.pop())
        while node.inputs and node.inputs[-1] is None:
            node.inputs.pop()
        stack.append(node)
        self.group.nodes.append(node)
        if kind in ("Group", "Gizmo"):
            self.group = node
            self.stacks.append([])


def _user_knob(value: str) -> UserKnob:
    words = split(value)
    knob = UserKnob(int(words[0]), words[1] if len(words) > 1 else "")
    flags: list[str] = []
    at = 2
    while at < len(words):
        if words[at][:1] in "+-" and words[at][1:].replace("_", "").isalpha():
            flags.append(words[at])
            at += 1
            continue
        option = _FLAGS.get(words[at])
        if option is None or at + 1 >= len(words):
            raise ScriptError(f"addUserKnob {knob.name}: {words[at]} is no option")
        if option == "span":
            knob.options[option] = words[at + 1 : at + 3]
            at += 3
        else:
            knob.options[option] = split(words[at + 1]) if option == "menu" else words[at + 1]
            at += 2
    knob.flags = tuple(flags)
    return knob
