"""Colour transport: moments carried over, gains bounded, degenerate regions sane, and the grid true to the map."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from natural import disc, generator, picture, random_guide

from lookmatte.bilateral.grid import identity
from lookmatte.bilateral.guide import GuideWeights, guide
from lookmatte.bilateral.oklab import from_oklab, to_oklab
from lookmatte.bilateral.slicing import apply_affine, slice_reference
from lookmatte.bilateral.transport import (
    GAIN_LIMIT,
    NOISE,
    Moments,
    base_grid,
    mix_moments,
    moments,
    transport,
    transport_matrix,
)

seeds = st.integers(0, 2**31 - 1)
LUMA = GuideWeights.luma_only()


def _all(rgb: torch.Tensor) -> Moments:
    return moments(rgb[None], torch.ones(1, 1, *rgb.shape[1:]))


def _covariance(seed: int, low: float = 0.03, high: float = 0.2) -> torch.Tensor:
    random = generator(seed)
    axes, _ = torch.linalg.qr(torch.randn(1, 3, 3, generator=random, dtype=torch.float64))
    size = low + (high - low) * torch.rand(1, 3, generator=random, dtype=torch.float64)
    return (axes * size.square().unsqueeze(-2)) @ axes.mT


def _apply(grid: torch.Tensor, rgb: torch.Tensor, weights: GuideWeights = LUMA, matte: float = 1.0) -> torch.Tensor:
    z = guide(rgb, matte, weights)
    return apply_affine(slice_reference(grid[None], z[None])[0], rgb)


def test_moments_are_the_weighted_mean_and_covariance() -> None:
    rgb, weight = picture(1, 20, 24), disc(20, 24)
    measured = moments(rgb[None], weight[None, None])
    lab, share = to_oklab(rgb.flatten(1)).double(), (weight / weight.sum()).flatten().double()
    mean = (lab * share).sum(1)
    covariance = ((lab - mean[:, None]) * share) @ (lab - mean[:, None]).T
    torch.testing.assert_close(measured.mean[0].double(), mean, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(measured.covariance[0].double(), covariance, atol=1e-6, rtol=1e-4)
    assert float(measured.mass) == pytest.approx(float(weight.sum()))


def test_what_the_weight_leaves_out_does_not_enter() -> None:
    rgb, weight = picture(1), disc()
    disturbed = torch.where(weight > 0, rgb, 1.0 - rgb)
    for one, other in zip(
        vars(moments(rgb[None], weight[None, None])).values(),
        vars(moments(disturbed[None], weight[None, None])).values(),
        strict=True,
    ):
        torch.testing.assert_close(one, other)


def test_mixing_follows_the_written_equation() -> None:
    one, two = _all(picture(1)), _all(picture(2))
    mixed = mix_moments(one, two, 0.6)
    torch.testing.assert_close(mixed.mean, 0.4 * one.mean + 0.6 * two.mean)
    torch.testing.assert_close(mixed.covariance, 0.4 * one.covariance + 0.6 * two.covariance)
    assert torch.equal(mix_moments(one, two, 0.0).covariance, one.covariance)


@given(seeds)
@settings(max_examples=60)
def test_the_map_carries_one_covariance_to_the_other(seed: int) -> None:
    """Deviations within a factor of GAIN_LIMIT bind no limit: the map is exact, symmetric and positive."""
    content, style = _covariance(seed, 0.1, 0.25), _covariance(seed + 1, 0.1, 0.25)
    matrix = transport_matrix(content, style)
    noise = NOISE**2 * torch.eye(3, dtype=torch.float64)
    torch.testing.assert_close(matrix @ (content + noise) @ matrix, style + noise, atol=1e-9, rtol=1e-6)
    torch.testing.assert_close(matrix, matrix.mT)
    assert float(torch.linalg.eigvalsh(matrix).min()) > 0.0


@given(seeds, st.floats(1e-4, 0.5), st.floats(1e-4, 0.5))
@settings(max_examples=60)
def test_gains_stay_within_their_limit(seed: int, one: float, other: float) -> None:
    matrix = transport_matrix(_covariance(seed, 1e-5, one), _covariance(seed + 1, 1e-5, other))
    gains = torch.linalg.eigvalsh(matrix)
    assert float(gains.max()) <= GAIN_LIMIT + 1e-9
    assert float(gains.min()) >= 1.0 / GAIN_LIMIT - 1e-9


def test_transported_colours_have_the_moments_of_the_style() -> None:
    random = generator(3)
    middle = torch.tensor([0.6, 0.02, 0.03]).view(3, 1)
    spread = torch.tensor([[0.05, 0, 0], [0.005, 0.01, 0], [0, 0.003, 0.01]])
    encoded = from_oklab(middle + spread @ torch.randn(3, 4000, generator=random).clamp(-2, 2))
    content = moments(encoded.unsqueeze(-1)[None], torch.ones(1, 1, 4000, 1))
    deviations = torch.tensor([0.06, 0.015, 0.012])
    style = Moments(torch.tensor([[0.55, -0.01, 0.02]]), torch.diag(deviations**2)[None], torch.ones(1))
    moved = transport(encoded[None], content, style)
    assert float(moved.min()) > 0.0
    assert float(moved.max()) < 1.0
    after = moments(moved.unsqueeze(-1), torch.ones(1, 1, 4000, 1))
    torch.testing.assert_close(after.mean, style.mean, atol=1e-3, rtol=0)
    # The noise added to both covariances is the only difference.
    torch.testing.assert_close(after.covariance, style.covariance, atol=1.5 * NOISE**2, rtol=0)


@given(seeds)
@settings(max_examples=15)
def test_a_style_like_the_content_changes_nothing(seed: int) -> None:
    rgb = picture(seed % 50)
    own = _all(rgb)
    torch.testing.assert_close(transport(rgb.flatten(1)[None], own, own)[0], rgb.flatten(1), atol=1e-3, rtol=0)
    torch.testing.assert_close(_apply(base_grid(own, own, LUMA)[0], rgb), rgb, atol=5e-3, rtol=0)


@given(seeds)
@settings(max_examples=15)
def test_the_grid_is_close_to_the_exact_map_on_the_content(seed: int) -> None:
    content, style = picture(seed % 1000), picture(seed % 1000 + 1000)
    exact = transport(content.flatten(1)[None], _all(content), _all(style))[0].view_as(content)
    for weights in (LUMA, random_guide(seed)):
        gridded = _apply(base_grid(_all(content), _all(style), weights)[0], content, weights)
        assert float((gridded.clamp(0, 1) - exact.clamp(0, 1)).abs().mean()) < 0.03


def test_the_grid_depends_on_moments_alone() -> None:
    content, style = picture(5), _all(picture(6))
    shuffled = content.flatten(1)[:, torch.randperm(96 * 96, generator=generator(1))].view_as(content)
    grids = [base_grid(_all(one), style, LUMA)[0] for one in (content, shuffled)]
    torch.testing.assert_close(grids[0], grids[1], atol=2e-4, rtol=1e-4)
    # Other pixels with these moments: the content's Gaussian instead of its picture.
    torch.manual_seed(1)
    again = base_grid(_all(content), style, LUMA)[0]
    assert torch.equal(again, grids[0])
    assert bool((grids[0] == grids[0][..., :1, :1]).all())


def test_the_grid_follows_the_moments_smoothly() -> None:
    """A small step of the moments is a small step of the look, everywhere in the cube."""
    axis = torch.linspace(0.0, 1.0, 9)
    cube = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij")).flatten(2)
    one, two, style = _all(picture(7)), _all(picture(8)), _all(picture(9))
    looks = [_apply(base_grid(mix_moments(one, two, t), style, LUMA)[0], cube) for t in torch.linspace(0, 1, 41)]
    steps = torch.stack([(b - a).abs().amax() for a, b in pairwise(looks)])
    whole = (looks[-1] - looks[0]).abs().amax()
    assert float(steps.max()) < 0.2 * float(whole)


def test_batches_are_independent() -> None:
    ones, twos = [_all(picture(i)) for i in (1, 2)], [_all(picture(i)) for i in (3, 4)]

    def stack(many: list[Moments]) -> Moments:
        return Moments(*(torch.cat(parts) for parts in zip(*(vars(one).values() for one in many), strict=True)))

    both = base_grid(stack(ones), stack(twos), LUMA)
    for i in (0, 1):
        torch.testing.assert_close(both[i], base_grid(ones[i], twos[i], LUMA)[0], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_flat_content_moves_to_the_style_without_being_blown_up(level: float) -> None:
    flat, style = torch.full((3, 32, 32), level), _all(picture(11))
    content = _all(flat)
    matrix = transport_matrix(content.covariance, style.covariance)
    assert float(torch.linalg.eigvalsh(matrix).max()) <= GAIN_LIMIT + 1e-6
    styled = _apply(base_grid(content, style, LUMA)[0], flat)
    expected = from_oklab(style.mean.mT)
    torch.testing.assert_close(styled.flatten(1), expected.expand(-1, 1024), atol=0.06, rtol=0)


def test_a_flat_style_leaves_a_third_of_the_contrast() -> None:
    content, flat = picture(12), torch.full((3, 8, 8), 0.4)
    moved = transport(content.flatten(1)[None], _all(content), _all(flat))
    before, after = _all(content).covariance, moments(moved.unsqueeze(-1), torch.ones(1, 1, 96 * 96, 1)).covariance
    torch.testing.assert_close(after, before / GAIN_LIMIT**2, atol=1e-4, rtol=0.15)
    assert bool(base_grid(_all(content), _all(flat), LUMA).isfinite().all())


@given(seeds)
@settings(max_examples=20)
def test_degenerate_regions_are_finite_and_keep_their_colours(seed: int) -> None:
    content = picture(seed % 30)
    some = _all(content)
    nothing = moments(content[None], torch.zeros(1, 1, 96, 96))
    assert float(nothing.mass) == 0.0
    assert bool((nothing.covariance == 0.0).all())
    for pair in ((nothing, some), (some, nothing), (nothing, nothing)):
        assert torch.equal(base_grid(*pair, LUMA)[0], identity())
    pixel = torch.zeros(1, 1, 96, 96)
    pixel[..., 40, 50] = 1.0
    single = moments(content[None], pixel)
    for pair in ((single, some), (some, single), (single, single)):
        grid = base_grid(*pair, LUMA)[0]
        assert bool(grid.isfinite().all())
        assert float(_apply(grid, content).abs().max()) < 3.0


def test_moments_of_a_picture_are_those_of_its_parts_and_of_a_batch() -> None:
    """Blocks and the box around the weight are how it is summed, nothing else."""
    rgb, weight = picture(3, 200, 180), disc(200, 180)
    whole = moments(rgb[None], weight[None, None])
    together = moments(torch.stack([rgb, rgb.flip(0)]), torch.stack([weight, 1.0 - weight])[:, None])
    parts = [moments(rgb[None, :, rows], weight[None, None, rows]) for rows in (slice(0, 90), slice(90, None))]
    share = torch.cat([part.mass for part in parts]) / whole.mass
    mean = sum(share[k] * parts[k].mean for k in (0, 1))
    torch.testing.assert_close(whole.mean, mean, atol=1e-6, rtol=0)
    torch.testing.assert_close(whole.mean, together.mean[:1], atol=1e-6, rtol=0)
    torch.testing.assert_close(whole.covariance, together.covariance[:1], atol=1e-7, rtol=1e-4)
