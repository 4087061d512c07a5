"""References: pictures as a Baker takes them, and what they are reduced to, once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from lookmatte.bilateral.transport import NOISE, Moments, moments, spread
from lookmatte.networks.codes import StyleCode
from lookmatte.networks.model import Model

# OKLab chroma, rms with its mean, below which a style is grey, and from which on it is as coloured as any: black
# and white photographs have none, the least coloured of 657 others .003.
_GREY, _COLOURED = 0.001, 0.003


class Reference(Protocol):
    """A reference picture, wherever it comes from: ``rgb`` (3, h, w) in the working encoding, ``weight`` (h, w) in
    [0, 1], the part that counts; ``name``: what a person calls it.

    One that outlives a run may ``recall`` the named tensors that a model, by its checksum, reduced it to in an
    earlier one, to the bit, and ``keep`` them for a later one. Pixels are asked for only where nothing is recalled.
    """

    @property
    def rgb(self) -> Tensor: ...
    @property
    def weight(self) -> Tensor: ...
    @property
    def name(self) -> str: ...
    def recall(self, model: str) -> dict[str, Tensor] | None: ...
    def keep(self, model: str, tensors: dict[str, Tensor]) -> None: ...


@dataclass(frozen=True)
class StylePicture:
    """A :class:`Reference` in memory."""

    rgb: Tensor
    weight: Tensor
    name: str = "picture"

    def recall(self, model: str) -> dict[str, Tensor] | None:
        """Nothing: it has no earlier run."""
        return None

    def keep(self, model: str, tensors: dict[str, Tensor]) -> None:
        """Nothing is kept."""


@dataclass(frozen=True)
class Style:
    """All that a reference is to a bake, some 600 numbers: the predictor's ``code``, and its colours."""

    code: StyleCode
    moments: Moments

    @staticmethod
    def of(reference: Reference, model: Model, checksum: str) -> Style:
        """Recall or compute it; ``checksum`` is the model's."""
        saved = reference.recall(checksum)
        if saved is not None:
            colours = Moments(*(saved[f"moments.{part}"] for part in ("mean", "covariance", "mass")))
            return Style(StyleCode.from_tensors(saved), colours)
        rgb, weight = reference.rgb[None].clamp(0.0, 1.0), reference.weight[None, None]
        made = Style(model.encode_style(rgb, weight), moments(rgb, weight))
        reference.keep(checksum, made.tensors())
        return made

    def tensors(self) -> dict[str, Tensor]:
        """Named tensors; :meth:`of` is the way back."""
        colours = {f"moments.{part}": value for part, value in vars(self.moments).items()}
        return {**self.code.tensors(), **colours}

    @property
    def contrast(self) -> float:
        """How far the style is a picture at all: 0 for one of a single colour, about which the network, which has
        seen photographs, has nothing to say."""
        return min(max(spread(self.moments) / NOISE - 1.0, 0.0), 1.0)

    @property
    def grey(self) -> float:
        """How far the style is without any colour: 1 for a black and white picture."""
        mean, covariance = self.moments.mean[0, 1:], self.moments.covariance[0].diagonal()[1:]
        chroma = float((mean.square().sum() + covariance.sum()).clamp_min(0.0).sqrt())
        return min(max((_COLOURED - chroma) / (_COLOURED - _GREY), 0.0), 1.0)
