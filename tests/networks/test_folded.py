"""The folded networks are the networks, to rounding."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lookmatte.networks.codes import FrameStatistics
from lookmatte.networks.folded import Folded
from lookmatte.networks.model import Model

MATTES = {"whole": 1.0, "half": 0.5, "a corner": 0.02, "a speck": 0.0003, "nothing": 0.0}


def _rand(seed: int, *shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module", params=["shipped", "random"])
def model(request: pytest.FixtureRequest) -> Model:
    if request.param == "shipped":
        return Model.load()
    torch.manual_seed(0)
    made = Model()
    for index in range(4):
        made.encoder.get_buffer(f"deviation{index + 1}").uniform_(0.3, 2.0)
    for head in (made.predictor.local, made.predictor.overall):
        torch.nn.init.normal_(head.weight, std=0.05)
    for layer in made.modules():
        if isinstance(layer, torch.nn.Conv2d) and layer.bias is not None:
            torch.nn.init.normal_(layer.bias, std=0.1)
    return made.eval().requires_grad_(False)


def _picture(seed: int, flat: float) -> torch.Tensor:
    rough = torch.nn.functional.interpolate(_rand(seed, 1, 3, 9, 9), (128, 128), mode="bicubic").clamp(0, 1)
    return torch.lerp(rough, torch.full_like(rough, 0.4), flat)


def _close(one: FrameStatistics, other: FrameStatistics) -> None:
    for a, b in zip(one.layers, other.layers, strict=True):
        for part in ("mean", "deviation", "mass"):
            torch.testing.assert_close(getattr(a, part), getattr(b, part), atol=2e-4, rtol=2e-4)
    torch.testing.assert_close(one.pixels, other.pixels)


@given(
    st.integers(0, 2**31 - 1),
    st.sampled_from(sorted(MATTES)),
    st.floats(0.0, 1.0),
    st.sampled_from([0.0, 0.6, 1.0]),
)
@settings(max_examples=15)
def test_a_prediction_is_the_models(model: Model, seed: int, matte: str, flat: float, alpha: float) -> None:
    folded = Folded(model.encoder, model.predictor)
    with torch.no_grad():
        style = model.encode_style(_picture(seed + 1, 0.0), torch.ones(1, 1, 128, 128))
        weight = (_rand(seed + 2, 1, 1, 128, 128) < MATTES[matte]).float()
        previous: FrameStatistics | None = None
        for step in range(2):
            picture = _picture(seed + 3 + step, flat)
            expected, used = model.predict(picture, weight, style, previous, alpha)
            grid, ours = folded.predict(picture, weight, style, previous, alpha)
            # A picture of almost one colour is divided by deviations that are mostly rounding.
            torch.testing.assert_close(grid, expected, atol=2e-5 if flat < 0.9 else 1e-4, rtol=1e-4)
            _close(ours, used)
            previous = used


def test_weights_are_those_of_the_moment(model: Model) -> None:
    """Training on afterwards changes nothing of what was folded."""
    folded = Folded(model.encoder, model.predictor)
    picture, whole = _picture(1, 0.0), torch.ones(1, 1, 128, 128)
    style = model.encode_style(picture, whole)
    before, _ = folded.predict(picture, whole, style)
    kept = {name: value.clone() for name, value in model.state_dict().items()}
    for value in model.state_dict().values():
        value.mul_(1.5)
    after, _ = folded.predict(picture, whole, style)
    model.load_state_dict(kept)
    assert torch.equal(before, after)
