"""Frames that leave lookmatte: the look of each, from the bake, and the work that applies it and writes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from lookmatte.errors import FrameError, LookmatteError
from lookmatte.imaging.wholefile import why
from lookmatte.imaging.writer import lossy_parts, write_frame
from lookmatte.job import Job
from lookmatte.looks.bake import FrameBake, resolve
from lookmatte.rendering.apply import apply
from lookmatte.rendering.flow import BROKEN, internal_error
from lookmatte.rendering.outputs import Outputs
from lookmatte.rendering.remarks import Remark, exposure_remarks
from lookmatte.rendering.settings import settings
from lookmatte.rendering.shot import LoadedFrame, Shot
from lookmatte.rendering.store import BakeStore, fingerprint
from lookmatte.rendering.times import timed


@dataclass(frozen=True)
class Styled:
    """A frame that stands under its final name, what there is to say of it, and how long each stage took."""

    path: Path
    remarks: list[Remark]
    notes: list[str]
    seconds: dict[str, float]


class Styler:
    """Applies a job's bake to its frames, on ``device``; None: where they are."""

    def __init__(
        self, job: Job, shot: Shot, store: BakeStore, outputs: Outputs, device: torch.device | None = None
    ) -> None:
        self._job, self._shot, self._store, self._outputs, self._device = job, shot, store, outputs, device
        self._keys: dict[int, tuple[FrameBake, list[str]]] = {}
        self._attributes = {
            "lookmatte:bake": store.header.bake,
            "lookmatte:model": store.header.model,
            "lookmatte:plateSpace": shot.colour.space,
        }
        if shot.colour.config_name:
            self._attributes["lookmatte:ocioConfig"] = shot.colour.config_name

    def work(self, loaded: LoadedFrame, seconds: dict[str, float]) -> Callable[[], Styled]:
        """Find a frame's look; what is returned applies it and writes the frame, in any thread, and adds to the
        ``seconds`` that its stages have taken.

        Raises FrameError when the bake lacks what the frame takes from it."""
        frame, store = loaded.number, self._store
        before, after, share = store.around(frame)
        (early, first), (late, second) = self._key(before), self._key(after)
        mattes, third = store.load_mattes(frame)
        early = early.with_mattes(mattes)
        asked = settings(self._job, frame)
        keys = {before: early, after: late}
        said = [remark for key in keys.values() for remark in exposure_remarks(key, asked)]
        look = resolve(early, late, share, asked)
        grids = fingerprint(share, first, second, third)
        attributes = self._outputs.attributes(loaded.stamp, grids) | self._attributes
        path = self._outputs.sequence.path(frame)

        def style() -> Styled:
            with timed(seconds, "apply"):
                pixels = apply(
                    loaded.frame,
                    look,
                    loaded.mattes,
                    colour=self._shot.colour,
                    alpha=self._job.alpha,
                    device=self._device,
                )
            notes = [*loaded.frame.notes, *_changed(loaded)]
            remarks = [*said, *loaded.remarks(read=("pixel",)), *pixels.remarks()]
            try:
                with timed(seconds, "write"):
                    write_frame(loaded.frame, path, attributes=attributes, sealed=True)
            except LookmatteError:
                raise
            except OSError as error:
                raise FrameError(f"{path}: cannot be written ({why(error)})") from None
            except BROKEN as error:
                raise FrameError(internal_error(path, error)) from None
            return Styled(path, remarks, notes, seconds)

        return style

    def _key(self, frame: int) -> tuple[FrameBake, list[str]]:
        if frame not in self._keys:
            while len(self._keys) > 3:
                self._keys.pop(next(iter(self._keys)))
            self._keys[frame] = self._store.load_key(frame)
        return self._keys[frame]


def _changed(loaded: LoadedFrame) -> list[str]:
    """What is stored in another way than it was."""
    return [
        f"{loaded.frame.parts[index].name or 'the picture'}: {compression} compression loses precision; "
        "written as zip"
        for index, compression in lossy_parts(loaded.frame.parts).items()
    ]
