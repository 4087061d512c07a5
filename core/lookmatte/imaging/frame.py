"""A decoded image file: its parts, their channels as stored, and which of them are the plate's colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lookmatte.errors import FrameError, nearest

Pixels = NDArray[Any]  # (height, width), float16, float32 or uint32: the type that the file stores
Weight = NDArray[np.float32]


@dataclass(frozen=True)
class Window:
    """A rectangle of pixels; ``x`` and ``y`` (rows downwards) may be negative, as overscan has it."""

    x: int
    y: int
    width: int
    height: int


@dataclass
class Part:
    """One part (OpenImageIO: subimage) of a file.

    ``channels`` maps full channel names to (height, width) arrays over the data window, in the file's order
    and in the stored type (float16, float32, uint32). Arrays may be views into one interleaved block, are
    writable, and are changed in place by ``apply``. ``header`` belongs to the reader and the writer: whatever
    is needed to write the part back with every attribute.
    """

    name: str
    channels: dict[str, Pixels]
    data_window: Window
    display_window: Window
    attributes: dict[str, Any] = field(default_factory=dict)
    compression: str = "zip"
    header: Any = None


@dataclass
class Frame:
    """A decoded file. ``rgb`` and ``alpha`` name the plate's colour: (part index, channel name)."""

    path: Path
    parts: list[Part]
    rgb: tuple[tuple[int, str], tuple[int, str], tuple[int, str]]
    alpha: tuple[int, str] | None
    notes: list[str] = field(default_factory=list)

    @property
    def plate(self) -> Part:
        """The part that holds the plate's colour."""
        return self.parts[self.rgb[0][0]]

    def pixels(self, key: tuple[int, str]) -> Pixels:
        """The stored array of one channel, writable, (height, width)."""
        return self.parts[key[0]].channels[key[1]]

    def find(self, channel: str) -> tuple[int, str]:
        """Locate a channel: see :func:`find_channel`."""
        return find_channel(self.path.name, self.parts, self.rgb[0][0], channel)


class Channels(Protocol):
    """What finding a channel needs of a part, decoded or not."""

    @property
    def name(self) -> str: ...
    @property
    def channels(self) -> Mapping[str, Any]: ...
    @property
    def attributes(self) -> Mapping[str, Any]: ...


def find_channel(file: str, parts: Sequence[Channels], plate: int, channel: str) -> tuple[int, str]:
    """Locate a channel by its full name, or by its part's name, a dot and its name; case counts only where the
    exact spelling is there.

    Where several parts have it, the ``plate``'s own part counts, then its view: the left eye's matte belongs
    to the left eye. Raises FrameError that names the nearest channels, or the spellings to choose from.
    """
    exact: list[tuple[int, str]] = []
    folded: list[tuple[int, str]] = []
    for index, part in enumerate(parts):
        for name in part.channels:
            spellings = {name, f"{part.name}.{name}"}
            if channel in spellings:
                exact.append((index, name))
            elif channel.casefold() in {spelling.casefold() for spelling in spellings}:
                folded.append((index, name))
    found = exact or folded
    view = parts[plate].attributes.get("view")
    own = [key for key in found if key[0] == plate]
    found = own or [key for key in found if view and parts[key[0]].attributes.get("view") == view] or found
    if len(found) == 1:
        return found[0]
    if found:
        choices = ", ".join(f"{parts[index].name}.{name}" for index, name in found)
        raise FrameError(f"{file}: several channels are called {channel!r}; write one of {choices}")
    every = dict.fromkeys(name for part in parts for name in part.channels)
    raise FrameError(f"{file}: no channel {channel!r}{nearest(channel, every)}")
