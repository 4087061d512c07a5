"""Nuke's expressions, as far as the gizmo and its examples use them: what they refer to, and what they are worth.

Numbers, ``frame``, ``$gui``, dotted names of knobs, ``[tcl]``, arithmetic, comparison, ``! && || ?:`` and
functions.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+\.?\d*(?:e-?\d+)?)|(?P<tcl>\[[^\]]*\])|(?P<name>\$?[A-Za-z_][\w.]*)"
    r"|(?P<sign>\|\||&&|==|!=|<=|>=|[-+*/()<>?:,!]))"
)
_BINARY: tuple[dict[str, Callable[[float, float], float]], ...] = (
    {"||": lambda a, b: float(bool(a) or bool(b))},
    {"&&": lambda a, b: float(bool(a) and bool(b))},
    {"==": operator.eq, "!=": operator.ne},
    {"<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge},
    {"+": operator.add, "-": operator.sub},
    {"*": operator.mul, "/": operator.truediv},
)
_FUNCTIONS: dict[str, Callable[..., float]] = {
    "clamp": lambda x, low=0.0, high=1.0: min(max(x, low), high),
    "min": min,
    "max": max,
    "int": lambda x: float(int(x)),
}


class ExpressionError(ValueError):
    """No expression that is read here."""


@dataclass
class Expression:
    """A parsed expression. ``names`` are the knobs that it refers to, ``commands`` its pieces of Tcl."""

    text: str
    names: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    evaluate: Callable[[Callable[[str], float], Callable[[str], float]], float] = lambda name, tcl: 0.0
    """``evaluate(name, tcl)``: asks ``name`` for names, ``frame`` and ``$gui`` among them, and ``tcl`` for Tcl."""


def parse(text: str) -> Expression:
    tokens: list[tuple[str, str]] = []
    at = 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            raise ExpressionError(f"{text!r}: what is {text[at:].strip()[:20]!r}?")
        kind = str(match.lastgroup)
        tokens.append((kind, match[kind]))
        at = match.end()
    parser = _Parser(text, tokens)
    found = parser.choice()
    if parser.tokens:
        raise ExpressionError(f"{text!r}: {parser.tokens[0][1]!r} is too much")
    parser.made.evaluate = found
    return parser.made


class _Parser:
    def __init__(self, text: str, tokens: list[tuple[str, str]]) -> None:
        self.text, self.tokens, self.made = text, tokens, Expression(text)

    def take(self, *signs: str) -> str:
        if self.tokens and self.tokens[0][0] == "sign" and self.tokens[0][1] in signs:
            return self.tokens.pop(0)[1]
        return ""

    def need(self, sign: str) -> None:
        if not self.take(sign):
            raise ExpressionError(f"{self.text!r}: {sign!r} is missing")

    def choice(self) -> Any:
        test = self.binary(0)
        if not self.take("?"):
            return test
        yes = self.choice()
        self.need(":")
        no = self.choice()
        return lambda name, tcl: yes(name, tcl) if test(name, tcl) else no(name, tcl)

    def binary(self, level: int) -> Any:
        if level == len(_BINARY):
            return self.unary()
        left = self.binary(level + 1)
        while sign := self.take(*_BINARY[level]):
            left = self.join(_BINARY[level][sign], left, self.binary(level + 1))
        return left

    @staticmethod
    def join(act: Any, left: Any, right: Any) -> Any:
        return lambda name, tcl: float(act(left(name, tcl), right(name, tcl)))

    def unary(self) -> Any:
        if self.take("!"):
            inner = self.unary()
            return lambda name, tcl: float(not inner(name, tcl))
        if self.take("-"):
            inner = self.unary()
            return lambda name, tcl: -inner(name, tcl)
        return self.atom()

    def atom(self) -> Any:
        if self.take("("):
            inner = self.choice()
            self.need(")")
            return inner
        if not self.tokens or self.tokens[0][0] == "sign":
            raise ExpressionError(f"{self.text!r} ends early")
        kind, word = self.tokens.pop(0)
        if kind == "number":
            return lambda name, tcl: float(word)
        if kind == "tcl":
            self.made.commands.append(word[1:-1])
            return lambda name, tcl: float(tcl(word[1:-1]))
        if self.take("("):
            if word not in _FUNCTIONS:
                raise ExpressionError(f"{self.text!r}: there is no function {word}")
            arguments = [self.choice()]
            while self.take(","):
                arguments.append(self.choice())
            self.need(")")
            return lambda name, tcl: float(_FUNCTIONS[word](*(one(name, tcl) for one in arguments)))
        self.made.names.append(word)
        return lambda name, tcl: float(name(word))
