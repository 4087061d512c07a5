"""From a scene to its styled pictures, as the product does it, but differentiable: base, residual, blend,
slice."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from lookmatte.bilateral.blend import blend_grids
from lookmatte.bilateral.enhance import enhance, matte_at
from lookmatte.bilateral.grid import compose, identity_like, strengthen
from lookmatte.bilateral.guide import guide
from lookmatte.bilateral.slicing import apply_affine, slice_reference
from lookmatte.bilateral.softmask import soft_grid_mask
from lookmatte.bilateral.transport import Moments, base_grid, mix_moments, moments
from lookmatte.networks.codes import FrameStatistics, StyleCode
from lookmatte.networks.encoder import ENCODER_SIZE
from lookmatte.networks.model import Model


@dataclass(frozen=True)
class Styled:
    """What a scene became: ``out`` and ``base`` (N, 3, s, s), with and without the residual, unclamped; the
    residual grids (N, R, 12, 8, 16, 16); ``guide`` and ``sliced_mask`` (N, 256, 256) where grids were
    blended."""

    out: Tensor
    base: Tensor
    residuals: Tensor
    guide: Tensor | None = None
    sliced_mask: Tensor | None = None


def resize(x: Tensor, size: int) -> Tensor:
    """Area-like reduction of (N, C, h, w) to a square."""
    if x.shape[-1] == size:
        return x
    return functional.interpolate(x, (size, size), mode="bilinear", align_corners=False, antialias=True)


def paint(grid: Tensor, rgb: Tensor, z: Tensor) -> Tensor:
    """Slice and apply: (N, 12, 8, 16, 16) on (N, 3, h, w) clamped to [0, 1], with guide (N, h, w)."""
    return apply_affine(slice_reference(grid, z), rgb.clamp(0.0, 1.0))


def region_grids(
    model: Model,
    content: Tensor,
    matte: Tensor,
    style: tuple[StyleCode, Moments],
    previous: tuple[FrameStatistics, Moments] | None = None,
    alpha: float = 0.0,
    inside: float = 1.0,
    aware: bool = True,
) -> tuple[Tensor, Tensor, tuple[FrameStatistics, Moments]]:
    """Base and residual grid of one region, and what to hand to the next frame.

    Everything is measured on the 128x128 average, to which the base is applied: the product measures and
    applies at 256x256 and averages then, which costs more and differs little.

    ``content`` (N, 3, 256, 256), ``matte`` (N, 1, 256, 256); ``inside`` is the matte that the guide will see, 1
    for an object and 0 for the rest. ``aware`` False takes the statistics of features over the whole frame: the
    ablation of SA-AdaIN. Without a base (the paper's form) it is the identity.
    """
    code, colours = style
    content = functional.adaptive_avg_pool2d(content, ENCODER_SIZE)
    matte = functional.adaptive_avg_pool2d(matte, ENCODER_SIZE)
    with torch.no_grad():
        weights = model.guide_weights()
        measured = moments(content, matte)
        if previous is not None:
            measured = mix_moments(measured, previous[1], alpha)
        base = base_grid(measured, colours, weights, inside)
        if model.config.base == "none":
            base = identity_like(base)
        z = guide(content, inside, weights, dim=1)
        seen = paint(base, content, z)
    measured_in = matte if aware else torch.ones_like(matte)
    residual, used = model.predict(seen, measured_in, code, previous[0] if previous else None, alpha)
    return base, residual, (used, measured)


def insides(regions: int) -> list[float]:
    """What the guide sees of each region's matte: 1 in every object, 0 in the rest, which comes last."""
    return [1.0] * (regions - 1) + [0.0]


def style_of(model: Model, rgb: Tensor, weight: Tensor) -> tuple[StyleCode, Moments]:
    """A style's code and colour moments, from (N, 3, h, w) and its weight."""
    with torch.no_grad():
        colours = moments(rgb, weight)
    return model.encode_style(rgb, weight), colours


def style_frame(
    model: Model,
    content: Tensor,
    mattes: list[Tensor],
    grids: list[tuple[Tensor, Tensor]],
    size: int,
    given: Tensor | None = None,
    amount: float = 1.0,
) -> Styled:
    """Blend and slice the regions' (base, residual) grids over one batch of frames, at ``size``.

    The last of the regions is the rest, for which the guide sees no matte. Regions are blended by their coverage
    (`pixel`), or, where ``given``, a rough matte of the first of two
    regions, is there, in the grid (eq. 7). ``amount`` scales the residual.
    """
    small = resize(content, size)
    bases = [base for base, _ in grids]
    finals = [compose(strengthen(residual, amount), base) for base, residual in grids]
    residuals = torch.stack([residual for _, residual in grids], 1)
    if given is not None:
        with torch.no_grad():
            matte = matte_at(enhance(content, given), content.clamp(0.0, 1.0))
        z = model.guide(content, matte)
        mask = soft_grid_mask(z.detach(), matte)
        shared = resize(z[:, None], size)[:, 0]
        out = paint(blend_grids(finals[0][:, None], mask[:, None], finals[1]), small, shared)
        with torch.no_grad():
            plain = paint(blend_grids(bases[0][:, None], mask[:, None], bases[1]), small, shared)
        return Styled(out, plain, residuals, z, slice_reference(mask[:, None], z)[:, 0])
    out, plain = torch.zeros_like(small), torch.zeros_like(small)
    for index, (base, final, matte) in enumerate(zip(bases, finals, mattes, strict=True)):
        cover = resize(matte, size)
        z = model.guide(small, torch.full_like(small[:, 0], insides(len(mattes))[index]))
        out = out + cover * paint(final, small, z)
        with torch.no_grad():
            plain = plain + cover * paint(base, small, z)
    return Styled(out, plain, residuals)
