"""What a run would read and write, frame by frame, before it does: known from names, sizes and headers."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lookmatte.bilateral.grid import DEPTH, HEIGHT, WIDTH
from lookmatte.errors import FrameError
from lookmatte.looks.proxy import PROXY
from lookmatte.rendering.bakery import Bakery
from lookmatte.rendering.outputs import KEPT, Outputs, State
from lookmatte.rendering.shot import Shot
from lookmatte.rendering.store import BakeStore

Stage = Literal["render", "bake", "apply"]
Action = Literal["make", "bake", "skip", "fail"]

UNSURE = "is there, and stays if its grids come out as they were"
REPLACES = "replaces the frame that is there"

_GRID_BYTES = 12 * DEPTH * HEIGHT * WIDTH * 4
_MATTE_BYTES = 4 * PROXY * PROXY * 4


@dataclass(frozen=True)
class File:
    """A file and its bytes; of one that is to be written, about as many."""

    path: Path
    bytes: int


@dataclass(frozen=True)
class FramePlan:
    """A frame: ``make`` it (and bake it, where that is lacking), ``bake`` it alone, ``skip`` or ``fail`` it, and in
    the two last cases ``why``; of one to be made ``UNSURE`` or ``REPLACES`` where a file stands in its place."""

    frame: int
    action: Action
    reads: tuple[File, ...] = ()
    writes: tuple[File, ...] = ()
    why: str = ""


@dataclass(frozen=True)
class Plan:
    """Frames in ascending order, what is read once for all of them, and the ``free`` bytes where frames go."""

    stage: Stage
    output: str
    once: tuple[File, ...]
    frames: tuple[FramePlan, ...]
    free: int

    def count(self, action: Action) -> int:
        """How many frames take this way."""
        return sum(one.action == action for one in self.frames)

    @property
    def reading(self) -> int:
        """Bytes to be read."""
        return sum(file.bytes for one in self.frames for file in one.reads) + sum(file.bytes for file in self.once)

    @property
    def writing(self) -> int:
        """About how many bytes are to be written."""
        return sum(file.bytes for one in self.frames for file in one.writes)


class Planner:
    """Plans a run that has been checked; ``bakery`` is None where nothing is baked. Nothing is written."""

    def __init__(
        self, shot: Shot, outputs: Outputs, store: BakeStore, bakery: Bakery | None, stage: Stage, overwrite: bool
    ) -> None:
        self._shot, self._outputs, self._store, self._bakery = shot, outputs, store, bakery
        self._stage, self._overwrite = stage, overwrite
        self._wanted = [frame for frame in bakery.frames if bakery.wanted(frame)] if bakery else []
        again = stage == "bake" and overwrite
        self._baking = frozenset(self._wanted if again else bakery.todo if bakery else ())
        self._failed = {frame: shot.missing_message(frame) for frame in shot.missing}
        self._failed.update(bakery.failed if bakery else {})

    def plan(self, chosen: Sequence[int]) -> Plan:
        """The plan for writing the ``chosen`` frames, or for baking all."""
        if self._stage == "bake":
            frames = [self._baked(frame) for frame in sorted({*self._wanted, *self._failed})]
            target, shown = self._store.folder, self._store.folder
        else:
            self._baking = self._needed(chosen)
            beside = [self._baked(frame) for frame in self._baking - set(chosen)]
            frames = sorted([*map(self._written, chosen), *beside], key=lambda one: one.frame)
            target, shown = self._outputs.sequence.folder, Path(str(self._outputs.sequence))
        once = tuple(_file(path) for path in self._references()) if self._baking else ()
        return Plan(self._stage, str(shown), once, tuple(frames), _free(target))

    def _needed(self, chosen: Sequence[int]) -> frozenset[int]:
        """Of the frames that lack grids those up to the last one that is to be written, or to the key behind it."""
        made = [frame for frame in chosen if self._is_open(frame)]
        if self._bakery is None or not made:
            return frozenset()
        last = max(made)
        behind = self._bakery.needed_key(last)
        return frozenset(frame for frame in self._baking if frame <= (last if behind is None else behind))

    def _is_open(self, frame: int) -> bool:
        """Is it to be written?"""
        with contextlib.suppress(FrameError):
            return frame not in self._failed and self._state(frame) in ("absent", "stale")
        return False

    def _state(self, frame: int) -> State:
        unsure = self._bakery is not None and self._bakery.is_unsure(frame)
        return "absent" if self._overwrite else self._outputs.state(frame, unsure=unsure)

    def _baked(self, frame: int) -> FramePlan:
        if frame in self._failed:
            return FramePlan(frame, "fail", why=self._failed[frame])
        if frame not in self._baking:
            return FramePlan(frame, "skip", why=f"its grids are in {self._store.folder}")
        return FramePlan(frame, "bake", tuple(self._reads(frame)), tuple(self._grids(frame)))

    def _written(self, frame: int) -> FramePlan:
        path = self._outputs.sequence.path(frame)
        try:
            state = self._state(frame)
        except FrameError as error:
            return FramePlan(frame, "fail", why=str(error))
        if state == "current":
            return FramePlan(frame, "skip", why=f"{path} is there already")
        if frame in self._failed:
            return FramePlan(frame, "fail", why=self._failed[frame])
        reads = tuple(self._reads(frame))
        if state in KEPT:
            # It is opened all the same where the frames behind it ask for its grids.
            grids = tuple(self._grids(frame))
            return FramePlan(frame, "fail", reads if grids else (), grids, f"{path}: {KEPT[state]}")
        # Channels and compression stay, so a frame takes about the room of its plate.
        writes = (File(path, reads[0].bytes), *self._grids(frame))
        why = REPLACES if state == "stale" or (self._overwrite and os.path.lexists(path)) else ""
        return FramePlan(frame, "make", reads, writes, UNSURE if self._may_stay(frame, state) else why)

    def _may_stay(self, frame: int, state: State) -> bool:
        """Is there nothing against the file that is there but grids that are baked anew?"""
        unsure = self._bakery is not None and self._bakery.is_unsure(frame)
        return state == "stale" and unsure and self._outputs.is_of_these(frame)

    def _reads(self, frame: int) -> Iterator[File]:
        """The plate, and the mattes: applying alone needs those of `pixel` regions."""
        yield _file(self._shot.plate.path(frame))
        for region in self._shot.job.regions:
            if region.name in self._shot.mattes and (frame in self._baking or region.blend == "pixel"):
                yield _file(self._shot.mattes[region.name].path(frame))

    def _grids(self, frame: int) -> Iterator[File]:
        if self._bakery is not None and frame in self._baking:
            for path in self._store.files(frame, key=self._bakery.is_key(frame)):
                yield File(path, _MATTE_BYTES if ".matte." in path.name else _GRID_BYTES)

    def _references(self) -> list[Path]:
        pictures = [picture for region in self._shot.job.everything for picture in region.style.pictures]
        return list(dict.fromkeys(Path(name) for one in pictures for name in (one.image, one.matte) if name))


def _file(path: Path) -> File:
    try:
        return File(path, path.stat().st_size)
    except OSError:
        return File(path, 0)


def _free(folder: Path) -> int:
    while not os.path.isdir(folder) and folder.parent != folder:
        folder = folder.parent
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 0
