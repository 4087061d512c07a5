"""A job from end to end: reading, baking, applying and writing, overlapped; whole frames or none."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from lookmatte.errors import FrameError, InputError, LookmatteError
from lookmatte.imaging.sequence import describe_frames, parse_frames
from lookmatte.imaging.writer import lossy_parts
from lookmatte.job import Job
from lookmatte.jobhash import bake_hash, job_hash
from lookmatte.jobpaths import check_paths
from lookmatte.looks.bake import Blend, FrameBake, resolve
from lookmatte.looks.baker import Baker
from lookmatte.looks.notices import Notice
from lookmatte.networks.model import Model
from lookmatte.progress import Progress, Silent
from lookmatte.rendering.apply import apply
from lookmatte.rendering.bakery import Bakery
from lookmatte.rendering.bands import undivided
from lookmatte.rendering.flow import BROKEN, Writer, ahead, internal_error
from lookmatte.rendering.outputs import Outputs
from lookmatte.rendering.pixels import PlatePixels
from lookmatte.rendering.remarks import Remark, Remarks, exposure_remarks, gathered_from_log
from lookmatte.rendering.settings import settings
from lookmatte.rendering.shot import LoadedFrame, Shot
from lookmatte.rendering.store import BakeHeader, BakeStore

Stage = Literal["render", "bake", "apply"]


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

    ``frames`` chooses among the job's frames which to write; baking covers what they need of the job's own
    frames, in order, so that the pixels do not depend on the choice. Frames that are there and were made by the
    same job from the same files and grids are skipped, unless ``overwrite`` (which in the stage `bake` bakes all
    anew). ``bake_dir`` holds the bake: by default a hidden folder beside the output. ``model`` is a file of
    weights instead of the shipped ones; the stage `apply` needs none when ``bake_dir`` is given. Raises
    InputError for what is wrong with the whole job, FrameError when none of its frames can be read; a bad frame
    is reported and the others go on.
    """
    told = progress or Silent()
    run = _Run(job, told, frames, overwrite, stage, bake_dir, model)
    # The networks are small: one thread each, while bands and files keep the other cores busy.
    with gathered_from_log(run.remarks.log), undivided():
        try:
            run.run()
        finally:
            run.remarks.tell()
    summary = run.summary
    told.done(len(summary.done), len(summary.skipped), len(summary.failed))
    return summary


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
        self.chosen = self._choose(frames)
        self.summary = RenderSummary()
        self.remarks = Remarks(progress.warning, progress.note)
        self.model: Model | None = None
        if stage == "apply" and bake_dir is not None and model is None:
            self.store = self._made_store(bake_dir)
        else:
            self.model = Model.load(model)
            identity = bake_hash(job, self.model.checksum)
            folder = bake_dir or self.shot.output.folder / ".lookmatte" / identity[:16]
            self.store = self._made_store(folder) if stage == "apply" else BakeStore(folder, self._header(identity))
        made_by = job_hash(job, self.store.header.model)
        self.outputs = Outputs(self.shot.output, made_by, self.shot.stamp, self.store.fingerprint)
        self._keys: dict[int, FrameBake] = {}

    def _choose(self, frames: str | None) -> list[int]:
        if frames is None:
            return list(self.shot.frames)
        if self.stage == "bake":
            raise InputError("--frames: a bake covers all frames of the job; write `frames` in the job instead")
        asked = set(parse_frames(frames))
        strange = sorted(asked - set(self.shot.frames))
        if strange:
            raise InputError(
                f"--frames: {describe_frames(strange)} not in the job; it has {describe_frames(self.shot.frames)}"
            )
        return sorted(asked)

    def _header(self, identity: str) -> BakeHeader:
        assert self.model is not None
        return BakeHeader(
            identity,
            self.model.checksum,
            self.shot.colour.space,
            tuple(tuple(float(value) for value in row) for row in self.shot.colour.matrix),
            self.model.guide_weights(),
            self.shot.regions,
            self.job.temporal.mode,
            self.job.temporal.subsample,
        )

    def _made_store(self, folder: Path) -> BakeStore:
        """The bake to apply: what made it is what it says of itself."""
        store = BakeStore.open(folder)
        if store.header.bake != bake_hash(self.job, store.header.model) or (
            self.model is not None and self.model.checksum != store.header.model
        ):
            raise InputError(
                f"{folder}: this bake was made by another job, style or model; run lookmatte bake again"
            )
        return store

    def run(self) -> None:
        """All stages that were asked for."""
        self._tell_of_the_shot()
        if self.stage != "bake":
            self.outputs.sweep()
        if self.stage == "apply":
            self._start(len(self.chosen), str(self.shot.output))
            self._apply_all(self._sort_out(self.chosen), {})
            return
        self._open_new()
        bakery = Bakery(self.shot, self.store, self._baker, self._met)
        bakery.prepare()
        if self.stage == "bake":
            self._bake_only(bakery)
        else:
            self._start(len(self.chosen), str(self.shot.output))
            self._render(bakery)

    def _tell_of_the_shot(self) -> None:
        holes = self.shot.holes
        if holes and self.job.frames is None:
            spans = [str(first) if first == last else f"{first}-{last}" for first, last in holes]
            more = f" and {len(spans) - 8} more ranges" if len(spans) > 8 else ""
            self.progress.warning(
                f"the sequence has holes: {','.join(spans[:8])}{more} missing from {self.shot.plate}"
            )
        for note in self.shot.colour.notes:
            self.progress.note(note)

    def _start(self, total: int, output: str) -> None:
        self.progress.start(total, stage=self.stage, output=output)

    def _open_new(self) -> None:
        """Take over what an earlier run baked, when it is the same bake; else begin an empty one."""
        store = self.store
        try:
            earlier: BakeStore | None = BakeStore.open(store.folder)
        except InputError:
            earlier = None
        if earlier is not None:
            if earlier.header.bake != store.header.bake or (self.overwrite and self.stage == "bake"):
                earlier.clear()
            else:
                store.keys, store.cuts, store.complete = earlier.keys, earlier.cuts, earlier.complete
        store.create(taken_over=earlier is not None)

    def _baker(self) -> Baker:
        assert self.model is not None

        def listen(notice: Notice) -> None:
            self.remarks.add(notice.frame, Remark.of(notice))

        return Baker(self.model, self.shot.looks(), self.job.temporal.mode, listen)

    # What is there already

    def _sort_out(self, frames: Iterable[int], unsure: Callable[[int], bool] = lambda _: False) -> list[int]:
        """Frames that must be made; the others are reported. Of those that are ``unsure`` it is not yet known
        which grids they take, so that a frame that is there may or may not be made again."""
        pending: list[int] = []
        for frame in frames:
            path = self.shot.output.path(frame)
            state = "absent" if self.overwrite else self.outputs.state(frame, unsure=unsure(frame))
            if state == "foreign":
                self._fail(frame, f"{path}: is there and was not made by lookmatte; use --overwrite, or move it")
            elif state == "current":
                self.summary.skipped.append(frame)
                self.progress.frame_skipped(frame, path)
            else:
                pending.append(frame)
        return pending

    def _fail(self, frame: int, message: str) -> None:
        self.summary.failed.append(frame)
        self.progress.frame_failed(frame, message)

    # Stages

    def _bake_only(self, bakery: Bakery) -> None:
        wanted = [frame for frame in bakery.frames if bakery.wanted(frame)]
        self._start(len(wanted) + len(self.shot.missing), str(self.store.folder))
        for frame in self.shot.missing:
            self._fail(frame, self.shot.missing_message(frame))
        todo = set(bakery.todo)
        for frame in wanted:
            if frame in bakery.failed:
                self._fail(frame, bakery.failed[frame])
            elif frame not in todo:
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
        bakery.finish()

    def _render(self, bakery: Bakery) -> None:
        temporal = self.job.temporal
        if temporal.subsample > 1 or temporal.mode == "shot":
            # Applying needs later key frames: bake first, from the key frames alone.
            self._walk(bakery.until(self.chosen[-1]), lambda loaded, _: bakery.feed(loaded), bakery.give_up)
            bakery.finish()
            self._apply_all(self._sort_out(self.chosen), bakery.failed)
            return
        # A frame's own grids are all that it takes: bake it and apply them while it is in memory.
        todo = set(bakery.todo)
        pending = set(self._sort_out(self.chosen, todo.__contains__))
        todo = {frame for frame in todo if frame <= max(pending, default=frame - 1)}
        for frame in sorted(pending & bakery.failed.keys()):
            pending.discard(frame)
            self._fail(frame, bakery.failed[frame])

        with self._writer() as writer:

            def handle(loaded: LoadedFrame, started: float) -> None:
                if loaded.number in todo:
                    bakery.feed(loaded)
                if loaded.number in pending and self._sort_out([loaded.number]):
                    self._apply(loaded, started, writer)

            def refuse(frame: int, message: str) -> None:
                if frame in todo and frame not in self.store.keys:
                    bakery.give_up(frame, message)
                if frame in pending:
                    self._fail(frame, message)

            self._walk(sorted(todo | pending), handle, refuse, todo.__contains__, pending.__contains__)
        bakery.finish()

    def _writer(self) -> Writer:
        def landed(frame: int, path: Path, seconds: float) -> None:
            self.summary.done.append(frame)
            self.progress.frame_done(frame, path, seconds)

        return Writer(landed, self._fail)

    def _apply_all(self, frames: list[int], failed: dict[int, str]) -> None:
        for frame in frames:
            if frame in failed:
                self._fail(frame, failed[frame])
        with self._writer() as writer:
            self._walk(
                [frame for frame in frames if frame not in failed],
                lambda loaded, started: self._apply(loaded, started, writer),
                self._fail,
                baking=lambda _: False,
                writing=lambda _: True,
            )

    def _walk(
        self,
        frames: Iterable[int],
        handle: Callable[[LoadedFrame, float], None],
        refuse: Callable[[int, str], None],
        baking: Callable[[int], bool] = lambda _: True,
        writing: Callable[[int], bool] = lambda _: False,
    ) -> None:
        """Read frames one ahead and handle each in order; one that cannot be read or handled is refused."""

        def load(frame: int) -> LoadedFrame:
            mattes: tuple[Blend, ...] = ("pixel", "grid") if baking(frame) else ("pixel",)
            return self.shot.load(frame, mattes=mattes, whole=writing(frame))

        for frame, reading, started in ahead(frames, load):
            try:
                handle(reading.result(), started)
            except LookmatteError as error:
                refuse(frame, str(error))
            except OSError as error:
                refuse(frame, f"{error.filename or self.shot.plate.path(frame)}: {error.strerror or error}")
            except BROKEN as error:
                refuse(frame, internal_error(self.shot.plate.path(frame), error))

    # One frame

    def _apply(self, loaded: LoadedFrame, started: float, writer: Writer) -> None:
        frame, store = loaded.number, self.store
        if self.stage == "apply" and not store.complete and frame > max(store.keys, default=frame):
            raise FrameError(f"the bake {store.folder} ends at frame {store.keys[-1]}; run lookmatte bake again")
        before, after, share = store.around(frame)
        early = self._key(before).with_mattes(store.load_mattes(frame))
        asked = settings(self.job, frame)
        for key in {before: early, after: self._key(after)}.values():
            for remark in exposure_remarks(key, asked):
                self.remarks.add(frame, remark)
        look = resolve(early, self._key(after), share, asked)
        pixels = apply(loaded.frame, look, loaded.mattes, colour=self.shot.colour, alpha=self.job.alpha)
        self._met(loaded, read=("pixel",))
        self._report(loaded, pixels)
        attributes = self.outputs.attributes(frame, loaded.stamp) | self._attributes()
        writer.write(frame, loaded.frame, self.shot.output.path(frame), attributes, started)

    def _met(self, loaded: LoadedFrame, read: tuple[Literal["pixel", "grid"], ...] = ("pixel", "grid")) -> None:
        """Gather what there is to say of a frame whose mattes were read."""
        for note in loaded.frame.notes:
            self.progress.note(note)
        for remark in loaded.remarks(read=read):
            self.remarks.add(loaded.number, remark)

    def _report(self, loaded: LoadedFrame, pixels: PlatePixels) -> None:
        for remark in pixels.remarks():
            self.remarks.add(loaded.number, remark)
        for index, compression in lossy_parts(loaded.frame.parts).items():
            part = loaded.frame.parts[index].name or "the picture"
            self.progress.note(f"{part}: {compression} compression loses precision; written as zip")

    def _key(self, frame: int) -> FrameBake:
        if frame not in self._keys:
            while len(self._keys) > 3:
                self._keys.pop(next(iter(self._keys)))
            self._keys[frame] = self.store.load(frame)
        return self._keys[frame]

    def _attributes(self) -> dict[str, str]:
        found = {
            "lookmatte:bake": self.store.header.bake,
            "lookmatte:model": self.store.header.model,
            "lookmatte:plateSpace": self.shot.colour.space,
        }
        if self.shot.colour.config_name:
            found["lookmatte:ocioConfig"] = self.shot.colour.config_name
        return found
