"""A contact sheet of a rendered job: a strip of the plate over a strip of the look, then regions and styles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from lookmatte.errors import InputError
from lookmatte.imaging.reader import read_frame
from lookmatte.imaging.sheet import (
    BORDER,
    EDGE,
    GAP,
    REST_TINT,
    Canvas,
    Colour,
    Entry,
    Gallery,
    Tile,
)
from lookmatte.job import Job
from lookmatte.rendering.preview import gallery_entry, swatches
from lookmatte.rendering.shot import LoadedFrame, Shot
from lookmatte.rendering.view import displayed, shrink, style_picture, tile_size, tinted, view

COLUMNS = 4
CELL = (480, 480)
MARGIN = 40
FILM: Colour = (0.02, 0.02, 0.02)
LIGHT: Colour = (0.15, 0.15, 0.15)
PRINT: Colour = (0.72, 0.47, 0.17)
REBATE, PRINT_SIZE = 50, 13  # the edge of the film, with its perforations, and what is printed there
PITCH, HOLE, HOLE_TOP = 44, (24, 17), 9
LEAST, MOST = 150, 320  # how low styles may get before they take another row, and how high


def evenly(frames: Sequence[int], count: int = COLUMNS) -> list[int]:
    """``count`` of the frames, or all if there are fewer, the first and the last among them."""
    if len(frames) <= count:
        return list(frames)
    return [frames[round(index * (len(frames) - 1) / (count - 1))] for index in range(count)]


def contact_sheet(job: Job, frames: Sequence[int]) -> NDArray[np.uint8]:
    """Lay out frames of a job whose output is written: (height, width, 3) in bytes.

    Raises InputError without frames, FrameError when a frame of the plate or of the output cannot be read.
    """
    if not frames:
        raise InputError("a contact sheet needs a frame that was rendered")
    shot = Shot(job)
    chosen = evenly(frames)
    plates: list[Tile] = []
    looks: list[Tile] = []
    legend: list[Entry] = []
    for number in chosen:
        loaded = shot.load(number)
        size = tile_size(loaded.frame, CELL)
        plates.append(displayed(view(loaded.frame, shot.colour, job.alpha, size)))
        styled = read_frame(shot.output.path(number), plate_part=shot.job.part, only=set())
        looks.append(displayed(view(styled, shot.colour, job.alpha, size)))
        if number == chosen[len(chosen) // 2]:
            legend = _legend(shot, loaded)
    return _lay_out({"PLATE": plates, "LOOK": looks}, chosen, legend)


def _legend(shot: Shot, loaded: LoadedFrame) -> list[Entry]:
    """The regions in their colours, and each region's styles, so high that they fill a row together."""
    job = shot.job
    found = swatches(job, loaded.number)
    styles = [(swatch, style) for swatch in found for style in swatch.styles]
    pictures = [style_picture(style, job.color.view) for _, style in styles]
    across, down = tile_size(loaded.frame, CELL)
    aspects = [across / down, *(picture.shape[1] / picture.shape[0] for picture in pictures)]
    room = _inner() - (len(aspects) - 1) * GAP - (2 * BORDER + 1) * len(aspects)
    height = max(LEAST, min(MOST, int(room / sum(aspects))))
    seen = view(loaded.frame, shot.colour, job.alpha, (int(aspects[0] * height), height), loaded.mattes)
    tints = [swatch.tint for swatch in found[: len(job.regions)]]
    regions = tinted(seen, tints, REST_TINT if job.rest is not None else None)
    entries = [
        gallery_entry(swatch, style, shrink(picture, (_inner(), height)))
        for (swatch, style), picture in zip(styles, pictures, strict=True)
    ]
    return [Entry(regions, EDGE, "", "regions"), *entries]


def _inner() -> int:
    return COLUMNS * CELL[0] + (COLUMNS - 1) * GAP


def _lay_out(
    strips: Mapping[str, Sequence[Tile]], numbers: Sequence[int], legend: Sequence[Entry]
) -> NDArray[np.uint8]:
    inner = _inner()
    gallery = Gallery(legend, inner)
    tall = max(tile.shape[0] for strip in strips.values() for tile in strip)
    film = tall + 2 * REBATE
    canvas = Canvas(inner + 2 * MARGIN, len(strips) * (film + GAP) + 2 * MARGIN + gallery.height)
    y = GAP
    for name, strip in strips.items():
        _film(canvas, y, film)
        x = MARGIN + (inner - sum(tile.shape[1] for tile in strip) - GAP * (len(strip) - 1)) // 2
        for number, tile in zip(numbers, strip, strict=True):
            wide = tile.shape[1]
            canvas.paste(tile, x, y + REBATE)
            canvas.text(x, y + REBATE - 8, f"{name} {number}", PRINT_SIZE, PRINT, wide)
            x += wide + GAP
        y += film + GAP
    gallery.draw(canvas, MARGIN, y + MARGIN - GAP)
    return canvas.pixels()


def _film(canvas: Canvas, y: int, height: int) -> None:
    """A strip of film right across the sheet, perforated along both edges."""
    canvas.fill(0, y, canvas.width, height, FILM)
    count = canvas.width // PITCH
    start = (canvas.width - (count - 1) * PITCH - HOLE[0]) // 2
    for top in (y + HOLE_TOP, y + height - HOLE_TOP - HOLE[1]):
        for index in range(count):
            canvas.fill(start + index * PITCH, top, *HOLE, LIGHT, radius=4.5)
