"""One frame of a job as a strip for a person: the input, its regions, the result, and the styles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lookmatte.errors import InputError
from lookmatte.imaging.exr_bits import threads_in_files
from lookmatte.imaging.sequence import describe_frames
from lookmatte.imaging.sheet import EDGE, GAP, INK, LINE, REST_TINT, Canvas, Entry, Gallery, Tile, Tint, tint
from lookmatte.job import Job, Region, StyleRef
from lookmatte.jobpaths import check_paths
from lookmatte.looks.bake import resolve
from lookmatte.looks.baker import Baker
from lookmatte.looks.notices import Notice
from lookmatte.networks.model import Model
from lookmatte.progress import Progress, Silent, printable
from lookmatte.rendering.apply import apply
from lookmatte.rendering.bands import threads
from lookmatte.rendering.pictures import Pictures
from lookmatte.rendering.remarks import Remark, Remarks, exposure_remarks, gathered_from_log
from lookmatte.rendering.settings import settings
from lookmatte.rendering.shot import Shot
from lookmatte.rendering.view import displayed, tile_size, tinted, view

TILE = (640, 640)
STYLE = (480, 220)
MARGIN = 28


@dataclass(frozen=True)
class Swatch:
    """A region on a sheet: its name, its colour there, and the reference pictures that it takes on the frame."""

    name: str
    tint: Tint
    styles: tuple[StyleRef, ...]


@dataclass(frozen=True)
class Strip:
    """A preview: ``picture`` (height, width, 3) in bytes, of which frame, and what its colours stand for."""

    frame: int
    picture: NDArray[np.uint8]
    swatches: tuple[Swatch, ...]


class Previewer:
    """Previews of any jobs, one after the other. What they have in common stays in memory between them: the
    weights, and each reference picture, as a look takes it and as a strip shows it, until its file changes.

    ``model`` is a file of weights instead of the shipped ones. One thread at a time.

    >>> previewer = Previewer()
    >>> strip = previewer.preview(Job.load("sh010.yaml"), frame=1004)
    """

    def __init__(self, model: Path | None = None) -> None:
        self._file = model
        self._model: Model | None = None
        self._pictures = Pictures()

    def preview(self, job: Job, *, frame: int | None = None, progress: Progress | None = None) -> Strip:
        """As :func:`preview`."""
        progress = progress or Silent()
        check_paths(job)
        shot = Shot(job)
        for note in shot.colour.notes:
            progress.note(note)
        number = _choose(shot, frame)
        if self._model is None:
            self._model = Model.load(self._file)
        with threads_in_files(threads()):
            return _strip(job, shot, number, self._model, self._pictures, progress)


def preview(
    job: Job, *, frame: int | None = None, model: Path | None = None, progress: Progress | None = None
) -> Strip:
    """Style one frame by its own statistics (mode `frame`) and lay it out; nothing is written.

    ``frame`` None is the middle one on disk. Raises InputError for what is wrong with the job or the frame
    number, FrameError for a frame that cannot be read.
    """
    return Previewer(model).preview(job, frame=frame, progress=progress)


def _strip(
    job: Job, shot: Shot, number: int, network: Model, pictures: Pictures, progress: Progress
) -> Strip:
    loaded = shot.load(number)
    size = tile_size(loaded.frame, TILE)
    before = view(loaded.frame, shot.colour, job.alpha, size, loaded.mattes)
    remarks = Remarks(progress.warning, progress.note)
    asked = settings(job, number)

    def listen(notice: Notice) -> None:
        remarks.add(notice.frame, Remark.of(notice))

    with gathered_from_log(remarks.log):
        baked = Baker(network, shot.looks(pictures.reference), "frame", listen).bake(shot.proxy(loaded), cut=False)
    look = resolve(baked, settings=asked)
    pixels = apply(loaded.frame, look, loaded.mattes, colour=shot.colour, alpha=job.alpha)
    for note in loaded.frame.notes:
        progress.warning(note)
    for remark in [*loaded.remarks(), *pixels.remarks(), *exposure_remarks(baked, asked)]:
        remarks.add(number, remark)
    name = loaded.frame.path.name
    remarks.tell(name)
    after = view(loaded.frame, shot.colour, job.alpha, size)
    found = swatches(job, number)
    named = [swatch.tint for swatch in found[: len(job.regions)]]
    regions = tinted(before, named, REST_TINT if job.rest is not None else None)
    picture = _lay_out(
        [(displayed(before), "input", printable(name)), (regions, "regions", ""), (displayed(after), "result", "")],
        [
            gallery_entry(swatch, style, pictures.tile(style, job.color.view, STYLE))
            for swatch in found
            for style in swatch.styles
        ],
    )
    return Strip(number, picture, found)


def swatches(job: Job, frame: int) -> tuple[Swatch, ...]:
    """The regions of a job in order, ``rest`` last, with their colours and their styles on a frame."""
    found = [Swatch(one.name, tint(index), _styles(one, frame)) for index, one in enumerate(job.regions)]
    if job.rest is not None:
        found.append(Swatch(job.rest.name, REST_TINT, _styles(job.rest, frame)))
    return tuple(found)


def _styles(region: Region, frame: int) -> tuple[StyleRef, ...]:
    first, second, share = region.style_mix_at(frame)
    pictures = region.style.pictures
    return (pictures[first], pictures[second]) if share > 0.0 else (pictures[first],)


def _choose(shot: Shot, frame: int | None) -> int:
    missing = set(shot.missing)
    there = [number for number in shot.frames if number not in missing]
    if frame is None:
        return there[len(there) // 2]
    if frame not in there:
        why = "is missing from the sequence" if frame in missing else "is not in the job"
        raise InputError(f"--frame: {frame} {why}; there is: {describe_frames(there)}")
    return frame


def gallery_entry(swatch: Swatch, style: StyleRef, picture: Tile) -> Entry:
    """A style in its region's colour."""
    return Entry(picture, swatch.tint.rgb, swatch.name, printable(Path(style.image).name))


def _lay_out(tiles: Sequence[tuple[Tile, str, str]], styles: Sequence[Entry]) -> NDArray[np.uint8]:
    """Three pictures side by side, and under them the styles in their regions' colours."""
    height, width, _ = tiles[0][0].shape
    inner = max([len(tiles) * width + (len(tiles) - 1) * GAP, *(entry.size[0] for entry in styles)])
    gallery = Gallery(styles, inner)
    canvas = Canvas(inner + 2 * MARGIN, 2 * MARGIN + height + LINE + GAP + gallery.height)
    x = MARGIN
    for tile, title, detail in tiles:
        canvas.framed(tile, x, MARGIN, EDGE, 1)
        canvas.caption(x, MARGIN + height, title, INK, detail, width)
        x += width + GAP
    gallery.draw(canvas, MARGIN, MARGIN + height + LINE + GAP)
    return canvas.pixels()
