"""The frames that a job writes: which are there already, made by what, and what a killed run left behind."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from lookmatte.errors import FrameError
from lookmatte.imaging.reader import read_header
from lookmatte.imaging.sequence import Sequence

State = Literal["absent", "foreign", "stale", "current"]

JOB, INPUTS, GRIDS = "lookmatte:job", "lookmatte:inputs", "lookmatte:grids"

# What imaging.writer.whole_file calls a file that is not whole yet.
_TEMPORARY = re.compile(r"\.(.+)\.\d+\.[0-9a-f]{8}\.tmp(\.\w+)?")
_ABANDONED = 3600.0  # seconds without a change; no frame takes so long to write


class Outputs:
    """The output sequence. How a frame was made is told by the hash of its ``job``, by its ``inputs`` (the files
    of plate and mattes) and by its ``grids`` (what it takes from the bake; None when some of that is not there).
    """

    def __init__(
        self,
        sequence: Sequence,
        job: str,
        inputs: Callable[[int], str],
        grids: Callable[[int], str | None],
    ) -> None:
        self.sequence = sequence
        self._job = job
        self._inputs = inputs
        self._grids = grids

    def attributes(self, frame: int, inputs: str) -> dict[str, str]:
        """What a frame must say of itself to be found current later."""
        return {JOB: self._job, INPUTS: inputs, GRIDS: self._grids(frame) or ""}

    def state(self, frame: int, *, unsure: bool = False) -> State:
        """``current``: made by the same job from the same files and grids; ``stale``: made by another, or its
        grids are ``unsure``; ``foreign``: a file that lookmatte did not make."""
        path = self.sequence.path(frame)
        if not path.exists():
            return "absent"
        try:
            attributes = read_header(path).parts[0].attributes
        except FrameError:
            return "foreign"
        if JOB not in attributes:
            return "foreign"
        if unsure or attributes[JOB] != self._job or attributes.get(INPUTS) != self._inputs(frame):
            return "stale"
        return "current" if attributes.get(GRIDS) == self._grids(frame) else "stale"

    def sweep(self) -> None:
        """Remove the temporary files of this sequence that killed runs left long ago."""
        sequence = self.sequence
        name = re.compile(re.escape(sequence.prefix) + r"(-?\d+)?" + re.escape(sequence.suffix))
        sweep(sequence.folder, lambda target: name.fullmatch(target) is not None)


def temporary_of(path: Path) -> str | None:
    """The name of the file that a temporary was to become; None for any other file."""
    match = _TEMPORARY.fullmatch(path.name)
    return match[1] if match else None


def sweep(folder: Path, ours: Callable[[str], bool]) -> None:
    """Remove temporaries in ``folder`` that nobody has written to for an hour, when ``ours`` knows their target.

    Younger ones may belong to a run on another machine.
    """
    try:
        entries = list(folder.iterdir())
    except OSError:
        return
    for path in entries:
        target = temporary_of(path)
        if target is None or not ours(target):
            continue
        try:
            if time.time() - path.stat().st_mtime > _ABANDONED:
                path.unlink()
        except OSError:
            continue
