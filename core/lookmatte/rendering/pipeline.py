"""A job from end to end: reading, baking, applying and writing, overlapped; whole frames or none."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from lookmatte.bilateral.kernels import cpu_kernel, find_device
from lookmatte.errors import FrameError, InputError, LookmatteError
from lookmatte.imaging.sequence import describe_frames, parse_frames
from lookmatte.job import Job
from lookmatte.jobhash import job_hash
from lookmatte.jobpaths import check_paths
from lookmatte.looks.baker import Baker
from lookmatte.looks.notices import Notice
from lookmatte.looks.proxy import FrameProxy
from lookmatte.networks.model import Model
from lookmatte.progress import Progress, Silent
from lookmatte.rendering import bands
from lookmatte.rendering.bakeplaces import earlier_store, made_store, new_store, take_over
from lookmatte.rendering.bakery import BakeLost, Bakery
from lookmatte.rendering.claim import claimed
from lookmatte.rendering.flow import Crew, Flow
from lookmatte.rendering.ledger import Ledger
from lookmatte.rendering.order import Order
from lookmatte.rendering.outputs import KEPT, Outputs
from lookmatte.rendering.plan import Plan, Planner, Stage
from lookmatte.rendering.remarks import Remark, Remarks, gathered_from_log
from lookmatte.rendering.shot import LoadedFrame, Shot
from lookmatte.rendering.styling import Styled, Styler
from lookmatte.rendering.times import Times, timed


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
    device: str | None = None,
) -> RenderSummary:
    """Run a job, or one stage of it, and tell ``progress`` what happens.

    ``frames`` chooses among the job's frames which to write; baking covers what they need of the job's own
    frames, in order, so that the pixels do not depend on the choice. Frames that are there and were made by the
    same job from the same files and grids are skipped, unless ``overwrite`` (which in the stage `bake` bakes all
    anew). ``bake_dir`` holds the bake: by default a hidden folder beside the output. ``model`` is a file of
    weights instead of the shipped ones; the stage `apply` needs none when ``bake_dir`` is given. ``device``, "cuda"
    or "mps", styles frames there, to within 1e-3 of the working encoding; None or "cpu" where they are. Raises
    InputError for what is wrong with the whole job, FrameError when none of its frames can be read; a bad frame
    is reported and the others go on.
    """
    return Run(
        job,
        progress=progress,
        frames=frames,
        overwrite=overwrite,
        stage=stage,
        bake_dir=bake_dir,
        model=model,
        device=device,
    ).run()


@dataclass(frozen=True)
class _Seen:
    """A frame that was read, its proxy where it is to be baked, and the seconds that its stages have taken."""

    loaded: LoadedFrame
    proxy: FrameProxy | None
    seconds: dict[str, float]


class Run:
    """A job that has been checked against the disk and is ready to go; nothing is written before :meth:`run`.

    Takes what :func:`render` takes, and raises what that raises for the whole job.
    """

    def __init__(
        self,
        job: Job,
        *,
        progress: Progress | None = None,
        frames: str | None = None,
        overwrite: bool = False,
        stage: Stage = "render",
        bake_dir: Path | None = None,
        model: Path | None = None,
        device: str | None = None,
    ) -> None:
        self.job, self.progress, self.stage, self.overwrite = job, progress or Silent(), stage, overwrite
        self.summary = RenderSummary()
        self.remarks = Remarks(self.progress.warning, self.progress.note)
        with gathered_from_log(self.remarks.log):
            try:
                self._check(frames, bake_dir, model, device)
            except LookmatteError:
                self.remarks.tell()  # a network that failed for a moment may be why
                raise

    def _check(self, frames: str | None, bake_dir: Path | None, model: Path | None, device: str | None) -> None:
        job, stage = self.job, self.stage
        check_paths(job)
        # A kernel or a device that is not known is a mistake of the whole job, not of its frames.
        cpu_kernel()
        self.device = None if device is None else find_device(device)
        self.shot = Shot(job)
        self.chosen = self._choose(frames)
        self.model: Model | None = None
        if stage == "apply" and bake_dir is not None and model is None:
            self.store = made_store(self.shot, bake_dir, None)
        else:
            self.model = Model.load(model)
            self.store = new_store(self.shot, self.model, bake_dir)
            if stage == "apply":
                self.store = made_store(self.shot, self.store.folder, self.model)
        if self.store.header.regions != self.shot.regions:
            raise InputError(f"{self.store.folder}: this bake holds other regions than the job; bake the job again")
        made_by = job_hash(job, self.store.header.model, self.shot.config)
        self.outputs = Outputs(self.shot.output, made_by, self.shot.stamp, self.store.fingerprint)

    def run(self) -> RenderSummary:
        """Do it, tell ``progress`` what happens, and return what became of the frames."""
        # The networks are small: one thread each, while bands and files keep the other cores busy.
        try:
            with gathered_from_log(self.remarks.log), bands.undivided():
                self._run()
        finally:
            self.remarks.tell()
        summary = self.summary
        self.progress.done(len(summary.done), len(summary.skipped), len(summary.failed))
        return summary

    def plan(self) -> Plan:
        """What :meth:`run` would read and write. Nothing is written."""
        self._tell_of_the_shot()
        bakery: Bakery | None = None
        if self.stage != "apply":
            if not self._bakes_anew:
                take_over(self.store, earlier_store(self.store))
            bakery = Bakery(self.shot, self.store, self._baker, self._met, self.remarks.add)
        planner = Planner(self.shot, self.outputs, self.store, bakery, self.stage, self.overwrite)
        return planner.plan(self.chosen)

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

    def _run(self) -> None:
        self._tell_of_the_shot()
        if self.stage != "bake":
            self.outputs.sweep()
        if self.stage == "apply":
            self._start(len(self.chosen), str(self.shot.output))
            self._apply()
            return
        self.store.check()
        with claimed(self.store.folder, wait=self.stage == "bake", tell=self.progress.note) as folder:
            self.store.folder = folder
            self._open_new()
            bakery = Bakery(self.shot, self.store, self._baker, self._met, self.remarks.add)
            bakery.prepare()
            if self.stage == "bake":
                self._bake_only(bakery)
            else:
                self._start(len(self.chosen), str(self.shot.output))
                self._render(bakery)

    def _tell_of_the_shot(self) -> None:
        if holes := self.shot.holes:
            self.progress.warning(f"the sequence has holes: {holes} missing from {self.shot.plate}")
        for note in self.shot.colour.notes:
            self.progress.note(note)

    def _start(self, total: int, output: str) -> None:
        self.progress.start(total, stage=self.stage, output=output)

    def _open_new(self) -> None:
        """Take over what an earlier run baked, when it is the same bake; else begin an empty one."""
        earlier = earlier_store(self.store)
        if earlier is not None and (self._bakes_anew or not take_over(self.store, earlier)):
            earlier.clear()
        self.store.create()

    @property
    def _bakes_anew(self) -> bool:
        return self.overwrite and self.stage == "bake"

    def _baker(self) -> Baker:
        assert self.model is not None

        def listen(notice: Notice) -> None:
            self.remarks.add(notice.frame, Remark.of(notice))

        return Baker(self.model, self.shot.looks(), self.job.temporal.mode, listen)

    # What is there already

    def _sort_out(
        self,
        frames: Iterable[int],
        unsure: Callable[[int], bool] = lambda _: False,
        put: Callable[[int, Callable[[], None]], None] = lambda _, tell: tell(),
    ) -> list[int]:
        """Frames that must be made; the others are reported through ``put``. Of those that are ``unsure`` it is not
        yet known which grids they take, so that a frame that is there may or may not be made again."""
        pending: list[int] = []
        for frame in frames:
            path = self.shot.output.path(frame)
            try:
                state = "absent" if self.overwrite else self.outputs.state(frame, unsure=unsure(frame))
            except FrameError as error:
                put(frame, partial(self._fail, frame, str(error)))
                continue
            if state in KEPT:
                put(frame, partial(self._fail, frame, f"{path}: {KEPT[state]}"))
            elif state == "current":
                put(frame, partial(self._skip, frame, path))
            else:
                pending.append(frame)
        return pending

    # Ends of frames

    def _fail(self, frame: int, message: str) -> None:
        self.summary.failed.append(frame)
        self.progress.frame_failed(frame, message)

    def _skip(self, frame: int, path: Path | None) -> None:
        self.summary.skipped.append(frame)
        self.progress.frame_skipped(frame, path)

    def _done(self, frame: int, path: Path | None, seconds: float) -> None:
        self.summary.done.append(frame)
        self.progress.frame_done(frame, path, seconds)

    def _written(self, frame: int, styled: Styled, seconds: float) -> None:
        for note in styled.notes:
            self.progress.note(note)
        for remark in styled.remarks:
            self.remarks.add(frame, remark)
        self._done(frame, styled.path, seconds)

    # Stages

    def _crew(self, frames: int) -> Crew:
        return Crew.of(self.shot.frame_bytes, frames, bands.threads())

    def _load(self, frame: int, *, baking: bool, writing: bool) -> _Seen:
        seconds: dict[str, float] = {}
        with timed(seconds, "read"):
            loaded = self.shot.load(frame, mattes=("pixel", "grid") if baking else ("pixel",), whole=writing)
        if not baking:
            return _Seen(loaded, None, seconds)
        with timed(seconds, "reduce"):
            return _Seen(loaded, self.shot.proxy(loaded), seconds)

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
                self._skip(frame, None)
        began: dict[int, float] = {}

        def load(frame: int) -> _Seen:
            began[frame] = time.perf_counter()
            return self._load(frame, baking=True, writing=False)

        def arrive(frame: int, seen: _Seen) -> None:
            assert seen.proxy is not None
            bakery.feed(seen.loaded, seen.proxy)
            self._done(frame, None, time.perf_counter() - began.pop(frame))

        def lost(frame: int, error: Exception) -> None:
            message = self.shot.trouble(frame, error)
            bakery.give_up(frame, message)
            self._fail(frame, message)

        left = iter(bakery.todo)
        flow = Flow[_Seen, None](self._crew(len(todo)), load, arrive, lost, fatal=(BakeLost,))
        flow.run(lambda: next(left, None))
        bakery.finish()

    def _render(self, bakery: Bakery) -> None:
        pending = self._sort_out(self.chosen, bakery.is_unsure)
        for frame in pending:
            if frame in bakery.failed:
                self._fail(frame, bakery.failed[frame])
        writing = {frame for frame in pending if frame not in bakery.failed}
        order = Order(bakery, writing)
        self._write(order.following, writing, bakery, order.ready)
        try:
            bakery.finish()
        except BakeLost as error:  # the frames are there; what lacks of the bake is baked again when it is needed
            self.progress.warning(str(error))

    def _apply(self) -> None:
        pending = self._sort_out(self.chosen)
        left = iter(pending)
        self._write(lambda: next(left, None), set(pending))

    def _write(
        self,
        following: Callable[[], int | None],
        writing: set[int],
        bakery: Bakery | None = None,
        ready: Callable[[int], bool] = lambda _: True,
    ) -> None:
        """Bring frames from reading to writing, and those of the bakery's todo through it."""
        baking = frozenset(bakery.todo) if bakery else frozenset()
        styler = Styler(self.job, self.shot, self.store, self.outputs, self.device)
        times = Times(self.shot.output)

        def load(frame: int) -> _Seen:
            return self._load(frame, baking=frame in baking, writing=frame in writing)

        def arrive(frame: int, seen: _Seen) -> None:
            if bakery and seen.proxy is not None:
                with timed(seen.seconds, "bake"):
                    bakery.feed(seen.loaded, seen.proxy)

        def finish(frame: int, seen: _Seen) -> Callable[[], Styled] | None:
            # Its grids are known now; and another machine may have made it in the meantime.
            if frame not in writing or not self._sort_out([frame], put=ledger.put):
                return None
            self._check_reach(frame)
            return styler.work(seen.loaded, seen.seconds)

        def landed(frame: int, styled: Styled, seconds: float) -> None:
            times.note(frame, styled.seconds)
            ledger.put(frame, partial(self._written, frame, styled, seconds))

        def lost(frame: int, error: Exception) -> None:
            message = self.shot.trouble(frame, error)
            if bakery and frame in bakery.left:
                bakery.give_up(frame, message)
            if frame in writing:
                ledger.put(frame, partial(self._fail, frame, message))

        with Ledger(writing) as ledger:
            crew = self._crew(len(baking | writing))
            Flow(crew, load, arrive, lost, finish, landed, ready, (BakeLost,)).run(following)

    def _check_reach(self, frame: int) -> None:
        store = self.store
        if self.stage != "apply":
            return
        if frame in store.failed:
            raise FrameError(
                f"{self.shot.plate.path(frame)}: could not be read when the bake {store.folder} was made, "
                "so it has no grids of its own; run lookmatte bake again"
            )
        if not store.complete and frame > max(store.keys, default=frame):
            raise FrameError(f"the bake {store.folder} ends at frame {store.keys[-1]}; run lookmatte bake again")

    def _met(self, loaded: LoadedFrame) -> None:
        """Gather what there is to say of a frame whose mattes were read."""
        for note in loaded.frame.notes:
            self.progress.note(note)
        for remark in loaded.remarks():
            self.remarks.add(loaded.number, remark)
