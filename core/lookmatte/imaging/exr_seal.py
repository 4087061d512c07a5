"""A seal on an OpenEXR file: whether what its header says of its making is still what its writer said.

Programs that open a file and save it under its own name keep its attributes, so an attribute alone does not tell
whose work the pixels are. The seal is a checksum over the whole header and the table of where every chunk of pixels
lies: another program's pixels take other room, and its header another form. It is read without reading a pixel.
Pixels that are stored as they are take the same room whatever they are; a file that has such a part carries a
checksum of them as well, for :func:`has_its_pixels`.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path

from lookmatte.imaging.exr_header import read_head
from lookmatte.imaging.patience import open_file, patiently

SEAL, PIXELS = "lookmatte:seal", "lookmatte:pixels"
_OPEN = {SEAL: "0" * 32, PIXELS: "0" * 8}  # while the file is written
_PIECE = 1 << 20  # bytes


def open_seal(*, stored: bool) -> Mapping[str, str]:
    """The attributes that a file is written with which is to be sealed; ``stored``: it has an uncompressed part."""
    return _OPEN if stored else {SEAL: _OPEN[SEAL]}


def seal(path: Path) -> None:
    """Close the seal of a file that was written with :func:`open_seal`'s attributes. Raises FrameError, OSError."""
    head = _head(path)
    at = _place(head, PIXELS)
    with path.open("r+b") as stream:
        if at >= 0:
            value = _pixels(path, len(head))
            head = head[:at] + value + head[at + len(value) :]
            stream.seek(at)
            stream.write(value)
        at = _place(head, SEAL)
        stream.seek(at)
        stream.write(_checksum(head, at))


def is_sealed(path: Path) -> bool:
    """Is the seal there and whole? The end of the file may lack. Raises FrameError for what is no OpenEXR file,
    OSError for what cannot be read."""
    head = patiently(lambda: _head(path), path)
    at = _place(head, SEAL)
    return at >= 0 and head[at : at + len(_OPEN[SEAL])] == _checksum(head, at)


def has_its_pixels(path: Path) -> bool:
    """Does a sealed file still hold the pixels that it was sealed with? It is read whole where only that can tell.
    Raises FrameError, OSError."""
    head = patiently(lambda: _head(path), path)
    at = _place(head, PIXELS)
    return at < 0 or head[at : at + len(_OPEN[PIXELS])] == patiently(lambda: _pixels(path, len(head)), path)


def _head(path: Path) -> bytes:
    """Header and table of chunks."""
    with open_file(path) as stream:
        return read_head(path, stream)


def _place(head: bytes, name: str) -> int:
    """Where an attribute's value begins; -1 where there is none."""
    mark = name.encode() + b"\0string\0" + struct.pack("<i", len(_OPEN[name]))
    found = head.find(mark)
    return -1 if found < 0 else found + len(mark)


def _checksum(head: bytes, at: int) -> bytes:
    total = hashlib.sha256(head[:at])
    total.update(_OPEN[SEAL].encode())
    total.update(head[at + len(_OPEN[SEAL]) :])
    return total.hexdigest()[: len(_OPEN[SEAL])].encode()


def _pixels(path: Path, begin: int) -> bytes:
    """A checksum of all that follows the head. It tells a change; nobody needs to be kept from forging one."""
    total = 0
    with open_file(path) as stream:
        stream.seek(begin)
        while piece := stream.read(_PIECE):
            total = zlib.crc32(piece, total)
    return b"%08x" % total
