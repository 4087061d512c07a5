"""The losses, flow, mattes and scores: each says 0 when nothing is wrong, and more when something is."""

from __future__ import annotations

import pytest
import torch
from generated import picture

from lookmatte.training import losses
from lookmatte.training.augment import colour
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
