"""Matte files that are wrong by some pixels: pulled to the plate's own edges, and kept in the bake."""

from __future__ import annotations

import json
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from shots import Shot, paint, read_exr, read_rgba, same_bits, write_picture, write_plate

from lookmatte.errors import InputError
from lookmatte.rendering.shot import Shot as Concrete

Maker = Callable[..., Shot]
SIZE = (640, 360)
WIDER = 3
LOOKS = {"rest": {"style": "blue.png"}}


@pytest.fixture
def rough(shot: Maker) -> Shot:
    """An object and a background of equal luminance, and a matte that is some pixels too wide."""
    made = shot()
    picture = paint(*SIZE, 0)
    inside, outside = np.float32([0.32, 0.08, 0.08]), np.float32([0.08, 0.1513, 0.08])
    grain = 1 + 0.05 * np.random.default_rng(5).standard_normal((SIZE[1], SIZE[0], 1)).astype(np.float32)
    picture.rgb = (outside + picture.coverage["hero"][..., None] * (inside - outside)) * grain
    picture.alpha[:] = 1.0
    write_plate(made.plate(1), picture)
    wide = cv2.dilate(picture.coverage["hero"], cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * WIDER + 1,) * 2))
    write_picture(made.folder / "wide.png", (wide * 255).astype(np.uint8))
    return made


def _hero(blend: str) -> dict[str, dict[str, str]]:
    return {"hero": {"matte": "wide.png", "style": "red.png", "blend": blend}, **LOOKS}


def test_a_matte_that_is_too_wide_is_pulled_to_the_plates_own_edge(rough: Shot) -> None:
    rough.render("true", regions={"hero": {"cryptomatte": "hero", "style": "red.png"}, **LOOKS})
    rough.render("as it is", regions=_hero("pixel"))
    rough.render("enhanced", regions=_hero("grid"))
    true, plain, enhanced = (read_rgba(rough.output(1, name))[0] for name in ("true", "as it is", "enhanced"))
    cover = paint(*SIZE, 0).coverage["hero"]
    ring = (cv2.dilate(cover, np.ones((2 * WIDER + 3,) * 2)) > 0) & (cover == 0)
    halo, left = (float(np.abs(one - true)[ring].mean()) for one in (plain, enhanced))
    assert left < 0.3 * halo
    inner = cv2.erode(cover, np.ones((5, 5))) == 1
    assert np.abs(enhanced - true)[inner].mean() < 0.5 * halo


def test_far_from_a_rough_matte_every_bit_stays(rough: Shot) -> None:
    rough.render(regions={"hero": _hero("grid")["hero"]})
    before, after = read_exr(rough.plate(1)), read_exr(rough.output(1))
    wide = paint(*SIZE, 0).coverage["hero"] > 0
    reach = int(np.ceil(7.5 / 256 * SIZE[0])) + WIDER
    far = cv2.dilate(wide.astype(np.uint8), np.ones((2 * reach + 1,) * 2)) == 0
    assert far.mean() > 0.3
    for name in "RGB":
        assert same_bits(before[name][far], after[name][far])
        assert not same_bits(before[name], after[name])


def test_the_bake_keeps_four_numbers_a_cell(rough: Shot) -> None:
    grids = rough.folder / "grids"
    rough.render("one", options={"stage": "bake", "bake_dir": grids}, regions=_hero("grid"))
    names = sorted(path.name for path in grids.glob("*.exr"))
    assert names == ["00_hero.grid.0001.exr", "00_hero.matte.0001.exr", "01_rest.grid.0001.exr"]
    planes = read_exr(grids / "00_hero.matte.0001.exr")
    assert {name: (plane.shape, plane.dtype) for name, plane in planes.items()} == {
        name: ((256, 256), np.dtype(np.float32)) for name in "RGBA"
    }
    # Away from the edges the matte is its own input, whatever the colours.
    inside = cv2.resize((paint(*SIZE, 0).coverage["hero"] == 1).astype(np.float32), (256, 256)) == 1
    deep = cv2.erode(inside.astype(np.uint8), np.ones((15, 15))) == 1
    assert deep.any()
    assert float(np.abs(planes["A"][deep] - 1.0).max()) < 1e-6
    assert not any(planes[name][deep].any() for name in "RGB")
    applied = {"stage": "apply", "bake_dir": grids}
    rough.render("one", options=applied, regions=_hero("grid"))
    rough.render("two", regions=_hero("grid"))
    for name, plane in read_exr(rough.output(1, "one")).items():
        assert same_bits(plane, read_exr(rough.output(1, "two"))[name])


def test_a_bake_of_an_earlier_format_says_what_to_do(rough: Shot) -> None:
    grids = rough.folder / "grids"
    rough.render("one", options={"stage": "bake", "bake_dir": grids}, regions=_hero("grid"))
    index = grids / "bake.json"
    data = json.loads(index.read_text())
    index.write_text(json.dumps({**data, "format": 1}))
    with pytest.raises(InputError, match=r"bake format 1; this lookmatte reads format \d+; bake the job again$"):
        rough.render("one", options={"stage": "apply", "bake_dir": grids}, regions=_hero("grid"))


def test_grain_is_measured_where_a_matte_is_to_be_enhanced(rough: Shot) -> None:
    for blend, wanted in (("pixel", False), ("grid", True)):
        concrete = Concrete(rough.job(regions=_hero(blend)))
        proxy = concrete.proxy(concrete.load(1))
        assert (proxy.grain is not None) == wanted
    assert proxy.grain is not None
    # 5 % of grain on the background's green: in the working encoding about .01, over cells of 2.5 by 1.4 pixels.
    spread = float(proxy.grain[1, 220:, :40].mean().sqrt())
    assert 0.004 < spread < 0.012
