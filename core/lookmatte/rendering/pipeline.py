"""A job from end to end: reading, baking, applying and writing, overlapped; whole frames or none."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from lookmatte.errors import FrameError, InputError, LookmatteError
from lookmatte.imaging.reader import read_header
from lookmatte.imaging.sequence import describe_frames, parse_frames
from lookmatte.imaging.writer import lossy_parts, write_frame
from lookmatte.job import Job
from lookmatte.jobhash import bake_hash, job_hash
from lookmatte.jobpaths import check_paths
from lookmatte.looks.bake import FrameBake, Setting, resolve
from lookmatte.looks.baker import Baker
from lookmatte.networks.model import Model
from lookmatte.progress import Progress, Silent
from lookmatte.rendering.apply import apply
from lookmatte.rendering.bakery import Bakery
from lookmatte.rendering.proxy import REST
from lookmatte.rendering.shot import LoadedFrame, Shot
from lookmatte.rendering.store import BakeHeader, BakeStore

Stage = Literal["render", "bake", "apply"]

_JOB, _INPUTS = "lookmatte:job", "lookmatte:inputs"


@dataclass
class RenderSummary:
    """The frames of a run, each in one list."""

    done: list[int] = field(default_factory=list)
    skipped: list[int] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)


def render(
    job: Job,
    *,
    progress: Progress | None = None,
    frames: str | None = None,
    overwrite: bool = False,
    stage: Stage = "render",
    bake_dir: Path | None = None,
    model: Path | None = None,
) -> RenderSummary:
    """Run a job, or one stage of it, and tell ``progress`` what happens.

    ``frames`` chooses among the job's frames which to write; baking always covers what the job's own frames
    need, in order, so that the pixels do not depend on the choice. Frames that are there and were made by the
    same job from the same files are skipped, unless ``overwrite``. ``bake_dir`` holds the bake: by default a
    hidden folder beside the output. Raises InputError for what is wrong with the whole job; a bad frame is
    reported and the others go on.
    """
    return _Run(job, progress or Silent(), frames, overwrite, stage, bake_dir, model).run()


class _Run:
    def __init__(
        self,
        job: Job,
        progress: Progress,
        frames: str | None,
        overwrite: bool,
        stage: Stage,
        bake_dir: Path | None,
        model: Path | None,
    ) -> None:
        check_paths(job)
        self.job, self.progress, self.stage, self.overwrite = job, progress, stage, overwrite
        self.shot = Shot(job)
        self.model = Model.load(model)
        checksum = self.model.checksum
        self.hash = job_hash(job, checksum)
        self.summary = RenderSummary()
        self.chosen = self._choose(frames)
        identity = bake_hash(job, checksum)
        self.folder = bake_dir or self.shot.output.folder / ".lookmatte" / identity[:16]
        self.header = BakeHeader(
            identity,
            checksum,
            self.shot.colour.space,
            tuple(tuple(float(value) for value in row) for row in self.shot.colour.matrix),
            self.model.guide_weights(),
            self.shot.regions,
            job.temporal.mode,
            job.temporal.subsample,
        )
        self._loaded_key: dict[int, FrameBake] = {}

    def _choose(self, frames: str | None) -> list[int]:
        if frames is None:
            return list(self.shot.frames)
        asked = set(parse_frames(frames))
        strange = sorted(asked - set(self.shot.frames))
        if strange:
            raise InputError(
                f"--frames: {describe_frames(strange)} not in the job; it has {describe_frames(self.shot.frames)}"
            )
        return sorted(asked)

    def run(self) -> RenderSummary:
        """All stages that were asked for."""
        output = str(self.folder) if self.stage == "bake" else str(self.shot.output)
        holes = self.shot.plate.missing(range(self.shot.frames[0], self.shot.frames[-1] + 1))
        if holes and self.job.frames is None:
            self.progress.warning(
                f"the sequence has holes: {describe_frames(holes)} missing from {self.shot.plate}"
            )
        for note in self.shot.colour.notes:
            self.progress.note(note)
        pending = [] if self.stage == "bake" else self._pending()
        if self.stage == "bake":
            self._bake_only(output)
        elif self.stage == "apply":
            store = self._open_store()
            self.progress.start(len(self.chosen), stage=self.stage, output=output)
            self._tell_skipped(pending)
            self._apply_all(store, pending)
        else:
            self.progress.start(len(self.chosen), stage=self.stage, output=output)
            self._tell_skipped(pending)
            if pending:
                self._render(pending)
        summary = self.summary
        self.progress.done(len(summary.done), len(summary.skipped), len(summary.failed))
        return summary

    # What is there already

    def _pending(self) -> list[int]:
        """Chosen frames that must be made. A file that lookmatte did not make is not touched unasked."""
        pending: list[int] = []
        self._foreign: list[tuple[int, str]] = []
        for frame in self.chosen:
            path = self.shot.output.path(frame)
            state = "absent" if self.overwrite or not path.exists() else self._state(path, frame)
            if state == "foreign":
                self._foreign.append(
                    (frame, f"{path}: is there and was not made by lookmatte; use --overwrite, or another output")
                )
            elif state == "current":
                self.summary.skipped.append(frame)
            else:
                pending.append(frame)
        return pending

    def _state(self, path: Path, frame: int) -> str:
        try:
            attributes = read_header(path).parts[0].attributes
        except FrameError:
            return "foreign"
        if _JOB not in attributes:
            return "foreign"
        same = attributes[_JOB] == self.hash and attributes.get(_INPUTS) == self.shot.stamp(frame)
        return "current" if same else "stale"

    def _tell_skipped(self, pending: list[int]) -> None:
        for frame in self.summary.skipped:
            self.progress.frame_skipped(frame, self.shot.output.path(frame))
        for frame, message in self._foreign:
            self._fail(frame, message)

    def _fail(self, frame: int, message: str) -> None:
        self.summary.failed.append(frame)
        self.progress.frame_failed(frame, message)

    # Stores

    def _new_store(self) -> BakeStore:
        store = BakeStore(self.folder, self.header)
        try:
            earlier = BakeStore.open(self.folder)
            if earlier.header.bake == self.header.bake:
                store.keys, store.cuts = earlier.keys, earlier.cuts
            else:
                earlier.clear()
        except InputError:
            pass
        store.create()
        return store

    def _open_store(self) -> BakeStore:
        store = BakeStore.open(self.folder)
        if store.header.bake != self.header.bake:
            raise InputError(
                f"{self.folder}: this bake was made by another job, style or model; run lookmatte bake again"
            )
        return store

    # Stages

    def _bake_only(self, output: str) -> None:
        store = self._new_store()
        bakery = self._bakery(store)
        self.progress.start(len(bakery.frames) + len(self.shot.missing), stage=self.stage, output=output)
        for frame in self.shot.missing:
            self._fail(frame, f"{self.shot.plate.path(frame)}: missing from the sequence")
        todo = set(bakery.todo)
        for frame in bakery.frames:
            if frame not in todo and bakery.wanted(frame):
                self.summary.skipped.append(frame)
                self.progress.frame_skipped(frame, None)

        def handle(loaded: LoadedFrame, started: float) -> None:
            bakery.feed(loaded)
            self.summary.done.append(loaded.number)
            self.progress.frame_done(loaded.number, None, time.perf_counter() - started)

        def refuse(frame: int, message: str) -> None:
            bakery.give_up(frame, message)
            self._fail(frame, message)

        self._walk(bakery.todo, handle, refuse)

    def _render(self, pending: list[int]) -> None:
        store = self._new_store()
        bakery = self._bakery(store)
        temporal = self.job.temporal
        if temporal.subsample > 1 or temporal.mode == "shot":
            # Applying needs later key frames: bake first, from the key frames alone.
            self._walk(bakery.todo, lambda loaded, _: bakery.feed(loaded), bakery.give_up)
            self._apply_all(store, pending)
            return
        todo, wanted = set(bakery.todo), set(pending)

        with _Writer(self) as writer:

            def handle(loaded: LoadedFrame, started: float) -> None:
                if loaded.number in todo:
                    bakery.feed(loaded)
                if loaded.number in wanted:
                    self._apply(store, loaded, started, writer)

            def refuse(frame: int, message: str) -> None:
                if frame in todo:
                    bakery.give_up(frame, message)
                if frame in wanted:
                    self._fail(frame, message)

            self._walk(sorted(todo | wanted), handle, refuse)

    def _bakery(self, store: BakeStore) -> Bakery:
        def baker() -> Baker:
            return Baker(self.model, self.shot.looks(), self.job.temporal.mode)

        return Bakery(self.shot, store, baker, self.progress.warning)

    def _apply_all(self, store: BakeStore, frames: list[int]) -> None:
        with _Writer(self) as writer:
            self._walk(frames, lambda loaded, started: self._apply(store, loaded, started, writer), self._fail)

    def _walk(
        self,
        frames: list[int],
        handle: Callable[[LoadedFrame, float], None],
        refuse: Callable[[int, str], None],
    ) -> None:
        """Read frames one ahead and handle each in order; one that cannot be read or handled is refused."""
        for frame, reading, started in _ahead(frames, self.shot.load):
            try:
                handle(reading.result(), started)
            except FrameError as error:
                refuse(frame, str(error))
            except InputError as error:
                refuse(frame, str(error))
            except OSError as error:
                refuse(frame, f"{error.filename or self.shot.plate.path(frame)}: {error.strerror or error}")

    def _apply(self, store: BakeStore, loaded: LoadedFrame, started: float, writer: _Writer) -> None:
        frame = loaded.number
        before, after, share = store.around(frame)
        early = self._key(store, before).with_mattes(store.load_mattes(frame))
        look = resolve(early, self._key(store, after), share, self._settings(frame))
        pixels = apply(loaded.frame, look, loaded.mattes, colour=self.shot.colour, alpha=self.job.alpha)
        self._report(loaded, pixels.nonfinite, pixels.opaque_seen)
        writer.write(loaded, self._attributes(loaded), started)

    def _report(self, loaded: LoadedFrame, nonfinite: int, opaque: bool) -> None:
        name = loaded.frame.path.name
        for note in loaded.notes():
            self.progress.warning(note)
        if nonfinite:
            self.progress.warning(f"{name}: {nonfinite} pixels are NaN or infinite; they stay as they are")
        if not opaque:
            self.progress.warning(
                f"{name}: alpha is 0 everywhere, so nothing is styled; "
                "write `alpha: ignore` in the job if it holds no coverage"
            )
        for index, compression in lossy_parts(loaded.frame.parts).items():
            part = loaded.frame.parts[index].name or "the picture"
            self.progress.note(f"{part}: {compression} compression loses precision; written as zip")

    def _key(self, store: BakeStore, frame: int) -> FrameBake:
        if frame not in self._loaded_key:
            while len(self._loaded_key) > 3:
                self._loaded_key.pop(next(iter(self._loaded_key)))
            self._loaded_key[frame] = store.load(frame)
        return self._loaded_key[frame]

    def _settings(self, frame: int) -> dict[str, Setting]:
        return {
            REST if region is self.job.rest else region.name: Setting(
                region.strength_at(frame), region.exposure_limit
            )
            for region in self.job.everything
        }

    def _attributes(self, loaded: LoadedFrame) -> dict[str, str]:
        found = {
            _JOB: self.hash,
            _INPUTS: loaded.stamp,
            "lookmatte:bake": self.header.bake,
            "lookmatte:model": self.header.model,
            "lookmatte:plateSpace": self.shot.colour.space,
        }
        if self.shot.colour.config_name:
            found["lookmatte:ocioConfig"] = self.shot.colour.config_name
        return found


def _ahead(
    frames: list[int], load: Callable[[int], LoadedFrame]
) -> Iterator[tuple[int, Future[LoadedFrame], float]]:
    """Each frame with its reading, which began while the frame before was worked on."""
    with ThreadPoolExecutor(1, "lookmatte-read") as pool:
        queue: deque[tuple[int, Future[LoadedFrame], float]] = deque()
        left = iter(frames)

        def submit() -> None:
            frame = next(left, None)
            if frame is not None:
                queue.append((frame, pool.submit(load, frame), time.perf_counter()))

        try:
            submit()
            while queue:
                current = queue.popleft()
                submit()
                yield current
                del current
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


class _Writer:
    """Writes one frame while the next is worked on. Leaving waits for the frame in flight."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._pool = ThreadPoolExecutor(1, "lookmatte-write")
        self._flying: tuple[int, Future[float]] | None = None

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._land()
        finally:
            self._pool.shutdown(wait=True)

    def write(self, loaded: LoadedFrame, attributes: dict[str, str], started: float) -> None:
        """Write a frame; the one before must have landed."""
        self._land()
        path = self._run.shot.output.path(loaded.number)
        frame = loaded.frame

        def work() -> float:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_frame(frame, path, attributes=attributes)
            return time.perf_counter() - started

        self._flying = (loaded.number, self._pool.submit(work))

    def _land(self) -> None:
        if self._flying is None:
            return
        (frame, future), self._flying = self._flying, None
        run = self._run
        path = run.shot.output.path(frame)
        try:
            seconds = future.result()
        except LookmatteError as error:
            run._fail(frame, str(error))
        except OSError as error:
            run._fail(frame, f"{path}: cannot be written ({error.strerror or error})")
        else:
            run.summary.done.append(frame)
            run.progress.frame_done(frame, path, seconds)
