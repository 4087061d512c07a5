"""A seal on an OpenEXR file: whether what its header says of its making is still what its writer said.

Programs that open a file and save it under its own name keep its attributes, so an attribute alone does not tell
whose work the pixels are. The seal is a checksum over the whole header and the table of where every chunk of pixels
lies: another program's pixels take other room, and its header another form. It is read without reading a pixel.
"""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

from lookmatte.imaging.exr_header import read_head
from lookmatte.imaging.patience import open_file, patiently

SEAL = "lookmatte:seal"
OPEN = "0" * 32
"""The attribute's value while the file is written."""

_MARK = SEAL.encode() + b"\0string\0" + struct.pack("<i", len(OPEN))


def seal(path: Path) -> None:
    """Close the seal of a file that was written with the attribute ``SEAL``: ``OPEN`` in its first part. Raises
    FrameError, OSError."""
    head, at = _head(path)
    with path.open("r+b") as stream:
        stream.seek(at)
        stream.write(_checksum(head, at))


def is_sealed(path: Path) -> bool:
    """Is the seal there and whole? The end of the file may lack. Raises FrameError for what is no OpenEXR file,
    OSError for what cannot be read."""
    head, at = patiently(lambda: _head(path), path)
    return at >= 0 and head[at : at + len(OPEN)] == _checksum(head, at)


def _head(path: Path) -> tuple[bytes, int]:
    """Header and table of chunks as bytes, and where the seal's value begins in them; -1 where there is none."""
    with open_file(path) as stream:
        head = read_head(path, stream)
    found = head.find(_MARK)
    return head, -1 if found < 0 else found + len(_MARK)


def _checksum(head: bytes, at: int) -> bytes:
    total = hashlib.sha256(head[:at])
    total.update(OPEN.encode())
    total.update(head[at + len(OPEN) :])
    return total.hexdigest()[: len(OPEN)].encode()
