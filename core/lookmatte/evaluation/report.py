"""The tables: aligned for a terminal, Markdown for a model's card."""

from __future__ import annotations

from collections.abc import Sequence

from lookmatte.evaluation import temporal
from lookmatte.evaluation.pictures import SIZE
from lookmatte.evaluation.summary import KINDS, MEASURES, Cell, Results, summarise

_DIGITS = {
    "style": 3, "swd": 2, "swd_ok": 2, "ssim_s": 3, "blotch": 2, "gain": 2, "clip": 1,
    "edge": 4, "line": 4, "warp": 3, "tcc": 3, "e_temporal": 4,
}  # fmt: skip
MEANINGS = {
    "style": "distance to the style in features of the judge, relative to the untouched picture; 0 is best",
    "swd": "distance of CIELAB colours to the style's; 0 is best",
    "swd_ok": "the same in OKLab, scaled alike",
    "ssim_s": "structure kept; 1 is best",
    "blotch": "colour blobs; 0 is best",
    "gain": "noise raised in smooth areas; 1 is neutral",
    "clip": "% of samples newly at an end of the range; 0 is best",
    "edge": "what a rough mask changes in a band around the true one's edges; 0 is best",
    "line": "how far a light or dark line stands out along those edges; 0 is best",
    "warp": "warping error relative to the plate's own; 1 is as steady as the plate",
    "tcc": "change from frame to frame like the plate's; 1 is best",
    "e_temporal": "change along the motion, rms; 0 is best",
}

Grid = list[list[str]]


def _grid(results: Results, methods: Sequence[str], kind: str, judge: str, between: str) -> Grid:
    """A table's cells as texts, the head first; columns that nothing was measured for are left out."""
    rows = {method: summarise(many) for method in methods if (many := results.of(method, kind))}
    there = [measure for measure in MEASURES if any(measure in cells for cells in rows.values())]
    head = ["method", "n", *(judge if measure == "style" else measure for measure in there)]
    return [head] + [
        [method, str(cells["style"].n), *(_text(cells.get(measure), measure, between) for measure in there)]
        for method, cells in rows.items()
    ]


def _text(cell: Cell | None, measure: str, between: str) -> str:
    if cell is None:
        return "-"
    digits = _DIGITS[measure]
    spread = "" if cell.error is None else f"{between}{cell.error:.{digits}f}"
    return f"{cell.value:.{digits}f}{spread}"


def terminal(results: Results, methods: Sequence[str], judge: str) -> str:
    """Every kind's table, aligned, with standard errors."""
    blocks = []
    for kind in results.present():
        grid = _grid(results, methods, kind, judge, "±")
        wide = [max(len(row[column]) for row in grid) for column in range(len(grid[0]))]
        lines = [KINDS[kind]]
        for row in grid:
            first, *others = row
            cells = (f"{text:>{width}}" for text, width in zip(others, wide[1:], strict=True))
            lines.append("  ".join(["", f"{first:<{wide[0]}}", *cells]))
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def markdown(results: Results, methods: Sequence[str], judge: tuple[str, str], remarks: Sequence[str]) -> str:
    """Every kind's table, what the columns mean, and remarks. ``judge``: its short name and its name."""
    lines: list[str] = []
    used: set[str] = set()
    for kind in results.present():
        head, *rows = _grid(results, methods, kind, judge[0], " ± ")
        used |= set(head)
        lines += [f"**{KINDS[kind].capitalize()}**", ""]
        for row in (head, ["---"] * len(head), *rows):
            lines.append("| " + " | ".join(row) + " |")
        lines.append("")
    said = [
        f"`{judge[0] if measure == 'style' else measure}`: {MEANINGS[measure]}."
        for measure in MEASURES
        if (judge[0] if measure == "style" else measure) in used
    ]
    sizes = f"Pictures are scored at {SIZE} pixels on their longer side" + (
        f", clips over time at {temporal.SIZE}." if "warp" in used else "."
    )
    lines += [f"{sizes} The judge of style: {judge[1]}. ± is the standard error over pairs.", "", " ".join(said)]
    lines += [line for remark in remarks for line in ("", remark)]
    return "\n".join(lines) + "\n"
