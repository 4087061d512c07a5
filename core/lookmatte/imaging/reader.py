"""Read an OpenEXR file: its header alone, all of it, or the channels that are asked for.

>>> frame = read_frame(Path("plate.1001.exr"))
>>> frame.pixels(frame.rgb[0]).dtype
dtype('float16')
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lookmatte.errors import FrameError
from lookmatte.imaging.attributes import decode
from lookmatte.imaging.exr_bits import ExrBitsError, read_channels
from lookmatte.imaging.exr_header import COMPRESSIONS, ExrPart, read_exr_header
from lookmatte.imaging.frame import Frame, Part, Pixels, Window
from lookmatte.imaging.memory import machine_bytes
from lookmatte.imaging.patience import patiently
from lookmatte.imaging.plate import COMPONENTS, Key, Plate, find_plate

Only = Callable[[str], bool] | Collection[str | Key]

# What a file says about its storage; Part has fields for it.
STRUCTURAL = frozenset({
    "channels", "chunkCount", "compression", "dataWindow", "displayWindow", "lineOrder", "name", "tiles", "type"
})  # fmt: skip
_BAND_BYTES = 16 << 20


@dataclass
class PartHeader:
    """A part without pixels; ``channels`` maps full names to stored types, in ``Part.channels``'s order."""

    name: str
    channels: dict[str, np.dtype[Any]]
    data_window: Window
    display_window: Window
    attributes: dict[str, Any]
    compression: str
    header: ExrPart


@dataclass
class FrameHeader:
    """A file without pixels. ``plate`` is None when no channels are the plate's colour (a file of mattes)."""

    path: Path
    parts: list[PartHeader]
    plate: Plate | None
    notes: list[str] = field(default_factory=list)

    @property
    def decoded_bytes(self) -> int:
        """Bytes of all channels once decoded."""
        return sum(part.header.decoded_bytes for part in self.parts)


def read_header(path: Path, *, plate_part: str | None = None) -> FrameHeader:
    """Read parts, channels, windows and attributes, and check that the file is whole; decode nothing.

    Raises FrameError for a file that ``read_frame`` would refuse unread; a file without a plate is accepted,
    unless ``plate_part`` names one that is not there.
    """
    path = Path(path)
    parts = [_part_header(part) for part in read_exr_header(path)]
    try:
        plate = find_plate(path.name, parts, plate_part)
    except FrameError:
        if plate_part is not None:
            raise
        return FrameHeader(path, parts, None)
    return FrameHeader(path, parts, plate, [plate.note] if plate.note else [])


def read_frame(path: Path, *, plate_part: str | None = None, only: Only | None = None) -> Frame:
    """Read the pixels of a plate, in the types that the file stores.

    Every array is contiguous, writable, (height, width) over its part's data window. ``plate_part`` chooses a
    part, layer or view when a file holds several colours. ``only`` limits the channels that are decoded, by a
    predicate on full channel names, or a set of names or (part index, name); the plate's colour always comes.
    Raises FrameError in one line for anything that is not a whole flat OpenEXR file with red, green and blue.
    """
    header = read_header(path, plate_part=plate_part)
    plate = header.plate or find_plate(header.path.name, header.parts, plate_part)
    parts = _read_pixels(header, only, {*plate.rgb, *([plate.alpha] if plate.alpha else [])})
    return Frame(header.path, parts, plate.rgb, plate.alpha, list(header.notes))


def read_parts(path: Path, *, only: Only | None = None) -> list[Part]:
    """Read the parts of a file that need not hold a plate: mattes, grids, cryptomatte beside the picture."""
    return _read_pixels(read_header(path), only, set())


def _part_header(part: ExrPart) -> PartHeader:
    types = {channel.name: channel.dtype for channel in part.channels}
    return PartHeader(
        name=_name(part),
        channels={name: types[name] for name in _by_layer(types)},
        data_window=part.data_window,
        display_window=part.display_window,
        attributes={name: decode(*raw) for name, raw in part.attributes.items() if name not in STRUCTURAL},
        compression=COMPRESSIONS[part.compression][0],
        header=part,
    )


def _name(part: ExrPart) -> str:
    data = part.attributes.get("name", ("string", b""))[1]
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")  # loses nothing, so that two names stay two


def _by_layer(names: Collection[str]) -> list[str]:
    """The file's order (alphabetical), except that a layer's channels stand together, R, G, B, A first."""

    def key(name: str) -> tuple[str, int]:
        prefix, _, leaf = name.rpartition(".")
        return prefix, COMPONENTS.get(leaf.casefold(), 4)

    return sorted(names, key=key)


def _read_pixels(header: FrameHeader, only: Only | None, always: set[Key]) -> list[Part]:
    wanted = [
        [name for name in part.channels if (index, name) in always or _selects(only, index, name)]
        for index, part in enumerate(header.parts)
    ]
    try:
        if header.decoded_bytes > machine_bytes():
            raise MemoryError
        decoded = patiently(lambda: _decode(header, wanted), header.path)
    except MemoryError:
        size = f"{header.decoded_bytes / 2**30:.1f} GiB"
        raise FrameError(f"{header.path}: its {size} of pixels do not fit into this machine's memory") from None
    return [
        Part(
            part.name, {name: channels[name] for name in names}, part.data_window, part.display_window,
            part.attributes, part.compression, part.header,
        )
        for part, names, channels in zip(header.parts, wanted, decoded, strict=True)
    ]  # fmt: skip


def _decode(header: FrameHeader, wanted: list[list[str]]) -> list[dict[str, Pixels]]:
    if _is_for_bits(header, wanted):
        # It fails on attributes that it cannot take, and on damage, which OpenImageIO words better.
        with contextlib.suppress(ExrBitsError):
            return read_channels(header.path, [part.header for part in header.parts])
    return [_read_part(header, index, names) if names else {} for index, names in enumerate(wanted)]


def _selects(only: Only | None, index: int, name: str) -> bool:
    if only is None:
        return True
    return bool(only(name)) if callable(only) else name in only or (index, name) in only


def _is_for_bits(header: FrameHeader, wanted: list[list[str]]) -> bool:
    """Whether the OpenEXR module serves better: unless most of the file can be skipped.

    It decodes the whole file, in about a third of the time that OpenImageIO's Python takes for the same
    pixels; OpenImageIO can leave out parts, and does not depend on the types of attributes.
    """
    touched = sum(part.header.decoded_bytes for part, names in zip(header.parts, wanted, strict=True) if names)
    return 3 * touched > header.decoded_bytes


def _read_part(header: FrameHeader, index: int, names: list[str]) -> dict[str, Pixels]:
    """Decode some channels of one part through OpenImageIO, band by band into their final arrays."""
    import OpenImageIO as oiio

    part = header.parts[index]
    path = header.path
    oiio.attribute("oiio:print_uncaught_errors", 0)
    source = oiio.ImageInput.open(str(path))
    if source is None:
        raise FrameError(f"{path}: {_said(oiio)}; render or copy it again")
    try:
        if not source.seek_subimage(index, 0):
            raise FrameError(f"{path}: {_said(source)}; render or copy it again")
        spec = source.spec()
        window = part.data_window
        if (spec.x, spec.y, spec.width, spec.height) != (window.x, window.y, window.width, window.height):
            raise FrameError(f"{path}: its data window is ambiguous; write it with another program")
        position = {name: at for at, name in enumerate(spec.channelnames)}
        shape = (window.height, window.width)
        channels: dict[str, Pixels] = {name: np.empty(shape, part.channels[name]) for name in names}
        for run in _runs(sorted(names, key=position.__getitem__), position, part.channels):
            _read_run(path, source, index, run, position[run[0]], channels, part.header)
        return channels
    finally:
        source.close()


def _runs(names: list[str], position: dict[str, int], types: dict[str, np.dtype[Any]]) -> list[list[str]]:
    """Split into neighbours of one type: what OpenImageIO reads at once without converting.

    Asked for channels of several types together it goes through float, and integers above 2^24 are rounded.
    """
    runs: list[list[str]] = []
    for name in names:
        last = runs[-1][-1] if runs else None
        if last is not None and position[name] == position[last] + 1 and types[name] == types[last]:
            runs[-1].append(name)
        else:
            runs.append([name])
    return runs


def _read_run(
    path: Path,
    source: Any,
    index: int,
    run: list[str],
    begin: int,
    channels: dict[str, Pixels],
    header: ExrPart,
) -> None:
    window, dtype = header.data_window, channels[run[0]].dtype
    block = header.tile[1] if header.tile else COMPRESSIONS[header.compression][1]
    row_bytes = window.width * len(run) * dtype.itemsize
    rows = block * max(1, _BAND_BYTES // (row_bytes * block))
    kind = {2: "half", 4: "float"}[dtype.itemsize] if dtype.kind == "f" else "uint"
    for top in range(0, window.height, rows):
        bottom = min(top + rows, window.height)
        ends = (begin, begin + len(run), kind)
        if header.tile:
            x, y = window.x, window.y
            band = source.read_tiles(index, 0, x, x + window.width, y + top, y + bottom, 0, 1, *ends)
        else:
            band = source.read_scanlines(index, 0, window.y + top, window.y + bottom, 0, *ends)
        if band is None or source.has_error:
            raise FrameError(f"{path}: {_said(source)}; render or copy it again")
        band = np.asarray(band).reshape(bottom - top, window.width, len(run))
        for at, name in enumerate(run):
            channels[name][top:bottom] = band[..., at]


def _said(library: Any) -> str:
    """OpenImageIO's error in a line: without the file's name, which the caller gives, and OpenEXR's code."""
    try:
        message = str(library.geterror())
    except UnicodeDecodeError:  # it quotes the file's own bytes
        message = ""
    line = (message.strip().splitlines() or ["its pixels cannot be decoded"])[0]
    return re.sub(r"^EXR Error \(.*?\): (EXR_ERR_\w+ )?", "", line).rstrip(".: ")
