"""The plot: bars of ratios to what each was measured against, as SVG, legible on light and dark pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from lookmatte.benchmarks.report import number
from lookmatte.benchmarks.rows import Row

_WIDTH, _LABELS, _RIGHT = 760, 236, 62
_BAR, _STEP, _HEAD, _FOOT = 14, 22, 44, 18
_STYLE = (
    "text{font:12px system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;fill:#24292f}"
    ".t{font-weight:600;font-size:13px}.s{fill:#57606a}.v{font-weight:600}"
    ".p{fill:#fff;stroke:#d0d7de}.b{fill:#2f81f7}.w{fill:#8c959f;fill-opacity:.25}.f{stroke:#d1570a;stroke-width:1.5}.g{fill:#d1570a}"
    "@media(prefers-color-scheme:dark){.p{fill:#0d1117;stroke:#30363d}text{fill:#e6edf3}.s{fill:#9da7b3}.f{stroke:#ff9b57}.g{fill:#ff9b57}}"
)


@dataclass(frozen=True)
class Panel:
    """Bars on one scale: ``title``, what 1 is, and (row's id, label)."""

    title: str
    one: str
    bars: tuple[tuple[str, str], ...]


PANELS = (
    Panel(
        "Applying a look to a decoded frame, times memcpy",
        "memcpy",
        (
            ("apply_1080p_r1", "1080p, 1 region"),
            ("apply_4k_r1", "4K, 1 region"),
            ("apply_4k_r1_half", "4K, 1 region, half"),
            ("apply_4k_r1_grid", "4K, 1 region, rough matte"),
            ("apply_4k_r4", "4K, 4 regions side by side"),
            ("apply_4k_r4_overlap", "4K, 4 regions, all everywhere"),
            ("apply_8k_r1", "8K, 1 region"),
            ("apply_8k_r8", "8K, 8 regions side by side"),
        ),
    ),
    Panel(
        "Predicting a region's grid, as a fraction of VGG-19",
        "VGG-19",
        (("lowres_vs_vgg19", "one region"), ("lowres_vs_vgg19_r4", "four regions, each")),
    ),
    Panel(
        "A 4K EXR job, times reading and writing its files",
        "files alone",
        (("job_4k_vs_io", "half RGBA, zip"), ("job_4k_vs_io_piz", "half RGBA, piz")),
    ),
)


def plot(rows: Sequence[Row], panels: Sequence[Panel] = PANELS) -> str:
    """An SVG of the panels' rows; those that were not measured are left out."""
    ratios = {row.id: row.ratio for row in rows}
    body: list[str] = []
    top = 12.0
    for panel in panels:
        bars = [(label, ratio) for name, label in panel.bars if (ratio := ratios.get(name)) is not None]
        if bars:
            body.append(_panel(panel, bars, top))
            top += _HEAD + _STEP * len(bars) + _FOOT
    device = next((row.device for row in rows), "")
    body.append(f'<text class="s" fill="#57606a" x="12" y="{top + 6:.0f}">{escape(device)}</text>')
    height = top + 20
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:.0f}" width="{_WIDTH}" '
        f'height="{height:.0f}" role="img" aria-label="Costs as ratios to their floors">\n'
        f"<style>{_STYLE}</style>\n"
        f'<rect class="p" fill="#fff" stroke="#d0d7de" x=".5" y=".5" width="{_WIDTH - 1}" '
        f'height="{height - 1:.0f}" rx="6"/>\n' + "\n".join(body) + "\n</svg>\n"
    )


def _panel(panel: Panel, bars: Sequence[tuple[str, float]], top: float) -> str:
    room = _WIDTH - _LABELS - _RIGHT
    scale = room / max(1.0, *(ratio for _, ratio in bars)) / 1.02
    one, first = _LABELS + scale, top + _HEAD
    parts = [
        f'<text class="t" fill="#24292f" font-weight="600" x="12" y="{top + 14:.0f}">{escape(panel.title)}</text>'
    ]
    for index, (label, ratio) in enumerate(bars):
        y = first + _STEP * index
        width, base = ratio * scale, y + _BAR - 3
        parts += [
            f'<text x="{_LABELS - 10}" y="{base:.0f}" text-anchor="end" fill="#24292f">{escape(label)}</text>',
            f'<rect class="w" fill="#8c959f" fill-opacity=".25" x="{_LABELS}" y="{y:.0f}" width="{room}" '
            f'height="{_BAR}" rx="2"/>',
            f'<rect class="b" fill="#2f81f7" x="{_LABELS}" y="{y:.0f}" width="{max(width, 1.0):.1f}" '
            f'height="{_BAR}" rx="2"/>',
            f'<text class="v" fill="#24292f" font-weight="600" x="{_LABELS + room + 8}" y="{base:.0f}">'
            f"{number(ratio)}</text>",
        ]
    end = first + _STEP * (len(bars) - 1) + _BAR + 4
    anchor = "end" if one > _WIDTH - _RIGHT - 80 else "start"
    parts += [
        f'<line class="f" stroke="#d1570a" stroke-width="1.5" x1="{one:.1f}" x2="{one:.1f}" '
        f'y1="{first - 5:.0f}" y2="{end:.0f}"/>',
        f'<text class="g" fill="#d1570a" x="{one - (1 if anchor == "start" else -1):.1f}" y="{first - 9:.0f}" '
        f'text-anchor="{anchor}">1 = {escape(panel.one)}</text>',
    ]
    return "\n".join(parts)
