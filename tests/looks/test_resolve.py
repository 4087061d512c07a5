"""From bakes to the Look of a frame: limit, fading, strength, and where a `grid` region ends."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from proxies import disc, picture
from torch import Tensor

from lookmatte.bilateral.apply import apply_band
from lookmatte.bilateral.encoding import decode, encode
from lookmatte.bilateral.enhance import RADIUS, enhance, plain
from lookmatte.bilateral.grid import identity
from lookmatte.bilateral.guide import GuideWeights
from lookmatte.looks.bake import FrameBake, RegionBake, Setting, resolve
from lookmatte.looks.exposure import AMOUNTS, Exposure, take_back

LUMA = GuideWeights.luma_only()


def _grid(seed: int) -> Tensor:
    return identity() + 0.2 * torch.randn(12, 8, 16, 16, generator=torch.Generator().manual_seed(seed))


def _exposure(stops: float) -> Exposure:
    return Exposure(0.18, tuple(0.18 * 2.0 ** (stops * (1.0 - amount)) for amount in AMOUNTS), 0.8)


def _region(name: str, blend: str, seed: int, stops: float = 0.0, matte: Tensor | None = None) -> RegionBake:
    enhanced = plain(disc(40.0) if matte is None else matte) if blend == "grid" else None
    return RegionBake(name, blend, _grid(seed), _exposure(stops), enhanced)  # type: ignore[arg-type]


def _bake(*regions: RegionBake, frame: int = 1) -> FrameBake:
    return FrameBake(frame, regions, LUMA)


def test_a_bare_bake_is_full_strength_without_limit() -> None:
    bake = _bake(_region("a", "pixel", 1, stops=4.0), _region("rest", "rest", 2, stops=4.0))
    look = resolve(bake)
    assert torch.equal(look.pixel_grids[0], bake.regions[0].grid)  # type: ignore[arg-type]
    assert look.rest is not None
    assert torch.equal(look.rest, bake.regions[1].grid)
    assert look.soft == ()
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
    assert look.rest is None


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


def test_grid_regions_fade_and_keep_the_mattes_of_the_frame() -> None:
    sides = {"b": disc(50.0, 150.0), "a": disc(40.0, 80.0)}
    early = _bake(
        *(_region(n, "grid", i, matte=m) for i, (n, m) in enumerate(sides.items())), _region("r", "rest", 9)
    )
    late = _bake(*(_region(n, "grid", i + 5) for i, n in enumerate(sides)), _region("r", "rest", 8))
    look = resolve(early, late, 0.5, {"b": Setting(0.5)})
    halves = {a.name: torch.lerp(a.grid, b.grid, 0.5) for a, b in zip(early.regions, late.regions, strict=True)}
    halves["b"] = torch.lerp(identity(), halves["b"], 0.5)
    for region, name in zip(look.soft, ("a", "b"), strict=True):
        torch.testing.assert_close(region.grid, halves[name])
        assert torch.equal(region.enhanced, plain(sides[name]))
    torch.testing.assert_close(look.rest, halves["r"])


def test_regions_in_another_order_give_the_same_look() -> None:
    made = [_region("a", "grid", 1), _region("b", "grid", 2, matte=disc(60.0, 90.0)), _region("c", "pixel", 3)]
    one, other = resolve(_bake(*made)), resolve(_bake(*made[::-1]))
    for first, second in zip(one.soft, other.soft, strict=True):
        assert torch.equal(first.grid, second.grid)  # type: ignore[arg-type]
        assert torch.equal(first.enhanced, second.enhanced)


def test_a_region_without_strength_still_holds_its_place() -> None:
    bake = _bake(_region("a", "grid", 1), _region("b", "grid", 2), _region("rest", "rest", 3))
    look = resolve(bake, settings={"b": Setting(0.0), "rest": Setting(0.0)})
    assert [region.grid is None for region in look.soft] == [False, True]
    assert look.rest is None


def test_mattes_of_the_frame_itself_replace_those_of_its_key() -> None:
    bake, moved = _bake(_region("a", "grid", 1), _region("b", "pixel", 2)), plain(disc(40.0, 200.0))
    changed = bake.with_mattes({"a": moved})
    assert changed.regions[0].enhanced is moved
    assert changed.regions[1] is bake.regions[1]
    assert torch.equal(resolve(changed).soft[0].enhanced, moved)


def test_beyond_the_radius_no_pixel_of_a_frame_is_touched() -> None:
    """At full resolution: every pixel whose place in the proxy is more than RADIUS and the cell that interpolation
    sees from the matte keeps its bits."""
    matte = (disc(30.0, 90.0, 140.0) > 0.5).float()
    coefficients = enhance(picture(5)[None], matte[None, None])[0]
    assert not torch.equal(coefficients, plain(matte))
    region = replace(_region("a", "grid", 1), enhanced=coefficients)
    height, width = 360, 640
    u, v = (torch.arange(width) + 0.5) / width, (torch.arange(height) + 0.5) / height
    linear = decode(F.interpolate(picture(5)[None], (height, width), mode="bilinear")[0])
    _, active = apply_band(linear, torch.zeros(0, height, width), u, v, resolve(_bake(region)))
    y, x = torch.meshgrid(v * 256 - 0.5, u * 256 - 0.5, indexing="ij")
    rows, columns = matte.nonzero().T
    reach = RADIUS + 1
    far = (x < columns.min() - reach) | (x > columns.max() + reach)
    far |= (y < rows.min() - reach) | (y > rows.max() + reach)
    assert 0 < int(active.sum()) < int((~far).sum())
    assert not bool(active[far].any())


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
