"""Scores of many pairs as the numbers of a table, with their spread."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, TypeVar

import numpy as np

from lookmatte.evaluation import scores, temporal
from lookmatte.evaluation.scores import Scores
from lookmatte.evaluation.temporal import TemporalScores

KINDS = {"whole": "whole pictures", "regions": "pictures of regions", "clip": "clips", "all": "all pairs"}
EDGES = ("edge", "line")
MEASURES = (*scores.MEASURES, *EDGES, *temporal.MEASURES)
T = TypeVar("T")


@dataclass(frozen=True)
class EdgeScores:
    """What a rough mask did in a band around the true one's edges, see ``edges.py``; 0 is best."""

    edge: float
    line: float


@dataclass(frozen=True)
class Found:
    """What one method got for one pair; ``edges`` and ``temporal`` where they could be measured."""

    scores: Scores
    edges: EdgeScores | None = None
    temporal: TemporalScores | None = None

    def plain(self) -> dict[str, Any]:
        """As plain values, by measure."""
        values = asdict(self.scores)
        for more in (self.edges, self.temporal):
            if more is not None:
                values |= asdict(more)
        return values


@dataclass(frozen=True)
class Cell:
    """A number over ``n`` pairs, and its standard error; None for a single pair."""

    value: float
    error: float | None
    n: int


@dataclass
class Results:
    """What every method got, by pair, and what failed: (pair, method, message)."""

    kinds: dict[str, str] = field(default_factory=dict)
    found: dict[str, dict[str, Found]] = field(default_factory=dict)
    failures: list[tuple[str, str, str]] = field(default_factory=list)

    def of(self, method: str, kind: str) -> list[Found]:
        """What a method got for the pairs of a kind, or of all kinds."""
        return [
            row[method]
            for pair, row in self.found.items()
            if method in row and kind in ("all", self.kinds[pair])
        ]

    def present(self) -> list[str]:
        """The kinds that were scored; ``all`` only where they are several."""
        there = [kind for kind in KINDS if kind in {self.kinds[pair] for pair, row in self.found.items() if row}]
        return [*there, "all"] if len(there) > 1 else there


def summarise(many: Sequence[Found]) -> dict[str, Cell]:
    """Every measure that was taken, over many pairs."""
    cells = {
        measure: jackknife(partial(scores.value, measure), [one.scores for one in many])
        for measure in scores.MEASURES
    }
    for part, measures in (("edges", EDGES), ("temporal", temporal.MEASURES)):
        there = [found for one in many if (found := getattr(one, part)) is not None]
        for measure in measures if there else ():
            cells[measure] = jackknife(_mean, [float(getattr(found, measure)) for found in there])
    return cells


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))


def jackknife(statistic: Callable[[Sequence[T]], float], many: Sequence[T]) -> Cell:
    """A statistic and its standard error by leaving each pair out once (Quenouille 1956, Tukey 1958): for a mean it
    is the usual standard error, and it holds for ratios of sums as well."""
    whole, n = statistic(many), len(many)
    if n < 2:
        return Cell(whole, None, n)
    without = np.array([statistic([*many[:index], *many[index + 1 :]]) for index in range(n)])
    return Cell(whole, float(np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum())), n)


def as_json(results: Results, methods: Sequence[str], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Everything as plain values: facts, summary by kind and method, each pair, failures."""
    summary: dict[str, dict[str, Any]] = {}
    for kind in results.present():
        rows = {method: results.of(method, kind) for method in methods}
        summary[kind] = {
            method: {
                "n": len(many),
                "style_layers": scores.style_layers([one.scores for one in many]),
                **{name: {"value": cell.value, "error": cell.error} for name, cell in summarise(many).items()},
            }
            for method, many in rows.items()
            if many
        }
    return {
        **facts,
        "summary": summary,
        "pairs": [
            {
                "name": pair,
                "kind": results.kinds[pair],
                "methods": {method: found.plain() for method, found in row.items()},
            }
            for pair, row in results.found.items()
        ],
        "failed": [{"pair": pair, "method": method, "message": why} for pair, method, why in results.failures],
    }
