"""Files that ask for more memory than they can honestly need: refused before anything is allocated."""

from __future__ import annotations

import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import OpenImageIO as oiio
import pytest

from lookmatte.errors import FrameError
from lookmatte.imaging import exr_header
from lookmatte.imaging.frame import Window
from lookmatte.imaging.mattefile import load_matte
from lookmatte.imaging.proxy import AreaAverage
from lookmatte.imaging.reader import read_header

Make = Callable[..., Path]

def claim(path: Path, width: int, height: int) -> Path:
    """Let a ZIP file of one chunk claim another size: a whole table, every entry of which is that chunk."""
    old = path.read_bytes()
    table = next(at for at in range(8, len(old)) if struct.unpack_from("<Q", old, at)[0] == at + 8)
    head = old[:table].replace(struct.pack("<4i", 0, 0, 7, 5), struct.pack("<4i", 0, 0, width - 1, height - 1))
    chunks = -(-height // 16)
    path.write_bytes(head + struct.pack("<Q", table + 8 * chunks) * chunks + old[table + 8 :])
    return path


def plane(height: int = 6, width: int = 8, kind: Any = np.float16) -> dict[str, Any]:
    return {name: np.zeros((height, width), kind) for name in "RGB"}


def test_a_side_has_its_limit(make_exr: Make) -> None:
    assert read_header(claim(make_exr((plane(), {})), 131_072, 1)).parts[0].data_window.width == 131_072
    with pytest.raises(FrameError, match=r"4194304x1.*131072 pixels"):
        read_header(claim(make_exr((plane(), {})), 4_194_304, 1))


def test_a_few_bytes_cannot_hold_gibibytes(make_exr: Make) -> None:
    path = claim(make_exr((plane(), {})), 65_536, 8_192)
    with pytest.raises(FrameError, match=r"3\.0 GiB of pixels, more than a file of \d+ bytes"):
        read_header(path)


def test_what_is_said_twice_is_not_believed(make_exr: Make) -> None:
    """Of two windows of one name a library may take the other one."""
    path = make_exr((plane(), {"dataWindom": "x", "note": "y"}))
    path.write_bytes(path.read_bytes().replace(b"dataWindom\0string", b"dataWindow\0string"))
    with pytest.raises(FrameError, match="two of its attributes have one name"):
        read_header(path)


@pytest.mark.parametrize("compression", [name for name, _ in exr_header.COMPRESSIONS.values()])
def test_black_is_believed_in_every_compression(
    compression: str, make_exr: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exr_header, "_DOUBTED_BYTES", 0)
    for kind in (np.float16, np.float32):
        constant = getattr(OpenEXR, {"none": "NO"}.get(compression, compression.upper()) + "_COMPRESSION")
        path = make_exr((plane(1080, 2048, kind), {"compression": constant}))
        assert read_header(path).decoded_bytes == 1080 * 2048 * 3 * np.dtype(kind).itemsize


def test_a_matte_of_many_channels_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "many.tif"
    spec = oiio.ImageSpec(64, 64, 200, "uint8")
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), spec), output.geterror()
    output.write_image(np.zeros((64, 64, 200), np.uint8))
    output.close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lookmatte.imaging.mattefile.LARGEST", 64 * 64 * 100)
        with pytest.raises(FrameError, match="64x64 pixels of 200 channels"):
            load_matte(path)


@pytest.mark.parametrize(("width", "height"), [(131_072, 1), (1, 131_072)])
def test_the_longest_side_is_averaged_in_little_memory(width: int, height: int) -> None:
    window = Window(0, 0, width, height)
    tracemalloc.start()
    try:
        average = AreaAverage(window, window)
        for y in range(0, height, 64):
            average.add(y, np.ones((9, min(64, height - y), width), np.float32))
        assert average.result() == pytest.approx(1.0, abs=1e-4)
        assert tracemalloc.get_traced_memory()[1] < 300 << 20
    finally:
        tracemalloc.stop()
