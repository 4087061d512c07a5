"""Frames as Open Job Description writes them: ``1001-1099:2`` is every second frame.

There ``:2`` is a step, which elsewhere is ``x2`` (and in fileseq ``:2`` is something else: stagger), and ranges
must not overlap. So neither syntax is read for the other without being told.

>>> to_openjd([1001, 1003, 1005, 1010])
'1001-1005:2,1010'
>>> from_openjd("1010-1001:-3,1020")
'1010-1001x-3,1020'
>>> chunks(list(range(1001, 1011)), 4)
[[1001, 1002, 1003, 1004], [1005, 1006, 1007], [1008, 1009, 1010]]
"""

from __future__ import annotations

from collections.abc import Iterable


def to_openjd(frames: Iterable[int]) -> str:
    """Frames, each once and in ascending order, as a range expression."""
    left = sorted(set(frames))
    spans: list[str] = []
    first = 0
    while first < len(left):
        behind = first + 1
        step = left[behind] - left[first] if behind < len(left) else 1
        while behind < len(left) and left[behind] - left[behind - 1] == step:
            behind += 1
        if behind - first < 3:
            spans.append(str(left[first]))
            behind = first + 1
        else:
            spans.append(f"{left[first]}-{left[behind - 1]}" + ("" if step == 1 else f":{step}"))
        first = behind
    return ",".join(spans)


def from_openjd(text: str) -> str:
    """A range expression in the syntax of ``--frames``."""
    return text.replace(":", "x")


def chunks(frames: list[int], size: int) -> list[list[int]]:
    """The frames in as few chunks of at most ``size`` as there must be, as even as they can be."""
    count = -(-len(frames) // size)
    small, larger = divmod(len(frames), max(count, 1))
    found, first = [], 0
    for index in range(count):
        last = first + small + (index < larger)
        found.append(frames[first:last])
        first = last
    return found
