"""The training losses: eq. 8 to 14 of the paper, masked per region, and what keeps a photograph a photograph.

Pictures are (N, 3, h, w) in the working encoding; a region's weight is (N, 1, h, w) in [0, 1].
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from lookmatte.bilateral.encoding import luma
from lookmatte.bilateral.oklab import to_oklab
from lookmatte.networks.adain import Statistics, masked_statistics

LEAK = 0.1


def soft_clamp(rgb: Tensor) -> Tensor:
    """Clamp to [0, 1] with a slope of 0.1 outside, so that the judge sees what a screen shows and gradients
    live."""
    inside = rgb.clamp(0.0, 1.0)
    return inside + LEAK * (rgb - inside)


def layer_statistics(taps: list[Tensor], weight: Tensor) -> list[Statistics]:
    """Masked statistics of every tap; the weight is area-averaged to each tap's size."""
    sizes = [(tap.shape[2], tap.shape[3]) for tap in taps]
    weights = [functional.adaptive_avg_pool2d(weight, size) for size in sizes]
    return [masked_statistics(tap, one) for tap, one in zip(taps, weights, strict=True)]


def style_distances(ours: list[Statistics], style: list[Statistics]) -> Tensor:
    """Eq. 10 per layer as a distance: rms over channels of the differences of mean and deviation, (N,
    layers)."""
    layers = []
    for a, b in zip(ours, style, strict=True):
        square = ((a.mean - b.mean) ** 2 + (a.deviation - b.deviation) ** 2).mean(1)
        layers.append((square + 1e-8).sqrt())
    return torch.stack(layers, 1)


def content_distance(ours: Tensor, content: Tensor) -> Tensor:
    """Eq. 9 on features whose channels are standardised first, so that colour may change and structure may
    not."""

    def standard(x: Tensor) -> Tensor:
        return (x - x.mean((2, 3), keepdim=True)) / x.std((2, 3), keepdim=True).clamp_min(1e-2)

    return functional.mse_loss(standard(ours), standard(content))


def _box(x: Tensor, radius: int) -> Tensor:
    return functional.avg_pool2d(x, 2 * radius + 1, 1)


def structure(ours: Tensor, content: Tensor) -> Tensor:
    """One minus the structure term of SSIM on luma, 7x7 windows: blind to local gain and offset."""
    x, y = luma(content, 1)[:, None], luma(ours, 1)[:, None]
    mx, my = _box(x, 3), _box(y, 3)
    vx = (_box(x * x, 3) - mx * mx).clamp_min(0.0)
    vy = (_box(y * y, 3) - my * my).clamp_min(0.0)
    covariance = _box(x * y, 3) - mx * my
    constant = 0.5 * 0.03**2
    return 1.0 - ((covariance + constant) / ((vx * vy + 1e-9).sqrt() + constant)).mean()


def _gradient(rgb: Tensor) -> Tensor:
    y = 0.2126 * rgb[:, 0] + 0.7152 * rgb[:, 1] + 0.0722 * rgb[:, 2]
    dx = y[:, :-1, 1:] - y[:, :-1, :-1]
    dy = y[:, 1:, :-1] - y[:, :-1, :-1]
    return (dx * dx + dy * dy + 1e-8).sqrt()


def gain(ours: Tensor, content: Tensor, free: float = 1.2) -> Tensor:
    """How much smooth areas (skies, walls) gain contrast beyond ``free`` times: noise and banding, in log
    units."""
    before, after = _gradient(content.clamp(0.0, 1.0)), _gradient(ours)
    smooth = torch.exp(-((_box(before[:, None], 2)[:, 0] / 0.03) ** 2))
    before, after = before[:, 2:-2, 2:-2], after[:, 2:-2, 2:-2]
    excess = ((after + 0.004) / (before + 0.004) / free).log().clamp_min(0.0)
    return (excess * smooth).sum() / smooth.sum().clamp_min(1.0)


def out_of_range(ours: Tensor) -> Tensor:
    """Mean excursion outside [0, 1]: clipped highlights and crushed shadows."""
    return (ours - ours.clamp(0.0, 1.0)).abs().mean()


def roughness(grid: Tensor, across_bins: float = 0.25) -> Tensor:
    """Eq. 11, bilateral smoothness: mean squared difference of neighbouring cells of (..., D, H, W) grids.

    Neighbours in luminance count less: that is where a tone curve lives.
    """
    in_x = ((grid[..., 1:] - grid[..., :-1]) ** 2).mean()
    in_y = ((grid[..., 1:, :] - grid[..., :-1, :]) ** 2).mean()
    in_z = ((grid[..., 1:, :, :] - grid[..., :-1, :, :]) ** 2).mean()
    return in_x + in_y + across_bins * in_z


def mask_distance(sliced: Tensor, truth: Tensor) -> Tensor:
    """Eq. 12: the mask that slicing the soft grid mask gives, against the true one; both (N, h, w)."""
    return functional.mse_loss(sliced, truth)


def guide_distance(z: Tensor, content: Tensor) -> Tensor:
    """Eq. 13: the guide against luma; ``z`` (N, h, w)."""
    return functional.mse_loss(z, luma(content, 1))


def flicker(now: Tensor, before_warped: Tensor, visible: Tensor) -> Tensor:
    """Eq. 14 for one pair of frames: mean L1 over visible pixels."""
    return ((now - before_warped).abs() * visible).sum() / (3.0 * visible.sum()).clamp_min(1.0)


def directions(count: int, generator: torch.Generator) -> Tensor:
    """Random unit vectors (3, count)."""
    return functional.normalize(torch.randn(3, count, generator=generator), dim=0)


def perceptual(rgb: Tensor) -> Tensor:
    """(N, 3, n) encoded -> OKLab with a and b scaled to weigh as in CIELAB, in units of CIELAB's L*: about
    100."""
    lab = to_oklab(rgb.clamp(0.004, 1.0))
    return lab * lab.new_tensor([100.0, 250.0, 250.0]).view(1, 3, 1)


def sample_places(weight: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Pixels (N, count) drawn in proportion to a weight (N, 1, h, w); evenly where it is 0 everywhere."""
    flat = weight.flatten(1).clamp_min(0.0)
    flat = flat + (flat.sum(1, keepdim=True) <= 0).to(flat.dtype)
    return torch.multinomial(flat, count, replacement=True, generator=generator)


def colours_at(rgb: Tensor, places: Tensor) -> Tensor:
    """Colours (N, 3, count) of a picture at :func:`sample_places`."""
    return rgb.flatten(2).gather(2, places[:, None].expand(-1, 3, -1))


def colour_distance(ours: Tensor, style: Tensor, axes: Tensor) -> Tensor:
    """Sliced Wasserstein-1 distance between two sets of colours (N, 3, n) of equal size: (N,), CIELAB-like
    units."""
    a = torch.einsum("ncp,ck->nkp", perceptual(ours), axes).sort(-1).values
    b = torch.einsum("ncp,ck->nkp", perceptual(style), axes).sort(-1).values
    return (a - b).abs().mean((1, 2))
