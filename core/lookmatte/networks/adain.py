"""Feature statistics inside a matte, and the transfer of them: eq. 1 to 6 of the paper.

``Semantics``: the mean inside a matte is sum(m x) / sum(m), with the matching deviation (eq. 2's mu(x m)
read as the masked mean). Every function is safe for empty, tiny and flat regions: see :func:`trust` and
:func:`adain`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

FEWEST_PIXELS = 12.0
"""Pixels of the 256x256 proxy under which a region is too small to be measured (0.02 % of the picture)."""

_DEVIATION_FLOOR = 0.02
_GAIN_LIMIT = 8.0
VARIANCE_FLOOR = 1e-8


@dataclass(frozen=True)
class Statistics:
    """Per-channel ``mean`` (B, C) and ``deviation`` (B, C) of a feature map inside a matte, whose sum at
    the map's own scale is ``mass`` (B,)."""

    mean: Tensor
    deviation: Tensor
    mass: Tensor

    def detach(self) -> Statistics:
        """The same numbers without their history."""
        return Statistics(self.mean.detach(), self.deviation.detach(), self.mass.detach())


def masked_statistics(x: Tensor, matte: Tensor) -> Statistics:
    """Statistics of (B, C, h, w) features under a (B, 1, h, w) matte >= 0.

    What lies where the matte is 0 does not enter. An empty matte gives mean 0 and the smallest deviation.
    """
    mass = matte.sum((2, 3))
    share = (matte.flatten(2) / mass.clamp_min(1e-6).unsqueeze(-1)).mT
    mean = x.flatten(2) @ share
    variance = (x.flatten(2) - mean).square() @ share
    deviation = variance.squeeze(-1).clamp_min(VARIANCE_FLOOR).sqrt()
    return Statistics(mean.squeeze(-1), deviation, mass[:, 0])


def trust(pixels: Tensor) -> Tensor:
    """How far a region of so many proxy pixels (B,) can be measured: 0 below FEWEST_PIXELS, 1 from twice
    that.

    It fades rather than switches, so that an object that leaves the picture does not pop.
    """
    return ((pixels - FEWEST_PIXELS) / FEWEST_PIXELS).clamp(0.0, 1.0)


def adain(x: Tensor, content: Statistics, style: Statistics, amount: Tensor | None = None) -> Tensor:
    """SA-AdaIN, TC-AdaIN or ST-AdaIN (eq. 2, 3, 4), depending on where ``content`` comes from.

    sigma(y) (x - mu) / sigma + mu(y), with sigma at least 0.02 (features have deviation about 1) and the
    ratio of deviations at most 8, so that a flat region is not blown up into noise. ``amount`` (B,), from
    :func:`trust`, fades the result towards ``x`` itself: at 0 the features pass unchanged.
    """
    gain = _gain(content, style)
    moved = (x - content.mean[..., None, None]) * gain[..., None, None] + style.mean[..., None, None]
    if amount is None:
        return moved
    return torch.lerp(x, moved, amount.view(-1, 1, 1, 1))


def _gain(content: Statistics, style: Statistics) -> Tensor:
    return (style.deviation / content.deviation.clamp_min(_DEVIATION_FLOOR)).clamp_max(_GAIN_LIMIT)


def gains(content: Statistics, style: Statistics, amount: Tensor) -> tuple[Tensor, Tensor]:
    """:func:`adain` as a scale and a shift, both (B, C), of what it adds: adain(x) = x + scale x + shift."""
    gain, share = _gain(content, style), amount.unsqueeze(-1)
    return share * (gain - 1.0), share * (style.mean - content.mean * gain)


def mix(current: Statistics, previous: Statistics, alpha: float | Tensor) -> Statistics:
    """Eq. 5 and 6: (1 - alpha) current + alpha previous, for a number or a (B,) tensor; alpha 1 is
    ``previous``, to the bit."""
    weight = torch.as_tensor(alpha, dtype=current.mean.dtype, device=current.mean.device)
    weight = weight.expand_as(current.mass)
    column = weight.unsqueeze(-1)
    return Statistics(
        torch.lerp(current.mean, previous.mean, column),
        torch.lerp(current.deviation, previous.deviation, column),
        torch.lerp(current.mass, previous.mass, weight),
    )


def average(many: Sequence[Statistics]) -> Statistics:
    """The statistics of a whole sequence: moments pooled over its frames, each weighted by its mass.

    Unlike a mean of deviations this is exactly what :func:`masked_statistics` of all frames side by side
    gives.
    """
    mass = torch.stack([one.mass for one in many])
    share = (mass / mass.sum(0).clamp_min(1e-6)).unsqueeze(-1)
    means = torch.stack([one.mean for one in many])
    mean = (share * means).sum(0)
    square = torch.stack([one.deviation for one in many]) ** 2 + (means - mean) ** 2
    return Statistics(mean, (share * square).sum(0).clamp_min(VARIANCE_FLOOR).sqrt(), mass.mean(0))
