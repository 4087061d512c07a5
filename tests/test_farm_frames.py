"""Frames in Open Job Description's syntax, judged by its own reader, and how they are cut into chunks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openjd.model import IntRangeExpr

from lookmatte.farm.frames import chunks, from_openjd, to_openjd
from lookmatte.imaging.sequence import parse_frames

_frames = st.lists(st.integers(-50, 200), min_size=1, max_size=60, unique=True).map(sorted)
_spans = st.builds(
    lambda first, count, step: list(range(first, first + count * step, step)),
    st.integers(-999, 9999),
    st.integers(1, 30),
    st.integers(1, 9),
)


@given(_frames | _spans)
def test_what_we_write_an_engine_reads(frames: list[int]) -> None:
    assert list(IntRangeExpr.from_str(to_openjd(frames))) == frames


@given(_frames | _spans)
def test_what_an_engine_writes_we_read(frames: list[int]) -> None:
    for text in (str(IntRangeExpr.from_list(frames)), to_openjd(frames)):
        assert sorted(parse_frames(from_openjd(text))) == frames


@pytest.mark.parametrize(
    ("text", "frames"),
    [("1001-1009:2", [1001, 1003, 1005, 1007, 1009]), ("10-1:-3", [1, 4, 7, 10]), ("-5--1:2,7", [-5, -3, -1, 7])],
)
def test_the_steps_of_engines_are_steps(text: str, frames: list[int]) -> None:
    assert sorted(parse_frames(from_openjd(text))) == sorted(IntRangeExpr.from_str(text)) == frames


@given(_frames, st.integers(1, 70))
def test_chunks_are_all_frames_in_order_and_even(frames: list[int], size: int) -> None:
    found = chunks(frames, size)
    assert [frame for chunk in found for frame in chunk] == frames
    lengths = [len(chunk) for chunk in found]
    assert max(lengths) <= size
    assert max(lengths) - min(lengths) <= 1
    assert len(found) == -(-len(frames) // size)
