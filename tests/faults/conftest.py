"""What can go wrong around lookmatte, made to go wrong.

``make faults`` sets LOOKMATTE_FAULTS, with which tests mount file systems, kill 200 times where 10 kills do else,
and try every fault where some do; what was counted is printed at its end.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "rendering"))

from processes import COUNTS, LINUX, Nursery, build_preload, compiler
from shots import Plane, Shot, make_model, make_shot


@pytest.fixture(scope="session")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("model") / "model.safetensors")


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory, model_file: Path) -> Shot:
    """Five small frames with one object, rendered undisturbed into ``whole``."""
    made = make_shot(tmp_path_factory.mktemp("sound"), model_file, range(1, 6), size=(32, 24), objects=("hero",))
    made.render("whole")
    return made


@pytest.fixture
def made(sound: Shot, tmp_path: Path) -> Shot:
    """The test's own copy of ``sound``, without what was rendered."""
    for name in ("plate", "sky"):
        shutil.copytree(sound.folder / name, tmp_path / name)
    for path in sound.folder.glob("*.png"):
        shutil.copy2(path, tmp_path)
    return Shot(tmp_path, sound.model, sound.frames, sound.objects)


@pytest.fixture(scope="session")
def whole(sound: Shot) -> dict[int, dict[str, Plane]]:
    """The pixels of an undisturbed render."""
    return sound.written("whole")


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    if not LINUX:
        pytest.skip("needs Linux")
    made = Nursery()
    yield made
    made.close()


@pytest.fixture(scope="session")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """A nursery whose children's system calls can be made to fail: see preload/fault.c."""
    if not LINUX or compiler() is None:
        pytest.skip("needs Linux and a C compiler")
    made = Nursery(build_preload(tmp_path_factory.mktemp("preload")))
    yield made
    made.close()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    for what, count in sorted(COUNTS.items()):
        terminalreporter.write_line(f"{count:6d} {what}")
