"""Slicing: the band form against the definition, borders, exactness, and memory at 8K."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from natural import centres, generator, random_grid

from lookmatte.bilateral.slicing import BAND_PIXELS, apply_affine, band_rows, slice_band, slice_reference


@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(1, 14),
    st.integers(1, 9),
    st.integers(1, 18),
    st.integers(1, 18),
    st.integers(0, 2**31 - 1),
)
@settings(max_examples=80)
def test_bands_are_the_definition(
    rows: int, columns: int, channels: int, depth: int, height: int, width: int, seed: int
) -> None:
    random = generator(seed)
    grid = torch.randn(channels, depth, height, width, generator=random)
    guide = torch.rand(rows, columns, generator=random)
    whole = slice_reference(grid[None], guide[None])[0]
    split = rows // 2
    u, v = centres(columns), centres(rows)
    parts = [slice_band(grid, guide[s], u, v[s]) for s in (slice(0, split), slice(split, rows)) if guide[s].numel()]
    torch.testing.assert_close(torch.cat(parts, 1), whole, atol=1e-5, rtol=1e-5)


def test_the_definition_interpolates_between_centres() -> None:
    """Trilinear interpolation written out, at one point well inside."""
    grid = torch.randn(2, 8, 16, 16, generator=generator(5))
    u, v, z = 0.4037, 0.7219, 0.3301
    x, y, d = u * 16 - 0.5, v * 16 - 0.5, z * 8 - 0.5
    expected = torch.zeros(2)
    for i in (int(x), int(x) + 1):
        for j in (int(y), int(y) + 1):
            for k in (int(d), int(d) + 1):
                expected += (1 - abs(x - i)) * (1 - abs(y - j)) * (1 - abs(d - k)) * grid[:, k, j, i]
    sliced = slice_band(grid, torch.tensor([[z]]), torch.tensor([u]), torch.tensor([v]))
    torch.testing.assert_close(sliced[:, 0, 0], expected, atol=2e-6, rtol=1e-5)


def test_a_linear_grid_is_sliced_exactly_between_centres() -> None:
    z, y, x = torch.meshgrid(centres(8), centres(16), centres(16), indexing="ij")
    grid = (0.3 * x - 0.7 * y + 1.1 * z + 0.2)[None]
    rows, columns = 37, 53
    random = generator(2)
    guide = torch.rand(rows, columns, generator=random) * 7 / 8 + 1 / 16
    u = torch.rand(columns, generator=random) * 15 / 16 + 1 / 32
    v = torch.rand(rows, generator=random) * 15 / 16 + 1 / 32
    expected = 0.3 * u - 0.7 * v[:, None] + 1.1 * guide + 0.2
    torch.testing.assert_close(slice_band(grid, guide, u, v)[0], expected, atol=2e-6, rtol=0)


def test_overscan_clamps_to_the_border() -> None:
    grid = random_grid(3)
    guide = torch.rand(4, 6, generator=generator(1))
    edge_u, edge_v = torch.tensor([0.0, 0.0, 0.0, 1.0, 1.0, 1.0]), torch.tensor([0.0, 0.0, 1.0, 1.0])
    over_u, over_v = torch.tensor([-3.0, -0.2, -1e-3, 1.001, 1.2, 9.0]), torch.tensor([-0.5, -2.0, 1.0, 1.7])
    expected = slice_band(grid, guide, edge_u, edge_v)
    assert torch.equal(slice_band(grid, guide, over_u, over_v), expected)
    # Half a cell inside the border nothing changes either: cell centres are where the data is.
    inner_u, inner_v = edge_u.clamp(0.02, 0.98), edge_v.clamp(0.02, 0.98)
    torch.testing.assert_close(slice_band(grid, guide, inner_u, inner_v), expected, atol=1e-6, rtol=1e-6)


def test_rows_sliced_apart_have_the_same_bits() -> None:
    grid, random = random_grid(4), generator(4)
    guide = torch.rand(61, 333, generator=random)
    u, v = centres(333), centres(61)
    whole = slice_band(grid, guide, u, v)
    for rows in (1, 2, 7, 32):
        parts = [slice_band(grid, guide[y : y + rows], u, v[y : y + rows]) for y in range(0, 61, rows)]
        assert torch.equal(torch.cat(parts, 1), whole)


def test_slicing_is_differentiable_in_grid_and_guide() -> None:
    grid = random_grid(1)[None].double().requires_grad_()
    guide = (torch.rand(1, 5, 7, generator=generator(1), dtype=torch.float64) * 0.8 + 0.1).requires_grad_()
    assert torch.autograd.gradcheck(lambda g: slice_reference(grid, g).sum(), (guide,))
    slice_reference(grid, guide).sum().backward()
    assert grid.grad is not None
    assert float(grid.grad.sum()) == pytest.approx(12 * 35)


def test_affines_by_hand() -> None:
    coefficients = torch.arange(12.0).view(12, 1, 1)
    colour = torch.tensor([1.0, 10.0, 100.0]).view(3, 1, 1)
    expected = torch.tensor([0 + 10 + 200 + 3, 4 + 50 + 600 + 7, 8 + 90 + 1000 + 11.0])
    assert torch.equal(apply_affine(coefficients, colour).flatten(), expected)


def test_bands_hold_a_bounded_number_of_pixels() -> None:
    for width in (1, 640, 2048, 7680, 65536):
        assert band_rows(width) == 1 or band_rows(width) * width <= BAND_PIXELS
    assert band_rows(10**7) == 1


_PEAK = """
import sys, torch
from lookmatte.bilateral.apply import Look, apply_band
from lookmatte.bilateral.guide import GuideWeights
from lookmatte.bilateral.slicing import band_rows, slice_band
torch.set_grad_enabled(False)
width, rows = 7680, band_rows(7680)
grid, u = torch.rand(12, 8, 16, 16), (torch.arange(width) + 0.5) / width
weights = GuideWeights(torch.randn(16, 4), torch.zeros(16), torch.randn(16), torch.zeros(()))
def band(y, n, w):
    v = (torch.arange(y, y + n) + 0.5) / 4320
    if sys.argv[1] == "slice":
        slice_band(grid, torch.rand(n, w), u[:w], v)
    else:
        apply_band(torch.rand(3, n, w), torch.rand(1, n, w), u[:w], v, Look((grid,), (), grid, weights))
def memory(line):
    return next(int(text.split()[1]) for text in open("/proc/self/status") if text.startswith(line)) * 1024
band(0, 1, 64)
open("/proc/self/clear_refs", "w").write("5")  # the peak so far was importing torch
before = memory("VmRSS")
for y in range(0, 60 * rows, rows):
    band(y, rows, width)
print(memory("VmHWM") - before)
"""


@pytest.mark.parametrize("what", ["slice", "apply"])
@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_an_8k_wide_frame_stays_within_64_mib(what: str) -> None:
    run = subprocess.run([sys.executable, "-c", _PEAK, what], capture_output=True, text=True, check=True)
    assert int(run.stdout) <= 64 << 20
