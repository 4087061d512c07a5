"""Baking a shot in frame order: which frames become keys, where cuts lie, and how a bake goes on later."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from lookmatte.errors import FrameError
from lookmatte.imaging.writer import whole_file
from lookmatte.looks.baker import Baker
from lookmatte.looks.memory import Memory
from lookmatte.looks.proxy import FrameProxy, is_cut
from lookmatte.rendering.shot import LoadedFrame, Shot
from lookmatte.rendering.store import BakeStore

STATE = "state.safetensors"
SURVEY_STEP = 8


def key_frames(frames: list[int], subsample: int, cuts: tuple[int, ...]) -> list[int]:
    """Frames whose grids are predicted: every r-th, the last, and both sides of every known cut."""
    keys = {*frames[::subsample], *frames[-1:]}
    for cut in cuts:
        before = [frame for frame in frames if frame < cut]
        after = [frame for frame in frames if frame >= cut]
        if before and after:
            keys |= {before[-1], after[0]}
    return sorted(keys)


class Bakery:
    """Bakes the frames of a shot, in order, into a store; frames baked before with the same inputs are kept.

    ``failed`` maps frames that could not be baked to the reason.
    """

    def __init__(
        self, shot: Shot, store: BakeStore, baker: Callable[[], Baker], warn: Callable[[str], None]
    ) -> None:
        self._shot = shot
        self._store = store
        self._make = baker
        self._warn = warn
        self._baker: Baker | None = None
        self._surveyed = False
        self._given_up: dict[str, str] = {}
        temporal = shot.job.temporal
        self.mode = temporal.mode
        self.frames = [frame for frame in shot.frames if frame not in set(shot.missing)]
        self.keys = set(key_frames(self.frames, temporal.subsample, temporal.cuts))
        self._mattes = any(blend == "grid" for _, blend in store.header.regions)
        self.failed: dict[int, str] = {}
        self._state = store.folder / STATE
        self.todo = self._plan()

    def wanted(self, frame: int) -> bool:
        """Must baking open this frame?"""
        return frame in self.keys or self._mattes

    def _plan(self) -> list[int]:
        """Frames still to be opened, in order; also decides whether an earlier bake can go on."""
        store = self._store
        wanted = [frame for frame in self.frames if self.wanted(frame)]
        there = {frame for frame in wanted if self._is_there(frame)}
        state, memory = self._saved_state()
        given_up = {frame for frame in wanted if state.get("failed", {}).get(str(frame)) == self._shot.stamp(frame)}
        lacking = [frame for frame in wanted if frame not in there and frame not in given_up]
        store.keys = sorted((self.keys & there) | self._extra_keys())
        if self.mode == "frame" or not lacking:
            return lacking
        if self.mode == "coherent" and memory is not None:
            before = [frame for frame in store.keys if frame < lacking[0]]
            if before and state.get("frame") == before[-1]:
                self._ready().memory = memory
                self._given_up = {str(frame): self._shot.stamp(frame) for frame in given_up}
                return lacking
        # What is there belongs to another history: start from the first frame.
        store.keys, store.cuts = [], []
        return wanted

    def _extra_keys(self) -> set[int]:
        """Keys that an earlier run added on both sides of a cut."""
        store, stamp = self._store, self._shot.stamp
        return {key for key in store.keys if key not in self.keys and store.has_key(key, stamp(key))}

    def _is_there(self, frame: int) -> bool:
        stamp = self._shot.stamp(frame)
        return self._store.has_key(frame, stamp) if frame in self.keys else self._store.has_mattes(frame, stamp)

    def _saved_state(self) -> tuple[dict[str, Any], Memory | None]:
        """What an earlier run of the same bake remembered after its last key frame."""
        try:
            with safe_open(str(self._state), "pt") as file:
                metadata = json.loads((file.metadata() or {}).get("lookmatte", "{}"))
                tensors = {key: file.get_tensor(key) for key in list(file.keys())}
            if metadata["bake"] != self._store.header.bake:
                return {}, None
            return metadata, Memory.from_tensors(tensors)
        except (SafetensorError, OSError, ValueError, KeyError, TypeError):
            return {}, None

    def _save_state(self, frame: int) -> None:
        if self.mode != "coherent" or self._baker is None:
            return
        metadata = {"frame": frame, "bake": self._store.header.bake, "failed": self._given_up}
        with whole_file(self._state) as temporary:
            save_file(self._baker.memory.tensors(), str(temporary), metadata={"lookmatte": json.dumps(metadata)})

    def _ready(self) -> Baker:
        if self._baker is None:
            self._baker = self._make()
        return self._baker

    def feed(self, loaded: LoadedFrame) -> None:
        """Bake one frame of ``todo``, in order."""
        frame = loaded.number
        proxy = self._shot.proxy(loaded)
        for note in loaded.notes():
            self._warn(note)
        if frame in self.keys:
            self._bake(proxy, loaded.stamp, cut=self._meet_cut(proxy))
        else:
            self._store.add_mattes(frame, self._ready().enhance(proxy), loaded.stamp)

    def give_up(self, frame: int, reason: str) -> None:
        """A frame of ``todo`` cannot be read; its neighbours will do without it."""
        self.failed[frame] = reason
        self._given_up[str(frame)] = self._shot.stamp(frame)

    def _bake(self, proxy: FrameProxy, stamp: str, *, cut: bool) -> None:
        if self.mode == "shot" and (cut or not self._surveyed):
            self._survey(proxy)
            self._surveyed = True
        self._store.add(self._ready().bake(proxy, cut=cut), stamp)
        self._save_state(proxy.frame)
        self._store.save_index()

    def _meet_cut(self, proxy: FrameProxy) -> bool:
        """Does this key frame start a new shot?

        When it is several frames from the last one, the cut is looked for among them, and the frames on both
        of its sides become keys too, so that no grid is interpolated across it.
        """
        thumbnail = self._ready().memory.thumbnail
        earlier = max((key for key in self._store.keys if key < proxy.frame), default=None)
        if thumbnail is None or earlier is None:
            return False
        known = {cut for cut in self._shot.job.temporal.cuts if earlier < cut <= proxy.frame}
        if not known and not is_cut(thumbnail, proxy.thumbnail()):
            return False
        previous: tuple[FrameProxy, str] | None = None
        for number in [frame for frame in self.frames if earlier < frame < proxy.frame]:
            try:
                loaded = self._shot.load(number)
            except FrameError:
                continue
            current = self._shot.proxy(loaded)
            if number in known or is_cut(thumbnail, current.thumbnail()):
                self._cut_at(number, previous)
                self._bake(current, loaded.stamp, cut=True)
                return False
            thumbnail, previous = current.thumbnail(), (current, loaded.stamp)
        if proxy.frame in known or is_cut(thumbnail, proxy.thumbnail()):
            self._cut_at(proxy.frame, previous)
            return True
        # Frame by frame the picture changed slowly: that is no cut, only time.
        return False

    def _cut_at(self, frame: int, previous: tuple[FrameProxy, str] | None) -> None:
        if previous is not None:
            self._bake(*previous, cut=False)
        self._store.cuts = sorted({*self._store.cuts, frame})

    def _survey(self, first: FrameProxy) -> None:
        """`shot` mode: pool the statistics of every eighth frame from here to the next cut."""
        samples = [first]
        known = self._shot.job.temporal.cuts
        for number in [frame for frame in self.frames if frame >= first.frame][SURVEY_STEP::SURVEY_STEP]:
            if any(first.frame < cut <= number for cut in known):
                break
            try:
                proxy = self._shot.proxy(self._shot.load(number))
            except FrameError:
                continue
            if is_cut(samples[-1].thumbnail(), proxy.thumbnail()):
                break
            samples.append(proxy)
        self._ready().survey(samples)
