"""Which channels of a file are the plate's colour."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from lookmatte.errors import FrameError, nearest

Key = tuple[int, str]

COMPONENTS = {"r": 0, "red": 0, "g": 1, "green": 1, "b": 2, "blue": 2, "a": 3, "alpha": 3}
_MAIN = {"", "combined", "rgba", "rgb", "beauty", "main", "default", "color", "colour", "composite"}
_CRYPTOMATTE_LAYER = re.compile(r"cryptomatte|(^|[._]|u)crypto[_ ]?(object|material|asset)?\d*$")
_CRYPTOMATTE_NAME = re.compile(r"cryptomatte/[^/]+/name$")


class PartLike(Protocol):
    """What is asked of a part: its name, attributes, and channels by full name."""

    @property
    def name(self) -> str: ...
    @property
    def attributes(self) -> Mapping[str, Any]: ...
    @property
    def channels(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True)
class Plate:
    """The plate's colour: (part index, channel name) of red, green, blue and, where there is one, alpha."""

    rgb: tuple[Key, Key, Key]
    alpha: Key | None
    note: str | None = None


@dataclass(frozen=True)
class _Layer:
    part: int
    part_name: str
    prefix: str
    view: str
    rgb: tuple[str, str, str]
    alpha: str | None

    @property
    def label(self) -> str:
        if self.prefix.startswith(self.part_name):
            return self.prefix or "RGB"
        return ".".join(name for name in (self.part_name, self.prefix) if name)

    @property
    def names(self) -> set[str]:
        """Every spelling by which a person may choose this layer."""
        spellings = {self.part_name, self.prefix, self.label, self.view}
        return {name.casefold() for name in spellings if name}

    @property
    def rank(self) -> int:
        """0: unnamed layer; 1: named as a beauty pass is; 2: unnamed, in a named part; 3: all others."""
        part = self.part_name
        if self.view and part.casefold().endswith(self.view.casefold()):
            part = part[: -len(self.view)].rstrip("._ ")
        leaf = (self.prefix or part).rpartition(".")[2].casefold()
        if not self.prefix:
            return 0 if part.casefold() in _MAIN else (1 if leaf in _MAIN else 2)
        return 1 if leaf in _MAIN else 3


def find_plate(file_name: str, parts: Sequence[PartLike], choice: str | None = None) -> Plate:
    """Find the plate's colour among ``parts``.

    In this order: R, G, B (A) of an unnamed layer; a layer called Combined, rgba or beauty (below any view
    layer's name); another unnamed layer; any other RGB triple. Cryptomatte layers and integer channels never
    count. Of several equals the default view comes first, then the first in file order, and ``note`` says so.
    ``choice`` names a part, a layer or a view instead. Raises FrameError that names the channels there are.
    """
    layers = _layers(parts)
    many = len(parts) > 1
    every = [f"{part.name}.{name}" if part.name and many else name for part in parts for name in part.channels]
    if choice is not None:
        layers = [layer for layer in layers if choice.casefold() in layer.names]
        if not layers:
            known = [layer.label for layer in _layers(parts)]
            raise FrameError(
                f"{file_name}: no part, layer or view {choice!r} with red, green and blue{nearest(choice, known)}"
            )
    if not layers:
        if every == ["Y"] or every == ["L"]:
            raise FrameError(f"{file_name}: has only the channel {every[0]!r}; a plate needs R, G and B")
        shown = ", ".join(every[:12]) + (f" and {len(every) - 12} more" if len(every) > 12 else "")
        integers = {str(part.name) for part in parts for value in part.channels.values() if _is_integer(value)}
        hint = "; integers cannot be styled, render it as half or float" if integers else "; render a beauty pass"
        raise FrameError(f"{file_name}: no red, green and blue to style; its channels are {shown}{hint}")
    multi_view = (part.attributes.get("multiView") for part in parts)
    default = next((views[0] for views in multi_view if isinstance(views, tuple) and views), None)
    best = min(layer.rank for layer in layers)
    equals = [layer for layer in layers if layer.rank == best]
    equals.sort(key=lambda layer: layer.view != default if default and layer.view else False)
    chosen = equals[0]
    note = None
    if len(equals) > 1:
        others = ", ".join(layer.label for layer in equals[1:7])
        note = f"plate colour is {chosen.label} (also there: {others}); the job's plate.part chooses another"
    index, (red, green, blue) = chosen.part, chosen.rgb
    alpha = None if chosen.alpha is None else (index, chosen.alpha)
    return Plate(((index, red), (index, green), (index, blue)), alpha, note)


def _is_integer(value: Any) -> bool:
    return bool(getattr(value, "dtype", value) == np.dtype(np.uint32))


def _layers(parts: Sequence[PartLike]) -> list[_Layer]:
    """All RGB triples in file order."""
    mattes = {
        str(value).casefold()
        for part in parts
        for name, value in part.attributes.items()
        if _CRYPTOMATTE_NAME.match(name)
    }

    def is_matte(name: str) -> bool:
        folded = name.casefold()
        return _CRYPTOMATTE_LAYER.search(folded) is not None or folded.rstrip("0123456789") in mattes

    found = []
    for index, part in enumerate(parts):
        groups: dict[str, dict[int, str]] = {}
        for name, value in part.channels.items():
            prefix, _, leaf = name.rpartition(".")
            component = COMPONENTS.get(leaf.casefold())
            if component is None or _is_integer(value):
                continue
            groups.setdefault(prefix, {}).setdefault(component, name)
        view = str(part.attributes.get("view", ""))
        for prefix, group in groups.items():
            if {0, 1, 2} <= group.keys() and not is_matte(prefix or part.name):
                rgb = (group[0], group[1], group[2])
                found.append(_Layer(index, part.name, prefix, view, rgb, group.get(3)))
    return found
