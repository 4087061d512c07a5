"""Two objects with opposite looks: each takes its own, edges are mixtures, and colour spaces make no difference."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import PyOpenColorIO as ocio
import pytest
import torch
from numpy.typing import NDArray
from shots import Shot, Told, equal, paint, read_exr, read_rgba, write_exr, write_plate, write_style

from lookmatte.bilateral.encoding import encode
from lookmatte.imaging.colour import BUILT_IN, plate_matrix, view_inverse

Maker = Callable[..., Shot]
Plane = NDArray[Any]
W, H = 96, 72
OPPOSITE = {"hero": {"cryptomatte": "hero", "style": "red.png"}, "car": {"cryptomatte": "car", "style": "blue.png"}}


def working(rgb: Plane) -> Plane:
    return encode(torch.from_numpy(np.ascontiguousarray(rgb, np.float32))).numpy()


def straight(rgb: Plane, alpha: Plane) -> Plane:
    return np.where(alpha[..., None] > 0, rgb / np.maximum(alpha, 1e-6)[..., None], 0)


def full_looks(made: Shot) -> dict[str, Plane]:
    """Each region's own grid, as the job bakes it, applied with weight 1 everywhere."""
    from lookmatte.bilateral.apply import apply_band
    from lookmatte.imaging.reader import read_frame
    from lookmatte.looks.bake import resolve
    from lookmatte.rendering.pixels import PlatePixels
    from lookmatte.rendering.store import BakeStore

    made.render("looks", options={"stage": "bake", "bake_dir": made.folder / "grids"}, regions=OPPOSITE)
    look = resolve(BakeStore.open(made.folder / "grids").load(1))
    frame = read_frame(made.plate(1))
    pixels = PlatePixels(frame, plate_matrix(None, attributes={}))
    band = pixels.read(0, pixels.height)
    found = {}
    for index, name in enumerate(sorted(OPPOSITE)):
        weights = torch.zeros(2, pixels.height, pixels.width)
        weights[index] = 1.0
        styled, _ = apply_band(band.linear, weights, pixels.u, pixels.v, look)
        found[name] = styled.permute(1, 2, 0).numpy()
    return found


@pytest.mark.parametrize("background", [True, False])
def test_a_pixel_lies_between_the_looks_by_its_coverage(shot: Maker, background: bool) -> None:
    made = shot()
    picture = paint(W, H, 2, background=background)
    write_plate(made.plate(1), picture, dtype=np.float32)
    made.render(regions=OPPOSITE)
    rgb, alpha = read_rgba(made.output(1))
    looks = full_looks(made)
    plate = straight(picture.rgb, picture.alpha)
    weight = {
        name: np.minimum(cover / np.maximum(picture.alpha, 1e-6), 1) for name, cover in picture.coverage.items()
    }
    left = np.maximum(1 - sum(weight.values()), 0)
    expected = left[..., None] * working(plate)
    for name in OPPOSITE:
        expected = expected + weight[name][..., None] * working(looks[name])
    seen = alpha > 0
    assert np.abs(working(straight(rgb, alpha)) - expected)[seen].max() < 2e-5
    mixed = seen & (weight["hero"] > 0.05) & (weight["car"] > 0.05)
    assert mixed.sum() > 10
    assert np.abs(working(looks["hero"]) - working(looks["car"]))[mixed].mean() > 0.1


def test_each_object_takes_its_own_look(shot: Maker) -> None:
    made = shot()
    picture = paint(W, H, 0, background=True)
    write_plate(made.plate(1), picture)
    made.render(regions=OPPOSITE)
    rgb, _ = read_rgba(made.output(1))
    hero = rgb[picture.coverage["hero"] == 1].mean(0)
    car = rgb[picture.coverage["car"] == 1].mean(0)
    assert hero[0] > 3 * hero[2]
    assert car[2] > 3 * car[0]


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_an_edge_over_nothing_has_no_fringe(shot: Maker, dtype: type) -> None:
    """The colour of an object's edge, un-premultiplied, is the look of the object's own colour there."""
    made = shot()
    picture = paint(W, H, 0)
    # One colour each: whatever the edge shows beside it is a fringe.
    for name, colour in (("hero", (0.4, 0.3, 0.2)), ("car", (0.1, 0.3, 0.4))):
        picture.straight[name][:] = colour
    picture.rgb[:] = sum(picture.coverage[name][..., None] * picture.straight[name] for name in OPPOSITE)
    write_plate(made.plate(1), picture, dtype=dtype)
    made.render(regions=OPPOSITE)
    rgb, alpha = read_rgba(made.output(1))
    looks = full_looks(made)
    for name, other in (("hero", "car"), ("car", "hero")):
        edge = (picture.coverage[name] > 0) & (picture.coverage[other] == 0) & (alpha < 1) & (alpha > 0.05)
        inside = picture.coverage[name] == 1
        assert edge.sum() > 20
        found = working(straight(rgb, alpha))
        assert np.abs(found - working(looks[name]))[edge].max() < (4e-3 if dtype is np.float16 else 2e-5)
        assert np.abs(found[edge].mean(0) - found[inside].mean(0)).max() < 0.05


def test_where_mattes_add_up_to_more_than_1_they_share(shot: Maker) -> None:
    made = shot()
    write_plate(made.plate(1), paint(W, H, 0, background=True), dtype=np.float32)
    regions = {
        "one": {"cryptomatte": "hero", "style": "red.png"},
        "two": {"cryptomatte": ["hero", "car"], "style": "blue.png"},
    }
    made.render(regions=regions)
    made.render("turned", regions={name: regions[name] for name in ("two", "one")})
    one, other = made.written()[1], made.written("turned")[1]
    assert all(np.abs(one[name] - other[name]).max() < 2e-6 for name in "RGB")


def rec709_to(space: str, rgb: Plane) -> Plane:
    matrix = plate_matrix(space, attributes={}).inverse
    return np.asarray(rgb @ matrix.T.astype(np.float32), np.float32)


@pytest.mark.parametrize("how", ["job", "attribute", "chromaticities"])
def test_the_plates_colour_space_does_not_matter_to_the_look(shot: Maker, how: str) -> None:
    made = shot()
    picture = paint(W, H, 0, background=True)
    write_plate(made.plate(1), picture, dtype=np.float32)
    made.render(regions=OPPOSITE)
    expected, _ = read_rgba(made.output(1))
    header: dict[str, Any] = {"attribute": {"colorInteropID": "lin_ap1_scene"}}.get(how, {})
    if how == "chromaticities":
        header["chromaticities"] = (0.713, 0.293, 0.165, 0.83, 0.128, 0.044, 0.32168, 0.33767)
    picture.rgb[:] = rec709_to("ACEScg", picture.rgb)
    write_plate(made.folder / "acescg/sh.0001.exr", picture, dtype=np.float32, header=header)
    color = {"space": "ACEScg"} if how == "job" else {}
    made.render("acescg-look", plate="acescg/sh.####.exr", regions=OPPOSITE, color=color)
    found, _ = read_rgba(made.output(1, "acescg-look"))
    back = found @ plate_matrix("ACEScg", attributes={}).matrix.T.astype(np.float32)
    covered = (picture.coverage["hero"] + picture.coverage["car"]) > 0.5
    difference = np.abs(working(back) - working(expected))[covered]
    # Bradford adaptation and the configuration's own agree to about a thousandth; the rest is float32.
    assert difference.max() < (5e-3 if how == "chromaticities" else 1e-4)
    assert np.abs(working(found) - working(expected))[covered].max() > 0.05


def test_a_log_plate_is_decoded_and_encoded_again(shot: Maker) -> None:
    made = shot()
    picture = paint(W, H, 0, background=True)
    write_plate(made.plate(1), picture, dtype=np.float32)
    made.render(regions=OPPOSITE)
    expected, _ = read_rgba(made.output(1))
    colour = plate_matrix("ACEScct", attributes={})
    assert colour.encode is not None
    assert colour.decode is not None
    rows = np.ascontiguousarray((picture.rgb @ colour.inverse.T.astype(np.float32)).reshape(-1, 3), np.float32)
    colour.encode(rows)
    picture.rgb[:] = rows.reshape(picture.rgb.shape)
    write_plate(made.folder / "log/sh.0001.exr", picture, dtype=np.float32)
    made.render("log-look", plate="log/sh.####.exr", regions=OPPOSITE, color={"space": "ACEScct"})
    found, _ = read_rgba(made.output(1, "log-look"))
    rows = np.ascontiguousarray(found.reshape(-1, 3))
    colour.decode(rows)
    back = rows.reshape(found.shape) @ colour.matrix.T.astype(np.float32)
    assert np.abs(working(back) - working(expected)).max() < 2e-3


def test_a_style_seen_through_a_view_is_the_scene_that_it_shows(shot: Maker) -> None:
    """A PNG through a view's inverse, and the scene-linear EXR of the same, are one style."""
    made = shot()
    write_plate(made.plate(1), paint(W, H, 0, background=True), dtype=np.float32)
    config = ocio.Config.CreateFromFile(BUILT_IN)
    view = f"{config.getDefaultDisplay()}/{config.getDefaultView(config.getDefaultDisplay())}"
    shown = np.asarray(oiio.ImageBuf(str(made.folder / "red.png")).get_pixels(oiio.FLOAT))[..., :3]
    scene = view_inverse(view)(np.ascontiguousarray(shown))
    write_exr(made.folder / "red.exr", {name: scene[..., i].astype(np.float32) for i, name in enumerate("RGB")})
    region = {"cryptomatte": "hero", "style": "red.png"}
    made.render("seen", regions={"hero": region}, color={"view": view})
    made.render("scene", regions={"hero": {**region, "style": "red.exr"}})
    made.render("plain", regions={"hero": region})
    seen, scene_look, plain = (read_rgba(made.output(1, name))[0] for name in ("seen", "scene", "plain"))
    assert np.abs(working(seen) - working(scene_look)).max() < 1e-4
    assert np.abs(working(seen) - working(plain)).max() > 0.02


def test_style_keyframes_fade(shot: Maker) -> None:
    made = shot(range(1, 4))
    still = paint(W, H, 0, background=True)
    for frame in made.frames:
        write_plate(made.plate(frame), still, dtype=np.float32)
    fading = {"hero": {"cryptomatte": "hero", "style": {1: "red.png", 3: "blue.png"}}}
    made.render(regions=fading, temporal={"mode": "frame"})
    made.render("red", regions={"hero": {"cryptomatte": "hero", "style": "red.png"}}, temporal={"mode": "frame"})
    made.render("blue", regions={"hero": {"cryptomatte": "hero", "style": "blue.png"}}, temporal={"mode": "frame"})
    assert equal({1: made.written()[1]}, {1: made.written("red")[1]})
    assert equal({3: made.written()[3]}, {3: made.written("blue")[3]})
    inside = still.coverage["hero"] == 1
    first, half, last = (working(read_rgba(made.output(frame))[0])[inside].mean(0) for frame in made.frames)
    assert np.abs(half - (first + last) / 2).max() < 0.02
    assert np.abs(first - last).max() > 0.2


def test_alpha_0_everywhere_is_told_and_ignored_on_demand(shot: Maker) -> None:
    made = shot(range(1, 4))
    for frame in made.frames:
        picture = paint(W, H, frame, background=True)
        picture.alpha[:] = 0
        write_plate(made.plate(frame), picture)
    told = Told()
    made.render(regions={"rest": {"style": "red.png"}}, options={"progress": told})
    (warning,) = told.warnings
    assert warning == (
        "alpha is 0 everywhere, so nothing is styled (write `alpha: ignore` in the job if it holds no coverage) "
        "in 3 frames (1-3)"
    )
    plate = {frame: read_exr(made.plate(frame)) for frame in made.frames}
    assert equal(made.written(), plate)
    told = Told()
    made.render("ignored", regions={"rest": {"style": "red.png"}}, alpha="ignore", options={"progress": told})
    assert told.warnings == []
    assert not equal(made.written("ignored"), plate)


def test_remarks_are_one_line_each_with_their_frames(shot: Maker) -> None:
    made = shot(range(1, 6))
    for frame in made.frames:
        picture = paint(W, H, frame, background=True)
        if frame in (2, 3, 5):
            picture.coverage["car"][:] = 0
        picture.rgb[0, :frame] = np.nan
        write_plate(made.plate(frame), picture)
    told = Told()
    made.render(options={"progress": told})
    assert told.warnings == [
        "pixels that are NaN or infinite stay as they are: 15 in 5 frames (1-5)",
        "region 'car': car covers no pixel in 3 frames (2-3,5)",
    ]


def test_a_style_is_read_again_when_its_file_has_changed(shot: Maker) -> None:
    """In one process, as a host's worker is."""
    made = shot()
    made.render(regions=OPPOSITE)
    before = made.written()
    write_style(made.folder / "red.png", (0.1, 0.8, 0.1))
    made.render(regions=OPPOSITE)
    hero = paint(64, 48, 0, background=True).coverage["hero"] == 1
    old, new = before[1]["R"][hero].mean(), made.written()[1]["R"][hero].mean()
    assert new < 0.7 * old


def test_the_ten_lines_of_the_package_work(shot: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    import lookmatte
    from lookmatte.networks import model

    made = shot(range(1, 3))
    made.save_job("sh010.yaml")
    monkeypatch.chdir(made.folder)
    monkeypatch.setattr(model, "shipped_path", lambda: made.model)
    job = lookmatte.Job.load("sh010.yaml")
    summary = lookmatte.render(job)
    assert (summary.done, summary.failed) == ([1, 2], [])
    assert set(lookmatte.__all__) == {"Baker", "Job", "apply", "load_shots", "render"}


def test_a_frame_in_memory_takes_a_bake_of_its_own(shot: Maker) -> None:
    """Baker and apply by hand, as the package's docstring has it, are what a render does."""
    import lookmatte
    from lookmatte.imaging.reader import read_frame
    from lookmatte.networks.model import Model
    from lookmatte.rendering.shot import Shot as Concrete

    made = shot()
    made.render(regions=OPPOSITE)
    concrete = Concrete(made.job(regions=OPPOSITE))
    loaded = concrete.load(1)
    baker = lookmatte.Baker(Model.load(made.model), concrete.looks())
    bake = baker.bake(concrete.proxy(loaded))
    frame = read_frame(Path(made.plate(1)))
    lookmatte.apply(frame, bake, loaded.mattes)
    written = made.written()[1]
    assert all(np.array_equal(frame.pixels(key), written[key[1]]) for key in frame.rgb)
