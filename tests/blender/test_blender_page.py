"""The artist's page says what is: every message that it quotes is in the code, every button has that name."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = (REPOSITORY / "docs" / "blender.md").read_text(encoding="utf-8")
TROUBLE = PAGE.partition("## When something is wrong")[2]
QUOTED = re.findall(r"^\| `([^`]+)` \|", TROUBLE, re.MULTILINE)


@cache
def texts() -> tuple[str, ...]:
    """Every text in the extension and in what it talks to, f-strings in the pieces between their values."""
    folders = (REPOSITORY / "blender_addon", REPOSITORY / "core" / "lookmatte")
    found = []
    for path in (path for folder in folders for path in sorted(folder.rglob("*.py"))):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        docstrings = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        found += [
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings
        ]
    return tuple(found)


def test_the_table_is_read() -> None:
    assert len(QUOTED) > 20


@pytest.mark.parametrize("message", QUOTED)
def test_a_quoted_message_is_in_the_code(message: str) -> None:
    for piece in (piece.strip(" ()'") for piece in message.split("…")):
        assert not piece or any(piece in text for text in texts()), piece


@pytest.mark.parametrize(
    "label",
    [
        "Preview", "Style Frames", "Final Frames", "Set Up Render", "Check", "Create Environment", "Environment",
        "Strength", "Edge", "Limit Exposure", "Everything Else", "Cryptomatte Name", "Matte File", "Whole Shot",
        "Each Frame", "Coherent", "Automatic", "Soft",
    ],
)  # fmt: skip
def test_what_is_pressed_has_that_name(label: str) -> None:
    assert label in PAGE
    assert label in texts()


def test_sentences_of_the_node_are_its_own() -> None:
    for sentence in ("settings have changed since", "it was rendered again since", "put it after this node"):
        assert sentence in PAGE
        assert any(sentence in text for text in texts())


def test_pictures_are_there_and_small() -> None:
    pictures = re.findall(r"\]\((images/[^)]+)\)", PAGE)
    assert len(pictures) == 2
    for name in pictures:
        assert 10_000 < (REPOSITORY / "docs" / name).stat().st_size < 150_000
