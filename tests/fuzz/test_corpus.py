"""Every input that fuzzing has kept is refused in a line, or taken."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fuzz.seeds import CORPUS
from tests.fuzz.targets import TARGETS, run

KEPT = sorted(path for path in CORPUS.rglob("*") if path.is_file())


def test_every_parser_has_a_corpus() -> None:
    assert {path.parent.name for path in KEPT} == set(TARGETS)


@pytest.mark.parametrize("path", KEPT, ids=lambda path: f"{path.parent.name}-{path.name[:12]}")
def test_kept_inputs_are_bugs_no_more(path: Path) -> None:
    run(TARGETS[path.parent.name], path.read_bytes())
