"""Grids: identity, strength, fading and composition."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from natural import generator, random_grid

from lookmatte.bilateral.grid import compose, fade, identity, identity_like, slice_one_cell, strengthen, tents
from lookmatte.bilateral.slicing import apply_affine, slice_reference

seeds = st.integers(0, 2**31 - 1)


def _act(grid: torch.Tensor, colours: torch.Tensor) -> torch.Tensor:
    """Apply one-cell-per-colour grids: (12, 1, 1, n) to (3, 1, n)."""
    return apply_affine(grid[:, 0], colours)


def test_the_identity_changes_nothing() -> None:
    grid = identity()
    assert grid.shape == (12, 8, 16, 16)
    colours = torch.rand(3, 16, 16, generator=generator(0))
    for z in range(8):
        assert torch.equal(apply_affine(grid[:, z], colours), colours)


def test_identity_like_follows_shape_and_type() -> None:
    made = identity_like(torch.empty(2, 5, 12, 3, 4, 6, dtype=torch.float64))
    assert made.shape == (2, 5, 12, 3, 4, 6)
    assert made.dtype == torch.float64
    made[0] = 0.0
    assert float(made[1, 0, 0, 0, 0, 0]) == 1.0


@given(seeds)
@settings(max_examples=20)
def test_strength_is_exact_at_both_ends(seed: int) -> None:
    grid = random_grid(seed, 3.0)
    assert torch.equal(strengthen(grid, 0.0), identity())
    assert torch.equal(strengthen(grid, 1.0), grid)
    torch.testing.assert_close(strengthen(grid, 0.25), 0.75 * identity() + 0.25 * grid)


@given(seeds)
@settings(max_examples=20)
def test_fading_is_exact_at_both_ends(seed: int) -> None:
    start, end = random_grid(seed, 3.0), random_grid(seed + 1, 3.0)
    assert torch.equal(fade(start, end, 0.0), start)
    assert torch.equal(fade(start, end, 1.0), end)
    torch.testing.assert_close(fade(start, end, 0.5), 0.5 * (start + end))


@given(seeds)
@settings(max_examples=20)
def test_composition_is_one_after_the_other(seed: int) -> None:
    before, after = random_grid(seed, 0.5, 1, 1, 50), random_grid(seed + 1, 0.5, 1, 1, 50)
    colours = torch.rand(3, 1, 50, generator=generator(seed))
    expected = _act(after, _act(before, colours))
    torch.testing.assert_close(_act(compose(after, before), colours), expected, atol=2e-5, rtol=1e-5)


@given(seeds)
@settings(max_examples=20)
def test_composition_is_associative(seed: int) -> None:
    one, two, three = (random_grid(seed + i, 0.5).double() for i in range(3))
    torch.testing.assert_close(compose(compose(three, two), one), compose(three, compose(two, one)))


def test_the_identity_is_neutral_and_shapes_broadcast() -> None:
    many = torch.stack([random_grid(1), random_grid(2)])
    torch.testing.assert_close(compose(identity(), many), many)
    torch.testing.assert_close(compose(many, identity()), many)
    torch.testing.assert_close(compose(many, random_grid(3))[1], compose(many[1], random_grid(3)))


@given(st.integers(0, 2**31 - 1), st.sampled_from([(16, 16), (1, 1), (3, 5)]))
@settings(max_examples=25)
def test_a_grid_of_one_cell_stands_for_one_that_is_the_same_in_all(seed: int, cells: tuple[int, int]) -> None:
    random = torch.Generator().manual_seed(seed)
    one, other = torch.randn(12, 8, 1, 1, generator=random), torch.randn(12, 8, *cells, generator=random)
    whole = one.expand(-1, -1, *cells)
    z = torch.rand(9, 7, generator=random)
    sliced = slice_reference(whole[None], z[None])[0]
    torch.testing.assert_close(slice_one_cell(one, z), sliced, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(compose(other, one), compose(other, whole))
    torch.testing.assert_close(compose(one, other), compose(whole, other))


@given(st.lists(st.floats(0.0, 1.0, width=32), min_size=1, max_size=20))
def test_the_bins_of_a_guide_share_it(values: list[float]) -> None:
    shares = tents(torch.tensor(values))
    torch.testing.assert_close(shares.sum(0), torch.ones(len(values)))
    assert bool(((shares > 0).sum(0) <= 2).all())
