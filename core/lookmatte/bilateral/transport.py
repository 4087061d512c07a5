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

from lookmatte.bilateral.grid import COEFFICIENTS, DEPTH, HEIGHT, WIDTH
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
    lab = to_oklab(encoded.flatten(2))
    share = weight.flatten(2)
    mass = share.sum(-1)
    share = share / mass.clamp_min(1e-6).unsqueeze(-1)
    mean = (lab * share).sum(-1)
    centred = lab - mean.unsqueeze(-1)
    covariance = (centred * share) @ centred.transpose(-1, -2)
    some = (mass > 1e-6).to(lab.dtype)
    grey = lab.new_tensor([0.5, 0.0, 0.0])
    return Moments(mean * some + grey * (1.0 - some), covariance * some.unsqueeze(-1), mass.squeeze(-1))


def level(colours: Moments) -> Tensor:
    """The working encoding's value (B,) of a neutral as light as the mean."""
    neutral = torch.stack([colours.mean[:, 0], *torch.zeros(2, *colours.mean[:, 0].shape)], 1)
    encoded: Tensor = from_oklab(neutral.unsqueeze(-1))[:, 1, 0]
    return encoded


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


def _gains(content: Tensor, style: Tensor, gain_limit: float) -> tuple[Tensor, Tensor, Tensor]:
    """The map's limited gains (B, 3) and their axes (B, 3, 3), float64, and what turns the content's colours white
    (B, 3, 3)."""
    noise = NOISE**2 * torch.eye(3, dtype=torch.float64, device=content.device)
    source, target = content.double() + noise, style.double() + noise
    root, inverse = _root(source)
    middle, _ = _root(root @ target @ root)
    values, vectors = torch.linalg.eigh(inverse @ middle @ inverse)
    gains = values.clamp(1.0 / gain_limit, gain_limit)
    # What is flatter than noise has nothing to amplify but grain and the steps of its file.
    own = ((content.double() @ vectors) * vectors).sum(-2)
    more = (gains - 1.0) * (own / NOISE**2).clamp(0.0, 1.0)
    return torch.where(gains > 1.0, 1.0 + more, gains), vectors, inverse


def transport_matrix(content: Tensor, style: Tensor, gain_limit: float = GAIN_LIMIT) -> Tensor:
    """The symmetric (B, 3, 3) map that carries one covariance to the other, gains in [1/limit, limit]."""
    gains, axes, _ = _gains(content, style, gain_limit)
    matrix: Tensor = ((axes * gains.unsqueeze(-2)) @ axes.mT).to(content.dtype)
    return matrix


def transport(encoded: Tensor, content: Moments, style: Moments) -> Tensor:
    """Colours (B, 3, n) in the working encoding carried from the content's moments to the style's.

    The linear map, as far as ``REACH`` of the content's deviations around its mean; what a colour has beyond that
    is carried by the same gains, but never amplified. A dark bird before a plain sky is darkened with it; three
    times its distance to the sky would be black, or a colour of its own.
    """
    gains, axes, whiten = _gains(content.covariance, style.covariance, GAIN_LIMIT)
    like = content.mean.dtype
    near = ((axes * gains.unsqueeze(-2)) @ axes.mT).to(like)
    far = ((axes * gains.clamp_max(1.0).unsqueeze(-2)) @ axes.mT).to(like)
    away = to_oklab(encoded) - content.mean.unsqueeze(-1)
    distance = (whiten.to(like) @ away).norm(dim=1, keepdim=True)
    known = away * (REACH / distance.clamp_min(REACH))
    return from_oklab(near @ known + far @ (away - known) + style.mean.unsqueeze(-1))


@functools.lru_cache(maxsize=1)
def _lattice() -> Tensor:
    """Colours that cover the cube evenly: (3, n)."""
    axis = torch.linspace(0.0, 1.0, _LATTICE)
    return torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij")).flatten(1)


@functools.lru_cache(maxsize=1)
def _normal_points() -> Tensor:
    """A fixed low-discrepancy sample of the standard normal in three dimensions: (3, n)."""
    sobol = torch.quasirandom.SobolEngine(3, scramble=True, seed=0)  # type: ignore[no-untyped-call]
    uniform: Tensor = sobol.draw(_LIKELY).clamp(1e-3, 1.0 - 1e-3)
    points: Tensor = torch.special.ndtri(uniform.double()).float().T.contiguous()
    return points


def _content_colours(content: Moments) -> Tensor:
    """Colours that the content's Gaussian makes likely, tails included: (B, 3, n) encoded, in [0, 1]."""
    root, _ = _root(content.covariance.double() + NOISE**2 * torch.eye(3, dtype=torch.float64))
    lab = _SPREAD * root.to(content.mean.dtype) @ _normal_points() + content.mean.unsqueeze(-1)
    return from_oklab(lab).clamp(0.0, 1.0)


def base_grid(content: Moments, style: Moments, weights: GuideWeights, matte: float = 1.0) -> Tensor:
    """The transport written into grids: (B, 12, 8, 16, 16), the same in every cell.

    A weighted least-squares fit over luminance bins, solved for all bins at once with the tent weights that
    slicing will use, on colours that the content's Gaussian makes likely and, at a low weight, on a lattice of
    all colours. ``matte`` is what the guide will see. Targets are kept near [0, 1], so that a few colours out
    of gamut do not tilt the fit. A region or a style without mass keeps its colours: the identity.
    """
    batch = content.mean.shape[0]
    lattice = _lattice().expand(batch, -1, -1)
    colours = torch.cat([_content_colours(content), lattice], dim=-1)
    target = transport(colours, content, style).clamp(-0.05, 1.1).double()
    share = colours.new_full((colours.shape[-1],), 1.0 / _LIKELY, dtype=torch.float64)
    share[_LIKELY:] = _FLOOR / lattice.shape[-1]

    with torch.no_grad():
        z = guide(colours.unsqueeze(-1), matte, weights, dim=1).squeeze(-1).double()
    bins = torch.arange(DEPTH, dtype=torch.float64).unsqueeze(-1) + 0.5
    position = (z * DEPTH).clamp(0.5, DEPTH - 0.5).unsqueeze(1)
    tent = (1.0 - (position - bins).abs()).clamp_min(0.0)
    affine = torch.cat([colours, torch.ones_like(colours[:, :1])], dim=1).double()
    features = (tent.unsqueeze(2) * affine.unsqueeze(1)).flatten(1, 2)

    # Every bin leans, a little, on one affine for all colours: bins without content stay continuous.
    weighted = affine * share
    stiff = _RIDGE * torch.eye(4 * DEPTH, dtype=torch.float64)
    single = torch.linalg.solve(weighted @ affine.mT + stiff[:4, :4], weighted @ target.mT)
    weighted = features * share
    lean = _RIDGE * single.repeat(1, DEPTH, 1)
    solved = torch.linalg.solve(weighted @ features.mT + stiff, weighted @ target.mT + lean)

    by_bin = solved.view(batch, DEPTH, 4, 3).permute(0, 3, 2, 1).flatten(1, 2).to(content.mean.dtype)
    eye = torch.eye(3, 4, dtype=by_bin.dtype).reshape(1, COEFFICIENTS, 1)
    known = ((content.mass > 1e-6) & (style.mass > 1e-6)).view(-1, 1, 1)
    by_bin = torch.where(known, by_bin, eye)
    return by_bin[..., None, None].expand(-1, -1, -1, HEIGHT, WIDTH).contiguous()
