"""Contact sheets: a row for a pair, its content, its styles, and what each method made of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from lookmatte.evaluation.pictures import Rgb, Weight, resize, to_bytes, to_floats
from lookmatte.imaging.picture import write_png
from lookmatte.imaging.sheet import EDGE, FAINT, GAP, INK, Canvas, Colour, fit, tint

ROWS = 6
CELL = (300, 200)
_MARGIN, _LINE, _TEXT = 24, 26, 15


class Sheets:
    """Writes sheet_001.png, sheet_002.png, ... into a folder, each as soon as its rows are there."""

    def __init__(self, folder: Path, methods: Sequence[str]) -> None:
        self._folder, self._methods = folder, methods
        self._rows: list[tuple[str, list[list[tuple[Rgb, Colour]]]]] = []
        self.paths: list[Path] = []

    def add(
        self, name: str, content: Rgb, weights: Sequence[Weight], styles: Sequence[Rgb], made: dict[str, Rgb]
    ) -> None:
        """A row; regions are outlined on the content in the colour of their style's frame."""
        several = len(styles) > 1
        colours = [tint(index).rgb if several else EDGE for index in range(len(styles))]
        shown = _outlined(content, weights, colours) if several else content
        part = (CELL[0], (CELL[1] - GAP * (len(styles) - 1)) // len(styles))
        looks = [(_tile(style, part), colour) for style, colour in zip(styles, colours, strict=True)]
        row = [[(_tile(shown, CELL), EDGE)], looks]
        row += [[(_tile(made[method], CELL), EDGE)] if method in made else [] for method in self._methods]
        self._rows.append((name, row))
        if len(self._rows) == ROWS:
            self.flush()

    def flush(self) -> None:
        """Write the rows that are waiting."""
        if not self._rows:
            return
        heads = ["content", "style", *self._methods]
        wide = [
            max([120, *(tile.shape[1] for _, row in self._rows for tile, _ in row[column])])
            for column in range(len(heads))
        ]
        high = CELL[1] + _LINE
        across, down = sum(wide) + GAP * len(wide), len(self._rows) * (high + GAP)
        canvas = Canvas(2 * _MARGIN + across, 2 * _MARGIN + _LINE + down)
        x = _MARGIN
        for head, width in zip(heads, wide, strict=True):
            canvas.text(x, _MARGIN + _TEXT, head, _TEXT, INK, width)
            x += width + GAP
        y = _MARGIN + _LINE
        for name, row in self._rows:
            canvas.text(_MARGIN, y + _TEXT, name, _TEXT, FAINT, canvas.width - 2 * _MARGIN)
            x = _MARGIN
            for tiles, width in zip(row, wide, strict=True):
                top = y + _LINE
                for tile, colour in tiles:
                    canvas.framed(tile, x, top, colour, 2)
                    top += tile.shape[0] + GAP
                x += width + GAP
            y += high + GAP
        path = self._folder / f"sheet_{len(self.paths) + 1:03d}.png"
        write_png(path, canvas.pixels())
        self.paths.append(path)
        self._rows = []


def _tile(rgb: Rgb, box: tuple[int, int]) -> Rgb:
    width, height = fit(rgb.shape[1], rgb.shape[0], box)
    return to_floats(resize(to_bytes(rgb), (height, width)))


def _outlined(content: Rgb, weights: Sequence[Weight], colours: Sequence[Colour]) -> Rgb:
    """The content with the inner border of every region drawn in its colour."""
    drawn = content.copy()
    for weight, colour in zip(weights, colours, strict=True):
        inside = (weight > 0.5).astype(np.uint8)
        padded = cv2.copyMakeBorder(inside, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
        border = inside - cv2.erode(padded, np.ones((3, 3), np.uint8))[1:-1, 1:-1]
        drawn[border > 0] = colour
    return drawn
