"""Shots and the command, for the tests of rendering."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from shots import Nursery, Shot, make_model, make_shot


@pytest.fixture(scope="session")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("model") / "model.safetensors")


@pytest.fixture
def shot(tmp_path: Path, model_file: Path) -> Callable[..., Shot]:
    """``shot(frames, **options of make_shot)``: a shot in the test's own folder."""

    def make(frames: range = range(1, 2), **options: Any) -> Shot:
        return make_shot(tmp_path, model_file, frames, **options)

    return make


@pytest.fixture(scope="session")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    made = Nursery(tmp_path_factory.mktemp("nursery"))
    yield made
    made.close()


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory, model_file: Path) -> Shot:
    """Five frames that render well; every test takes a copy."""
    return make_shot(tmp_path_factory.mktemp("sound"), model_file, range(1, 6), size=(48, 36))


@pytest.fixture
def made(sound: Shot, tmp_path: Path) -> Shot:
    for path in sound.folder.rglob("*"):
        target = tmp_path / path.relative_to(sound.folder)
        if path.is_dir():
            target.mkdir(exist_ok=True)
        else:
            target.write_bytes(path.read_bytes())
    return Shot(tmp_path, sound.model, sound.frames)
