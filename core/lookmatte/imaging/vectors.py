"""Blender's Vector pass: where each pixel of a frame was on the frame before, and where it will be on the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lookmatte.imaging.frame import Channels, Window
from lookmatte.imaging.plate import Key
from lookmatte.imaging.reader import read_header, read_parts

Flow = NDArray[np.float32]
"""(h, w, 2): where a pixel goes, in pixels, x to the right, y downwards."""

_AXES = "XYZW"


@dataclass(frozen=True)
class Vectors:
    """The motion of the pixels of a data window to the next frame and to the previous one."""

    to_next: Flow
    to_previous: Flow
    data_window: Window
    display_window: Window

    @property
    def still(self) -> bool:
        """Is all of it zero? So it is where nothing moves, and so Blender writes it while motion blur is on."""
        return not self.to_next.any() and not self.to_previous.any()

    def backwards(self, cells: int) -> NDArray[np.float32]:
        """The motion to the previous frame at the centres of ``cells`` x ``cells`` cells of the display window:
        (2, cells, cells), x first, in cells. NaN where nobody knows: beyond the data window, and where the pass
        holds exactly 0, for so it does in the sky however the camera moves."""
        data, display = self.data_window, self.display_window
        centres = (np.arange(cells) + 0.5) / cells
        x = np.floor(centres * display.width).astype(np.int64) + display.x - data.x
        y = np.floor(centres * display.height).astype(np.int64) + display.y - data.y
        there: NDArray[np.bool_] = ((y >= 0) & (y < data.height))[:, None] & ((x >= 0) & (x < data.width))
        rows, columns = y.clip(0, data.height - 1), x.clip(0, data.width - 1)
        inside, coming = (flow[rows][:, columns] for flow in (self.to_previous, self.to_next))
        there &= inside.any(axis=2) | coming.any(axis=2)
        scaled = inside * np.array([cells / display.width, cells / display.height], np.float32)
        found: NDArray[np.float32] = np.where(there, scaled.transpose(2, 0, 1), np.float32(np.nan))
        return found


def read_vectors(path: Path, *, plate_part: str | None = None) -> Vectors | None:
    """The Vector pass of a file, None where it has none; of several view layers' that of the plate's.

    Blender stores X, Y: previous position minus current one; Z, W: current minus next; y upwards. Raises FrameError
    for a file that cannot be read.
    """
    header = read_header(path, plate_part=plate_part)
    layer = header.plate.rgb[0][1].rpartition(".")[0].rpartition(".")[0] if header.plate is not None else ""
    keys = _find(header.parts, layer)
    if keys is None:
        return None
    parts = read_parts(path, only=set(keys))
    x, y, z, w = (parts[index].channels[name].astype(np.float32) for index, name in keys)
    part = header.parts[keys[0][0]]
    return Vectors(np.stack([-z, w], axis=2), np.stack([x, -y], axis=2), part.data_window, part.display_window)


def _find(parts: Sequence[Channels], layer: str) -> list[Key] | None:
    """X, Y, Z and W of a pass called Vector, of this view layer first; None unless all four are there."""
    passes: dict[tuple[int, str], dict[str, str]] = {}
    for index, part in enumerate(parts):
        for name in part.channels:
            label = name if "." in name else f"{part.name}.{name}"
            stem, _, axis = label.rpartition(".")
            if stem.rpartition(".")[2].casefold() == "vector" and axis.upper() in _AXES:
                passes.setdefault((index, stem), {})[axis.upper()] = name
    whole = [place for place, found in passes.items() if len(found) == len(_AXES)]
    if not whole:
        return None
    best = next((place for place in whole if place[1].rpartition(".")[0] == layer), whole[0])
    return [(best[0], passes[best][axis]) for axis in _AXES]
