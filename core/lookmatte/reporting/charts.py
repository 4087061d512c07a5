"""Lines over time as SVG: small, sharp at every size, and without a script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 1000, 120
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 8, 10, 18
_STRIP = 18


FAINT, RULE, MARK = "#8a8d91", "#34373b", "#d1403f"


@dataclass(frozen=True)
class Line:
    """A value for each of some frames, and its colour. (Colours stand in the drawing itself: not every program that
    shows a page hands its style on.)"""

    values: Mapping[int, float]
    colour: str


class Axis:
    """Frames from left to right."""

    def __init__(self, frames: Sequence[int]) -> None:
        self.frames = sorted(frames)
        self._at = {frame: index for index, frame in enumerate(self.frames)}
        self._step = (WIDTH - _LEFT - _RIGHT) / max(len(self.frames), 1)

    def left(self, frame: int) -> float:
        """Where a frame begins."""
        return _LEFT + self._step * self._at[frame]

    def middle(self, frame: int) -> float:
        """Where its value is drawn."""
        return self.left(frame) + self._step / 2

    @property
    def step(self) -> float:
        """How wide a frame is."""
        return self._step


def chart(axis: Axis, lines: Sequence[Line], marked: Sequence[int] = (), unit: str = "", least: float = 0.0) -> str:
    """Lines over the frames; ``marked`` frames stand on a bar. The scale is from 0 to ``least``, or more."""
    top = max([least, *(value for line in lines for value in line.values.values())]) or 1.0
    parts = [_open(HEIGHT)]
    parts += [
        f'<rect fill="{MARK}" opacity=".35" x="{axis.left(frame):.1f}" y="{_TOP}" '
        f'width="{max(axis.step, 2.0):.1f}" height="{HEIGHT - _TOP - _BOTTOM}"/>'
        for frame in marked
    ]
    for share in (0.0, 0.5, 1.0):
        y = _y(share)
        parts.append(f'<path stroke="{RULE}" d="M{_LEFT} {y:.1f}H{WIDTH - _RIGHT}"/>')
        parts.append(_text(_LEFT - 6, y + 4, f"{share * top:.3g}{unit}", "end"))
    for line in lines:
        drawn = 'fill="none" stroke-width="1.6" stroke-linejoin="round" stroke-linecap="round"'
        parts.append(f'<path {drawn} stroke="{line.colour}" d="{_path(axis, line.values, top)}"/>')
    parts += _numbers(axis, HEIGHT - 4)
    return "".join([*parts, "</svg>"])


def strip(axis: Axis, rows: Sequence[tuple[str, Mapping[int, str]]]) -> str:
    """A row of colours each, one cell a frame; the frames' numbers below."""
    height = len(rows) * (_STRIP + 2) + _BOTTOM
    parts = [_open(height)]
    for index, (name, colours) in enumerate(rows):
        y = index * (_STRIP + 2)
        parts.append(_text(_LEFT - 6, y + 13, name, "end"))
        parts += [
            f'<rect x="{axis.left(frame):.2f}" y="{y}" width="{axis.step + 0.3:.2f}" height="{_STRIP}" '
            f'fill="{colour}"><title>{escape(name)} {frame}</title></rect>'
            for frame, colour in colours.items()
        ]
    parts += _numbers(axis, height - 4)
    return "".join([*parts, "</svg>"])


def _open(height: int) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img">'


def _y(share: float) -> float:
    return _TOP + (1.0 - share) * (HEIGHT - _TOP - _BOTTOM)


def _path(axis: Axis, values: Mapping[int, float], top: float) -> str:
    """One line through neighbouring frames; a frame without a value breaks it."""
    commands: list[str] = []
    joined = False
    for frame in axis.frames:
        if frame not in values:
            joined = False
            continue
        point = f"{axis.middle(frame):.1f} {_y(min(values[frame] / top, 1.0)):.1f}"
        commands.append(f"L{point}" if joined else f"M{point}h.1")
        joined = True
    return "".join(commands)


def _numbers(axis: Axis, y: int) -> list[str]:
    if not axis.frames:
        return []
    every = max(1, round(len(axis.frames) / 10))
    return [_text(axis.middle(frame), y, str(frame), "middle") for frame in axis.frames[::every]]


def _text(x: float, y: float, words: str, anchor: str) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} fill="{FAINT}" font-family="sans-serif" font-size="11">{escape(words)}</text>'
