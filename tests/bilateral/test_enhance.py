"""Matte enhancement: what it leaves alone to the bit, what it repairs, and what it must not print into a matte."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from natural import centres, disc, generator, picture
from torch import Tensor

from lookmatte.bilateral.apply import sample_map
from lookmatte.bilateral.encoding import luma
from lookmatte.bilateral.enhance import RADIUS, edge_band, enhance, matte_at, plain

PROXY, FULL = 128, 512
RED, GREEN = (0.62, 0.30, 0.30), (0.30, 0.3951, 0.30)


@pytest.fixture(autouse=True)
def _without_gradients() -> object:
    with torch.no_grad():
        yield


def _full(coefficients: Tensor, rgb: Tensor) -> Tensor:
    """The matte (h, w) on the pixels of (3, h, w)."""
    return matte_at(sample_map(coefficients, centres(rgb.shape[2]), centres(rgb.shape[1])), rgb)


def _small(picture: Tensor) -> Tensor:
    return F.adaptive_avg_pool2d(picture[None], PROXY)


def _grain(picture: Tensor) -> Tensor:
    return (_small(picture.square()) - _small(picture).square()).clamp_min(0.0)


def _scene(inside: tuple[float, ...], outside: tuple[float, ...], texture: float = 0.03) -> tuple[Tensor, Tensor]:
    """A disc of one colour before another, both with the same texture: (3, FULL, FULL) and its true matte."""
    truth = disc(FULL, FULL)
    colours = [torch.tensor(colour).view(3, 1, 1) for colour in (inside, outside)]
    pattern = picture(5, FULL, FULL)
    rgb = colours[1] + truth * (colours[0] - colours[1]) + texture * (pattern - pattern.mean())
    return rgb.clamp(0.0, 1.0), truth


def _wrong(cells: float) -> Tensor:
    """The disc's matte, too wide by so many cells of the proxy: (1, 1, PROXY, PROXY)."""
    return disc(PROXY, PROXY, 0.3 + cells / PROXY)[None, None]


def _near(truth: Tensor, cells: int = 10) -> Tensor:
    reach = cells * FULL // PROXY
    return F.max_pool2d((truth * (1.0 - truth) > 0).float()[None], 2 * reach + 1, 1, reach)[0] > 0


@given(st.floats(0.0, 1.0), st.integers(0, 30))
@settings(max_examples=25)
def test_a_flat_matte_stays_to_the_bit(value: float, seed: int) -> None:
    rgb, matte = picture(seed, PROXY, PROXY), torch.full((PROXY, PROXY), value)
    made = enhance(rgb[None], matte[None, None], torch.rand(1, 3, PROXY, PROXY))[0]
    assert torch.equal(made, plain(matte))
    assert float(edge_band(matte[None, None]).max()) == 0.0
    if value in (0.0, 1.0):
        assert torch.equal(_full(made, picture(seed, FULL, FULL)), torch.full((FULL, FULL), value))


@given(st.integers(0, 2**31 - 1))
@settings(max_examples=25)
def test_whole_and_empty_stay_so_at_every_pixel(seed: int) -> None:
    """Interpolation rounds; a region must not lose a millionth of itself for that."""
    u, v = (torch.rand(200, generator=generator(seed + i)).sort()[0] for i in range(2))
    for value in (0.0, 1.0):
        sampled = sample_map(plain(torch.full((64, 64), value)), u, v)
        assert torch.equal(matte_at(sampled, torch.rand(3, 200, 200)), torch.full((200, 200), value))


def test_beyond_the_radius_the_matte_is_its_input() -> None:
    matte = torch.zeros(PROXY, PROXY)
    matte[40:80, 30:90] = 1.0
    made = enhance(picture(3, PROXY, PROXY)[None], matte[None, None])[0]
    near = torch.ones(PROXY, PROXY, dtype=torch.bool)
    near[: 40 - RADIUS], near[80 + RADIUS :], near[:, : 30 - RADIUS], near[:, 90 + RADIUS :] = (False,) * 4
    near[40 + RADIUS : 80 - RADIUS, 30 + RADIUS : 90 - RADIUS] = False
    assert torch.equal(made[:, ~near], plain(matte)[:, ~near])
    assert float((made - plain(matte)).abs().max()) > 0.1


def test_a_wide_feather_is_meant() -> None:
    matte = torch.linspace(0.0, 1.0, PROXY // 2).repeat_interleave(2).expand(PROXY, PROXY).contiguous()
    made = enhance(picture(4, PROXY, PROXY)[None], matte[None, None])[0]
    assert torch.equal(made, plain(matte))


@pytest.mark.parametrize("cells", [-2.0, -1.0, 0.0, 1.0, 2.0])
def test_object_and_background_of_one_luminance_are_parted_where_they_meet(cells: float) -> None:
    rgb, truth = _scene(RED, GREEN)
    assert abs(float(luma(torch.tensor(RED), 0) - luma(torch.tensor(GREEN), 0))) < 1e-3
    given_ = _wrong(cells)
    made = _full(enhance(_small(rgb), given_)[0], rgb)
    rough = F.interpolate(given_, (FULL, FULL), mode="bilinear", align_corners=False)[0, 0]
    near = _near(truth)
    error, before = ((one - truth).abs()[near].mean() for one in (made, rough))
    assert float(error) < 0.02
    if cells:
        assert float(error) < 0.25 * float(before)


def test_a_proxy_matte_is_as_sharp_as_the_plate() -> None:
    """Pixels of the plate, not cells of the proxy: the width of the edge is the picture's own."""
    rgb, truth = _scene(RED, GREEN, texture=0.0)
    made = _full(enhance(_small(rgb), _wrong(0.5))[0], rgb)
    row = made[FULL // 2]
    assert int(((row > 0.1) & (row < 0.9)).sum()) <= 4
    assert float((made - truth).abs().max()) < 0.5


def test_where_colours_do_not_differ_the_edge_is_soft_and_even() -> None:
    """Shading and grain that run on behind the object are no edge: little of them may be printed into the matte."""
    pattern = 0.5 + 0.2 * (picture(8, FULL, FULL) - 0.5)
    pattern = pattern + 0.03 * torch.randn(1, FULL, FULL, generator=generator(8))
    given_ = _wrong(0.0)
    made = enhance(_small(pattern), given_, _grain(pattern))[0]
    seen = _full(made, pattern)
    row = seen[FULL // 2, int(0.45 * FULL) :]
    assert float(row.diff().max()) < 0.1
    assert float((seen - disc(FULL, FULL)).abs()[_near(disc(FULL, FULL))].mean()) < 0.2
    # As it would be at the mean colour of each place: what the texture adds is little.
    blurred = F.avg_pool2d(F.pad(pattern[None], [8] * 4, mode="replicate"), 17, 1)[0]
    assert float((seen - _full(made, blurred)).abs()[_near(disc(FULL, FULL))].mean()) < 0.05


def test_grain_is_little_evidence() -> None:
    """Colours that differ by less than the grain cannot be told apart at one pixel, though their means can."""
    rgb, truth = _scene((0.50, 0.46, 0.46), (0.46, 0.472, 0.46), texture=0.0)
    noisy = (rgb + 0.06 * torch.randn(3, FULL, FULL, generator=generator(1))).clamp(0.0, 1.0)
    blind, aware = (_full(enhance(_small(noisy), _wrong(1.0), known)[0], noisy) for known in (None, _grain(noisy)))
    near = _near(truth, 4)
    specks = [float((one - F.avg_pool2d(one[None, None], 5, 1, 2)[0, 0])[near].std()) for one in (blind, aware)]
    assert specks[1] < 0.7 * specks[0]
    errors = [float((one - truth).square()[near].mean()) for one in (blind, aware)]
    assert errors[1] < 0.8 * errors[0]


def test_noise_on_a_clear_edge_does_little() -> None:
    rgb, truth = _scene(RED, GREEN, texture=0.0)
    noisy = (rgb + 0.03 * torch.randn(3, FULL, FULL, generator=generator(2))).clamp(0.0, 1.0)
    made = _full(enhance(_small(noisy), _wrong(1.5), _grain(noisy))[0], noisy)
    rough = F.interpolate(_wrong(1.5), (FULL, FULL), mode="bilinear", align_corners=False)[0, 0]
    near = _near(truth)
    assert float((made - truth).abs()[near].mean()) < 0.5 * float((rough - truth).abs()[near].mean())


def test_object_and_background_are_treated_alike() -> None:
    """The matte of what is left enhances to what is left of the matte: two regions that meet leave no gap."""
    rgb, _ = _scene(RED, GREEN)
    given_ = _wrong(1.5)
    inside, outside = (_full(enhance(_small(rgb), matte)[0], rgb) for matte in (given_, 1.0 - given_))
    torch.testing.assert_close(inside + outside, torch.ones(FULL, FULL), atol=1e-3, rtol=0)


def test_a_batch_is_its_pictures() -> None:
    rgb = torch.stack([picture(seed, PROXY, PROXY) for seed in (1, 2)])
    mattes = torch.cat([_wrong(0.0), _wrong(2.0)])
    both = enhance(rgb, mattes)
    for index in range(2):
        torch.testing.assert_close(both[index], enhance(rgb[index, None], mattes[index, None])[0])


def test_colours_of_one_value_and_tiny_regions_are_no_trouble() -> None:
    for value in (0.0, 1.0, 9.0):
        rgb = torch.full((1, 3, PROXY, PROXY), value)
        matte = torch.zeros(1, 1, PROXY, PROXY)
        matte[..., 60:62, 60:62] = 1.0
        made = enhance(rgb, matte)
        assert bool(made.isfinite().all())
        assert float(made.abs().max()) < 10.0
