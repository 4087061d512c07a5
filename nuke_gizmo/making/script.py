"""Nuke's scripts as text: nodes on a stack, written as Nuke writes them.

>>> script = Script()
>>> src = script.node("Input", "src", inputs=[])
>>> dim = script.node("Grade", "Dim", inputs=[src], white=0.5)
>>> script.node("Copy", "Back", inputs=[src, dim], from0="rgba.red")
Ref(name='Back', number=2)
>>> print(script.text())
Input {
 inputs 0
 name src
}
set N0 [stack 0]
Grade {
 white 0.5
 name Dim
}
push $N0
Copy {
 inputs 2
 from0 rgba.red
 name Back
}
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

Value = bool | int | float | str
_PLAIN = re.compile(r"[A-Za-z0-9_./%+*<>=:,@-]+")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "[": "\\[", "{": "\\{", "}": "\\}", "$": "\\$", "\n": "\\n", "\t": "\\t"}


def quoted(text: str) -> str:
    """A text as one word of Tcl, whatever it holds, in quotes."""
    return '"' + "".join(_ESCAPES.get(letter, letter) for letter in text) + '"'


def word(value: Value) -> str:
    """A value as one word of Tcl."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(int(value)) if abs(value) < 1e15 and value == int(value) else repr(value)
    return value if _PLAIN.fullmatch(value) else quoted(value)


def words(values: Sequence[Value]) -> str:
    """Values as a list of Tcl."""
    return "{" + " ".join(word(value) for value in values) + "}"


@dataclass(frozen=True)
class Expression:
    """What a knob is bound to, one expression for each of its values."""

    parts: tuple[str, ...]

    def text(self) -> str:
        """As a knob's value is written: a pair of braces more than a list."""
        single = [f"{{{one}}}" if _PLAIN.fullmatch(one) else f"{{{quoted(one)}}}" for one in self.parts]
        return "{" + " ".join(single) + "}"


@dataclass(frozen=True)
class Verbatim:
    """A value that is Tcl already."""

    tcl: str


KnobValue = Value | Expression | Verbatim


@dataclass(frozen=True)
class Ref:
    """A node that was written."""

    name: str
    number: int


@dataclass
class _Node:
    kind: str
    name: str
    inputs: Sequence[Ref | None]
    knobs: dict[str, KnobValue]


@dataclass
class Script:
    """Nodes in the order in which they are written; ``text`` keeps the stack."""

    _nodes: list[_Node] = field(default_factory=list)

    def node(
        self, kind: str, name: str, inputs: Sequence[Ref | None], **knobs: KnobValue
    ) -> Ref:
        """Add a node; ``inputs`` in the node's own order, None for one that is not connected."""
        self._nodes.append(_Node(kind, name, inputs, knobs))
        return Ref(name, len(self._nodes) - 1)

    def text(self, indent: str = "") -> str:
        """The nodes as a script's text. Each line begins with ``indent``, but those inside a value."""
        uses = [0] * len(self._nodes)
        for node in self._nodes:
            for ref in node.inputs:
                if ref is not None:
                    uses[ref.number] += 1
        out: list[str] = []
        for number, node in enumerate(self._nodes):
            # What was written just before lies on top of the stack already, and may stay there for its only user.
            direct = len(node.inputs) == 1 and node.inputs[0] == Ref(self._nodes[number - 1].name, number - 1)
            if not direct:
                # The top of the stack is input 0.
                out += [f"push ${_variable(ref)}" if ref is not None else "push 0" for ref in reversed(node.inputs)]
            out += self._body(node, indent)
            following = self._nodes[number + 1].inputs if number + 1 < len(self._nodes) else ()
            alone = len(following) == 1 and following[0] == Ref(node.name, number) and uses[number] == 1
            if uses[number] and not alone:
                out.append(f"set {_variable(Ref(node.name, number))} [stack 0]")
        return "\n".join(out) + "\n"

    @staticmethod
    def _body(node: _Node, indent: str) -> list[str]:
        lines = [f"{indent}{node.kind} {{"]
        if len(node.inputs) != 1:
            lines.append(f"{indent} inputs {len(node.inputs)}")
        for name, value in node.knobs.items():
            if isinstance(value, Expression):
                text = value.text()
            elif isinstance(value, Verbatim):
                text = value.tcl
            else:
                text = word(value)
            lines.append(f"{indent} {word(name)} {text}")
        return [*lines, f"{indent} name {word(node.name)}", f"{indent}}}"]


def _variable(ref: Ref) -> str:
    return f"N{ref.number}"
