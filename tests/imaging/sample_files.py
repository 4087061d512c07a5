"""Real files for the tests of mattes: EXRs and pictures written through OpenImageIO, and where real data lies."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest
from numpy.typing import NDArray

from lookmatte.imaging.frame import Window

HERE = Path(__file__).resolve()
FIXTURES = HERE.parents[1] / "data"


def real_data(name: str) -> Path:
    """A file of the large data set, which only developers have; the test is skipped without it."""
    root = os.environ.get("LOOKMATTE_DATA") or HERE.parents[3] / "shared" / "data"
    path = Path(root) / name
    if not path.exists():
        pytest.skip(f"needs {name} of the data set (LOOKMATTE_DATA)")
    return path


def fixture(name: str) -> Path:
    path = FIXTURES / name
    if not path.exists():
        pytest.skip(f"needs tests/data/{name}")
    return path


def write_exr(
    path: Path,
    parts: list[dict[str, NDArray[Any]]],
    *,
    attributes: dict[str, Any] | None = None,
    names: list[str] | None = None,
    data: list[Window] | None = None,
    display: Window | None = None,
) -> Path:
    """Write parts of float32 or float16 channels; attributes go to part 0 alone, as Blender 5 has it."""
    specs = []
    for index, channels in enumerate(parts):
        height, width = next(iter(channels.values())).shape
        kinds = ["half" if one.dtype == np.float16 else "float" for one in channels.values()]
        spec = oiio.ImageSpec(width, height, len(channels), kinds[0])
        spec.channelnames = tuple(channels)
        if len(set(kinds)) > 1:
            spec.channelformats = tuple(oiio.TypeDesc(kind) for kind in kinds)
        if data:
            spec.x, spec.y = data[index].x, data[index].y
        if display:
            spec.full_x, spec.full_y = display.x, display.y
            spec.full_width, spec.full_height = display.width, display.height
        if names:
            spec.attribute("oiio:subimagename", names[index])
        for key, value in (attributes or {}).items() if index == 0 else ():
            if key == "chromaticities":
                spec.attribute(key, "float[8]", value)
            else:
                spec.attribute(key, value)
        specs.append(spec)
    out = oiio.ImageOutput.create(str(path))
    opened = out.open(str(path), specs[0]) if len(specs) == 1 else out.open(str(path), tuple(specs))
    assert opened, out.geterror()
    for index, channels in enumerate(parts):
        if index:
            assert out.open(str(path), specs[index], "AppendSubimage"), out.geterror()
        block = np.stack([one.astype(np.float32) for one in channels.values()], axis=-1)
        assert out.write_image(np.ascontiguousarray(block)), out.geterror()
    out.close()
    return path


def write_picture(path: Path, pixels: NDArray[Any], names: tuple[str, ...] | None = None) -> Path:
    """Write uint8, uint16 or float (h, w, c) as PNG, TIFF, JPEG or EXR."""
    spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], pixels.shape[2], str(pixels.dtype))
    if names:
        spec.channelnames = names
    spec.attribute("oiio:UnassociatedAlpha", 1)
    out = oiio.ImageOutput.create(str(path))
    assert out.open(str(path), spec), out.geterror()
    assert out.write_image(np.ascontiguousarray(pixels)), out.geterror()
    out.close()
    return path


def grey(height: int, width: int) -> dict[str, NDArray[Any]]:
    """A plain half-float plate."""
    return {name: np.full((height, width), 0.5, np.float16) for name in "RGB"}
