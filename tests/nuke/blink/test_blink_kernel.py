"""The Blink kernel's own text over whole wild frames, against ``lookmatte apply``, with the weights that ship."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import numpy as np
import pytest
from blink_compiled import Blink, Picture, Pixels
from blink_shots import DISPLAY, WINDOW, Baked, apart, placed, read_planes, rgba, same_bits, show

Bakes = Callable[[str], Baked]
TOLERANCE = 1e-4


@pytest.mark.parametrize(
    ("kind", "frame", "settings"),
    [
        ("cryptomatte", 1001, {}),
        ("cryptomatte", 1002, {"strength": 0.3}),
        ("cryptomatte", 1002, {"exposure_limit": 0.25}),
        ("cryptomatte", 1003, {"exposure_limit": 0.0, "strength": 0.8}),
        ("matte", 1001, {}),
        ("grid", 1001, {}),
        ("grid", 1002, {"strength": 0.3, "exposure_limit": 0.1}),
        ("rest", 1001, {}),
        ("rest", 1001, {"exposure_limit": 0.5}),
        ("acescg", 1002, {}),
        ("opaque", 1003, {}),
    ],
)
def test_it_equals_apply(
    blink: Blink, fast_blink: Blink, baked: Bakes, kind: str, frame: int, settings: dict[str, float]
) -> None:
    shot = baked(kind)
    plate, expected = shot.plate(frame), shot.apply(frame, **settings)
    kept = same_bits(plate, expected)
    assert 0.02 < 1.0 - kept.mean() < 1.0
    more = {"ignore_alpha": 1} if kind == "opaque" else {}
    for kernel in (blink, fast_blink):
        made = shot.live(kernel, frame, plate, shot.matte(frame), **settings, **more)
        assert float(apart(made, expected, "ACEScg" if kind == "acescg" else "lin_rec709_srgb").max()) < TOLERANCE
        assert np.array_equal(made[..., 3].view(np.uint32), plate[..., 3].view(np.uint32))
        # A look may leave a pixel as it is in one of the two, and off by rounding in the other.
        broken = ~np.isfinite(plate[..., :3]).all(-1)
        assert same_bits(made, plate)[kept & (broken | (plate[..., 3] == 0.0))].all()
        assert same_bits(made, plate)[kept].mean() > 0.9999


@pytest.mark.parametrize("kind", ["cryptomatte", "grid", "rest"])
def test_without_strength_every_bit_stays(blink: Blink, baked: Bakes, kind: str) -> None:
    shot = baked(kind)
    plate = shot.plate(1001)
    assert same_bits(shot.live(blink, 1001, plate, shot.matte(1001), strength=0.0), plate).all()


def test_where_the_mask_is_empty_every_bit_stays(blink: Blink, baked: Bakes) -> None:
    shot = baked("cryptomatte")
    plate = shot.plate(1001)
    nothing = np.zeros_like(plate)
    nothing[::2, :, 3] = -1.0
    nothing[1::5, :, 3] = np.nan
    assert same_bits(shot.live(blink, 1001, plate, nothing), plate).all()


def test_two_gizmos_equal_two_jobs_in_sequence(blink: Blink, baked: Bakes) -> None:
    one = baked("cryptomatte")
    first = one.render(1001)
    shutil.copy(first, one.folder / "first.1001.exr")
    other = baked("second")
    expected = other.apply(1001)
    through = one.live(blink, 1001, one.plate(1001), one.matte(1001))
    made = other.live(blink, 1001, through, other.matte(1001))
    assert same_bits(expected, rgba(read_planes(first))).mean() < 0.98
    assert float(apart(made, expected).max()) < TOLERANCE


@pytest.mark.parametrize("kind", ["cryptomatte", "grid"])
def test_a_tile_has_the_pixels_of_the_whole(blink: Blink, baked: Bakes, kind: str) -> None:
    shot = baked(kind)
    plate, matte = shot.plate(1001), shot.matte(1001)
    whole = shot.live(blink, 1001, plate, matte)
    rows, columns = slice(101, 203), slice(57, 300)
    x, y = WINDOW[0] + columns.start, WINDOW[1] + rows.start
    tile = Picture(np.ascontiguousarray(plate[rows, columns]), x, y, DISPLAY[3])
    made = show(blink, shot.bake, 1001, tile, placed(matte), kind == "cryptomatte")
    assert same_bits(made, np.ascontiguousarray(whole[rows, columns])).all()


def _halved(pixels: Pixels) -> Pixels:
    rows, columns = pixels.shape[:2]
    made: Pixels = pixels.reshape(rows // 2, 2, columns // 2, 2, 4).mean((1, 3))
    return made


def test_a_proxy_shows_the_same_look(blink: Blink, baked: Bakes) -> None:
    """In proxy mode Nuke scales every picture, the grids' as well."""
    bake, full = baked("grid").bake, (400, 256)
    plate = np.nan_to_num(baked("grid").plate(1001)[:256, :400]).clip(0.0, 1.0)
    whole = show(blink, bake, 1001, Picture(plate), Picture(plate), False, full=full)
    small = Picture(_halved(plate))
    proxy = show(blink, bake, 1001, small, small, False, full=full, scale=_halved)
    wanted = _halved(whole)
    looked = np.abs(small.pixels - wanted)
    assert (looked > 0.05).mean() > 0.01
    assert np.abs(proxy - wanted).mean() < 0.1 * looked.mean()


@pytest.mark.parametrize(("rows", "columns"), [(24, 43), (17, 64)])
def test_a_scale_that_leaves_no_grid_leaves_the_plate(blink: Blink, baked: Bakes, rows: int, columns: int) -> None:
    shot = baked("rest")
    plate = shot.plate(1001)

    def odd(pixels: Pixels) -> Pixels:
        return np.ascontiguousarray(pixels[:rows, :columns])

    assert same_bits(show(blink, shot.bake, 1001, placed(plate), placed(plate), False, scale=odd), plate).all()
