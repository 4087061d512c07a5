"""Matte enhancement (paper, section 3.3): pull a rough matte to the edges that the picture has.

Around the edge of a matte, what is surely inside and what is surely outside have colours of their own. The
linear discriminant between the two (Fisher 1936), measured in a window around each cell, says of any colour on
which side it lies. Its four numbers vary slowly, so they are kept per cell of the proxy and applied to the
pixels of the plate: the matte that comes out has the plate's own edges, at any resolution, and stays pointwise.
That is the joint upsampling of the guided filter (He et al. 2013; He and Sun 2015), whose regression of the
matte on the colours is the same discriminant with the errors of the matte still in it.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

NEAR = 3
RADIUS = 2 * NEAR
"""Cells of the proxy beyond which an enhanced matte equals its input, whatever the colours."""

WINDOW = 2
"""Radius, in pairs of cells, of the window in which colours are compared."""

PRIOR = 2
"""Radius of the two averages that make p of the matte."""

STEEPEST = 1.6
SPECKLE = 0.3
GRAIN = 0.25
FLOOR = 1e-4
"""Added to the variance of colours, whose differences are noise below a hundredth."""

FEWEST = 0.02
"""Share of the window that must surely be inside, and outside, before colours are compared."""

ROUNDING = 1e-6

_FAINT, _CLEAR = 0.25, 0.75


def enhance(rgb: Tensor, matte: Tensor, grain: Tensor | None = None) -> Tensor:
    """Affine coefficients of the enhanced matte: (B, 3, h, w) colours in the working encoding and (B, 1, h, w)
    matte in [0, 1], both averages over the cells of a proxy with even sides -> (B, 4, h, w), see :func:`matte_at`.

    ``grain`` (B, 3, h, w): variance of the colours within each cell. A quarter of it counts against what a single
    pixel is worth as evidence (a part of it is texture, which does tell), and it bounds how far the matte may be
    speckled; None: none. Where the matte is flat, and where its edges are wide feathers, the coefficients are
    (0, 0, 0, matte) exactly.

    The matte at a colour is p + s u: p, the blurred input, says how likely a place is inside; u runs from -1/2 at
    the outside's mean colour to 1/2 at the inside's; and s is the weight of that evidence. With d the distance of
    the two means in deviations, equal Gaussians have log odds of d^2 u, whose slope at even odds is d^2 / 4; s is
    that, but not above STEEPEST, where an edge keeps its anti-aliasing, and less where pixels that are sure lie on
    the wrong side.
    """
    colour = rgb.clamp(0.0, 1.0)
    sure = (2.0 * _box(_box(matte, 1), 1) - 1.0).abs()
    inside, outside = sure * matte, sure * (1.0 - matte)
    mass_in, mean_in, spread_in = _statistics(colour, grain, inside)
    mass_out, mean_out, spread_out = _statistics(colour, grain, outside)

    apart = mean_in - mean_out
    normal = _solve(0.5 * (spread_in + spread_out), apart)
    distance = (normal * apart).sum(1, keepdim=True)
    normal = normal / distance.clamp_min(1e-6)
    offset = -0.5 * (normal * (mean_in + mean_out)).sum(1, keepdim=True)

    # Youden's index of the window's sure pixels: a texture that no plane divides is no evidence.
    small = functional.avg_pool2d(colour, 2)
    found = (0.5 + STEEPEST * ((normal * small).sum(1, keepdim=True) + offset)).clamp(0.0, 1.0)
    wrong_in = _box(functional.avg_pool2d(inside, 2) * (1.0 - found), WINDOW) / mass_in.clamp_min(1e-5)
    wrong_out = _box(functional.avg_pool2d(outside, 2) * found, WINDOW) / mass_out.clamp_min(1e-5)
    there = (torch.minimum(mass_in, mass_out) / FEWEST).clamp(0.0, 1.0)
    weight = (0.25 * distance).clamp_max(STEEPEST) * (1.0 - wrong_in - wrong_out).clamp_min(0.0) * there
    if grain is not None:
        # Each pixel's grain moves its matte; no deviation of it may move it by more than SPECKLE.
        noise = (normal.square() * functional.avg_pool2d(grain, 2)).sum(1, keepdim=True)
        weight = weight / (1.0 + weight.square() * noise / SPECKLE**2).sqrt()

    evidence = _box(torch.cat([weight * normal, weight * offset], 1), 1)
    evidence = functional.interpolate(evidence, scale_factor=2, mode="bilinear", align_corners=False)
    near = edge_band(matte)
    here = matte + near * (_box(_box(matte, PRIOR), PRIOR) - matte + evidence[:, 3:])
    return torch.cat([near * evidence[:, :3], here], 1)


def matte_at(coefficients: Tensor, colour: Tensor) -> Tensor:
    """The enhanced matte: (..., 4, h, w) coefficients at (..., 3, h, w) colours in [0, 1] -> (..., h, w)."""
    red, green, blue = colour.unbind(-3)
    a, b, c, d = coefficients.unbind(-3)
    matte = a * red + b * green + c * blue + d
    # Interpolated ones are 1 but for rounding: what that leaves is no place for another look.
    return torch.where(matte > 1.0 - ROUNDING, 1.0, matte.clamp_min(0.0))


def plain(matte: Tensor) -> Tensor:
    """Coefficients (..., 4, h, w) of a matte (..., h, w) that is taken as it is."""
    return torch.stack([*[torch.zeros_like(matte)] * 3, matte], -3)


def edge_band(matte: Tensor) -> Tensor:
    """Where a matte may be changed: 1 near its edges, exactly 0 beyond RADIUS; (B, 1, h, w).

    An edge is where a matte rises by a quarter or more within a few cells: a wider feather is meant as it is.
    """
    size = 2 * NEAR + 1
    padded = functional.pad(matte, [NEAR] * 4, mode="replicate")
    rise = functional.max_pool2d(padded, size, 1) + functional.max_pool2d(-padded, size, 1)
    rise = ((rise - _FAINT) / (_CLEAR - _FAINT)).clamp(0.0, 1.0)
    # A box average of something that is 0 may come out as rounding noise; a maximum cannot.
    touched = (functional.max_pool2d(functional.pad(rise, [NEAR] * 4), size, 1) > 0).to(matte.dtype)
    return (2.0 * _box(rise, NEAR)).clamp(0.0, 1.0) * touched


def _box(x: Tensor, radius: int) -> Tensor:
    """Mean over a square window, the border repeated beyond itself."""
    size = 2 * radius + 1
    x = functional.pad(x, [radius] * 4, mode="replicate")
    return functional.avg_pool2d(functional.avg_pool2d(x, (1, size), 1), (size, 1), 1)


def _statistics(colour: Tensor, grain: Tensor | None, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Weighted statistics of the window around each pair of cells, at half the size: mass (B, 1, ..), mean (B, 3,
    ..), and covariance (B, 6, ..), as rr, gg, bb, rg, rb, gb."""
    squares = colour.square() if grain is None else colour.square() + GRAIN * grain
    planes = torch.cat([torch.ones_like(weight), colour, squares, _crossed(colour)], 1)
    sums = _box(functional.avg_pool2d(planes * weight, 2), WINDOW)
    mass, means = sums[:, :1], sums[:, 1:] / sums[:, :1].clamp_min(1e-5)
    mean = means[:, :3]
    return mass, mean, means[:, 3:] - torch.cat([mean.square(), _crossed(mean)], 1)


def _crossed(colour: Tensor) -> Tensor:
    """The products rg, rb, gb of (B, 3, h, w)."""
    return colour[:, [0, 0, 1]] * colour[:, [1, 2, 2]]


def _solve(covariance: Tensor, right: Tensor) -> Tensor:
    """x with (covariance + FLOOR) x = right, by the adjugate: (B, 6, ..) and (B, 3, ..) -> (B, 3, ..)."""
    rr, gg, bb, rg, rb, gb = torch.cat([covariance[:, :3].clamp_min(0.0) + FLOOR, covariance[:, 3:]], 1).unbind(1)
    x, y, z = right.unbind(1)
    a, b, c = gg * bb - gb * gb, rb * gb - rg * bb, rg * gb - rb * gg
    d, e, f = rr * bb - rb * rb, rg * rb - rr * gb, rr * gg - rg * rg
    determinant = (rr * a + rg * b + rb * c).clamp_min(FLOOR**3)
    found = torch.stack([a * x + b * y + c * z, b * x + d * y + e * z, c * x + e * y + f * z], 1)
    return found / determinant.unsqueeze(1)
