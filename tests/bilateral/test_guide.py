"""The guide: luma with a bounded residual, pointwise."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from natural import disc, generator, picture, random_guide

from lookmatte.bilateral.encoding import luma
from lookmatte.bilateral.guide import REACH, GuideWeights, guide

seeds = st.integers(0, 2**31 - 1)


def test_without_a_residual_it_is_luma_to_the_bit() -> None:
    colour = picture(1) * 1.5 - 0.2
    for grad in (False, True):
        with torch.set_grad_enabled(grad):
            assert torch.equal(guide(colour, 0.7, GuideWeights.luma_only()), luma(colour))


@given(seeds, st.floats(0.1, 100.0))
@settings(max_examples=30)
def test_never_further_from_luma_than_its_reach(seed: int, scale: float) -> None:
    weights = random_guide(seed)
    wild = GuideWeights(weights.w1 * scale, weights.b1, weights.w2 * scale, weights.b2)
    colour = picture(seed % 7, 24, 24)
    z = guide(colour, disc(24, 24), wild)
    assert float((z - luma(colour)).abs().max()) <= REACH + 1e-6
    assert float(z.min()) >= 0.0
    assert float(z.max()) <= 1.0


@given(seeds, st.floats(0.0, 1.0))
@settings(max_examples=30)
def test_a_number_is_a_matte_that_is_the_same_everywhere(seed: int, matte: float) -> None:
    colour, weights = picture(seed % 7, 20, 30), random_guide(seed)
    number = guide(colour, matte, weights)
    torch.testing.assert_close(number, guide(colour, torch.full((20, 30), matte), weights), atol=2e-6, rtol=0)


def test_the_formula_written_out() -> None:
    colour, matte, weights = torch.tensor([0.2, 0.5, 0.9]).view(3, 1, 1), 0.25, random_guide(3)
    inputs = torch.tensor([0.2, 0.5, 0.9, matte])
    logit = weights.w2 @ (weights.w1 @ inputs + weights.b1).relu() + weights.b2
    expected = (luma(colour)[0, 0] + REACH * (2.0 * torch.sigmoid(logit) - 1.0)).clamp(0.0, 1.0)
    torch.testing.assert_close(guide(colour, matte, weights)[0, 0], expected)


def test_pointwise_and_in_batches() -> None:
    colour, matte, weights = picture(2, 12, 18), disc(12, 18), random_guide(2)
    whole = guide(colour, matte, weights)
    torch.testing.assert_close(guide(colour[:, 5:7, 3:9], matte[5:7, 3:9], weights), whole[5:7, 3:9])
    batch = guide(torch.stack([colour, colour.flip(-1)]), torch.stack([matte, matte.flip(-1)]), weights, dim=1)
    torch.testing.assert_close(batch[1], whole.flip(-1))


def test_the_matte_can_move_it() -> None:
    colour, weights = torch.full((3, 4, 4), 0.5), random_guide(4)
    apart = guide(colour, 1.0, weights) - guide(colour, 0.0, weights)
    assert float(apart.abs().min()) > 1e-3


def test_differentiable_in_its_weights() -> None:
    weights = GuideWeights(*(part.clone().requires_grad_() for part in vars(random_guide(1)).values()))
    noise = 0.1 * torch.randn(3, 9, 9, generator=generator(1))
    guide((picture(3, 9, 9) + noise).clamp(0.05, 0.95), disc(9, 9), weights).sum().backward()
    assert all(part.grad is not None and bool(part.grad.any()) for part in vars(weights).values())
