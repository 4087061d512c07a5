"""`lookmatte demo`: the shipped shot through the real render, and its contact sheet."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lookmatte import cli
from lookmatte.commands import demo
from lookmatte.errors import InputError
from lookmatte.imaging import sheet
from lookmatte.imaging.picture import read_picture, write_png
from lookmatte.imaging.reader import read_frame
from lookmatte.imaging.writer import new_part, write_parts_to
from lookmatte.job import Job
from lookmatte.rendering.contact import CELL, MARGIN, REBATE, contact_sheet, evenly

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture
def examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A shot of six tiny frames and its job, in place of the shipped one; the current folder is another."""
    folder = tmp_path / "examples"
    folder.mkdir()
    for frame in range(1001, 1007):
        level = np.full((27, 48), 0.1 * (frame - 1000), np.float32)
        half = np.zeros((27, 48), np.float32)
        half[:, :24] = 1.0
        part = new_part({"R": level, "G": level * 0.9, "B": level * 0.7, "mask": half})
        write_parts_to([part], folder / f"plate.{frame}.exr")
    noise = np.random.default_rng(3).integers(0, 60, (30, 45, 3))
    write_png(folder / "warm.png", (np.array([180, 90, 20]) + noise).astype(np.uint8))
    write_png(folder / "cold.png", (np.array([20, 60, 150]) + noise).astype(np.uint8))
    (folder / "job.yaml").write_text(
        "plate: plate.####.exr\noutput: never/look.####.exr\nregions:\n"
        "  car: {channel: mask, style: warm.png}\n  rest: {style: cold.png}\n"
    )
    monkeypatch.setattr(demo, "EXAMPLES", folder)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return folder


def test_the_shipped_shot_is_styled_where_one_stands(tmp_path: Path, model: Path) -> None:
    source = str(Path(cli.__file__).parents[1])
    ran = subprocess.run(
        [sys.executable, "-m", "lookmatte.cli", "demo", "--frames", "1001", "--model", str(model)],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": source, "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    said = dict(line.split(None, 1) for line in ran.stdout.replace("contact sheet", "sheet").splitlines())
    assert said["frames"] == str(Path("out", "demo", "look.####.exr"))
    assert said["took"].endswith(" s")
    command, verb, first = said["next"].split()
    assert (Path(command).name, verb, (tmp_path / first).is_file()) == ("lookmatte", "inspect", True)

    plate = read_frame(EXAMPLES / "shot" / "plate.1001.exr")
    look = read_frame(tmp_path / "out" / "demo" / "look.1001.exr")
    assert not any((look.pixels(key) == plate.pixels(key)).all() for key in plate.rgb)
    assert plate.alpha is not None
    assert (look.pixels(plate.alpha) == plate.pixels(plate.alpha)).all()
    assert not (tmp_path / "out" / "demo" / "look.1002.exr").exists()
    laid_out = read_picture(tmp_path / said["sheet"]).rgb
    names = {region.name: sheet.tint(index) for index, region in enumerate(Job.load(EXAMPLES / "job.yaml").regions)}
    assert len(names) >= 2
    for one in [*names.values(), sheet.REST_TINT]:  # each style in a frame of its region's colour
        assert (np.abs(laid_out - np.array(one.rgb)).max(axis=2) < 1 / 255).sum() > 2000


def test_the_sheet_has_the_plate_over_the_look(
    examples: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["demo", "-o", "made", "--model", str(model), "--json"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["frame"] for event in events if event["event"] == "frame_done"] == list(range(1001, 1007))
    last = events[-1]
    assert (last["event"], last["sheet"]) == ("demo", str(Path("made").absolute() / "contact_sheet.png"))
    assert not (examples / "never").exists()
    laid_out = read_picture(Path("made") / "contact_sheet.png").rgb
    height = CELL[0] * 27 // 48
    top = sheet.GAP + REBATE
    plates, looks = (
        laid_out[y : y + height, MARGIN : MARGIN + 4 * (CELL[0] + sheet.GAP)]
        for y in (top, top + height + 2 * REBATE + sheet.GAP)
    )
    columns = [index * (CELL[0] + sheet.GAP) for index in range(4)]
    reds = [plates[height // 2, x + 100, 0] for x in columns]
    linear = [0.1, 0.3, 0.4, 0.6]  # frames 1001, 1003, 1004, 1006
    assert np.abs(np.array(reds) - [1.055 * one ** (1 / 2.4) - 0.055 for one in linear]).max() < 1 / 255
    for x in columns:
        left, right = looks[height // 2, x + 100], looks[height // 2, x + CELL[0] - 100]
        assert left[0] > left[2]  # the car is warm
        assert right[2] > right[0]  # the rest is cold


def test_a_second_run_keeps_the_frames_and_makes_the_sheet_again(
    examples: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["demo", "--frames", "1001,1002", "--model", str(model), "--quiet"]) == 0
    look, laid_out = Path("out/demo/look.1001.exr"), Path("out/demo/contact_sheet.png")
    before, picture = look.stat().st_mtime_ns, laid_out.read_bytes()
    laid_out.unlink()
    assert cli.main(["demo", "--frames", "1001,1002", "--model", str(model), "--quiet"]) == 0
    assert look.stat().st_mtime_ns == before
    assert laid_out.read_bytes() == picture


def test_a_frame_that_fails_is_left_out_of_the_sheet(
    examples: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = examples / "plate.1003.exr"
    damaged.write_bytes(damaged.read_bytes()[:500])
    assert cli.main(["demo", "--model", str(model)]) == 1
    out, err = capsys.readouterr()
    assert "plate.1003.exr" in err
    assert "contact sheet" in out
    assert Path("out/demo/contact_sheet.png").is_file()


def test_without_the_examples_it_says_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "EXAMPLES", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    assert cli.main(["demo"]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "clone the repository and run make demo" in err
    assert list(tmp_path.iterdir()) == []


def test_an_output_that_is_a_file_is_an_error(
    examples: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("taken").write_text("")
    assert cli.main(["demo", "--output", "taken", "--model", str(model)]) == 2
    assert "taken is a file; a folder is needed there" in capsys.readouterr().err


def test_a_sheet_needs_a_frame(examples: Path) -> None:
    with pytest.raises(InputError, match="needs a frame"):
        contact_sheet(Job.load(examples / "job.yaml"), [])


def test_frames_are_chosen_evenly() -> None:
    assert evenly(range(1001, 1011)) == [1001, 1004, 1007, 1010]
    assert evenly(range(1, 13)) == [1, 5, 8, 12]
    assert evenly([3, 4]) == [3, 4]
