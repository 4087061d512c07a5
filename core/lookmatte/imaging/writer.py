"""Write a frame as OpenEXR: whole under its final name, or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lookmatte.errors import FrameError
from lookmatte.imaging.attributes import decode, encode
from lookmatte.imaging.exr_bits import ExrBitsError, Storage, write_parts
from lookmatte.imaging.exr_header import ExrPart
from lookmatte.imaging.exr_seal import open_seal, seal
from lookmatte.imaging.frame import Frame, Part, Pixels, Window
from lookmatte.imaging.patience import system_error
from lookmatte.imaging.reader import STRUCTURAL
from lookmatte.imaging.wholefile import write_whole

Value = str | int | float


def write_frame(
    frame: Frame, path: Path, *, attributes: Mapping[str, Value] | None = None, sealed: bool = False
) -> None:
    """Write every part of ``frame`` to ``path``, with ``attributes`` added to the first part, and ``sealed`` so
    that a change by another program shows (see :mod:`lookmatte.imaging.exr_seal`).

    Channels keep their stored types and bits; windows, part names and attributes are those of the frame, an
    attribute that nobody changed byte for byte. Parts whose compression loses precision are written as ZIP
    (see ``lossy_parts``). Raises FrameError when the file cannot be written; then nothing is left behind and
    a file that was there before stays.
    """
    write_parts_to(frame.parts, path, attributes=attributes, sealed=sealed)


def write_parts_to(
    parts: list[Part], path: Path, *, attributes: Mapping[str, Value] | None = None, sealed: bool = False
) -> None:
    """``write_frame`` for parts that need not hold a plate."""
    stored = any(part.compression == "none" for part in parts)
    attributes = {**(attributes or {}), **(open_seal(stored=stored) if sealed else {})}
    lossy = lossy_parts(parts)
    storages = [
        _storage(part, "zip" if index in lossy else part.compression, attributes if index == 0 else {})
        for index, part in enumerate(parts)
    ]

    def write(temporary: Path) -> None:
        try:
            write_parts(temporary, parts, storages)
        except ExrBitsError as error:
            raise system_error(error) or FrameError(f"{path}: cannot be written ({error})") from None
        if sealed:
            seal(temporary)

    write_whole(path, write, suffix=".exr")


def lossy_parts(parts: list[Part]) -> dict[int, str]:
    """Index and compression of the parts that ``write_frame`` stores as ZIP because theirs loses precision.

    Encoding decoded pixels once more would change them, untouched channels included, so this holds for every
    part of a file, changed or not.
    """
    found = {}
    for index, part in enumerate(parts):
        types = {np.dtype(pixels.dtype) for pixels in part.channels.values()}
        loses = {
            "dwaa": True, "dwab": True, "b44": np.dtype(np.float16) in types,
            "b44a": np.dtype(np.float16) in types, "pxr24": np.dtype(np.float32) in types,
        }  # fmt: skip
        if loses.get(part.compression, False):
            found[index] = part.compression
    return found


def new_part(
    channels: Mapping[str, Pixels],
    *,
    name: str = "",
    attributes: Mapping[str, Any] | None = None,
    compression: str = "zip",
) -> Part:
    """A part from arrays of one size: (height, width), float16, float32 or uint32; windows at the origin."""
    height, width = next(iter(channels.values())).shape
    window = Window(0, 0, width, height)
    return Part(name, dict(channels), window, window, dict(attributes or {}), compression)


def _storage(part: Part, compression: str, added: Mapping[str, Value]) -> Storage:
    if not isinstance(part.header, ExrPart):
        values = {**part.attributes, **added}
        return Storage(compression, {name: encode(value) for name, value in values.items()})
    header = part.header
    if {channel.name for channel in header.channels} != set(part.channels):
        raise ValueError("the part was read in part (only=...); writing it would lose its other channels")
    raw = _raw_attributes(part, header.attributes)
    raw.update({name: encode(value) for name, value in added.items()})
    order = header.attributes.get("lineOrder", ("", b""))[1]
    linear = {channel.name: channel.linear for channel in header.channels}
    return Storage(compression, raw, linear, order[0] if order in (b"\0", b"\1", b"\2") else 0, header.tile)


def _raw_attributes(part: Part, stored: Mapping[str, tuple[str, bytes]]) -> dict[str, tuple[str, bytes]]:
    """The part's attributes as stored: the file's own bytes where the value is still the one that was read."""
    raw = {}
    for name, value in part.attributes.items():
        if name in STRUCTURAL:
            continue
        kept = stored.get(name)
        raw[name] = kept if kept is not None and _same(decode(*kept), value) else encode(value)
    return raw


def _same(one: Any, other: Any) -> bool:
    """Equality in which NaN equals itself."""
    return bool(one == other) or repr(one) == repr(other)
