"""Archives of TorchScript, filled by the standard library: their tensors are records of raw little-endian numbers.

A model that an old torch has scripted loads in all later ones. Filled in this way it goes on doing so, whatever
torch is here. Python 3.8 reads this file as well, for the torch that makes the template.
"""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

TEMPLATE = Path(__file__).resolve().parent / "still.pt"

NOTES = "lookmatte.json"
"""An extra file in the archive: which record holds which tensor, and what the numbers were made of."""

_ALIGNMENT = 64
_FILLING = 0x4246  # torch's own mark of a field that only fills
_WHEN = (1980, 1, 1, 0, 0, 0)


class ArchiveError(ValueError):
    """An archive that is not the template, or numbers that do not fit it."""


def read_records(source: Path | BinaryIO) -> dict[str, bytes]:
    """All records of an archive by name, in their order."""
    with zipfile.ZipFile(source) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write_records(records: Mapping[str, bytes], target: Path | BinaryIO) -> None:
    """Write an archive as torch does: nothing compressed, each record aligned. Equal records make equal files."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, content in records.items():
            info = zipfile.ZipInfo(name, _WHEN)
            info.create_system = 0
            assert archive.fp is not None
            start = archive.fp.tell() + 30 + len(name.encode()) + 4
            fill = -start % _ALIGNMENT
            info.extra = struct.pack("<HH", _FILLING, fill) + b"Z" * fill
            archive.writestr(info, content)


def read_notes(records: Mapping[str, bytes]) -> dict[str, Any]:
    """The notes in an archive. ArchiveError where it has none."""
    try:
        notes = json.loads(records[_notes_record(records)].decode())
    except (StopIteration, ValueError):
        raise ArchiveError(f"the archive has no {NOTES}") from None
    if not isinstance(notes, dict):
        raise ArchiveError(f"{NOTES} is no mapping")
    return notes


def _notes_record(records: Mapping[str, bytes]) -> str:
    return next(name for name in records if name.endswith(f"/extra/{NOTES}"))


def filled(
    records: Mapping[str, bytes], tensors: Mapping[str, Sequence[float]], about: Mapping[str, Any]
) -> dict[str, bytes]:
    """The template's records with numbers in the place of its tensors', each tensor flat, last index fastest, and
    notes ``about`` them. ArchiveError where a tensor is missing, unknown or of another size."""
    notes = read_notes(records)
    places = notes["tensors"]
    if set(places) != set(tensors):
        raise ArchiveError(f"the tensors are {', '.join(sorted(places))}, not {', '.join(sorted(tensors))}")
    made = dict(records)
    for name, values in tensors.items():
        record = places[name]["record"]
        made[record] = struct.pack(f"<{len(values)}f", *values)
        if len(made[record]) != len(records[record]):
            raise ArchiveError(f"{name} holds {len(records[record]) // 4} numbers, not {len(values)}")
    made[_notes_record(records)] = json.dumps({**notes, **about}, sort_keys=True).encode()
    return made
