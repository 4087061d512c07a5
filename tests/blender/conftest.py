"""Starts cases inside real Blender modules, each in a process of its own with a time limit."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from blender_addon import build

REPOSITORY = Path(__file__).resolve().parents[2]
INSIDE = Path(__file__).with_name("inside") / "cases.py"
SECONDS = 240
VERSIONS = ("45", "50")


def blender_python(version: str) -> str:
    """The interpreter that has this bpy; skips the test where there is none."""
    folder = Path(os.environ.get("LOOKMATTE_BPY", REPOSITORY)) / f".venv-bpy{version}"
    if not any(folder.glob(".ready-*")):
        pytest.skip(f"no bpy {version[0]}.{version[1]} here; make blender-environments makes {folder.name}")
    return str(folder / "bin" / "python")


@dataclass(frozen=True)
class Told:
    """What a case said: ``folder`` is where it worked, ``values`` what it told, in order."""

    folder: Path
    values: tuple[dict[str, Any], ...]
    output: str

    def __getitem__(self, key: str) -> Any:
        """What was told last under this name."""
        return next(one[key] for one in reversed(self.values) if key in one)

    def attempt(self, what: str) -> dict[str, Any]:
        """What came of one attempt."""
        return next(one for one in self.values if one.get("attempt") == what)


def run_case(python: str, archive: Path, folder: Path, name: str, **extra: str) -> Told:
    """Run one case to its end in clean user resources; fails when it takes too long or does not end well."""
    user, work = folder / "user", folder / "work"
    user.mkdir()
    work.mkdir()
    worker = folder / "python"
    # The environment that an artist names: this one, with the lookmatte that is tested.
    worker.write_text(f'#!/bin/sh\nPYTHONPATH="{REPOSITORY / "core"}" exec "{sys.executable}" "$@"\n')
    worker.chmod(0o755)
    environment = {
        **os.environ, **extra, "BLENDER_USER_RESOURCES": str(user), "LOOKMATTE_TEST_PYTHON": str(worker),
    }  # fmt: skip
    environment.pop("PYTHONPATH", None)
    process = subprocess.Popen(
        [python, str(INSIDE), name, str(work), str(archive)],
        cwd=INSIDE.parent, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        output, _ = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        pytest.fail(f"{name} was not done after {SECONDS} seconds:\n{output[-4000:]}")
    told = tuple(json.loads(line[5:]) for line in output.splitlines() if line.startswith("TELL "))
    assert process.returncode == 0, output[-4000:]
    assert told, output[-4000:]
    assert told[-1] == {"ended": name}, output[-4000:]
    return Told(work, told, output)


@pytest.fixture(scope="session", params=VERSIONS)
def bpy_python(request: pytest.FixtureRequest) -> str:
    """An interpreter for each Blender."""
    return blender_python(request.param)


@pytest.fixture(scope="session")
def archive(bpy_python: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The extension's zip, built and validated with this Blender's own tool."""
    path = tmp_path_factory.mktemp("extension") / "lookmatte_blender.zip"
    build.build(bpy_python, path)
    return path


@pytest.fixture
def case(bpy_python: str, archive: Path, tmp_path: Path) -> Callable[..., Told]:
    """Run a case by its name: ``case("keeping")``."""

    def run(name: str, **extra: str) -> Told:
        return run_case(bpy_python, archive, tmp_path, name, **extra)

    return run
