"""What a Baker remembers between frames: eq. 5 and 6's t - 1, region by region and style by style."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from lookmatte.bilateral.transport import Moments, mix_moments
from lookmatte.networks.adain import FEWEST_PIXELS
from lookmatte.networks.codes import FrameStatistics

Key = tuple[int, int]  # region, style


@dataclass(frozen=True)
class Remembered:
    """The statistics that one region's grid was made from."""

    moments: Moments
    features: FrameStatistics | None


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
            if entry.features is not None:
                for name, value in entry.features.tensors().items():
                    saved[prefix + name] = value
        return {name: value.contiguous().clone() for name, value in saved.items()}

    @staticmethod
    def from_tensors(saved: dict[str, Tensor]) -> Memory:
        """Rebuild from :meth:`tensors`. Raises KeyError or ValueError for tensors of another kind."""
        memory = Memory(thumbnail=saved.get("thumbnail"))
        for prefix in sorted({name.split("/")[0] for name in saved if "/" in name}):
            region, style = (int(part) for part in prefix.split("."))
            own = {name.split("/", 1)[1]: value for name, value in saved.items() if name.startswith(prefix + "/")}
            moments = Moments(own["moments.mean"], own["moments.covariance"], own["moments.mass"])
            features = FrameStatistics.from_tensors(own) if "frame.pixels" in own else None
            memory.entries[region, style] = Remembered(moments, features)
        return memory


def recall(current: Moments, previous: Moments | None, alpha: float) -> Moments:
    """Mix colours over time as the features are: a region too small now keeps what it was, one that was too
    small before starts afresh."""
    if previous is None or float(previous.mass) < FEWEST_PIXELS:
        return current
    if float(current.mass) < FEWEST_PIXELS:
        return previous
    return mix_moments(current, previous, alpha)


def pool_moments(frames: list[Moments]) -> Moments:
    """Moments of a whole sequence, each frame weighted by its mass."""
    mass = torch.stack([one.mass for one in frames])
    share = (mass / mass.sum(0).clamp_min(1e-6)).unsqueeze(-1)
    means = torch.stack([one.mean for one in frames])
    mean = (share * means).sum(0)
    away = means - mean
    spread = torch.stack([one.covariance for one in frames]) + away.unsqueeze(-1) * away.unsqueeze(-2)
    return Moments(mean, (share.unsqueeze(-1) * spread).sum(0), mass.mean(0))
