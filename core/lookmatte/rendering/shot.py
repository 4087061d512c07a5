"""A job made concrete: which files, which colours, which mattes; one frame at a time."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Callable
from collections.abc import Sequence as Many
from dataclasses import dataclass
from pathlib import Path

from lookmatte.errors import FrameError, InputError, LookmatteError, nearest
from lookmatte.imaging.colour import PlateColour, config_identity, plate_matrix
from lookmatte.imaging.cryptolayers import layers, sidecars
from lookmatte.imaging.cryptomatte import CryptoMatte, select
from lookmatte.imaging.frame import Frame, Window, find_channel
from lookmatte.imaging.mattefile import MatteFile as MattePicture
from lookmatte.imaging.mattefile import load_matte
from lookmatte.imaging.mattes import ChannelMatte, FileMatte, Matte
from lookmatte.imaging.patience import is_file, patiently
from lookmatte.imaging.plate import Key
from lookmatte.imaging.reader import FrameHeader, read_frame, read_header
from lookmatte.imaging.selection import listed_ids, literal_ids, match_layers
from lookmatte.imaging.sequence import Sequence, describe_holes, parse_frames
from lookmatte.imaging.vectors import Vectors, read_vectors
from lookmatte.job import Channel, Cryptomatte, Job, MatteFile, Region, StyleRef
from lookmatte.looks.bake import Blend
from lookmatte.looks.baker import RegionLook
from lookmatte.looks.proxy import FrameProxy
from lookmatte.looks.style import Reference
from lookmatte.rendering.flow import internal_error
from lookmatte.rendering.proxy import REST, make_proxy
from lookmatte.rendering.remarks import EMPTY, UNSEEN, Remark
from lookmatte.rendering.styles import load_style
from lookmatte.rendering.weights import RegionMatte

_PROBED = 16  # frames that are decoded to look for a name that no manifest lists
_TOLD = 10


@dataclass
class LoadedFrame:
    """A decoded frame with its mattes, and the stamp of the files that it came from.

    ``files`` names the mattes' pictures by region: remarks leave such names out, since they differ by frame.
    """

    number: int
    frame: Frame
    mattes: list[RegionMatte]
    stamp: str
    files: dict[str, str]

    def remarks(self, *, read: Many[Blend] = ("pixel", "grid")) -> list[Remark]:
        """What a person should know of the mattes whose rows were read, those with a blend in ``read``."""
        found: list[Remark] = []
        for region in self.mattes:
            if region.blend not in read:
                continue
            name, matte = region.name, region.matte
            absent = matte.absent if isinstance(matte, CryptoMatte) else []
            layered = matte.layers if isinstance(matte, CryptoMatte) else []
            layer_notes = [note for layer in layered for note in layer.notes]
            # A name that the frame does not know is told as one that covers nothing.
            own = [note for note in matte.notes if not any(one in note for one in absent)]
            found += [Remark(f"region {name!r}: {self._bare(name, note)}") for note in [*own, *layer_notes]]
            if absent:
                found.append(Remark(f"region {name!r}: {', '.join(absent)} {UNSEEN}"))
            elif matte.peak == 0.0:
                found.append(Remark(f"region {name!r}: {EMPTY}"))
            if matte.nonfinite:
                text = f"region {name!r}: matte pixels that are NaN or infinite count as 0"
                found.append(Remark(text, matte.nonfinite))
        return found

    def _bare(self, region: str, note: str) -> str:
        for name in (self.frame.path.name, self.files.get(region, "")):
            note = note.removeprefix(f"{name}: ") if name else note
        return note


class Shot:
    """The frames of a job on disk, and what is the same for all of them.

    Making one reads the first frame's header, and its pixels where a name is not in its manifests. Raises
    InputError for what is wrong with the whole job, FrameError when no frame can be read.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self._named = sorted(job.regions, key=lambda region: region.name)
        self.plate = Sequence.parse(job.plate, Path())
        self.output = Sequence.parse(job.output, Path())
        self.on_disk = self.plate.require()
        self.frames = list(self.on_disk) if job.frames is None else sorted(parse_frames(job.frames))
        self.missing = self.plate.missing(self.frames)
        gone = set(self.missing)
        self._there = [frame for frame in self.frames if frame not in gone]
        if not self._there:
            raise InputError(f"frames: none of {job.frames} is on disk as {self.plate}")
        self.mattes = {
            region.name: Sequence.parse(region.source.pattern, Path())
            for region in job.regions
            if isinstance(region.source, MatteFile)
        }
        self._stills: dict[str, tuple[str, MattePicture]] = {}
        self._layers: dict[str, str] = {}
        self._named_beside = False  # do files beside the plate say what its cryptomattes are called?
        self.frame_bytes = 0  # of the first frame, all channels decoded
        self.colour, self.display = self._first()
        asks = job.color.view is not None or self.colour.config_name
        self.config = config_identity() if asks else ""
        """Which colour configuration the job's spaces and views are of; empty where it asks none."""
        for region in job.regions:
            if isinstance(region.source, Cryptomatte):
                self._check_names(region, region.source)
            elif isinstance(region.source, Channel):
                self._check_channel(region, region.source)

    @property
    def holes(self) -> str:
        """Where nobody named the frames: those that lack between the first and the last on disk."""
        return describe_holes(self.on_disk) if self.job.frames is None else ""

    def _first(self) -> tuple[PlateColour, Window]:
        """Colour and display window, from the first frame whose header can be read."""
        troubles: list[str] = []
        for frame in self._there:
            try:
                header = self._header(self.plate.path(frame))
                if header.plate is None:
                    # Reading it in earnest says which channels there are.
                    read_frame(header.path)
            except FrameError as error:
                troubles.append(str(error))
                continue
            assert header.plate is not None
            part = header.parts[header.plate.rgb[0][0]]
            attributes = {**header.parts[0].attributes, **part.attributes}
            self.frame_bytes = header.decoded_bytes
            by_name = any(isinstance(region.source, Cryptomatte) for region in self.job.regions)
            self._named_beside = by_name and bool(sidecars(header))
            return plate_matrix(self.job.color.space, attributes=attributes), part.display_window
        more = len(troubles) - _TOLD
        if more > 0:
            troubles[_TOLD:] = [f"{self.plate}: {more} more frames cannot be read"]
        said = "\n".join(troubles)
        raise FrameError(said) if self.job.part is None else InputError(said)

    def _header(self, path: Path) -> FrameHeader:
        return read_header(path, plate_part=self.job.part)

    def _check_names(self, region: Region, source: Cryptomatte) -> None:
        """Every cryptomatte name must be known to some frame of the shot: objects may enter late.

        Headers first, one frame after another; then, for a name that no manifest lists, the pixels of the first
        frame, and of others without a manifest.
        """
        unknown = [name for name in source.names if not literal_ids(name)]
        trouble = ""
        by_pixels: list[Path] = []
        for frame in self._there:
            try:
                header = self._header(self.plate.path(frame))
                there = match_layers(header, layers(header), source.layer)
            except InputError as error:
                trouble = trouble or str(error)
                continue
            except FrameError:
                continue
            unknown = [name for name in unknown if not any(listed_ids(layer, name) for layer in there)]
            for layer in there:
                if region.name not in self._layers and all(listed_ids(layer, name) for name in source.names):
                    # For the whole shot: when the object leaves, another layer may still know its name.
                    self._layers[region.name] = layer.name
            if not unknown:
                return
            if not by_pixels or any(layer.manifest is None for layer in there):
                by_pixels.append(header.path)
        if not by_pixels:
            if trouble:
                raise InputError(f"regions.{region.name}: {trouble}")
            return
        said: dict[str, str] = {}
        for path in _spread(by_pixels, _PROBED):
            try:
                decoded = read_frame(path, plate_part=self.job.part)
            except FrameError:
                continue
            found = {name: _unknown(decoded, name, source.layer) for name in unknown}
            said = said or found
            unknown = [name for name in unknown if found[name]]
        if said and unknown:
            lines = dict.fromkeys(f"regions.{region.name}: {said[name]}" for name in unknown)
            raise InputError("\n".join(lines))

    def _check_channel(self, region: Region, source: Channel) -> None:
        """A channel must be in some frame of the shot."""
        trouble = ""
        for frame in self._there:
            try:
                _channel(self._header(self.plate.path(frame)), source.name)
            except FrameError as error:
                trouble = trouble or str(error)
                continue
            return
        raise InputError(f"regions.{region.name}: {trouble}")

    @property
    def regions(self) -> tuple[tuple[str, Blend], ...]:
        """Name and blend of each region in the bake's order, which is that of the names; ``rest`` last."""
        named: list[tuple[str, Blend]] = [(region.name, region.blend) for region in self._named]
        return (*named, (REST, "rest")) if self.job.rest is not None else tuple(named)

    def looks(self, load: Callable[[StyleRef, str | None], Reference] = load_style) -> list[RegionLook]:
        """Regions with their pictures, as the Baker takes them; ``load`` reads them."""
        made: list[RegionLook] = []
        everything = self._named if self.job.rest is None else [*self._named, self.job.rest]
        for region, (name, blend) in zip(everything, self.regions, strict=True):
            pictures = tuple(load(style, self.job.color.view) for style in region.style.pictures)
            made.append(RegionLook(name, blend, pictures, region.style_mix_at))
        return made

    def stamp(self, frame: int) -> str:
        """The files that a frame is made from: names, sizes and times of the plate, of the mattes, and of manifests
        that lie beside the plate."""
        plate = self.plate.path(frame)
        mattes = [self.mattes[name].path(frame) for name in sorted(self.mattes)]
        told = "|".join(map(_identity, [plate, *mattes, *self._manifests(plate)]))
        return hashlib.sha256(told.encode("utf-8", "surrogateescape")).hexdigest()[:32]

    def _manifests(self, plate: Path) -> list[Path]:
        if not self._named_beside:
            return []
        try:
            return sidecars(self._header(plate))
        except FrameError:
            return []

    def load(self, number: int, *, mattes: Many[Blend] = ("pixel", "grid"), whole: bool = False) -> LoadedFrame:
        """Decode a frame and find the mattes of the regions whose blend is in ``mattes``: applying needs those of
        `pixel` regions alone. A frame that is to be written must be ``whole``; otherwise the plate's colour and
        the mattes' channels are decoded, and nothing else. Raises FrameError in one line."""
        path = self.plate.path(number)
        if not is_file(path):
            raise FrameError(self.missing_message(number))
        stamp = self.stamp(number)
        only = None if whole else self._channels(path)
        frame = read_frame(path, plate_part=self.job.part, only=only)
        window = frame.plate.display_window
        if (window.width, window.height) != (self.display.width, self.display.height):
            raise FrameError(
                f"{path}: is {window.width}x{window.height}, the shot is "
                f"{self.display.width}x{self.display.height}; render it as a job of its own"
            )
        found = [self._matte(region, frame, number) for region in self.job.regions if region.blend in mattes]
        files = {name: sequence.path(number).name for name, sequence in self.mattes.items()}
        return LoadedFrame(number, frame, found, stamp, files)

    def _channels(self, path: Path) -> set[Key] | None:
        """The channels that the mattes of this file take; None, all, when one of them is not there."""
        header = self._header(path)
        wanted: set[Key] = set()
        for region in self.job.regions:
            if isinstance(region.source, Channel):
                try:
                    wanted.add(_channel(header, region.source.name))
                except FrameError:
                    return None
        if any(isinstance(region.source, Cryptomatte) for region in self.job.regions):
            wanted |= {key for layer in layers(header) for pair in layer.ranks for key in pair}
        return wanted

    def vectors(self, number: int) -> Vectors | None:
        """How a frame's pixels move, where its file tells. Raises FrameError."""
        return read_vectors(self.plate.path(number), plate_part=self.job.part)

    def trouble(self, number: int, error: Exception) -> str:
        """Why a frame failed, in a line."""
        path = self.plate.path(number)
        if isinstance(error, LookmatteError):
            return str(error)
        if isinstance(error, MemoryError):
            return f"{path}: not enough memory for a frame of {self.frame_bytes / 2**20:.0f} MiB"
        if isinstance(error, OSError):
            return f"{error.filename or path}: {error.strerror or error}"
        return internal_error(path, error)

    def missing_message(self, number: int) -> str:
        """What to say of a frame that is not on disk."""
        path = self.plate.path(number)
        return f"{path}: missing from the sequence{nearest(path.name, self._neighbours(number))}"

    def _neighbours(self, number: int) -> list[str]:
        at = bisect_left(self.on_disk, number)
        gone = self.on_disk[at : at + 1] == [number]  # it was there when the shot began
        near = [*self.on_disk[max(0, at - 2) : at], *self.on_disk[at + gone : at + gone + 1]]
        return [self.plate.path(frame).name for frame in near]

    def _matte(self, region: Region, frame: Frame, number: int) -> RegionMatte:
        source = region.source
        try:
            if isinstance(source, Cryptomatte):
                layer = source.layer or self._layers.get(region.name)
                matte: Matte = select(frame, source.names, layer, missing_ok=True)
            elif isinstance(source, Channel):
                matte = ChannelMatte(frame, source.name)
            else:
                assert isinstance(source, MatteFile)
                matte = FileMatte(frame, self._picture(region.name, source, number))
        except LookmatteError as error:
            raise FrameError(f"region {region.name!r}: {error}") from None
        return RegionMatte(region.name, region.blend, matte)

    def _picture(self, name: str, source: MatteFile, number: int) -> MattePicture:
        sequence = self.mattes[name]
        path = sequence.path(number)
        if not sequence.is_still:
            return load_matte(path, source.channel)
        identity = _identity(path)  # before it is read: one that is replaced meanwhile is read again
        kept = self._stills.get(name)
        if kept is None or kept[0] != identity:
            kept = self._stills[name] = identity, load_matte(path, source.channel)
        return kept[1]

    def proxy(self, loaded: LoadedFrame) -> FrameProxy:
        """The frame as a Baker sees it."""
        with_rest = self.job.rest is not None
        return make_proxy(loaded.number, loaded.frame, self.colour, self.job.alpha, loaded.mattes, with_rest)


def _identity(path: Path) -> str:
    """What tells a file from another of its name: its size and time."""
    try:
        status = patiently(path.stat, path)
    except OSError:
        return f"{path.name}:-"
    return f"{path.name}:{status.st_size}:{status.st_mtime_ns}"


def _channel(header: FrameHeader, name: str) -> Key:
    plate = 0 if header.plate is None else header.plate.rgb[0][0]
    return find_channel(header.path.name, header.parts, plate, name)


def _unknown(frame: Frame, name: str, layer: str | None) -> str:
    """Why a frame does not know a cryptomatte name; empty when it does."""
    try:
        select(frame, name, layer)
    except InputError as error:
        return str(error)
    return ""


def _spread(paths: list[Path], count: int) -> list[Path]:
    """The first path and at most ``count`` in all, evenly."""
    if len(paths) <= count:
        return paths
    return [paths[round(index * (len(paths) - 1) / (count - 1))] for index in range(count)]
