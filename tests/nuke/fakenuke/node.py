"""Nodes, groups and gizmos: what they are connected to, and the knobs that their classes have."""

from __future__ import annotations

import base64
import re
import struct
from pathlib import Path
from typing import Any

import scripts
from expressions import parse

from . import knob as knobs
from .classes import CLASSES, COMMON, PSYOP, NodeClass
from .knob import Knob
from .world import world

_USER_KNOBS: dict[int, type[Knob]] = {
    1: knobs.String_Knob, 2: knobs.File_Knob, 3: knobs.Int_Knob, 4: knobs.Enumeration_Knob, 6: knobs.Boolean_Knob,
    7: knobs.Double_Knob, 13: knobs.XYZ_Knob, 19: knobs.AColor_Knob, 20: knobs.Tab_Knob, 22: knobs.PyScript_Knob,
    26: knobs.Text_Knob, 41: knobs.Link_Knob,
}  # fmt: skip
_BLINK_KNOBS = {("Int", 1): knobs.Int_Knob, ("Float", 1): knobs.Double_Knob, ("Float", 3): knobs.XYZ_Knob,
                ("Float", 4): knobs.AColor_Knob}  # fmt: skip
_VALUE = re.compile(r"\[value ([\w.]+)\]")


class Node:
    """A node; made by ``nuke.nodes`` or from a script."""

    def __init__(self, made_of: NodeClass, parent: Group | None, name: str = "") -> None:
        world.here(f"a {made_of.name} is made")
        self._of = made_of
        self._parent = parent
        self._inputs: list[Node | None] = []
        self._knobs: dict[str, Knob] = {}
        self._deleted = False
        self._opened = False
        for one, make in {**COMMON, **made_of.knobs}.items():
            self._add(make(), one)
        if parent is not None:
            free = bool(name) and parent.node(name) is None
            self._knobs["name"]._take(name if free else parent._free_name(made_of.name))
            parent._nodes.append(self)

    def _add(self, knob: Knob, name: str) -> Knob:
        knob._name, knob._node = name, self
        self._knobs[name] = knob
        return knob

    def _alive(self) -> None:
        if self._deleted:
            raise ValueError("A PythonObject is not attached to a node")

    def _here(self) -> None:
        world.here(f"{self._of.name} is used")
        self._alive()

    # What Nuke has.

    def Class(self) -> str:
        self._here()
        return self._of.name

    def name(self) -> str:
        self._here()
        return str(self._knobs["name"].value())

    def setName(self, name: str, uncollide: bool = True, updateExpressions: bool = False) -> None:
        self._here()
        assert self._parent is not None
        self._knobs["name"]._take("")
        self._knobs["name"]._take(self._parent._free_name(name))

    def fullName(self) -> str:
        self._here()
        outer = self._parent
        inner = outer is not None and outer._parent is not None
        return f"{outer.fullName()}.{self.name()}" if outer is not None and inner else self.name()

    def parent(self) -> Group:
        self._here()
        assert self._parent is not None
        return self._parent

    def knob(self, p: str, follow_link: bool = False) -> Knob | None:
        self._here()
        found = self._knobs.get(p)
        return found.getLinkedKnob() if follow_link and isinstance(found, knobs.Link_Knob) else found

    def knobs(self) -> dict[str, Knob]:
        self._here()
        return dict(self._knobs)

    def __getitem__(self, name: str) -> Knob:
        self._here()
        if name not in self._knobs:
            raise NameError(f"knob {name} does not exist")
        return self._knobs[name]

    def input(self, index: int) -> Node | None:
        self._here()
        return self._inputs[index] if index < len(self._inputs) else None

    def inputs(self) -> int:
        self._here()
        return len(self._inputs)

    def maxInputs(self) -> int:
        return self._of.inputs

    def setInput(self, i: int, node: Node | None) -> bool:
        self._here()
        if i >= self.maxInputs() or (node is not None and node is not self and node._parent is not self._parent):
            return False
        if node is not None:
            node._alive()
        self._inputs += [None] * (i + 1 - len(self._inputs))
        self._inputs[i] = node
        while self._inputs and self._inputs[-1] is None:
            self._inputs.pop()
        if self._opened:
            world.call("knobChanged", self, _Event("inputChange"))
        return True

    def firstFrame(self) -> int:
        return self._range()[0]

    def lastFrame(self) -> int:
        return self._range()[1]

    def _range(self) -> tuple[int, int]:
        self._here()
        if self._of.name == "Read":
            return int(self["first"].value()), int(self["last"].value())
        above = self.input(0)
        assert world.root is not None
        return above._range() if above is not None else (world.root.firstFrame(), world.root.lastFrame())

    def shown(self) -> bool:
        self._here()
        return world.gui

    def screenHeight(self) -> int:
        return 0 if world.pasting else 18

    def metadata(self, *_: Any) -> dict[str, Any]:
        self._here()
        if world.pasting:
            raise RuntimeError("metadata() while nodes are pasted breaks the script")
        return {}

    def xpos(self) -> int:
        return int(self["xpos"].value())

    def ypos(self) -> int:
        return int(self["ypos"].value())

    def setXYpos(self, x: int, y: int) -> None:
        self["xpos"].setValue(x)
        self["ypos"].setValue(y)

    # Expressions.

    def _named(self, name: str, frame: float) -> float:
        """What a name in an expression of this node is worth."""
        if name == "frame":
            return frame
        if name == "$gui":
            return float(world.gui)
        if name in ("input.width", "input.height"):
            from .engine import evaluate

            assert self._inputs[0] is not None
            return float(evaluate(self._inputs[0], int(frame)).format[name == "input.height"])
        owner, words = self._owner(name)
        knob = owner[words[0]]
        if not isinstance(knob, knobs.Array_Knob):
            raise ValueError(f"{name} is no number")
        index = 0
        if len(words) > 1:
            parts: tuple[str, ...] = getattr(knob, "_parts", ())
            index = parts.index(words[1]) if words[1] in parts else int(words[1])
        return float(knob._at(frame, index))

    def _owner(self, name: str) -> tuple[Node, list[str]]:
        words = name.split(".")
        if words[0] == "parent":
            return self.parent(), words[1:]
        if words[0] == "root":
            assert world.root is not None
            return world.root, words[1:]
        if words[0] in self._knobs:
            return self, words
        beside = self.parent().node(words[0]) if self._parent is not None else None
        if beside is None:
            raise NameError(f"{self.name()}: there is no {name}")
        return beside, words[1:]

    def _worth(self, expression: str, frame: float) -> float:
        return parse(expression).evaluate(lambda name: self._named(name, frame), self._tcl)

    def _tcl(self, command: str) -> float:
        words = command.split()
        if words[0] != "exists" or not re.fullmatch(r"parent\.input\d", words[1]):
            raise ValueError(f"[{command}] is not done here")
        return float(self.parent().input(int(words[1][-1])) is not None)

    def _filled(self, text: str) -> str:
        """A text with its pieces of Tcl done."""
        assert world.root is not None
        text = text.replace("[file dirname [value root.name]]", str(Path(world.root.name()).parent))

        def value(match: re.Match[str]) -> str:
            owner, words = self._owner(match[1])
            return str(owner[words[0]].value())

        done = _VALUE.sub(value, text)
        if "[" in done:
            raise RuntimeError(f"{text}: Tcl that is not done here")
        return done


class _Event(Knob):
    """What is no knob, and yet what knobChanged is told."""

    def name(self) -> str:
        return self._name


class Group(Node):
    """Nodes within a node."""

    def __init__(self, made_of: NodeClass, parent: Group | None, name: str = "") -> None:
        self._nodes: list[Node] = []
        super().__init__(made_of, parent, name)

    def nodes(self) -> list[Node]:
        self._here()
        return list(self._nodes)

    def node(self, s: str) -> Node | None:
        self._here()
        return next((one for one in self._nodes if one.name() == s), None)

    def maxInputs(self) -> int:
        return sum(one._of.name == "Input" for one in self._nodes)

    def begin(self) -> Group:
        self._here()
        world.groups.append(self)
        return self

    def end(self) -> None:
        world.groups.pop()

    def __enter__(self) -> Group:
        return self.begin()

    def __exit__(self, *_: object) -> None:
        self.end()

    def _free_name(self, wanted: str) -> str:
        taken = {one._knobs["name"].value() for one in self._nodes}
        bare = re.sub(r"\d+$", "", wanted) or wanted
        if wanted not in taken and wanted != bare:
            return wanted
        if wanted not in taken and self._parent is not None:
            return wanted
        return next(name for name in (f"{bare}{number}" for number in range(1, 10000)) if name not in taken)


class Gizmo(Group):
    """A group whose inside comes from a file."""


class Root(Group):
    """The script."""

    def __init__(self) -> None:
        super().__init__(CLASSES["Root"], None)

    def name(self) -> str:
        return str(self._knobs["name"].value()) or "Root"

    def firstFrame(self) -> int:
        return int(self["first_frame"].value())

    def lastFrame(self) -> int:
        return int(self["last_frame"].value())

    def fullName(self) -> str:
        return "root"


def make(kind: str, name: str = "", opened: bool = True, **values: Any) -> Node:
    """Make a node in the group that is current, as ``nuke.nodes.KIND`` does."""
    inside: Group = world.groups[-1]
    gizmo = _gizmo_file(kind)
    if gizmo is not None:
        (loaded,) = scripts.load_file(gizmo).nodes
        made: Node = Gizmo(NodeClass(kind, {}, 0), inside, name)
        _user_knobs(made, loaded)
        _fill(made, loaded)
        _inside(made, loaded)  # type: ignore[arg-type]
        for knob in made._knobs.values():
            if not isinstance(knob, (knobs.Link_Knob, knobs.Tab_Knob)):
                knob._default = knob.toScript()
    elif kind in CLASSES and kind != "Root":
        of = PSYOP if kind == PSYOP.name and world.psyop else CLASSES[kind]
        made = (Group if kind == "Group" else Node)(of, inside, name)
    else:
        raise RuntimeError(f"{kind}: Unknown command")
    for key, value in values.items():
        made[key].setValue(value)
    if opened:
        open_node(made)
    return made


def open_node(node: Node) -> None:
    """The node is whole: from here on its callbacks are called."""
    world.call("onCreate", node)
    node._opened = True


def _gizmo_file(kind: str) -> Path | None:
    found = (Path(folder, f"{kind}.gizmo") for folder in world.plugin_path)
    return next((path for path in found if path.is_file()), None)


def _user_knobs(node: Node, loaded: scripts.Loaded) -> None:
    for one in loaded.user_knobs:
        kind = _USER_KNOBS.get(one.type)
        if kind is None:
            raise RuntimeError(f"addUserKnob {one.name}: there is no type {one.type}")
        if one.name in node._knobs:
            raise RuntimeError(f"addUserKnob {one.name}: the node has one already")
        more: list[Any] = [list(one.menu)] if kind is knobs.Enumeration_Knob else []
        if kind is knobs.Link_Knob:
            more = [one.text]
        knob = node._add(kind(one.name, str(one.label), *more), one.name)
        knob._tooltip, knob._user = str(one.tooltip), True
        if one.type in (22, 26):
            knob._take(str(one.text))


def _fill(node: Node, loaded: scripts.Loaded) -> None:
    """Give knobs the values that a script has, in its order."""
    for name, value in loaded.knobs.items():
        if name == "name":
            continue
        if name == "rebuild" and not world.broken_kernel:
            _blink_knobs(node)
        knob = node._knobs.get(name)
        if knob is None:
            if node._of.name == "BlinkScript" and world.broken_kernel:
                continue
            raise RuntimeError(f"{node.name()}: {loaded.kind} has no knob {name}")
        if isinstance(knob, knobs.Link_Knob):
            _LATER.append((knob, value))
        else:
            knob._take(value)


_LATER: list[tuple[Knob, str]] = []


def _inside(group: Group, loaded: scripts.Loaded) -> None:
    met: dict[int, Node] = {}
    with group:
        for one in loaded.nodes:
            met[id(one)] = _node(one)
    for one in loaded.nodes:
        made = met[id(one)]
        for index, above in enumerate(one.inputs):
            if above is not None and not made.setInput(index, met[id(above)]):
                raise RuntimeError(f"{made.name()}: has no input {index}")
    while _LATER:
        knob, value = _LATER.pop()
        knob._take(value)


def _node(loaded: scripts.Loaded) -> Node:
    made = make(loaded.kind, loaded.name, opened=False)
    if not isinstance(made, Gizmo):
        _user_knobs(made, loaded)
    _fill(made, loaded)
    if isinstance(made, Group) and not isinstance(made, Gizmo):
        _inside(made, loaded)
    return made


def open_script(text: str, path: str = "") -> None:
    """Open a script: all of it is made before any callback is called, as Nuke does."""
    loaded = scripts.load(text)
    assert world.root is not None
    world.root._knobs["name"]._take(path)
    for name, value in loaded.knobs.items():
        if name not in ("name",):
            world.root[name]._take(value)
    _inside(world.root, loaded)
    for node in world.root.nodes():
        open_node(node)


def _blink_knobs(node: Node) -> None:
    """The knobs that a kernel's description asks for; the description must be of this very text."""
    words = scripts.split(str(node["KernelDescription"].value()))
    kernel, images = words[1], int(words[5])
    at = 6 + 3 * images
    for index in range(int(words[at])):
        label, kind, size, default = words[at + 1 + 4 * index : at + 5 + 4 * index]
        count = len(base64.b64decode(default)) // 4 - (kind == "Float" and size == "3")
        knob = node._add(_BLINK_KNOBS[kind, count](), f"{kernel}_{label}")
        assert isinstance(knob, knobs.Array_Knob)
        code = "i" if kind == "Int" else "f"
        numbers = struct.unpack(f"<{count}{code}", base64.b64decode(default)[: 4 * count])
        knob._values = [knob._number(number) for number in numbers]
