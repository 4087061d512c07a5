"""Every sort of bad input, through the real command: one clear line a culprit, the right exit code, every good
frame written, nothing half-written."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from shots import (
    LAYER,
    Nursery,
    Shot,
    manifest,
    paint,
    read_exr,
    whole_frames,
    write_exr,
    write_picture,
    write_plate,
)

Change = Callable[[Shot], dict[str, Any] | None]
Run = Callable[..., tuple[int, list[str]]]
SIZE = (48, 36)
FRAMES = range(1, 6)


@pytest.fixture
def run(nursery: Nursery) -> Run:
    def run(made: Shot, *words: object, **keys: Any) -> tuple[int, list[str]]:
        """Render the job with the command; exit code and lines on standard error (warnings and errors alone)."""
        job = made.save_job(**keys)
        ran = nursery.run("render", job, "--model", made.model, "--quiet", *words, cwd=made.folder)
        assert ran.stdout == ""
        assert "Traceback" not in ran.stderr
        assert made.leftovers() == []
        return ran.returncode, ran.stderr.replace(f"{made.folder}/", "").splitlines()

    return run


def truncated(made: Shot) -> None:
    data = made.plate(3).read_bytes()
    made.plate(3).write_bytes(data[: len(data) * 2 // 3])


def png_in_disguise(made: Shot) -> None:
    made.plate(3).write_bytes((made.folder / "red.png").read_bytes())


def damaged_pixels(made: Shot) -> None:
    data = bytearray(made.plate(3).read_bytes())
    middle = len(data) // 2
    data[middle : middle + 400] = bytes(255 - byte for byte in data[middle : middle + 400])
    made.plate(3).write_bytes(data)


def other_resolution(made: Shot) -> None:
    write_plate(made.plate(3), paint(64, 48, 3, background=True))


def empty_file(made: Shot) -> None:
    made.plate(3).write_bytes(b"")


def a_folder(made: Shot) -> None:
    made.plate(3).unlink()
    made.plate(3).mkdir()


def missing(made: Shot) -> None:
    made.plate(3).unlink()


def without_colour(made: Shot) -> None:
    write_exr(made.plate(3), {"Z": np.ones((36, 48), np.float32)})


def without_matte(made: Shot) -> None:
    (made.folder / "sky/sky.0003.png").unlink()


SKY = {"regions": {"sky": {"matte": "sky/sky.####.png", "style": "green.png"}}}


@pytest.mark.parametrize(
    ("change", "keys", "said"),
    [
        (truncated, {}, "plate/sh.0003.exr: is not whole ("),
        (png_in_disguise, {}, "plate/sh.0003.exr: is a PNG file; convert it to OpenEXR"),
        (damaged_pixels, {}, "plate/sh.0003.exr: "),
        (empty_file, {}, "plate/sh.0003.exr: is an empty file; render or copy it again"),
        (other_resolution, {}, "plate/sh.0003.exr: is 64x48, the shot is 48x36; render it as a job of its own"),
        (without_colour, {}, "sh.0003.exr: no red, green and blue to style; its channels are Z"),
        (missing, {"frames": "1-5"}, "plate/sh.0003.exr: missing from the sequence; nearest: sh.0004.exr"),
        (a_folder, {"frames": "1-5"}, "plate/sh.0003.exr: "),
        (without_matte, SKY, "sky/sky.0003.png: there is no such matte file"),
        (truncated, {"temporal": {"mode": "shot", "subsample": 2}}, "plate/sh.0003.exr: is not whole ("),
    ],
)  # fmt: skip
def test_a_bad_frame_fails_alone(made: Shot, run: Run, change: Change, keys: dict[str, Any], said: str) -> None:
    change(made)
    code, lines = run(made, **keys)
    assert len(lines) == 2, lines
    assert re.match(r"\[\d/5\] frame 3 FAILED: ", lines[0])
    assert said in lines[0]
    assert lines[1] == "4 done, 0 skipped, 1 failed"
    assert code == 1
    assert whole_frames(made) == [1, 2, 4, 5]


def test_a_first_frame_that_is_broken_fails_alone(made: Shot, run: Run) -> None:
    data = made.plate(1).read_bytes()
    made.plate(1).write_bytes(data[:-100])
    code, lines = run(made)
    assert (code, whole_frames(made)) == (1, [2, 3, 4, 5])
    assert len(lines) == 2


def test_when_all_frames_are_broken_each_is_named(made: Shot, run: Run) -> None:
    for frame in FRAMES:
        made.plate(frame).write_bytes(b"no image")
    code, lines = run(made)
    assert code == 1
    assert lines == [
        f"lookmatte: error: plate/sh.{frame:04d}.exr: is no OpenEXR file; convert it to OpenEXR" for frame in FRAMES
    ]
    assert not (made.folder / "out").exists()


def test_a_hole_on_disk_is_a_warning(made: Shot, run: Run) -> None:
    made.plate(3).unlink()
    code, lines = run(made)
    assert (code, whole_frames(made)) == (0, [1, 2, 4, 5])
    assert lines == ["warning: the sequence has holes: 3 missing from plate/sh.####.exr"]


def test_frames_far_apart_are_no_work(made: Shot, run: Run) -> None:
    made.plate(5).rename(made.folder / "plate/sh.400000000.exr")
    started = time.monotonic()
    code, lines = run(made, "--frames", "1")
    assert code == 0
    assert lines == ["warning: the sequence has holes: 5-399999999 missing from plate/sh.####.exr"]
    assert time.monotonic() - started < 60


def test_a_name_that_enters_late_is_fine(made: Shot, run: Run) -> None:
    for frame in (1, 2, 3, 4):
        picture = paint(*SIZE, frame, background=True)
        del picture.coverage["car"]
        write_plate(made.plate(frame), picture, names=("hero",))
    code, lines = run(made)
    assert (code, whole_frames(made)) == (0, list(FRAMES))
    assert lines == ["warning: region 'car': car covers no pixel in 4 frames (1-4)"]


def without_manifest(made: Shot, frame: int, names: tuple[str, ...], text: str | None = None) -> None:
    picture = paint(*SIZE, frame, background=True)
    picture.coverage = {name: picture.coverage[name] for name in names}
    header = manifest()
    key = next(name for name in header if name.endswith("/manifest"))
    write_plate(made.plate(frame), picture)
    from shots import cryptomatte

    channels = {name: picture.rgb[..., i].astype(np.float16) for i, name in enumerate("RGB")}
    del header[key]
    if text is not None:
        header[key] = text
    write_exr(made.plate(frame), {**channels, **cryptomatte(picture.coverage)}, header)


def test_a_name_without_a_manifest_that_enters_late_is_fine(made: Shot, run: Run) -> None:
    for frame in FRAMES:
        without_manifest(made, frame, ("hero",) if frame < 5 else ("hero", "car"))
    code, lines = run(made)
    assert (code, whole_frames(made)) == (0, list(FRAMES))
    assert lines == ["warning: region 'car': car covers no pixel in 4 frames (1-4)"]


def test_a_malformed_manifest_is_told_and_names_are_found_by_their_hash(made: Shot, run: Run) -> None:
    for frame in FRAMES:
        without_manifest(made, frame, ("hero", "car"), '{"hero": ')
    code, lines = run(made)
    assert (code, whole_frames(made)) == (0, list(FRAMES))
    assert len(lines) == 2
    for line, region in zip(lines, ("hero", "car"), strict=True):
        assert line.startswith(
            f"warning: region '{region}': cryptomatte {LAYER}: manifest embedded: not valid JSON ("
        )
        assert line.endswith(" in 5 frames (1-5)")


def test_a_malformed_manifest_cannot_answer_a_wildcard(made: Shot, run: Run) -> None:
    for frame in FRAMES:
        without_manifest(made, frame, ("hero", "car"), '{"hero": ')
    code, lines = run(made, regions={"x": {"cryptomatte": "he*", "style": "red.png"}})
    assert code == 2
    assert len(lines) == 1
    assert lines[0].startswith("lookmatte: error: regions.x: sh.0001.exr: no cryptomatte name matches 'he*'")
    assert "malformed" in lines[0]


def regions(**changes: Any) -> dict[str, Any]:
    return {"regions": {"hero": {"cryptomatte": "hero", "style": "red.png", **changes}}}


def one_pixel(made: Shot) -> dict[str, Any]:
    write_picture(made.folder / "dot.png", np.full((1, 1, 3), 90, np.uint8))
    return regions(style="dot.png")


def small_matte(made: Shot) -> dict[str, Any]:
    write_picture(made.folder / "small.png", np.full((9, 12), 255, np.uint8))
    return {"regions": {"all": {"matte": "small.png", "style": "red.png"}}}


@pytest.mark.parametrize("change", [one_pixel, small_matte])
def test_odd_input_is_not_bad_input(made: Shot, run: Run, change: Change) -> None:
    code, lines = run(made, **(change(made) or {}))
    assert code == 0
    assert all("dot.png is one colour" in line for line in lines)
    assert whole_frames(made) == list(FRAMES)


@pytest.mark.parametrize("blend", ["grid", "pixel"])
def test_an_empty_matte_is_one_warning(made: Shot, run: Run, blend: str) -> None:
    write_picture(made.folder / "black.png", np.zeros((36, 48), np.uint8))
    region = {"matte": "black.png", "style": "red.png", "blend": blend}
    code, lines = run(made, regions={"none": region})
    assert (code, lines) == (0, ["warning: region 'none': the matte is empty in 5 frames (1-5)"])
    for frame in FRAMES:
        plate, look = read_exr(made.plate(frame)), read_exr(made.output(frame))
        assert all(np.array_equal(plate[name], look[name]) for name in plate)


def empty_style(made: Shot) -> dict[str, Any]:
    (made.folder / "empty.png").write_bytes(b"")
    return regions(style="empty.png")


def text_style(made: Shot) -> dict[str, Any]:
    (made.folder / "text.png").write_text("once upon a time")
    return regions(style="text.png")


def nan_style(made: Shot) -> dict[str, Any]:
    write_exr(made.folder / "nan.exr", {name: np.full((4, 4), np.nan, np.float32) for name in "RGB"})
    return regions(style="nan.exr")


def black_style_matte(made: Shot) -> dict[str, Any]:
    write_picture(made.folder / "black.png", np.zeros((48, 48), np.uint8))
    return regions(style={"image": "red.png", "matte": "black.png"})


def folder_in_the_way(made: Shot) -> dict[str, Any]:
    (made.folder / "out").write_text("a file")
    return {}


def linked(made: Shot) -> dict[str, Any]:
    (made.folder / "way").symlink_to(made.folder / "plate")
    return {"output": "way/sh.####.exr"}


def hard_linked(made: Shot) -> dict[str, Any]:
    (made.folder / "out").mkdir()
    os.link(made.plate(2), made.output(2))
    return {}


def bake_in_the_way(made: Shot) -> dict[str, Any]:
    (made.folder / "out").mkdir()
    (made.folder / "out/.lookmatte").write_text("a file")
    return {}


def always(**keys: Any) -> Change:
    return lambda _: keys


UNKNOWN = f"regions.hero: sh.0001.exr: no cryptomatte name is 'heroo' in {LAYER}; nearest: hero"
TAKEN = "is an input (plate/sh.0001.exr); write somewhere else"
BAD_INPUT: list[tuple[Change, str]] = [
    (always(**regions(cryptomatte="heroo")), UNKNOWN),
    (always(**regions(layer="objct")), f"sh.0001.exr: no cryptomatte layer 'objct'; there is: {LAYER}"),
    (always(**regions(cryptomatte="<5e1b2c3d>", layer="no")), "sh.0001.exr: no cryptomatte layer 'no'"),
    (always(**regions(strength=float("nan"))), "job.yaml:1: regions.hero.strength: "),
    (always(**regions(strenght=1)), "job.yaml:1: regions.hero: unknown key 'strenght'; nearest: strength"),
    (always(**regions(style="gold.png")), "job.yaml:1: regions.hero.style: there is no file gold.png"),
    (empty_style, "empty.png: is an empty file"),
    (text_style, "text.png: is no picture that can be read"),
    (nan_style, "nan.exr: has no pixel that could be used"),
    (black_style_matte, "black.png: selects nothing of red.png; it is black everywhere"),
    (always(frames="1-100000000"), "frames: "),
    (always(frames="7-9"), "frames: none of 7-9 is on disk; the plate has 1-5"),
    (always(plate="plate/hs.####.exr"), "plate/hs.####.exr: no file matches; nearest: sh.####.exr (0001-0005)"),
    (always(plate="plat/sh.####.exr"), "plat/sh.####.exr: there is no folder plat; nearest: plate"),
    (always(color={"space": "ACEScgg"}), "color space 'ACEScgg'"),
    (always(color={"view": "Filmic Lug"}), "view 'Filmic Lug' is not in"),
    (always(output="plate/sh.####.exr"), f"output: plate/sh.0001.exr {TAKEN}"),
    (always(output="out/../plate/sh.####.exr"), TAKEN),
    (always(output="PLATE/SH.####.EXR"), TAKEN),
    (linked, TAKEN),
    (hard_linked, "output: out/look.0002.exr is an input (plate/sh.0002.exr); write somewhere else"),
    (always(output="out/look.####.png"), "output: out/look.####.png must end in .exr"),
    (folder_in_the_way, "output: out is a file; a folder is needed there"),
    (bake_in_the_way, "the bake's folder cannot be made"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "said"), BAD_INPUT)
def test_bad_input_ends_before_anything_is_written(made: Shot, run: Run, change: Change, said: str) -> None:
    before = {path: path.read_bytes() for path in made.folder.rglob("*.*") if path.is_file()}
    keys = change(made) or {}
    code, lines = run(made, **keys)
    assert code == 2, lines
    assert len(lines) == 1, lines
    assert lines[0].startswith("lookmatte: error: ")
    assert said in lines[0]
    assert all(path.read_bytes() == data for path, data in before.items())
    frames = [path for path in (made.folder / "out").glob("*.exr")] if (made.folder / "out").is_dir() else []
    assert len(frames) == (1 if change is hard_linked else 0)


def test_every_unknown_name_has_its_own_line(made: Shot, run: Run) -> None:
    code, lines = run(made, **regions(cryptomatte=["heroo", "kar", "car"]))
    assert code == 2
    assert lines == [
        f"lookmatte: error: {UNKNOWN}",
        f"lookmatte: error: regions.hero: sh.0001.exr: no cryptomatte name is 'kar' in {LAYER}; nearest: car",
    ]
