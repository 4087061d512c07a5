"""One frame of a job, styled by itself: as an EXR for a host's viewer, or as a PNG sheet for a person."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lookmatte.commands.preview import check_destination
from lookmatte.errors import InputError
from lookmatte.imaging.exr_bits import threads_in_files
from lookmatte.imaging.frame import Frame, Part
from lookmatte.imaging.picture import write_png
from lookmatte.imaging.sequence import describe_frames
from lookmatte.imaging.writer import write_parts_to
from lookmatte.job import Job, Temporal
from lookmatte.jobhash import bake_hash
from lookmatte.jobpaths import check_paths
from lookmatte.looks.bake import FrameBake, resolve
from lookmatte.looks.baker import Baker
from lookmatte.looks.notices import Notice
from lookmatte.networks.model import Model
from lookmatte.progress import Progress
from lookmatte.rendering.apply import apply
from lookmatte.rendering.bands import threads
from lookmatte.rendering.pictures import Pictures
from lookmatte.rendering.preview import Previewer, swatches
from lookmatte.rendering.remarks import Remark, Remarks, exposure_remarks, gathered_from_log
from lookmatte.rendering.settings import settings
from lookmatte.rendering.shot import LoadedFrame, Shot

KEPT = ("pixelAspectRatio", "chromaticities", "colorInteropID", "timeCode", "framesPerSecond", "view")
"""The plate's attributes that a viewer may want."""


@dataclass(frozen=True)
class _Baked:
    """A frame's bake, what there is to say of it, and what it was made from."""

    made_from: tuple[str, int, str]
    bake: FrameBake
    remarks: tuple[Remark, ...]
    logged: tuple[str, ...]


class _Kit:
    """What belongs to one file of weights, until it changes."""

    def __init__(self, path: Path | None) -> None:
        self.made_from = _Kit.stamp(path)
        self.model = Model.load(path)
        self.checksum = self.model.checksum
        self.previewer = Previewer(path)

    @staticmethod
    def stamp(path: Path | None) -> tuple[Path | None, int]:
        try:
            return path, 0 if path is None else path.stat().st_mtime_ns
        except OSError:
            return path, -1  # loading it says what is wrong


class Stills:
    """Stills of any jobs, one after the other. The weights, references and the last frame's bake stay in memory."""

    def __init__(self) -> None:
        self._kit: _Kit | None = None
        self._pictures = Pictures()
        self._last: _Baked | None = None

    def make(
        self, job: Job, frame: int | None, path: Path, model: Path | None, progress: Progress
    ) -> dict[str, Any]:
        """Style a frame by its own statistics (mode `frame`) and write it to ``path``.

        ``.exr``: the styled colour and alpha, whole size, in the plate's own space and type, premultiplied.
        ``.png``: input, regions, result and styles side by side. ``frame`` None is the middle one on disk. The
        answer says by ``baked`` whether anything was predicted: not so when strength or exposure limit alone differ
        from the EXR before. Raises InputError for what is wrong with the job, FrameError for a bad frame.
        """
        suffix = path.suffix.lower()
        if suffix not in (".exr", ".png"):
            raise InputError(f"output: {path} must end in .exr or .png")
        check_paths(job)
        check_destination(path, job, "output")
        if self._kit is None or self._kit.made_from != _Kit.stamp(model):
            self._kit = _Kit(model)
        if suffix == ".exr":
            with threads_in_files(threads()):
                number, baked = self._style(job, frame, path, self._kit, progress)
            return _answer(job, path, number, baked=baked)
        try:
            strip = self._kit.previewer.preview(job, frame=frame, progress=progress)
        except InputError as error:
            raise InputError(str(error).removeprefix("--")) from None  # the command's option is our argument
        write_png(path, strip.picture)
        return _answer(job, path, strip.frame, baked=True)

    def _style(
        self, job: Job, frame: int | None, path: Path, kit: _Kit, progress: Progress
    ) -> tuple[int, bool]:
        shot = Shot(job)
        for note in shot.colour.notes:
            progress.note(note)
        number = _choose(shot, frame)
        loaded = shot.load(number)
        made_from = (bake_hash(replace(job, temporal=Temporal("frame")), kit.checksum), number, loaded.stamp)
        last = self._last
        fresh = last is None or last.made_from != made_from
        if last is None or fresh:
            last = self._last = self._bake(shot, loaded, kit.model, made_from)
        asked = settings(job, number)
        pixels = apply(
            loaded.frame, resolve(last.bake, settings=asked), loaded.mattes, colour=shot.colour, alpha=job.alpha
        )
        for note in loaded.frame.notes:
            progress.warning(note)
        remarks = Remarks(progress.warning, progress.note)
        for text in last.logged:
            remarks.log(text)
        for remark in (*last.remarks, *loaded.remarks(), *pixels.remarks(), *exposure_remarks(last.bake, asked)):
            remarks.add(number, remark)
        remarks.tell(loaded.frame.path.name)
        write_parts_to([_colour(loaded.frame)], path)
        return number, fresh

    def _bake(self, shot: Shot, loaded: LoadedFrame, network: Model, made_from: tuple[str, int, str]) -> _Baked:
        said: list[Remark] = []

        def listen(notice: Notice) -> None:
            said.append(Remark.of(notice))

        logged: list[str] = []
        with gathered_from_log(logged.append):
            baked = Baker(network, shot.looks(self._pictures.reference), "frame", listen).bake(
                shot.proxy(loaded), cut=False
            )
        return _Baked(made_from, baked, tuple(said), tuple(logged))


def _choose(shot: Shot, frame: int | None) -> int:
    missing = set(shot.missing)
    there = [number for number in shot.frames if number not in missing]
    if frame is None:
        return there[len(there) // 2]
    if frame not in there:
        why = "is missing from the sequence" if frame in missing else "is not in the job"
        raise InputError(f"frame: {frame} {why}; there is: {describe_frames(there)}")
    return frame


def _colour(frame: Frame) -> Part:
    """The plate's colour alone, under the names that every viewer knows. Not compressed: it is read once, and to
    pack it would take longer than all the rest."""
    plate = frame.plate
    keys = dict(zip("RGB", frame.rgb, strict=True))
    if frame.alpha is not None:
        keys["A"] = frame.alpha
    attributes = {name: plate.attributes[name] for name in KEPT if name in plate.attributes}
    channels = {name: frame.pixels(key) for name, key in keys.items()}
    return Part("", channels, plate.data_window, plate.display_window, attributes, "none")


def _answer(job: Job, path: Path, frame: int, *, baked: bool) -> dict[str, Any]:
    regions = [
        {"name": one.name, "tint": one.tint.hex, "styles": [style.image for style in one.styles]}
        for one in swatches(job, frame)
    ]
    return {"path": str(path), "frame": frame, "regions": regions, "baked": baked}
