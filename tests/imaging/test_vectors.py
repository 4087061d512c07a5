"""Blender's Vector pass: which it is, which way it points, and how it lies over the display window."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenEXR
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookmatte.errors import FrameError
from lookmatte.imaging.frame import Window
from lookmatte.imaging.vectors import Vectors, read_vectors
from lookmatte.imaging.writer import new_part, write_parts_to


def channels(layer: str, values: tuple[float, ...], axes: str = "XYZW") -> dict[str, np.ndarray]:
    return {
        f"{layer}{axis}": np.full((6, 8), value, np.float32) for axis, value in zip(axes, values, strict=False)
    }


def write(path: Path, *layers: dict[str, np.ndarray]) -> Path:
    colour = {f"Two.Combined.{name}": np.zeros((6, 8), np.float16) for name in "RGB"}
    write_parts_to([new_part(colour | {name: one for layer in layers for name, one in layer.items()})], path)
    return path


def test_it_points_backwards_and_up(tmp_path: Path) -> None:
    found = read_vectors(write(tmp_path / "a.exr", channels("Two.Vector.", (1.0, 2.0, 3.0, 4.0))))
    assert found is not None
    assert found.to_next[0, 0].tolist() == [-3.0, 4.0]
    assert found.to_previous[0, 0].tolist() == [1.0, -2.0]
    assert not found.still


def test_the_plates_own_view_layer_comes_first(tmp_path: Path) -> None:
    one, two = channels("One.Vector.", (1.0,) * 4), channels("Two.Vector.", (2.0,) * 4)
    found = read_vectors(write(tmp_path / "a.exr", one, two), plate_part="Two.Combined")
    assert found is not None
    assert found.to_previous[0, 0].tolist() == [2.0, -2.0]


def test_what_is_no_vector_pass(tmp_path: Path) -> None:
    assert read_vectors(write(tmp_path / "none.exr")) is None
    assert read_vectors(write(tmp_path / "part.exr", channels("Two.Vector.", (1.0, 1.0), "XY"))) is None
    assert read_vectors(write(tmp_path / "other.exr", channels("Two.Normal.", (1.0,) * 4))) is None
    with pytest.raises(FrameError, match="nothing"):
        read_vectors(tmp_path / "nothing.exr")


def test_a_part_of_its_own_as_blender_5_writes_it(tmp_path: Path) -> None:
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    colour = {f"ViewLayer.Combined.{name}": np.zeros((6, 8), np.float16) for name in "RGB"}
    parts = [
        OpenEXR.Part({**header, "name": "ViewLayer.Combined"}, colour),
        OpenEXR.Part({**header, "name": "ViewLayer.Vector"}, channels("ViewLayer.Vector.", (5.0, 0.0, 0.0, 0.0))),
    ]
    OpenEXR.File(parts).write(str(tmp_path / "a.exr"))
    found = read_vectors(tmp_path / "a.exr")
    assert found is not None
    assert found.to_previous[3, 3].tolist() == [5.0, 0.0]


def test_all_zero_is_still(tmp_path: Path) -> None:
    found = read_vectors(write(tmp_path / "a.exr", channels("Two.Vector.", (0.0,) * 4)))
    assert found is not None
    assert found.still


@given(
    st.integers(1, 40), st.integers(1, 40), st.integers(-20, 20), st.integers(-20, 20), st.integers(1, 40),
    st.integers(1, 40), st.integers(1, 16),
)  # fmt: skip
def test_cells_fetch_the_pixel_at_their_centre(
    width: int, height: int, x: int, y: int, wide: int, high: int, cells: int
) -> None:
    """Each data pixel's motion is its own place, so that what is fetched tells from where."""
    place = np.stack(np.meshgrid(np.arange(width) + x, np.arange(height) + y), axis=2).astype(np.float32)
    vectors = Vectors(place, place, Window(x, y, width, height), Window(0, 0, wide, high))
    found = vectors.backwards(cells)
    assert found.shape == (2, cells, cells)
    for row in range(cells):
        for column in range(cells):
            at = int((column + 0.5) / cells * wide), int((row + 0.5) / cells * high)
            if x <= at[0] < x + width and y <= at[1] < y + height and at != (0, 0):  # where the motion is 0
                wanted = (at[0] * cells / wide, at[1] * cells / high)
                np.testing.assert_allclose(found[:, row, column], wanted, rtol=1e-5)
            else:
                assert np.isnan(found[:, row, column]).all()
