"""One shot on the page: its verdict, the frames to look at, all of them over time, and a contact sheet."""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from html import escape
from pathlib import Path

from lookmatte.imaging.sequence import describe_frames
from lookmatte.rendering.times import STAGES
from lookmatte.reporting.charts import Axis, Line, chart, strip
from lookmatte.reporting.judge import JUMP, flicker
from lookmatte.reporting.measures import Colour
from lookmatte.reporting.report import Report

SHEET = 240
"""Frames on the contact sheets of a page at most, shared out among its shots."""

LEAST = 12
"""Frames on a shot's contact sheet, however many shots there are."""

PICTURED = 100
"""Frames with findings that are shown of a shot; of more it says the same in lines."""

_INKS = {
    "look": "#7db4ff", "plate": "#8a8d91", "read": "#6ab187", "reduce": "#b39ddb", "bake": "#f4a261",
    "apply": "#7db4ff", "write": "#e57373", "broken": "#d1403f", "clipped": "#f4a261", "crushed": "#b39ddb",
}  # fmt: skip


class Section:
    """A shot's part of a page of ``shots``. Its marks begin with ``prefix``, which no other shot's do."""

    def __init__(self, report: Report, *, prefix: str = "", shots: int = 1) -> None:
        self._report = report
        self._prefix = prefix
        self._most = max(SHEET // shots, LEAST)
        self._several = shots > 1
        self._measured = {one.frame: one for one in report.frames}

    @property
    def anchor(self) -> str:
        """The mark of its beginning."""
        return f"{self._prefix}top"

    def html(self) -> list[str]:
        """All of it, in pieces."""
        report = self._report
        heading = [f'<h2 class="shot" id="{self.anchor}">{escape(str(report.shot))}</h2>'] if self._several else []
        parts = [
            *heading,
            f'<p class="quiet">{escape(str(report.output))}, frames {describe_frames(report.expected)}</p>',
            f'<p class="verdict {report.mood}">{escape(report.verdict)}</p>',
            self.cells(),
            *self._findings(),
        ]
        if report.frames:
            axis = Axis(report.expected)
            parts.append("<h2>Over time</h2>")
            for region in dict.fromkeys(name for one in report.frames for name in one.regions):
                parts += self._region(axis, region)
            parts += [*self._pixels(axis), *self._seconds(axis), *self._sheet()]
        return parts

    def cells(self) -> str:
        """A cell for every frame, which leads to what is said of it."""
        cells = "".join(
            f'<a class="{self._report.worst.get(frame, "fine")}" href="#{self._mark(self._place(frame))}" '
            f'title="{frame}"></a>'
            for frame in self._report.expected
        )
        return f'<div class="cells">{cells}</div>'

    def _mark(self, frame: int) -> str:
        return f"{self._prefix}f{frame}"

    def _place(self, frame: int) -> int:
        """The frame at whose mark something is said of a frame; of one that is nowhere, at the next one's."""
        if frame in self._in_lines:
            return self._in_lines[frame]
        shown = self._pictured | set(self._sampled)
        return frame if frame in shown else min(shown, key=lambda one: abs(one - frame), default=frame)

    @cached_property
    def _pictured(self) -> set[int]:
        """The frames that are shown with their findings: the bad ones before the doubtful."""
        order = [frame for frame in (*self._report.bad, *self._report.doubtful) if frame in self._measured]
        return set(order[:PICTURED])

    @cached_property
    def _lines(self) -> dict[tuple[str, ...], list[int]]:
        """Frames with findings that are not shown, by what is said of them."""
        found: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for frame in (*self._report.bad, *self._report.doubtful):
            if frame not in self._pictured:
                found[self._reasons(frame)].append(frame)
        return found

    @cached_property
    def _in_lines(self) -> dict[int, int]:
        """Of a frame that is in a line, the frame whose mark the line has: its first."""
        return {frame: frames[0] for frames in self._lines.values() for frame in frames}

    def _reasons(self, frame: int) -> tuple[str, ...]:
        """What is said of a frame; without its own path, which says nothing beside its number."""
        path = self._report.output.path(frame)
        return tuple(one.text.removeprefix(f"{path}: ") for one in self._report.findings if one.frame == frame)

    def _findings(self) -> list[str]:
        if not self._report.findings:
            return []
        parts = ["<h2>Look at these</h2>"]
        for reasons, frames in self._lines.items():
            severity = self._report.worst[frames[0]]
            words = "; ".join(escape(reason) for reason in reasons)
            numbers = describe_frames(frames)
            parts.append(f'<p class="line {severity}" id="{self._mark(frames[0])}"><b>{numbers}</b> {words}</p>')
        figures = []
        for frame in (*self._report.bad, *self._report.doubtful):
            if frame not in self._pictured:
                continue
            one = self._measured[frame]
            words = "".join(f"<p>{escape(reason)}</p>" for reason in self._reasons(frame))
            figures.append(
                f'<figure class="{self._report.worst[frame]}" id="{self._mark(frame)}">'
                f'<div class="pair">{_picture(one.before)}{_picture(one.after)}</div>'
                f"<figcaption><b>{_link(one.path, str(frame))}</b>{words}</figcaption></figure>"
            )
        return [*parts, f'<div class="frames">{"".join(figures)}</div>']

    def _region(self, axis: Axis, region: str) -> list[str]:
        report = self._report
        there = [one for one in report.frames if region in one.regions]
        bends = flicker(report.frames, region)
        lines = [
            Line({frame: plate for frame, _, plate in bends}, _INKS["plate"]),
            Line({frame: look for frame, look, _ in bends}, _INKS["look"]),
        ]
        rows = [
            ("plate", {one.frame: _hex(one.regions[region].plate) for one in there}),
            ("look", {one.frame: _hex(one.regions[region].look) for one in there}),
        ]
        marked = [one.frame for one in report.findings if one.text.startswith(f"{region} jumps")]
        return [
            f"<h3>{escape(region)}</h3>",
            strip(axis, rows),
            _key(("look", "plate"), "flicker: how far the mean leaves its neighbours'"),
            chart(axis, lines, marked, least=JUMP),
        ]

    def _pixels(self, axis: Axis) -> list[str]:
        frames = self._report.frames
        counts = {
            name: {one.frame: 100.0 * float(getattr(one, name)) / one.pixels for one in frames}
            for name in ("broken", "clipped", "crushed")
        }
        lines = [Line(values, _INKS[name]) for name, values in counts.items()]
        marked = [one.frame for one in frames if one.broken]
        words = "pixels that the plate does not have so: NaN or infinite, at the largest half, without light"
        drawn = chart(axis, lines, marked, "%", 0.1)
        return ["<h3>Broken, clipped and crushed</h3>", _key(tuple(counts), words), drawn]

    def _seconds(self, axis: Axis) -> list[str]:
        known = self._report.seconds
        if not known:
            return []
        lines = [
            Line({frame: stages[stage] for frame, stages in known.items() if stage in stages}, _INKS[stage])
            for stage in STAGES
        ]
        return ["<h3>Seconds a frame</h3>", _key(STAGES, "each on its own thread"), chart(axis, lines, unit=" s")]

    @cached_property
    def _sampled(self) -> list[int]:
        """The frames of the contact sheet, evenly where they are too many."""
        there = list(self._measured)
        if len(there) <= self._most:
            return there
        return [there[round(index * (len(there) - 1) / (self._most - 1))] for index in range(self._most)]

    def _sheet(self) -> list[str]:
        figures = []
        for frame in self._sampled:
            one = self._measured[frame]
            taken = frame in self._pictured or frame in self._in_lines.values()
            anchor = "" if taken else f' id="{self._mark(frame)}"'
            figures.append(
                f'<figure class="small {self._report.worst.get(frame, "")}"{anchor}>{_picture(one.after)}'
                f"<figcaption>{_link(one.path, str(frame))}</figcaption></figure>"
            )
        total = len(self._measured)
        some = "" if len(figures) == total else f", {len(figures)} of {total}"
        return [f"<h2>Contact sheet{some}</h2>", f'<div class="frames">{"".join(figures)}</div>']


def _picture(jpeg: bytes) -> str:
    return f'<img alt="" src="data:image/jpeg;base64,{base64.b64encode(jpeg).decode("ascii")}">'


def _link(path: Path, text: str) -> str:
    return f'<a href="{escape(path.as_uri())}" title="{escape(str(path))}">{escape(text)}</a>'


def _key(kinds: Sequence[str], words: str) -> str:
    keys = "".join(f'<i style="background:{_INKS[kind]}"></i>{kind}' for kind in kinds)
    return f'<p class="key"><span class="quiet">{escape(words)}</span>{keys}</p>'


def _hex(colour: Colour) -> str:
    """A colour in the working encoding as a screen shows it."""
    return "#" + "".join(f"{round(255 * min(max(value, 0.0), 1.0)):02x}" for value in colour)
