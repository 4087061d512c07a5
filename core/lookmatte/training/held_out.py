"""Measure a model on pictures that it was never trained on, against the transport base alone; and show
them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from lookmatte.evaluation.pictures import from_tensor
from lookmatte.evaluation.scores import Scene, Scores, summary, target
from lookmatte.networks.model import Model
from lookmatte.training.data import Material, Photo, fit
from lookmatte.training.forward import insides, region_grids, resize, style_frame, style_of
from lookmatte.training.mattes import pick_region
from lookmatte.training.objective import Judge

SIZE = 256


@dataclass(frozen=True)
class Region:
    """Its ``weight`` (1, 256, 256) in the content, and its style (3, 256, 256) with the style's own weight."""

    weight: Tensor
    style: Tensor
    style_weight: Tensor


@dataclass(frozen=True)
class Pair:
    """A content (3, 256, 256) with its regions."""

    content: Tensor
    regions: list[Region]


def _whole(photo: Photo) -> tuple[Tensor, Tensor]:
    return fit(photo.rgb, SIZE), torch.ones(1, SIZE, SIZE)


def make_pairs(material: Material, whole: int, split: int, seed: int = 11) -> list[Pair]:
    """A fixed choice of pairs: whole frames first, then pictures of two regions."""
    generator = torch.Generator().manual_seed(seed)

    def draw(pool: list[Photo]) -> Photo:
        return pool[int(torch.randint(0, len(pool), (), generator=generator))]

    looks = [photo for photo in material.photos if photo.look] or material.photos
    pairs = []
    for _ in range(whole):
        content, weight = _whole(draw(material.photos))
        pairs.append(Pair(content, [Region(weight, *_whole(draw(looks)))]))
    labelled = material.labelled
    while labelled and len(pairs) < whole + split:
        photo = draw(labelled)
        assert photo.labels is not None
        mask = pick_region(photo.labels, generator, 0.1, 0.6)
        if mask is None:
            continue
        first = fit(torch.from_numpy(mask)[None], SIZE)
        regions = [Region(part, *_whole(draw(looks))) for part in (first, 1.0 - first)]
        pairs.append(Pair(fit(photo.rgb, SIZE), regions))
    return pairs


@torch.no_grad()
def render(model: Model, pair: Pair, amounts: list[float], aware: bool = True) -> list[Tensor]:
    """The pair styled with each share of the residual; 0 is the base alone. (3, 256, 256), clamped."""
    content = pair.content[None]
    mattes = [region.weight[None] for region in pair.regions]
    grids = []
    for region, matte, inside in zip(pair.regions, mattes, insides(len(mattes)), strict=True):
        style = style_of(model, region.style[None], region.style_weight[None])
        grids.append(region_grids(model, content, matte, style, inside=inside, aware=aware)[:2])
    return [
        style_frame(model, content, mattes, grids, SIZE, amount=amount).out[0].clamp(0.0, 1.0) for amount in amounts
    ]


@torch.no_grad()
def measure(
    model: Model, judge: Judge, pairs: list[Pair], amounts: list[float], aware: bool = True
) -> list[dict[str, float]]:
    """Summary of the scores over all pairs, for each share of the residual; ``vgg`` is the style distance."""
    rows: list[list[Scores]] = [[] for _ in amounts]
    for pair in pairs:
        regions = [
            (one.weight[0].numpy(), target(judge, from_tensor(one.style), one.style_weight[0].numpy()))
            for one in pair.regions
        ]
        scene = Scene(judge, from_tensor(pair.content), regions)
        for row, picture in zip(rows, render(model, pair, amounts, aware), strict=True):
            row.append(scene.score(from_tensor(picture)))
    return [{"vgg": found.pop("style"), **found} for found in map(summary, rows)]


def line(scores: dict[str, float]) -> str:
    """One summary as text."""
    return "  ".join(f"{name} {value:.3f}" for name, value in scores.items())


def sheet(model: Model, pairs: list[Pair], path: Path, amounts: list[float], tile: int = 192) -> None:
    """Write a PNG: per row content, styles, then the pair at each share of the residual."""
    rows = []
    for pair in pairs:
        tiles = [pair.content, pair.regions[0].style, pair.regions[-1].style, *render(model, pair, amounts)]
        shown = [resize(picture[None], tile)[0] for picture in tiles]
        # The first region's border, drawn on the content, says who gets which style.
        edge = resize(pair.regions[0].weight[None], tile)[0]
        border = ((edge > 0.05) & (edge < 0.95)).expand(3, -1, -1)
        shown[0] = torch.where(border, torch.tensor([1.0, 0.2, 0.1]).view(3, 1, 1), shown[0])
        rows.append(torch.cat(shown, 2))
    picture = (torch.cat(rows, 1).permute(1, 2, 0).numpy() * 255.0 + 0.5).clip(0, 255).astype(np.uint8)
    cv2.imwrite(str(path), np.ascontiguousarray(picture[..., ::-1]))
