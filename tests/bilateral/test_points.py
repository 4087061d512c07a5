"""A sample of a picture is sliced as the whole picture is."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from natural import generator

from lookmatte.bilateral.points import slice_points
from lookmatte.bilateral.slicing import slice_reference


@given(st.integers(0, 2**31 - 1), st.integers(1, 40), st.integers(1, 40), st.sampled_from([(8, 16, 16), (3, 1, 5)]))
@settings(max_examples=40)
def test_points_are_sliced_as_pictures_are(seed: int, rows: int, columns: int, size: tuple[int, int, int]) -> None:
    random = generator(seed)
    grid, z = torch.randn(12, *size, generator=random), torch.rand(rows, columns, generator=random)
    chosen = torch.randint(0, rows * columns, (7,), generator=random)
    v, u = (chosen // columns + 0.5) / rows, (chosen % columns + 0.5) / columns
    expected = slice_reference(grid[None], z[None])[0].flatten(1)[:, chosen]
    torch.testing.assert_close(slice_points(grid, u, v, z.flatten()[chosen]), expected, atol=1e-5, rtol=1e-5)


def test_coordinates_clamp_at_the_border_and_no_point_is_no_row() -> None:
    grid = torch.randn(12, 8, 16, 16, generator=generator(1))
    one = torch.ones(2)
    beyond = slice_points(grid, one * 1.3, one * -0.4, torch.tensor([0.0, 1.0]))
    torch.testing.assert_close(beyond.T, torch.stack([grid[:, 0, 0, -1], grid[:, -1, 0, -1]]))
    assert slice_points(grid, one[:0], one[:0], one[:0]).shape == (12, 0)
