"""Sequences, frame ranges, and outputs that would overwrite an input."""

from __future__ import annotations

import errno
import os
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookmatte.errors import InputError
from lookmatte.imaging import patience
from lookmatte.imaging.sequence import (
    MAX_FRAMES,
    Sequence,
    collides,
    describe_frames,
    first_collision,
    parse_frames,
)


@pytest.mark.parametrize(
    ("pattern", "first", "long"),
    [
        ("a/sh.####.exr", "sh.0007.exr", "sh.12345.exr"),
        ("a/sh.@@@@.exr", "sh.0007.exr", "sh.12345.exr"),
        ("a/sh.%04d.exr", "sh.0007.exr", "sh.12345.exr"),
        ("a/sh.$F4.exr", "sh.0007.exr", "sh.12345.exr"),
        ("a/sh.$F.exr", "sh.7.exr", "sh.12345.exr"),
        ("a/sh.%d.exr", "sh.7.exr", "sh.12345.exr"),
        ("a/sh.#.exr", "sh.7.exr", "sh.12345.exr"),
        ("a/##_####.exr", "##_0007.exr", "##_12345.exr"),
        ("a####/%04d/v2.####.exr", "v2.0007.exr", "v2.12345.exr"),
        ("####.exr", "0007.exr", "12345.exr"),
        ("a/still.1001.exr", "still.1001.exr", "still.1001.exr"),
    ],
)
def test_paddings(tmp_path: Path, pattern: str, first: str, long: str) -> None:
    sequence = Sequence.parse(pattern, tmp_path)
    folder = (tmp_path / pattern).parent
    assert sequence.path(7) == folder / first
    assert sequence.path(12345) == folder / long
    assert str(sequence) == str(tmp_path / pattern)
    folder.mkdir(parents=True, exist_ok=True)
    sequence.path(7).touch()
    sequence.path(12345).touch()
    assert sequence.on_disk() == ([1001] if sequence.is_still else [7, 12345])
    assert sequence.require() == sequence.on_disk()


def test_an_absolute_pattern_ignores_the_base(tmp_path: Path) -> None:
    assert Sequence.parse(str(tmp_path / "a.##.exr"), Path("/else")).path(3) == tmp_path / "a.03.exr"


def test_only_files_of_this_padding_count(tmp_path: Path) -> None:
    others = ("a.00003.exr", "a.0004.exr.tmp", "b.0005.exr", "a.x0006.exr", "A.0007.exr")
    for name in ("a.0001.exr", "a.2.exr", *others):
        (tmp_path / name).touch()
    assert Sequence.parse("a.####.exr", tmp_path).on_disk() == [1]
    assert Sequence.parse("a.#.exr", tmp_path).on_disk() == [2]


def test_holes_are_reported(tmp_path: Path) -> None:
    for frame in (1, 2, 5):
        (tmp_path / f"a.{frame:04d}.exr").touch()
    sequence = Sequence.parse("a.####.exr", tmp_path)
    assert sequence.missing(parse_frames("1-6")) == [3, 4, 6]
    assert describe_frames([6, 3, 4]) == "3-4,6"


@pytest.mark.parametrize("name", ["a.-0005.exr", "a.-005.exr"])
@pytest.mark.parametrize("pattern", ["a.####.exr", "a.%04d.exr"])
def test_negative_frames_are_found_in_either_spelling(tmp_path: Path, name: str, pattern: str) -> None:
    (tmp_path / name).touch()
    sequence = Sequence.parse(pattern, tmp_path)
    assert sequence.on_disk() == [-5]
    assert sequence.path(-5) == tmp_path / name


def test_a_still_serves_every_frame(tmp_path: Path) -> None:
    still = Sequence.parse("matte.exr", tmp_path)
    assert still.missing([1, 2]) == [1, 2]
    (tmp_path / "matte.exr").touch()
    assert still.is_still
    assert still.on_disk() == [1]
    assert still.missing([1, 2]) == []
    assert still.path(99) == tmp_path / "matte.exr"


def test_nothing_found_names_what_is_near(tmp_path: Path) -> None:
    (tmp_path / "plates").mkdir()
    for frame in range(1001, 1005):
        (tmp_path / "plates" / f"sh010.{frame}.exr").touch()
    for pattern in ("plates/sh01.####.exr", "plates/sh010.####.ex", "plates/sh010.exr"):
        with pytest.raises(InputError, match=r"nearest: sh010\.####\.exr \(1001-1004\)"):
            Sequence.parse(pattern, tmp_path).require()
    with pytest.raises(InputError, match=r"no folder .*plate; nearest: plates"):
        Sequence.parse("plate/sh010.####.exr", tmp_path).require()
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no files"):
        Sequence.parse("empty/sh010.####.exr", tmp_path).require()


@pytest.mark.parametrize("pattern", ["", "  ", "plates/", "..", "/"])
def test_a_pattern_without_a_file_name_is_refused(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(InputError, match="names no file"):
        Sequence.parse(pattern, tmp_path)


@pytest.mark.parametrize(
    ("text", "frames"),
    [
        ("1001", [1001]),
        ("1001-1004", [1001, 1002, 1003, 1004]),
        ("1001-1007x3", [1001, 1004, 1007]),
        ("1001-1100x2, 1200", [*range(1001, 1101, 2), 1200]),
        ("-5--1", [-5, -4, -3, -2, -1]),
        ("-2-1", [-2, -1, 0, 1]),
        ("10-1x3", [10, 7, 4, 1]),
        ("10-1x-3", [10, 7, 4, 1]),
        ("5-5", [5]),
        ("3-5,1-4", [3, 4, 5, 1, 2]),
        (" 1 - 3 x 2 ", [1, 3]),
        ("1001–1003", [1001, 1002, 1003]),
    ],
)
def test_frame_ranges(text: str, frames: list[int]) -> None:
    parsed = parse_frames(text)
    assert list(parsed) == frames
    assert len(parsed) == len(frames)
    assert all(frame in parsed for frame in frames)
    assert max(frames) + 1 not in parsed


@pytest.mark.parametrize(
    "text", ["", ",", "1,,2", "a", "1-", "1-10y3", "1-10:2", "1-10x", "1-10x0", "1.5", "1-2-3", "9" * 5000, "nan"]
)
def test_malformed_ranges_show_an_example(text: str) -> None:
    with pytest.raises(InputError, match="1001-1100x2") as caught:
        parse_frames(text)
    assert len(str(caught.value)) < 300
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["1-100000000", "1-999999999", "-999999999-999999999", "1-600000,1-600000"])
def test_a_range_of_a_hundred_million_takes_no_memory(text: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="1,000,000 frames"):
            parse_frames(text)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
    assert len(parse_frames(f"1-{MAX_FRAMES}")) == MAX_FRAMES


@given(st.lists(st.integers(-3000, 3000), min_size=1, unique=True))
def test_described_frames_are_the_same_frames(frames: list[int]) -> None:
    text = describe_frames(frames)
    if "more" not in text:
        assert set(parse_frames(text)) == set(frames)


@given(st.integers(-99999, 99999), st.sampled_from(["%d", "%04d", "####", "@@", "$F3", "#"]))
def test_the_frame_in_a_path_is_read_back(frame: int, token: str) -> None:
    sequence = Sequence.parse(f"v2.{token}.exr", Path("/nowhere"))
    number = sequence.path(frame).name.removeprefix("v2.").removesuffix(".exr")
    assert int(number) == frame
    assert len(number.lstrip("-")) >= sequence.width - (frame < 0)


def test_an_output_that_is_an_input_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plate = tmp_path / "plates" / "a.1001.exr"
    plate.parent.mkdir()
    plate.write_text("x")
    (tmp_path / "link").symlink_to("plates", target_is_directory=True)
    (tmp_path / "soft.exr").symlink_to(plate)
    os.link(plate, tmp_path / "hard.exr")
    monkeypatch.chdir(tmp_path / "plates")
    spellings = (
        plate, Path("a.1001.exr"), tmp_path / "plates/../plates/./a.1001.exr", tmp_path / "link" / "a.1001.exr",
        tmp_path / "soft.exr", tmp_path / "hard.exr", tmp_path / "PLATES" / "A.1001.EXR",
    )  # fmt: skip
    for spelling in spellings:
        assert collides(spelling, [tmp_path / "other.exr", plate]) == plate
        assert collides(plate, [spelling]) == spelling
    assert collides(tmp_path / "a.1001.exr", [plate]) is None
    assert collides(tmp_path / "plates" / "a.1002.exr", [plate]) is None
    missing = tmp_path / "plates" / "a.1003.exr"  # not there yet: its folder's link still counts
    assert collides(tmp_path / "link" / "a.1003.exr", [missing]) == missing
    outputs = [tmp_path / "out.exr", Path("a.1001.exr")]
    assert first_collision(outputs, [plate]) == (Path("a.1001.exr"), plate)


def test_a_still_that_cannot_be_looked_at_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that does not answer has not said that there is none."""
    still = Sequence.parse("still.exr", tmp_path)
    (tmp_path / "still.exr").touch()
    real, failing = os.stat, 1

    def look(path: Any, *rest: Any, **keys: Any) -> os.stat_result:
        nonlocal failing
        if str(path).endswith("still.exr") and failing:
            failing -= 1
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(path, *rest, **keys)

    monkeypatch.setattr(patience, "WAITS", (0.0, 0.0))
    monkeypatch.setattr(os, "stat", look)
    assert still.on_disk() == [1]
    for ask in (still.on_disk, lambda: still.missing([1]), still.require):
        failing = 99
        with pytest.raises(InputError, match=r"still\.exr: cannot be looked at \(Input/output error\)"):
            ask()


def test_a_name_of_many_digits_costs_no_more_than_a_hint(tmp_path: Path) -> None:
    (tmp_path / f"{'7' * 40}.exr").touch()
    with pytest.raises(InputError, match=r"sh\.####\.exr: no file matches"):
        Sequence.parse("sh.####.exr", tmp_path).require()


@pytest.mark.parametrize("name", ["a\0b.exr", "\ud800.exr"])
def test_what_no_file_can_be_called_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="no file's name can hold"):
        Sequence.parse(name, tmp_path)
