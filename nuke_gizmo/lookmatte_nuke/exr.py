"""The header of an OpenEXR file, by the standard library: the size and the texts that a bake's pictures have."""

from __future__ import annotations

import struct
from typing import NamedTuple

_MAGIC = b"\x76\x2f\x31\x01"
_LONGEST = 1 << 20  # bytes; a bake's headers have some hundred


class HeaderError(ValueError):
    """A file that is no OpenEXR, or whose header is damaged."""


class Header(NamedTuple):
    """The first part's attributes by name, each its type and bytes."""

    attributes: dict[str, tuple[str, bytes]]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the data window."""
        kind, value = self.attributes.get("dataWindow", ("", b""))
        if kind != "box2i" or len(value) != 16:
            raise HeaderError("no data window")
        x1, y1, x2, y2 = struct.unpack("<4i", value)
        return x2 - x1 + 1, y2 - y1 + 1

    def text(self, name: str) -> str:
        """A string attribute."""
        kind, value = self.attributes.get(name, ("", b""))
        if kind != "string":
            raise HeaderError(f"no {name}")
        return value.decode("utf-8", "replace")


def read_header(path: str) -> Header:
    """Read a file's header. HeaderError for what is none; OSError where it cannot be read."""
    with open(path, "rb") as file:
        data = file.read(_LONGEST)
    if data[:4] != _MAGIC:
        raise HeaderError("no OpenEXR file")
    found: dict[str, tuple[str, bytes]] = {}
    at = 8
    try:
        while data[at]:
            name_end = data.index(b"\0", at)
            kind_end = data.index(b"\0", name_end + 1)
            start = kind_end + 5
            size = struct.unpack_from("<i", data, kind_end + 1)[0]
            if size < 0 or start + size > len(data):
                raise HeaderError("its header ends early")
            kind = data[name_end + 1 : kind_end].decode("ascii", "replace")
            found[data[at:name_end].decode("utf-8", "replace")] = kind, data[start : start + size]
            at = start + size
    except (IndexError, ValueError, struct.error):
        raise HeaderError("its header ends early") from None
    return Header(found)
