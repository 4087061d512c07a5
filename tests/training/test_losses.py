"""The losses, flow, mattes and scores: each says 0 when nothing is wrong, and more when something is."""

from __future__ import annotations

import pytest
import torch
from generated import picture

from lookmatte.evaluation import scores
from lookmatte.training import losses
from lookmatte.training.augment import colour
from lookmatte.training.flow import flow_and_visibility, warp
from lookmatte.training.mattes import pick_region, roughen


def _photo(seed: int) -> torch.Tensor:
    return torch.from_numpy(picture(seed)[0]).permute(2, 0, 1)[None].float() / 255


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def test_nothing_is_lost_when_nothing_changes() -> None:
    rgb = _photo(1)
    assert float(losses.structure(rgb, rgb)) == pytest.approx(0.0, abs=1e-3)
    assert float(losses.gain(rgb, rgb)) == 0.0
    assert float(losses.out_of_range(rgb)) == 0.0
    assert float(losses.content_distance(rgb, rgb)) == 0.0
    assert float(losses.flicker(rgb, rgb, torch.ones_like(rgb[:, :1]))) == 0.0
    colours = rgb.flatten(2)
    assert float(losses.colour_distance(colours, colours, losses.directions(8, _generator()))) == 0.0


def test_structure_is_blind_to_local_gain_and_offset_but_not_to_blur() -> None:
    rgb = _photo(2)
    graded = 0.7 * rgb + 0.1
    blurred = torch.nn.functional.avg_pool2d(rgb, 5, 1, 2)
    assert float(losses.structure(graded, rgb)) < 0.02 < float(losses.structure(blurred, rgb))


def test_gain_counts_noise_in_smooth_areas() -> None:
    flat = torch.full((1, 3, 40, 40), 0.5)
    noisy = flat + 0.05 * torch.randn(flat.shape, generator=_generator())
    assert float(losses.gain(noisy, flat)) > 0.5


def test_soft_clamp_keeps_a_tenth_of_the_slope_outside() -> None:
    x = torch.tensor([-1.0, 0.3, 2.0], requires_grad=True)
    y = losses.soft_clamp(x)
    torch.testing.assert_close(y.detach(), torch.tensor([-0.1, 0.3, 1.1]))
    torch.autograd.backward(y.sum())
    torch.testing.assert_close(x.grad, torch.tensor([0.1, 1.0, 0.1]))


def test_roughness_is_zero_for_a_constant_and_counts_bins_less() -> None:
    flat = torch.ones(1, 12, 8, 16, 16)
    assert float(losses.roughness(flat)) == 0.0
    in_x, in_z = flat.clone(), flat.clone()
    in_x[..., ::2] = 2.0
    in_z[..., ::2, :, :] = 2.0
    assert float(losses.roughness(in_z)) == pytest.approx(0.25 * float(losses.roughness(in_x)))


def test_colours_outside_a_region_do_not_enter_its_sample() -> None:
    rgb = torch.zeros(1, 3, 8, 8)
    rgb[..., :4] = 1.0
    weight = torch.zeros(1, 1, 8, 8)
    weight[..., :4] = 0.5
    drawn = losses.colours_at(rgb, losses.sample_places(weight, 200, _generator()))
    assert float(drawn.min()) == 1.0


def test_flow_finds_a_shift_and_warping_undoes_it() -> None:
    before = torch.nn.functional.interpolate(_photo(4), (128, 128), mode="bilinear", antialias=True)[0]
    now = torch.roll(before, 3, 2)
    flow, visible = flow_and_visibility(now, before)
    inner = (slice(None), slice(16, -16), slice(16, -16))
    assert float(visible[inner].mean()) > 0.7
    seen = visible[inner].bool().expand(2, -1, -1)
    assert float(flow[inner][0][seen[0]].median()) == pytest.approx(-3.0, abs=0.3)
    error = (warp(before[None], flow[None])[0] - now).abs() * visible
    assert float(error[inner].mean()) < 0.02


def test_rough_mattes_err_by_a_few_pixels_only() -> None:
    matte = torch.zeros(1, 96, 96)
    matte[:, 30:70, 20:80] = 1.0
    generator = _generator()
    made = [roughen(matte, generator) for _ in range(8)]
    assert all(float(one.min()) >= 0.0 and float(one.max()) <= 1.0 for one in made)
    assert any(float((one - matte).abs().mean()) > 0.01 for one in made)
    for one in made:
        assert float(one[:, 46:54, 40:60].min()) == 1.0
        assert float(one[:, :10].max()) == 0.0


def test_regions_are_picked_by_their_size() -> None:
    _, labels = picture(6)
    region = pick_region(labels, _generator(), 0.06, 0.75)
    assert region is not None
    assert 0.06 <= (region > 0).mean() <= 0.75
    assert pick_region(labels, _generator(), 0.99, 1.0) is None


def test_graded_pictures_stay_in_range() -> None:
    batch = torch.cat([_photo(seed) for seed in range(6)])
    graded = colour(batch, _generator())
    assert float(graded.min()) >= 0.0
    assert float(graded.max()) <= 1.0
    assert float((graded - batch).abs().amax((1, 2, 3)).max()) > 0.1


def _judge(rgb: torch.Tensor) -> list[torch.Tensor]:
    return [torch.nn.functional.avg_pool2d(rgb, 2**i) for i in range(4)]


def test_an_untouched_picture_scores_as_untouched() -> None:
    content, style = _photo(7)[0], _photo(8)[0]
    whole = torch.ones_like(content[:1])
    (made,) = scores.score(_judge, content, [content], [scores.Region(whole, style, whole)])
    result = scores.summary([made])
    assert result["vgg"] == pytest.approx(1.0)
    assert made.swd == pytest.approx(made.swd_untouched)
    assert result["ssim_s"] == pytest.approx(1.0, abs=1e-4)
    assert result["gain"] == pytest.approx(1.0)
    assert result["blotch"] == pytest.approx(0.0, abs=0.05)
    assert result["clip"] == 0.0


def test_the_style_itself_scores_best_and_blobs_are_seen() -> None:
    content, style = _photo(7)[0], _photo(8)[0]
    whole = torch.ones_like(content[:1])
    region = [scores.Region(whole, style, whole)]
    assert scores.summary(scores.score(_judge, content, [style], region))["vgg"] < 0.05
    graded = (0.8 * content + 0.05).clamp(0, 1)
    blob = graded.clone()
    blob[:, 10:40, 10:40] += 0.15
    assert scores.blotch(content, blob, [whole]) > 3 * scores.blotch(content, graded, [whole])
    assert scores.clipped(content, torch.ones_like(content)) > 99.0
