"""The frames that a job writes: which are there already, made by what, and what a killed run left behind."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable
from typing import Literal

from lookmatte.errors import FrameError
from lookmatte.imaging.exr_seal import has_its_pixels, is_sealed
from lookmatte.imaging.patience import system_error
from lookmatte.imaging.reader import read_header
from lookmatte.imaging.sequence import Sequence
from lookmatte.imaging.wholefile import sweep

State = Literal["absent", "foreign", "changed", "stale", "current"]

JOB, INPUTS, GRIDS = "lookmatte:job", "lookmatte:inputs", "lookmatte:grids"

KEPT: dict[State, str] = {
    "foreign": "is there and was not made by lookmatte; use --overwrite, or move it",
    "changed": "is there and was changed since lookmatte made it; use --overwrite, or move it",
}
"""Files that are not overwritten unasked, and what to say of them."""


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

    def attributes(self, inputs: str, grids: str) -> dict[str, str]:
        """What a frame must say of itself to be found current later."""
        return {JOB: self._job, INPUTS: inputs, GRIDS: grids}

    def state(self, frame: int, *, unsure: bool = False) -> State:
        """``current``: made by the same job from the same files and grids; ``stale``: made by another, cut off, or
        its grids are ``unsure``; ``foreign``: a file that lookmatte did not make; ``changed``: another program has
        changed it since. Raises FrameError when that cannot be told."""
        path = self.sequence.path(frame)
        sealed = False
        try:
            sealed = is_sealed(path)
            attributes = read_header(path).parts[0].attributes
        except (FrameError, OSError) as error:
            cause = system_error(error)
            if cause is None:
                return "stale" if sealed else "foreign"
            if cause.errno in (errno.ENOENT, errno.ENOTDIR):
                return "absent"
            raise FrameError(f"{path}: cannot be looked at ({cause.strerror})") from None
        if JOB not in attributes:
            return "foreign"
        if not sealed:
            return "changed"
        same = attributes[JOB] == self._job and attributes.get(INPUTS) == self._inputs(frame)
        if same and not unsure and attributes.get(GRIDS) == self._grids(frame):
            return "current"
        try:
            return "stale" if has_its_pixels(path) else "changed"
        except OSError as error:
            raise FrameError(f"{path}: cannot be looked at ({error.strerror})") from None

    def is_of_these(self, frame: int) -> bool:
        """Was the frame that is there made by this job from these files, whatever its grids?"""
        try:
            attributes = read_header(self.sequence.path(frame)).parts[0].attributes
        except FrameError:
            return False
        return attributes.get(JOB) == self._job and attributes.get(INPUTS) == self._inputs(frame)

    def sweep(self) -> None:
        """Remove the temporary files of this sequence that killed runs left."""
        sequence = self.sequence
        name = re.compile(re.escape(sequence.prefix) + r"(-?\d+)?" + re.escape(sequence.suffix))
        sweep(sequence.folder, lambda target: name.fullmatch(target) is not None)
