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
from lookmatte.bilateral.encoding import LARGEST_HALF, decode, luminance
from lookmatte.bilateral.guide import GuideWeights, guide
from lookmatte.bilateral.slicing import apply_affine, slice_reference
from lookmatte.bilateral.transport import base_grid, moments
from lookmatte.looks.bake import GAINS, Exposure, RegionBake, measure_exposure

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
    return RegionBake("hero", "pixel", grid, measure_exposure(_sliced(grid, rgb), rgb, weight))


@given(st.integers(0, 10**6), limits, st.floats(0.3, 1.6))
@settings(max_examples=25, deadline=None)
def test_the_mean_stays_within_its_stops(seed: int, limit: float, level: float) -> None:
    rgb, weight = picture(seed)[:, ::4, ::4] * level, disc(90.0)[::4, ::4]
    bake = _bake(_transport(seed + 1, rgb, weight), rgb, weight)
    free, bound = _stops(bake.grid, rgb, weight), _stops(bake.limited(limit), rgb, weight)
    # Between two measured gains the travel is interpolated: a twentieth of a stop is its error.
    assert abs(bound) <= limit + 0.05
    if abs(free) > limit:
        assert abs(bound) >= limit - 0.05
        assert bound * free >= -1e-3 or limit < 0.06


@given(st.integers(0, 10**6), st.floats(0.3, 1.6))
@settings(max_examples=20, deadline=None)
def test_a_look_within_its_limit_is_left_alone_to_the_bit(seed: int, level: float) -> None:
    rgb, weight = picture(seed)[:, ::4, ::4] * level, disc(90.0)[::4, ::4]
    bake = _bake(_transport(seed + 1, rgb, weight), rgb, weight)
    enough = abs(_stops(bake.grid, rgb, weight)) + 0.01
    for limit in (None, 100.0, enough):
        assert bake.exposure.gain(limit) == 1.0
        assert bake.limited(limit) is bake.grid


def test_measured_as_pixels_are_styled() -> None:
    rgb, weight = picture(3)[:, ::4, ::4] * 1.5, disc(90.0)[::4, ::4]
    grid = _transport(4, rgb, weight)
    exposure = measure_exposure(_sliced(grid, rgb), rgb, weight)
    for gain in (GAINS[0], GAINS[8], GAINS[-1]):
        measured = exposure.after[GAINS.index(gain)]
        assert measured == pytest.approx(_mean(grid * gain, rgb, weight), rel=1e-4)
    assert exposure.before == pytest.approx(float((luminance(decode(rgb)) * weight).sum() / weight.sum()), rel=1e-5)


@given(seeds, st.floats(0.0, 60.0), limits)
@settings(max_examples=40, deadline=None)
def test_wild_looks_are_measured_in_finite_numbers(seed: int, size: float, limit: float) -> None:
    """A bake on disk holds these numbers, and refuses any that are not finite."""
    random = torch.Generator().manual_seed(seed)
    rgb = 6.0 * torch.rand(3, 24, 24, generator=random) - 0.5
    coefficients = size * torch.randn(12, 24, 24, generator=random)
    weight = (torch.rand(24, 24, generator=random) > 0.5).float()
    exposure = measure_exposure(coefficients, rgb, weight)
    values = [exposure.before, *exposure.after]
    assert all(math.isfinite(value) for value in values)
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    gain = exposure.gain(limit)
    assert GAINS[0] <= gain <= GAINS[-1]


def test_a_black_look_keeps_its_gain() -> None:
    """No gain lights what is black; the one nearest to 1 is meant, not the first of seventeen equal ones."""
    assert Exposure(0.2, (0.0,) * len(GAINS)).gain(1.0) == 1.0
    assert Exposure(0.2, (50.0,) * len(GAINS)).gain(1.0) == 1.0


def test_a_look_out_of_reach_comes_as_near_as_can_be() -> None:
    """Highlights carry the mean: past some gain nothing more is won."""
    plateau = tuple(0.1 * min(gain, 2.0) for gain in GAINS)
    assert Exposure(0.9, plateau).gain(0.5) == pytest.approx(2.0)


def test_a_black_plate_has_no_exposure_to_keep() -> None:
    assert Exposure(0.0, tuple(GAINS)).gain(0.0) == 1.0
    empty = measure_exposure(torch.randn(12, 4, 4), torch.rand(3, 4, 4), torch.zeros(4, 4))
    assert empty.before == 0.0
    assert empty.gain(1.0) == 1.0


@given(st.floats(-5.0, 5.0), limits)
@settings(max_examples=60)
def test_interpolated_between_measured_gains(shift: float, limit: float) -> None:
    """Travel that is linear in stops is met exactly, and the gain never passes 1 on the way."""
    exposure = Exposure(0.18, tuple(0.18 * 2.0**shift * gain**2.2 for gain in GAINS))
    gain = exposure.gain(limit)
    travel = shift + 2.2 * math.log2(gain)
    assert abs(travel) <= max(limit, 0.0) + 1e-6
    assert (gain - 1.0) * shift <= 1e-12
    if abs(shift) <= limit:
        assert gain == pytest.approx(1.0, abs=1e-12)


def test_the_gain_follows_the_look_without_jumps() -> None:
    gains = [
        Exposure(0.18, tuple(0.18 * 2.0 ** (step / 50.0) * gain**2.2 for gain in GAINS)).gain(1.0)
        for step in range(-200, 201)
    ]
    assert max(abs(math.log2(b / a)) for a, b in pairwise(gains)) < 0.02
