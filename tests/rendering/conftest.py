"""A model for the tests: untrained, but with a residual and a guide that do something."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from shots import Nursery, Shot, make_shot

from lookmatte.networks.model import Model


@pytest.fixture(scope="session")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(7)
    model = Model()
    with torch.no_grad():
        for head in (model.predictor.local, model.predictor.overall):
            head.weight.mul_(20.0)
        model.guide.w2.normal_(std=0.2)
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    model.save(path)
    return path


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
