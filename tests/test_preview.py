"""`lookmatte preview`: the strip shows the input, each region in its colour, the result and the styles."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest
from numpy.typing import NDArray

from lookmatte import cli
from lookmatte.errors import InputError
from lookmatte.imaging import sheet
from lookmatte.imaging.frame import Part, Window
from lookmatte.imaging.picture import read_picture, write_png
from lookmatte.imaging.reader import read_frame
from lookmatte.imaging.sheet import BORDER, GAP, LINE, REST_TINT, Canvas, Entry, Gallery, tint
from lookmatte.imaging.writer import write_parts_to
from lookmatte.job import Job
from lookmatte.rendering import preview, render, styles
from lookmatte.rendering.preview import MARGIN, TILE
from lookmatte.rendering.view import displayed, view

Array = NDArray[Any]
BYTE = 1.0 / 255.0


# ---- files ------------------------------------------------------------------------------------------------


def write_plate(
    path: Path,
    channels: dict[str, Array],
    *,
    data: tuple[int, int] = (0, 0),
    display: Window | None = None,
    attributes: dict[str, Any] | None = None,
) -> Path:
    planes = {name: np.ascontiguousarray(plane, np.float32) for name, plane in channels.items()}
    height, width = next(iter(planes.values())).shape
    window = Window(*data, width, height)
    write_parts_to([Part("", planes, window, display or window, attributes or {})], path)
    return path


def colours(height: int = 48, width: int = 64) -> dict[str, Array]:
    """A plate of soft gradients, red to the right and blue downwards."""
    down, across = np.meshgrid(np.linspace(0.05, 0.6, height), np.linspace(0.05, 0.6, width), indexing="ij")
    return {"R": across, "G": 0.3 * (across + down), "B": down}


def write_style(path: Path, colour: tuple[int, int, int], size: tuple[int, int] = (40, 60)) -> Path:
    noise = np.random.default_rng(7).integers(-20, 20, (*size, 3))
    write_png(path, np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8))
    return path


@pytest.fixture
def shot(tmp_path: Path) -> Path:
    """Frames 1 to 5; the left half is region `car` by a channel, the right half `rest`."""
    mask = np.zeros((48, 64))
    mask[:, :32] = 1.0
    for frame in range(1, 6):
        plate = {name: plane * (0.5 + 0.1 * frame) for name, plane in colours().items()}
        write_plate(tmp_path / f"p.{frame:04}.exr", {**plate, "mask.R": mask})
    write_style(tmp_path / "warm.png", (210, 120, 40))
    write_style(tmp_path / "cold.png", (40, 90, 190))
    (tmp_path / "job.yaml").write_text(
        "plate: p.####.exr\noutput: out/look.####.exr\nregions:\n"
        "  car: {channel: mask.R, style: warm.png}\n  rest: {style: cold.png}\n"
    )
    return tmp_path


def lookmatte(folder: Path, *words: object) -> subprocess.CompletedProcess[str]:
    source = str(Path(cli.__file__).parents[1])
    return subprocess.run(
        [sys.executable, "-m", "lookmatte.cli", *map(str, words)],
        cwd=folder, env={**os.environ, "PYTHONPATH": source, "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def previewed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path, *words: object
) -> tuple[int, str, str]:
    monkeypatch.chdir(folder)
    code = cli.main(["preview", *map(str, words)])
    out, err = capsys.readouterr()
    return code, out, err


# ---- what the strip shows ---------------------------------------------------------------------------------


def strip_of(path: Path) -> Array:
    return read_picture(path).rgb


def tiles(strip: Array, width: int, height: int) -> tuple[Array, Array, Array]:
    """Input, regions and result, whose places are fixed."""
    lefts = [MARGIN + index * (width + GAP) for index in range(3)]
    found = [strip[MARGIN : MARGIN + height, left : left + width] for left in lefts]
    return found[0], found[1], found[2]


def srgb(linear: Array) -> Array:
    clamped = np.clip(linear, 0.0, 1.0)
    return np.where(clamped <= 0.0031308, 12.92 * clamped, 1.055 * np.maximum(clamped, 1e-9) ** (1 / 2.4) - 0.055)


def luma(picture: Array) -> Array:
    weighed: Array = picture @ np.array([0.2126, 0.7152, 0.0722])
    return weighed


def test_a_strip_shows_input_regions_result_and_styles(shot: Path, model: Path) -> None:
    before = {path: path.read_bytes() for path in shot.rglob("*") if path.is_file()}
    ran = lookmatte(shot, "preview", "job.yaml", "--model", model)
    assert (ran.returncode, ran.stdout) == (0, "job.preview.png\n")
    assert "frame 3 " in ran.stderr  # the middle one of 1 to 5
    assert [line.split() for line in ran.stderr.splitlines()[1:]] == [
        ["amber", "car:", "warm.png"], ["slate", "rest:", "cold.png"],
    ]  # fmt: skip
    after = {path: path.read_bytes() for path in shot.rglob("*") if path.is_file()}
    assert after.pop(shot / "job.preview.png")
    assert after == before  # neither an output nor a bake

    strip = strip_of(shot / "job.preview.png")
    plate, regions, result = tiles(strip, 640, 480)
    third = {name: plane * 0.8 for name, plane in colours().items()}
    expected = srgb(np.stack([third[name] for name in "RGB"], axis=-1).astype(np.float32))
    assert np.abs(plate[5::10, 5::10] - expected).max() < BYTE  # enlarged tenfold: a pixel's centre is its own

    grey = luma(plate)[..., None]
    for half, colour in ((np.s_[:, :320], tint(0).rgb), (np.s_[:, 320:], REST_TINT.rgb)):
        shade = regions[half].max(axis=2) / max(colour)
        assert np.abs(regions[half] - shade[..., None] * np.array(colour)).max() < 1.5 * BYTE  # the tint's own hue
        assert np.corrcoef(shade.ravel(), grey[half].ravel())[0, 1] > 0.995  # as bright as the picture is
        assert shade.min() > 0.2
    assert result[:, :320, 0].mean() > result[:, :320, 2].mean() + 0.2
    assert result[:, 320:, 2].mean() > result[:, 320:, 0].mean() + 0.2

    top = MARGIN + 480 + LINE + GAP
    frame = strip[top : top + BORDER, MARGIN : MARGIN + 100]
    assert np.abs(frame - np.array(tint(0).rgb)).max() < BYTE
    wide = 330 + 2 * BORDER  # 60 x 40 fitted into the box for styles
    second = strip[top : top + BORDER, MARGIN + wide + GAP : MARGIN + wide + GAP + 100]
    assert np.abs(second - np.array(REST_TINT.rgb)).max() < BYTE
    inside = strip[top + BORDER : top + BORDER + 220, MARGIN + BORDER : MARGIN + BORDER + 330]
    assert np.abs(inside.mean((0, 1)) - np.array([210, 120, 40]) / 255).max() < 0.02


def test_the_result_is_what_a_render_makes(shot: Path, model: Path) -> None:
    more = "warm.png, strength: {1: 0, 5: 0.8}, exposure_limit: 1"
    (shot / "job.yaml").write_text((shot / "job.yaml").read_text().replace("warm.png", more))
    assert lookmatte(shot, "preview", "job.yaml", "--frame", 4, "--model", model).returncode == 0
    alone = Job.load(shot / "job.yaml")
    (shot / "alone.yaml").write_text((shot / "job.yaml").read_text() + "temporal: {mode: frame}\n")
    assert render(Job.load(shot / "alone.yaml"), frames="4", model=model).failed == []
    frame = read_frame(shot / "out" / "look.0004.exr")
    colour = np.stack([frame.pixels(key) for key in frame.rgb], axis=-1)
    _, _, result = tiles(strip_of(shot / "job.preview.png"), 640, 480)
    assert alone.temporal.mode == "coherent"
    assert np.abs(result[5::10, 5::10] - srgb(colour)).max() < 1.5 * BYTE


def test_a_previewer_that_is_warm_shows_what_a_cold_one_does(
    shot: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights and references are read once, and a reference again when its file has changed."""
    opened: list[str] = []

    def counted(module: Any, name: str) -> None:
        honest = getattr(module, name)

        def counting(*args: Any, **more: Any) -> Any:
            opened.append(name)
            return honest(*args, **more)

        monkeypatch.setattr(module, name, counting)

    counted(styles, "read_picture")
    counted(preview.Model, "load")
    job = Job.load(shot / "job.yaml")
    warm = preview.Previewer(model)
    strips = [warm.preview(job, frame=frame) for frame in (2, 4, 2)]
    assert sorted(set(opened)) == ["load", "read_picture"]
    once = opened.count("read_picture")
    assert (opened.count("load"), len(opened)) == (1, once + 1)
    for strip in strips:
        cold = preview.preview(job, frame=strip.frame, model=model)
        assert (strip.picture == cold.picture).all()
        assert strip.swatches == cold.swatches
    assert not (strips[0].picture == strips[1].picture).all()

    opened.clear()
    write_style(shot / "warm.png", (20, 200, 40))
    changed = warm.preview(job, frame=2)
    assert 0 < len(opened) < once
    assert (changed.picture == preview.preview(job, frame=2, model=model).picture).all()
    assert not (changed.picture == strips[0].picture).all()


@pytest.mark.parametrize("offset", [(0, 0), (-17, 33)])
def test_windows_and_alpha(
    tmp_path: Path,
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    offset: tuple[int, int],
) -> None:
    """Overscan to the left, empty display window to the right, holes in alpha, light where alpha is 0."""
    plate = {name: np.full((30, 50), 0.2) for name in "RGB"} | {"A": np.ones((30, 50))}
    for name in "RGBA":
        plate[name][:, 20:30] = 0.0  # a hole
    plate["R"][:, 24:26] = 0.7  # and a glow in it
    plate["R"][:, :10] = 9.0  # overscan: not in the picture
    plate["G"][5, 15] = np.nan
    x, y = offset
    write_plate(tmp_path / "p.exr", plate, data=(x - 10, y), display=Window(x, y, 64, 30))
    write_style(tmp_path / "warm.png", (210, 120, 40))
    words = ("p.exr", "--style", "warm.png", "--model", model, "-o", "made/here.png")
    code, out, err = previewed(monkeypatch, capsys, tmp_path, *words)
    assert (code, out) == (0, "made/here.png\n")
    assert "1 pixel" in err or "NaN" in err
    seen, regions, result = tiles(strip_of(tmp_path / "made" / "here.png"), 640, 300)
    ground = sheet.checker(300, 640)
    assert np.abs(seen[:, 405:] - ground[:, 405:]).max() < BYTE  # beyond the data window
    assert np.abs(result[:, 405:] - ground[:, 405:]).max() < BYTE
    assert np.abs(seen[:, 105:135] - ground[:, 105:135]).max() < BYTE  # the hole
    assert np.abs(seen[100:, 5:95] - srgb(np.array(0.2))).max() < BYTE  # no overscan
    assert (seen[:, 145:155, 0] > ground[:, 145:155, 0] + 0.2).all()  # light without coverage
    assert np.abs(seen[55, 55]).max() < BYTE  # NaN
    assert np.ptp(regions[:, 105:135], axis=2).max() < BYTE  # nothing is a region there
    assert np.abs(seen[100:, 5:95] - result[100:, 5:95]).max() > 0.05


def test_pixels_are_averaged_in_linear_light_and_highlights_do_not_spread(tmp_path: Path) -> None:
    stripes = np.zeros((40, 2560))
    stripes[:, ::2] = 1.0
    stripes[20:, ::2] = 500.0
    path = write_plate(tmp_path / "p.exr", {name: stripes for name in "RGB"}, attributes={"pixelAspectRatio": 2.0})
    from lookmatte.imaging.colour import plate_matrix
    from lookmatte.rendering.view import tile_size

    frame = read_frame(path)
    assert tile_size(frame, (640, 640)) == (640, 8)  # 2 x 2560 x 40 is flat; a tile has 8 rows at least
    tile = displayed(view(frame, plate_matrix(None, attributes={}), "premultiplied", (640, 40)))
    assert np.abs(tile - srgb(np.array(0.5))).max() < 1e-4


def test_the_pixel_aspect_and_the_box_hold(tmp_path: Path) -> None:
    from lookmatte.rendering.view import tile_size

    frame = read_frame(write_plate(tmp_path / "p.exr", colours(80, 40), attributes={"pixelAspectRatio": 2.0}))
    assert tile_size(frame, TILE) == (640, 640)
    for aspect in (1.0, float("nan"), 0.0, -3.0, "wide", None):
        frame.plate.attributes["pixelAspectRatio"] = aspect
        assert tile_size(frame, TILE) == (320, 640)


def test_a_style_between_keyframes_is_two_pictures(
    shot: Path, model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mask = np.zeros((40, 60, 3), np.uint8)
    mask[:, :30] = 255
    write_png(shot / "part.png", mask)
    (shot / "job.yaml").write_text(
        "plate: p.####.exr\noutput: out/look.####.exr\nregions:\n"
        "  car: {channel: mask.R, style: {1: {image: warm.png, matte: part.png}, 5: cold.png}}\n"
    )
    code, out, _ = previewed(monkeypatch, capsys, shot, "job.yaml", "--json", "--model", model)
    assert code == 0
    event = json.loads(out.splitlines()[-1])
    assert (event["event"], event["path"], event["frame"]) == ("preview", "job.preview.png", 3)
    styles = [str(shot / "warm.png"), str(shot / "cold.png")]
    assert event["regions"] == [{"name": "car", "tint": tint(0).hex, "styles": styles}]
    strip = strip_of(shot / "job.preview.png")
    _, regions, result = tiles(strip, 640, 480)
    plate = tiles(strip, 640, 480)[0]
    assert np.ptp(regions[:, 330:], axis=2).max() < BYTE  # without `rest` what is left has no tint
    assert np.abs(plate[:, 320:] - result[:, 320:]).max() < BYTE
    top = MARGIN + 480 + LINE + GAP + BORDER
    style = strip[top : top + 220, MARGIN + BORDER : MARGIN + BORDER + 330]
    assert luma(style[:, :160]).mean() > 4 * luma(style[:, 170:]).mean()  # what its matte leaves out is dim
    assert np.ptp(style[:, 170:], axis=2).max() < 2 * BYTE


def test_a_plate_needs_no_job(
    shot: Path, model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("p.####.exr", "--style", "warm.png", "--matte", "channel:mask.R", "--strength", "0", "--frame", "2")
    code, out, err = previewed(monkeypatch, capsys, shot, *words, "--model", model, "--quiet")
    assert (code, out, err) == (0, "p.preview.png\n", "")
    plate, _, result = tiles(strip_of(shot / "p.preview.png"), 640, 480)
    assert (plate == result).all()


@pytest.mark.parametrize(
    ("mask", "alpha", "said"),
    [(0.0, 1.0, "region 'car': the matte is empty in"), (1.0, 0.0, "alpha is 0 everywhere")],
)
def test_warnings_are_those_of_a_render(
    shot: Path,
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    mask: float,
    alpha: float,
    said: str,
) -> None:
    planes = {**colours(), "A": np.full((48, 64), alpha), "mask.R": np.full((48, 64), mask)}
    write_plate(shot / "p.0003.exr", planes)
    code, out, err = previewed(monkeypatch, capsys, shot, "job.yaml", "--quiet", "--model", model)
    assert (code, out) == (0, "job.preview.png\n")
    assert said in err
    assert "p.0003.exr" in err


# ---- what goes wrong --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["job.yaml", "--frame", "9"], ["--frame: 9 is not in the job", "there is: 1-5"]),
        (["job.yaml", "--frame", "one"], ["--frame", "'one'"]),
        (["job.yaml", "--frame", "1-3"], ["--frame", "'1-3'"]),
        (["job.yml"], ["no file", "nearest: job.yaml"]),
        (["job.yaml", "-o", "see.jpg"], ["see.jpg must end in .png"]),
        (["job.yaml", "-o", "folder.png"], ["folder.png is a folder"]),
        (["job.yaml", "-o", "./sub/../warm.png"], ["is an input", "write somewhere else"]),
        (["job.yaml", "-o", "link.png"], ["is an input", "cold.png"]),
        (["job.yaml", "-o", "job.yaml/see.png"], ["job.yaml"]),
        (["job.yaml", "--style", "warm.png"], ["--style", "write that in job.yaml"]),
        (["p.####.exr"], ["a plate needs --style"]),
        (["p.####.exr", "--style", "worm.png"], ["--style", "nearest: warm.png"]),
        (["p.####.exr", "--style", "warm.png", "--matte", "crypto:car"], ["there is no cryptomatte"]),
        (["p.####.exr", "--style", "warm.png", "--matte", "channel:mask.X"], ["'mask.X'", "nearest: mask.R"]),
        (["q.####.exr", "--style", "warm.png"], ["q.####.exr", "nearest"]),
        (["broken.exr", "--style", "warm.png"], ["broken.exr"]),
        (["job.yaml", "--model", "none.safetensors"], ["none.safetensors"]),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    shot: Path,
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    said: list[str],
) -> None:
    (shot / "folder.png").mkdir()
    (shot / "sub").mkdir()
    (shot / "link.png").symlink_to(shot / "cold.png")
    (shot / "broken.exr").write_bytes((shot / "p.0001.exr").read_bytes()[:700])
    before = sorted(shot.rglob("*"))
    given = [] if "--model" in words else ["--model", model]
    code, out, err = previewed(monkeypatch, capsys, shot, *words, *given)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("lookmatte: error: ")
    for part in said:
        assert part in err
    assert sorted(shot.rglob("*")) == before


def test_a_frame_that_is_missing_or_cut_off_is_named(
    shot: Path, model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (shot / "job.yaml").read_text()
    (shot / "job.yaml").write_text(text + "frames: 1-7\n")
    code, _, err = previewed(monkeypatch, capsys, shot, "job.yaml", "--frame", "6", "--model", model)
    assert code == 2
    assert "--frame: 6 is missing from the sequence; there is: 1-5" in err
    (shot / "p.0004.exr").write_bytes((shot / "p.0004.exr").read_bytes()[:3000])
    code, _, err = previewed(monkeypatch, capsys, shot, "job.yaml", "--frame", "4", "--model", model)
    assert (code, err.count("\n")) == (2, 1)
    assert "p.0004.exr" in err


# ---- sheets -----------------------------------------------------------------------------------------------


def test_every_region_has_a_colour_of_its_own() -> None:
    made = [tint(index) for index in range(40)]
    assert len({one.hex for one in [*made, REST_TINT]}) == 41
    assert len({one.name for one in made}) == 40
    first = np.array([one.rgb for one in [*made[:8], REST_TINT]])
    apart = np.linalg.norm(first[:, None] - first[None], axis=2) + np.eye(9) * 9
    assert apart.min() > 0.25
    assert all(0.0 <= value <= 1.0 for one in made for value in one.rgb)


def test_a_gallery_wraps_and_its_pictures_stay_inside() -> None:
    entries = [Entry(np.full((50, 90, 3), 1.0, np.float32), (1.0, 0.0, 0.0), "a" * 300, "b") for _ in range(5)]
    gallery = Gallery(entries, 220)
    assert [len(row) for row in gallery.rows] == [2, 2, 1]
    canvas = Canvas(240, gallery.height + 20)
    gallery.draw(canvas, 10, 10)
    pixels = canvas.pixels()
    assert ((pixels == 255).all(axis=2)).sum() == 5 * 50 * 90
    assert (pixels[:, :10] == pixels[0, 0]).all()
    assert (pixels[:, -10:] == pixels[0, 0]).all()
    assert Gallery([], 100).height == 0


def test_captions_are_cut_to_their_width_and_need_a_font(monkeypatch: pytest.MonkeyPatch) -> None:
    assert oiio.ImageBufAlgo.text_size("a", 20, sheet.FONT).defined  # it comes with the library
    canvas = Canvas(400, 60)
    end = canvas.text(10, 40, "a long name that does not fit", 20, (1.0, 1.0, 1.0), 100)
    assert 60 < end <= 110
    drawn = canvas.pixels()
    assert (drawn[:, 10:end] > 200).any()
    assert (drawn[:, 112:] == drawn[0, 0]).all()
    monkeypatch.setattr(sheet, "FONT", "NoSuchFont")
    bare = Canvas(400, 60)
    assert bare.text(10, 40, "name", 20, (1.0, 1.0, 1.0), 100) == 10
    assert (bare.pixels() == drawn[0, 0]).all()


def test_an_unreadable_style_is_an_input_error(tmp_path: Path) -> None:
    from lookmatte.job import StyleRef
    from lookmatte.rendering.view import style_picture

    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"a\.png"):
        style_picture(StyleRef(str(tmp_path / "a.png")), None)
