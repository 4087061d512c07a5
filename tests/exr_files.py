"""OpenEXR files for the tests, written and read without lookmatte's own reader and writer."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR

RawHeader = dict[str, tuple[str, bytes]]


def write_exr(path: Path, *parts: tuple[dict[str, Any], dict[str, Any]]) -> Path:
    """Write parts of (channels, header): OpenEXR's own keys; ``window`` and ``display`` (x, y, width, height)."""
    made = []
    for channels, header in parts:
        header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage, **header}
        for short, long in (("window", "dataWindow"), ("display", "displayWindow")):
            if short in header:
                x, y, width, height = header.pop(short)
                header[long] = (np.array([x, y], np.int32), np.array([x + width - 1, y + height - 1], np.int32))
        arrays = {name: np.ascontiguousarray(pixels) for name, pixels in channels.items()}
        made.append(OpenEXR.Part(header, arrays, header.get("name", "")))
    OpenEXR.File(made).write(str(path))
    return path


def raw_headers(path: Path) -> list[RawHeader]:
    """Every part's attributes as (type, bytes): a second, independent reading of the file's header."""
    data = path.read_bytes()
    multipart = bool(struct.unpack_from("<I", data, 4)[0] & 0x1000)
    at, parts = 8, []
    while data[at] or not parts:
        part: RawHeader = {}
        while data[at]:
            end = data.index(b"\0", at)
            kind_end = data.index(b"\0", end + 1)
            size = struct.unpack_from("<i", data, kind_end + 1)[0]
            start = kind_end + 5
            part[data[at:end].decode()] = (data[end + 1 : kind_end].decode(), data[start : start + size])
            at = start + size
        at += 1
        parts.append(part)
        if not multipart:
            break
    return parts
