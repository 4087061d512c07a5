"""Rows as text: lines for a terminal, and a page of Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lookmatte.benchmarks.rows import Row
from lookmatte.imaging.wholefile import write_bytes


def number(value: float | None) -> str:
    """Three digits that count, without an exponent; ``-`` for what was not measured."""
    if value is None:
        return "-"
    digits = 0 if abs(value) >= 99.95 else 1 if abs(value) >= 9.995 else 2 if abs(value) >= 0.9995 else 3
    return f"{value:.{digits}f}"


def line(row: Row) -> str:
    """A row on a terminal."""
    if row.value is None:
        return f"  {row.id:<31} {'-':>7}  {row.note}"
    value, against = f"{number(row.value)} {row.unit}", f"{number(row.against)} {row.unit}"
    return f"  {row.id:<31} {number(row.ratio):>7}  {value:>12} : {against:<12} {row.floor}"


def markdown(groups: Sequence[tuple[str, Sequence[Row]]], facts: Sequence[str]) -> str:
    """A page: ``facts`` about the run, then a table a group, (title, rows)."""
    lines = ["# lookmatte bench", "", *(f"- {fact}" for fact in facts)]
    for title, rows in groups:
        lines += ["", f"## {title}", "", "| row | ratio | value | against | which is | note |"]
        lines.append("|---|---:|---:|---:|---|---|")
        for row in rows:
            value, against = (
                f"{number(one)} {row.unit}" if one is not None else "-" for one in (row.value, row.against)
            )
            cells = (f"`{row.id}`", number(row.ratio), value, against, row.floor, row.note)
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join([*lines, ""])


def write(folder: Path, files: dict[str, str]) -> list[Path]:
    """Write texts by name into a folder that is there; the paths."""
    for name, text in files.items():
        write_bytes(folder / name, text.encode("utf-8"))
    return [folder / name for name in files]
