"""The Baker: from a frame's proxy to its bake (paper, sections 3.2 to 3.4, and Figure 2's lower path)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from lookmatte.bilateral.enhance import enhance
from lookmatte.bilateral.grid import compose, fade, identity_like, strengthen
from lookmatte.bilateral.guide import guide
from lookmatte.bilateral.slicing import apply_affine, slice_reference
from lookmatte.bilateral.transport import Moments, base_grid, moments
from lookmatte.looks.bake import Blend, FrameBake, RegionBake, measure_exposure
from lookmatte.looks.memory import Memory, Remembered, follow, pool_moments
from lookmatte.looks.proxy import FrameProxy, RegionProxy, is_cut
from lookmatte.networks.adain import FEWEST_PIXELS, trust
from lookmatte.networks.codes import FrameStatistics, StyleCode
from lookmatte.networks.model import Model

Mode = Literal["frame", "coherent", "shot"]

log = logging.getLogger("lookmatte")


@dataclass(frozen=True)
class StylePicture:
    """A reference picture: ``rgb`` (3, h, w) in the working encoding, ``weight`` (h, w) in [0, 1], the part that
    counts."""

    rgb: Tensor
    weight: Tensor


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


class Baker:
    """Bakes frames in order, remembering what `coherent` needs of the frame before.

    ``regions`` in order, ``rest`` last if there is one. `shot` mode wants :meth:`survey` of its sample frames
    before the first :meth:`bake`.
    """

    def __init__(self, model: Model, regions: Sequence[RegionLook], mode: Mode = "coherent") -> None:
        self.model = model
        self.regions = tuple(regions)
        self.mode: Mode = mode
        self.memory = Memory()
        self.guide = model.guide_weights()
        self._alpha = model.config.alpha if mode != "frame" else 0.0
        self._warned: set[str] = set()
        with torch.no_grad():
            self._styles = [[self._read(style) for style in region.styles] for region in self.regions]

    def _read(self, style: StylePicture) -> _Style:
        rgb, weight = style.rgb[None].clamp(0.0, 1.0), style.weight[None, None]
        return _Style(self.model.encode_style(rgb, weight), moments(rgb, weight))

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
        matte = 0.0 if look.blend == "rest" else 1.0
        z = guide(own.rgb, matte, self.guide)
        exposure = measure_exposure(slice_reference(grid[None], z[None])[0], own.rgb, own.weight)
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
            self._warn_if_small(self.regions[index].name, before.moments)
            return self._predict(proxy, index, style, before.moments, before.features, 1.0)[0]
        step = follow(own, before, self._alpha, proxy.frame)
        self._warn_if_small(self.regions[index].name, step.moments)
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
        look, target = self.regions[index], self._styles[index][style]
        matte = 0.0 if look.blend == "rest" else 1.0
        weight = proxy.regions[look.name].weight[None, None]
        base = base_grid(colours, target.moments, self.guide, matte)
        base = strengthen(base, float(trust(colours.mass)))
        if self.model.config.base == "none":
            base = identity_like(base)
        content = proxy.rgb[None].clamp(0.0, 1.0)
        z = guide(content, matte, self.guide, dim=1)
        moved = apply_affine(slice_reference(base, z), content).clamp(0.0, 1.0)
        residual, used = self.model.predict(moved, weight, target.code, previous, alpha)
        residual = strengthen(residual, self.model.config.residual)
        return compose(residual, base)[0], used

    def _warn_if_small(self, name: str, colours: Moments) -> None:
        if float(colours.mass) < FEWEST_PIXELS and name not in self._warned:
            self._warned.add(name)
            log.warning(
                "region %r covers almost nothing of the frame; it keeps its colours until it can be measured", name
            )

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
