"""A Nuke for tests: typed, small, and strict. It stands in for the module ``nuke`` (see ``install``).

It has the nodes and calls that the host uses, and no others: an unknown knob, node or call is the error that it is
in Nuke, nodes that were deleted cannot be used, and whatever touches nodes outside the main thread is refused. What
it renders is real: Reads read EXRs, Writes write them, and a gizmo plays its bake by the compiled text of its
kernel. ``test_nuke_fake.py`` compares every name and signature with Nuke's own, as types-nuke has them.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import engine as _engine
from . import node as _node
from .knob import (
    AColor_Knob,
    Array_Knob,
    Boolean_Knob,
    Channel_Knob,
    ChannelMask_Knob,
    Double_Knob,
    Enumeration_Knob,
    EvalString_Knob,
    File_Knob,
    Int_Knob,
    Knob,
    Link_Knob,
    PyScript_Knob,
    String_Knob,
    Tab_Knob,
    Text_Knob,
    XYZ_Knob,
)
from .node import Gizmo, Group, Node, Root
from .world import reset, world

NO_ANIMATION = 0x10
NUKE_VERSION_STRING = "13.2v8"

__all__ = [
    "NO_ANIMATION", "NUKE_VERSION_STRING", "AColor_Knob", "Array_Knob", "Boolean_Knob", "ChannelMask_Knob",
    "Channel_Knob", "Double_Knob", "Enumeration_Knob", "EvalString_Knob", "File_Knob", "Gizmo", "Group",
    "Int_Knob", "Knob", "Link_Knob", "Node", "ProgressTask", "PyScript_Knob", "Root", "String_Knob", "Tab_Knob",
    "Text_Knob", "Undo", "XYZ_Knob", "addKnobChanged", "addOnCreate", "addUpdateUI", "allNodes", "createNode",
    "delete", "execute", "executeInMainThread", "executing", "filename", "frame", "menu", "message", "nodes",
    "pluginPath", "root", "scriptOpen", "scriptSaveAs", "thisKnob", "thisNode", "toNode", "views",
]  # fmt: skip


class ProgressTask:
    """A progress bar; there is none in a terminal."""

    def __init__(self, name: str) -> None:
        if not world.gui:
            raise RuntimeError("a ProgressTask in a terminal")
        if threading.current_thread() is threading.main_thread():
            raise RuntimeError("a ProgressTask in the main thread blocks the window that it should be drawn in")
        world.progress.append((0, name))

    def isCancelled(self) -> bool:
        return world.cancel_task

    def setProgress(self, i: int) -> None:
        if not isinstance(i, int) or not 0 <= i <= 100:
            raise TypeError(f"progress is a whole number from 0 to 100, not {i!r}")
        world.progress.append((i, world.progress[-1][1]))

    def setMessage(self, s: str) -> None:
        world.progress.append((world.progress[-1][0], str(s)))


class Undo:
    """What a person can undo; off while a program makes what is none of theirs."""

    @classmethod
    def disable(cls) -> None:
        world.undo -= 1

    @classmethod
    def enable(cls) -> None:
        world.undo += 1


class _Constructors:
    def __getattr__(self, kind: str) -> Callable[..., Node]:
        def construct(**values: Any) -> Node:
            return _node.make(kind, **values)

        return construct


nodes = _Constructors()


def createNode(typ: str, knobs: str = "", inpanel: bool = True) -> Node:
    return _node.make(typ)


def root() -> Root:
    world.here("nuke.root")
    assert world.root is not None
    return world.root


def toNode(s: str) -> Node | None:
    world.here("nuke.toNode")
    found: Node | None = world.groups[-1]
    for part in s.split("."):
        found = found.node(part) if isinstance(found, Group) else None
    return found


def thisNode() -> Node:
    return world.this[-1][0]  # type: ignore[no-any-return]


def thisKnob() -> Knob:
    return world.this[-1][1]  # type: ignore[no-any-return]


def frame(f: int | None = None) -> int:
    if f is not None:
        world.frame = int(f)
    return world.frame


def views() -> list[str]:
    return list(world.views)


def allNodes(*args: str, recurseGroups: bool = False) -> list[Node]:
    world.here("nuke.allNodes")
    found = [one for one in world.groups[-1].nodes() if not args or one.Class() in args]
    inner = [one for one in world.groups[-1].nodes() if isinstance(one, Group)] if recurseGroups else []
    for group in inner:
        with group:
            found += allNodes(*args, recurseGroups=True)
    return found


def scriptOpen(filename: str | None = None) -> None:
    world.here("nuke.scriptOpen")
    path = Path(filename or "")
    if not path.is_file():
        raise RuntimeError(f"Can't read {filename}")
    _node.open_script(path.read_text(encoding="utf-8"), str(path))


def scriptSaveAs(filename: str | None = None, overwrite: int = 0) -> None:
    from .saving import script_text

    Path(filename or "").write_text(script_text(), encoding="utf-8")


def filename(node: Node, i: int = 0) -> str | None:
    """The file of a Read or Write, with what Tcl fills in, and its padding."""
    knob = node.knob("file")
    return knob.evaluate() or None if isinstance(knob, File_Knob) else None


def delete(n: Node | None) -> None:
    world.here("nuke.delete")
    if n is None:
        return
    parent = n.parent()
    parent._nodes.remove(n)
    for other in parent._nodes:
        other._inputs = [None if one is n else one for one in other._inputs]
    n._deleted = True


def message(prompt: str) -> None:
    world.here("nuke.message")
    if not world.gui:
        raise RuntimeError("nuke.message in a terminal, where nobody answers it")
    world.messages.append(str(prompt))


def executing(f: float | None = None) -> bool:
    return world.executing


def execute(
    nameOrNode: Node | str, start: int, end: int, incr: int = 1, views: list[str] | None = None,
    continueOnError: bool = False,
) -> None:  # fmt: skip
    """Render a Write. RuntimeError when a frame cannot be, or a person stops it."""
    world.here("nuke.execute")
    if world.executing:
        raise RuntimeError("I'm already executing something else")
    node = nameOrNode if isinstance(nameOrNode, Node) else toNode(nameOrNode)
    if node is None or node.Class() != "Write":
        raise RuntimeError(f"{nameOrNode}: nothing to execute")
    if root()["proxy"].value():
        raise RuntimeError("in proxy mode the proxies would be rendered")
    if views is not None and not set(views) <= set(world.views):
        raise RuntimeError(f"there is no view {views}")
    world.executing = True
    try:
        for at in range(start, end + 1, incr):
            if world.cancel_execute_at is not None and at >= world.cancel_execute_at:
                raise RuntimeError("Cancelled")
            _engine.write(node, at)
            world.executed.append((node.name(), at, at))
    finally:
        world.executing = False


def executeInMainThread(call: Callable[..., Any], args: Any = (), kwargs: Any = None) -> None:
    world.later(call, args if isinstance(args, tuple) else (args,))


def addKnobChanged(call: Callable[[], None], args: Any = (), kwargs: Any = None, nodeClass: str = "*") -> None:
    world.callbacks["knobChanged"].append((call, nodeClass))


def addOnCreate(call: Callable[[], None], args: Any = (), kwargs: Any = None, nodeClass: str = "*") -> None:
    world.callbacks["onCreate"].append((call, nodeClass))


def addUpdateUI(call: Callable[[], None], args: Any = (), kwargs: Any = None, nodeClass: str = "*") -> None:
    world.callbacks["updateUI"].append((call, nodeClass))


def pluginPath() -> list[str]:
    return list(world.plugin_path)


class Menu:
    """A menu of the window."""

    def __init__(self) -> None:
        self.entries: dict[str, Any] = {}

    def addMenu(self, name: str, icon: str = "") -> Menu:
        return self.entries.setdefault(name, Menu())  # type: ignore[no-any-return]

    def addCommand(self, name: str, command: str = "", shortcut: str = "", icon: str = "") -> None:
        self.entries[name] = command


_menus: dict[str, Menu] = {}


def menu(name: str) -> Menu:
    if not world.gui:
        raise RuntimeError("there are no menus in a terminal")
    return _menus.setdefault(name, Menu())


def _recompile() -> None:
    """The button of a BlinkScript node, in NukeX: knobs by the kernel's text."""
    from nuke_gizmo.making.blink import read_kernel

    node = thisNode()
    if world.nukex:
        node["KernelDescription"].setValue(read_kernel(str(node["kernelSource"].value())).description())
        _node._blink_knobs(node)


def __getattr__(name: str) -> Any:
    if name == "GUI":
        return world.gui
    raise AttributeError(f"module 'nuke' has no attribute {name!r}, or the fake has none")


def install() -> None:
    """Be the module ``nuke``."""
    sys.modules["nuke"] = sys.modules[__name__]
    reset()
