"""Attributes of a known name with another type or size: tolerated, or refused in one line."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from exr_files import raw_headers
from lookmatte.commands import inspect
from lookmatte.errors import FrameError
from lookmatte.imaging.attributes import decode
from lookmatte.imaging.reader import read_frame, read_header
from lookmatte.imaging.writer import write_frame

Make = Callable[..., Path]
RGB = {name: np.full((6, 8), 0.5, np.float16) for name in "RGB"}


def give(path: Path, name: str, kind: str, data: bytes) -> Path:
    """Put an attribute into the header of a file with a single chunk, whose table's entry moves with it."""
    old = path.read_bytes()
    table = next(at for at in range(8, len(old)) if struct.unpack_from("<Q", old, at)[0] == at + 8)
    added = f"{name}\0{kind}\0".encode() + struct.pack("<i", len(data)) + data
    moved = struct.pack("<Q", table + 8 + len(added))
    path.write_bytes(old[:8] + added + old[8:table] + moved + old[table + 8 :])
    return path


def seen(path: Path) -> dict[str, Any]:
    """What `inspect` finds, printed both ways."""
    found = inspect.find(str(path), None)
    assert inspect.describe(found, every_name=False)
    json.dumps(found, default=str, allow_nan=False)
    return found


STRANGE = {
    "multiView": ("int", struct.pack("<i", 5)),
    "view": ("float", struct.pack("<f", 5)),
    "envmap": ("envmap", b""),
    "aspect": ("float", b"\0"),
    "small": ("preview", struct.pack("<II", 3, 3) + bytes(4)),
    "rate": ("rational", struct.pack("<iI", 24, 0)),
    "corner": ("v2i", b"\0\0\0"),
}


@pytest.mark.parametrize("name", STRANGE)
def test_a_strange_attribute_does_not_keep_a_file_from_being_inspected(name: str, make_exr: Make) -> None:
    kind, data = STRANGE[name]
    path = give(make_exr((RGB, {})), name, kind, data)
    assert name in seen(path)["parts"][0]["attributes"]


@pytest.mark.parametrize("name", ["multiView", "view", "rate"])
def test_a_strange_attribute_is_kept(name: str, make_exr: Make, tmp_path: Path) -> None:
    path = give(make_exr((RGB, {})), name, *STRANGE[name])
    frame = read_frame(path)
    write_frame(frame, tmp_path / "out.exr")
    assert np.array_equal(read_frame(tmp_path / "out.exr").pixels(frame.rgb[0]), RGB["R"])
    assert raw_headers(tmp_path / "out.exr")[0][name] == STRANGE[name]


@pytest.mark.parametrize("name", ["envmap", "aspect", "corner"])
def test_a_value_that_the_library_cannot_write_is_refused_in_one_line(
    name: str, make_exr: Make, tmp_path: Path
) -> None:
    frame = read_frame(make_exr((RGB, {})))
    frame.parts[0].header.attributes[name] = STRANGE[name]
    frame.parts[0].attributes[name] = decode(*STRANGE[name])
    with pytest.raises(FrameError, match=r"^[^\n]*out\.exr: cannot be written[^\n]*$"):
        write_frame(frame, tmp_path / "out.exr")
    assert not (tmp_path / "out.exr").exists()


def test_a_preview_that_is_too_short_is_kept(make_exr: Make, tmp_path: Path) -> None:
    frame = read_frame(make_exr((RGB, {})))
    frame.parts[0].header.attributes["small"] = STRANGE["small"]
    frame.parts[0].attributes["small"] = decode(*STRANGE["small"])
    write_frame(frame, tmp_path / "out.exr")
    assert raw_headers(tmp_path / "out.exr")[0]["small"] == STRANGE["small"]


@pytest.mark.parametrize("value", ["square", float("nan"), -2.0])
def test_a_pixel_aspect_that_is_none_is_taken_as_one(value: Any, make_exr: Make) -> None:
    path = make_exr((RGB, {}))
    whole = path.read_bytes()
    old = b"pixelAspectRatio\0float\0" + struct.pack("<if", 4, 1.0)
    if isinstance(value, str):
        cut = whole.replace(old, b"", 1)
        gone = len(old)
        table = next(at for at in range(8, len(whole)) if struct.unpack_from("<Q", whole, at)[0] == at + 8)
        moved = struct.pack("<Q", table + 8 - gone)
        path.write_bytes(cut[: table - gone] + moved + cut[table - gone + 8 :])
        give(path, "pixelAspectRatio", "string", value.encode())
    else:
        path.write_bytes(whole.replace(old, old[:-4] + struct.pack("<f", value), 1))
    assert seen(path)["parts"][0]["pixel_aspect"] == 1.0


def test_part_names_in_latin_1_are_read_and_stay_apart(make_exr: Make, tmp_path: Path) -> None:
    depth = {"Z": np.ones((6, 8), np.float32)}
    path = make_exr((RGB, {"name": "plate-x"}), (depth, {"name": "plate-y"}))
    path.write_bytes(path.read_bytes().replace(b"plate-x", b"plate-\xe9").replace(b"plate-y", b"plate-\xe8"))
    assert [part.name for part in read_header(path).parts] == ["plate-é", "plate-è"]
    seen(path)
    frame = read_frame(path)
    write_frame(frame, tmp_path / "out.exr")
    again = read_frame(tmp_path / "out.exr")
    assert [part.name for part in again.parts] == ["plate-é", "plate-è"]
    assert np.array_equal(again.pixels(again.rgb[0]), RGB["R"])


@pytest.mark.parametrize("data", [b"", b"\7"])
def test_a_line_order_that_is_none_is_written_as_increasing(data: bytes, make_exr: Make, tmp_path: Path) -> None:
    frame = read_frame(make_exr((RGB, {})))
    frame.parts[0].header.attributes["lineOrder"] = ("lineOrder", data)
    write_frame(frame, tmp_path / "out.exr")
    assert raw_headers(tmp_path / "out.exr")[0]["lineOrder"] == ("lineOrder", b"\0")
