"""The networks for one region of one frame, with everything linear folded into the weights.

The numbers are those of :meth:`lookmatte.networks.model.Model.predict` to rounding, at half its cost: per channel,
ST-AdaIN is a scale and a shift, so a convolution of features and what AdaIN makes of them is one convolution of the
features alone, with weights of its own. The same holds of the encoder's first and last normalisations.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from lookmatte.bilateral.grid import COEFFICIENTS, DEPTH, identity_like
from lookmatte.networks.adain import VARIANCE_FLOOR, Statistics, gains, trust
from lookmatte.networks.codes import FrameStatistics, Memory, StyleCode
from lookmatte.networks.encoder import CENTRE, SCALE, Encoder
from lookmatte.networks.predictor import (
    GLOBAL_REACH,
    LEAK,
    LOCAL_REACH,
    Predictor,
    SplattingBlock,
    differences,
)


@dataclass(frozen=True)
class _Conv:
    """A 3x3 convolution whose border repeats the picture's."""

    weight: Tensor
    bias: Tensor
    stride: int = 1

    @staticmethod
    def of(layer: nn.Module, divisor: Tensor | None = None) -> _Conv:
        """A layer, and what divides its input channel by channel."""
        assert isinstance(layer, nn.Conv2d)
        assert layer.bias is not None
        weight = layer.weight.detach()
        weight = weight if divisor is None else weight / divisor.view(1, -1, 1, 1)
        return _Conv(_last(weight), layer.bias.detach().clone(), layer.stride[0])

    def __call__(self, x: Tensor) -> Tensor:
        return functional.conv2d(_padded(x), self.weight, self.bias, self.stride)


def _last(x: Tensor) -> Tensor:
    return x.clone(memory_format=torch.channels_last)


def _padded(x: Tensor) -> Tensor:
    return functional.pad(x, (1, 1, 1, 1), mode="replicate")


def halve(x: Tensor) -> Tensor:
    """Averages of 2x2 of (..., h, w) with even sides: what ``avg_pool2d`` gives, several times as fast."""
    rows = x[..., 0::2, :] + x[..., 1::2, :]
    return (rows[..., 0::2] + rows[..., 1::2]).mul_(0.25)


def _leaky(x: Tensor) -> Tensor:
    return functional.leaky_relu(x, LEAK, inplace=True)


def _statistics(x: Tensor, share: Tensor, mass: Tensor, divisor: Tensor | None = None) -> Statistics:
    """As :func:`lookmatte.networks.adain.masked_statistics`: one map's (1, C, h, w), divided by ``divisor`` (C,),
    under shares (1, h * w) that sum to 1."""
    columns = x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])
    mean = share @ columns
    variance = share @ (columns - mean).square_()
    if divisor is not None:
        mean, variance = mean / divisor, variance / divisor.square()
    return Statistics(mean, variance.clamp_min(VARIANCE_FLOOR).sqrt(), mass)


class _Block:
    """A splatting block; ``divisor`` normalises the encoder's tap."""

    def __init__(self, block: nn.Module, path: Tensor | None, divisor: Tensor) -> None:
        assert isinstance(block, SplattingBlock)
        self.s1, self.s3 = _Conv.of(block.s1, path), _Conv.of(block.s3)
        weight = block.s2.weight.detach()
        self._bias = block.s2.bias.detach().clone()  # type: ignore[union-attr]
        plain, moved = weight.chunk(2, 1)
        self._plain = _last(plain / divisor.view(1, -1, 1, 1))
        self._moved = _last(moved / divisor.view(1, -1, 1, 1))
        self._shifts = moved.sum((2, 3)).contiguous()

    def s2(self, tap: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        """The convolution of a normalised tap and of its change, ``scale`` times it and ``shift``, both (1, C)."""
        weight = torch.addcmul(self._plain, self._moved, scale.view(1, -1, 1, 1))
        bias = torch.addmv(self._bias, self._shifts, shift[0])
        return functional.conv2d(_padded(tap), weight, bias)


class Folded:
    """An encoder and a predictor, as they are when this is made, for batches of one and without gradients."""

    def __init__(self, encoder: Encoder, predictor: Predictor) -> None:
        self._divisors = [encoder.get_buffer(f"deviation{index + 1}").clone() for index in range(4)]
        stages = [
            [_Conv.of(layer) for layer in stage.children() if isinstance(layer, nn.Conv2d)]
            for stage in encoder.stages
        ]
        first = stages[0][0]
        centred = first.bias - first.weight.sum((1, 2, 3)) * (CENTRE / SCALE)
        stages[0][0] = _Conv(_last(first.weight / SCALE), centred)
        self._stages = stages
        paths = (self._divisors[0], None, None)
        self._blocks = [
            _Block(block, path, divisor)
            for block, path, divisor in zip(predictor.blocks, paths, self._divisors[1:], strict=True)
        ]
        self._tail = [_Conv.of(layer) for layer in (predictor.l1, predictor.l2, predictor.f)]
        self._local = (predictor.local.weight.detach()[:, :, 0, 0].T.contiguous(), _bias(predictor.local))
        self._linear = [
            (layer.weight.detach().clone(), _bias(layer))
            for layer in (predictor.gist, predictor.hidden, predictor.overall)
        ]

    def _taps(self, rgb: Tensor) -> list[Tensor]:
        """The encoder's taps, before they are normalised."""
        x = rgb.contiguous(memory_format=torch.channels_last)
        taps: list[Tensor] = []
        for stage in self._stages:
            x = halve(x) if taps else x
            for conv in stage:
                x = torch.relu_(conv(x))
            taps.append(x)
        return taps

    def predict(
        self,
        content: Tensor,
        matte: Tensor,
        style: StyleCode,
        previous: FrameStatistics | None = None,
        alpha: float = 0.0,
    ) -> tuple[Tensor, FrameStatistics]:
        """:meth:`~lookmatte.networks.model.Model.predict` of a (1, 3, 128, 128) content in [0, 1] under a
        (1, 1, 128, 128) matte in [0, 1]: (1, 12, 8, 16, 16), and the statistics that were used."""
        scales = [matte]
        for _ in self._blocks:
            scales.append(halve(scales[-1]))
        scales = [scale.flatten(1) for scale in scales]
        masses = [scale.sum(1) for scale in scales]
        shares = [scale / mass.clamp_min(1e-6) for scale, mass in zip(scales, masses, strict=True)]
        memory = Memory(masses[0] * 4.0, previous, alpha)
        amount = trust(memory.pixels) * trust(style.pixels * 4.0)
        taps = self._taps(content)
        path = taps[0]
        for index, block in enumerate(self._blocks, 1):
            share, mass, tap = shares[index], masses[index], taps[index]
            u = _leaky(block.s1(path))
            on_path = gains(memory(_statistics(u, share, mass)), style.layers[2 * index - 2], amount)
            own = memory(_statistics(tap, share, mass, self._divisors[index]))
            v = _leaky(block.s2(tap, *gains(own, style.layers[2 * index - 1], amount)))
            scale, shift = (one.view(1, -1, 1, 1) for one in on_path)
            path = _leaky(block.s3(torch.addcmul(v.add_(u).add_(shift), u, scale)))
        features = path
        for conv in self._tail:
            features = _leaky(conv(features))
        columns = features.permute(0, 2, 3, 1).reshape(-1, features.shape[1])
        region = shares[-1] @ columns
        memory(_statistics(taps[0], shares[0], masses[0], self._divisors[0]))
        used = memory.frame()
        gist = torch.cat([region, style.summary, differences(used.layers, style.layers)], 1)
        for weight, bias in self._linear[:-1]:
            gist = _leaky(functional.linear(gist, weight, bias))
        overall = torch.tanh(functional.linear(gist, *self._linear[-1])).mul_(GLOBAL_REACH)
        local = torch.tanh_(torch.addmm(self._local[1], columns, self._local[0])).mul_(LOCAL_REACH)
        change = local.add_(overall).mul_(amount).T.reshape(1, COEFFICIENTS, DEPTH, *features.shape[2:])
        return identity_like(change).add_(change), used


def _bias(layer: nn.Module) -> Tensor:
    assert isinstance(layer, nn.Conv2d | nn.Linear)
    assert layer.bias is not None
    return layer.bias.detach().clone()
