"""The page: verdict first, then bad frames, then all of them over time. One file that needs nothing else."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from lookmatte.imaging.picture import jpeg_bytes
from lookmatte.imaging.sequence import describe_frames
from lookmatte.rendering.times import STAGES
from lookmatte.reporting.charts import Axis, Line, chart, strip
from lookmatte.reporting.judge import JUMP, Finding, flicker
from lookmatte.reporting.measures import Colour, FrameMeasures

SHEET = 240
"""Frames on the contact sheet at most; those with findings are there in any case."""

_STYLE = """
:root{color-scheme:dark}
body{background:#18191b;color:#d4d4d4;font:15px/1.45 system-ui,sans-serif}
body{margin:0 auto;max-width:1120px;padding:24px}
h1{font-size:22px;margin:0}h2{font-size:17px;margin:36px 0 8px}h3{font-size:15px;font-weight:600;margin:18px 0 4px}
p{margin:4px 0}.quiet{color:#8a8d91}a{color:#7db4ff}
.verdict{font-size:19px;margin:14px 0;padding:10px 14px;border-radius:6px}
.good{background:#1d3a26}.worse{background:#46371a}.worst{background:#4a1f20}
.cells{display:flex;flex-wrap:wrap;gap:2px;margin:10px 0}
.cells a{flex:1 0 6px;min-width:4px;max-width:26px;height:26px;border-radius:2px;background:#2f6d44}
.cells a.look{background:#c9922e}.cells a.bad{background:#d1403f}
.frames{display:flex;flex-wrap:wrap;gap:12px}
figure{margin:0;width:262px;background:#222427;border-radius:6px;overflow:hidden;border:2px solid #222427}
figure.look{border-color:#c9922e}figure.bad{border-color:#d1403f}figure:target{border-color:#7db4ff}
figure img{display:block;width:100%}figure .pair{display:grid;gap:2px}
figcaption{padding:6px 9px;font-size:13px;overflow-wrap:anywhere}figcaption b{font-size:14px}
figure.small{width:150px}figure.small figcaption{padding:3px 7px}
svg{display:block;width:100%;margin:4px 0}
.key{font-size:13px}.key i{display:inline-block;width:14px;height:3px;margin:0 5px 3px 14px;vertical-align:middle}
"""
_INKS = {
    "look": "#7db4ff", "plate": "#8a8d91", "read": "#6ab187", "reduce": "#b39ddb", "bake": "#f4a261",
    "apply": "#7db4ff", "write": "#e57373", "broken": "#d1403f", "clipped": "#f4a261", "crushed": "#b39ddb",
}  # fmt: skip


@dataclass(frozen=True)
class Report:
    """All that a page shows. ``expected``: the job's frames; ``seconds``: by frame and stage, where known."""

    title: str
    output: str
    expected: Sequence[int]
    frames: Sequence[FrameMeasures]
    findings: Sequence[Finding]
    seconds: Mapping[int, Mapping[str, float]]

    @property
    def worst(self) -> dict[int, str]:
        """Frames with findings, and the class of the worst of each."""
        found: dict[int, str] = {}
        for one in self.findings:
            if found.get(one.frame) != "bad":
                found[one.frame] = one.severity
        return found

    @property
    def verdict(self) -> str:
        """One sentence."""
        worst, total = self.worst, len(self.expected)
        bad = [frame for frame, severity in worst.items() if severity == "bad"]
        doubtful = [frame for frame, severity in worst.items() if severity == "look"]
        frames = f"{total} frame{'' if total == 1 else 's'}"
        of = f"of {frames}"
        said = []
        if bad:
            said.append(f"{len(bad)} {of} {'is' if len(bad) == 1 else 'are'} bad ({describe_frames(bad)})")
        if doubtful:
            rest = "" if bad else f" {of}"
            said.append(f"{len(doubtful)}{rest} should be looked at ({describe_frames(doubtful)})")
        return "; ".join(said) if said else f"{frames}, nothing to complain of"


def page(report: Report) -> str:
    """The whole page as HTML."""
    axis = Axis(report.expected)
    worst = report.worst
    parts = [
        "<!doctype html>",
        f'<html lang="en"><meta charset="utf-8"><title>{escape(report.title)}: lookmatte report</title>',
        f"<style>{_STYLE}</style>",
        f"<h1>{escape(report.title)}</h1>",
        f'<p class="quiet">{escape(report.output)}, frames {describe_frames(report.expected)}</p>',
        f'<p class="verdict {_mood(worst)}">{escape(report.verdict)}</p>',
        _cells(report, worst),
        _findings(report),
        "<h2>Over time</h2>",
    ]
    for region in dict.fromkeys(name for one in report.frames for name in one.regions):
        parts += _region(axis, report, region)
    parts += _pixels(axis, report)
    parts += _seconds(axis, report)
    parts += _sheet(report, worst)
    return "\n".join(parts) + "\n"


def _mood(worst: Mapping[int, str]) -> str:
    return "worst" if "bad" in worst.values() else "worse" if worst else "good"


def _cells(report: Report, worst: Mapping[int, str]) -> str:
    cells = "".join(
        f'<a class="{worst.get(frame, "fine")}" href="#{_anchor(report, frame)}" title="{frame}"></a>'
        for frame in report.expected
    )
    return f'<div class="cells">{cells}</div>'


def _anchor(report: Report, frame: int) -> str:
    """Where a frame's picture is: with its findings, or on the sheet; frames that are on neither go to the next."""
    shown = report.worst.keys() | set(_sampled(report))
    return f"f{frame if frame in shown else min(shown, key=lambda one: abs(one - frame), default=frame)}"


def _findings(report: Report) -> str:
    if not report.findings:
        return ""
    measured = {one.frame: one for one in report.frames}
    figures = []
    for frame, severity in sorted(report.worst.items(), key=lambda item: (item[1] != "bad", item[0])):
        reasons = [one.text for one in report.findings if one.frame == frame]
        pair = "".join(_picture(picture) for picture in _pictures(measured.get(frame)))
        words = "".join(f"<p>{escape(reason)}</p>" for reason in reasons)
        name = _link(measured[frame].path, str(frame)) if frame in measured else str(frame)
        figures.append(
            f'<figure class="{severity}" id="f{frame}"><div class="pair">{pair}</div>'
            f"<figcaption><b>{name}</b>{words}</figcaption></figure>"
        )
    return f'<h2>Look at these</h2><div class="frames">{"".join(figures)}</div>'


def _pictures(one: FrameMeasures | None) -> list[bytes]:
    return [] if one is None else [jpeg_bytes(one.before), jpeg_bytes(one.after)]


def _picture(data: bytes) -> str:
    return f'<img alt="" src="data:image/jpeg;base64,{base64.b64encode(data).decode("ascii")}">'


def _link(path: Path, text: str) -> str:
    return f'<a href="{escape(path.as_uri())}" title="{escape(str(path))}">{escape(text)}</a>'


def _region(axis: Axis, report: Report, region: str) -> list[str]:
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


def _pixels(axis: Axis, report: Report) -> list[str]:
    counted = {
        name: {one.frame: 100.0 * float(getattr(one, name)) / one.pixels for one in report.frames}
        for name in ("broken", "clipped", "crushed")
    }
    lines = [Line(values, _INKS[name]) for name, values in counted.items()]
    marked = [one.frame for one in report.frames if one.broken]
    words = "pixels that the plate does not have so: NaN or infinite, at the largest half, without light"
    drawn = chart(axis, lines, marked, "%", 0.1)
    return ["<h3>Broken, clipped and crushed</h3>", _key(tuple(counted), words), drawn]


def _seconds(axis: Axis, report: Report) -> list[str]:
    known = {frame: stages for frame, stages in report.seconds.items() if frame in set(report.expected)}
    if not known:
        return []
    lines = [
        Line({frame: stages[stage] for frame, stages in known.items() if stage in stages}, _INKS[stage])
        for stage in STAGES
    ]
    return ["<h3>Seconds a frame</h3>", _key(STAGES, "each on its own thread"), chart(axis, lines, unit=" s")]


def _key(kinds: Sequence[str], words: str) -> str:
    keys = "".join(f'<i style="background:{_INKS[kind]}"></i>{kind}' for kind in kinds)
    return f'<p class="key"><span class="quiet">{escape(words)}</span>{keys}</p>'


def _sampled(report: Report) -> list[int]:
    """The frames of the contact sheet, evenly where they are too many."""
    there = [one.frame for one in report.frames]
    if len(there) <= SHEET:
        return there
    return [there[round(index * (len(there) - 1) / (SHEET - 1))] for index in range(SHEET)]


def _sheet(report: Report, worst: Mapping[int, str]) -> list[str]:
    chosen = set(_sampled(report))
    figures = []
    for one in report.frames:
        if one.frame in chosen:
            anchor = "" if one.frame in worst else f' id="f{one.frame}"'
            figures.append(
                f'<figure class="small {worst.get(one.frame, "")}"{anchor}>{_picture(jpeg_bytes(one.after))}'
                f"<figcaption>{_link(one.path, str(one.frame))}</figcaption></figure>"
            )
    some = "" if len(chosen) == len(report.frames) else f", {len(chosen)} of {len(report.frames)}"
    return [f"<h2>Contact sheet{some}</h2>", f'<div class="frames">{"".join(figures)}</div>'] if figures else []


def _hex(colour: Colour) -> str:
    """A colour in the working encoding as a screen shows it."""
    return "#" + "".join(f"{round(255 * min(max(value, 0.0), 1.0)):02x}" for value in colour)
