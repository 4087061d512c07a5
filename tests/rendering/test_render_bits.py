"""What a render must not touch keeps the bits that the file stores."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import pytest
from shots import (
    LAYER,
    REPOSITORY,
    Shot,
    Told,
    bits,
    paint,
    read_exr,
    read_rgba,
    same_bits,
    write_picture,
    write_plate,
    write_style,
)

from exr_files import raw_headers
from lookmatte.job import Job
from lookmatte.rendering import render

Maker = Callable[..., Shot]
W, H = 80, 60
RADIUS = 17.5 / 256  # of the display window, docs/td.md


def overscan() -> dict[str, Any]:
    return {"window": (-5, 3, W, H), "display": (0, 0, W - 8, H - 4)}


def rich(made: Shot, *, dtype: type = np.float16, header: dict[str, Any] | None = None) -> Path:
    """Frame 1 with AOVs of every type, a time code, an odd data window, light where nothing is,
    highlights, and pixels that are NaN or infinite."""
    picture = paint(W, H, 0)
    rgb, alpha = picture.rgb, picture.alpha
    empty = np.argwhere(alpha == 0)
    for y, x in empty[::7]:
        rgb[y, x] = (0.3, 2.9, 0.01)
    inside = np.argwhere(picture.coverage["hero"] == 1)
    rgb[tuple(inside[10])] = (200, 180, 150)
    rgb[tuple(inside[40])] = (200, 200, 200)
    rgb[tuple(inside[60])] = (np.nan, 0.2, 0.2)
    rgb[tuple(inside[90])] = (np.inf, 0.2, 0.2)
    rgb[tuple(inside[120])] = (-np.inf, np.nan, 0.2)
    rng = np.random.default_rng(3)
    more = {
        "Z": np.where(alpha > 0, np.float32(7.25), np.float32(1e10)),
        "Id": rng.integers(0, 2**32, (H, W), dtype=np.uint32),
        "mask.R": picture.coverage["car"].astype(np.float16),
        "N.X": rng.standard_normal((H, W)).astype(np.float32),
        "diffuse.R": rng.standard_normal((H, W)).astype(np.float16),
    }
    time_code = OpenEXR.TimeCode()
    time_code.hours, time_code.minutes, time_code.frame = 10, 11, 13
    said = {"timeCode": time_code, "owner": "a person", "pixelAspectRatio": 1.5, **overscan(), **(header or {})}
    return write_plate(made.plate(1), picture, dtype=dtype, more=more, header=said)


def everything(made: Shot) -> dict[str, Any]:
    """Regions of every kind and a rest."""
    write_picture(made.folder / "rough.png", ((np.mgrid[0:28, 0:36][1] < 9) * np.uint8(255)).astype(np.uint8))
    return {
        "hero": {"cryptomatte": "hero", "style": "red.png"},
        "car": {"channel": "mask.R", "style": "blue.png"},
        "rough": {"matte": "rough.png", "style": "green.png"},
        "rest": {"style": "green.png"},
    }


def with_strength(regions: dict[str, Any], strength: float) -> dict[str, Any]:
    return {name: {**region, "strength": strength} for name, region in regions.items()}


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("mode", ["frame", "shot"])
def test_strength_0_is_the_plate(shot: Maker, dtype: type, mode: str) -> None:
    made = shot()
    plate = read_exr(rich(made, dtype=dtype))
    made.render(regions=with_strength(everything(made), 0), temporal={"mode": mode})
    written = made.written()[1]
    assert written.keys() == plate.keys()
    assert all(same_bits(written[name], plate[name]) for name in plate)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_a_look_changes_colour_and_nothing_else(shot: Maker, dtype: type) -> None:
    made = shot()
    path = rich(made, dtype=dtype)
    plate = read_exr(path)
    told = Told()
    made.render(regions=everything(made), options={"progress": told})
    written = made.written()[1]
    assert list(written) == list(plate)
    kept = [name for name in plate if name not in "RGB"]
    assert {"A", "Z", "Id", "mask.R", "N.X", "diffuse.R", f"{LAYER}00.r", f"{LAYER}00.a"} <= set(kept)
    assert all(same_bits(written[name], plate[name]) for name in kept)
    changed = np.any([bits(written[name]) != bits(plate[name]) for name in "RGB"], axis=0)
    finite = np.all([np.isfinite(plate[name].astype(np.float32)) for name in "RGB"], axis=0)
    covered = plate["A"].astype(np.float32) > 0
    assert not changed[~covered].any()
    assert not changed[~finite].any()
    assert changed[covered & finite].mean() > 0.95
    assert all(written[name].dtype == plate[name].dtype for name in plate)
    assert told.warnings == [
        # Both lie where alpha is 0.
        *(f"region {name!r}: 0 of the 256x256 pixels that looks are measured in, so it keeps its colours "
          "in frame 1; 12 are the least" for name in ("rough", "rest")),
        "pixels that are NaN or infinite stay as they are: 3 in frame 1",
    ]  # fmt: skip
    before, after = raw_headers(path)[0], raw_headers(made.output(1))[0]
    added = {name for name in after if name not in before}
    assert before == {name: after[name] for name in before}
    assert {name.partition(":")[0] for name in added} == {"lookmatte"}


def test_what_no_region_covers_keeps_its_bits(shot: Maker) -> None:
    made = shot()
    picture = paint(W, H, 0, background=True)
    plate = read_exr(write_plate(made.plate(1), picture, header=overscan()))
    made.render()
    written = made.written()[1]
    changed = np.any([bits(written[name]) != bits(plate[name]) for name in "RGB"], axis=0)
    weight = picture.coverage["hero"] + picture.coverage["car"]
    assert not changed[weight == 0].any()
    assert changed[weight > 0.1].mean() > 0.95


@pytest.mark.parametrize("size", [(80, 60), (320, 180), (700, 40)])
def test_a_grid_region_ends_at_its_radius(shot: Maker, size: tuple[int, int]) -> None:
    """Measured from the nearest edge of a pixel with matte, along x as a share of the width and along y as one of
    the height."""
    made = shot()
    width, height = size
    plate = read_exr(write_plate(made.plate(1), paint(width, height, 0, background=True)))
    left, top, right, bottom = width // 2, height // 2, width // 2 + width // 16, height // 2 + height // 12
    matte = np.zeros((height, width), np.uint8)
    matte[top:bottom, left:right] = 255
    write_picture(made.folder / "box.png", matte)
    made.render(regions={"box": {"matte": "box.png", "style": "red.png"}}, frames="1")
    written = made.written()[1]
    changed = np.any([bits(written[name]) != bits(plate[name]) for name in "RGB"], axis=0)
    y, x = np.mgrid[0:height, 0:width] + 0.5
    away_x = np.maximum(np.maximum(left - x, x - right), 0) / width
    away_y = np.maximum(np.maximum(top - y, y - bottom), 0) / height
    away = np.maximum(away_x, away_y)
    assert changed[matte > 0].mean() > 0.95
    assert not changed[away >= RADIUS].any()
    assert (away >= RADIUS).mean() > 0.5


@pytest.mark.parametrize("colour", [(0.01, 0.01, 0.02), (0.98, 0.2, 0.1), (1.0, 1.0, 1.0), (0.5, 0.5, 0.5)])
@pytest.mark.parametrize("grey", [200.0, 20.0, 3000.0])
def test_a_highlight_stays_within_three_stops(shot: Maker, colour: tuple[float, float, float], grey: float) -> None:
    made = shot()
    write_style(made.folder / "red.png", colour)
    picture = paint(40, 30, 0, background=True)
    inside = np.argwhere(picture.coverage["hero"] == 1)
    for at in inside[::9]:
        picture.rgb[tuple(at)] = (grey, grey * 0.9, grey * 0.8)
    plate, _ = read_rgba(write_plate(made.plate(1), picture, dtype=np.float32))
    made.render(regions={"hero": {"cryptomatte": "hero", "style": "red.png"}}, frames="1")
    look, _ = read_rgba(made.output(1))
    assert (look != plate).any()
    bright = picture.coverage["hero"] == 1
    for at in np.argwhere(bright & (plate[..., 1] > 10)):
        moved = np.log2(look[tuple(at)] / plate[tuple(at)])
        assert np.abs(moved).max() <= 3, (plate[tuple(at)], look[tuple(at)])


def test_what_is_not_finite_spreads_nowhere(shot: Maker) -> None:
    """Not to its neighbours, and not through statistics: but for the pixels themselves, the frame without the NaN,
    whose place takes a pixel that no statistics see, is the same."""
    made = shot()
    picture = paint(W, H, 0)
    bad = [tuple(at) for at in np.argwhere(picture.coverage["hero"] == 1)[::17]]
    seen = picture.alpha.copy()
    for at in bad:
        picture.alpha[at] = 0
        picture.rgb[at] = 0
        for cover in picture.coverage.values():
            cover[at] = 0
    write_plate(made.plate(1), picture, dtype=np.float32)
    write_plate(made.folder / "hole/sh.0001.exr", picture, dtype=np.float32)
    values = [np.nan, np.inf, -np.inf]
    for index, at in enumerate(bad):
        picture.rgb[at] = (values[index % 3], 0.5, values[index // 3 % 3])
        picture.alpha[at] = seen[at]
        picture.coverage["hero"][at] = 1
    plate = read_exr(write_plate(made.plate(1), picture, dtype=np.float32))
    regions = {**made.mapping()["regions"], "rest": {"style": "green.png"}}
    made.render(regions=regions)
    made.render("without", plate="hole/sh.####.exr", regions=regions)
    with_nan, without = made.written()[1], read_exr(made.output(1, "without"))
    where = np.zeros((H, W), bool)
    for at in bad:
        where[at] = True
    for name in "RGB":
        assert np.array_equal(bits(with_nan[name])[where], bits(plate[name])[where])
        assert np.array_equal(bits(with_nan[name])[~where], bits(without[name])[~where])
        assert np.isfinite(with_nan[name][~where]).all()


@pytest.mark.parametrize("version", ["blender45", "blender50"])
def test_blenders_own_files_keep_their_shape(tmp_path: Path, model_file: Path, version: str) -> None:
    path = tmp_path / "plate.1001.exr"
    shutil.copy(REPOSITORY / "tests/data" / f"{version}.exr", path)
    write_style(tmp_path / "red.png", (0.9, 0.2, 0.1))
    regions = {"hero": {"cryptomatte": ["hero cube", "Grüne*"], "layer": "object", "style": "red.png"}}
    mapping = {"plate": "plate.####.exr", "output": "out.####.exr", "regions": regions}
    assert render(Job.from_mapping(mapping, tmp_path), model=model_file).done == [1001]
    before = OpenEXR.File(str(path), separate_channels=True).parts
    after = OpenEXR.File(str(tmp_path / "out.1001.exr"), separate_channels=True).parts
    assert [part.name() for part in after] == [part.name() for part in before]
    assert (len(before) > 1) == (version == "blender50")
    changed = []
    for old, new in zip(before, after, strict=True):
        assert list(old.channels) == list(new.channels)
        changed += [
            name for name in old.channels if not same_bits(old.channels[name].pixels, new.channels[name].pixels)
        ]
    assert [name.rpartition(".")[2] for name in changed] == ["B", "G", "R"]
    assert all("Combined" in name or version == "blender50" for name in changed)
    for old_header, new_header in zip(raw_headers(path), raw_headers(tmp_path / "out.1001.exr"), strict=True):
        assert old_header == {name: new_header[name] for name in old_header}
        added = {name.partition(":")[0] for name in new_header.keys() - old_header.keys()}
        assert added <= {"lookmatte", "type"}  # Blender 4.5 leaves out the type of its one part


def test_lossy_files_are_written_losslessly_and_it_is_said_once(shot: Maker) -> None:
    made = shot(range(1, 3))
    for frame in made.frames:
        write_plate(made.plate(frame), paint(W, H, frame), header={"compression": OpenEXR.DWAA_COMPRESSION})
    told = Told()
    made.render(options={"progress": told})
    assert set(told.notes) == {"the picture: dwaa compression loses precision; written as zip"}
    plate, written = read_exr(made.plate(1)), made.written()[1]
    assert all(same_bits(plate[name], written[name]) for name in plate if name not in "RGB")
