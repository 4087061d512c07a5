from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sample_files import grey, write_exr, write_picture

from lookmatte.errors import FrameError, InputError
from lookmatte.imaging.frame import Frame, Part, Window
from lookmatte.imaging.mattefile import MatteFile, load_matte
from lookmatte.imaging.mattes import ChannelMatte, FileMatte, Matte
from lookmatte.imaging.reader import read_frame


def plate(data: Window, display: Window | None = None, **channels: NDArray[Any]) -> Frame:
    pixels = {name: np.zeros((data.height, data.width), np.float16) for name in "RGB"}
    part = Part("", {**pixels, **channels}, data, display or data)
    return Frame(Path("plate.exr"), [part], ((0, "R"), (0, "G"), (0, "B")), None)


def whole(matte: Matte, height: int, band: int = 3) -> NDArray[np.float32]:
    return np.concatenate([matte.rows(y, min(y + band, height)) for y in range(0, height, band)])


def test_channel_matte_cleans_and_counts_once() -> None:
    mask = np.array([[0.5, np.nan], [np.inf, 2.0], [-1.0, 0.25]], np.float16)
    matte = ChannelMatte(plate(Window(0, 0, 2, 3), mask_R=mask), "MASK_r")
    expected = [[0.5, 0], [0, 1], [0, 0.25]]
    assert whole(matte, 3).tolist() == expected
    assert whole(matte, 3, band=1).tolist() == expected
    assert (matte.nonfinite, matte.peak, matte.coverage) == (2, 1.0, True)
    with pytest.raises(FrameError, match="mask_R"):
        ChannelMatte(plate(Window(0, 0, 2, 3), mask_R=mask), "mask_G")


def test_channel_matte_of_a_part_with_another_data_window(tmp_path: Path) -> None:
    mask = np.arange(1, 13, dtype=np.float32).reshape(3, 4) / 16
    path = write_exr(
        tmp_path / "two.exr", [grey(5, 6), {"mask.A": mask}], names=["rgba", "mask"],
        data=[Window(-1, 0, 6, 5), Window(2, 3, 4, 3)], display=Window(0, 0, 5, 5),
    )  # fmt: skip
    matte = ChannelMatte(read_frame(path), "mask.A")
    expected = np.zeros((5, 6), np.float32)
    expected[3:5, 3:6] = mask[:2, :3]
    assert np.array_equal(whole(matte, 5, band=2), expected)


@settings(max_examples=60)
@given(st.data())
def test_bands_do_not_show(data: st.DataObject) -> None:
    """Any band of a file matte equals the same rows of the whole."""
    windows = st.builds(Window, st.integers(-3, 3), st.integers(-3, 3), st.integers(1, 12), st.integers(1, 12))
    own, area, display = data.draw(windows), data.draw(windows), data.draw(windows)
    random = np.random.default_rng(data.draw(st.integers(0, 2**31)))
    picture = MatteFile(Path("m.exr"), [random.random((area.height, area.width)).astype(np.float32)], area, own)
    frame = plate(data.draw(windows), display)
    height = frame.plate.data_window.height
    once = FileMatte(frame, picture).rows(0, height)
    assert once.shape == (height, frame.plate.data_window.width)
    assert once.min() >= 0
    assert once.max() <= 1
    assert whole(FileMatte(frame, picture), height, data.draw(st.integers(1, 5))) == pytest.approx(once, abs=1e-7)


@pytest.mark.parametrize(
    ("own", "target"), [((8, 8), (8, 8)), ((4, 4), (13, 9)), ((12, 10), (8, 7)), ((40, 30), (7, 5))]
)
def test_a_ramp_stays_a_ramp_at_any_size(own: tuple[int, int], target: tuple[int, int]) -> None:
    """Linear content is what bilinear and area sampling keep: values are those at the pixel's centre."""
    ramp = np.tile((np.arange(own[1], dtype=np.float32) + 0.5) / own[1], (own[0], 1))
    picture = MatteFile(Path("m.png"), [ramp], Window(0, 0, own[1], own[0]), Window(0, 0, own[1], own[0]))
    window = Window(0, 0, target[1], target[0])
    got = whole(FileMatte(plate(window), picture), target[0])
    centres = np.tile((np.arange(target[1], dtype=np.float32) + 0.5) / target[1], (target[0], 1))
    inner = slice(1, -1) if target[1] > own[1] else slice(None)  # beyond the outer centres the border continues
    edge = 0.5 / own[1] * (target[1] > own[1])
    assert got[:, inner] == pytest.approx(np.clip(centres, edge, 1 - edge)[:, inner], abs=1e-6)


def test_same_size_is_copied_exactly() -> None:
    random = np.random.default_rng(5)
    stored = random.integers(0, 256, (23, 31), dtype=np.uint8)
    window = Window(0, 0, 31, 23)
    picture = MatteFile(Path("m.png"), [stored], window, window)
    got = whole(FileMatte(plate(Window(4, -3, 31, 23)), picture), 23)
    assert got == pytest.approx(stored / 255.0, abs=1e-7)
    assert set(got[stored == 255].tolist()) <= {1.0}


def test_a_picture_without_a_frame_can_have_a_matte() -> None:
    picture = MatteFile(Path("m.png"), [np.eye(4, dtype=np.float32)], Window(0, 0, 4, 4), Window(0, 0, 4, 4))
    assert FileMatte(Window(0, 0, 2, 2), picture).rows(0, 2) == pytest.approx(np.eye(2) / 2)


def test_area_average_keeps_the_mean() -> None:
    random = np.random.default_rng(6)
    stored = random.random((70, 90)).astype(np.float32)
    picture = MatteFile(Path("m.exr"), [stored], Window(0, 0, 90, 70), Window(0, 0, 90, 70))
    got = FileMatte(plate(Window(0, 0, 11, 13)), picture).rows(0, 13)
    assert got.mean(dtype=np.float64) == pytest.approx(stored.mean(dtype=np.float64), abs=1e-5)


def test_overscan_continues_the_border() -> None:
    stored = np.zeros((4, 4), np.float32)
    stored[:, -1] = 1
    picture = MatteFile(Path("m.png"), [stored], Window(0, 0, 4, 4), Window(0, 0, 4, 4))
    got = FileMatte(plate(Window(-2, -2, 8, 8), Window(0, 0, 4, 4)), picture).rows(0, 8)
    assert np.array_equal(got[0], [0, 0, 0, 0, 0, 1, 1, 1])


def test_cropped_matte_is_zero_outside_its_data() -> None:
    picture = MatteFile(Path("m.exr"), [np.ones((2, 2), np.float32)], Window(1, 1, 2, 2), Window(0, 0, 4, 4))
    got = FileMatte(plate(Window(0, 0, 4, 4)), picture).rows(0, 4)
    assert got.sum() == 4
    assert got[1:3, 1:3].min() == 1


def test_broken_pixels_of_a_file_are_counted_and_do_not_spread() -> None:
    stored = np.full((4, 4), 0.5, np.float32)
    stored[1, 1] = np.nan
    picture = MatteFile(Path("m.exr"), [stored], Window(0, 0, 4, 4), Window(0, 0, 4, 4))
    matte = FileMatte(plate(Window(0, 0, 4, 4)), picture)
    got = whole(matte, 4)
    assert matte.nonfinite == 1
    assert np.isfinite(got).all()
    assert got[1, 1] == 0
    assert np.count_nonzero(got == 0.5) == 15


def test_another_shape_is_said() -> None:
    picture = MatteFile(Path("m.png"), [np.ones((4, 4), np.float32)], Window(0, 0, 4, 4), Window(0, 0, 4, 4))
    assert any("stretched" in note for note in FileMatte(plate(Window(0, 0, 8, 4)), picture).notes)
    assert FileMatte(plate(Window(0, 0, 8, 8)), picture).notes == []


# Files


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize(("dtype", "top"), [(np.uint8, 255), (np.uint16, 65535)])
def test_integers_become_fractions(tmp_path: Path, suffix: str, dtype: Any, top: int) -> None:
    stored = np.array([[[0], [top // 3], [top]]], dtype)
    matte = load_matte(write_picture(tmp_path / f"m.{suffix}", stored))
    assert matte.values(0, 1) == pytest.approx(stored[..., 0] / top, abs=1e-7)


def test_alpha_counts_when_it_varies(tmp_path: Path) -> None:
    rgba = np.zeros((2, 2, 4), np.uint8)
    rgba[..., :3] = [[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]]
    rgba[..., 3] = 255
    flat = load_matte(write_picture(tmp_path / "flat.png", rgba))
    assert flat.values(0, 2) == pytest.approx(np.array([[0.2126, 0.7152], [0.0722, 1.0]]), abs=1e-6)
    rgba[..., 3] = [[0, 51], [102, 255]]
    varied = load_matte(write_picture(tmp_path / "varied.png", rgba))
    assert varied.values(0, 2) == pytest.approx(np.array([[0, 0.2], [0.4, 1.0]]), abs=1e-6)
    green = load_matte(tmp_path / "varied.png", "g")
    assert green.values(0, 2) == pytest.approx(np.array([[0, 1], [0, 1]]), abs=1e-6)
    with pytest.raises(InputError, match="no channel 'Z'"):
        load_matte(tmp_path / "varied.png", "Z")


def test_exr_mattes(tmp_path: Path) -> None:
    one = np.array([[0.25, 2.0]], np.float32)
    window = Window(5, 6, 2, 1)
    single = write_exr(tmp_path / "y.exr", [{"Y": one}], data=[window], display=Window(0, 0, 10, 10))
    loaded = load_matte(single)
    assert (loaded.data_window, loaded.display_window) == (window, Window(0, 0, 10, 10))
    assert loaded.values(0, 1).tolist() == one.tolist()
    many = write_exr(tmp_path / "many.exr", [{"car.m": one, "tree.m": one * 0.5}])
    assert load_matte(many, "TREE.m").values(0, 1).tolist() == [[0.125, 1.0]]
    with pytest.raises(InputError, match=r"name the matte's channel.*car\.m, tree\.m"):
        load_matte(many)
    with pytest.raises(InputError, match="no channel 'treo"):
        load_matte(many, "treo.m")


def test_files_that_are_no_mattes(tmp_path: Path) -> None:
    with pytest.raises(FrameError, match="no such matte"):
        load_matte(tmp_path / "absent.png")
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(FrameError, match="not a picture"):
        load_matte(tmp_path / "text.png")
    (tmp_path / "empty.exr").write_bytes(b"")
    with pytest.raises(FrameError):
        load_matte(tmp_path / "empty.exr")
    padded = write_picture(tmp_path / "padded.jpg", np.full((8, 8, 3), 255, np.uint8))
    padded.write_bytes(padded.read_bytes() + b"\0" * 9000)
    assert load_matte(padded).values(0, 8) == pytest.approx(1.0, abs=0.01)
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    for name in ("cut.png", "cut.jpg", "cut.tif"):
        whole_file = write_picture(tmp_path / name, noise).read_bytes()
        (tmp_path / name).write_bytes(whole_file[: len(whole_file) // 2])
        with pytest.raises(FrameError) as error:
            load_matte(tmp_path / name)
        assert "\n" not in str(error.value)
    write_picture(tmp_path / "picture.png", noise).rename(tmp_path / "picture.exr")
    with pytest.raises(FrameError):
        load_matte(tmp_path / "picture.exr")
