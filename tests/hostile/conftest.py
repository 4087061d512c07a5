"""Shots and weights, as the tests of rendering have them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "rendering"))

from shots import Shot, make_model, make_shot


@pytest.fixture(scope="session")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("model") / "model.safetensors")


@pytest.fixture
def shot(tmp_path: Path, model_file: Path) -> Callable[..., Shot]:
    """``shot(frames)``: a small shot with one object in a folder of the test's own."""

    def make(frames: range = range(1, 4), **options: Any) -> Shot:
        folder = tmp_path / "shot"
        return make_shot(folder, model_file, frames, **{"size": (32, 24), "objects": ("hero",), **options})

    return make
