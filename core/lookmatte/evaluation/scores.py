"""How good a styled picture is, in numbers. None of them is to be trusted alone, nor without the eye.

Pictures are (3, h, w) in the working encoding, [0, 1]; a region is a (1, h, w) weight.

style   distance of masked mean and deviation of a judge's features to the style's; relative to the untouched
        picture it is 1 for doing nothing, lower is better
swd     sliced Wasserstein-1 distance of OKLab colours to the style's, scaled like CIELAB; lower is better
ssim_s  structure term of SSIM on luma, 11x11 Gaussian: blind to local gain and offset; 1 is best
blotch  100 x rms of what no global map of colours explains: colour blobs; 0 is best
gain    95th percentile of the gradient gain in smooth areas: noise, banding; 1 is neutral
clip    % of samples newly at 0 or 1
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from lookmatte.bilateral.encoding import luma
from lookmatte.bilateral.oklab import to_oklab
from lookmatte.networks.adain import masked_statistics

Judge = Callable[[Tensor], list[Tensor]]


@dataclass(frozen=True)
class Region:
    """A region to score: its ``weight`` in the content, and its style picture with the style's own weight."""

    weight: Tensor
    style: Tensor
    style_weight: Tensor


@dataclass(frozen=True)
class Scores:
    """One picture's scores; ``style`` and ``style_untouched`` per layer of the judge."""

    style: list[float]
    style_untouched: list[float]
    swd: float
    swd_untouched: float
    ssim_s: float
    blotch: float
    gain: float
    clip: float


def style_distance(taps: list[Tensor], weight: Tensor, style: list[Tensor], style_weight: Tensor) -> list[float]:
    """Per layer of the judge's features (1, C, h, w), rms over channels of the differences of mean and
    deviation inside the weights."""
    distances = []
    for a, b in zip(taps, style, strict=True):
        one = masked_statistics(a, functional.adaptive_avg_pool2d(weight[None], (a.shape[2], a.shape[3])))
        two = masked_statistics(b, functional.adaptive_avg_pool2d(style_weight[None], (b.shape[2], b.shape[3])))
        square = (one.mean - two.mean) ** 2 + (one.deviation - two.deviation) ** 2
        distances.append(float(square.mean().sqrt()))
    return distances


def colour_distance(picture: Tensor, weight: Tensor, style: Tensor, style_weight: Tensor) -> float:
    """Sliced Wasserstein-1 distance of colours, 64 fixed directions, 512 quantiles."""
    generator = torch.Generator().manual_seed(0)
    axes = functional.normalize(torch.randn(3, 64, generator=generator), dim=0)
    quantiles = (torch.arange(512) + 0.5) / 512
    sets = []
    for rgb, mask in ((picture, weight), (style, style_weight)):
        inside = rgb.flatten(1)[:, mask.flatten() > 0.5]
        if inside.shape[1] == 0:
            return 0.0
        lab = to_oklab(inside) * torch.tensor([[100.0], [250.0], [250.0]])
        ordered = (axes.T @ lab).sort(-1).values
        place = quantiles * ordered.shape[1] - 0.5
        low = place.floor().long().clamp(0, ordered.shape[1] - 1)
        high = (low + 1).clamp_max(ordered.shape[1] - 1)
        sets.append(torch.lerp(ordered[:, low], ordered[:, high], (place - low).clamp(0.0, 1.0)))
    return float((sets[0] - sets[1]).abs().mean())


def structure_similarity(content: Tensor, picture: Tensor) -> float:
    """Mean structure term of SSIM on luma."""
    steps = torch.arange(11) - 5.0
    bell = torch.exp(-(steps**2) / (2 * 1.5**2))
    kernel = (bell[:, None] * bell / bell.sum() ** 2)[None, None]

    def blur(x: Tensor) -> Tensor:
        return functional.conv2d(functional.pad(x, [5] * 4, mode="reflect"), kernel)

    x, y = luma(content)[None, None], luma(picture)[None, None]
    mx, my = blur(x), blur(y)
    vx, vy = (blur(x * x) - mx * mx).clamp_min(0), (blur(y * y) - my * my).clamp_min(0)
    constant = 0.5 * 0.03**2
    return float(((blur(x * y) - mx * my + constant) / ((vx * vy).sqrt() + constant)).mean())


def blotch(content: Tensor, picture: Tensor, weights: Sequence[Tensor], bins: int = 12) -> float:
    """What a colour map per region, affine plus a table of bins**3 colours, leaves unexplained, rms x 100."""
    total, count = 0.0, 0
    before = functional.avg_pool2d(content[None], 2)[0].flatten(1).double()
    after = functional.avg_pool2d(picture[None], 2)[0].flatten(1).double()
    for weight in weights:
        # Away from borders, where two maps meet: eroded by two pixels.
        outside = functional.avg_pool2d(1.0 - weight[None], 2)
        inside = (functional.max_pool2d(outside, 5, 1, 2)[0].flatten() < 0.01).nonzero()[:, 0]
        if len(inside) < 64:
            continue
        x, y = before[:, inside].T, after[:, inside].T
        affine = torch.cat([x, torch.ones_like(x[:, :1])], 1)
        left = y - affine @ torch.linalg.lstsq(affine, y).solution
        place = (x * bins).long().clamp(0, bins - 1)
        key = (place * torch.tensor([bins * bins, bins, 1])).sum(1)
        size = torch.bincount(key, minlength=bins**3).clamp_min(1)
        table = torch.zeros(bins**3, 3, dtype=left.dtype).index_add(0, key, left) / size[:, None]
        total += float(((left - table[key]) ** 2).mean(1).sum())
        count += len(inside)
    return 100.0 * float((total / max(count, 1)) ** 0.5)


def gradient_gain(content: Tensor, picture: Tensor) -> float:
    """95th percentile of the gradient's gain where the content is smooth; 1 where nothing is."""
    vertical = torch.tensor([[-1.0, -2, -1], [0, 0, 0], [1, 2, 1]]) / 4
    kernel = torch.stack([vertical, vertical.T])[:, None]

    def slope(rgb: Tensor) -> Tensor:
        lightness = 100.0 * to_oklab(rgb.flatten(1))[0].view(1, 1, *rgb.shape[1:])
        padded = functional.pad(lightness, [1] * 4, mode="reflect")
        return functional.conv2d(padded, kernel).square().sum(1, keepdim=True).sqrt()

    before, after = slope(content), slope(picture)
    flat = functional.avg_pool2d(before, 5, 1, 2) < 2
    flat &= functional.max_pool2d(before, 5, 1, 2) < 4
    if int(flat.sum()) < 50:
        return 1.0
    return float(((after[flat] + 0.5) / (before[flat] + 0.5)).quantile(0.95))


def clipped(content: Tensor, picture: Tensor) -> float:
    """% of samples at either end of the range that were not so in the content."""

    def at_end(x: Tensor) -> Tensor:
        return (x <= 0.5 / 255) | (x >= 1 - 0.5 / 255)

    return 100.0 * float((at_end(picture) & ~at_end(content)).float().mean())


@torch.no_grad()
def score(judge: Judge, content: Tensor, pictures: Sequence[Tensor], regions: Sequence[Region]) -> list[Scores]:
    """All scores of each of the pictures that were made of one content; regions weigh by their area."""
    areas = torch.stack([region.weight.mean() for region in regions])
    shares = (areas / areas.sum().clamp_min(1e-6)).tolist()
    styles = [judge(region.style[None]) for region in regions]
    weights = [region.weight for region in regions]

    def likeness(picture: Tensor) -> tuple[list[float], float]:
        taps = judge(picture[None])
        distances, swd = [0.0] * len(taps), 0.0
        for region, share, style in zip(regions, shares, styles, strict=True):
            ours = style_distance(taps, region.weight, style, region.style_weight)
            distances = [a + share * b for a, b in zip(distances, ours, strict=True)]
            swd += share * colour_distance(picture, region.weight, region.style, region.style_weight)
        return distances, swd

    untouched, swd_untouched = likeness(content)
    made = []
    for picture in (one.clamp(0.0, 1.0) for one in pictures):
        distances, swd = likeness(picture)
        made.append(
            Scores(
                distances,
                untouched,
                swd,
                swd_untouched,
                structure_similarity(content, picture),
                blotch(content, picture, weights),
                gradient_gain(content, picture),
                clipped(content, picture),
            )
        )
    return made


def summary(many: Sequence[Scores]) -> dict[str, float]:
    """Means over pictures; ``vgg`` is the mean over layers of summed distances relative to the untouched
    picture's."""
    layers = range(len(many[0].style))
    ratios = [
        sum(one.style[i] for one in many) / max(sum(one.style_untouched[i] for one in many), 1e-9) for i in layers
    ]
    result = {"vgg": sum(ratios) / len(ratios)}
    for name in ("swd", "ssim_s", "blotch", "gain", "clip"):
        result[name] = sum(getattr(one, name) for one in many) / len(many)
    return result
