"""Luma and chroma of a grid taken back apart, and tones kept in order."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from natural import generator, picture, random_guide
from torch import Tensor

from lookmatte.bilateral.grid import identity
from lookmatte.bilateral.guide import GuideWeights, guide
from lookmatte.bilateral.slicing import apply_affine, slice_reference
from lookmatte.bilateral.tone import TOLERANCE, keep_order, retone
from lookmatte.bilateral.transport import base_grid, moments

seeds = st.integers(0, 2**31 - 1)
LUMA = GuideWeights.luma_only()
WEIGHTS = torch.tensor([0.2126, 0.7152, 0.0722])


def _wild(seed: int, size: float = 0.2) -> Tensor:
    return identity() + size * torch.randn(12, 8, 16, 16, generator=generator(seed))


def _apply(grid: Tensor, rgb: Tensor, weights: GuideWeights = LUMA) -> Tensor:
    return apply_affine(slice_reference(grid[None], guide(rgb, 1.0, weights)[None])[0], rgb)


def _luma(rgb: Tensor) -> Tensor:
    return torch.einsum("c,c...->...", WEIGHTS, rgb)


def _ramps(grid: Tensor, weights: GuideWeights = LUMA) -> Tensor:
    """Luma, as it is shown, of what a neutral ramp becomes in the middle of each cell: (steps, 256)."""
    steps = torch.linspace(0.0, 1.0, 65)
    rows = []
    for value in steps:
        flat = torch.full((3, 16, 16), float(value))
        rows.append(_luma(_apply(grid, flat, weights).clamp_min(0.0)).flatten())
    return torch.stack(rows)


def _turned(ramps: Tensor) -> float:
    """How far luma falls where the input's rises."""
    return float((ramps.cummax(0).values - ramps).max())


@given(seeds, st.floats(0.0, 1.0), st.floats(0.0, 1.0))
@settings(max_examples=25)
def test_luma_and_chroma_are_taken_back_apart(seed: int, amount: float, chroma: float) -> None:
    grid, rgb = _wild(seed), picture(seed % 40, 32, 32)
    before, after = _apply(grid, rgb), _apply(retone(grid, amount, chroma), rgb)
    torch.testing.assert_close(_luma(after), torch.lerp(_luma(before), _luma(rgb), amount), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(after - _luma(after), chroma * (before - _luma(before)), atol=1e-5, rtol=1e-4)


def test_without_chroma_everything_is_grey() -> None:
    styled = _apply(retone(_wild(1), 0.0, 0.0), picture(2))
    assert float((styled.amax(0) - styled.amin(0)).max()) < 1e-5


@pytest.mark.parametrize("weights", [LUMA, random_guide(3)])
@pytest.mark.parametrize("anchor", [0.0, 0.35, 1.0])
def test_tones_are_kept_in_order(anchor: float, weights: GuideWeights) -> None:
    """Looks with bumps in a bin or two, as a fit to a narrow region leaves them."""
    for seed in range(6):
        grid = identity()
        random = generator(seed)
        low, high = (int(torch.randint(0, 4, (), generator=random)) for _ in range(2))
        grid[3::4, low] += 0.3
        grid[3::4, 4 + high] -= 0.3 * torch.rand(1, 16, 16, generator=random)
        before, after = _turned(_ramps(grid, weights)), _turned(_ramps(keep_order(grid, anchor, weights), weights))
        assert before > 4 * TOLERANCE
        assert after < 2.5 * TOLERANCE


def test_a_look_in_order_is_left_alone_to_the_bit() -> None:
    grid = identity()
    grid[:, :4] *= 0.8
    assert keep_order(grid, 0.4, LUMA) is grid
    assert keep_order(identity(), 0.0, random_guide(1)) is not None
    one, two = (moments(picture(seed)[None], torch.ones(1, 1, 96, 96)) for seed in (1, 2))
    wide = base_grid(one, two, LUMA)[0]
    torch.testing.assert_close(keep_order(wide, 0.5, LUMA), wide, atol=0.05, rtol=0)


def test_what_is_at_the_anchor_stays() -> None:
    """A dark bump is taken out; the light tones that the region is made of do not move."""
    grid = identity()
    grid[3::4, 1] += 0.4
    ordered = keep_order(grid, 0.8, LUMA)
    before, after = _ramps(grid), _ramps(ordered)
    assert _turned(before) > 0.15
    assert _turned(after) < 0.03
    assert float((after - before)[44:].abs().max()) < 0.01


def test_hue_stays() -> None:
    """What is taken back is neutral: differences between channels are those of the look."""
    grid = _wild(9, 0.05)
    grid[3::4, 5] -= 0.3
    ordered = keep_order(grid, 0.3, LUMA)
    assert not torch.equal(ordered, grid)
    rgb = picture(5)
    moved = _apply(ordered, rgb) - _apply(grid, rgb)
    torch.testing.assert_close(moved[0], moved[1], atol=1e-5, rtol=0)
    torch.testing.assert_close(moved[0], moved[2], atol=1e-5, rtol=0)


@given(seeds)
@settings(max_examples=20)
def test_wild_grids_stay_finite(seed: int) -> None:
    ordered = keep_order(_wild(seed, 2.0), 0.5, LUMA)
    assert bool(ordered.isfinite().all())
    assert _turned(_ramps(ordered)) <= _turned(_ramps(_wild(seed, 2.0))) + 1e-3


def test_order_follows_the_look_without_jumps() -> None:
    """A bump that grows is taken back as smoothly as it grows."""
    looks = []
    for step in range(41):
        grid = identity()
        grid[3::4, 2] += 0.01 * step
        looks.append(_ramps(keep_order(grid, 0.7, LUMA)))
    jumps = [float((b - a).abs().max()) for a, b in pairwise(looks)]
    assert max(jumps) < 0.02
