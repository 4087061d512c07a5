"""Reference pictures of every sort that a person may give, and the PNGs that are written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest

from lookmatte.errors import FrameError, InputError
from lookmatte.imaging.picture import read_picture, write_png


def save(path: Path, pixels: Any, **attributes: Any) -> Path:
    pixels = np.ascontiguousarray(pixels)
    height, width, count = pixels.shape
    kind = {"float32": "float", "float16": "half"}.get(str(pixels.dtype), str(pixels.dtype))
    spec = oiio.ImageSpec(width, height, count, kind)
    for name, value in attributes.items():
        spec.attribute(name.replace("__", ":"), value)
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), spec), output.geterror()
    assert output.write_image(pixels), output.geterror()
    assert output.close()
    return path


RAMP = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3) * 3


def test_integers_are_display_referred(tmp_path: Path) -> None:
    for name, pixels, scale in (
        ("a.png", RAMP, 255), ("b.png", RAMP.astype(np.uint16) * 257, 65535), ("a.tif", RAMP, 255),
        ("b.tif", RAMP.astype(np.uint16) * 257, 65535),
    ):  # fmt: skip
        picture = read_picture(save(tmp_path / name, pixels))
        assert picture.display_referred
        assert picture.rgb.dtype == np.float32
        assert picture.valid.all()
        np.testing.assert_allclose(picture.rgb, pixels / scale, atol=1e-6)


def test_floats_are_scene_linear(tmp_path: Path) -> None:
    bright = np.full((3, 5, 3), 42.0, np.float32)
    for name in ("a.exr", "a.tif", "a.hdr"):
        picture = read_picture(save(tmp_path / name, bright))
        assert not picture.display_referred
        np.testing.assert_allclose(picture.rgb, 42, rtol=0.01)


def test_grey_and_one_pixel(tmp_path: Path) -> None:
    for count in (1, 2):
        pixels = np.full((1, 1, count), 255, np.uint8)
        pixels[..., 0] = 51
        picture = read_picture(save(tmp_path / f"g{count}.png", pixels, oiio__UnassociatedAlpha=1))
        np.testing.assert_allclose(picture.rgb, np.full((1, 1, 3), 0.2), atol=1e-6)
    grey = read_picture(save(tmp_path / "y.exr", np.full((2, 2, 1), 3, np.float32)))
    assert (grey.rgb == 3).all()
    assert grey.rgb.shape == (2, 2, 3)


def test_alpha_leaves_straight_colours_and_transparency_does_not_count(tmp_path: Path) -> None:
    pixels = np.zeros((2, 2, 4), np.uint8)
    pixels[...] = (200, 100, 50, 128)
    pixels[0, 0, 3] = 0
    straight = {"oiio__UnassociatedAlpha": 1}
    for name in ("a.png", "a.tif"):
        picture = read_picture(save(tmp_path / name, pixels, **straight))
        np.testing.assert_allclose(picture.rgb[1, 1] * 255, (200, 100, 50), atol=0.01)
        assert picture.valid.tolist() == [[False, True], [True, True]]
    premultiplied = np.full((2, 2, 4), 0.5, np.float32)
    np.testing.assert_allclose(read_picture(save(tmp_path / "p.exr", premultiplied)).rgb, 1)
    premultiplied[..., 3] = 0
    clear = read_picture(save(tmp_path / "c.exr", premultiplied))
    assert clear.valid.all()
    np.testing.assert_allclose(clear.rgb, 0.5)


@pytest.mark.parametrize(
    ("orientation", "turned"),
    [
        (1, RAMP), (2, RAMP[:, ::-1]), (3, RAMP[::-1, ::-1]), (4, RAMP[::-1]), (5, RAMP.transpose(1, 0, 2)),
        (6, np.rot90(RAMP, -1)), (7, np.rot90(RAMP, 1)[:, ::-1]), (8, np.rot90(RAMP, 1)),
    ],
)  # fmt: skip
def test_the_camera_orientation_is_applied(tmp_path: Path, orientation: int, turned: Any) -> None:
    picture = read_picture(save(tmp_path / "o.tif", RAMP, Orientation=orientation))
    np.testing.assert_allclose(picture.rgb * 255, turned, atol=1e-3)


def test_nan_and_infinity_do_not_count(tmp_path: Path) -> None:
    pixels = np.ones((2, 3, 3), np.float32)
    pixels[0, 0, 1] = np.nan
    pixels[1, 2, 0] = np.inf
    picture = read_picture(save(tmp_path / "n.exr", pixels))
    assert picture.valid.tolist() == [[False, True, True], [True, True, False]]
    assert (picture.rgb[~picture.valid] == 0).all()
    assert (picture.rgb[picture.valid] == 1).all()


def test_the_plate_of_a_render_is_the_picture(make_exr: Callable[..., Path]) -> None:
    channels = {f"ViewLayer.Combined.{name}": np.full((2, 2), at, np.float16) for at, name in enumerate("RGBA", 1)}
    channels["ViewLayer.Depth.Z"] = np.full((2, 2), 1e10, np.float32)
    picture = read_picture(make_exr((channels, {})))
    np.testing.assert_allclose(picture.rgb[0, 0], (0.25, 0.5, 0.75))


def test_what_is_no_picture_is_refused_in_one_line(tmp_path: Path) -> None:
    png = save(tmp_path / "a.png", np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8))
    jpeg = save(tmp_path / "a.jpg", np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8))
    exr = save(tmp_path / "a.exr", np.ones((64, 64, 3), np.float32))
    cases = {
        "empty.png": (b"", "empty"),
        "text.png": (b"no picture at all", "no picture"),
        "half.png": (png.read_bytes()[:6000], "cut off"),
        "half.jpg": (jpeg.read_bytes()[:3000], "cut off"),
        "half.exr": (exr.read_bytes()[:-5], "not whole"),
    }
    for name, (data, what) in cases.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError, match=what) as caught:
            read_picture(tmp_path / name)
        assert "\n" not in str(caught.value)
        assert name in str(caught.value)
    with pytest.raises(InputError, match="no such picture"):
        read_picture(tmp_path / "nope.png")
    with pytest.raises(InputError, match="folder"):
        read_picture(tmp_path)


def test_cmyk_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "c.tif", np.zeros((3, 3, 4), np.uint8), tiff__ColorSpace="CMYK")
    with pytest.raises(InputError, match="CMYK"):
        read_picture(path)


def test_a_written_png_is_read_back(tmp_path: Path) -> None:
    write_png(tmp_path / "new" / "a.png", RAMP)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.png"]
    np.testing.assert_allclose(read_picture(tmp_path / "new" / "a.png").rgb * 255, RAMP, atol=1e-3)
    with pytest.raises(ValueError, match="uint8"):
        write_png(tmp_path / "b.png", np.zeros((2, 2, 3), np.float32))  # type: ignore[arg-type]
    (tmp_path / "file").write_text("")
    with pytest.raises(FrameError, match="cannot be written"):
        write_png(tmp_path / "file" / "c.png", RAMP)
