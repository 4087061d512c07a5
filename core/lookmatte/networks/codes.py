"""What the predictor remembers: of a style for ever (StyleCode), of a frame until the next one
(FrameStatistics)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lookmatte.networks.adain import FEWEST_PIXELS, Statistics, average, mix


def _named(prefix: str, layers: Sequence[Statistics]) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    for index, layer in enumerate(layers):
        tensors[f"{prefix}{index}.mean"] = layer.mean
        tensors[f"{prefix}{index}.deviation"] = layer.deviation
        tensors[f"{prefix}{index}.mass"] = layer.mass
    return tensors


def _layers(prefix: str, tensors: dict[str, Tensor]) -> tuple[Statistics, ...]:
    layers: list[Statistics] = []
    while (key := f"{prefix}{len(layers)}") + ".mean" in tensors:
        layers.append(Statistics(*(tensors[f"{key}.{part}"] for part in ("mean", "deviation", "mass"))))
    return tuple(layers)


def _join(parts: Sequence[Statistics], how: Callable[[list[Tensor]], Tensor]) -> Statistics:
    return Statistics(
        how([part.mean for part in parts]),
        how([part.deviation for part in parts]),
        how([part.mass for part in parts]),
    )


@dataclass(frozen=True)
class StyleCode:
    """All that a style is to the predictor, some 600 numbers, computed once.

    ``layers`` holds the style's statistics at the six ST-AdaIN layers (path and tap of block 1, 2, 3), then of
    the encoder's first tap;
    ``summary`` (B, 64) is the mean of its last features; ``pixels`` (B,) its weight in pixels of the 128x128
    picture.
    """

    layers: tuple[Statistics, ...]
    summary: Tensor
    pixels: Tensor

    @staticmethod
    def stack(codes: Sequence[StyleCode]) -> StyleCode:
        """One code with the batches of all, in order."""
        return StyleCode(
            tuple(_join(parts, torch.cat) for parts in zip(*(code.layers for code in codes), strict=True)),
            torch.cat([code.summary for code in codes]),
            torch.cat([code.pixels for code in codes]),
        )

    def select(self, index: Tensor | Sequence[int]) -> StyleCode:
        """The codes at these places of the batch."""
        chosen = torch.as_tensor(index, device=self.pixels.device)
        return StyleCode(
            tuple(_join([layer], lambda one: one[0][chosen]) for layer in self.layers),
            self.summary[chosen],
            self.pixels[chosen],
        )

    def detach(self) -> StyleCode:
        """The same numbers without their history."""
        return StyleCode(
            tuple(layer.detach() for layer in self.layers), self.summary.detach(), self.pixels.detach()
        )

    def tensors(self) -> dict[str, Tensor]:
        """Named tensors, to be saved; :meth:`from_tensors` is the way back."""
        return {**_named("style.", self.layers), "style.summary": self.summary, "style.pixels": self.pixels}

    @staticmethod
    def from_tensors(tensors: dict[str, Tensor]) -> StyleCode:
        """Rebuild a code from :meth:`tensors`; other keys are ignored."""
        return StyleCode(_layers("style.", tensors), tensors["style.summary"], tensors["style.pixels"])


@dataclass(frozen=True)
class FrameStatistics:
    """The content's statistics that one prediction used, layer by layer, and the region's size in proxy
    ``pixels`` (B,). Handed to the next frame they are eq. 5's and 6's t - 1; averaged over a shot they are
    `shot` mode."""

    layers: tuple[Statistics, ...]
    pixels: Tensor

    @staticmethod
    def average(frames: Sequence[FrameStatistics]) -> FrameStatistics:
        """Statistics of a whole sequence, each frame weighted by the region's size in it."""
        return FrameStatistics(
            tuple(average(parts) for parts in zip(*(frame.layers for frame in frames), strict=True)),
            torch.stack([frame.pixels for frame in frames]).mean(0),
        )

    def detach(self) -> FrameStatistics:
        """The same numbers without their history."""
        return FrameStatistics(tuple(layer.detach() for layer in self.layers), self.pixels.detach())

    def tensors(self) -> dict[str, Tensor]:
        """Named tensors, to be saved; :meth:`from_tensors` is the way back."""
        return {**_named("frame.", self.layers), "frame.pixels": self.pixels}

    @staticmethod
    def from_tensors(tensors: dict[str, Tensor]) -> FrameStatistics:
        """Rebuild statistics from :meth:`tensors`; other keys are ignored."""
        return FrameStatistics(_layers("frame.", tensors), tensors["frame.pixels"])


class Memory:
    """Eq. 5 and 6 during one prediction: mixes each layer's measured statistics with the previous frame's.

    A region that is too small now keeps what it was, and one that was too small before starts afresh,
    whatever alpha is.
    """

    def __init__(self, pixels: Tensor, previous: FrameStatistics | None, alpha: float) -> None:
        self._previous = previous
        self._used: list[Statistics] = []
        self._alpha = torch.zeros_like(pixels)
        self.pixels = pixels
        if previous is not None:
            now, before = pixels >= FEWEST_PIXELS, previous.pixels >= FEWEST_PIXELS
            chosen = torch.where(now, torch.full_like(pixels, alpha), torch.ones_like(pixels))
            self._alpha = torch.where(before, chosen, torch.full_like(pixels, float(alpha == 1.0)))
            self.pixels = torch.lerp(pixels, previous.pixels, self._alpha)

    def __call__(self, measured: Statistics) -> Statistics:
        """The statistics to use at the next layer."""
        if self._previous is not None:
            measured = mix(measured, self._previous.layers[len(self._used)], self._alpha)
        self._used.append(measured)
        return measured

    def frame(self) -> FrameStatistics:
        """What was used, for the next frame."""
        return FrameStatistics(tuple(self._used), self.pixels)
