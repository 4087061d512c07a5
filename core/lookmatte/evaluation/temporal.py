"""How steady a styled clip is, told against its plate: warping error, change consistency, temporal error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from lookmatte.evaluation.pictures import Rgb, to_tensor
from lookmatte.evaluation.structure import ssim
from lookmatte.looks.motion import warp

SIZE = 512
"""The longer side at which clips are compared over time."""
COLOURS = 0.08
"""How far the plate's colours may differ along the motion where a pixel still counts as visible."""
MEASURES = ("warp", "tcc", "e_temporal")
_EPSILON = 1e-6


@dataclass(frozen=True)
class TemporalScores:
    """Of one clip.

    ``warp``: warping error relative to the plate's own, 1 is as steady as the plate. Warping error: mean over
    visible pixels and channels of |O_t - warp(O_t+1)|, eq. 14 of Xia et al. (2021) and Lai et al. (2018), with
    the flow from t to t + 1. ``warp_out`` and ``warp_plate`` are the two errors themselves.
    ``tcc``: temporal change consistency (Zhang et al. 2019, "Exploiting temporal consistency for real-time video
    depth estimation"): mean over t of SSIM(|O_t - O_t+1|, |I_t - I_t+1|), over the channels; 1 is best.
    ``e_temporal``: eq. 8 of Huang et al. (2017), "Real-time neural style transfer for videos": the root of the
    mean over frames and ALL samples of c (O_t - warp(O_t+1))^2, c the visibility; 0 is best, in units of [0, 1].
    """

    warp: float
    tcc: float
    e_temporal: float
    warp_out: float
    warp_plate: float


class Steadiness:
    """Gathers :class:`TemporalScores` of one clip from its pairs of consecutive frames, one pair at a time."""

    def __init__(self) -> None:
        self._out = self._plate = self._square = self._consistency = 0.0
        self._visible, self._samples, self._pairs = 0.0, 0, 0

    def add(self, plate: tuple[Rgb, Rgb], out: tuple[Rgb, Rgb], flow: Tensor, visible: Tensor) -> None:
        """Frames t and t + 1 of the plate and of the styled clip (h, w, 3); flow (2, h, w) from t to t + 1, and
        its visibility (1, h, w)."""
        seen = visible[0].numpy()[..., None]
        change = _difference(out, flow)
        self._out += float((np.abs(change) * seen).sum(dtype=np.float64))
        self._plate += float((np.abs(_difference(plate, flow)) * seen).sum(dtype=np.float64))
        self._square += float((change**2 * seen).sum(dtype=np.float64))
        self._visible += 3.0 * float(seen.sum(dtype=np.float64))
        self._samples += change.size
        ours, theirs = np.abs(out[0] - out[1]), np.abs(plate[0] - plate[1])
        self._consistency += float(np.mean([ssim(ours[..., k], theirs[..., k], 1.0) for k in range(3)]))
        self._pairs += 1

    def scores(self) -> TemporalScores:
        """The scores of what was added; at least one pair."""
        out, plate = (total / max(self._visible, 1.0) for total in (self._out, self._plate))
        return TemporalScores(
            warp=(out + _EPSILON) / (plate + _EPSILON),
            tcc=self._consistency / self._pairs,
            e_temporal=float(np.sqrt(self._square / self._samples)),
            warp_out=out,
            warp_plate=plate,
        )


def _difference(frames: tuple[Rgb, Rgb], flow: Tensor) -> Rgb:
    """O_t - warp(O_t+1)."""
    fetched = warp(to_tensor(frames[1])[None], flow[None].nan_to_num())[0]
    change: Rgb = frames[0] - fetched.permute(1, 2, 0).numpy()
    return change
