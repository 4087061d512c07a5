"""OpenEXR attribute values: from their stored bytes to plain Python, and back."""

from __future__ import annotations

import struct
from typing import Any

_COMPOUND = {
    "int": "<i", "float": "<f", "double": "<d", "v2i": "<2i", "v2f": "<2f", "v2d": "<2d", "v3i": "<3i",
    "v3f": "<3f", "v3d": "<3d", "box2i": "<4i", "box2f": "<4f", "m33f": "<9f", "m33d": "<9d", "m44f": "<16f",
    "m44d": "<16d", "chromaticities": "<8f", "rational": "<iI", "keycode": "<7i",
}  # fmt: skip
_NAMES = {
    "envmap": ("latlong", "cube"),
    "lineOrder": ("increasing y", "decreasing y", "random y"),
}


def decode(kind: str, data: bytes) -> Any:
    """Return the value as str, int, float or a tuple of them; ``bytes`` for types without a plain form.

    A time code becomes ``hh:mm:ss:ff``. A value whose size does not fit its type stays bytes.
    """
    if kind == "string":
        return data.decode("utf-8", "replace")
    if kind in _COMPOUND and len(data) == struct.calcsize(_COMPOUND[kind]):
        values = struct.unpack(_COMPOUND[kind], data)
        return values[0] if len(values) == 1 else values
    if kind == "timecode" and len(data) == 8:
        bits = struct.unpack("<I", data[:4])[0]
        fields = ((bits >> 24) & 0x3F, (bits >> 16) & 0x7F, (bits >> 8) & 0x7F, bits & 0x3F)
        return ":".join(f"{field >> 4}{field & 15}" for field in fields)
    if kind == "floatvector" and len(data) % 4 == 0:
        return struct.unpack(f"<{len(data) // 4}f", data)
    if kind == "stringvector":
        return _strings(data)
    if kind in _NAMES and len(data) == 1 and data[0] < len(_NAMES[kind]):
        return _NAMES[kind][data[0]]
    return data


def _strings(data: bytes) -> Any:
    found, at = [], 0
    while at + 4 <= len(data):
        length = struct.unpack_from("<i", data, at)[0]
        if not 0 <= length <= len(data) - at - 4:
            return data
        found.append(data[at + 4 : at + 4 + length].decode("utf-8", "replace"))
        at += 4 + length
    return tuple(found)


def encode(value: Any) -> tuple[str, bytes]:
    """Return (type name, stored bytes) for str, bool, int, float, bytes, or a tuple of strings or numbers.

    Raises TypeError for anything else.
    """
    if isinstance(value, str):
        return "string", value.encode("utf-8", "surrogateescape")
    if isinstance(value, bytes):
        return "bytes", value
    if isinstance(value, int):
        fits = -(2**31) <= value < 2**31
        return ("int", struct.pack("<i", value)) if fits else ("double", struct.pack("<d", value))
    if isinstance(value, float):
        return "float", struct.pack("<f", value)
    if isinstance(value, tuple) and value and all(isinstance(item, str) for item in value):
        texts = [item.encode("utf-8") for item in value]
        return "stringvector", b"".join(struct.pack("<i", len(text)) + text for text in texts)
    if isinstance(value, tuple) and value and all(isinstance(item, int | float) for item in value):
        whole = all(isinstance(item, int) for item in value)
        kind = {2: "v2", 3: "v3"}.get(len(value))
        if kind:
            letter = "i" if whole else "f"
            return kind + letter, struct.pack(f"<{len(value)}{letter}", *value)
        named = {8: "chromaticities", 9: "m33f", 16: "m44f"}.get(len(value), "floatvector")
        return named, struct.pack(f"<{len(value)}f", *value)
    raise TypeError(f"no OpenEXR attribute type holds {value!r}")
