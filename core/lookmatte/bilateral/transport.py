"""The base of every look: closed-form colour transport in OKLab, written into a grid.

The linear Monge-Kantorovich map (Pitie and Kokaram 2007) between two Gaussians carries the content's mean and
covariance to the style's; its gains are limited so that a flat region is not blown up, and colours that the
region hardly has are not amplified. The map depends on moments alone, never on single pixels, so smoothing the
moments over time smooths the grid.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch
from torch import Tensor

from lookmatte.bilateral.encoding import encode
from lookmatte.bilateral.grid import COEFFICIENTS, DEPTH, HEIGHT, WIDTH, tents
from lookmatte.bilateral.guide import GuideWeights, guide
from lookmatte.bilateral.oklab import from_oklab, to_oklab

GAIN_LIMIT = 3.0
# A deviation below which OKLab differences are noise; added to both covariances, and never amplified.
NOISE = 0.01
# Deviations of the content from its mean within which its Gaussian is believed.
REACH = 4.0
_LATTICE = 9
_LIKELY = 1024
_SPREAD = 1.2
_FLOOR = 0.02
_RIDGE = 1e-4
_BLOCK = 1 << 14


@dataclass(frozen=True)
class Moments:
    """Colour statistics of a region in OKLab: ``mean`` (B, 3), ``covariance`` (B, 3, 3), ``mass`` (B,), the
    weight that was summed, in pixels of the proxy."""

    mean: Tensor
    covariance: Tensor
    mass: Tensor


def moments(encoded: Tensor, weight: Tensor) -> Moments:
    """Weighted moments of (B, 3, h, w) in the working encoding under (B, 1, h, w) weights >= 0.

    Without weight the mean is middle grey and the covariance zero: see :func:`base_grid` for what follows.
    """
    share = weight.flatten(2)
    if encoded.shape[0] == 1:
        encoded, share = _seen(encoded, weight)
    mass = share.sum(-1)
    share = share / mass.clamp_min(1e-6).unsqueeze(-1)
    # Blocks stay in the cache: half the time.
    pieces = torch.split(encoded.flatten(2), _BLOCK, -1)
    blocks = list(zip(map(to_oklab, pieces), torch.split(share, _BLOCK, -1), strict=True))
    # This sum is taken in pairs, which a product of matrices does not do: a fit that leans on a few dark pixels
    # shows the sixth digit.
    mean = torch.stack([(lab * part).sum(-1) for lab, part in blocks]).sum(0)
    covariance = torch.zeros_like(mean).unsqueeze(-1).expand(-1, -1, 3)
    for lab, part in blocks:
        centred = lab - mean.unsqueeze(-1)
        covariance = torch.baddbmm(covariance, centred * part, centred.mT)
    some = (mass > 1e-6).to(mean.dtype)
    grey = mean.new_tensor([0.5, 0.0, 0.0])
    return Moments(mean * some + grey * (1.0 - some), covariance * some.unsqueeze(-1), mass.squeeze(-1))


def _seen(encoded: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """The smallest box that holds all weight of one picture: (1, 3, n, m) colours, (1, 1, n * m) weights."""
    rows, columns = (weight[0, 0].amax(axis).nonzero() for axis in (1, 0))
    if not len(rows):
        return encoded[..., :1, :1], weight[..., :1, :1].flatten(2)
    box = (..., slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1))
    return encoded[box], weight[box].flatten(2)


def level(colours: Moments) -> Tensor:
    """The working encoding's value (B,) of a neutral as light as the mean."""
    # Of a neutral all three cones' roots are its lightness.
    return encode(colours.mean[:, 0].pow(3.0))


def spread(colours: Moments) -> float:
    """The deviation of one (B = 1) region's or style's colours around their mean, in OKLab, over all axes."""
    return float(colours.covariance[0].diagonal().sum().clamp_min(0.0).sqrt())


def mix_moments(current: Moments, previous: Moments, alpha: float) -> Moments:
    """Eq. 5 and 6 for colours: (1 - alpha) current + alpha previous."""
    return Moments(
        torch.lerp(current.mean, previous.mean, alpha),
        torch.lerp(current.covariance, previous.covariance, alpha),
        current.mass,
    )


def _root(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Square root of a symmetric positive matrix, and its inverse."""
    values, vectors = torch.linalg.eigh(matrix)
    size = values.clamp_min(1e-12).sqrt().unsqueeze(-2)
    return (vectors * size) @ vectors.mT, (vectors / size) @ vectors.mT


def _noise(like: Tensor) -> Tensor:
    return torch.eye(3, dtype=like.dtype, device=like.device) * NOISE**2


@dataclass(frozen=True)
class _Gaussian:
    """A region's colours as the transport believes them: ``mean`` (B, 3, 1), and the covariance, noise included,
    as its root and what turns its colours white, (B, 3, 3) float64; ``own`` (B, 3, 3) is the covariance alone."""

    mean: Tensor
    root: Tensor
    whiten: Tensor
    own: Tensor

    @staticmethod
    def of(mean: Tensor, covariance: Tensor) -> _Gaussian:
        own = covariance.double()
        return _Gaussian(mean.unsqueeze(-1), *_root(own + _noise(own)), own)


def _gains(content: _Gaussian, style: Tensor, gain_limit: float) -> tuple[Tensor, Tensor]:
    """The map's limited gains (B, 3) and their axes (B, 3, 3), float64."""
    target = style.double()
    middle, _ = _root(content.root @ (target + _noise(target)) @ content.root)
    values, vectors = torch.linalg.eigh(content.whiten @ middle @ content.whiten)
    gains = values.clamp(1.0 / gain_limit, gain_limit)
    # What is flatter than noise has nothing to amplify but grain and the steps of its file.
    own = ((content.own @ vectors) * vectors).sum(-2)
    more = (gains - 1.0) * (own / NOISE**2).clamp(0.0, 1.0)
    return torch.where(gains > 1.0, 1.0 + more, gains), vectors


def _scaled(axes: Tensor, gains: Tensor) -> Tensor:
    """The symmetric (B, 3, 3) map with these gains along these axes."""
    return (axes * gains.unsqueeze(-2)) @ axes.mT


def transport_matrix(content: Tensor, style: Tensor, gain_limit: float = GAIN_LIMIT) -> Tensor:
    """The symmetric (B, 3, 3) map that carries one covariance to the other, gains in [1/limit, limit]."""
    gains, axes = _gains(_Gaussian.of(content.new_zeros(content.shape[:-1]), content), style, gain_limit)
    return _scaled(axes, gains).to(content.dtype)


def transport(encoded: Tensor, content: Moments, style: Moments) -> Tensor:
    """Colours (B, 3, n) in the working encoding carried from the content's moments to the style's.

    The linear map, as far as ``REACH`` of the content's deviations around its mean; what a colour has beyond that
    is carried by the same gains, but never amplified. A dark bird before a plain sky is darkened with it; three
    times its distance to the sky would be black, or a colour of its own.
    """
    return _carry(to_oklab(encoded), _Gaussian.of(content.mean, content.covariance), style)


def _carry(lab: Tensor, content: _Gaussian, style: Moments) -> Tensor:
    """:func:`transport` of colours that are in OKLab already."""
    gains, axes = _gains(content, style.covariance, GAIN_LIMIT)
    near, far = _scaled(axes, gains).to(lab), _scaled(axes, gains.clamp_max(1.0)).to(lab)
    away = lab - content.mean
    distance = (content.whiten.to(lab) @ away).square().sum(1, keepdim=True).sqrt()
    known = away * (REACH / distance.clamp_min(REACH))
    return from_oklab(near @ known + far @ (away - known) + style.mean.unsqueeze(-1))


@functools.lru_cache(maxsize=1)
def _lattice() -> Tensor:
    """Colours that cover the cube evenly: (1, 3, n)."""
    axis = torch.linspace(0.0, 1.0, _LATTICE)
    return torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij")).flatten(1)[None]


@functools.lru_cache(maxsize=1)
def _normal_points() -> Tensor:
    """A fixed low-discrepancy sample of the standard normal in three dimensions: (3, n)."""
    sobol = torch.quasirandom.SobolEngine(3, scramble=True, seed=0)  # type: ignore[no-untyped-call]
    uniform: Tensor = sobol.draw(_LIKELY).clamp(1e-3, 1.0 - 1e-3)
    points: Tensor = torch.special.ndtri(uniform.double()).float().T.contiguous()
    return points


class BaseFit:
    """The transport written into grids, for one guide and what it sees of the matte.

    A weighted least-squares fit over luminance bins, solved for all bins at once with the tent weights that
    slicing will use, on colours that the content's Gaussian makes likely and, at a low weight, on a lattice of
    all colours, whose part of the sums is the same for all looks. Targets are kept near [0, 1], so that a few
    colours out of gamut do not tilt the fit.
    """

    def __init__(self, weights: GuideWeights, matte: float = 1.0) -> None:
        """``matte`` is what the guide will see."""
        self._weights, self._matte = weights, matte
        lattice = _lattice().to(weights.w1)
        self._lab = to_oklab(lattice)
        rows = self._rows(lattice)
        self._share = rows * (_FLOOR / lattice.shape[-1])
        self._gram = self._share @ rows.mT + _RIDGE * torch.eye(rows.shape[1]).to(rows)

    def _rows(self, colours: Tensor) -> Tensor:
        """(B, 3, n) colours and 1, and the same times each bin's tent: (B, 4 + 4 DEPTH, n) float64."""
        with torch.no_grad():
            z = guide(colours.unsqueeze(-1), self._matte, self._weights, dim=1).squeeze(-1).double()
        tent = tents(z).movedim(0, 1)
        affine = torch.cat([colours, torch.ones_like(colours[:, :1])], dim=1).double()
        return torch.cat([affine, (tent.unsqueeze(2) * affine.unsqueeze(1)).flatten(1, 2)], 1)

    def cell(self, content: Moments, style: Moments) -> Tensor:
        """The base as grids of one cell, for it is the same in all: (B, 12, DEPTH, 1, 1). A region or a style
        without mass keeps its colours: the identity."""
        batch = content.mean.shape[0]
        gaussian = _Gaussian.of(content.mean, content.covariance)
        lab = _SPREAD * gaussian.root.to(content.mean) @ _normal_points().to(content.mean) + gaussian.mean
        likely = from_oklab(lab).clamp(0.0, 1.0)
        both = torch.cat([to_oklab(likely), self._lab.expand(batch, -1, -1)], -1)
        target = _carry(both, gaussian, style).clamp(-0.05, 1.1).double()
        rows = self._rows(likely)
        gram = torch.baddbmm(self._gram, rows, rows.mT, alpha=1.0 / _LIKELY)
        sums = self._share @ target[..., _LIKELY:].mT
        sums = torch.baddbmm(sums, rows, target[..., :_LIKELY].mT, alpha=1.0 / _LIKELY)

        # Every bin leans, a little, on one affine for all colours: bins without content stay continuous.
        single = torch.linalg.solve(gram[:, :4, :4], sums[:, :4])
        lean = _RIDGE * single.repeat(1, DEPTH, 1)
        solved = torch.linalg.solve(gram[:, 4:, 4:], sums[:, 4:] + lean)

        by_bin = solved.view(batch, DEPTH, 4, 3).permute(0, 3, 2, 1).flatten(1, 2).to(content.mean.dtype)
        known = ((content.mass > 1e-6) & (style.mass > 1e-6)).view(-1, 1, 1)
        by_bin = torch.where(known, by_bin, torch.eye(3, 4).to(by_bin).reshape(1, COEFFICIENTS, 1))
        return by_bin[..., None, None]


def base_grid(content: Moments, style: Moments, weights: GuideWeights, matte: float = 1.0) -> Tensor:
    """The grids (B, 12, 8, 16, 16) of :class:`BaseFit`, the same in every cell."""
    one = BaseFit(weights, matte).cell(content, style)
    return one.expand(-1, -1, -1, HEIGHT, WIDTH).contiguous()
