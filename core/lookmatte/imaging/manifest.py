"""Cryptomatte names and ids: the hash, and the manifests that list what a render contains.

An id is an unsigned 32-bit integer here, everywhere: the bits of the float that a file stores. As floats they
cannot be compared (a file may hold NaN, and -0 equals 0); as integers they can.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path

import mmh3

from lookmatte.errors import FrameError
from lookmatte.imaging.patience import first_bytes, passes

EMBEDDED = "embedded"
"""The source of a manifest that stands in the EXR itself."""

LARGEST = 1 << 26  # bytes; a manifest of a million long names is half of this
_KEPT = 1 << 22  # bytes of a manifest that may be kept beside 15 others; of larger ones, the last one


def float_safe(bits: int) -> int:
    """Apply the specification's exponent rule: an id that would be zero, denormal, infinite or NaN is moved.

    Where the eight exponent bits are all 0 or all 1, bit 23 is flipped. Idempotent. Writers of manifests
    forget it (one name in 128 is hit), so it is applied to ids from names and from manifests alike.
    """
    exponent = (bits >> 23) & 0xFF
    return bits ^ (1 << 23) if exponent in (0, 255) else bits


def id_of(name: str) -> int:
    """Return the id of a name: MurmurHash3_32 of its UTF-8 bytes, seed 0, made float-safe."""
    return float_safe(mmh3.hash(name.encode("utf-8", "surrogatepass"), 0, signed=False))


@dataclass(frozen=True)
class Manifest:
    """What a layer's manifest says. ``names`` maps name to id; ``source`` is where it was found.

    ``names`` is None when there is no manifest that can be read; ``error`` then says what is wrong with the
    one that is there, or is empty when there is none. ``notes`` are for a person to read.
    """

    names: dict[str, int] | None
    source: str
    error: str = ""
    notes: tuple[str, ...] = ()


def parse(text: str) -> Manifest:
    """Read a manifest's JSON text: ``{"name": "8 hex digits", ...}``. Never raises."""
    if len(text) > LARGEST:
        return Manifest(None, "", f"{len(text)} letters are no manifest")
    return _parse_small(text) if len(text) <= _KEPT else _parse_large(text)


def _parse(text: str) -> Manifest:
    try:
        stored = json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        return Manifest(None, "", f"not valid JSON ({reason})")
    if not isinstance(stored, dict):
        return Manifest(None, "", f"a JSON {type(stored).__name__} where names and ids are expected")
    names: dict[str, int] = {}
    doubtful: list[str] = []
    for name, value in stored.items():
        bits = _hex_id(value)
        if bits is None:
            doubtful.append(name)
            bits = id_of(name)
        names[name] = float_safe(bits)
    if not doubtful:
        return Manifest(names, "")
    first = ", ".join(repr(name) for name in doubtful[:3])
    note = f"{len(doubtful)} entries have no hexadecimal id (first: {first}); hashed from the name"
    return Manifest(names, "", notes=(note,))


# The frames of a shot repeat their manifests.
_parse_small = functools.lru_cache(maxsize=16)(_parse)
_parse_large = functools.lru_cache(maxsize=1)(_parse)


def _hex_id(value: object) -> int | None:
    if not isinstance(value, str):
        return None
    try:
        bits = int(value, 16)
    except ValueError:
        return None
    return bits if 0 <= bits <= 0xFFFFFFFF else None


def read(embedded: str | None, sidecar: str | None, folder: Path) -> Manifest:
    """Read a layer's manifest: the embedded one, else the sidecar beside the EXR in ``folder``.

    ``sidecar`` is a name read from a file and so never becomes a path outside ``folder``: anything but a
    plain file name is refused, with a note. Raises FrameError for one that the network does not give.
    """
    found = Manifest(None, "")
    if embedded is not None:
        parsed = parse(embedded)
        found = Manifest(parsed.names, EMBEDDED, parsed.error, parsed.notes)
        if found.names or (found.names is not None and not sidecar):
            return found
    if not sidecar:
        return found
    beside = _read_sidecar(sidecar, folder)
    if beside.names is None and found.names is not None:
        return Manifest(found.names, found.source, notes=(f"sidecar {sidecar!r}: {beside.error}",))
    if beside.names is None and found.error:
        return Manifest(None, found.source, found.error, (f"sidecar {sidecar!r}: {beside.error}",))
    return beside


def is_plain(name: str) -> bool:
    """Is it the name of a file beside another one, and no path?"""
    return name not in ("", ".", "..") and not any(sign in name for sign in "/\\:\0")


def _read_sidecar(name: str, folder: Path) -> Manifest:
    if not is_plain(name):
        return Manifest(None, name, "refused: a sidecar must be a plain file name beside the EXR")
    path = folder / name
    try:
        data = first_bytes(path, LARGEST + 1)
        if len(data) > LARGEST:
            return Manifest(None, name, f"more than {LARGEST} bytes are no manifest")
        text = data.decode("utf-8-sig")
    except FileNotFoundError:
        return Manifest(None, name, "there is no such file beside the EXR")
    except OSError as error:
        if passes(error):  # nobody knows what it says: that is another thing than a layer without names
            raise FrameError(f"{path}: cannot be read ({error.strerror})") from None
        return Manifest(None, name, f"cannot be read ({error.strerror})")
    except UnicodeDecodeError as error:
        return Manifest(None, name, f"not UTF-8 ({error.reason} at byte {error.start})")
    parsed = parse(text)
    return Manifest(parsed.names, name, parsed.error, parsed.notes)
