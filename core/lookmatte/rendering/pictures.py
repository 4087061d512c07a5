"""Reference pictures that a process which lives on keeps in memory: as looks take them, and as sheets show them."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from torch import Tensor

from lookmatte.imaging.sheet import Tile
from lookmatte.job import StyleRef
from lookmatte.looks.style import Reference
from lookmatte.rendering.styles import load_style
from lookmatte.rendering.view import shrink, style_picture

KEPT = 64
"""Pictures that are kept, each a few MiB."""

T = TypeVar("T")


class Pictures:
    """Reads references when they are first asked for, and again when one of their files has changed."""

    def __init__(self) -> None:
        self._kept: OrderedDict[object, object] = OrderedDict()

    def reference(self, style: StyleRef, view: str | None) -> Reference:
        """As :func:`~lookmatte.rendering.styles.load_style`."""
        return self._keep(("reference", style, view), style, lambda: _Remembering(load_style(style, view)))

    def tile(self, style: StyleRef, view: str | None, box: tuple[int, int]) -> Tile:
        """The picture as a file shows it, fitted into a box (width, height)."""
        return self._keep(("tile", style, view, box), style, lambda: shrink(style_picture(style, view), box))

    def _keep(self, what: object, style: StyleRef, make: Callable[[], T]) -> T:
        key = (what, os.environ.get("OCIO"), _stamp(style.image), _stamp(style.matte))
        if key not in self._kept:
            made = make()
            self._kept[key] = made
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            return made
        self._kept.move_to_end(key)
        found: T = self._kept[key]  # type: ignore[assignment]  # the key says of what kind it is
        return found


def _stamp(name: str | None) -> tuple[int, ...]:
    """What tells a file from the one that it was."""
    if name is None:
        return ()
    try:
        status = Path(name).stat()
    except OSError:
        return ()
    return status.st_size, status.st_mtime_ns, status.st_ino


class _Remembering:
    """A reference that keeps what models reduced it to."""

    def __init__(self, reference: Reference) -> None:
        self._reference = reference
        self._reduced: dict[str, dict[str, Tensor]] = {}

    @property
    def rgb(self) -> Tensor:
        return self._reference.rgb

    @property
    def weight(self) -> Tensor:
        return self._reference.weight

    @property
    def name(self) -> str:
        return self._reference.name

    def recall(self, model: str) -> dict[str, Tensor] | None:
        if model not in self._reduced:
            found = self._reference.recall(model)
            if found is None:
                return None
            self._reduced[model] = found
        return self._reduced[model]

    def keep(self, model: str, tensors: dict[str, Tensor]) -> None:
        self._reduced[model] = tensors
        self._reference.keep(model, tensors)
