"""The sum of W's pieces is W's inverse."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from lookmatte.bilateral.curve import decode_any, decode_unit
from lookmatte.bilateral.encoding import decode


def test_the_sum_of_the_pieces_is_the_curve() -> None:
    encoded = torch.linspace(-3.0, 4.0, 70001)
    torch.testing.assert_close(decode_any(encoded), decode(encoded), atol=3e-7, rtol=2e-6)
    torch.testing.assert_close(decode_unit(encoded), decode(encoded.clamp(0.0, 1.0)), atol=3e-7, rtol=2e-6)


@given(st.lists(st.floats(0.0, 1.0, width=32), max_size=40))
def test_the_ends_are_exact_and_nothing_turns_round(values: list[float]) -> None:
    encoded = torch.tensor([0.0, *sorted(values), 1.0])
    linear = decode_unit(encoded)
    # To one unit of the knee's last place, of which the pieces are differences.
    assert abs(float(linear[0])) <= 3e-10
    assert abs(float(linear[-1]) - 1.0) < 1e-6
    assert bool((linear.diff() >= -3e-7).all())


def test_nothing_is_decoded_to_nothing() -> None:
    assert decode_any(torch.zeros(0, 3)).shape == (0, 3)


def test_gradients_are_those_of_the_curve() -> None:
    encoded = torch.tensor([0.01, 0.3, 0.9], dtype=torch.float64)
    slopes = []
    for function in (decode_unit, decode):
        x = encoded.clone().requires_grad_(True)
        function(x).sum().backward()
        assert x.grad is not None
        slopes.append(x.grad)
    torch.testing.assert_close(slopes[0], slopes[1])
