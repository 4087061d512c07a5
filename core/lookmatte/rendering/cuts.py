"""Is it a cut, or only motion? Pictures say that something happened, Blender's Vector pass says what."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from lookmatte.errors import FrameError
from lookmatte.imaging.patience import passes
from lookmatte.looks import motion
from lookmatte.looks.proxy import FrameProxy, is_cut
from lookmatte.rendering.remarks import Remark
from lookmatte.rendering.shot import Shot

UNKNOWN = Remark(
    "a new shot begins",
    advice="if it is one shot that moves fast, a Vector pass as Blender renders it, without motion blur, tells so",
    note=True,
)
STILL = Remark(
    "a new shot begins, and the Vector pass is all zero",
    advice="if it is one shot that moves fast, motion blur has emptied that pass: render without motion blur, and "
    "blur with the Vector Blur node after the look",
    note=True,
)


class Cuts:
    """Finds cuts between frames of a shot; ``tell(frame, remark)`` hears of those that motion might have explained,
    had it been known."""

    def __init__(self, shot: Shot, tell: Callable[[int, Remark], None]) -> None:
        self._shot, self._tell = shot, tell

    def between(self, last: int, thumbnail: Tensor, after: FrameProxy) -> bool:
        """Does ``after`` belong to another shot than the frame ``last`` before it, whose thumbnail is given? The
        files of both are opened only where the thumbnails differ as much as at a cut."""
        return is_cut(thumbnail, after.thumbnail()) and not self._is_motion(last, after)

    def _is_motion(self, last: int, after: FrameProxy) -> bool:
        try:
            vectors = self._shot.vectors(after.frame)
            if vectors is None or vectors.still:
                self._tell(after.frame, UNKNOWN if vectors is None else STILL)
                return False
            before = self._shot.proxy(self._shot.load(last))
        except FrameError as error:
            if passes(error):
                raise  # it may be there the next time, and a cut that was found stays
            return False
        # The pass tells of one frame; what lies further back went on as it goes now, as far as anybody knows.
        flow = torch.from_numpy(vectors.backwards(motion.SIZE)) * (after.frame - last)
        return motion.explains(flow, before.thumbnail(motion.SIZE), after.thumbnail(motion.SIZE))
