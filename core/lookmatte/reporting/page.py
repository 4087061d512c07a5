"""The page: verdict first, then bad frames, then all of them over time. One file that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from lookmatte.reporting.report import Report, verdict_of
from lookmatte.reporting.section import Section

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
h2.shot{font-size:20px;border-top:1px solid #34373b;padding-top:24px;margin-top:48px}
a.shot{display:block;margin-top:14px;color:#d4d4d4;text-decoration:none}
a.shot{padding-left:10px;border-left:4px solid #2f6d44}
a.shot.worse{border-color:#c9922e}a.shot.worst{border-color:#d1403f}
.line{padding-left:10px;border-left:4px solid}.line.bad{border-color:#d1403f}.line.look{border-color:#c9922e}
.line+.frames{margin-top:12px}
figure.small{width:150px}figure.small figcaption{padding:3px 7px}
svg{display:block;width:100%;margin:4px 0}
.key{font-size:13px}.key i{display:inline-block;width:14px;height:3px;margin:0 5px 3px 14px;vertical-align:middle}
"""

_ORDER = ("worst", "worse", "good")


def page(title: str, reports: Sequence[Report]) -> str:
    """The whole page as HTML. Of several shots those with bad frames come first."""
    # Stable: shots that look alike stay in the order of their file.
    reports = sorted(reports, key=lambda report: _ORDER.index(report.mood))
    several = len(reports) > 1
    if not several and reports[0].shot is not None:
        title = f"{title} {reports[0].shot}"
    sections = [
        Section(report, prefix=f"s{index}" if several else "", shots=len(reports))
        for index, report in enumerate(reports, 1)
    ]
    parts = [
        "<!doctype html>",
        f'<html lang="en"><meta charset="utf-8"><title>{escape(title)}: lookmatte report</title>',
        f"<style>{_STYLE}</style>",
        f"<h1>{escape(title)}</h1>",
    ]
    if several:
        parts += _overview(reports, sections)
    for section in sections:
        parts += section.html()
    return "\n".join(parts) + "\n"


def _overview(reports: Sequence[Report], sections: Sequence[Section]) -> list[str]:
    """A line and a cell for every frame of every shot."""
    worst = reports[0].mood
    rows = [
        f'<a class="shot {report.mood}" href="#{section.anchor}"><b>{escape(str(report.shot))}</b> '
        f"{escape(report.verdict)}</a>{section.cells()}"
        for report, section in zip(reports, sections, strict=True)
    ]
    return [f'<p class="verdict {worst}">{escape(verdict_of(reports))}</p>', *rows]
