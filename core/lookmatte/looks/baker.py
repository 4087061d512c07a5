"""The Baker: from a frame's proxy to its bake (paper, sections 3.2 to 3.4, and Figure 2's lower path)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from lookmatte.bilateral.enhance import enhance
from lookmatte.bilateral.grid import compose, fade, identity_like, strengthen
from lookmatte.bilateral.guide import guide
from lookmatte.bilateral.slicing import apply_affine, slice_band
from lookmatte.bilateral.tone import keep_order, retone
from lookmatte.bilateral.transport import NOISE, Moments, base_grid, level, moments, spread
from lookmatte.looks import notices
from lookmatte.looks.bake import Blend, FrameBake, RegionBake
from lookmatte.looks.exposure import measure_exposure
from lookmatte.looks.memory import Memory, Remembered, follow, pool_moments
from lookmatte.looks.proxy import FrameProxy, RegionProxy, is_cut
from lookmatte.networks.adain import FEWEST_PIXELS, trust
from lookmatte.networks.codes import FrameStatistics, StyleCode
from lookmatte.networks.encoder import ENCODER_SIZE
from lookmatte.networks.model import Model

Mode = Literal["frame", "coherent", "shot"]

# OKLab chroma, rms with its mean, below which a style is grey, and from which on it is as coloured as any: black
# and white photographs have none, the least coloured of 657 others .003.
_GREY, _COLOURED = 0.001, 0.003


@dataclass(frozen=True)
class StylePicture:
    """A reference picture: ``rgb`` (3, h, w) in the working encoding, ``weight`` (h, w) in [0, 1], the part that
    counts; ``name``: what a person calls it."""

    rgb: Tensor
    weight: Tensor
    name: str = "picture"


@dataclass(frozen=True)
class RegionLook:
    """What a region is to take on: its pictures, and on each frame (first, second, share of the second)."""

    name: str
    blend: Blend
    styles: tuple[StylePicture, ...]
    mix: Callable[[int], tuple[int, int, float]] = lambda _: (0, 0, 0.0)


@dataclass(frozen=True)
class _Style:
    code: StyleCode
    moments: Moments

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


class Baker:
    """Bakes frames in order, remembering what `coherent` needs of the frame before.

    ``regions`` in order, ``rest`` last if there is one. `shot` mode wants :meth:`survey` of its sample frames
    before the first :meth:`bake`. ``listen`` is told what a person should know of a look; by default lookmatte's
    log is.
    """

    def __init__(
        self,
        model: Model,
        regions: Sequence[RegionLook],
        mode: Mode = "coherent",
        listen: notices.Listener | None = None,
    ) -> None:
        self.model = model
        self.regions = tuple(regions)
        self.mode: Mode = mode
        self.memory = Memory()
        self.guide = model.guide_weights()
        self._alpha = model.config.alpha if mode != "frame" else 0.0
        self._listen = listen or notices.say_once()
        with torch.no_grad():
            self._styles = [[self._read(style) for style in region.styles] for region in self.regions]

    def _read(self, style: StylePicture) -> _Style:
        rgb, weight = style.rgb[None].clamp(0.0, 1.0), style.weight[None, None]
        colours = moments(rgb, weight)
        flat = notices.one_colour(style.name, colours)
        if flat is not None:
            notices.log.warning("%s", flat)
        return _Style(self.model.encode_style(rgb, weight), colours)

    @torch.no_grad()
    def bake(self, proxy: FrameProxy, *, cut: bool | None = None) -> FrameBake:
        """Bake one frame. Frames come in order; ``cut``: it starts a new shot, which forgets what was before;
        None: look for a change of picture."""
        if cut is None:
            cut = self.starts_shot(proxy)
        if cut and self.mode == "coherent":
            self.memory.forget()
        self.memory.thumbnail = proxy.thumbnail()
        enhanced = self.enhance(proxy)
        regions = tuple(self._region(proxy, index, enhanced) for index in range(len(self.regions)))
        return FrameBake(proxy.frame, regions, self.guide)

    def starts_shot(self, proxy: FrameProxy) -> bool:
        """Is there a cut between the frame baked last and this one?"""
        return self.memory.thumbnail is not None and is_cut(self.memory.thumbnail, proxy.thumbnail())

    @torch.no_grad()
    def enhance(self, proxy: FrameProxy) -> dict[str, Tensor]:
        """The coefficients (4, 256, 256) of the enhanced mattes of a frame's `grid` regions, by name."""
        grain = None if proxy.grain is None else proxy.grain[None]
        return {
            region.name: enhance(proxy.rgb[None], proxy.regions[region.name].matte[None, None], grain)[0]
            for region in self.regions
            if region.blend == "grid"
        }

    def _region(self, proxy: FrameProxy, index: int, mattes: dict[str, Tensor]) -> RegionBake:
        look = self.regions[index]
        first, second, t = look.mix(proxy.frame)
        grid = self._grid(proxy, index, first)
        if t > 0.0:
            grid = fade(grid, self._grid(proxy, index, second), t)
        own = proxy.regions[look.name]
        matte = self._matte(index)
        z = guide(own.rgb, matte, self.guide)
        times = notices.amplification(grid, own.rgb, own.weight, self.guide, matte)
        self._tell(notices.contrast(proxy.frame, look.name, times))
        exposure = measure_exposure(_slice(grid, z), own.rgb, own.weight)
        return RegionBake(look.name, look.blend, grid, exposure, mattes.get(look.name))

    def _moments(self, own: RegionProxy) -> Moments:
        return moments(own.rgb[None], own.weight[None, None])

    def _grid(self, proxy: FrameProxy, index: int, style: int) -> Tensor:
        """One region's grid towards one of its styles: (12, 8, 16, 16)."""
        own = self._moments(proxy.regions[self.regions[index].name])
        before = self.memory.entries.get((index, style))
        if self.mode == "shot" and before is None:
            raise ValueError("shot mode: survey() comes before bake()")
        if before is not None and before.pooled:
            self._tell(notices.small(proxy.frame, self.regions[index].name, float(before.moments.mass)))
            return self._predict(proxy, index, style, before.moments, before.features, 1.0)[0]
        step = follow(own, before, self._alpha, proxy.frame)
        self._tell(notices.small(proxy.frame, self.regions[index].name, float(step.moments.mass)))
        features = before.features if before else None
        grid, used = self._predict(proxy, index, style, step.moments, features, step.alpha)
        if self.mode != "frame":
            self.memory.entries[index, style] = replace(step.kept, features=used)
        return grid

    def _predict(
        self,
        proxy: FrameProxy,
        index: int,
        style: int,
        colours: Moments,
        previous: FrameStatistics | None,
        alpha: float,
    ) -> tuple[Tensor, FrameStatistics]:
        target = self._styles[index][style]
        matte = self._matte(index)
        weight = proxy.regions[self.regions[index].name].weight[None, None]
        base = base_grid(colours, target.moments, self.guide, matte)
        base = strengthen(base, float(trust(colours.mass)))
        if self.model.config.base == "none":
            base = identity_like(base)
        # As in training, the base is applied to what the encoder sees.
        content = F.adaptive_avg_pool2d(proxy.rgb.clamp(0.0, 1.0), ENCODER_SIZE)
        weight = F.adaptive_avg_pool2d(weight, ENCODER_SIZE)
        moved = apply_affine(_slice(base[0], guide(content, matte, self.guide)), content)
        residual, used = self.model.predict(moved[None], weight, target.code, previous, alpha)
        residual = strengthen(residual, self.model.config.residual * target.contrast)
        return self._tamed(compose(residual, base)[0], colours, index, style), used

    def _tamed(self, grid: Tensor, colours: Moments, index: int, style: int) -> Tensor:
        """What holds of a look whatever its base and its residual say: a style without colour takes all colour
        away, and no tone is carried past another."""
        grey = self._styles[index][style].grey * float(trust(colours.mass))
        if grey > 0.0:
            grid = retone(grid, 0.0, 1.0 - grey)
        return keep_order(grid, float(level(colours)), self.guide, self._matte(index))

    def _tell(self, notice: notices.Notice | None) -> None:
        if notice is not None:
            self._listen(notice)

    def _matte(self, index: int) -> float:
        """What the guide of a region's own grid sees."""
        return 0.0 if self.regions[index].blend == "rest" else 1.0

    @torch.no_grad()
    def survey(self, samples: Sequence[FrameProxy]) -> None:
        """`shot` mode: pool the statistics of the sample frames, which every frame's grid then shares
        (Wang et al. 2020, section 3.4). A region counts in the samples that have enough of it; one that none has
        is smoothed as in `coherent` mode from where it is first seen."""
        if not samples:
            raise ValueError("shot mode needs at least one sample frame")
        self.memory.forget()
        for index, look in enumerate(self.regions):
            measured = [(proxy, self._moments(proxy.regions[look.name])) for proxy in samples]
            seen = [one for one in measured if float(one[1].mass) >= FEWEST_PIXELS]
            pooled = pool_moments([one for _, one in seen or measured])
            for style in range(len(look.styles)):
                used = [self._predict(proxy, index, style, pooled, None, 0.0)[1] for proxy, _ in seen or measured]
                features, mass = FrameStatistics.average(used), float(pooled.mass)
                self.memory.entries[index, style] = Remembered(
                    pooled, features, mass, pooled.mean, samples[0].frame, pooled=bool(seen)
                )


def _slice(grid: Tensor, z: Tensor) -> Tensor:
    """A (12, D, H, W) grid sliced over a whole square picture with guide (n, n): (12, n, n)."""
    centres = (torch.arange(z.shape[0], dtype=z.dtype) + 0.5) / z.shape[0]
    return slice_band(grid, z, centres, centres)
