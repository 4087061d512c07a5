"""Applying a look: what stays to the bit, proportions at matte edges, and highlights in stops for any grid."""

from __future__ import annotations

from itertools import permutations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from natural import centres, disc, generator, picture, random_grid, random_guide

from lookmatte.bilateral.apply import (
    HIGHLIGHT_STOPS,
    Look,
    SoftRegion,
    apply_band,
    keep_highlights,
    reference_transform,
    sample_map,
    soft_weights,
)
from lookmatte.bilateral.blend import share_weights
from lookmatte.bilateral.encoding import LARGEST_HALF, STOP, decode, encode
from lookmatte.bilateral.enhance import matte_at, plain
from lookmatte.bilateral.grid import identity
from lookmatte.bilateral.guide import GuideWeights
from lookmatte.bilateral.guide import guide as guide_of
from lookmatte.bilateral.slicing import apply_affine, band_rows, slice_reference

seeds = st.integers(0, 2**31 - 1)
LUMA = GuideWeights.luma_only()
ROWS, COLUMNS = 24, 30
U, V = centres(COLUMNS), centres(ROWS)


@pytest.fixture(autouse=True)
def _without_gradients() -> object:
    with torch.no_grad():
        yield


def _plate(seed: int, size: float = 1.0) -> torch.Tensor:
    """Scene-linear colours between black and several times white: (3, ROWS, COLUMNS)."""
    return size * decode(picture(seed, ROWS, COLUMNS) * 1.3)


def _mild(seed: int) -> torch.Tensor:
    """A look that keeps mid-tones inside (0, 1), so that no bound hides the arithmetic."""
    return 0.85 * identity() + 0.01 * (random_grid(seed, 1.0) - identity()) + 0.05 * torch.eye(3, 4)[
        :, [3, 3, 3, 0]
    ].reshape(12, 1, 1, 1)


def _pixel(*grids: torch.Tensor | None, weights: GuideWeights = LUMA) -> Look:
    return Look(grids, (), None, weights)


def _run(linear: torch.Tensor, weights: torch.Tensor, look: Look) -> tuple[torch.Tensor, torch.Tensor]:
    return apply_band(linear, weights, U, V, look)


def test_what_no_look_touches_is_not_active() -> None:
    linear = _plate(1)
    weights = torch.zeros(2, ROWS, COLUMNS)
    weights[0, :5], weights[1, 4:9] = 1.0, 0.0
    _, active = _run(linear, weights, _pixel(random_grid(1), random_grid(2)))
    assert bool(active[:5].all())
    assert not bool(active[5:].any())
    styled, active = _run(linear, weights, _pixel(None, None))
    assert torch.equal(styled, linear)
    assert not bool(active.any())
    styled, active = _run(linear, torch.zeros(0, ROWS, COLUMNS), _pixel())
    assert torch.equal(styled, linear)
    assert not bool(active.any())


def test_a_region_without_strength_still_covers_what_lies_under_it() -> None:
    linear, weights = _plate(2), torch.ones(1, ROWS, COLUMNS)
    weights[:, 10:] = 0.0
    look = Look((None,), (), random_grid(3), LUMA)
    _, active = _run(linear, weights, look)
    assert not bool(active[:10].any())
    assert bool(active[10:].all())


def test_the_identity_gives_the_input_up_to_rounding() -> None:
    linear = torch.cat([_plate(3), -_plate(4), 300.0 * _plate(5)], 1)
    weights = torch.rand(1, 3 * ROWS, COLUMNS, generator=generator(3))
    styled, _ = apply_band(linear, weights, U, centres(3 * ROWS), Look((identity(),), (), identity(), LUMA))
    torch.testing.assert_close(styled, linear, atol=1e-6, rtol=1e-5)


@given(seeds)
@settings(max_examples=25)
def test_one_region_is_the_definition(seed: int) -> None:
    linear, grid, weights = _plate(seed % 40), random_grid(seed, 0.3), random_guide(seed)
    styled, active = _run(linear, torch.ones(1, ROWS, COLUMNS), _pixel(grid, weights=weights))
    assert bool(active.all())
    expected = reference_transform(grid[None], linear[None], 1.0, weights)[0]
    torch.testing.assert_close(encode(styled), encode(expected), atol=1e-4, rtol=1e-5)


@given(seeds, st.floats(0.0, 1.0))
@settings(max_examples=25)
def test_a_pixel_of_weight_c_lies_at_c_between_plate_and_look(seed: int, c: float) -> None:
    linear, grid = decode(0.15 + 0.6 * picture(seed % 40, ROWS, COLUMNS)), _mild(seed)
    whole, _ = _run(linear, torch.ones(1, ROWS, COLUMNS), _pixel(grid))
    part, _ = _run(linear, torch.full((1, ROWS, COLUMNS), c), _pixel(grid))
    expected = (1.0 - c) * encode(linear) + c * encode(whole)
    torch.testing.assert_close(encode(part), expected, atol=5e-6, rtol=0)


@given(seeds, st.floats(0.0, 1.0))
@settings(max_examples=25)
def test_two_looks_meet_in_proportion(seed: int, c: float) -> None:
    linear = decode(0.15 + 0.6 * picture(seed % 40, ROWS, COLUMNS))
    grids, under, guide = (_mild(seed), _mild(seed + 1)), _mild(seed + 2), random_guide(seed)
    one = torch.ones(ROWS, COLUMNS)
    looks = [
        encode(_run(linear, torch.stack([a * one, b * one]), Look(grids, (), under, guide))[0])
        for a, b in ((1.0, 0.0), (0.0, 1.0), (0.0, 0.0), (0.7 * c, 0.7 * (1.0 - c)))
    ]
    expected = 0.7 * c * looks[0] + 0.7 * (1.0 - c) * looks[1] + 0.3 * looks[2]
    torch.testing.assert_close(looks[3], expected, atol=5e-6, rtol=0)


@given(seeds)
@settings(max_examples=25)
def test_the_order_of_regions_does_not_matter(seed: int) -> None:
    linear, guide, random = _plate(seed % 40), random_guide(seed), generator(seed)
    grids = [random_grid(seed + i) for i in range(3)]
    weights = torch.rand(3, ROWS, COLUMNS, generator=random)
    weights = weights / weights.sum(0).clamp_min(1.0)
    first, active = _run(linear, weights, Look(tuple(grids), (), random_grid(seed + 9), guide))
    for order in permutations(range(3)):
        look = Look(tuple(grids[i] for i in order), (), random_grid(seed + 9), guide)
        again, where = _run(linear, weights[list(order)], look)
        torch.testing.assert_close(encode(again), encode(first), atol=5e-6, rtol=1e-6)
        assert torch.equal(where, active)


@given(
    seeds,
    st.floats(0.0, 20.0),
    st.lists(st.floats(9.8, LARGEST_HALF), min_size=3, max_size=3),
    st.floats(0.0, 1.0),
)
@settings(max_examples=120)
def test_a_highlight_stays_within_three_stops_of_any_grid(
    seed: int, size: float, colour: list[float], weight: float
) -> None:
    linear = torch.tensor([[200.0, *colour]] * 3).view(3, 1, 4).clone()
    linear[1, 0, 3] = 0.1
    grid, under = random_grid(seed, size), random_grid(seed + 1, size)
    look = Look((grid,), (), under, random_guide(seed))
    styled, _ = apply_band(linear, torch.full((1, 1, 4), weight), centres(4), centres(1), look)
    stops = (styled / linear).log2().abs()
    stops[1, 0, 3] = 0.0
    assert float(stops.max()) <= HIGHLIGHT_STOPS + 0.01


def test_the_extreme_looks_at_a_highlight_of_200() -> None:
    linear = torch.full((3, 1, 1), 200.0)
    black, white = torch.zeros(12, 8, 16, 16), torch.zeros(12, 8, 16, 16)
    white[[3, 7, 11]] = 50.0
    for grid, expected in ((black, -HIGHLIGHT_STOPS), (white, HIGHLIGHT_STOPS), (1.0 - identity(), None)):
        styled, _ = apply_band(linear, torch.ones(1, 1, 1), centres(1), centres(1), _pixel(grid))
        stops = float((styled[0, 0, 0] / 200.0).log2())
        assert abs(stops) < 3.0
        if expected is not None:
            assert stops == pytest.approx(expected, abs=1e-3)


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
@settings(max_examples=60)
def test_highlights_keep_their_order_under_looks_in_range(at_black: float, at_white: float) -> None:
    """Brighter stays brighter across the seam at 1, whatever the look does to white."""
    offset, gain = at_black, at_white - at_black
    if gain < 0.0:
        offset, gain = at_white, -gain
    ramp = decode(torch.linspace(0.0, 5.0, 2001)).view(1, 1, -1).expand(3, 1, -1)
    grid = torch.zeros(12, 8, 16, 16)
    grid[[0, 5, 10]], grid[[3, 7, 11]] = gain, offset
    styled, _ = apply_band(ramp, torch.ones(1, 1, 2001), centres(2001), centres(1), _pixel(grid))
    assert float(encode(styled).diff(dim=-1).min()) >= -1e-5


def test_the_bound_leaves_what_is_not_above_1_alone() -> None:
    styled = torch.tensor([-5.0, 0.2, 7.0]).view(3, 1, 1)
    clamped = torch.tensor([0.0, 0.5, 1.0]).view(3, 1, 1)
    assert torch.equal(keep_highlights(styled, clamped, torch.zeros(3, 1, 1)), styled)
    assert torch.equal(keep_highlights(styled, clamped, torch.full((3, 1, 1), -2.0)), styled)
    reach = HIGHLIGHT_STOPS * STOP
    far = keep_highlights(styled, clamped, torch.full((3, 1, 1), 3.0)).flatten()
    torch.testing.assert_close(far, torch.tensor([1.0 - reach, 0.2, 1.0 + reach]))


@given(seeds, st.floats(0.0, 10.0))
@settings(max_examples=40)
def test_what_was_not_negative_does_not_become_negative(seed: int, size: float) -> None:
    linear = _plate(seed % 40, 5.0)
    linear[:, :3] = 0.0
    weights = torch.rand(1, ROWS, COLUMNS, generator=generator(seed))
    look = Look((random_grid(seed, size),), (), random_grid(seed + 1, size), random_guide(seed))
    styled, _ = _run(linear, weights, look)
    assert float(styled.min()) >= 0.0
    assert not bool(styled.isnan().any())


@given(seeds)
@settings(max_examples=25)
def test_negatives_are_added_back(seed: int) -> None:
    """A negative channel acts as 0 in the affine and keeps its own distance below."""
    linear = -_plate(seed % 40)
    grid = random_grid(seed, 0.3)
    styled, _ = _run(linear, torch.ones(1, ROWS, COLUMNS), _pixel(grid))
    zero, _ = _run(torch.zeros_like(linear), torch.ones(1, ROWS, COLUMNS), _pixel(grid))
    torch.testing.assert_close(encode(styled), encode(zero) + encode(linear), atol=2e-6, rtol=1e-5)


def _soft(seed: int, matte: torch.Tensor) -> SoftRegion:
    """A `grid` region whose matte takes some of its shape from the colours."""
    tilt = 0.8 * torch.randn(3, 1, 1, generator=generator(seed)) * matte
    return SoftRegion(random_grid(seed), torch.cat([tilt, (matte - 0.5 * tilt.sum(0))[None]]))


def _whole_look(seed: int) -> tuple[torch.Tensor, Look]:
    random = generator(seed)
    weights = 0.5 * torch.rand(2, 67, 333, generator=random)
    grids = (random_grid(seed), random_grid(seed + 1))
    soft = (_soft(seed, disc(256, 256)), _soft(seed + 3, disc(256, 256, x=0.7)))
    return weights, Look(grids, soft, random_grid(seed + 2), random_guide(seed))


@pytest.mark.parametrize("rows", [1, 2, 5, 13, 32, 64])
def test_how_a_frame_is_split_into_bands_does_not_show(rows: int) -> None:
    """Which pixels are styled is the same to the bit, and so is all that is looked up; what is left is the
    rounding of the powers, which torch's vector loops do differently at their ends."""
    weights, look = _whole_look(1)
    linear = 3.0 * decode(picture(7, 67, 333))
    u, v = centres(333), centres(67)
    whole, active = apply_band(linear, weights, u, v, look)
    parts = [
        apply_band(linear[:, y : y + rows], weights[:, y : y + rows], u, v[y : y + rows], look)
        for y in range(0, 67, rows)
    ]
    assert torch.equal(torch.cat([where for _, where in parts]), active)
    styled = torch.cat([part for part, _ in parts], 1)
    torch.testing.assert_close(encode(styled), encode(whole), atol=2e-6, rtol=1e-6)


def test_the_same_bands_give_the_same_bits() -> None:
    """What chunks and resumed renders rest on: a frame is always split the same way."""
    weights, look = _whole_look(2)
    linear = 3.0 * decode(picture(8, 67, 333))
    u, v, rows = centres(333), centres(67), band_rows(333)

    def render() -> torch.Tensor:
        spans = [slice(y, y + rows) for y in range(0, 67, rows)]
        return torch.cat([apply_band(linear[:, s], weights[:, s], u, v[s], look)[0] for s in spans], 1)

    first = render()
    for _ in range(3):
        disturb = torch.rand(1000, 777).exp().sum()
        assert bool(disturb.isfinite())
        assert torch.equal(render(), first)


def test_a_grid_region_acts_where_its_coefficients_are_and_nowhere_else() -> None:
    linear = _plate(9)
    matte = torch.zeros(12, 15)
    matte[:, :6] = 1.0
    look = Look((), (SoftRegion(random_grid(5), plain(matte)),), None, LUMA)
    styled, active = _run(linear, torch.zeros(0, ROWS, COLUMNS), look)
    # Columns 0..11 lie on cells of 1; the map's next centre, at column 12.5, is 0.
    assert bool(active[:, :12].all())
    assert not bool(active[:, 13:].any())
    torch.testing.assert_close(styled[:, :, 13:], linear[:, :, 13:], atol=1e-6, rtol=1e-5)
    full, _ = _run(linear, torch.ones(1, ROWS, COLUMNS), _pixel(random_grid(5)))
    assert torch.equal(styled[:, :, :11], full[:, :, :11])


@given(seeds)
@settings(max_examples=25)
def test_grid_regions_share_what_pixel_regions_leave(seed: int) -> None:
    """The definition, region by region: mattes at the pixels' colours, shared, over the rest."""
    linear, guide = decode(0.15 + 0.6 * picture(seed % 40, ROWS, COLUMNS)), random_guide(seed)
    soft = (_soft(seed, disc(32, 32)), _soft(seed + 1, disc(32, 32, x=0.7)))
    over, under = _mild(seed + 2), _mild(seed + 3)
    cover = 0.8 * disc(ROWS, COLUMNS, 0.2)
    styled, _ = _run(linear, cover[None], Look((over,), soft, under, guide))
    colour = encode(linear).clamp(0.0, 1.0)
    mattes = [matte_at(sample_map(one.enhanced, U, V), colour) for one in soft]
    shared, rest = share_weights(torch.stack(mattes))
    weights = torch.cat([cover[None], (1.0 - cover) * shared, ((1.0 - cover) * rest)[None]])
    grids = (over, *(one.grid for one in soft), under)
    affine = sum(
        weight * slice_reference(grid[None], guide_of(colour, 0.0 if grid is under else 1.0, guide)[None])[0]
        for weight, grid in zip(weights, grids, strict=True)
    )
    expected = apply_affine(affine, colour).clamp_min(0.0)
    torch.testing.assert_close(encode(styled), expected, atol=2e-5, rtol=1e-5)


def test_a_grid_region_of_strength_0_keeps_its_bits_beside_a_rest() -> None:
    matte = torch.zeros(12, 15)
    matte[:, :6] = 1.0
    look = Look((), (SoftRegion(None, plain(matte)),), random_grid(3), LUMA)
    _, active = _run(_plate(4), torch.zeros(0, ROWS, COLUMNS), look)
    assert not bool(active[:, :11].any())
    assert bool(active[:, 13:].all())


@given(st.integers(0, 11), st.integers(0, 14), st.integers(0, 11), st.integers(0, 14))
@settings(max_examples=60)
def test_no_pixel_that_sees_a_matte_is_passed_over(top: int, left: int, bottom: int, right: int) -> None:
    """A look is computed only for the columns that need it: that must not show, nor beyond the display window."""
    matte = torch.zeros(12, 15)
    matte[min(top, bottom) : max(top, bottom) + 1, min(left, right) : max(left, right) + 1] = 1.0
    u = (torch.arange(-9, COLUMNS + 9) + 0.5) / COLUMNS
    v = (torch.arange(-4, ROWS + 4) + 0.5) / ROWS
    seen = sample_map(matte[None], u, v)[0] > 0.0
    region = SoftRegion(identity(), plain(matte))
    for y in range(0, len(v), 5):
        weights = soft_weights((region,), torch.rand(3, len(v[y : y + 5]), len(u)), u, v[y : y + 5])[0]
        assert torch.equal(weights > 0.0, seen[y : y + 5])


def test_maps_are_sampled_at_their_centres_and_clamped() -> None:
    values = torch.rand(2, 5, 7, generator=generator(1))
    torch.testing.assert_close(sample_map(values, centres(7), centres(5)), values)
    beyond = sample_map(values, torch.tensor([-1.0, 2.0]), torch.tensor([-1.0, 2.0]))
    torch.testing.assert_close(beyond, values[:, [0, -1]][:, :, [0, -1]])


def test_regions_of_strength_0_that_overlap_keep_their_bits_though_shares_round() -> None:
    look = Look((None, None, None), (), random_grid(3), LUMA)
    for overlap in torch.rand(200, 3, generator=generator(9)) + 0.34:
        shared, _ = share_weights(overlap.view(3, 1, 1).expand(3, ROWS, COLUMNS))
        _, active = apply_band(_plate(1), shared, U, V, look)
        assert not bool(active.any())
