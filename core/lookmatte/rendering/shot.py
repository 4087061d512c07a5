"""A job made concrete: which files, which colours, which mattes; one frame at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence as Many
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from lookmatte.errors import FrameError, InputError, nearest
from lookmatte.imaging.colour import PlateColour, plate_matrix
from lookmatte.imaging.cryptolayers import layers
from lookmatte.imaging.cryptomatte import CryptoMatte, select
from lookmatte.imaging.frame import Frame, Window
from lookmatte.imaging.mattefile import MatteFile as MattePicture
from lookmatte.imaging.mattefile import load_matte
from lookmatte.imaging.mattes import ChannelMatte, FileMatte
from lookmatte.imaging.reader import read_frame, read_header
from lookmatte.imaging.selection import listed_ids, match_layers
from lookmatte.imaging.sequence import Sequence, parse_frames
from lookmatte.job import Channel, Cryptomatte, Job, MatteFile, Region
from lookmatte.looks.bake import Blend
from lookmatte.looks.baker import RegionLook
from lookmatte.looks.proxy import FrameProxy
from lookmatte.rendering.pixels import PlatePixels
from lookmatte.rendering.proxy import REST, make_proxy
from lookmatte.rendering.styles import load_style
from lookmatte.rendering.weights import RegionMatte


@dataclass
class LoadedFrame:
    """A decoded frame with its mattes, and the stamp of the files that it came from."""

    number: int
    frame: Frame
    mattes: list[RegionMatte]
    stamp: str

    def notes(self) -> list[str]:
        """What a person should know, once all rows of the mattes were read."""
        found: list[str] = list(self.frame.notes)
        for region in self.mattes:
            matte = region.matte
            found += matte.notes
            absent = matte.absent if isinstance(matte, CryptoMatte) else []
            if absent:
                found.append(
                    f"region {region.name!r}: {', '.join(absent)} covers no pixel of {self.frame.path.name}"
                )
            elif matte.peak == 0.0:
                found.append(f"region {region.name!r}: the matte is empty in {self.frame.path.name}")
            if matte.nonfinite:
                found.append(
                    f"region {region.name!r}: {matte.nonfinite} matte pixels of {self.frame.path.name} "
                    "are NaN or infinite and count as 0"
                )
        return found


class Shot:
    """The frames of a job on disk, and what is the same for all of them.

    Making one reads the first frame's header. Raises InputError for what is wrong with the whole job.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.plate = Sequence.parse(job.plate, Path())
        self.output = Sequence.parse(job.output, Path())
        self.on_disk = self.plate.require()
        self.frames = self._frames()
        self.missing = [frame for frame in self.frames if frame not in set(self.on_disk)]
        self.mattes = {
            region.name: Sequence.parse(region.source.pattern, Path())
            for region in job.regions
            if isinstance(region.source, MatteFile)
        }
        self.colour, self.display = self._first()
        self._check_names()

    def _frames(self) -> list[int]:
        if self.job.frames is None:
            return list(self.on_disk)
        asked = sorted(parse_frames(self.job.frames))
        if not set(asked) & set(self.on_disk):
            raise InputError(f"frames: none of {self.job.frames} is on disk as {self.plate}")
        return asked

    def _readable(self) -> list[int]:
        there = set(self.on_disk)
        return [frame for frame in self.frames if frame in there]

    def _first(self) -> tuple[PlateColour, Window]:
        """Colour and display window, from the first frame whose header can be read."""
        trouble: FrameError | None = None
        for frame in self._readable():
            try:
                header = read_header(self.plate.path(frame))
            except FrameError as error:
                trouble = trouble or error
                continue
            if header.plate is None:
                # Its own words say which channels there are; every frame of such a shot would say the same.
                try:
                    read_frame(header.path)
                except FrameError as error:
                    raise InputError(str(error)) from None
                continue
            part = header.parts[header.plate.rgb[0][0]]
            attributes = {**header.parts[0].attributes, **part.attributes}
            return plate_matrix(self.job.color.space, attributes=attributes), part.display_window
        raise trouble or InputError(f"{self.plate}: no frame of it can be read")

    def _check_names(self) -> None:
        """Every cryptomatte name must be known to some frame of the shot: objects may enter late."""
        for region in self.job.regions:
            source = region.source
            if isinstance(source, Cryptomatte):
                self._check_region(region, source)

    def _check_region(self, region: Region, source: Cryptomatte) -> None:
        trouble: InputError | None = None
        unknown = list(source.names)
        for position, frame in enumerate(self._readable()):
            path = self.plate.path(frame)
            try:
                if position == 0:
                    select(read_frame(path), source.names, source.layer)
                    return
                header = read_header(path)
                there = match_layers(header, layers(header), source.layer)
            except InputError as error:
                trouble = trouble or error
                continue
            except FrameError:
                continue
            unknown = [name for name in unknown if not any(listed_ids(layer, name) for layer in there)]
            if not unknown:
                return
        if trouble is not None:
            raise InputError(f"regions.{region.name}: {trouble}")

    @property
    def regions(self) -> tuple[tuple[str, Blend], ...]:
        """Name and blend of each region in the bake's order; ``rest`` last."""
        named: list[tuple[str, Blend]] = [(region.name, region.blend) for region in self.job.regions]
        return (*named, (REST, "rest")) if self.job.rest is not None else tuple(named)

    def looks(self) -> list[RegionLook]:
        """Regions with their pictures, as the Baker takes them."""
        made: list[RegionLook] = []
        for region, (name, blend) in zip(self.job.everything, self.regions, strict=True):
            pictures = tuple(load_style(style, self.job.color.view) for style in region.style.pictures)
            made.append(RegionLook(name, blend, pictures, region.style_mix_at))
        return made

    def stamp(self, frame: int) -> str:
        """The files that a frame is made from: names, sizes and times of the plate and of the mattes."""
        paths = [self.plate.path(frame), *(sequence.path(frame) for sequence in self.mattes.values())]
        parts: list[str] = []
        for path in paths:
            try:
                status = path.stat()
            except OSError:
                parts.append(f"{path.name}:-")
                continue
            parts.append(f"{path.name}:{status.st_size}:{status.st_mtime_ns}")
        return hashlib.sha256("|".join(parts).encode()).hexdigest()[:32]

    def load(self, number: int) -> LoadedFrame:
        """Decode a frame and find its mattes. Raises FrameError in one line."""
        path = self.plate.path(number)
        if number not in self.on_disk and not path.is_file():
            raise FrameError(f"{path}: missing from the sequence{nearest(path.name, self._neighbours(number))}")
        stamp = self.stamp(number)
        frame = read_frame(path)
        window = frame.plate.display_window
        if (window.width, window.height) != (self.display.width, self.display.height):
            raise FrameError(
                f"{path}: is {window.width}x{window.height}, the shot is "
                f"{self.display.width}x{self.display.height}; render it as a job of its own"
            )
        mattes = [self._matte(region, frame, number) for region in self.job.regions]
        return LoadedFrame(number, frame, mattes, stamp)

    def _neighbours(self, number: int) -> list[str]:
        near = sorted(self.on_disk, key=lambda frame: abs(frame - number))[:3]
        return [self.plate.path(frame).name for frame in near]

    def _matte(self, region: Region, frame: Frame, number: int) -> RegionMatte:
        source = region.source
        if isinstance(source, Cryptomatte):
            try:
                return RegionMatte(
                    region.name, region.blend, select(frame, source.names, source.layer, missing_ok=True)
                )
            except InputError as error:
                raise FrameError(f"region {region.name!r}: {error}") from None
        if isinstance(source, Channel):
            return RegionMatte(region.name, region.blend, ChannelMatte(frame, source.name))
        assert isinstance(source, MatteFile)
        sequence = self.mattes[region.name]
        path = sequence.path(number)
        try:
            picture = _still(path, source.channel) if sequence.is_still else load_matte(path, source.channel)
        except InputError as error:
            raise FrameError(f"region {region.name!r}: {error}") from None
        return RegionMatte(region.name, region.blend, FileMatte(frame, picture))

    def proxy(self, loaded: LoadedFrame) -> FrameProxy:
        """The frame as a Baker sees it."""
        pixels = self.pixels(loaded)
        return make_proxy(loaded.number, loaded.frame, pixels, loaded.mattes, self.job.rest is not None)

    def pixels(self, loaded: LoadedFrame) -> PlatePixels:
        """The frame's colour, in bands."""
        return PlatePixels(loaded.frame, self.colour, self.job.alpha)


@lru_cache(maxsize=4)
def _still(path: Path, channel: str | None) -> MattePicture:
    return load_matte(path, channel)


def proxies(shot: Shot, numbers: Many[int]) -> list[FrameProxy]:
    """Proxies of several frames; those that cannot be read are left out."""
    found: list[FrameProxy] = []
    for number in numbers:
        try:
            found.append(shot.proxy(shot.load(number)))
        except FrameError:
            continue
    return found
