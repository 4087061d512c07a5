"""A decoded image file: its parts, their channels as stored, and which of them are the plate's colour."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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
        """Locate a channel by its full name, or by ``part.name`` plus name, ignoring case when that is unambiguous.

        Raises FrameError that names the nearest channels.
        """
        exact: list[tuple[int, str]] = []
        folded: list[tuple[int, str]] = []
        every: list[str] = []
        for index, part in enumerate(self.parts):
            for name in part.channels:
                every.append(name)
                spellings = {name, f"{part.name}.{name}"}
                if channel in spellings:
                    exact.append((index, name))
                elif channel.casefold() in {spelling.casefold() for spelling in spellings}:
                    folded.append((index, name))
        if exact:
            return exact[0]
        if len(folded) == 1:
            return folded[0]
        raise FrameError(f"{self.path.name}: no channel {channel!r}{nearest(channel, every)}")
