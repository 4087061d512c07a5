"""Baking a shot in frame order: which frames become keys, where cuts lie, and how a bake goes on later.

What makes a resumed bake equal to one in one go: in `coherent` and `shot` mode the saved state is the commit.
Keys up to the frame that it names count, whatever lies behind it is baked again from the state's memory; and
when a key before it has changed, so has the history of all that follow, and the bake starts over. In `frame`
mode keys stand alone, except that cuts are looked for between neighbours.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor

from lookmatte.errors import FrameError
from lookmatte.imaging.patience import passes
from lookmatte.imaging.wholefile import remove
from lookmatte.looks.baker import Baker
from lookmatte.looks.memory import Memory
from lookmatte.looks.proxy import FrameProxy, is_cut
from lookmatte.rendering.bakestate import STATE, read_state, write_state
from lookmatte.rendering.cuts import Cuts
from lookmatte.rendering.flow import BROKEN
from lookmatte.rendering.remarks import Remark
from lookmatte.rendering.shot import LoadedFrame, Shot
from lookmatte.rendering.store import BakeStore

SURVEY_STEP = 8


def key_frames(frames: list[int], subsample: int, cuts: tuple[int, ...]) -> list[int]:
    """Frames whose grids are predicted: every r-th, the last, and both sides of every known cut."""
    keys = {*frames[::subsample], *frames[-1:]}
    for cut in cuts:
        at = bisect_left(frames, cut)
        if 0 < at < len(frames):
            keys |= {frames[at - 1], frames[at]}
    return sorted(keys)


class BakeLost(FrameError):
    """The bake cannot be written. The run ends: what follows would be made from less than it should be."""


@contextmanager
def _or_end() -> Iterator[None]:
    try:
        yield
    except FrameError as error:
        raise BakeLost(f"{error}; nothing can follow without its bake, run again when that is mended") from None


class Bakery:
    """Bakes the frames of a shot, in order, into a store; frames baked before with the same inputs are kept.

    ``todo`` are the frames to be given to :meth:`feed` (or :meth:`give_up`), in order. ``failed`` maps frames
    that cannot be baked to the reason, ``left`` are those of ``todo`` that were neither fed nor given up. ``met``
    is told of every frame whose mattes were read, ``tell`` what there is to say of cuts.
    """

    def __init__(
        self,
        shot: Shot,
        store: BakeStore,
        baker: Callable[[], Baker],
        met: Callable[[LoadedFrame], None],
        tell: Callable[[int, Remark], None],
    ) -> None:
        self._shot = shot
        self._store = store
        self._make = baker
        self._met = met
        self._cuts = Cuts(shot, tell)
        self._baker: Baker | None = None
        self._memory = Memory()
        self._remembers: int | None = None  # the frame that memory's thumbnail is of
        self._survey_stamps: dict[str, str] = {}
        self._surveyed = False
        self._begun = False
        self._is_void = False  # the history on disk has been given up
        self._given_up: dict[str, str] = {}
        temporal = shot.job.temporal
        self.mode = temporal.mode
        gone = set(shot.missing)
        self.frames = [frame for frame in shot.frames if frame not in gone]
        self.keys = key_frames(self.frames, temporal.subsample, temporal.cuts)
        self._is_key = frozenset(self.keys)
        self._alone = self.mode == "frame" and temporal.subsample == 1  # no frame asks another for anything
        self._mattes = any(blend == "grid" for _, blend in store.header.regions)
        self._state = store.folder / STATE
        self.failed: dict[int, str] = {}
        store.failed = set(shot.missing)
        self.left: set[int] = set()
        self.todo = self._plan()
        self._todo = frozenset(self.todo)
        self.left = set(self.todo)

    def wanted(self, frame: int) -> bool:
        """Must baking open this frame?"""
        return frame in self._is_key or self._mattes

    def prepare(self) -> None:
        """Read the styles and make the Baker, when there is something to do. Raises InputError."""
        if self.todo:
            self._ready()

    def is_key(self, frame: int) -> bool:
        """Is its grid predicted whatever the pictures show?"""
        return frame in self._is_key

    def needed_key(self, frame: int) -> int | None:
        """The first key from a frame on, which its grids need; one that failed is not, save for its own frame."""
        if frame in self._is_key:
            return frame
        behind = range(bisect_left(self.keys, frame), len(self.keys))
        return next((self.keys[at] for at in behind if self.keys[at] not in self.failed), None)

    def is_unsure(self, frame: int) -> bool:
        """May the frame's grids change by what is still to be baked?"""
        if frame in self._todo or self.needed_key(frame) in self._todo:
            return True
        before = reversed(range(bisect_left(self.keys, frame)))
        earlier = next((self.keys[at] for at in before if self.keys[at] not in self.failed), None)
        return frame not in self._is_key and earlier in self._todo

    # What is there already

    def _plan(self) -> list[int]:
        """Frames still to be opened, in order; also decides what of an earlier bake is kept."""
        store = self._store
        state, memory = read_state(self._state, store.header.bake)
        self._try_again(state.get("failed", {}))
        upto: int | None = state.get("frame")
        listed = set(store.keys)
        extra, doubtful = self._extra_keys(listed)
        kept = {key for key in self.keys if key not in doubtful and self._is_there(key, listed, upto)}
        lacking = [key for key in self.keys if key not in kept and key not in self.failed]
        mattes = {frame for frame in self.frames if self._lacks_mattes(frame)}
        if self.mode == "frame":
            return sorted({*self._renew(lacking, kept, extra), *mattes})
        if memory is not None and upto is not None and (not lacking or lacking[0] > upto):
            history = {key for key in listed if key <= upto}
            if not lacking:
                store.keys = sorted(kept | extra)
                self._remember(state, memory)
                return sorted(mattes)
            if history <= kept | extra and self._survey_holds(state):
                store.keys = sorted(history)
                store.cuts = [cut for cut in store.cuts if cut <= upto]
                self._remember(state, memory)
                return sorted({*lacking, *mattes})
        # What is there belongs to another history: start from the first frame.
        store.keys, store.cuts = [], []
        self._is_void = True
        return sorted({*(key for key in self.keys if key not in self.failed), *mattes})

    def _remember(self, state: dict[str, Any], memory: Memory) -> None:
        self._memory, self._remembers = memory, state["frame"]
        self._survey_stamps = state["survey"]
        self._surveyed = bool(self._survey_stamps)

    def _is_there(self, key: int, listed: set[int], upto: int | None) -> bool:
        if self.mode != "frame" and (key not in listed or upto is None or key > upto):
            return False
        return self._store.has_key(key, self._shot.stamp(key))

    def _lacks_mattes(self, frame: int) -> bool:
        """Must the frame be opened for its enhanced mattes alone?"""
        if not self._mattes or frame in self._is_key or frame in self.failed:
            return False
        return not self._store.has_mattes(frame, self._shot.stamp(frame))

    def _extra_keys(self, listed: set[int]) -> tuple[set[int], set[int]]:
        """Keys that an earlier run added on both sides of cuts that it found; and the regular keys behind such
        cuts whose neighbourhood has changed, so that the cut must be looked for again."""
        extra: set[int] = set()
        doubtful: set[int] = set()
        for cut in self._store.cuts:
            at = bisect_left(self.keys, cut)
            if not 0 < at < len(self.keys):
                continue
            own = sorted(key for key in listed - self._is_key if self.keys[at - 1] < key <= cut)
            before = [key for key in own if key < cut][-1:]
            beside = {*before, *(key for key in own if key == cut)}
            if all(self._store.has_key(key, self._shot.stamp(key)) for key in beside):
                extra |= beside
            else:
                doubtful.add(self.keys[at])
        return extra, doubtful

    def _renew(self, lacking: list[int], kept: set[int], extra: set[int]) -> set[int]:
        """`frame` mode: what to bake again. Between keys that are interpolated cuts are looked for anew on both
        sides of a changed one."""
        store, again = self._store, set(lacking)
        if not self._alone:
            for key in lacking:
                after = bisect_left(self.keys, key) + 1
                again |= set(self.keys[after : after + 1]) - self.failed.keys()
            for key in again:
                before = self.keys[max(bisect_left(self.keys, key) - 1, 0)]
                store.cuts = [cut for cut in store.cuts if not before < cut <= key]
                extra = {one for one in extra if not before < one < key}
        store.keys = sorted((kept - again) | extra)
        return again

    def _try_again(self, failed: dict[str, str]) -> None:
        """Frames that an earlier run could not bake: those that still cannot be read are not asked for again."""
        for frame in self.frames:
            stamp = failed.get(str(frame))
            if stamp is not None and stamp == self._shot.stamp(frame):
                try:
                    self._shot.proxy(self._shot.load(frame))
                except BROKEN as error:
                    self.give_up(frame, self._shot.trouble(frame, error))

    def _peek(self, frame: int) -> tuple[LoadedFrame, FrameProxy] | None:
        """A frame out of its turn; None where it cannot be had, which is told in its turn. Raises what the network
        keeps back: who went on without would have decided for good."""
        try:
            loaded = self._shot.load(frame)
            return loaded, self._shot.proxy(loaded)
        except BROKEN as error:
            if passes(error):
                raise
            return None

    def _survey_holds(self, state: dict[str, Any]) -> bool:
        """Are the frames whose statistics were pooled still the same?"""
        return all(stamp == self._shot.stamp(int(frame)) for frame, stamp in state["survey"].items())

    def _save_state(self) -> None:
        """The commit: all keys up to the frame remembered belong to this history."""
        memory = self._memory if self._baker is None else self._baker.memory
        said = {
            "frame": self._remembers,
            "bake": self._store.header.bake,
            "failed": self._given_up,
            "survey": self._survey_stamps,
        }
        write_state(self._state, said, memory)

    # Baking

    def _ready(self) -> Baker:
        if self._baker is None:
            self._baker = self._make()
            self._baker.memory = self._memory
        return self._baker

    def _begin(self) -> None:
        """Before the first change: from here on the bake is not complete, and a history that is given up is
        gone."""
        if self._begun:
            return
        self._store.complete = False
        with _or_end():
            if self._is_void:
                remove(self._state)
            self._store.save_index()
        self._begun = True

    def feed(self, loaded: LoadedFrame, proxy: FrameProxy) -> None:
        """Bake one frame of ``todo``; key frames come in order, and a key before the frames up to it. Raises
        BakeLost when it cannot be kept."""
        frame = loaded.number
        self._begin()
        self._met(loaded)
        if frame in self._is_key:
            self._bake(proxy, loaded.stamp, cut=self._meet_cut(proxy))
        else:
            enhanced = self._ready().enhance(proxy)
            with _or_end():
                self._store.add_mattes(frame, enhanced, loaded.stamp)
        self.left.discard(frame)

    def give_up(self, frame: int, reason: str) -> None:
        """A frame cannot be read; its neighbours will do without it."""
        self.failed[frame] = reason
        self._store.failed.add(frame)
        self._given_up[str(frame)] = self._shot.stamp(frame)
        self.left.discard(frame)

    def finish(self) -> None:
        """The walk over ``todo``, or over what was needed of it, has ended. Raises BakeLost."""
        if self.todo or not self._store.complete:
            if self._is_void and not self._begun:
                self._begin()
            self._store.complete = not self.left
            with _or_end():
                self._store.save_index()
                self._save_state()

    def _bake(self, proxy: FrameProxy, stamp: str, *, cut: bool) -> None:
        if self.mode == "shot" and (cut or not self._surveyed):
            self._survey(proxy)
        baked = self._ready().bake(proxy, cut=cut)
        self._remembers = proxy.frame
        with _or_end():
            self._store.add(baked, stamp)
            self._store.save_index()
            self._save_state()

    def _meet_cut(self, proxy: FrameProxy) -> bool:
        """Does this key frame start a new shot?

        When it is several frames from the last one, the cut is looked for among them, and the frames on both
        of its sides become keys too, so that no grid is interpolated across it.
        """
        earlier = max((key for key in self._store.keys if key < proxy.frame), default=None)
        if self._alone or earlier is None:
            return False
        thumbnail = self._thumbnail(earlier)
        if thumbnail is None:
            return False
        known = [cut for cut in self._shot.job.temporal.cuts if earlier < cut <= proxy.frame]
        if not known and not is_cut(thumbnail, proxy.thumbnail()):
            return False
        last, previous = earlier, None
        for number in self.frames[bisect_left(self.frames, earlier + 1) : bisect_left(self.frames, proxy.frame)]:
            peeked = self._peek(number)
            if peeked is None:
                continue
            loaded, current = peeked
            if any(last < cut <= number for cut in known) or self._cuts.between(last, thumbnail, current):
                self._cut_at(number, previous)
                self._bake(current, loaded.stamp, cut=True)
                return self._meet_cut(proxy)
            last, thumbnail, previous = number, current.thumbnail(), (current, loaded.stamp)
        if any(last < cut for cut in known) or self._cuts.between(last, thumbnail, proxy):
            self._cut_at(proxy.frame, previous)
            return True
        # Frame by frame the picture changed slowly, or moved: that is no cut, only time.
        return False

    def _thumbnail(self, frame: int) -> Tensor | None:
        """The small picture of a key frame, in which cuts are looked for."""
        if self._remembers == frame:
            return self._ready().memory.thumbnail
        peeked = self._peek(frame)
        return None if peeked is None else peeked[1].thumbnail()

    def _cut_at(self, frame: int, previous: tuple[FrameProxy, str] | None) -> None:
        # First the cut, then the key before it: a key that no cut explains would be forgotten by a resume.
        self._store.cuts = sorted({*self._store.cuts, frame})
        if previous is not None:
            self._bake(*previous, cut=False)

    def _is_cut_between(self, before: FrameProxy, after: FrameProxy) -> bool:
        """Frames that differ, several apart: is there a cut between them, or only motion? Frame by frame."""
        last, thumbnail = before.frame, before.thumbnail()
        inside = slice(bisect_left(self.frames, before.frame + 1), bisect_left(self.frames, after.frame))
        for number in self.frames[inside]:
            peeked = self._peek(number)
            if peeked is None:
                continue
            if self._cuts.between(last, thumbnail, peeked[1]):
                return True
            last, thumbnail = number, peeked[1].thumbnail()
        return self._cuts.between(last, thumbnail, after)

    def _survey(self, first: FrameProxy) -> None:
        """`shot` mode: pool the statistics of a key frame in every eight from here to the next cut."""
        samples, stamps = [first], {str(first.frame): self._shot.stamp(first.frame)}
        known = self._shot.job.temporal.cuts
        place = {frame: index for index, frame in enumerate(self.frames)}
        last = first.frame
        for number in self.keys[bisect_left(self.keys, first.frame + 1) :]:
            if place[number] - place[last] < SURVEY_STEP:
                continue
            if any(first.frame < cut <= number for cut in known):
                break
            peeked = self._peek(number)
            if peeked is None:
                stamps[str(number)] = "unreadable"
                continue
            loaded, proxy = peeked
            stamps[str(number)] = loaded.stamp
            if is_cut(samples[-1].thumbnail(), proxy.thumbnail()) and self._is_cut_between(samples[-1], proxy):
                break
            samples.append(proxy)
            last = number
        self._ready().survey(samples)
        self._survey_stamps, self._surveyed = stamps, True
