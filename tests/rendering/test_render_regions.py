"""Regions together: their order never matters, `pixel` lies over `grid`, and a name stays one object's."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from shots import (
    KEY,
    Shot,
    Told,
    cryptomatte,
    equal,
    manifest,
    paint,
    read_rgba,
    write_exr,
    write_picture,
    write_plate,
)

from lookmatte.errors import InputError
from lookmatte.rendering import render

Maker = Callable[..., Shot]


def test_a_job_with_its_regions_in_another_order_applies_the_same_bake(shot: Maker) -> None:
    made = shot(range(1, 3))
    regions = made.mapping()["regions"]
    turned = dict(reversed(regions.items()))
    assert list(turned) != list(regions)
    grids = {"stage": "bake", "bake_dir": made.folder / "grids"}
    made.render("one", options=grids)
    applying = {"stage": "apply", "bake_dir": made.folder / "grids"}
    made.render("one", options=applying)
    made.render("two", options=applying, regions=turned)
    made.render("three", regions=turned)
    assert equal(made.written("one"), made.written("two"))
    assert equal(made.written("one"), made.written("three"))


def test_a_pixel_region_of_strength_0_leaves_the_grid_region_around_it_alone(shot: Maker) -> None:
    """The matte under an object is still the grid region's own: it has no hole, so no halo."""
    made = shot()
    picture = paint(96, 96, 0)
    picture.rgb[:], picture.alpha[:] = 0.3, 1.0
    write_plate(made.plate(1), picture)
    write_picture(made.folder / "all.png", np.full((16, 16), 255, np.uint8))
    sky = {"matte": "all.png", "style": "red.png"}
    hero = {"cryptomatte": "hero", "style": "blue.png", "strength": 0}
    made.render("alone", regions={"sky": sky})
    made.render("both", regions={"sky": sky, "hero": hero})
    alone, _ = read_rgba(made.output(1, "alone"))
    both, _ = read_rgba(made.output(1, "both"))
    outside = picture.coverage["hero"] == 0
    # The object's pixels leave the statistics, which are of one grey here: nothing else may move.
    assert np.abs(both - alone)[outside].max() < 2e-3
    assert np.abs(alone - 0.3)[outside].max() > 0.02


def test_a_name_that_two_layers_know_stays_with_one_when_its_object_leaves(shot: Maker) -> None:
    made = shot(range(1, 3))
    picture = paint(64, 48, 0, background=True)
    for frame in (1, 2):
        objects = manifest(("hero", "car") if frame == 1 else ("car",))
        other = {one.replace("Object", "Material"): plane for one, plane in cryptomatte(picture.coverage).items()}
        second = KEY.replace("f834d0a", "f900abc")
        materials = {key.replace(KEY, second): value for key, value in manifest(("hero",)).items()}
        materials[f"{second}/name"] = "ViewLayer.CryptoMaterial"
        shown = {**picture.coverage, "hero": picture.coverage["hero"] * (frame == 1)}
        channels = {name: picture.rgb[..., i].astype(np.float16) for i, name in enumerate("RGB")}
        channels |= {"A": picture.alpha.astype(np.float16), **cryptomatte(shown), **other}
        write_exr(made.plate(frame), channels, {**objects, **materials})
    made.render(regions={"hero": {"cryptomatte": "hero", "style": "red.png"}})
    before, after = read_rgba(made.plate(2))[0], read_rgba(made.output(2))[0]
    assert np.array_equal(before, after)
    assert not np.array_equal(read_rgba(made.plate(1))[0], read_rgba(made.output(1))[0])


@pytest.mark.parametrize(("space", "value"), [("ACEScct", 60.0), ("ACEScg", 3.3e38)])
def test_a_pixel_too_large_for_the_colour_transform_stays_and_spreads_nowhere(
    shot: Maker, space: str, value: float
) -> None:
    made = shot(range(1, 4))
    for name in ("clean", "wild"):
        picture = paint(64, 48, 1, background=True)
        if name == "wild":
            picture.rgb[20, 20] = (value, -value, value)
        write_plate(made.plate(2), picture, dtype=np.float32)
        summary = made.render(name, color={"space": space}, temporal={"mode": "frame"})
        assert summary.done == [1, 2, 3]
    clean, wild = read_rgba(made.output(2, "clean"))[0], read_rgba(made.output(2, "wild"))[0]
    assert np.array_equal(wild[20, 20], np.float32([value, -value, value]))
    clean[20, 20] = wild[20, 20] = 0
    assert np.abs(clean - wild).max() < 0.02


def test_a_mistyped_channel_is_one_mistake_of_the_job(shot: Maker) -> None:
    made = shot(range(1, 4))
    for frame in made.frames:
        picture = paint(64, 48, frame, background=True)
        write_plate(made.plate(frame), picture, more={"mask.R": picture.coverage["hero"]})
    with pytest.raises(InputError, match=r"^regions\.sky: .*no channel 'mask\.r2'; nearest: mask\.R$"):
        made.render(regions={"sky": {"channel": "mask.r2", "style": "red.png"}})
    assert not made.output(1).parent.exists()


def test_a_frame_that_is_not_written_is_read_without_its_aovs(made: Shot) -> None:
    from lookmatte.rendering.shot import Shot as Concrete

    picture = paint(48, 36, 0, background=True)
    write_plate(made.plate(1), picture, more={"Z": picture.coverage["hero"], "mask.R": picture.coverage["car"]})
    concrete = Concrete(made.job(regions={"sky": {"channel": "mask.R", "style": "red.png"}}))
    slim, whole = concrete.load(1), concrete.load(1, whole=True)
    assert "Z" not in slim.frame.parts[0].channels
    assert {"R", "G", "B", "A", "mask.R"} <= set(slim.frame.parts[0].channels)
    assert "Z" in whole.frame.parts[0].channels


def test_one_frame_that_cannot_be_computed_leaves_the_others(shot: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    made = shot(range(1, 4))
    from lookmatte.rendering import styling

    honest = styling.apply

    def exhausted(frame: object, *rest: object, **more: object) -> object:
        if frame.path.name == "sh.0002.exr":  # type: ignore[attr-defined]
            raise MemoryError("no room")
        return honest(frame, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(styling, "apply", exhausted)
    told = Told()
    summary = render(made.job(), model=made.model, progress=told)
    assert (summary.done, summary.failed) == ([1, 3], [2])
    assert "sh.0002.exr: not enough memory for a frame of " in told.failures[2]
    assert not made.output(2).exists()


def test_one_frame_that_cannot_be_written_by_no_fault_of_the_disk_leaves_the_others(
    shot: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = shot(range(1, 4))
    from lookmatte.rendering import styling

    honest = styling.write_frame

    def exhausted(frame: object, path: object, **more: object) -> None:
        if str(path).endswith("look.0002.exr"):
            raise MemoryError("no room")
        honest(frame, path, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(styling, "write_frame", exhausted)
    told = Told()
    summary = render(made.job(), model=made.model, progress=told)
    assert (summary.done, summary.failed) == ([1, 3], [2])
    assert "look.0002.exr: internal error: MemoryError: no room" in told.failures[2]
