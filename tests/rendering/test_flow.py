"""Frames on their way: few in memory, one pool, in order, each with one end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from shots import Shot, Told, equal

from lookmatte.errors import FrameError
from lookmatte.rendering import bands
from lookmatte.rendering import shot as shots_module
from lookmatte.rendering.flow import IN_FLIGHT_BYTES, Crew, Flow
from lookmatte.rendering.ledger import Ledger

Maker = Callable[..., Shot]


# ---- how many ---------------------------------------------------------------------------------------------


@given(st.integers(0, 1 << 36), st.integers(0, 500), st.integers(1, 256))
def test_a_crew_keeps_its_threads_and_its_memory(frame_bytes: int, frames: int, threads: int) -> None:
    crew = Crew.of(frame_bytes, frames, threads)
    assert 1 <= crew.workers * crew.share <= threads
    assert crew.workers <= max(frames, 1)
    assert crew.workers <= crew.flight <= crew.workers + 1
    assert crew.flight == 2 or crew.workers == 1 or crew.flight * frame_bytes <= IN_FLIGHT_BYTES


def test_crews_that_are_known() -> None:
    four_k, deep_8k = 3840 * 2160 * 10, 7680 * 4320 * 80
    assert Crew.of(four_k, 100, 2) == Crew(2, 1, 3)
    assert Crew.of(four_k, 100, 16) == Crew(16, 1, 17)
    assert Crew.of(four_k, 1, 16) == Crew(1, 16, 2)
    assert Crew.of(deep_8k, 100, 16) == Crew(2, 8, 2)


# ---- the way of a frame -----------------------------------------------------------------------------------


class Way:
    """Counts what a Flow does with frames; ``bad`` maps a frame to the station at which it fails."""

    def __init__(self, frames: int, crew: Crew, bad: dict[int, str], pause: float = 0.0) -> None:
        self.crew, self.bad, self.pause = crew, bad, pause
        self.lock = threading.Lock()
        self.inside: set[int] = set()
        self.most = 0
        self.arrived: list[int] = []
        self.ends: dict[int, Any] = {}
        self.threads: set[str] = set()
        self.left = iter(range(frames))
        self.waits: dict[int, int] = {}

    def fail(self, frame: int, station: str) -> None:
        if self.bad.get(frame) == station:
            raise KINDS[station](station)

    def load(self, frame: int) -> int:
        with self.lock:
            self.inside.add(frame)
            self.most = max(self.most, len(self.inside))
            self.threads.add(threading.current_thread().name)
        time.sleep(self.pause * ((frame * 7919) % 3))
        self.fail(frame, "load")
        return frame * 10

    def arrive(self, frame: int, read: int) -> None:
        assert threading.current_thread() is threading.main_thread()
        assert read == frame * 10
        self.arrived.append(frame)
        self.fail(frame, "arrive")

    def ready(self, frame: int) -> bool:
        return self.waits.get(frame, -1) in {*self.arrived, -1}

    def finish(self, frame: int, read: int) -> Callable[[], int] | None:
        assert self.ready(frame)
        self.fail(frame, "finish")
        if self.bad.get(frame) == "none":
            self.end(frame, None)
            return None

        def work() -> int:
            time.sleep(self.pause * ((frame * 104729) % 5))
            self.fail(frame, "work")
            return read + 1

        return work

    def end(self, frame: int, what: Any) -> None:
        assert frame not in self.ends
        self.ends[frame] = what
        with self.lock:
            self.inside.discard(frame)

    def run(self) -> None:
        Flow(
            self.crew, self.load, self.arrive, lambda frame, error: self.end(frame, type(error)), self.finish,
            lambda frame, result, seconds: self.end(frame, result) if seconds >= 0 else None, self.ready,
        ).run(lambda: next(self.left, None))  # fmt: skip


KINDS: dict[str, Any] = {
    "load": FrameError, "arrive": OSError, "finish": ValueError, "work": MemoryError, "none": type(None)
}  # fmt: skip


@settings(max_examples=40)
@given(
    st.integers(0, 12), st.integers(1, 4), st.integers(0, 1),
    st.dictionaries(st.integers(0, 11), st.sampled_from(sorted(KINDS)), max_size=6),
)  # fmt: skip
def test_every_frame_has_one_end_and_few_are_in_memory(
    frames: int, workers: int, more: int, bad: dict[int, str]
) -> None:
    way = Way(frames, Crew(workers, 1, workers + more), bad, pause=0.0005)
    way.run()
    assert way.arrived == [frame for frame in range(frames) if bad.get(frame) != "load"]
    assert sorted(way.ends) == list(range(frames))
    for frame, what in way.ends.items():
        kind = KINDS.get(bad.get(frame, ""))
        assert what == frame * 10 + 1 if kind is None else what in (kind, None)
    assert way.most <= workers + more
    assert len(way.threads) <= workers


def test_frames_that_wait_for_a_later_one_do_not_stop_it() -> None:
    way = Way(9, Crew(1, 1, 2), {})
    way.waits = {1: 5, 2: 5, 6: 99}  # the last waits for what never comes: it is finished in the end
    way.ready = lambda frame: way.waits.get(frame, -1) in {*way.arrived, -1} or len(way.arrived) == 9  # type: ignore[method-assign]
    way.run()
    assert sorted(way.ends) == list(range(9))


def test_what_was_begun_when_an_interrupt_came_is_ended() -> None:
    way = Way(50, Crew(2, 1, 3), {}, pause=0.01)
    arrive = way.arrive

    def interrupted(frame: int, read: int) -> None:
        arrive(frame, read)
        if frame == 5:
            raise KeyboardInterrupt

    way.arrive = interrupted  # type: ignore[method-assign]
    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        way.run()
    assert threading.active_count() == before
    assert all(way.ends[frame] == frame * 10 + 1 for frame in way.ends)
    assert 3 <= len(way.ends) <= 6
    assert max(way.inside | way.ends.keys()) <= 8


def test_ends_are_told_in_order() -> None:
    told: list[int] = []
    with Ledger([5, 1, 3, 7]) as ledger:
        ledger.put(3, lambda: told.append(3))
        assert told == []
        ledger.put(1, lambda: told.append(1))
        assert told == [1, 3]
        ledger.put(7, lambda: told.append(7))
        assert told == [1, 3]
        ledger.put(5, lambda: told.append(5))
        assert told == [1, 3, 5, 7]

    def interrupted() -> None:
        with Ledger([1, 2, 3, 4]) as ledger:
            ledger.put(4, lambda: told.append(40))
            ledger.put(3, lambda: told.append(30))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert told == [1, 3, 5, 7, 30, 40]


# ---- threads ----------------------------------------------------------------------------------------------


def test_a_thread_that_shares_the_cores_takes_its_bands_itself() -> None:
    def taken() -> set[int]:
        found: set[int] = set()
        for y0, ident in bands.each_band(300, 4000, lambda y0, y1: threading.get_ident()):
            assert 0 <= y0 < 300
            found.add(ident)
        return found

    alone: list[set[int]] = []

    def worker() -> None:
        bands.share(1)
        alone.append(taken())
        alone.append({threading.get_ident()})

    thread = threading.Thread(target=worker)
    thread.start()
    thread.join()
    assert alone[0] == alone[1]
    whole = [(y0, y1) for y0, (_, y1) in bands.each_band(300, 4000, lambda y0, y1: (y0, y1), 3)]
    assert [y0 for y0, _ in whole] == [0, *(y1 for _, y1 in whole[:-1])]
    assert whole[-1][1] == 300


def test_threads_are_given_back_when_the_last_one_leaves() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with bands.undivided():
            with bands.undivided():
                assert torch.get_num_threads() == 1
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


# ---- a render ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "temporal", [{"mode": "coherent"}, {"mode": "shot"}, {"subsample": 3}, {"mode": "frame", "subsample": 4}]
)
def test_a_render_decodes_each_frame_once(
    shot: Maker, monkeypatch: pytest.MonkeyPatch, temporal: dict[str, Any]
) -> None:
    made = shot(range(1, 9), size=(32, 24), objects=("hero",))
    decoded: list[str] = []
    honest = shots_module.read_frame

    def counted(path: Path, **more: Any) -> Any:
        decoded.append(path.name)
        return honest(path, **more)

    monkeypatch.setattr(shots_module, "read_frame", counted)
    assert made.render(temporal=temporal).done == list(range(1, 9))
    assert sorted(decoded) == [made.plate(frame).name for frame in made.frames]


@pytest.mark.parametrize("mode", ["frame", "coherent", "shot"])
@pytest.mark.parametrize("broken", [(4,), (7, 10), (1, 12)])
def test_keys_that_cannot_be_read_are_gone_round(shot: Maker, mode: str, broken: tuple[int, ...]) -> None:
    """Frames wait for the key behind the one that failed; applying a bake of the same shot gives the same."""
    made = shot(range(1, 13), size=(32, 24), objects=("hero",))
    for frame in broken:
        made.plate(frame).write_bytes(b"no picture")
    same: dict[str, Any] = {"temporal": {"mode": mode, "subsample": 3}}
    told = Told()
    summary = made.render(options={"progress": told}, **same)
    good = [frame for frame in made.frames if frame not in broken]
    assert (summary.done, summary.failed) == (good, list(broken))
    bake = made.folder / "bake"
    made.render("apart", options={"stage": "bake", "bake_dir": bake}, **same)
    assert made.render("apart", options={"stage": "apply", "bake_dir": bake}, **same).done == good
    assert equal(made.written(), made.written("apart"))


def test_frames_are_told_in_order_though_keys_come_first(shot: Maker) -> None:
    made = shot(range(1, 11), size=(32, 24), objects=("hero",))
    order: list[tuple[str, int]] = []

    class Listening(Told):
        def frame_done(self, frame: int, path: Path | None, seconds: float) -> None:
            assert path == made.output(frame)
            assert path.exists()
            order.append(("done", frame))

        def frame_failed(self, frame: int, message: str) -> None:
            order.append(("failed", frame))

    made.plate(6).write_bytes(b"no picture")
    made.render(options={"progress": Listening()}, temporal={"subsample": 4})
    assert order == [("failed" if frame == 6 else "done", frame) for frame in range(1, 11)]
