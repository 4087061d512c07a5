from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lookmatte.imaging.frame import Window
from lookmatte.imaging.proxy import AreaAverage


def brute(pixels: NDArray[np.float32], data: Window, display: Window, size: tuple[int, int]) -> NDArray[np.float64]:
    """Every pixel against every cell: value times the area of their overlap, in units of a cell."""
    sums = np.zeros((*size, pixels.shape[2]))
    high, wide = display.height / size[0], display.width / size[1]
    for row in range(size[0]):
        for column in range(size[1]):
            top, left = display.y + row * high, display.x + column * wide
            for y in range(data.height):
                down = min(data.y + y + 1, top + high) - max(data.y + y, top)
                for x in range(data.width):
                    across = min(data.x + x + 1, left + wide) - max(data.x + x, left)
                    if down > 0 and across > 0:
                        sums[row, column] += pixels[y, x] * (down * across / (high * wide))
    return sums


windows = st.builds(
    Window, st.integers(-4, 4), st.integers(-4, 4), st.integers(1, 9), st.integers(1, 9)
)


@settings(max_examples=60)
@given(windows, windows, st.tuples(st.integers(1, 6), st.integers(1, 6)), st.integers(1, 4), st.integers(0, 2**31))
def test_against_brute_force(data: Window, display: Window, size: tuple[int, int], band: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    pixels = random.random((data.height, data.width, 2)).astype(np.float32) * 100
    average, ones = AreaAverage(data, display, size), AreaAverage(data, display, size)
    starts = list(range(0, data.height, band))
    random.shuffle(starts)
    for y in starts:
        average.add(y, pixels[y : y + band].transpose(2, 0, 1))
        ones.add(y, np.ones((2, *pixels[y : y + band].shape[:2]), np.float32))
    assert average.result().transpose(1, 2, 0) == pytest.approx(brute(pixels, data, display, size), abs=1e-3)
    area = brute(np.ones((data.height, data.width, 1), np.float32), data, display, size)
    assert ones.result()[1] == pytest.approx(area[..., 0], abs=1e-5)


def test_small_and_large_plates_of_ones_give_ones() -> None:
    for height, width in ((3, 5), (180, 320), (540, 960)):
        window = Window(0, 0, width, height)
        average = AreaAverage(window, window)
        for y in range(0, height, 64):
            average.add(y, np.ones((1, min(64, height - y), width), np.float32))
        assert average.result() == pytest.approx(1.0, abs=1e-5)
        assert average.result().shape == (1, 256, 256)


def test_rows_that_are_not_there() -> None:
    window = Window(0, 0, 4, 4)
    average = AreaAverage(window, window, (2, 2))
    with pytest.raises(ValueError, match="not in"):
        average.add(3, np.ones((1, 2, 4), np.float32))
    with pytest.raises(ValueError, match="no rows"):
        average.result()
