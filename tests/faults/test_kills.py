"""Killed at any moment, what is there is whole, and what is run again ends as if nothing had happened.

Ten kills by default, 200 with LOOKMATTE_FAULTS; LOOKMATTE_SEED chooses other moments.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from processes import ALL, COUNTS, Child, Nursery
from safetensors import safe_open
from shots import Shot, equal, make_shot, read_exr

from lookmatte.imaging.wholefile import temporary_of

KILLS = 200 if ALL else 10
SEED = int(os.environ.get("LOOKMATTE_SEED", "1"))
FRAMES = range(1001, 1017 if ALL else 1009)

# Name, keys of the job, and the commands that make it.
WAYS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("coherent", {}, ["render"]),
    ("rough", {"regions": {"sky": {"matte": "sky/sky.####.png", "style": "green.png"}}}, ["bake", "apply"]),
    ("shot", {"temporal": {"mode": "shot", "subsample": 4}}, ["render"]),
    ("between", {"temporal": {"mode": "frame", "subsample": 3}}, ["render"]),
][: 4 if ALL else 2]


@pytest.fixture(scope="module")
def long_shot(tmp_path_factory: pytest.TempPathFactory, model_file: Path) -> Shot:
    folder = tmp_path_factory.mktemp("kills")
    return make_shot(folder, model_file, FRAMES, size=(32, 24), objects=("hero",), cut=1005)


def finals(folders: list[Path]) -> Iterator[Path]:
    """All files that stand under their final names."""
    for folder in folders:
        for path in folder.rglob("*"):
            if temporary_of(path) is None and path.is_file():
                yield path


def check_whole(folders: list[Path]) -> int:
    """Every file is whole, to its last pixel; returns how many there are."""
    count = 0
    for path in finals(folders):
        if path.suffix == ".exr":
            read_exr(path)
        elif path.suffix == ".safetensors":
            with safe_open(str(path), "pt") as file:
                assert [file.get_tensor(name) for name in list(file.keys())]
        elif path.suffix == ".json":
            json.loads(path.read_text())
        count += 1
    return count


class Way:
    """One way to make a shot, again and again, killed or not."""

    def __init__(self, made: Shot, nursery: Nursery, name: str, keys: dict[str, Any], commands: list[str]) -> None:
        self.name, self.commands, self._made, self._nursery = name, commands, made, nursery
        self.job = made.save_job(f"{name}.yaml", name, **keys)
        self.folders = [made.folder / name, made.folder / f"{name}.bake"]
        self.run()
        self.pixels = made.written(name)
        self.files = check_whole(self.folders)
        assert len(self.pixels) == len(FRAMES)

    def clear(self) -> None:
        for folder in self.folders:
            shutil.rmtree(folder, ignore_errors=True)

    def run(self) -> None:
        """To its end."""
        for command in self.commands:
            assert self._start(command).wait() == (0, [], [])
        assert self._made.leftovers() == []

    def _start(self, command: str) -> Child:
        more = [] if command == "apply" else ["--model", self._made.model]
        return self._nursery.start(command, self.job, *more, "--quiet", cwd=self._made.folder)

    def kill(self, files: int, delay: float) -> bool:
        """Kill the command that runs ``delay`` seconds after so many files are there; False when none does."""
        for command in self.commands:
            child = self._start(command)
            while len(list(finals(self.folders))) < files and not child.ended():
                time.sleep(0.002)
            time.sleep(delay)
            child.kill()
            code, _, err = child.wait()
            assert (code, err) in ((-9, []), (0, []))
            if code == -9:
                return True
        return False


def test_no_kill_tears_a_file_or_changes_a_pixel(long_shot: Shot, nursery: Nursery) -> None:
    made, moments = long_shot, random.Random(SEED)
    ways = [Way(made, nursery, *way) for way in WAYS]
    kills = files = rounds = 0
    while kills < KILLS:
        way = ways[rounds % len(ways)]
        rounds += 1
        way.clear()
        before: set[int] = set()
        # What was killed is resumed, and killed again.
        for at in sorted(moments.randint(0, way.files) for _ in range(4)):
            if not way.kill(at, moments.uniform(0.0, 0.03 if at else 0.4)):
                break
            kills += 1
            files += check_whole(way.folders)
            there = made.written(way.name)
            assert equal(there, {frame: way.pixels[frame] for frame in there})
            assert before <= there.keys()
            before = set(there)
        way.run()
        assert equal(made.written(way.name), way.pixels)
    COUNTS["kills at random moments: no torn file, and the same pixels in the end"] += kills
    COUNTS["files that were read to their last byte after a kill"] += files
