"""Encoder, predictor and guide: shapes, what they share, and what they do before any training."""

from __future__ import annotations

import collections

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lookmatte.bilateral.encoding import luma
from lookmatte.bilateral.grid import identity_like
from lookmatte.networks.codes import FrameStatistics, StyleCode
from lookmatte.networks.encoder import Encoder
from lookmatte.networks.guide import Guide
from lookmatte.networks.model import Model
from lookmatte.networks.predictor import BLOCK_CHANNELS, Predictor, SplattingBlock


def _rand(seed: int, *shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def model() -> Model:
    """A model whose heads do something: random, not trained."""
    torch.manual_seed(0)
    made = Model()
    torch.nn.init.normal_(made.predictor.local.weight, std=0.05)
    torch.nn.init.normal_(made.predictor.overall.weight, std=0.05)
    return made.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def style(model: Model) -> StyleCode:
    return model.encode_style(_rand(1, 1, 3, 90, 140), torch.ones(1, 1, 90, 140))


def test_encoder_taps_have_four_scales() -> None:
    taps = Encoder()(_rand(2, 2, 3, 128, 128))
    assert [tuple(tap.shape[1:]) for tap in taps] == [(16, 128, 128), (32, 64, 64), (64, 32, 32), (128, 16, 16)]


def test_encoder_clamps_what_lies_beyond_the_display_range() -> None:
    encoder, picture = Encoder(), _rand(3, 1, 3, 32, 32)
    bright = torch.where(picture > 0.9, picture * 40, picture)
    for a, b in zip(encoder(bright), encoder(bright.clamp(0, 1)), strict=True):
        assert torch.equal(a, b)


def test_table_4_paths_and_strides() -> None:
    blocks = list(Predictor().blocks)
    for block, channels in zip(blocks, BLOCK_CHANNELS, strict=True):
        assert isinstance(block, SplattingBlock)
        assert [conv.out_channels for conv in (block.s1, block.s2, block.s3)] == [channels] * 3
        assert [conv.stride[0] for conv in (block.s1, block.s2, block.s3)] == [2, 1, 1]


def test_content_and_style_share_the_first_and_last_convolution_of_every_block(model: Model) -> None:
    calls: collections.Counter[str] = collections.Counter()
    hooks = [
        module.register_forward_hook(lambda *_, name=name: calls.update([name]))
        for name, module in model.predictor.named_modules()
        if isinstance(module, torch.nn.Conv2d)
    ]
    picture, whole = _rand(4, 1, 3, 128, 128), torch.ones(1, 1, 128, 128)
    code = model.encode_style(picture, whole)
    of_style = dict(calls)
    calls.clear()
    model.predict(picture, whole, code)
    for hook in hooks:
        hook.remove()
    for index in range(3):
        for part in ("s1", "s3"):
            assert of_style[f"blocks.{index}.{part}"] == calls[f"blocks.{index}.{part}"] == 1


def test_an_untrained_predictor_changes_nothing() -> None:
    torch.manual_seed(3)
    fresh = Model().eval()
    with torch.no_grad():
        code = fresh.encode_style(_rand(5, 2, 3, 128, 128), torch.ones(2, 1, 128, 128))
        grid, _ = fresh.predict(_rand(6, 2, 3, 256, 256), torch.ones(2, 1, 256, 256), code)
    assert grid.shape == (2, 12, 8, 16, 16)
    assert float((grid - identity_like(grid)).abs().max()) < 1e-2


def test_regions_are_predicted_independently_of_their_batch(model: Model) -> None:
    pictures, mattes = _rand(7, 2, 3, 256, 256), (_rand(8, 2, 1, 256, 256) > 0.4).float()
    codes = [model.encode_style(_rand(9 + i, 1, 3, 64, 64), torch.ones(1, 1, 64, 64)) for i in range(2)]
    together, _ = model.predict(pictures, mattes, StyleCode.stack(codes))
    for i in range(2):
        alone, _ = model.predict(pictures[i : i + 1], mattes[i : i + 1], codes[i])
        torch.testing.assert_close(together[i : i + 1], alone, atol=1e-5, rtol=1e-4)


def test_alpha_one_imposes_given_statistics(model: Model, style: StyleCode) -> None:
    whole = torch.ones(1, 1, 256, 256)
    _, first = model.predict(_rand(11, 1, 3, 256, 256), whole, style)
    _, used = model.predict(_rand(12, 1, 3, 256, 256) * 0.5, whole, style, first, 1.0)
    for one, two in zip(first.layers, used.layers, strict=True):
        assert torch.equal(one.mean, two.mean)
        assert torch.equal(one.deviation, two.deviation)


def test_alpha_zero_forgets(model: Model, style: StyleCode) -> None:
    whole, picture = torch.ones(1, 1, 256, 256), _rand(13, 1, 3, 256, 256)
    _, earlier = model.predict(picture * 0.2, whole, style)
    fresh, _ = model.predict(picture, whole, style)
    after, _ = model.predict(picture, whole, style, earlier, 0.0)
    assert torch.equal(fresh, after)


def test_statistics_that_return_make_a_change_smaller(model: Model, style: StyleCode) -> None:
    """A flash in one frame moves the statistics that are used less when the previous frame is remembered."""
    whole, picture = torch.ones(1, 1, 256, 256), _rand(14, 1, 3, 256, 256)
    _, calm = model.predict(picture * 0.5, whole, style)
    _, alone = model.predict(picture, whole, style)
    _, remembered = model.predict(picture, whole, style, calm, 0.6)
    jump = (alone.layers[1].mean - calm.layers[1].mean).abs()
    smoothed = (remembered.layers[1].mean - calm.layers[1].mean).abs()
    torch.testing.assert_close(smoothed, 0.4 * jump, atol=1e-5, rtol=1e-3)


def test_a_region_that_vanishes_keeps_what_it_was(model: Model, style: StyleCode) -> None:
    picture, matte = _rand(15, 1, 3, 256, 256), torch.zeros(1, 1, 256, 256)
    matte[..., 60:120, 60:120] = 1.0
    _, before = model.predict(picture, matte, style)
    _, gone = model.predict(picture, torch.zeros_like(matte), style, before, 0.6)
    for one, two in zip(before.layers, gone.layers, strict=True):
        assert torch.equal(one.mean, two.mean)
    _, back = model.predict(picture, matte, style, gone, 0.6)
    torch.testing.assert_close(back.layers[1].mean, before.layers[1].mean, atol=1e-5, rtol=1e-4)


def test_shot_statistics_average_over_frames(model: Model, style: StyleCode) -> None:
    whole = torch.ones(1, 1, 256, 256)
    frames = [model.predict(_rand(16 + i, 1, 3, 256, 256) * (0.4 + 0.2 * i), whole, style)[1] for i in range(3)]
    shared = FrameStatistics.average(frames)
    expected = torch.stack([frame.layers[1].mean for frame in frames]).mean(0)
    torch.testing.assert_close(shared.layers[1].mean, expected)


@settings(max_examples=12)
@given(
    kind=st.sampled_from(["empty", "one pixel", "few", "flat", "huge", "nan"]),
    cover=st.floats(0.0, 1.0, width=32),
)
def test_no_region_makes_the_prediction_explode(model: Model, style: StyleCode, kind: str, cover: float) -> None:
    picture, matte = _rand(21, 1, 3, 256, 256), torch.zeros(1, 1, 256, 256)
    if kind == "one pixel":
        matte[..., 100, 100] = cover
    elif kind == "few":
        matte[..., 100:104, 100:105] = cover
    elif kind != "empty":
        matte[...] = cover
    if kind == "flat":
        picture = torch.full_like(picture, 0.5)
    elif kind == "huge":
        picture = picture * 1e30
    elif kind == "nan":
        picture[..., 3, 4] = float("nan")
    grid, used = model.predict(picture, matte, style)
    assert torch.isfinite(grid).all()
    assert float((grid - identity_like(grid)).abs().max()) <= 1.5
    assert all(torch.isfinite(layer.mean).all() for layer in used.layers)
    if kind in ("empty", "one pixel"):
        assert torch.equal(grid, identity_like(grid))


def test_a_style_of_one_pixel_or_no_weight_gives_a_usable_code(model: Model) -> None:
    picture, whole = _rand(22, 1, 3, 256, 256), torch.ones(1, 1, 256, 256)
    for rgb, weight in (
        (torch.full((1, 3, 1, 1), 0.7), torch.ones(1, 1, 1, 1)),
        (_rand(23, 1, 3, 40, 50), torch.zeros(1, 1, 40, 50)),
    ):
        grid, _ = model.predict(picture, whole, model.encode_style(rgb, weight))
        assert torch.isfinite(grid).all()
    assert torch.equal(grid, identity_like(grid))


def test_codes_survive_being_saved(style: StyleCode, model: Model) -> None:
    again = StyleCode.from_tensors(style.tensors())
    assert len(again.layers) == len(style.layers) == 7
    whole, picture = torch.ones(1, 1, 256, 256), _rand(24, 1, 3, 256, 256)
    grid, used = model.predict(picture, whole, style)
    same, _ = model.predict(picture, whole, again)
    assert torch.equal(grid, same)
    kept = FrameStatistics.from_tensors(used.tensors())
    assert torch.equal(kept.layers[5].deviation, used.layers[5].deviation)
    assert torch.equal(kept.pixels, used.pixels)


def test_the_guide_starts_as_luma_and_stays_near() -> None:
    guide, picture, matte = Guide(), _rand(25, 2, 3, 20, 30), _rand(26, 2, 20, 30)
    torch.testing.assert_close(guide(picture, matte), luma(picture, 1))
    torch.nn.init.normal_(guide.w2, std=20.0)
    moved = guide(picture, matte)
    assert float((moved - luma(picture, 1)).detach().abs().max()) <= 0.25 + 1e-6
    assert float(moved.detach().min()) >= 0.0
    assert float(moved.detach().max()) <= 1.0
    assert torch.equal(guide.detached().w1, guide.w1)
