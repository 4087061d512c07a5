"""OpenEXR headers as bytes: what a file promises, before a library is asked to allocate or to decode it.

Libraries rename attributes, drop types that they do not know, and fill the pixels of an unfinished file with
zeros. Here every attribute keeps its own name, type and bytes, and a file whose chunks are not all there is
refused. Layout: "OpenEXR File Layout" of the OpenEXR documentation.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedRandom, BufferedReader
from pathlib import Path
from typing import Any

import numpy as np

from lookmatte.errors import FrameError
from lookmatte.imaging.frame import Window
from lookmatte.imaging.patience import open_file, patiently

BufferedFile = BufferedReader | BufferedRandom

MAX_DECODED_BYTES = 16 << 30
MAX_SIDE = 1 << 17
_MAX_HEADER_BYTES = 128 << 20  # manifests of large shots reach tens of MiB
_MAX_ATTRIBUTES = 1 << 16  # in all parts together
_MAX_CHANNELS = 1 << 14  # in all parts together; compositing programs stop at 1,023
_MAX_CHUNKS = 1 << 22
_MAX_TILE_BYTES = 1 << 30

# A file that decodes to more than this must hold bytes enough for it. Black shrinks 1300 times at most (by PXR24;
# deflate's own limit is 1032), but at 8K 33,000 times by DWA and 124,000 times by HTJ2K, in which it costs nothing.
_DOUBTED_BYTES = 256 << 20
_SHRINKS = 4096
_SHRINKS_MORE = {"dwaa": 1 << 16, "dwab": 1 << 16, "htj2k256": 1 << 20, "htj2k32": 1 << 20}

# By the number in the file: OpenEXR's name, and how many rows one chunk of a scan line part holds.
COMPRESSIONS: dict[int, tuple[str, int]] = {
    0: ("none", 1), 1: ("rle", 1), 2: ("zips", 1), 3: ("zip", 16), 4: ("piz", 32), 5: ("pxr24", 16),
    6: ("b44", 32), 7: ("b44a", 32), 8: ("dwaa", 32), 9: ("dwab", 256), 10: ("htj2k256", 256),
    11: ("htj2k32", 32),
}  # fmt: skip
PIXEL_TYPES: dict[int, np.dtype[Any]] = {0: np.dtype(np.uint32), 1: np.dtype(np.float16), 2: np.dtype(np.float32)}
_OTHER_FORMATS = {
    b"\x89PNG": "PNG", b"\xff\xd8\xff": "JPEG", b"II*\0": "TIFF", b"MM\0*": "TIFF", b"SDPX": "DPX",
    b"XPDS": "DPX", b"#?RA": "Radiance HDR", b"GIF8": "GIF", b"RIFF": "WebP",
}  # fmt: skip


@dataclass(frozen=True)
class ExrChannel:
    """One entry of a part's channel list. ``linear`` is the pLinear flag, a hint to lossy compressions."""

    name: str
    dtype: np.dtype[Any]
    linear: bool
    sampling: tuple[int, int]


@dataclass(frozen=True)
class ExrPart:
    """One part's header. ``attributes`` holds every attribute as (type name, stored bytes)."""

    attributes: dict[str, tuple[str, bytes]]
    channels: tuple[ExrChannel, ...]
    data_window: Window
    display_window: Window
    compression: int
    tile: tuple[int, int] | None
    chunks: int

    @property
    def decoded_bytes(self) -> int:
        """Bytes of all channels over the data window, in the stored types."""
        return self.data_window.width * self.data_window.height * sum(c.dtype.itemsize for c in self.channels)


def read_exr_header(path: Path) -> list[ExrPart]:
    """Read the headers of every part and check that the file is whole.

    Raises FrameError, in one line, for a file that is missing, empty, unreadable, of another format, deep,
    damaged, larger than ``MAX_DECODED_BYTES`` once decoded or ``MAX_SIDE`` along a side, too short for the
    pixels that it promises, or not written to its end.
    """
    return patiently(lambda: _read(path), path)


def read_head(path: Path, stream: BufferedFile) -> bytes:
    """Every header of an open file and the table of its chunks, as bytes; the chunks themselves may lack. Raises
    FrameError, OSError."""
    with _one_line(path):
        parts, _ = _headers(path, stream, os.fstat(stream.fileno()).st_size)
        end = stream.tell() + 8 * sum(part.chunks for part in parts)
        stream.seek(0)
        return stream.read(end)


def _read(path: Path) -> list[ExrPart]:
    try:
        with open_file(path) as stream, _one_line(path):
            size = os.fstat(stream.fileno()).st_size
            parts, multipart = _headers(path, stream, size)
            _check_promises(path, size, parts)
            _check_chunks(path, stream, size, parts, multipart)
            return parts
    except FileNotFoundError:
        raise FrameError(f"{path}: there is no such file") from None
    except IsADirectoryError:
        raise FrameError(f"{path}: is a folder, not an OpenEXR file; name a file in it") from None
    except PermissionError:
        raise FrameError(f"{path}: may not be read; check its permissions") from None
    except OSError as error:
        raise FrameError(f"{path}: cannot be read ({error.strerror or error})") from None


@contextmanager
def _one_line(path: Path) -> Iterator[None]:
    """What parsing stumbles over, as a FrameError."""
    try:
        yield
    except (struct.error, IndexError, EOFError, KeyError, ValueError):
        raise FrameError(f"{path}: its header is damaged or cut off; render or copy it again") from None


def _headers(path: Path, stream: BufferedFile, size: int) -> tuple[list[ExrPart], bool]:
    """The parts, and whether it is a file of several; the stream stands at the table of chunks."""
    head = stream.read(8)
    if not head:
        raise FrameError(f"{path}: is an empty file; render or copy it again")
    if head[:4] != b"\x76\x2f\x31\x01":
        other = next((name for magic, name in _OTHER_FORMATS.items() if head.startswith(magic)), None)
        raise FrameError(f"{path}: is {'a ' + other if other else 'no OpenEXR'} file; convert it to OpenEXR")
    flags = struct.unpack("<I", head[4:])[0]
    if flags & 0x800:
        raise FrameError(f"{path}: holds deep pixels; flatten it first (DeepToImage, oiiotool --flatten)")
    multipart = bool(flags & 0x1000)
    parts: list[ExrPart] = []
    budget = _Budget(min(_MAX_HEADER_BYTES, size))
    while True:
        stored = list(_attributes(stream, budget))
        attributes = dict(stored)
        if len(attributes) < len(stored):
            raise FrameError(f"{path}: two of its attributes have one name; its header is damaged")
        if not attributes and multipart and parts:
            break
        parts.append(_part(path, attributes, bool(flags & 0x200), budget))
        if not multipart:
            break
    if sum(part.chunks for part in parts) > _MAX_CHUNKS:
        raise FrameError(f"{path}: its header promises more than {_MAX_CHUNKS:,} blocks of pixels; it is damaged")
    return parts, multipart


@dataclass
class _Budget:
    """What a file's headers may still take, so that none of it is believed before it is there."""

    size: int
    attributes: int = _MAX_ATTRIBUTES
    channels: int = _MAX_CHANNELS

    def spend(self, *, size: int = 0, attributes: int = 0, channels: int = 0) -> None:
        """Raises EOFError when it is used up."""
        self.size -= size
        self.attributes -= attributes
        self.channels -= channels
        if min(self.size, self.attributes, self.channels) < 0:
            raise EOFError


def _check_promises(path: Path, size: int, parts: list[ExrPart]) -> None:
    """Refuse a file that promises more pixels than anybody wants, or than so few bytes can hold."""
    decoded = sum(part.decoded_bytes for part in parts)
    if decoded > MAX_DECODED_BYTES:
        raise FrameError(
            f"{path}: its header promises {decoded / 2**30:.0f} GiB of pixels, more than "
            f"{MAX_DECODED_BYTES >> 30} GiB; it is damaged, or must be cropped first"
        )
    least = sum(
        part.decoded_bytes // _SHRINKS_MORE.get(COMPRESSIONS[part.compression][0], _SHRINKS) for part in parts
    )
    if decoded > _DOUBTED_BYTES and size < least:
        raise FrameError(
            f"{path}: its header promises {decoded / 2**30:.1f} GiB of pixels, more than a file of {size} bytes "
            "can hold; it is damaged"
        )


def replace_attributes(path: Path, wanted: Sequence[Mapping[str, tuple[str, bytes]]]) -> None:
    """Overwrite the attributes of a file with the bytes that are ``wanted`` where only the bytes differ."""
    with path.open("r+b") as stream:
        stream.seek(8)
        budget = _Budget(_MAX_HEADER_BYTES)
        edits = []
        for part in wanted:
            for name, (kind, data) in _attributes(stream, budget):
                other = part.get(name, (kind, data))
                if other != (kind, data) and other[0] == kind and len(other[1]) == len(data):
                    edits.append((stream.tell() - len(data), other[1]))
        for at, data in edits:
            stream.seek(at)
            stream.write(data)


def _text(stream: BufferedFile) -> bytes:
    """Read a name that ends with a zero byte; names are at most 255 bytes long."""
    name = b""
    while len(name) <= 255 and (ahead := stream.peek(1)):
        piece, end, _ = ahead[: 256 - len(name)].partition(b"\0")
        stream.read(len(piece) + len(end))
        name += piece
        if end:
            return name
    raise EOFError


def _attributes(stream: BufferedFile, budget: _Budget) -> Iterator[tuple[str, tuple[str, bytes]]]:
    while name := _text(stream):
        kind = _text(stream).decode("utf-8")
        length = struct.unpack("<i", stream.read(4))[0]
        if length < 0:
            raise EOFError
        budget.spend(size=length, attributes=1)
        data = stream.read(length)
        if len(data) != length:
            raise EOFError
        yield name.decode("utf-8"), (kind, data)


def _window(data: bytes) -> Window:
    x0, y0, x1, y1 = struct.unpack("<4i", data)
    return Window(x0, y0, x1 - x0 + 1, y1 - y0 + 1)


def _channels(data: bytes, budget: _Budget) -> Iterator[ExrChannel]:
    at = 0
    while data[at]:
        budget.spend(channels=1)
        end = data.index(b"\0", at)
        kind, linear, across, down = struct.unpack_from("<iB3x2i", data, end + 1)
        name = data[at:end].decode("utf-8")
        yield ExrChannel(name, PIXEL_TYPES[kind], bool(linear), (across, down))
        at = end + 17


def _part(path: Path, attributes: dict[str, tuple[str, bytes]], tiled: bool, budget: _Budget) -> ExrPart:
    kind = attributes.get("type", ("", b""))[1].rstrip(b"\0")
    if kind.startswith(b"deep"):
        raise FrameError(f"{path}: holds deep pixels; flatten it first (DeepToImage, oiiotool --flatten)")
    window = _window(attributes["dataWindow"][1])
    display = _window(attributes["displayWindow"][1])
    for what, size in (("data", window), ("display", display)):
        if not (0 < size.width <= MAX_SIDE and 0 < size.height <= MAX_SIDE):
            raise FrameError(
                f"{path}: its {what} window is {size.width}x{size.height}, where a side has 1 to {MAX_SIDE} "
                "pixels; the header is damaged, or the picture must be cropped first"
            )
    compression = attributes["compression"][1][0]
    if compression not in COMPRESSIONS:
        raise FrameError(f"{path}: its compression (number {compression}) is unknown; write it as ZIP first")
    channels = tuple(_channels(attributes["channels"][1], budget))
    if not channels:
        raise FrameError(f"{path}: has a part without channels")
    if len({channel.name for channel in channels}) < len(channels):
        raise FrameError(f"{path}: two of its channels have one name; the header is damaged")
    for channel in channels:
        if channel.sampling != (1, 1):
            raise FrameError(
                f"{path}: channel {channel.name!r} is stored at a lower resolution than the picture "
                "(luminance and chroma); write it as RGB first"
            )
    tile = None
    if (tiled and "type" not in attributes) or kind == b"tiledimage":
        across, down, mode = struct.unpack("<IIB", attributes["tiles"][1])
        pixel = sum(channel.dtype.itemsize for channel in channels)
        if not (0 < across <= MAX_SIDE and 0 < down <= MAX_SIDE) or across * down * pixel > _MAX_TILE_BYTES:
            raise FrameError(f"{path}: its header gives tiles of {across}x{down}; it is damaged")
        tile = (across, down)
        chunks = _tile_count(window.width, window.height, across, down, mode)
    else:
        chunks = -(-window.height // COMPRESSIONS[compression][1])
    return ExrPart(attributes, channels, window, display, compression, tile, chunks)


def _tile_count(width: int, height: int, across: int, down: int, mode: int) -> int:
    """Number of tiles over all levels; ``mode`` is the file's level mode plus 16 when sizes round up."""

    def sizes(size: int, levels: int) -> list[int]:
        return [max(1, -(-size // (1 << n)) if mode & 16 else size >> n) for n in range(levels)]

    def levels(size: int) -> int:
        return ((size - 1).bit_length() if mode & 16 else size.bit_length() - 1) + 1

    kind = mode & 15
    if kind == 1:
        count = levels(max(width, height))
        grid = list(zip(sizes(width, count), sizes(height, count), strict=True))
    elif kind == 2:
        grid = [(w, h) for w in sizes(width, levels(width)) for h in sizes(height, levels(height))]
    else:
        grid = [(width, height)]
    return sum(-(-w // across) * -(-h // down) for w, h in grid)


def _check_chunks(path: Path, stream: BufferedFile, size: int, parts: list[ExrPart], multipart: bool) -> None:
    """Refuse a file that lacks a chunk: its table points nowhere, or past the file's end."""
    total = sum(part.chunks for part in parts)
    cut = FrameError(
        f"{path}: is not whole ({size} bytes, pixels missing); it was cut off, or its render has not ended"
    )
    start = stream.tell() + 8 * total
    if start > size:
        raise cut
    table = np.frombuffer(stream.read(8 * total), dtype="<u8")
    if len(table) != total or (table < start).any() or (table >= size).any():
        raise cut
    if len(np.unique(table)) < total:
        raise FrameError(f"{path}: two of its blocks of pixels lie at one place; its header is damaged")
    # Chunks lie one behind the other, so only the last one can reach past the end.
    last = int(table.argmax())
    owner = int(np.searchsorted(np.cumsum([part.chunks for part in parts]), last, side="right"))
    lead = (4 if multipart else 0) + (16 if parts[owner].tile else 4)
    stream.seek(int(table[last]) + lead)
    length = stream.read(4)
    if len(length) < 4 or int(table[last]) + lead + 4 + struct.unpack("<i", length)[0] > size:
        raise cut
