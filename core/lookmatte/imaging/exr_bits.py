"""Whole OpenEXR files through the OpenEXR module, bit for bit.

Why not OpenImageIO for all: its Python reads and writes the channels of a part in one type, so 32-bit integers
beside floats are rounded (4000000001 becomes 4294967295), or the file is decompressed once for each run of
channels of one type; and its writer renames attributes and drops types that it does not know.
"""

from __future__ import annotations

import struct
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lookmatte.imaging.exr_header import ExrPart, replace_attributes
from lookmatte.imaging.frame import Part, Pixels


class ExrBitsError(Exception):
    """The OpenEXR module cannot read or write this file; the message is its own."""


def read_channels(path: Path, parts: Sequence[ExrPart]) -> list[dict[str, Pixels]]:
    """Decode every channel of every part: (height, width) arrays, stored types, contiguous and writable.

    Raises ExrBitsError when a block of pixels is damaged, or an attribute's type is strange to the module.
    """
    import OpenEXR

    try:
        with _silenced():
            decoded = OpenEXR.File(str(path), separate_channels=True).parts
    except (RuntimeError, ValueError, ArithmeticError) as error:  # a rational number may be x/0
        raise ExrBitsError(str(error)) from None
    if len(decoded) != len(parts):
        raise ExrBitsError("a block of pixels is damaged")
    found: list[dict[str, Pixels]] = []
    for part, header in zip(decoded, parts, strict=True):
        window = header.data_window
        channels = {channel.name: part.channels[channel.name].pixels for channel in header.channels}
        for channel in header.channels:
            pixels = channels[channel.name]
            if pixels.shape != (window.height, window.width) or pixels.dtype != channel.dtype:
                raise ExrBitsError(f"channel {channel.name!r} came back as {pixels.dtype} {pixels.shape}")
        found.append(channels)
    return found


@contextmanager
def threads_in_files(count: int) -> Iterator[None]:
    """While it lasts, a file is read and written by ``count`` threads: for frames that come one at a time. Where
    several come together, each by a thread of its own is faster. Begin and end it while no file is open."""
    import OpenEXR

    before = OpenEXR.global_thread_count()
    wanted = count if count > 1 else 0
    if wanted != before:
        OpenEXR.set_global_thread_count(wanted)
    try:
        yield
    finally:
        if wanted != before:
            OpenEXR.set_global_thread_count(before)


class _ThreadFilter:
    """Stands in for ``sys.stdout`` and drops what the muted threads write."""

    def __init__(self) -> None:
        self.target: Any = sys.stdout
        self.muted: set[int] = set()

    def write(self, text: str) -> int:
        return len(text) if threading.get_ident() in self.muted else int(self.target.write(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.target, name)


# One that lives for ever, and keeps its target: print() of another thread may still hold either of the two
# without owning it (CPython before 3.14), so an exchange of objects that die would crash it.
_filter = _ThreadFilter()
_filter_lock = threading.Lock()


@contextmanager
def _silenced() -> Iterator[None]:
    """Drop the warnings that the OpenEXR module prints from this thread; other threads print on."""
    me = threading.get_ident()
    with _filter_lock:
        if sys.stdout is not _filter:
            _filter.target = sys.stdout
            sys.stdout = _filter
        _filter.muted.add(me)
    try:
        yield
    finally:
        with _filter_lock:
            _filter.muted.discard(me)
            if not _filter.muted and sys.stdout is _filter:
                sys.stdout = _filter.target


@dataclass(frozen=True)
class Storage:
    """How one part lies in its file, beside its pixels and windows.

    ``attributes`` are (type name, stored bytes); ``linear`` the channels' pLinear flags; ``line_order`` the
    file's number (0 increasing y, 1 decreasing y, 2 random y); ``tile`` (width, height), None for scan lines.
    """

    compression: str
    attributes: Mapping[str, tuple[str, bytes]] = field(default_factory=dict)
    linear: Mapping[str, bool] = field(default_factory=dict)
    line_order: int = 0
    tile: tuple[int, int] | None = None


def write_parts(path: Path, parts: Sequence[Part], storages: Sequence[Storage]) -> None:
    """Write ``parts``, each stored as its entry of ``storages`` says.

    Raises ExrBitsError when the file cannot be written whole.
    """
    import OpenEXR

    try:
        many = len(parts) > 1
        made = [
            _exr_part(part, storage, part.name or (f"part{index}" if many else ""))
            for index, (part, storage) in enumerate(zip(parts, storages, strict=True))
        ]
        OpenEXR.File(made).write(str(path))
        replace_attributes(path, [storage.attributes for storage in storages])
    except (RuntimeError, ValueError, TypeError) as error:
        raise ExrBitsError(str(error)) from None


def _exr_part(part: Part, storage: Storage, name: str) -> Any:
    import OpenEXR

    header: dict[str, Any] = {key: _native(kind, data) for key, (kind, data) in storage.attributes.items()}
    header["compression"] = getattr(OpenEXR, _COMPRESSION_CONSTANTS[storage.compression])
    header["lineOrder"] = OpenEXR.LineOrder(storage.line_order)
    header["dataWindow"] = _box(part.data_window)
    header["displayWindow"] = _box(part.display_window)
    header["type"] = OpenEXR.scanlineimage
    if storage.tile is not None:
        header["type"] = OpenEXR.tiledimage
        header["tiles"] = tiles = OpenEXR.TileDescription()
        tiles.xSize, tiles.ySize = storage.tile
        tiles.mode = OpenEXR.LevelMode.ONE_LEVEL
        tiles.roundingMode = OpenEXR.LevelRoundingMode.ROUND_DOWN
    if name:
        header["name"] = name
    channels = {}
    for key, pixels in part.channels.items():
        channels[key] = channel = OpenEXR.Channel(1, 1, storage.linear.get(key, False))
        # The module ignores strides: a strided view would be written as other pixels.
        channel.pixels = np.ascontiguousarray(pixels)
    return OpenEXR.Part(header, channels, name)


_COMPRESSION_CONSTANTS = {
    "none": "NO_COMPRESSION", "rle": "RLE_COMPRESSION", "zips": "ZIPS_COMPRESSION", "zip": "ZIP_COMPRESSION",
    "piz": "PIZ_COMPRESSION", "pxr24": "PXR24_COMPRESSION", "b44": "B44_COMPRESSION",
    "b44a": "B44A_COMPRESSION", "dwaa": "DWAA_COMPRESSION", "dwab": "DWAB_COMPRESSION",
    "htj2k256": "HTJ2K256_COMPRESSION", "htj2k32": "HTJ2K32_COMPRESSION",
}  # fmt: skip


def _box(window: Any) -> tuple[Any, Any]:
    low = np.array([window.x, window.y], np.int32)
    return low, low + np.array([window.width - 1, window.height - 1], np.int32)


_NUMBERS: dict[str, tuple[Any, tuple[int, ...]]] = {
    "v2i": (np.int32, (2,)), "v2f": (np.float32, (2,)), "v2d": (np.float64, (2,)), "v3i": (np.int32, (3,)),
    "v3f": (np.float32, (3,)), "v3d": (np.float64, (3,)), "m33f": (np.float32, (3, 3)),
    "m33d": (np.float64, (3, 3)), "m44f": (np.float32, (4, 4)), "m44d": (np.float64, (4, 4)),
    "double": (np.float64, (1,)), "box2i": (np.int32, (2, 2)), "box2f": (np.float32, (2, 2)),
}  # fmt: skip


def _native(kind: str, data: bytes) -> Any:
    """The attribute as the module takes it: its own class for values that it knows, else opaque bytes."""
    import OpenEXR

    try:
        return _typed(kind, data)
    except (IndexError, ValueError, struct.error):  # a size that does not fit the type
        return OpenEXR.OpaqueAttribute(data, kind)


def _typed(kind: str, data: bytes) -> Any:
    import OpenEXR

    if kind == "string":
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            return "?" * len(data)  # replace_attributes puts the bytes in their place afterwards
    if kind in _NUMBERS:
        dtype, shape = _NUMBERS[kind]
        value = np.frombuffer(data, dtype).reshape(shape).copy()
        return (value[0], value[1]) if kind.startswith("box") else value
    if kind == "float":
        return struct.unpack("<f", data)[0]
    if kind == "int":
        return struct.unpack("<i", data)[0]
    if kind == "chromaticities":
        return struct.unpack("<8f", data)
    if kind == "envmap":
        return OpenEXR.Envmap(data[0])
    if kind == "compression":
        return OpenEXR.Compression(data[0])
    if kind == "preview":
        width, height = struct.unpack("<II", data[:8])
        rgba = np.frombuffer(data, np.uint8, offset=8).reshape(height, width, 4)
        pixels = np.empty((height, width), OpenEXR.PreviewImage(1, 1).pixels.dtype)
        for at, component in enumerate("rgba"):
            pixels[component] = rgba[..., at]
        return OpenEXR.PreviewImage(pixels)
    return OpenEXR.OpaqueAttribute(data, kind)
