"""What a Baker remembers between frames: eq. 5 and 6's t - 1, region by region and style by style.

The recursion runs over sums, of which statistics are the quotients: with m_t a region's size in the frame,

    M_t = (1 - alpha) m_t + alpha M_(t-1)
    M_t mu_t = (1 - alpha) m_t mu(x_t) + alpha M_(t-1) mu_(t-1)

A region that keeps its size follows eq. 5 and 6 to the letter. The little that was seen of an object while it came
in counts for little once it is there, and the sliver that is left of one that goes hardly changes its look.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from lookmatte.bilateral.transport import Moments, mix_moments
from lookmatte.looks.proxy import THUMBNAIL
from lookmatte.networks.adain import FEWEST_PIXELS
from lookmatte.networks.codes import FrameStatistics
from lookmatte.networks.predictor import LAYER_CHANNELS

Key = tuple[int, int]  # region, style

JUMP = 0.05
"""How far a region's mean colour, in OKLab, may go from one frame to the next, and times the root of n in n frames,
before it counts as a flash until the next one is known. In six DAVIS clips it goes half as far at most in one
frame, and .7, .8 and .96 of it in 4, 8 and 16."""


@dataclass(frozen=True)
class Remembered:
    """The statistics that one region's grid was made from.

    ``size``: M of the recursion, in proxy pixels; ``seen`` (B, 3): the region's mean when it was last taken in, at
    frame ``at``; ``jumped``: at its last frame the mean was far from that, or it came in then; ``pooled``: made
    for a whole shot, and left as it is.
    """

    moments: Moments
    features: FrameStatistics | None
    size: float
    seen: Tensor
    at: int
    jumped: bool = False
    pooled: bool = False


@dataclass
class Memory:
    """All regions' statistics and the last thumbnail. Saved as named tensors, so that a bake can go on."""

    entries: dict[Key, Remembered] = field(default_factory=dict)
    thumbnail: Tensor | None = None

    def forget(self) -> None:
        """Start a new shot."""
        self.entries.clear()

    def tensors(self) -> dict[str, Tensor]:
        """Named tensors; :meth:`from_tensors` is the way back, to the bit."""
        saved: dict[str, Tensor] = {}
        if self.thumbnail is not None:
            saved["thumbnail"] = self.thumbnail
        for (region, style), entry in self.entries.items():
            prefix = f"{region}.{style}/"
            saved[prefix + "moments.mean"] = entry.moments.mean
            saved[prefix + "moments.covariance"] = entry.moments.covariance
            saved[prefix + "moments.mass"] = entry.moments.mass
            saved[prefix + "seen"] = entry.seen
            state = [entry.size, entry.at, entry.jumped, entry.pooled]
            saved[prefix + "state"] = torch.tensor(state, dtype=torch.float64)
            if entry.features is not None:
                for name, value in entry.features.tensors().items():
                    saved[prefix + name] = value
        return {name: value.contiguous().clone() for name, value in saved.items()}

    @staticmethod
    def from_tensors(saved: dict[str, Tensor]) -> Memory:
        """Rebuild from :meth:`tensors`. Raises KeyError or ValueError for tensors of another kind."""
        memory = Memory(thumbnail=saved.get("thumbnail"))
        if memory.thumbnail is not None:
            _check({"thumbnail": memory.thumbnail}, {"thumbnail": (3, THUMBNAIL, THUMBNAIL)})
        for prefix in sorted({name.split("/")[0] for name in saved if "/" in name}):
            region, style = (int(part) for part in prefix.split("."))
            own = {name.split("/", 1)[1]: value for name, value in saved.items() if name.startswith(prefix + "/")}
            _check(own, {**_ENTRY, **(_FEATURES if "frame.pixels" in own else {})})
            moments = Moments(own["moments.mean"], own["moments.covariance"], own["moments.mass"])
            features = FrameStatistics.from_tensors(own) if "frame.pixels" in own else None
            size, at, jumped, pooled = own["state"].tolist()
            memory.entries[region, style] = Remembered(
                moments, features, size, own["seen"], int(at), bool(jumped), bool(pooled)
            )
        return memory


_ENTRY: dict[str, tuple[int, ...]] = {
    "moments.mean": (1, 3), "moments.covariance": (1, 3, 3), "moments.mass": (1,), "seen": (1, 3), "state": (4,)
}  # fmt: skip
_FEATURES: dict[str, tuple[int, ...]] = {
    **{f"frame.{at}.{part}": (1, size) for at, size in enumerate(LAYER_CHANNELS) for part in ("mean", "deviation")},
    **{f"frame.{at}.mass": (1,) for at in range(len(LAYER_CHANNELS))},
    "frame.pixels": (1,),
}


def _check(tensors: Mapping[str, Tensor], shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Raise ValueError unless they are these, of numbers: what is saved may come from anywhere."""
    if {name: tuple(value.shape) for name, value in tensors.items()} != dict(shapes):
        raise ValueError("tensors of another kind")
    if not all(value.is_floating_point() and bool(value.isfinite().all()) for value in tensors.values()):
        raise ValueError("tensors that hold no numbers")


@dataclass(frozen=True)
class Step:
    """One frame's turn of the recursion: the ``moments`` to use, the weight ``alpha`` of what was remembered, and
    what is ``kept`` of both for the next frame, without the features that this frame is yet to give."""

    moments: Moments
    alpha: float
    kept: Remembered


def follow(current: Moments, before: Remembered | None, alpha: float, frame: int) -> Step:
    """Take a frame's colours in.

    A region too small to be measured keeps what it was, and what is remembered of it fades; when too little is
    left, it starts afresh. A mean that jumps waits for the next frame: a flash of one frame leaves nothing behind,
    and a change that lasts is caught up with there.
    """
    mass = float(current.mass)
    if before is not None and mass < FEWEST_PIXELS <= float(before.moments.mass):
        return Step(before.moments, 1.0, replace(before, size=alpha * before.size))
    if before is None or before.size < FEWEST_PIXELS or alpha == 0.0:
        # While an object comes in its mean jumps with every part of it, and none of that is a flash.
        enters = before is not None
        return Step(current, 0.0, Remembered(current, None, mass, current.mean, frame, jumped=enters))
    limit = JUMP * max(1, frame - before.at) ** 0.5
    jumped = float((current.mean - before.seen).norm(dim=-1).max()) > limit
    if jumped and not before.jumped:
        return Step(mix_moments(current, before.moments, 1.0), 1.0, replace(before, jumped=True))
    share = alpha**2 if jumped else alpha  # the weight after two frames: the first one waited
    old, new = share * before.size, (1.0 - share) * mass
    weight = old / (old + new)
    mixed = mix_moments(current, before.moments, weight)
    return Step(mixed, weight, Remembered(mixed, None, old + new, current.mean, frame, jumped))


def pool_moments(frames: list[Moments]) -> Moments:
    """Moments of a whole sequence, each frame weighted by its mass."""
    mass = torch.stack([one.mass for one in frames])
    share = (mass / mass.sum(0).clamp_min(1e-6)).unsqueeze(-1)
    means = torch.stack([one.mean for one in frames])
    mean = (share * means).sum(0)
    away = means - mean
    spread = torch.stack([one.covariance for one in frames]) + away.unsqueeze(-1) * away.unsqueeze(-2)
    return Moments(mean, (share.unsqueeze(-1) * spread).sum(0), mass.mean(0))
