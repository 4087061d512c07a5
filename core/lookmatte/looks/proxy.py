"""What a Baker sees of a frame: 256x256 area averages over the display window, in the working encoding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

PROXY = 256

# Six DAVIS clips: inside a clip neighbours change by .038 at most and stay .89 alike; at every junction of two
# of them the change is .127 at least, and .41 alike at most.
CHANGE = 0.08
_ALIKE = 0.6
_EMPTY = 0.05
THUMBNAIL = 16


@dataclass(frozen=True)
class RegionProxy:
    """A region in the proxy: ``rgb`` (3, 256, 256), averaged under the region's own weight, and the ``weight``
    (256, 256) in [0, 1] that its statistics use; ``matte`` (256, 256), the matte itself whatever the alpha."""

    rgb: Tensor
    weight: Tensor
    matte: Tensor


@dataclass(frozen=True)
class FrameProxy:
    """A frame in the proxy. ``rgb`` (3, 256, 256): the average of what has alpha, and the frame's mean colour
    where nothing has; ``weight`` (256, 256): how much of each cell has; one entry of ``regions`` a region.
    ``grain`` (3, 256, 256): variance of the colours inside each cell, where mattes are to be enhanced."""

    frame: int
    rgb: Tensor
    weight: Tensor
    regions: Mapping[str, RegionProxy]
    grain: Tensor | None = None

    def thumbnail(self, cells: int = THUMBNAIL) -> Tensor:
        """(3, cells, cells) of the same picture; cuts are looked for in one of 16x16."""
        lines = self.rgb.clamp(0.0, 1.0).view(3, cells, -1, PROXY).sum(2)
        return lines.view(3, cells, cells, -1).sum(-1).mul_((cells / PROXY) ** 2)


def is_cut(before: Tensor, after: Tensor) -> bool:
    """Do two (3, 16, 16) thumbnails belong to different shots?

    Much of the picture must change, and so must its structure: a flash or a fade changes every pixel's level
    but leaves the pattern of light and dark where it was. A picture that is all black or all white (the end of
    a fade, a flash that blows everything out) has no structure to compare and starts nothing; the one after it
    does.
    """
    if float(after.max()) < _EMPTY or float(after.min()) > 1.0 - _EMPTY:
        return False
    change = float((before - after).abs().mean())
    a, b = before.mean(0) - before.mean(), after.mean(0) - after.mean()
    alike = float((a * b).sum() / (a.norm() * b.norm()).clamp_min(1e-6))
    return change > CHANGE and alike < _ALIKE
