"""The working encoding: exact round trips, and the shape that `highlights in stops` rests on."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lookmatte.bilateral.encoding import LARGEST_HALF, SLOPE, STOP, decode, encode, luma, luminance


def _finite_halves() -> torch.Tensor:
    halves = torch.arange(-32768, 32768, dtype=torch.int32).to(torch.int16).view(torch.float16)
    return halves[halves.isfinite()]


def test_every_finite_half_survives() -> None:
    halves = _finite_halves()
    assert len(halves) == 63488
    assert float(halves.max()) == LARGEST_HALF
    back = decode(encode(halves.float())).half()
    assert torch.equal(back.view(torch.int16), halves.view(torch.int16))


def test_monotone_over_every_finite_half() -> None:
    ordered = _finite_halves().float().unique()
    steps = encode(ordered).diff()
    assert bool((steps > 0).all())


def test_odd_to_the_bit() -> None:
    values = _finite_halves().float()
    assert torch.equal(encode(-values), -encode(values))
    assert torch.equal(decode(-encode(values)), -decode(encode(values)))


def test_equal_to_srgb_between_0_and_1() -> None:
    values = torch.linspace(0.0, 1.0, 10001, dtype=torch.float64)
    expected = [12.92 * x if x <= 0.0031308 else 1.055 * x ** (1 / 2.4) - 0.055 for x in values.tolist()]
    torch.testing.assert_close(encode(values), torch.tensor(expected, dtype=torch.float64), atol=1e-12, rtol=0)
    torch.testing.assert_close(encode(values.float()).double(), encode(values), atol=3e-7, rtol=0)


def test_value_and_slope_are_continuous_at_1() -> None:
    one, step = torch.tensor(1.0, dtype=torch.float64), 1e-6
    below = (encode(one) - encode(one - step)) / step
    above = (encode(one + step) - encode(one)) / step
    assert float(encode(one)) == pytest.approx(1.0, abs=1e-12)
    assert float(below) == pytest.approx(SLOPE, rel=1e-5)
    assert float(above) == pytest.approx(SLOPE, rel=1e-5)


@given(st.floats(1.0, 2.0**14))
def test_a_stop_above_1_is_always_the_same_distance(value: float) -> None:
    pair = encode(torch.tensor([value, 2.0 * value], dtype=torch.float64))
    assert float(pair[1] - pair[0]) == pytest.approx(STOP, rel=1e-9)
    assert pytest.approx(SLOPE * math.log(2.0)) == STOP


def test_luma_and_luminance_weigh_the_same() -> None:
    colour = torch.tensor([[1.0, 0.0, 0.0, 1.0, 4.0], [0.0, 1.0, 0.0, 1.0, 4.0], [0.0, 0.0, 1.0, 1.0, 4.0]])
    torch.testing.assert_close(luma(colour), torch.tensor([0.2126, 0.7152, 0.0722, 1.0, 1.0]))
    torch.testing.assert_close(luminance(colour), torch.tensor([0.2126, 0.7152, 0.0722, 1.0, 4.0]))
    assert torch.equal(luminance(colour.T, dim=1), luminance(colour))
