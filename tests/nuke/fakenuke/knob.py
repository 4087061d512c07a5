"""Knobs: each takes what Nuke's takes, and refuses the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from expressions import parse
from scripts import split

from .world import world

if TYPE_CHECKING:
    from .node import Node

_ESCAPES = {"\\": "\\\\", '"': '\\"', "[": "\\[", "{": "\\{", "}": "\\}", "$": "\\$", "\n": "\\n"}


class Knob:
    """A knob of a node."""

    def __init__(self, name: str = "", label: str = "") -> None:
        self._name, self._label = name, label
        self._node: Node | None = None
        self._tooltip = ""
        self._flags = 0
        self._enabled = True
        self._user = False
        self._default: str | None = None

    def Class(self) -> str:
        return type(self).__name__

    def name(self) -> str:
        return self._name

    def label(self) -> str:
        return self._label

    def tooltip(self) -> str:
        return self._tooltip

    def node(self) -> Node:
        self._here()
        assert self._node is not None
        return self._node

    def enabled(self) -> bool:
        return self._enabled

    def setEnabled(self, enabled: bool) -> None:
        self._here()
        self._enabled = bool(enabled)

    def setFlag(self, flag: int) -> None:
        self._here()
        self._flags |= flag

    def getFlag(self, flag: int) -> bool:
        return bool(self._flags & flag)

    def isAnimated(self, channel: int = -1) -> bool:
        return False

    def hasExpression(self, index: int = -1) -> bool:
        return False

    def value(self) -> Any:
        raise NotImplementedError

    def getValue(self) -> Any:
        return self.value()

    def setValue(self, val: Any) -> Any:
        raise NotImplementedError

    def toScript(self) -> str:
        raise NotImplementedError

    def fromScript(self, script: str) -> None:
        self._here()
        self._take(script)

    def _take(self, script: str) -> None:
        """Read a value as a script has it, one word of Tcl that was read already."""
        raise NotImplementedError

    def _here(self) -> None:
        world.here(f"the knob {self._name} is used")
        if self._node is not None:
            self._node._alive()

    def _changed(self) -> None:
        if self._node is not None and self._node._opened:
            world.call("knobChanged", self._node, self)


class _Text(Knob):
    """A text, whatever it stands for."""

    def __init__(self, name: str = "", label: str = "") -> None:
        super().__init__(name, label)
        self._text = ""

    def value(self) -> str:
        self._here()
        return self._text

    def setValue(self, val: str) -> bool:
        self._here()
        if not isinstance(val, str):
            raise TypeError(f"{self._name}: a text is wanted, not {val!r}")
        self._text = val
        self._changed()
        return True

    def toScript(self) -> str:
        self._here()
        return '"' + "".join(_ESCAPES.get(letter, letter) for letter in self._text) + '"'

    def _take(self, script: str) -> None:
        self._text = script


class String_Knob(_Text):
    """A text."""

    def getText(self) -> str:
        return self.value()


class EvalString_Knob(String_Knob):
    """A text with pieces of Tcl."""

    def evaluate(self) -> str:
        self._here()
        assert self._node is not None
        return self._node._filled(self._text)


class File_Knob(EvalString_Knob):
    """A path."""


class Text_Knob(_Text):
    """A line of text in the panel."""


class Tab_Knob(Knob):
    """A tab, or a group's begin or end."""

    def value(self) -> bool:
        return False

    def toScript(self) -> str:
        return ""

    def _take(self, script: str) -> None:
        pass


class PyScript_Knob(String_Knob):
    """A button."""

    def execute(self) -> None:
        self._here()
        node = self.node()
        world.this.append((node, self))
        try:
            exec(self._text, {"__name__": "__main__"})
        finally:
            world.this.pop()


class Channel_Knob(_Text):
    """One channel, LAYER.CHANNEL."""

    _single = True

    def setValue(self, name: str) -> bool:
        if self._single and name not in ("none", "alpha") and "." not in name:
            raise ValueError(f"{self._name}: {name!r} is no channel")
        return super().setValue(name)


class ChannelMask_Knob(Channel_Knob):
    """A layer, or all."""

    _single = False


class Array_Knob(Knob):
    """Numbers, each of which may have a curve or an expression."""

    _size = 1

    def __init__(self, name: str = "", label: str = "") -> None:
        super().__init__(name, label)
        self._values: list[Any] = [self._number(0)] * self._size

    def _number(self, value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise TypeError(f"{self._name}: a number is wanted, not {value!r}")
        return float(value)

    def isAnimated(self, channel: int = -1) -> bool:
        return any(isinstance(one, Curve) for one in self._values)

    def hasExpression(self, index: int = -1) -> bool:
        self._here()
        return any(isinstance(one, str) for one in self._values)

    def getValueAt(self, frame: float, index: int = 0, view: str | None = None) -> Any:
        self._here()
        return self._at(frame, index)

    def _at(self, frame: float, index: int) -> Any:
        value = self._values[index]
        if isinstance(value, Curve):
            return self._number(value.at(frame))
        if isinstance(value, str):
            assert self._node is not None
            return self._node._worth(value, frame)
        return value

    def getValue(self, channel: int = 0) -> float:
        return float(self.getValueAt(world.frame, channel))

    def value(self, index: int = 0) -> Any:
        return self.getValueAt(world.frame, index)

    def setValue(self, val: Any, chan: int = 0) -> bool:
        self._here()
        for at, one in enumerate(val if isinstance(val, Sequence) and not isinstance(val, str) else [val]):
            if not 0 <= chan + at < len(self._values):
                raise IndexError(f"{self._name} has {len(self._values)} numbers, no number {chan + at}")
            self._values[chan + at] = self._number(one)
        self._changed()
        return True

    def setValueAt(self, val: float, time: float, index: int = 0, view: str | None = None) -> bool:
        self._here()
        curve = self._values[index] if isinstance(self._values[index], Curve) else Curve([])
        keys = {at: (value, step) for at, value, step in curve.keys}
        keys[float(time)] = (float(self._number(val)), False)
        self._values[index] = Curve([(at, *keys[at]) for at in sorted(keys)])
        self._changed()
        return True

    def setExpression(self, expression: str, channel: int = 0, view: str | None = None) -> bool:
        self._here()
        parse(expression)
        self._values[channel] = expression
        self._changed()
        return True

    def toScript(self) -> str:
        self._here()
        texts = []
        for one in self._values:
            if isinstance(one, Curve):
                texts.append("{" + one.text() + "}")
            elif isinstance(one, str):
                texts.append('{"' + one.replace("$", "\\$").replace("[", "\\[") + '"}')
            else:
                texts.append(f"{one:.9g}")
        alone = len(texts) == 1 and not texts[0].startswith("{")
        return texts[0] if alone else "{" + " ".join(texts) + "}"

    def _take(self, script: str) -> None:
        found: list[Any] = []
        for one in split(script):
            words = split(one)
            if words[:1] == ["curve"]:
                found.append(Curve.read(words[1:]))
                continue
            try:
                found.append(self._number(float(one)))
            except ValueError:
                text = words[0] if len(words) == 1 else one
                parse(text)
                found.append(text)
        if len(found) == 1 and self._size > 1:
            found *= self._size
        if len(found) != len(self._values):
            raise ValueError(f"{self._name} has {len(self._values)} numbers, not {len(found)}: {script[:60]}")
        self._values = found


    def fromScript(self, script: str) -> None:
        """A value as a script's word, or in the braces that ``toScript`` puts around it."""
        inner = split(script)
        if len(inner) == 1 and (self._size > 1 or script.lstrip().startswith("{{")):
            script = inner[0]
        super().fromScript(script)


class Double_Knob(Array_Knob):
    """A number."""


class Int_Knob(Array_Knob):
    """A whole number."""

    def value(self) -> int:  # type: ignore[override]
        return int(super().value())

    def setValue(self, val: int) -> bool:  # type: ignore[override]
        return super().setValue(val)

    def _number(self, value: Any) -> Any:
        if super()._number(value) != int(value):
            raise TypeError(f"{self._name}: a whole number is wanted, not {value!r}")
        return int(value)


class Boolean_Knob(Array_Knob):
    """Yes or no."""

    def _number(self, value: Any) -> Any:
        if value not in (0, 1):
            raise TypeError(f"{self._name}: yes or no is wanted, not {value!r}")
        return bool(value)

    def value(self) -> bool:  # type: ignore[override]
        return bool(super().value())

    def setValue(self, b: bool) -> bool:  # type: ignore[override]
        return super().setValue(b)

    def _take(self, script: str) -> None:
        if script in ("true", "false"):
            self._values = [script == "true"]
        else:
            super()._take(script)

    def toScript(self) -> str:
        self._here()
        return ("false", "true")[self._values[0]] if isinstance(self._values[0], bool) else super().toScript()


class XYZ_Knob(Array_Knob):
    """Three numbers."""

    _size = 3
    _parts = ("x", "y", "z")

    def value(self, n: int) -> float:  # type: ignore[override]
        return float(super().value(n))


class AColor_Knob(Array_Knob):
    """Four numbers."""

    _size = 4
    _parts = ("r", "g", "b", "a")


class BBox_Knob(Array_Knob):
    """A rectangle."""

    _size = 4
    _parts = ("x", "y", "r", "t")


class Enumeration_Knob(Array_Knob):
    """One of several words."""

    def __init__(self, name: str = "", label: str = "", values: Sequence[str] = ()) -> None:
        self._words = list(values)
        super().__init__(name, label)

    def _number(self, value: Any) -> Any:
        if not isinstance(value, int) or not 0 <= value < max(len(self._words), 1):
            raise ValueError(f"{self._name}: there is no entry {value!r}")
        return value

    def values(self) -> list[str]:
        return list(self._words)

    def value(self) -> str:  # type: ignore[override]
        self._here()
        return self._words[self._values[0]] if self._words else ""

    def setValue(self, val: str | int, chan: int = 0) -> bool:
        self._here()
        if isinstance(val, str):
            if val not in self._words:
                raise TypeError(f"{self._name}: {val!r} is none of {self._words}")
            val = self._words.index(val)
        return super().setValue(int(val))

    def toScript(self) -> str:
        return '"' + self.value() + '"'

    def _take(self, script: str) -> None:
        if script not in self._words:
            raise ValueError(f"{self._name}: {script!r} is none of {self._words}")
        self._values = [self._words.index(script)]


class Link_Knob(Knob):
    """Stands for a knob of a node inside a group."""

    def __init__(self, name: str = "", label: str = "", target: str = "") -> None:
        super().__init__(name, label)
        self._target = target

    def getLinkedKnob(self) -> Knob:
        self._here()
        assert self._node is not None
        node, _, knob = self._target.partition(".")
        found = self._node.node(node)  # type: ignore[attr-defined]
        return found[knob]  # type: ignore[no-any-return]

    def value(self) -> str:
        raise RuntimeError(f"{self._name} is a link: what its own value is differs between versions of Nuke")

    def toScript(self) -> str:
        return self.getLinkedKnob().toScript()

    def _take(self, script: str) -> None:
        self.getLinkedKnob()._take(script)


@dataclass
class Curve:
    """Keys as (frame, value, step); a step holds its value up to the next key, others are joined by lines."""

    keys: list[tuple[float, float, bool]]

    @staticmethod
    def read(words: Sequence[str]) -> Curve:
        keys: list[tuple[float, float, bool]] = []
        step, at = False, 0.0
        for word in words:
            if word in ("K", "L"):
                step = word == "K"
            elif word.startswith("x"):
                at = float(word[1:])
            else:
                keys.append((at, float(word), step))
                at += 1
        if not keys or sorted(keys) != keys:
            raise ValueError(f"curve {' '.join(words)}: no keys, or not in order")
        return Curve(keys)

    def text(self) -> str:
        return "curve " + " ".join(f"{'K' if step else 'L'} x{at:g} {value:.9g}" for at, value, step in self.keys)

    def at(self, frame: float) -> float:
        before = [key for key in self.keys if key[0] <= frame]
        if not before:
            return self.keys[0][1]
        start = before[-1]
        if start is self.keys[-1] or start[2]:
            return start[1]
        end = self.keys[len(before)]
        return start[1] + (end[1] - start[1]) * (frame - start[0]) / (end[0] - start[0])
