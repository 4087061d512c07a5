"""Eq. 8: the sum of the losses for one scene, and the judge's units in which style counts."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from lookmatte.evaluation.motion import flow_and_visibility
from lookmatte.evaluation.vgg import Vgg19
from lookmatte.looks.motion import warp
from lookmatte.networks.adain import Statistics
from lookmatte.networks.model import Model
from lookmatte.training import losses
from lookmatte.training.augment import random_flow
from lookmatte.training.config import TrainingConfig
from lookmatte.training.data import Sampler, Scene
from lookmatte.training.forward import Styled, insides, region_grids, resize, style_frame, style_of

_COLOURS = 1024
_AXES = 24


@dataclass(frozen=True)
class Judge:
    """VGG-19 with its precision, and per layer the mean distance of random pairs, which style distances are
    divided by."""

    vgg: Vgg19
    precision: torch.dtype
    units: Tensor
    known: dict[int, list[Statistics]] = field(default_factory=dict)

    @torch.no_grad()
    def wanted(self, names: list[int], pictures: Tensor, weights: Tensor) -> list[Statistics]:
        """Statistics of styles by number, per layer; each style is looked at once."""
        for place, name in enumerate(names):
            if name not in self.known:
                one = slice(place, place + 1)
                self.known[name] = losses.layer_statistics(self(pictures[one]), weights[one])
        rows = [self.known[name] for name in names]
        parts = ("mean", "deviation", "mass")
        return [
            Statistics(*(torch.cat([getattr(one, part) for one in layer]) for part in parts))
            for layer in zip(*rows, strict=True)
        ]

    def __call__(self, rgb: Tensor) -> list[Tensor]:
        """Features of (N, 3, h, w)."""
        taps: list[Tensor] = self.vgg(rgb.contiguous(memory_format=torch.channels_last), self.precision)
        return taps


@torch.no_grad()
def make_judge(vgg: Vgg19, config: TrainingConfig, sampler: Sampler, scenes: int = 8) -> Judge:
    """Measure the judge's units on random pairs of the training pictures."""
    precision = torch.bfloat16 if config.styling.precision == "bfloat16" else torch.float32
    judge = Judge(vgg, precision, torch.ones(4))
    distances = []
    for step in range(scenes):
        scene = sampler.scene(10_000_000 + step, "whole")
        ours = judge(resize(scene.content, sampler.size))
        theirs = judge(scene.styles[0])
        weight = torch.ones_like(scene.styles[0][:, :1])
        distances.append(
            losses.style_distances(
                losses.layer_statistics(ours, weight), losses.layer_statistics(theirs, scene.weights[0])
            )
        )
    return Judge(vgg, precision, torch.cat(distances).mean(0))


def run_scene(model: Model, scene: Scene, size: int, in_grid: bool, alpha: float, aware: bool = True) -> Styled:
    """Style a scene; consecutive frames one after the other, each with its predecessor's statistics (eq.
    4)."""
    whole = torch.ones_like(scene.content[:, :1])
    mattes = [whole] if scene.truth is None else [scene.truth, 1.0 - scene.truth]
    given = scene.given if in_grid else None
    seen = mattes if given is None else [given, 1.0 - given]
    codes = [style_of(model, style, weight) for style, weight in zip(scene.styles, scene.weights, strict=True)]
    if not scene.clip:
        grids = [
            region_grids(model, scene.content, matte, code, inside=inside, aware=aware)[:2]
            for matte, code, inside in zip(seen, codes, insides(len(seen)), strict=True)
        ]
        return style_frame(model, scene.content, mattes, grids, size, given)
    per_region = []
    for matte, (code, colours), inside in zip(seen, codes, insides(len(seen)), strict=True):
        first = code.select([0])
        moments = type(colours)(*(getattr(colours, name)[:1] for name in ("mean", "covariance", "mass")))
        memory, bases, residuals = None, [], []
        for n in range(scene.content.shape[0]):
            frame, region = scene.content[n : n + 1], matte[n : n + 1]
            base, residual, memory = region_grids(
                model, frame, region, (first, moments), memory, alpha, inside, aware
            )
            bases.append(base)
            residuals.append(residual)
        per_region.append((torch.cat(bases), torch.cat(residuals)))
    return style_frame(model, scene.content, mattes, per_region, size, given)


def unsteadiness(model: Model, scene: Scene, styled: Styled, size: int, generator: torch.Generator) -> Tensor:
    """Compound regularisation (Wang et al. 2020, eq. 5): a photograph and a bent, noisy copy of it should get the
    same look, so that photographs teach stability too.

    The copy's grids are applied to the bent picture without the noise: a look that raises contrast may raise
    grain, and only the grids have to stay calm.
    """
    flow = random_flow(scene.content.shape[0], scene.content.shape[-1], generator)
    bent = warp(scene.content, flow)
    level = 0.03 * torch.rand((bent.shape[0], 1, 1, 1), generator=generator)
    noisy = bent + level * torch.randn(bent.shape, generator=generator)
    truth = None if scene.truth is None else warp(scene.truth, flow)
    whole = torch.ones_like(bent[:, :1])
    mattes = [whole] if truth is None else [truth, 1.0 - truth]
    grids = []
    for matte, inside, style, weight in zip(mattes, insides(len(mattes)), scene.styles, scene.weights, strict=True):
        code = style_of(model, style, weight)
        grids.append(region_grids(model, noisy, matte, code, inside=inside)[:2])
    ours = style_frame(model, bent, mattes, grids, size).out
    there = resize(flow, size) * (size / scene.content.shape[-1])
    return (ours - warp(styled.out, there)).abs().mean()


def objective(
    model: Model,
    judge: Judge,
    scene: Scene,
    config: TrainingConfig,
    in_grid: bool,
    generator: torch.Generator,
    compound: bool = False,
) -> tuple[Tensor, dict[str, float]]:
    """The loss of one scene and its parts, unweighted; ``compound`` adds :func:`unsteadiness`."""
    size, weights = config.styling.size, config.weights
    styled = run_scene(model, scene, size, in_grid, config.alpha)
    content = resize(scene.content, size)
    above = content - content.clamp(0.0, 1.0)
    shown = losses.soft_clamp(styled.out + above)
    content = content.clamp(0.0, 1.0)
    covers = [torch.ones_like(content[:, :1])]
    if scene.truth is not None:
        first = resize(scene.truth, size)
        covers = [first, 1.0 - first]

    # The frames of a clip are alike: the judge looks at its ends.
    judged = [0, content.shape[0] - 1] if scene.clip else list(range(content.shape[0]))
    taps = judge(shown[judged])
    axes = losses.directions(_AXES, generator)
    style, colour, keep = [], [], []
    for cover, picture, weight, names in zip(covers, scene.styles, scene.weights, scene.names, strict=True):
        wanted = judge.wanted(names, picture, weight)
        cover, picture, weight = cover[judged], picture[judged], weight[judged]
        distance = losses.style_distances(losses.layer_statistics(taps, cover), wanted) / judge.units
        share = cover.mean((1, 2, 3))
        style.append((distance.mean(1) * share).mean())
        theirs = losses.colours_at(picture, losses.sample_places(weight, _COLOURS, generator))
        places = losses.sample_places(cover, _COLOURS, generator)
        ours = losses.colour_distance(losses.colours_at(shown[judged], places), theirs, axes)
        with torch.no_grad():
            plain = losses.colours_at((styled.base + above).clamp(0.0, 1.0)[judged], places)
            limit = losses.colour_distance(plain, theirs, axes)
        colour.append((ours * share).mean())
        keep.append(((ours - limit).clamp_min(0.0) * share).mean())

    parts = {
        "style": torch.stack(style).sum(),
        "colour": torch.stack(colour).sum(),
        "keep": torch.stack(keep).sum(),
        "structure": losses.structure(shown, content),
        "gain": losses.gain(shown, content),
        "range": losses.out_of_range(styled.out),
        "smoothness": losses.roughness(styled.residuals),
    }
    if weights.content > 0:
        with torch.no_grad():
            reference = judge(content[judged])[-1]
        parts["content"] = losses.content_distance(taps[-1], reference)
    if styled.guide is not None and styled.sliced_mask is not None and scene.truth is not None:
        parts["guide"] = losses.guide_distance(styled.guide, scene.content)
        parts["mask"] = losses.mask_distance(styled.sliced_mask, scene.truth[:, 0])
    if scene.clip:
        pairs = [flow_and_visibility(content[n], content[n - 1]) for n in range(1, content.shape[0])]
        flow, visible = torch.stack([f for f, _ in pairs]), torch.stack([v for _, v in pairs])
        parts["temporal"] = losses.flicker(shown[1:], warp(shown[:-1], flow), visible)
    if compound:
        parts["compound"] = unsteadiness(model, scene, styled, size, generator)
    total = torch.stack([getattr(weights, name) * value for name, value in parts.items()]).sum()
    return total, {name: float(value.detach()) for name, value in parts.items()}
