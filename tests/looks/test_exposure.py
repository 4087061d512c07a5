"""The exposure limit: the measured mean stays within its stops, whatever the look."""

from __future__ import annotations

import json
import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from proxies import disc, picture, style
from torch import Tensor

from lookmatte.bilateral.apply import keep_highlights
from lookmatte.bilateral.encoding import LARGEST_HALF, decode, luma, luminance
from lookmatte.bilateral.grid import identity_like
from lookmatte.bilateral.guide import GuideWeights, guide
from lookmatte.bilateral.slicing import apply_affine, slice_reference
from lookmatte.bilateral.transport import base_grid, moments
from lookmatte.looks.bake import RegionBake
from lookmatte.looks.exposure import AMOUNTS, Exposure, measure_exposure, take_back
from lookmatte.looks.sample import Sample

LUMA = GuideWeights.luma_only()
seeds = st.integers(0, 2**31 - 1)
limits = st.floats(0.0, 4.0)


def _transport(seed: int, rgb: Tensor, weight: Tensor) -> Tensor:
    """A look as it comes: the transport to some other picture."""
    target = style(seed)
    own = moments(rgb[None], weight[None, None])
    return base_grid(own, moments(target.rgb[None], target.weight[None, None]), LUMA)[0]


def _sliced(grid: Tensor, rgb: Tensor) -> Tensor:
    return slice_reference(grid[None], guide(rgb, 1.0, LUMA)[None])[0]


def _mean(grid: Tensor, rgb: Tensor, weight: Tensor) -> float:
    """Mean luminance of the styled region, as pixels are styled."""
    clamped = rgb.clamp(0.0, 1.0)
    above = rgb - clamped
    styled = apply_affine(_sliced(grid, rgb), clamped).clamp_min(0.0)
    linear = decode(keep_highlights(styled, clamped, above) + above).clamp(-LARGEST_HALF, LARGEST_HALF)
    return float((luminance(linear) * weight).sum() / weight.sum())


def _stops(grid: Tensor, rgb: Tensor, weight: Tensor) -> float:
    before = float((luminance(decode(rgb)) * weight).sum() / weight.sum())
    return math.log2(_mean(grid, rgb, weight) / before)


def _bake(grid: Tensor, rgb: Tensor, weight: Tensor) -> RegionBake:
    return RegionBake("hero", "pixel", grid, measure_exposure(grid, Sample.of(rgb, weight), LUMA, 1.0))


@given(st.integers(0, 10**6), limits, st.floats(0.3, 1.6))
@settings(max_examples=25)
def test_the_mean_stays_within_its_stops(seed: int, limit: float, level: float) -> None:
    rgb, weight = picture(seed)[:, ::4, ::4] * level, disc(90.0)[::4, ::4]
    bake = _bake(_transport(seed + 1, rgb, weight), rgb, weight)
    free, bound = _stops(bake.grid, rgb, weight), _stops(bake.limited(limit), rgb, weight)
    # Between two measured amounts the travel is interpolated: a twentieth of a stop is its error.
    assert abs(bound) <= limit + 0.05
    if abs(free) > limit:
        assert abs(bound) >= limit - 0.05
        assert bound * free >= -1e-3 or limit < 0.06


@given(st.integers(0, 10**6), limits, st.sampled_from([0.0, 1.0, 0.02, 0.97]))
@settings(max_examples=25)
def test_a_black_or_white_style_is_held_too(seed: int, limit: float, level: float) -> None:
    """No gain lights what is black, and none darkens highlights: what is taken back is the look."""
    rgb, weight = picture(seed)[:, ::4, ::4], disc(90.0)[::4, ::4]
    one = torch.full((1, 3, 8, 8), level)
    grid = base_grid(moments(rgb[None], weight[None, None]), moments(one, torch.ones(1, 1, 8, 8)), LUMA)[0]
    bake = _bake(grid, rgb, weight)
    assert abs(_stops(bake.limited(limit), rgb, weight)) <= limit + 0.05


@given(st.integers(0, 10**6), st.floats(0.0, 1.0), st.floats(0.1, 1.0))
@settings(max_examples=25)
def test_what_is_held_amplifies_no_more_than_the_look(seed: int, amount: float, chroma: float) -> None:
    rgb, weight = picture(seed)[:, ::4, ::4], disc(90.0)[::4, ::4]
    grid = _transport(seed + 1, rgb, weight)

    def steepest(one: Tensor) -> float:
        ramp = torch.linspace(0.0, 1.0, 257).expand(3, 1, -1)
        return float(luminance(apply_affine(_sliced(one, ramp), ramp)).diff().abs().max()) * 256.0

    assert steepest(take_back(grid, amount, chroma)) <= max(steepest(grid), 1.0) + 1e-3


def test_the_ends_of_taking_back() -> None:
    grid = _transport(5, picture(6), torch.ones(256, 256))
    torch.testing.assert_close(take_back(grid, 0.0, 0.3), grid, atol=1e-6, rtol=0)
    assert torch.equal(take_back(grid, 1.0, 0.3), identity_like(grid))


def test_a_look_that_is_held_from_darkening_keeps_its_colour() -> None:
    """Half of the exposure given back is not half of the colour."""
    rgb = picture(7)[:, ::4, ::4] * 0.3 + 0.65
    night = torch.tensor([0.1, 0.12, 0.3]).view(1, 3, 1, 1) * (0.5 + picture(8)[:1, ::4, ::4])
    own = moments(rgb[None], torch.ones(1, 1, 64, 64))
    grid = base_grid(own, moments(night, torch.ones(1, 1, 64, 64)), LUMA)[0]
    bake = _bake(grid, rgb, torch.ones(64, 64))
    assert bake.exposure.stops < -2.0

    def blue(one: Tensor) -> float:
        styled = apply_affine(_sliced(one, rgb), rgb).clamp_min(0.0)
        return float((styled[2] - luma(styled)).mean())

    untouched = float((rgb[2] - luma(rgb)).mean())
    assert blue(bake.limited(1.0)) - untouched > 0.9 * (blue(grid) - untouched)


@given(st.integers(0, 10**6), st.floats(0.3, 1.6))
@settings(max_examples=20)
def test_a_look_within_its_limit_is_left_alone_to_the_bit(seed: int, level: float) -> None:
    rgb, weight = picture(seed)[:, ::4, ::4] * level, disc(90.0)[::4, ::4]
    bake = _bake(_transport(seed + 1, rgb, weight), rgb, weight)
    enough = abs(_stops(bake.grid, rgb, weight)) + 0.01
    for limit in (None, 100.0, enough):
        assert bake.exposure.amount(limit) == 0.0
        assert bake.limited(limit) is bake.grid


def test_measured_as_pixels_are_styled() -> None:
    rgb, weight = picture(3)[:, ::4, ::4] * 1.5, disc(90.0)[::4, ::4]
    grid = _transport(4, rgb, weight)
    exposure = measure_exposure(grid, Sample.of(rgb, weight), LUMA, 1.0)
    for index in (0, 5, 12, 14, 16):
        bound = take_back(grid, AMOUNTS[index], exposure.chroma)
        assert exposure.after[index] == pytest.approx(_mean(bound, rgb, weight), rel=1e-4)
    assert exposure.before == pytest.approx(float((luminance(decode(rgb)) * weight).sum() / weight.sum()), rel=1e-5)


def test_a_large_region_is_measured_on_a_part_of_it_with_all_its_lights() -> None:
    rgb, weight = picture(3), disc(110.0)
    rgb[:, 100:102, 90:93] = 3.0
    grid = _transport(4, rgb, weight)
    exposure = measure_exposure(grid, Sample.of(rgb, weight), LUMA, 1.0)
    assert exposure.before == pytest.approx(float((luminance(decode(rgb)) * weight).sum() / weight.sum()), rel=0.03)
    assert exposure.after[0] == pytest.approx(_mean(grid, rgb, weight), rel=0.03)


@given(seeds, st.floats(0.0, 60.0), limits)
@settings(max_examples=40)
def test_wild_looks_are_measured_in_finite_numbers(seed: int, size: float, limit: float) -> None:
    """A bake on disk holds these numbers, and refuses any that are not finite."""
    random = torch.Generator().manual_seed(seed)
    rgb = 6.0 * torch.rand(3, 24, 24, generator=random) - 0.5
    grid = size * torch.randn(12, 8, 16, 16, generator=random)
    weight = (torch.rand(24, 24, generator=random) > 0.5).float()
    exposure = measure_exposure(grid, Sample.of(rgb, weight), LUMA, 1.0)
    values = [exposure.before, *exposure.after]
    assert all(math.isfinite(value) for value in values)
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    assert 0.0 <= exposure.amount(limit) <= 1.0


@given(seeds, st.floats(0.3, 3.0), st.booleans())
@settings(max_examples=25)
def test_every_amount_is_measured_as_defined(seed: int, level: float, weighted: bool) -> None:
    """The mean at each amount is that of the pixels under the grid that :func:`take_back` makes."""
    random = torch.Generator().manual_seed(seed)
    rgb = picture(seed)[:, ::8, ::8] * level - 0.05
    weight = torch.rand(32, 32, generator=random) if weighted else (disc(90.0)[::8, ::8] > 0.5).float()
    grid = identity_like(torch.empty(12, 8, 16, 16)) + 0.3 * torch.randn(12, 8, 16, 16, generator=random)
    exposure = measure_exposure(grid, Sample.of(rgb, weight), LUMA, 1.0)
    clamped = rgb.clamp(0.0, 1.0)
    styled = apply_affine(_sliced(grid, rgb), clamped)
    own, looks = (float((luma(one) * weight).sum() / weight.sum()) for one in (clamped, styled))
    assert exposure.chroma == pytest.approx(min(1.0, own / looks), rel=1e-4)
    for amount, measured in zip(AMOUNTS, exposure.after, strict=True):
        assert measured == pytest.approx(_mean(take_back(grid, amount, exposure.chroma), rgb, weight), rel=2e-4)


def test_a_black_plate_has_no_exposure_to_keep() -> None:
    black = Exposure(0.0, (0.5,) * len(AMOUNTS))
    assert (black.amount(0.0), black.stops) == (0.0, 0.0)
    nothing = Sample.of(torch.rand(3, 4, 4), torch.zeros(4, 4))
    empty = measure_exposure(torch.randn(12, 8, 16, 16), nothing, LUMA, 1.0)
    assert empty.before == 0.0
    assert empty.amount(1.0) == 0.0


def _even(shift: float) -> Exposure:
    """A look whose mean goes back to the plate's evenly in the working encoding."""
    plate, look = (0.18 ** (1 / 2.4), (0.18 * 2.0**shift) ** (1 / 2.4))
    return Exposure(0.18, tuple((look + amount * (plate - look)) ** 2.4 for amount in AMOUNTS))


@given(st.floats(-9.0, 9.0), limits)
@settings(max_examples=60)
def test_interpolated_between_measured_amounts(shift: float, limit: float) -> None:
    exposure = _even(shift)
    amount = exposure.amount(limit)
    if abs(shift) <= limit:
        assert amount < 1e-3
    else:
        plate, look = (0.18 ** (1 / 2.4), (0.18 * 2.0**shift) ** (1 / 2.4))
        held = math.log2((look + amount * (plate - look)) ** 2.4 / 0.18)
        assert abs(held) == pytest.approx(limit, abs=0.01)
        assert held * shift >= -0.01


def test_the_amount_follows_the_look_without_jumps() -> None:
    amounts = [_even(step / 50.0).amount(1.0) for step in range(-400, 401)]
    assert max(abs(b - a) for a, b in pairwise(amounts)) < 0.03
