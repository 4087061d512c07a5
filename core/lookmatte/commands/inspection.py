"""What a file holds, as plain values: the findings that ``lookmatte inspect`` prints."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookmatte.errors import FrameError, InputError

if TYPE_CHECKING:
    from lookmatte.imaging.frame import Window
    from lookmatte.imaging.reader import FrameHeader, PartHeader

_HIDDEN = re.compile(r"cryptomatte/[^/]+/manifest$")
TYPES = {"float16": "half", "float32": "float", "uint32": "uint"}


def inspect_file(path: Path, layer: str | None = None) -> dict[str, Any]:
    """Describe one EXR file: its parts, its plate, its colour space and its cryptomattes with their coverage.

    ``layer`` keeps one cryptomatte layer (object, material, asset or its name). Raises InputError for a file
    that cannot be read, and for an unknown layer with the nearest ones.
    """
    from lookmatte.imaging.reader import read_header

    try:
        header = read_header(path)
        return {
            "file": str(path),
            "parts": [_part(part) for part in header.parts],
            "plate": _plate(header),
            "color": _color(header),
            "cryptomattes": _cryptomattes(header, layer),
            "notes": list(header.notes),
        }
    except FrameError as error:
        raise InputError(str(error)) from None


def compare(path: Path, first: dict[str, Any]) -> str | None:
    """Say how a frame differs from the first of its sequence in what a render relies on, or None."""
    from lookmatte.imaging.reader import read_header

    try:
        parts = [_part(part) for part in read_header(path).parts]
    except FrameError as error:
        return str(error)
    wanted = first["parts"]
    if len(parts) != len(wanted):
        return f"{len(parts)} parts instead of {len(wanted)}"
    for part, other in zip(parts, wanted, strict=True):
        (a, b), (c, d) = part["display_window"][2:], other["display_window"][2:]
        if (a, b) != (c, d):
            return f"{a}x{b} instead of {c}x{d}"
        if part["channels"] != other["channels"]:
            odd = sorted(part["channels"].keys() ^ other["channels"].keys())
            return f"other channels: {', '.join(odd[:4])}" if odd else "channels of another type"
    return None


def _window(window: Window) -> list[int]:
    return [window.x, window.y, window.width, window.height]


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no such number
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _aspect(stored: Any) -> float:
    """A ratio that is one, else 1: the attribute may hold anything."""
    number = isinstance(stored, int | float) and math.isfinite(stored) and stored > 0
    return float(stored) if number else 1.0


def _part(part: PartHeader) -> dict[str, Any]:
    return {
        "name": part.name,
        "channels": {name: TYPES.get(str(kind), str(kind)) for name, kind in part.channels.items()},
        "data_window": _window(part.data_window),
        "display_window": _window(part.display_window),
        "pixel_aspect": _aspect(part.attributes.get("pixelAspectRatio")),
        "compression": part.compression,
        "attributes": {k: _plain(v) for k, v in part.attributes.items() if not _HIDDEN.search(k)},
    }


def _plate(header: FrameHeader) -> dict[str, Any] | None:
    if header.plate is None:
        return None
    part = header.plate.rgb[0][0]
    return {
        "part": part,
        "rgb": [name for _, name in header.plate.rgb],
        "alpha": None if header.plate.alpha is None else header.plate.alpha[1],
    }


def _color(header: FrameHeader) -> dict[str, Any]:
    """The plate's space as a render would take it, and what says so; ``assumed`` when nothing does."""
    from lookmatte.imaging.colour import plate_matrix

    if header.plate is None:
        return {"space": None, "source": "no plate", "notes": []}
    attributes = header.parts[header.plate.rgb[0][0]].attributes
    try:
        colour = plate_matrix(None, attributes=attributes)
    except InputError as error:
        return {"space": None, "source": "unusable", "notes": [str(error)]}
    return {"space": colour.space, "source": colour.source, "notes": list(colour.notes)}


def _cryptomattes(header: FrameHeader, layer: str | None) -> list[dict[str, Any]]:
    from lookmatte.imaging.cryptomatte import coverage_table, layers
    from lookmatte.imaging.frame import Frame
    from lookmatte.imaging.reader import read_parts
    from lookmatte.imaging.selection import match_layers

    found = layers(header)
    if layer is not None:
        found = match_layers(header, found, layer)
    keys = {key for one in found if not one.damage for pair in one.ranks for key in pair}
    # A file of mattes has no colour; its first part then gives the windows.
    rgb = header.plate.rgb if header.plate is not None else ((0, ""), (0, ""), (0, ""))
    frame = Frame(header.path, read_parts(header.path, only=keys), rgb, None)
    described = []
    for one in found:
        rows = coverage_table(frame, one)
        described.append(
            {
                "name": one.name,
                "ranks": len(one.ranks),
                "manifest": one.manifest_source or None,
                "names": [
                    {"name": name, "id": f"{bits:08x}", "percent": round(100 * covered, 4)}
                    for name, bits, covered in rows
                    if covered > 0
                ],
                "without_pixels": sorted(name for name, _, covered in rows if covered == 0),
                "notes": list(one.notes),
            }
        )
    return described
