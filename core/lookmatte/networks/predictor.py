"""The grid predictor: Table 4's splatting blocks with ST-AdaIN, and the heads that write a residual grid."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from lookmatte.bilateral.grid import COEFFICIENTS, DEPTH, identity_like
from lookmatte.networks.adain import Statistics, adain, masked_statistics, trust
from lookmatte.networks.codes import FrameStatistics, Memory, StyleCode
from lookmatte.networks.encoder import TAP_CHANNELS

BLOCK_CHANNELS = (8, 16, 32)
LAYER_CHANNELS = (
    *(channels for pair in zip(BLOCK_CHANNELS, TAP_CHANNELS[1:], strict=True) for channels in pair),
    TAP_CHANNELS[0],
)
"""Of each layer whose statistics a StyleCode and a FrameStatistics hold."""

FEATURES = 64
LOCAL_REACH = 0.5
HIDDEN = 128
GLOBAL_REACH = 1.0
LEAK = 0.1
TAP_LAYERS = (6, 1, 3, 5)
"""Where a code's layers hold the statistics of the encoder's four taps."""


def _conv(channels_in: int, channels_out: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(channels_in, channels_out, 3, stride, padding=1, padding_mode="replicate")


def _relu(x: Tensor) -> Tensor:
    """Table 4's ReLU with a leak: the heads start at zero, and what reaches the layers below them at first is so
    faint that plain ReLUs drift to where they are silent for every picture, and stay there."""
    return functional.leaky_relu(x, LEAK)


def differences(content: tuple[Statistics, ...], style: tuple[Statistics, ...]) -> Tensor:
    """The statistics of the four taps, of the content and from there to the style: (B, 960)."""
    parts: list[Tensor] = []
    for index in TAP_LAYERS:
        ours, theirs = content[index], style[index]
        parts += [ours.mean, ours.deviation, theirs.mean - ours.mean, theirs.deviation - ours.deviation]
    return torch.cat(parts, 1)


def matte_pyramid(matte: Tensor) -> list[Tensor]:
    """Area averages of a (B, 1, 128, 128) matte: sides 128, 64, 32 and 16, one for each tap."""
    scales = [matte]
    for _ in TAP_CHANNELS[1:]:
        scales.append(functional.avg_pool2d(scales[-1], 2))
    return scales


class SplattingBlock(nn.Module):
    """One of Table 4's blocks: S1 (stride 2) and S3 are shared by content and style, S2 reads the encoder's
    tap."""

    def __init__(self, path: int, tap: int, channels: int) -> None:
        super().__init__()
        self.s1 = _conv(path, channels, stride=2)
        self.s2 = _conv(2 * tap, channels)
        self.s3 = _conv(channels, channels)

    def style(self, path: Tensor, tap: Tensor, matte: Tensor) -> tuple[Tensor, Statistics, Statistics]:
        """The style's way through: its new path, and its statistics at the path and at the tap."""
        u = _relu(self.s1(path))
        v = _relu(self.s2(torch.cat([tap, torch.zeros_like(tap)], 1)))
        out = _relu(self.s3(u + v))
        return out, masked_statistics(u, matte), masked_statistics(tap, matte)

    def forward(
        self,
        path: Tensor,
        tap: Tensor,
        matte: Tensor,
        style: tuple[Statistics, Statistics],
        memory: Memory,
        amount: Tensor,
    ) -> Tensor:
        """The content's way through, re-coloured twice by ST-AdaIN (eq. 4): the path, and the tap."""
        u = _relu(self.s1(path))
        u = adain(u, memory(masked_statistics(u, matte)), style[0], amount)
        moved = adain(tap, memory(masked_statistics(tap, matte)), style[1], amount)
        v = _relu(self.s2(torch.cat([tap, moved - tap], 1)))
        out: Tensor = _relu(self.s3(u + v))
        return out


class Predictor(nn.Module):
    """Encoder features, a matte and a style in; a residual grid (B, 12, 8, 16, 16) around the identity out.

    Two heads are summed: one affine per cell and bin, and one per bin for the whole region. The second reads
    the means of the content's and of the style's last features, and the statistics of all four taps of both:
    they are what a style is, so a region's curve follows from them directly. Both start at zero, so an
    untrained predictor changes nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        paths = (TAP_CHANNELS[0], *BLOCK_CHANNELS[:-1])
        self.blocks = nn.ModuleList(
            SplattingBlock(path, tap, channels)
            for path, tap, channels in zip(paths, TAP_CHANNELS[1:], BLOCK_CHANNELS, strict=True)
        )
        self.l1 = _conv(BLOCK_CHANNELS[-1], FEATURES)
        self.l2 = _conv(FEATURES, FEATURES)
        self.f = _conv(FEATURES, FEATURES)
        self.local = nn.Conv2d(FEATURES, COEFFICIENTS * DEPTH, 1)
        self.gist = nn.Linear(4 * sum(TAP_CHANNELS) + 2 * FEATURES, HIDDEN)
        self.hidden = nn.Linear(HIDDEN, HIDDEN)
        self.overall = nn.Linear(HIDDEN, COEFFICIENTS * DEPTH)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        for head in (self.local, self.overall):
            nn.init.normal_(head.weight, std=5e-4)

    def _features(self, path: Tensor) -> Tensor:
        out: Tensor = _relu(self.f(_relu(self.l2(_relu(self.l1(path))))))
        return out

    def encode(self, taps: list[Tensor], matte: Tensor) -> StyleCode:
        """Reduce a style's taps, under a (B, 1, 128, 128) weight, to its code."""
        scales = matte_pyramid(matte)
        path = taps[0]
        layers: list[Statistics] = []
        for index, block in enumerate(self.blocks):
            assert isinstance(block, SplattingBlock)
            path, on_path, on_tap = block.style(path, taps[index + 1], scales[index + 1])
            layers += [on_path, on_tap]
        summary = masked_statistics(self._features(path), scales[-1]).mean
        layers.append(masked_statistics(taps[0], scales[0]))
        return StyleCode(tuple(layers), summary, matte.sum((1, 2, 3)))

    def forward(
        self,
        taps: list[Tensor],
        matte: Tensor,
        style: StyleCode,
        previous: FrameStatistics | None = None,
        alpha: float = 0.0,
    ) -> tuple[Tensor, FrameStatistics]:
        """Predict one residual grid per sample, and return the statistics that were used.

        ``taps`` are the encoder's maps of the base-applied proxy; ``matte`` (B, 1, 128, 128) is the region.
        With ``previous`` the content's statistics are mixed with the previous frame's by ``alpha`` (eq. 5,
        6); alpha 1 uses the given statistics alone, which is how statistics of a whole shot are imposed. A
        region or a style of too few pixels fades to the identity.
        """
        scales = matte_pyramid(matte)
        # The proxy has four pixels for each of the encoder's.
        memory = Memory(matte.sum((1, 2, 3)) * 4.0, previous, alpha)
        amount = trust(memory.pixels) * trust(style.pixels * 4.0)
        path = taps[0]
        for index, block in enumerate(self.blocks):
            pair = (style.layers[2 * index], style.layers[2 * index + 1])
            path = block(path, taps[index + 1], scales[index + 1], pair, memory, amount)
        features = self._features(path)
        region = masked_statistics(features, scales[-1]).mean
        memory(masked_statistics(taps[0], scales[0]))
        apart = differences(memory.frame().layers, style.layers)
        gist = _relu(self.gist(torch.cat([region, style.summary, apart], 1)))
        overall = GLOBAL_REACH * torch.tanh(self.overall(_relu(self.hidden(gist))))
        local = LOCAL_REACH * torch.tanh(self.local(features))
        change = (local + overall[..., None, None]) * amount.view(-1, 1, 1, 1)
        change = change.view(-1, COEFFICIENTS, DEPTH, *change.shape[2:])
        return identity_like(change) + change, memory.frame()
