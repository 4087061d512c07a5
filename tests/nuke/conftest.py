"""A fake Nuke with a script in it, and a real worker behind it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
sys.path[:0] = [str(HERE / "blink"), str(HERE.parent / "rendering")]

try:
    import tkinter
except ImportError:
    # test_tcl.py says so.
    collect_ignore_glob = ["test_nuke_*.py"]
else:
    assert tkinter
    import fakenuke

    fakenuke.install()

    from fakenuke.world import World, reset
    from lookmatte_nuke import bake, callbacks, session

from shots import Shot, make_shot  # noqa: E402

FRAMES = range(1001, 1007)


@pytest.fixture(scope="session")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The Python that a studio names: this one, with the lookmatte that is tested."""
    path = tmp_path_factory.mktemp("worker") / "python"
    path.write_text(f'#!/bin/sh\nPYTHONPATH="{REPOSITORY / "core"}" exec "{sys.executable}" "$@"\n')
    path.chmod(0o755)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    yield path
    session.close()


@pytest.fixture(scope="session")
def shot(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Shot:
    """Six frames with a cryptomatte of ``hero`` and ``car``; nobody writes here."""
    return make_shot(tmp_path_factory.mktemp("shot"), model, FRAMES)


@pytest.fixture(scope="session")
def clear(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Shot:
    """The same over nothing: alpha is coverage, and partial at edges."""
    return make_shot(tmp_path_factory.mktemp("clear"), model, FRAMES, background=False)


@cache
def _compiled(text: str, folder: Path) -> Any:
    from blink_compiled import Blink, compiler

    command = compiler()
    if command is None:
        pytest.skip("NOT PROVED: what the gizmo shows, for there is no C++ compiler here; `pip install ziglang`")
    kernel = folder / "played.blink"
    kernel.write_text(text, encoding="utf-8")
    return Blink.build(folder, command, text=kernel)


@pytest.fixture(scope="session")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Any]:
    folder = tmp_path_factory.mktemp("played")
    return lambda text: _compiled(text, folder)


@pytest.fixture
def nuke(
    worker: Path, kernels: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """Nuke's window, freshly started with the gizmo's folder on NUKE_PATH."""
    world = reset()
    world.plugin_path = [str(REPOSITORY / "nuke_gizmo")]
    world.compile_kernel = kernels
    callbacks.register()
    callbacks._looked.clear()
    monkeypatch.setenv(session.VARIABLE, str(worker))
    monkeypatch.delenv("OCIO", raising=False)
    yield world
    for run in list(bake._running.values()):
        run.work.cancel()
    bake._running.clear()
