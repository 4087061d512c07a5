"""Sharing a pixel between regions: eq. 7, weights, and the order of regions, which never matters."""

from __future__ import annotations

from itertools import permutations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from natural import generator, random_grid

from lookmatte.bilateral.blend import blend_grids, cover, coverage_weight, share_weights
from lookmatte.bilateral.encoding import decode, encode
from lookmatte.bilateral.grid import identity
from lookmatte.bilateral.slicing import apply_affine

seeds = st.integers(0, 2**31 - 1)


def _grids(seed: int, regions: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    grids = torch.stack([random_grid(seed + i, 0.5, 4, 5, 6) for i in range(regions)])
    return grids, torch.rand(regions, 4, 5, 6, generator=generator(seed)), random_grid(seed + 99, 0.5, 4, 5, 6)


@given(seeds)
@settings(max_examples=20)
def test_eq_7_for_a_foreground_and_a_background(seed: int) -> None:
    grids, masks, rest = _grids(seed, 1)
    foreground, mask = grids[0], masks[0]
    expected = mask * foreground + (1.0 - mask) * rest
    torch.testing.assert_close(blend_grids(grids, masks, rest), expected)
    without = mask * foreground + (1.0 - mask) * identity(4, 5, 6)
    torch.testing.assert_close(blend_grids(grids, masks), without)


@given(seeds)
@settings(max_examples=20)
def test_the_order_of_grids_does_not_matter(seed: int) -> None:
    grids, masks, rest = _grids(seed, 3)
    first = blend_grids(grids, masks, rest)
    for order in permutations(range(3)):
        torch.testing.assert_close(blend_grids(grids[list(order)], masks[list(order)], rest), first)


def test_more_than_1_is_divided_and_less_goes_to_the_rest() -> None:
    grids, masks, rest = _grids(7, 2)
    full = torch.full_like(masks, 0.8)
    torch.testing.assert_close(blend_grids(grids, full, rest), 0.5 * (grids[0] + grids[1]))
    part = torch.full_like(masks, 0.3)
    torch.testing.assert_close(blend_grids(grids, part, rest), 0.3 * (grids[0] + grids[1]) + 0.4 * rest)
    torch.testing.assert_close(blend_grids(grids, torch.zeros_like(masks), rest), rest)
    assert torch.equal(blend_grids(grids, torch.zeros_like(masks)), identity(4, 5, 6))


def test_grids_blend_in_batches() -> None:
    grids, masks, rest = _grids(8, 2)
    many = blend_grids(torch.stack([grids, grids.flip(0)]), torch.stack([masks, masks.flip(0)]), rest)
    torch.testing.assert_close(many[0], many[1])


@given(seeds, st.integers(1, 5))
@settings(max_examples=30)
def test_weights_share_a_pixel(seed: int, regions: int) -> None:
    weights = torch.rand(regions, 6, 7, generator=generator(seed))
    shared, rest = share_weights(weights)
    total = weights.sum(0)
    torch.testing.assert_close(shared.sum(0) + rest, torch.ones(6, 7))
    torch.testing.assert_close(shared, weights / total.clamp_min(1.0))
    under = total <= 1.0
    assert torch.equal(shared[:, under], weights[:, under])
    assert bool((rest[~under] == 0.0).all())
    order = torch.randperm(regions, generator=generator(seed + 1))
    torch.testing.assert_close(share_weights(weights[order])[0], shared[order], atol=1e-6, rtol=1e-6)


def test_coverage_becomes_weight_on_straight_colour() -> None:
    coverage = torch.tensor([0.0, 0.2, 0.5, 0.5, 1.0, 0.3, 0.0, 0.3])
    alpha = torch.tensor([1.0, 0.4, 0.5, 0.25, 1.0, 0.0, 0.0, -0.5])
    weight = coverage_weight(coverage, alpha)
    torch.testing.assert_close(weight, torch.tensor([0.0, 0.5, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0]))


@given(seeds)
@settings(max_examples=20)
def test_blending_transforms_is_blending_results_in_the_encoding(seed: int) -> None:
    random = generator(seed)
    colours = torch.rand(3, 8, 9, generator=random)
    affines = [random_grid(seed + i, 0.3, 1, 8, 9)[:, 0] for i in range(3)]
    weights, _ = share_weights(torch.rand(3, 8, 9, generator=random) + 0.2)
    blended = apply_affine(sum(a * w for a, w in zip(affines, weights, strict=True)), colours)
    results = sum(apply_affine(a, colours) * w for a, w in zip(affines, weights, strict=True))
    torch.testing.assert_close(blended, results, atol=2e-6, rtol=1e-5)
    # It is not the same as blending in linear light: the proportion is meant in the working encoding.
    linear = sum(decode(apply_affine(a, colours)) * w for a, w in zip(affines, weights, strict=True))
    assert float((encode(linear) - blended).abs().max()) > 1e-3


def test_what_several_mattes_cover() -> None:
    masks = torch.tensor([[0.2, 0.7, 0.0], [0.3, 0.9, 0.0]])
    torch.testing.assert_close(cover(masks), torch.tensor([0.5, 1.0, 0.0]))
    assert torch.equal(cover(torch.zeros(0, 4)), torch.zeros(4))
