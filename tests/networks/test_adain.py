"""Equations 1 to 6: against the formulas written out, and in regions where they have nothing to hold on to."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lookmatte.networks.adain import (
    FEWEST_PIXELS,
    Statistics,
    adain,
    average,
    gains,
    masked_statistics,
    mix,
    trust,
)


def _random(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def _inside(x: torch.Tensor, matte: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and deviation of the pixels where a binary matte is 1, by picking them out."""
    picked = x[0][:, matte[0, 0] > 0.5]
    return picked.mean(1), picked.std(1, unbiased=False)


def _half_matte() -> torch.Tensor:
    matte = torch.zeros(1, 1, 12, 10)
    matte[..., :7, 2:] = 1.0
    return matte


def test_masked_statistics_are_those_of_the_pixels_inside() -> None:
    x, matte = _random(1, 1, 5, 12, 10) * 3 + 1, _half_matte()
    mean, deviation = _inside(x, matte)
    measured = masked_statistics(x, matte)
    torch.testing.assert_close(measured.mean[0], mean)
    torch.testing.assert_close(measured.deviation[0], deviation)
    assert float(measured.mass) == 56.0


def test_pixels_outside_the_matte_do_not_enter() -> None:
    x, matte = _random(2, 1, 5, 12, 10), _half_matte()
    disturbed = torch.where(matte > 0, x, torch.full_like(x, 1e4))
    torch.testing.assert_close(masked_statistics(x, matte).mean, masked_statistics(disturbed, matte).mean)
    torch.testing.assert_close(
        masked_statistics(x, matte).deviation, masked_statistics(disturbed, matte).deviation
    )


def test_a_soft_matte_weighs() -> None:
    x = torch.tensor([[[[1.0, 5.0]]]])
    measured = masked_statistics(x, torch.tensor([[[[0.75, 0.25]]]]))
    assert float(measured.mean) == pytest.approx(2.0)
    assert float(measured.deviation) == pytest.approx((0.75 * 1 + 0.25 * 9) ** 0.5)


def test_equation_2_literally() -> None:
    x, y, matte = _random(3, 1, 5, 12, 10), _random(4, 1, 5, 8, 8) * 2 + 1, _half_matte()
    mean_x, deviation_x = (v[None, :, None, None] for v in _inside(x, matte))
    mean_y, deviation_y = y.mean((2, 3), keepdim=True), y.std((2, 3), keepdim=True, unbiased=False)
    literal = deviation_y * (x - mean_x) / deviation_x + mean_y
    style = masked_statistics(y, torch.ones(1, 1, 8, 8))
    torch.testing.assert_close(adain(x, masked_statistics(x, matte), style), literal, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.9])
def test_equations_3_to_6_literally(alpha: float) -> None:
    now, before, y = _random(5, 1, 4, 12, 10), _random(6, 1, 4, 12, 10) * 2, _random(7, 1, 4, 6, 6)
    matte_now = _half_matte()
    matte_before = matte_now.flip(-1)
    (mean_now, deviation_now), (mean_before, deviation_before) = (
        _inside(now, matte_now),
        _inside(before, matte_before),
    )
    mean = ((1 - alpha) * mean_now + alpha * mean_before)[None, :, None, None]
    deviation = ((1 - alpha) * deviation_now + alpha * deviation_before)[None, :, None, None]
    mean_y, deviation_y = y.mean((2, 3), keepdim=True), y.std((2, 3), keepdim=True, unbiased=False)
    literal = deviation_y * (now - mean) / deviation + mean_y
    used = mix(masked_statistics(now, matte_now), masked_statistics(before, matte_before), alpha)
    style = masked_statistics(y, torch.ones(1, 1, 6, 6))
    torch.testing.assert_close(adain(now, used, style), literal, atol=1e-5, rtol=1e-5)


def test_alpha_one_imposes_the_previous_statistics_to_the_bit() -> None:
    one, two = (masked_statistics(_random(seed, 2, 4, 6, 6), torch.ones(2, 1, 6, 6)) for seed in (8, 9))
    imposed = mix(one, two, 1.0)
    assert torch.equal(imposed.mean, two.mean)
    assert torch.equal(imposed.deviation, two.deviation)


def test_average_is_the_statistics_of_all_frames_side_by_side() -> None:
    frames = [_random(seed, 1, 4, 6, 5) * (seed - 9) for seed in (10, 11, 12)]
    mattes = [(_random(seed + 10, 1, 1, 6, 5) > 0).float() for seed in (10, 11, 12)]
    pooled = average([masked_statistics(x, m) for x, m in zip(frames, mattes, strict=True)])
    together = masked_statistics(torch.cat(frames, 3), torch.cat(mattes, 3))
    torch.testing.assert_close(pooled.mean, together.mean)
    torch.testing.assert_close(pooled.deviation, together.deviation)


def test_trust_fades_between_too_few_pixels_and_twice_as_many() -> None:
    pixels = torch.tensor([0.0, FEWEST_PIXELS, 1.5 * FEWEST_PIXELS, 2 * FEWEST_PIXELS, 65536.0])
    assert trust(pixels).tolist() == [0.0, 0.0, 0.5, 1.0, 1.0]


def test_without_trust_features_pass_unchanged() -> None:
    x = _random(20, 1, 3, 4, 4)
    style = Statistics(torch.full((1, 3), 5.0), torch.full((1, 3), 2.0), torch.ones(1))
    assert torch.equal(adain(x, masked_statistics(x, torch.ones(1, 1, 4, 4)), style, torch.zeros(1)), x)


@settings(max_examples=60)
@given(
    scale=st.sampled_from([0.0, 1e-12, 1e-3, 1.0, 1e4]),
    offset=st.floats(-1e3, 1e3, width=32),
    cover=st.sampled_from([0.0, 1e-9, 1e-3, 0.5, 1.0]),
    seed=st.integers(0, 1000),
)
def test_empty_tiny_and_flat_regions_stay_finite_and_bounded(
    scale: float, offset: float, cover: float, seed: int
) -> None:
    x = (_random(seed, 1, 3, 6, 6) * scale + offset).requires_grad_()
    matte = torch.zeros(1, 1, 6, 6)
    matte[..., 2, 3] = cover
    style = Statistics(torch.zeros(1, 3), torch.ones(1, 3), torch.ones(1))
    out = adain(x, masked_statistics(x, matte), style)
    assert torch.isfinite(out).all()
    # At most 8 times (see adain) what the features differ from their mean, plus rounding.
    assert float(out.detach().abs().max()) <= 50.5 * 2 * (5 * scale + abs(offset)) + 1.0
    torch.autograd.backward(out.sum())
    assert x.grad is not None
    assert torch.isfinite(x.grad).all()


def test_gains_are_what_adain_adds() -> None:
    x, y = _random(11, 2, 4, 6, 6), _random(12, 2, 4, 6, 6)
    content, style = (masked_statistics(one, torch.ones(2, 1, 6, 6)) for one in (x, y))
    amount = torch.tensor([0.3, 1.0])
    scale, shift = gains(content, style, amount)
    added = x * (1.0 + scale[..., None, None]) + shift[..., None, None]
    torch.testing.assert_close(added, adain(x, content, style, amount), atol=1e-5, rtol=1e-5)
