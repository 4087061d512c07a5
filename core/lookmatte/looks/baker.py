"""The Baker: from a frame's proxy to its bake (paper, sections 3.2 to 3.4, and Figure 2's lower path)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from lookmatte.bilateral.enhance import enhance
from lookmatte.bilateral.grid import compose, fade, identity_like, slice_one_cell, strengthen
from lookmatte.bilateral.guide import GuideWeights, guide
from lookmatte.bilateral.slicing import apply_affine
from lookmatte.bilateral.tone import Order, retone
from lookmatte.bilateral.transport import BaseFit, Moments, level, moments
from lookmatte.looks import notices
from lookmatte.looks.bake import Blend, FrameBake, RegionBake
from lookmatte.looks.exposure import measure_exposure
from lookmatte.looks.memory import Memory, Remembered, follow, pool_moments
from lookmatte.looks.proxy import FrameProxy, RegionProxy, is_cut
from lookmatte.looks.sample import Sample
from lookmatte.looks.style import Reference, Style
from lookmatte.looks.style import StylePicture as StylePicture
from lookmatte.looks.threads import one_thread
from lookmatte.networks.adain import FEWEST_PIXELS, trust
from lookmatte.networks.codes import FrameStatistics
from lookmatte.networks.folded import Folded, halve
from lookmatte.networks.model import Model

Mode = Literal["frame", "coherent", "shot"]

@dataclass(frozen=True)
class RegionLook:
    """What a region is to take on: its pictures, and on each frame (first, second, share of the second)."""

    name: str
    blend: Blend
    styles: tuple[Reference, ...]
    mix: Callable[[int], tuple[int, int, float]] = lambda _: (0, 0, 0.0)


class _Seen:
    """A matte as the guide of a region's own grid sees it, one number, and what follows from it for all frames."""

    def __init__(self, weights: GuideWeights, matte: float) -> None:
        self.matte = matte
        self.base = BaseFit(weights, matte)
        self.order = Order(weights, matte)


class _Small:
    """A frame as the encoder takes it, (3, 128, 128) in [0, 1]: made once for all of its regions."""

    def __init__(self, proxy: FrameProxy, weights: GuideWeights) -> None:
        self.proxy = proxy
        self.content = halve(proxy.rgb.clamp(0.0, 1.0))
        self._weights = weights
        self._guides: dict[float, Tensor] = {}

    def guide(self, matte: float) -> Tensor:
        """Its guide (128, 128) under this matte."""
        if matte not in self._guides:
            self._guides[matte] = guide(self.content, matte, self._weights)
        return self._guides[matte]


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
        self._networks = Folded(model.encoder, model.predictor)
        self._alpha = model.config.alpha if mode != "frame" else 0.0
        self._listen = listen or notices.say_once()
        with one_thread(), torch.no_grad():
            seen = {matte: _Seen(self.guide, matte) for matte in {_matte(look) for look in self.regions}}
            self._seen = [seen[_matte(look)] for look in self.regions]
            checksum = model.checksum
            self._styles = [[self._read(one, checksum) for one in region.styles] for region in self.regions]

    def _read(self, reference: Reference, checksum: str) -> Style:
        style = Style.of(reference, self.model, checksum)
        flat = notices.one_colour(reference.name, style.moments)
        if flat is not None:
            notices.log.warning("%s", flat)
        return style

    @one_thread()
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
        small = _Small(proxy, self.guide)
        regions = tuple(self._region(small, index, enhanced) for index in range(len(self.regions)))
        return FrameBake(proxy.frame, regions, self.guide)

    def starts_shot(self, proxy: FrameProxy) -> bool:
        """Is there a cut between the frame baked last and this one?"""
        return self.memory.thumbnail is not None and is_cut(self.memory.thumbnail, proxy.thumbnail())

    @one_thread()
    @torch.no_grad()
    def enhance(self, proxy: FrameProxy) -> dict[str, Tensor]:
        """The coefficients (4, 256, 256) of the enhanced mattes of a frame's `grid` regions, by name."""
        grain = None if proxy.grain is None else proxy.grain[None]
        return {
            region.name: enhance(proxy.rgb[None], proxy.regions[region.name].matte[None, None], grain)[0]
            for region in self.regions
            if region.blend == "grid"
        }

    def _region(self, small: _Small, index: int, mattes: dict[str, Tensor]) -> RegionBake:
        look, frame = self.regions[index], small.proxy.frame
        first, second, t = look.mix(frame)
        own = small.proxy.regions[look.name]
        colours = self._moments(own)
        grid = self._grid(small, index, first, colours)
        if t > 0.0:
            grid = fade(grid, self._grid(small, index, second, colours), t)
        matte = self._seen[index].matte
        sample = Sample.of(own.rgb, own.weight)
        times = notices.amplification(grid, sample, self.guide, matte)
        self._tell(notices.contrast(frame, look.name, times))
        exposure = measure_exposure(grid, sample, self.guide, matte)
        return RegionBake(look.name, look.blend, grid, exposure, mattes.get(look.name))

    def _moments(self, own: RegionProxy) -> Moments:
        return moments(own.rgb[None], own.weight[None, None])

    def _grid(self, small: _Small, index: int, style: int, own: Moments) -> Tensor:
        """One region's grid towards one of its styles: (12, 8, 16, 16)."""
        frame, name = small.proxy.frame, self.regions[index].name
        before = self.memory.entries.get((index, style))
        if self.mode == "shot" and before is None:
            raise ValueError("shot mode: survey() comes before bake()")
        if before is not None and before.pooled:
            self._tell(notices.small(frame, name, float(before.moments.mass)))
            return self._predict(small, index, style, before.moments, before.features, 1.0)[0]
        step = follow(own, before, self._alpha, frame)
        self._tell(notices.small(frame, name, float(step.moments.mass)))
        features = before.features if before else None
        grid, used = self._predict(small, index, style, step.moments, features, step.alpha)
        if self.mode != "frame":
            self.memory.entries[index, style] = replace(step.kept, features=used)
        return grid

    def _predict(
        self,
        small: _Small,
        index: int,
        style: int,
        colours: Moments,
        previous: FrameStatistics | None,
        alpha: float,
    ) -> tuple[Tensor, FrameStatistics]:
        target = self._styles[index][style]
        seen = self._seen[index]
        base = strengthen(seen.base.cell(colours, target.moments), float(trust(colours.mass)))
        if self.model.config.base == "none":
            base = identity_like(base)
        # As in training, the base is applied to what the encoder sees.
        moved = apply_affine(slice_one_cell(base[0], small.guide(seen.matte)), small.content).clamp_(0.0, 1.0)
        weight = small.proxy.regions[self.regions[index].name].weight[None, None]
        weight = halve(weight).clamp_(0.0, 1.0)
        residual, used = self._networks.predict(moved[None], weight, target.code, previous, alpha)
        residual = strengthen(residual, self.model.config.residual * target.contrast)
        return self._tamed(compose(residual, base)[0], colours, index, style), used

    def _tamed(self, grid: Tensor, colours: Moments, index: int, style: int) -> Tensor:
        """What holds of a look whatever its base and its residual say: a style without colour takes all colour
        away, and no tone is carried past another."""
        grey = self._styles[index][style].grey * float(trust(colours.mass))
        if grey > 0.0:
            grid = retone(grid, 0.0, 1.0 - grey)
        return self._seen[index].order.keep(grid, float(level(colours)))

    def _tell(self, notice: notices.Notice | None) -> None:
        if notice is not None:
            self._listen(notice)

    @one_thread()
    @torch.no_grad()
    def survey(self, samples: Sequence[FrameProxy]) -> None:
        """`shot` mode: pool the statistics of the sample frames, which every frame's grid then shares
        (Wang et al. 2020, section 3.4). A region counts in the samples that have enough of it; one that none has
        is smoothed as in `coherent` mode from where it is first seen."""
        if not samples:
            raise ValueError("shot mode needs at least one sample frame")
        self.memory.forget()
        small = [_Small(proxy, self.guide) for proxy in samples]
        for index, look in enumerate(self.regions):
            measured = [(one, self._moments(one.proxy.regions[look.name])) for one in small]
            seen = [one for one in measured if float(one[1].mass) >= FEWEST_PIXELS]
            pooled = pool_moments([one for _, one in seen or measured])
            for style in range(len(look.styles)):
                used = [self._predict(one, index, style, pooled, None, 0.0)[1] for one, _ in seen or measured]
                features, mass = FrameStatistics.average(used), float(pooled.mass)
                self.memory.entries[index, style] = Remembered(
                    pooled, features, mass, pooled.mean, samples[0].frame, pooled=bool(seen)
                )


def _matte(look: RegionLook) -> float:
    """What the guide of a region's own grid sees."""
    return 0.0 if look.blend == "rest" else 1.0
