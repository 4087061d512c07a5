"""Pictures laid out on a dark ground: what previews and contact sheets are made of. Numpy alone, but for text.

Everything is display-referred: tiles are (height, width, 3) float32 in [0, 1], as a screen shows them.
"""

from __future__ import annotations

import colorsys
import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Tile = NDArray[np.float32]
Colour = tuple[float, float, float]

GROUND: Colour = (0.095, 0.095, 0.095)
EDGE: Colour = (0.17, 0.17, 0.17)
INK: Colour = (0.80, 0.80, 0.80)
FAINT: Colour = (0.50, 0.50, 0.50)
# Around middle grey, so that neither a dark nor a bright object is lost on it.
CHECKER = (0.42, 0.47)
SQUARE = 12

FONT = "DroidSans"  # comes with OpenImageIO
TEXT, LINE, GAP, BORDER = 20, 38, 16, 5


@dataclass(frozen=True)
class Tint:
    """The colour that stands for a region, and what to call it."""

    name: str
    rgb: Colour

    @property
    def hex(self) -> str:
        """``#rrggbb``."""
        return "#" + "".join(f"{round(255 * value):02x}" for value in self.rgb)


REST_TINT = Tint("slate", (0.40, 0.50, 0.68))
_TINTS = (
    Tint("amber", (1.00, 0.62, 0.08)),
    Tint("cyan", (0.08, 0.74, 0.95)),
    Tint("magenta", (0.95, 0.26, 0.62)),
    Tint("green", (0.42, 0.82, 0.26)),
    Tint("violet", (0.64, 0.44, 1.00)),
    Tint("red", (0.96, 0.28, 0.20)),
    Tint("yellow", (0.96, 0.92, 0.28)),
    Tint("teal", (0.06, 0.72, 0.58)),
)


def tint(index: int) -> Tint:
    """The colour of region ``index``: named ones first, then hues a golden angle apart."""
    if index < len(_TINTS):
        return _TINTS[index]
    turn = index - len(_TINTS)
    made = Tint("", colorsys.hls_to_rgb((0.05 + turn * 0.618034) % 1.0, 0.55 + 0.1 * (turn % 3), 0.75))
    return Tint(made.hex, made.rgb)


def fit(width: float, height: float, box: tuple[int, int]) -> tuple[int, int]:
    """The largest (width, height) of the same shape in a box, in whole pixels, none below 8."""
    scale = min(box[0] / width, box[1] / height)
    return max(8, round(width * scale)), max(8, round(height * scale))


@dataclass(frozen=True)
class Entry:
    """A picture of a gallery: its frame's colour, and a caption of a name in that colour and a detail."""

    tile: Tile
    colour: Colour
    name: str
    detail: str

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) with the frame."""
        return self.tile.shape[1] + 2 * BORDER, self.tile.shape[0] + 2 * BORDER


class Gallery:
    """Framed pictures with captions side by side, in as many rows as it takes within ``width``."""

    def __init__(self, entries: Iterable[Entry], width: int) -> None:
        self.rows: list[list[Entry]] = []
        x = 0
        for entry in entries:
            if not self.rows or x + entry.size[0] > width:
                self.rows.append([])
                x = 0
            self.rows[-1].append(entry)
            x += entry.size[0] + GAP

    @property
    def height(self) -> int:
        """With captions."""
        return sum(self._tall(row) for row in self.rows) + GAP * max(0, len(self.rows) - 1)

    @staticmethod
    def _tall(row: list[Entry]) -> int:
        return max(entry.size[1] for entry in row) + LINE

    def draw(self, canvas: Canvas, left: int, y: int) -> None:
        """Set it with its upper left corner at (left, y)."""
        for row in self.rows:
            x = left
            for entry in row:
                wide, tall = entry.size
                canvas.framed(entry.tile, x + BORDER, y + BORDER, entry.colour, BORDER)
                canvas.caption(x, y + tall, entry.name, entry.colour, entry.detail, wide)
                x += wide + GAP
            y += self._tall(row) + GAP


def checker(height: int, width: int) -> Tile:
    """What stands for transparency: (height, width, 3), squares of two greys."""
    odd = (np.arange(height)[:, None] // SQUARE + np.arange(width)[None] // SQUARE) % 2
    grey = np.where(odd, CHECKER[0], CHECKER[1]).astype(np.float32)
    return np.repeat(grey[..., None], 3, axis=2)


class Canvas:
    """A dark ground on which tiles, frames and captions are set; what lies outside is cut off."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._pixels = np.full((height, width, 3), GROUND, dtype=np.float32)

    def paste(self, tile: Tile, x: int, y: int) -> None:
        """Set a tile with its upper left corner at (x, y)."""
        area = self._pixels[y : y + tile.shape[0], x : x + tile.shape[1]]
        area[...] = tile[: area.shape[0], : area.shape[1]]

    def fill(self, x: int, y: int, width: int, height: int, colour: Colour, *, radius: float = 0.0) -> None:
        """A rectangle; with ``radius`` its corners are round and its edge is smooth."""
        area = self._pixels[y : y + height, x : x + width]
        if radius <= 0.0:
            area[...] = colour
            return
        across = np.abs(np.arange(width) + 0.5 - width / 2) - (width / 2 - radius)
        down = np.abs(np.arange(height) + 0.5 - height / 2) - (height / 2 - radius)
        reach = np.hypot(np.maximum(across, 0.0)[None], np.maximum(down, 0.0)[:, None])
        cover = np.clip(radius + 0.5 - reach, 0.0, 1.0).astype(np.float32)[: area.shape[0], : area.shape[1], None]
        area += (np.asarray(colour, np.float32) - area) * cover

    def framed(self, tile: Tile, x: int, y: int, colour: Colour, thickness: int) -> None:
        """A tile at (x, y) in a frame that lies outside it."""
        height, width, _ = tile.shape
        outer = (x - thickness, y - thickness, width + 2 * thickness, height + 2 * thickness)
        self.fill(*outer, colour)
        self.paste(tile, x, y)

    def text(self, x: int, y: int, text: str, size: int, colour: Colour, width: int) -> int:
        """A line of text with its baseline at y, cut to ``width``; returns where it ends (x where no font is)."""
        import OpenImageIO as oiio

        fitted = _cut(text, size, width)
        if not fitted:
            return x
        reach = min(2 * size + width, self.width - x)
        top, bottom = max(0, y - 2 * size), min(self.height, y + size)
        # Drawn on a strip of its own, so that a long canvas is not copied for every caption.
        strip = oiio.ImageBuf(oiio.ImageSpec(reach, bottom - top, 1, "float"))
        oiio.ImageBufAlgo.zero(strip)
        if not oiio.ImageBufAlgo.render_text(strip, 0, y - top, fitted, size, FONT, (1.0,)):
            strip.geterror()
            return x
        cover = np.clip(np.asarray(strip.get_pixels("float"), np.float32).reshape(bottom - top, reach, 1), 0.0, 1.0)
        area = self._pixels[top:bottom, x : x + reach]
        area += (np.asarray(colour, np.float32) - area) * cover
        return x + _extent(fitted, size)

    def caption(self, x: int, y: int, name: str, colour: Colour, detail: str, width: int) -> None:
        """A name and a detail on the line below y, within ``width``."""
        base = y + LINE - 10
        end = self.text(x, base, name, TEXT, colour, width)
        start = end + 12 if end > x else x
        if detail and start < x + width:
            self.text(start, base, detail, TEXT, FAINT, x + width - start)

    def pixels(self) -> NDArray[np.uint8]:
        """The whole as bytes, (height, width, 3)."""
        rounded: NDArray[np.uint8] = np.rint(np.clip(self._pixels, 0.0, 1.0) * 255.0).astype(np.uint8)
        return rounded


def _extent(text: str, size: int) -> int:
    """How far a text reaches to the right, in pixels; 0 where there is no font."""
    import OpenImageIO as oiio

    found = oiio.ImageBufAlgo.text_size(text, size, FONT)
    if not found.defined:
        oiio.geterror()
        return 0
    return int(found.xend)


def _cut(text: str, size: int, width: int) -> str:
    """The text, or as much of its beginning as fits, with an ellipsis; empty where there is no font."""
    extent = _extent(text, size)
    if extent <= width:
        return text if extent else ""
    keep = math.floor(len(text) * width / extent)
    while keep > 0 and _extent(text[:keep].rstrip() + "…", size) > width:
        keep -= 1
    return text[:keep].rstrip() + "…" if keep > 0 else ""
