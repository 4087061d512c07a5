"""From bakes to the Look of a frame: limit, fading, strength, blending, and where a `grid` region ends."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from proxies import disc, picture
from torch import Tensor

from lookmatte.bilateral.apply import apply_band, sample_map
from lookmatte.bilateral.blend import blend_grids
from lookmatte.bilateral.encoding import decode, encode, luma
from lookmatte.bilateral.grid import identity
from lookmatte.bilateral.guide import GuideWeights
from lookmatte.bilateral.softmask import soft_grid_mask
from lookmatte.looks.bake import RADIUS, FrameBake, RegionBake, Setting, envelope, resolve
from lookmatte.looks.exposure import AMOUNTS, Exposure, take_back

LUMA = GuideWeights.luma_only()


def _grid(seed: int) -> Tensor:
    return identity() + 0.2 * torch.randn(12, 8, 16, 16, generator=torch.Generator().manual_seed(seed))


def _exposure(stops: float) -> Exposure:
    return Exposure(0.18, tuple(0.18 * 2.0 ** (stops * (1.0 - amount)) for amount in AMOUNTS), 0.8)


def _region(name: str, blend: str, seed: int, stops: float = 0.0, matte: Tensor | None = None) -> RegionBake:
    mask = enhanced = None
    if blend == "grid":
        enhanced = disc(40.0) if matte is None else matte
        mask = soft_grid_mask(luma(picture(3))[None], enhanced[None])[0]
    return RegionBake(name, blend, _grid(seed), _exposure(stops), mask, enhanced)  # type: ignore[arg-type]


def _bake(*regions: RegionBake, frame: int = 1) -> FrameBake:
    return FrameBake(frame, regions, LUMA)


def test_a_bare_bake_is_full_strength_without_limit() -> None:
    bake = _bake(_region("a", "pixel", 1, stops=4.0), _region("rest", "rest", 2, stops=4.0))
    look = resolve(bake)
    assert torch.equal(look.pixel_grids[0], bake.regions[0].grid)  # type: ignore[arg-type]
    assert look.under is not None
    assert torch.equal(look.under, bake.regions[1].grid)
    assert look.enhanced is None
    assert look.envelope is None
    assert look.guide is LUMA


def test_the_limit_comes_first_then_strength() -> None:
    bake = _bake(_region("a", "pixel", 1, stops=3.0))
    look = resolve(bake, settings={"a": Setting(strength=0.25, exposure_limit=1.0)})
    amount = bake.regions[0].exposure.amount(1.0)
    assert 0.5 < amount < 0.75
    held = take_back(bake.regions[0].grid, amount, 0.8)
    torch.testing.assert_close(look.pixel_grids[0], 0.75 * identity() + 0.25 * held)


@pytest.mark.parametrize("strength", [0.0, 1.0])
def test_ends_of_strength(strength: float) -> None:
    bake = _bake(_region("a", "pixel", 1), _region("b", "pixel", 2))
    look = resolve(bake, settings={"a": Setting(strength)})
    if strength == 0.0:
        assert look.pixel_grids[0] is None
    else:
        assert torch.equal(look.pixel_grids[0], bake.regions[0].grid)  # type: ignore[arg-type]
    assert torch.equal(look.pixel_grids[1], bake.regions[1].grid)  # type: ignore[arg-type]
    assert look.under is None


def test_between_key_frames_each_is_limited_then_both_are_faded() -> None:
    early, late = _bake(_region("a", "pixel", 1, stops=2.0)), _bake(_region("a", "pixel", 2, stops=-3.0), frame=5)
    setting = {"a": Setting(0.5, 1.0)}
    look = resolve(early, late, 0.25, setting)
    limited = [bake.regions[0].limited(1.0) for bake in (early, late)]
    expected = 0.5 * identity() + 0.5 * (0.75 * limited[0] + 0.25 * limited[1])
    torch.testing.assert_close(look.pixel_grids[0], expected)
    for t, bake in ((0.0, early), (1.0, late)):
        only = resolve(bake, settings=setting).pixel_grids[0]
        assert torch.equal(resolve(early, late, t, setting).pixel_grids[0], only)  # type: ignore[arg-type]


def test_grid_regions_blend_by_eq_7_and_fade_with_their_masks() -> None:
    sides = {"a": disc(40.0, 80.0), "b": disc(50.0, 150.0)}
    early = _bake(
        *(_region(n, "grid", i, matte=m) for i, (n, m) in enumerate(sides.items())), _region("r", "rest", 9)
    )
    later = {"a": disc(40.0, 100.0), "b": disc(60.0, 150.0)}
    late = _bake(
        *(_region(n, "grid", i + 5, matte=m) for i, (n, m) in enumerate(later.items())), _region("r", "rest", 8)
    )
    look = resolve(early, late, 0.5, {"b": Setting(0.5)})
    halves = [torch.lerp(a.grid, b.grid, 0.5) for a, b in zip(early.regions, late.regions, strict=True)]
    halves[1] = torch.lerp(identity(), halves[1], 0.5)
    masks = [
        torch.lerp(a.soft_mask, b.soft_mask, 0.5)  # type: ignore[arg-type]
        for a, b in zip(early.regions[:2], late.regions[:2], strict=True)
    ]
    expected = blend_grids(torch.stack(halves[:2]), torch.stack(masks), halves[2])
    torch.testing.assert_close(look.under, expected)
    torch.testing.assert_close(look.enhanced, (sides["a"] + sides["b"]).clamp_max(1.0))
    assert look.envelope is None


def test_regions_in_another_order_give_the_same_look() -> None:
    made = [_region("a", "grid", 1), _region("b", "grid", 2, matte=disc(60.0, 90.0)), _region("c", "pixel", 3)]
    one, other = resolve(_bake(*made)), resolve(_bake(*made[::-1]))
    torch.testing.assert_close(one.under, other.under)
    torch.testing.assert_close(one.enhanced, other.enhanced)
    assert torch.equal(one.envelope, other.envelope)  # type: ignore[arg-type]


def test_the_envelope_is_of_the_regions_that_act() -> None:
    left, right = disc(30.0, 60.0), disc(30.0, 190.0)
    bake = _bake(_region("a", "grid", 1, matte=left), _region("b", "grid", 2, matte=right))
    both = resolve(bake)
    assert both.envelope is not None
    assert torch.equal(both.envelope, torch.maximum(envelope(left), envelope(right)))
    one = resolve(bake, settings={"b": Setting(0.0)})
    assert one.envelope is not None
    assert torch.equal(one.envelope, envelope(left))
    none = resolve(bake, settings={"a": Setting(0.0), "b": Setting(0.0)})
    assert none.under is None
    with_rest = resolve(_bake(*bake.regions, _region("rest", "rest", 3)))
    assert with_rest.envelope is None


def test_a_rest_without_strength_is_as_if_there_were_none() -> None:
    regions = (_region("a", "grid", 1), _region("b", "pixel", 2))
    without = resolve(_bake(*regions))
    at_zero = resolve(_bake(*regions, _region("rest", "rest", 3)), settings={"rest": Setting(0.0)})
    assert torch.equal(at_zero.under, without.under)  # type: ignore[arg-type]
    assert torch.equal(at_zero.envelope, without.envelope)  # type: ignore[arg-type]
    alone = resolve(_bake(_region("rest", "rest", 3)), settings={"rest": Setting(0.0)})
    assert alone.under is None


def test_mattes_of_the_frame_itself_replace_those_of_its_key() -> None:
    bake, moved = _bake(_region("a", "grid", 1), _region("b", "pixel", 2)), disc(40.0, 200.0)
    changed = bake.with_mattes({"a": moved})
    assert changed.regions[0].enhanced is moved
    assert changed.regions[0].soft_mask is bake.regions[0].soft_mask
    assert changed.regions[1] is bake.regions[1]
    look = resolve(changed)
    assert torch.equal(look.enhanced, moved)  # type: ignore[arg-type]
    assert torch.equal(look.envelope, envelope(moved))  # type: ignore[arg-type]


@given(st.integers(0, 2**31 - 1), st.integers(1, 4), st.floats(0.0, 1.0))
@settings(max_examples=30, deadline=None)
def test_the_envelope_is_1_on_the_matte_and_exactly_0_beyond_its_radius(seed: int, dots: int, value: float) -> None:
    random = torch.Generator().manual_seed(seed)
    matte = torch.zeros(64, 48)
    for _ in range(dots):
        y, x = int(torch.randint(64, (), generator=random)), int(torch.randint(48, (), generator=random))
        matte[max(0, y - 4) : y + 5, max(0, x - 2) : x + 3] = value
    reach = envelope(matte)
    support = matte > 1.0 / 512.0
    near = F.max_pool2d(support[None, None].float(), 2 * RADIUS - 1, 1, RADIUS - 1)[0, 0] > 0
    assert bool((reach[support] == 1.0).all())
    assert bool((reach[~near] == 0.0).all())
    assert bool((reach[near] > 0.0).all())
    assert float(reach.max()) <= 1.0


def test_beyond_the_radius_no_pixel_of_a_frame_is_touched() -> None:
    """At full resolution: every pixel whose proxy position is RADIUS or more from the matte keeps its bits."""
    matte = (disc(30.0, 90.0, 140.0) > 0.5).float()
    look = resolve(_bake(_region("a", "grid", 1, matte=matte)))
    height, width = 360, 640
    u, v = (torch.arange(width) + 0.5) / width, (torch.arange(height) + 0.5) / height
    linear = decode(F.interpolate(picture(5)[None], (height, width), mode="bilinear")[0])
    _, active = apply_band(linear, torch.zeros(0, height, width), u, v, look)
    y, x = torch.meshgrid(v * 256 - 0.5, u * 256 - 0.5, indexing="ij")
    rows, columns = matte.nonzero().T
    far = (x < columns.min() - RADIUS) | (x > columns.max() + RADIUS)
    far |= (y < rows.min() - RADIUS) | (y > rows.max() + RADIUS)
    assert 0 < int(active.sum()) < int((~far).sum())
    assert not bool(active[far].any())
    assert bool(active[sample_map(matte, u, v) > 0.0].all())


def test_a_grid_look_is_whole_inside_its_matte() -> None:
    matte = (disc(70.0) > 0.5).float()
    region = _region("a", "grid", 1, matte=matte)
    flat = replace(region, grid=identity() * 0.5)
    u = v = (torch.arange(256) + 0.5) / 256
    linear = decode(picture(3) * 0.8 + 0.1)
    with torch.no_grad():
        styled, _ = apply_band(linear, torch.zeros(0, 256, 256), u, v, resolve(_bake(flat)))
    inside = disc(40.0) >= 1.0
    torch.testing.assert_close(
        encode(styled)[:, inside], 0.5 * encode(linear)[:, inside], atol=1e-4, rtol=1e-4
    )
