"""Headers that lie about sizes are refused, in a line, before the memory is taken that they ask for.

Each file is read in a process that may take a gibibyte beyond what it has once its libraries are there, and whose
resident memory is looked at afterwards.
"""

from __future__ import annotations

import json
import os
import resource
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import pytest

from exr_files import write_exr
from lookmatte.errors import FrameError, InputError
from lookmatte.imaging.manifest import LARGEST, parse
from lookmatte.imaging.mattefile import load_matte
from lookmatte.imaging.picture import read_picture
from lookmatte.jobhash import checksum

ROOT = Path(__file__).resolve().parents[2]
SIDE = 16_000
ALLOWED = 1 << 30
TAKEN = 200 << 20

_READER = """
import json, resource, sys
from pathlib import Path
import OpenEXR, OpenImageIO, torch
from lookmatte.errors import LookmatteError
from lookmatte.imaging.mattefile import load_matte
from lookmatte.imaging.picture import read_picture
from lookmatte.imaging.reader import read_frame, read_parts

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()

size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + int(sys.argv[1]),) * 2)
for line in sys.stdin:
    path = Path(line.strip())
    for read in (read_picture, load_matte, read_frame, read_parts):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        try:
            read(path)
            said = None
        except LookmatteError as error:
            said = str(error)
        taken = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10
        print(json.dumps([read.__name__, said, taken]), flush=True)
"""


@pytest.fixture(scope="module")
def reader() -> Iterator[subprocess.Popen[str]]:
    if sys.platform != "linux":
        pytest.skip("needs Linux")
    process = subprocess.Popen(
        [sys.executable, "-c", _READER, str(ALLOWED)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "core"), "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"},
    )  # fmt: skip
    yield process
    assert process.stdin is not None
    process.stdin.close()
    process.wait(timeout=60)


def png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 16, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def tiff(width: int, height: int, *, samples: int = 4, strips: int = 1) -> bytes:
    values = {256: width, 257: height, 258: 16, 259: 1, 262: 2, 273: 8, 277: samples, 278: height, 279: 100}
    counts = {273: strips, 279: strips}
    entries = [struct.pack("<HHII", tag, 4, counts.get(tag, 1), value) for tag, value in values.items()]
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + b"".join(entries) + bytes(104)


def jpeg(width: int, height: int) -> bytes:
    frame = b"\xff\xc0\0\x11\x08" + struct.pack(">HH", height, width) + b"\x03\x01\x11\0\x02\x11\0\x03\x11\0"
    scan = b"\xff\xda\0\x0c\x03\x01\0\x02\0\x03\0\0\x3f\0"
    return b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0" + frame + scan + bytes(100) + b"\xff\xd9"


def hdr(width: int, height: int) -> bytes:
    return b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y %d +X %d\n" % (height, width) + bytes(100)


def tga(width: int, height: int, kind: int) -> bytes:
    return struct.pack("<BBBHHBHHHHBB", 0, 0, kind, 0, 0, 0, 0, 0, width, height, 32, 0) + bytes(50)


def bmp(width: int, height: int) -> bytes:
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 32, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 100, 0, 0, 54) + info


def gif(width: int, height: int) -> bytes:
    screen = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6)
    return screen + b"\x2c" + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x44\x01\0\x3b"


def psd(side: int) -> bytes:
    return b"8BPS" + struct.pack(">H6xHIIHH", 1, 4, side, side, 8, 3) + bytes(14)


PICTURES = {
    "large.png": png(SIDE, SIDE),
    "larger.png": png(100_000, 100_000),
    "largest.png": png(2**31 - 1, 2**31 - 1),
    "large.tif": tiff(SIDE, SIDE),
    "larger.tif": tiff(10**6, 10**6),
    "strips.tif": tiff(SIDE, SIDE, strips=1 << 28),
    "samples.tif": tiff(1000, 1, samples=65_535),
    "large.jpg": jpeg(65_500, 65_500),
    "large.hdr": hdr(SIDE, SIDE),
    "larger.hdr": hdr(10**9, 10**9),
    "large.tga": tga(SIDE, SIDE, 2),
    "packed.tga": tga(65_535, 65_535, 10),
    "large.bmp": bmp(SIDE, SIDE),
    "large.gif": gif(65_535, 65_535),
    "large.psd": psd(30_000),
    "large.ppm": b"P6\n%d %d\n255\n" % (SIDE, SIDE) + bytes(100),
    "large.webp": b"RIFF\x1e\0\0\0WEBPVP8L\x0a\0\0\0\x2f" + struct.pack("<I", 16_383 | 16_383 << 14) + bytes(5),
}


# OpenEXR files: a sound one of 8x6, with other words in its header.

WINDOW = struct.pack("<4i", 0, 0, 7, 5)


def exr(path: Path, channels: dict[str, Any] | None = None, **header: Any) -> bytes:
    planes = channels or {name: np.zeros((6, 8), np.float16) for name in "RGB"}
    return write_exr(path, (planes, header)).read_bytes()


def windows(data: bytes, width: int, height: int) -> bytes:
    return data.replace(WINDOW, struct.pack("<4i", 0, 0, width - 1, height - 1))


def tiled(path: Path) -> bytes:
    tiles = OpenEXR.TileDescription()
    tiles.xSize, tiles.ySize = 16, 16
    tiles.mode, tiles.roundingMode = OpenEXR.LevelMode.ONE_LEVEL, OpenEXR.LevelRoundingMode.ROUND_DOWN
    return exr(path, type=OpenEXR.tiledimage, tiles=tiles)


def table(data: bytes, width: int, height: int, *, at: int | None = None) -> bytes:
    """A file that claims a size and has a table of chunks for it, all of them the one that is there."""
    first = next(place for place in range(8, len(data)) if struct.unpack_from("<Q", data, place)[0] == place + 8)
    chunks = -(-height // 16)
    head = windows(data[:first], width, height)
    return head + struct.pack("<Q", first + 8 * chunks if at is None else at) * chunks + data[first + 8 :]


def many_channels(data: bytes, count: int) -> bytes:
    begin = data.index(b"channels\0chlist\0") + 16
    (length,) = struct.unpack_from("<i", data, begin)
    entry = struct.pack("<iB3x2i", 1, 0, 1, 1)
    listed = b"".join(b"%07d\0" % number + entry for number in range(count)) + b"\0"
    return data[:begin] + struct.pack("<i", len(listed)) + listed + data[begin + 4 + length :]


def many_attributes(data: bytes, count: int) -> bytes:
    begin = data.index(b"channels\0chlist\0")
    more = b"".join(b"%07d\0int\0\4\0\0\0\0\0\0\0" % number for number in range(count))
    return data[:begin] + more + data[begin:]


def lying_exrs(folder: Path) -> dict[str, bytes]:
    sound = exr(folder / "sound.exr")
    tiles = tiled(folder / "tiles.exr")
    grid = struct.pack("<IIB", 16, 16, 0)
    length = sound.index(b"channels\0chlist\0") + 16
    return {
        "window.exr": windows(sound, 10**9, 10**9),
        "wide.exr": windows(sound, 10**9, 1),
        "whole.exr": windows(sound, SIDE, SIDE),
        "negative.exr": sound.replace(WINDOW, struct.pack("<4i", 5, 5, -5, -5)),
        "overflow.exr": sound.replace(WINDOW, struct.pack("<4i", -(2**31), -(2**31), 2**31 - 1, 2**31 - 1)),
        "table.exr": table(sound, 65_536, 4_096),
        "table-small.exr": table(sound, 8_000, 8_000),
        "table-out.exr": table(sound, 8, 6, at=2**63),
        "table-in.exr": table(sound, 8, 6, at=8),
        "tiles.exr": tiles.replace(grid, struct.pack("<IIB", 1, 1, 0)),
        "tiles-large.exr": tiles.replace(grid, struct.pack("<IIB", 131_072, 131_072, 0)),
        "tiles-huge.exr": tiles.replace(grid, struct.pack("<IIB", 2**31, 2**31, 0)),
        "tiles-none.exr": tiles.replace(grid, struct.pack("<IIB", 0, 0, 0)),
        "tiles-window.exr": windows(tiles, 100_000, 100_000),
        "channels.exr": many_channels(sound, 200_000),
        "channel-list.exr": sound[:length] + struct.pack("<i", 2**31 - 1) + sound[length + 4 :],
        "attributes.exr": many_attributes(sound, 300_000),
        "attribute.exr": sound[:8] + b"x\0string\0" + struct.pack("<i", 2**31 - 1) + sound[8:],
        "names.exr": sound[:8] + b"x" * (1 << 20),
        "parts.exr": sound[:4] + struct.pack("<I", 2 | 0x1000) + sound[8:] * 3,
    }


def ask(reader: subprocess.Popen[str], path: Path) -> dict[str, tuple[str | None, int]]:
    assert reader.stdin is not None
    assert reader.stdout is not None
    print(path, file=reader.stdin, flush=True)
    lines = [reader.stdout.readline() for _ in range(4)]
    assert all(lines), f"reading {path.name} has ended the process"
    return {name: (said, taken) for name, said, taken in map(json.loads, lines)}


def refused(reader: subprocess.Popen[str], path: Path, data: bytes) -> None:
    path.write_bytes(data)
    for name, (said, taken) in ask(reader, path).items():
        assert said is not None, f"{name} has read {path.name}"
        assert path.name in said
        assert "\n" not in said
        assert len(said) < len(str(path)) + 400, said
        assert taken < TAKEN, f"{name} took {taken >> 20} MiB for {path.name}"


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_that_lie(reader: subprocess.Popen[str], tmp_path: Path, name: str) -> None:
    refused(reader, tmp_path / name, PICTURES[name])
    # Some readers compare with the file's size: a file that is padded, and takes no room on the disk.
    with (tmp_path / name).open("ab") as file:
        file.truncate(64 << 20)
    for reads, (_, taken) in ask(reader, tmp_path / name).items():
        assert taken < 2 * TAKEN, f"{reads} took {taken >> 20} MiB for {name}, padded"


def test_openexr_files_that_lie(reader: subprocess.Popen[str], tmp_path: Path) -> None:
    for name, data in lying_exrs(tmp_path).items():
        refused(reader, tmp_path / name, data)


def test_a_sparse_file_that_has_room_for_what_it_claims(reader: subprocess.Popen[str], tmp_path: Path) -> None:
    """A tebibyte of nothing behind a header that asks for all memory: its size is no evidence."""
    sound, tiles = exr(tmp_path / "sound.exr"), tiled(tmp_path / "tiles.exr")
    ones = tiles.replace(struct.pack("<IIB", 16, 16, 0), struct.pack("<IIB", 1, 1, 0))
    claims = {"a.exr": windows(sound, 131_072, 131_072), "b.exr": windows(ones, 60_000, 40_000)}
    claims["c.exr"] = windows(sound, 40_000, 40_000)
    for name, data in claims.items():
        path = tmp_path / name
        path.write_bytes(data)
        try:
            os.truncate(path, 1 << 40)
        except OSError:
            os.truncate(path, 1 << 33)
        for reads, (said, taken) in ask(reader, path).items():
            assert said is not None, reads
            assert taken < TAKEN, (reads, said)


def test_manifests_are_bounded() -> None:
    assert parse("[" * 200_000).names is None
    assert parse(" " * (LARGEST + 1)).error == f"{LARGEST + 1} letters are no manifest"
    # Of large ones no more than one is kept.
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for letter in "abcdefgh":
        names = {f"{letter}{number:059d}": "00000001" for number in range(60_000)}
        assert len(parse(json.dumps(names)).names or ()) == 60_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 << 10


def test_a_file_without_end_is_no_picture(tmp_path: Path) -> None:
    """A tebibyte that takes no room: nobody reads it to its end."""
    for name, data in (("a.png", png(8, 8)), ("a.jpg", jpeg(8, 8)), ("a.txt", b"text")):
        path = tmp_path / name
        path.write_bytes(data)
        try:
            os.truncate(path, 1 << 40)
        except OSError:
            pytest.skip("this file system has no files of a tebibyte")
        for read, kind in ((read_picture, InputError), (load_matte, FrameError), (checksum, InputError)):
            with pytest.raises(kind, match=r"a\.\w+.*is 1024 GiB, more than 4 GiB"):
                read(path)
