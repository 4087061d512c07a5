"""``lookmatte inspect``: what an artist runs first: what a file holds, what its mattes are called."""

from __future__ import annotations

import argparse
import json
import os
import re
from pathlib import Path
from typing import Any

from lookmatte.commands.common import add_json
from lookmatte.commands.inspection import compare, inspect_file
from lookmatte.progress import printable

_NOTABLE = re.compile(r"(?i)timecode|framespersecond|fps|camera|focal|lens|fov|software|renderer|^view$")
_SHOWN_NAMES = 40
_SHOWN_BARE = 12


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "inspect",
        help="show parts, channels, windows, colour space and cryptomatte names",
        description="Show what an EXR file or sequence holds; cryptomatte names with their share of the frame.",
        allow_abbrev=False,
    )
    parser.add_argument("file", metavar="FILE|PATTERN", help="shot.1001.exr, or a sequence: shot.####.exr")
    parser.add_argument("--layer", metavar="L", help="one cryptomatte layer with all its names: object")
    add_json(parser)
    parser.set_defaults(run=run, forwards=False)


def run(args: argparse.Namespace) -> int:
    """Print the findings; 1 when frames of the sequence cannot be rendered together, else 0."""
    found = find(args.file, args.layer)
    if args.json:
        print(json.dumps({"event": "inspect", **found}, default=str))
    else:
        print("\n".join(printable(line) for line in describe(found, every_name=args.layer is not None)))
    return 1 if found.get("sequence", {}).get("differing") else 0


def find(text: str, layer: str | None) -> dict[str, Any]:
    """Describe a file, or the first frame of a sequence and how the others differ from it."""
    from lookmatte.imaging.sequence import Sequence

    if os.path.isfile(text):  # a name may hold what looks like a padding
        return inspect_file(Path(text), layer)
    sequence = Sequence.parse(text, Path.cwd())
    frames = sequence.require()
    found = inspect_file(sequence.path(frames[0]), layer)
    differing = {}
    for frame in frames[1:]:
        difference = compare(sequence.path(frame), found)
        if difference is not None:
            differing[frame] = difference
    holes = sorted(set(range(frames[0], frames[-1] + 1)) - set(frames))
    found["sequence"] = {"pattern": text, "frames": frames, "holes": holes, "differing": differing}
    return found


def describe(found: dict[str, Any], every_name: bool) -> list[str]:
    """The findings as aligned lines."""
    from lookmatte.imaging.sequence import describe_frames

    lines = [f"file      {found['file']}"]
    sequence = found.get("sequence")
    if sequence:
        frames = sequence["frames"]
        lines.append(f"sequence  {sequence['pattern']}: {len(frames)} frames, {describe_frames(frames)}")
        if sequence["holes"]:
            lines.append(f"missing   {describe_frames(sequence['holes'])}")
        lines += [f"differs   {frame}: {what}" for frame, what in sequence["differing"].items()]
    lines += _plate_lines(found)
    for index, part in enumerate(found["parts"]):
        lines += ["", *_part_lines(index, part)]
    for layer in found["cryptomattes"]:
        lines += ["", *_layer_lines(layer, every_name)]
    if not found["cryptomattes"]:
        lines += ["", "cryptomatte: none"]
    return lines + [f"note: {note}" for note in found["notes"]]


def _plate_lines(found: dict[str, Any]) -> list[str]:
    plate, color = found["plate"], found["color"]
    if plate is None:
        lines = ["plate     none: no red, green and blue to style"]
    else:
        kind = found["parts"][plate["part"]]["channels"][plate["rgb"][0]]
        alpha = f"alpha {plate['alpha']}" if plate["alpha"] else "no alpha"
        lines = [f"plate     {', '.join(plate['rgb'])}; {alpha}; {kind}, part {plate['part']}"]
    said = f"{color['space'] or 'unknown'} ({color['source']})"
    return [*lines, f"color     {said}", *(f"  note: {note}" for note in color["notes"])]


def _part_lines(index: int, part: dict[str, Any]) -> list[str]:
    x, y, width, height = part["display_window"]
    size = f"{width}x{height}" + (f" at {x},{y}" if (x, y) != (0, 0) else "")
    if part["data_window"] != part["display_window"]:
        x, y, width, height = part["data_window"]
        size += f", data window {width}x{height} at {x},{y}"
    if part["pixel_aspect"] != 1.0:
        size += f", pixel aspect {part['pixel_aspect']:g}"
    name = f" {part['name']}" if part["name"] else ""
    lines = [f"part {index}{name}: {size}, {part['compression']}"]
    groups: dict[tuple[str, str], list[str]] = {}
    for channel, kind in part["channels"].items():
        layer, _, component = channel.rpartition(".")
        groups.setdefault((layer, kind), []).append(component)
    wide = max((len(layer or "-") for layer, _ in groups), default=0)
    for (layer, kind), names in groups.items():
        lines.append(f"  {layer or '-':{wide}}  {kind:5}  {' '.join(names)}")
    for key, value in part["attributes"].items():
        text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        if _NOTABLE.search(key) and len(text) <= 80:
            lines.append(f"  {key} = {text}")
    return lines


def _layer_lines(layer: dict[str, Any], every_name: bool) -> list[str]:
    names, bare = layer["names"], layer["without_pixels"]
    manifest = f"names: {layer['manifest']}" if layer["manifest"] else "no manifest"
    lines = [f"cryptomatte {layer['name']}: {len(names)} in the frame, {layer['ranks']} ranks, {manifest}"]
    shown = names if every_name else names[:_SHOWN_NAMES]
    wide = max((len(printable(one["name"])) for one in shown), default=0)
    lines += [f"  {printable(one['name']):{wide}}  {one['percent']:8.3f} %" for one in shown]
    if len(shown) < len(names):
        lines.append(f"  and {len(names) - len(shown)} more; --layer {layer['name']} lists them")
    if bare:
        some = bare if every_name else bare[:_SHOWN_BARE]
        more = f" and {len(bare) - len(some)} more" if len(some) < len(bare) else ""
        lines.append(f"  without a pixel: {', '.join(some)}{more}")
    return lines + [f"  note: {note}" for note in layer["notes"]]
