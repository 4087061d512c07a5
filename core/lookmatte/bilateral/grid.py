"""Grids of affine colour transforms: identity, composition, strength, fading, and the highlight limit."""

from __future__ import annotations

import torch
from torch import Tensor

from lookmatte.bilateral.encoding import STOP

DEPTH, HEIGHT, WIDTH = 8, 16, 16
COEFFICIENTS = 12
HIGHLIGHT_STOPS = 2.9


def identity(
    depth: int = DEPTH, height: int = HEIGHT, width: int = WIDTH, *, device: torch.device | None = None
) -> Tensor:
    """The grid that changes nothing: (12, depth, height, width) float32."""
    return identity_like(torch.empty(COEFFICIENTS, depth, height, width, device=device))


def identity_like(grid: Tensor) -> Tensor:
    """The identity in the shape, type and place of ``grid`` (..., 12, D, H, W)."""
    affine = torch.eye(3, 4, dtype=grid.dtype, device=grid.device).reshape(COEFFICIENTS, 1, 1, 1)
    return affine.expand_as(grid).clone()


def _matrices(grid: Tensor) -> Tensor:
    """(..., 12, D, H, W) -> (..., D, H, W, 3, 4)."""
    moved = grid.movedim(-4, -1)
    return moved.reshape(*moved.shape[:-1], 3, 4)


def _coefficients(matrices: Tensor) -> Tensor:
    """(..., D, H, W, 3, 4) -> (..., 12, D, H, W)."""
    return matrices.flatten(-2).movedim(-1, -4)


def compose(after: Tensor, before: Tensor) -> Tensor:
    """Cell by cell, the affine that does ``before``, then ``after``; shapes (..., 12, D, H, W) broadcast."""
    outer, inner = _matrices(after), _matrices(before)
    linear = outer[..., :3] @ inner[..., :3]
    offset = outer[..., :3] @ inner[..., 3:] + outer[..., 3:]
    return _coefficients(torch.cat([linear, offset], dim=-1))


def fade(start: Tensor, end: Tensor, amount: float) -> Tensor:
    """Interpolate two grids (paper, section 4.4): ``amount`` 0 is ``start`` and 1 is ``end``, to the bit."""
    return torch.lerp(start, end, amount)


def strengthen(grid: Tensor, strength: float) -> Tensor:
    """Move a grid towards the identity: (1 - s) I + s grid. 0 is the identity and 1 the grid, to the bit."""
    return torch.lerp(identity_like(grid), grid, strength)


def limit_highlights(grid: Tensor, stops: float = HIGHLIGHT_STOPS) -> Tensor:
    """Mix single rows towards the identity until no highlight can travel further than ``stops``.

    What lies above 1 in the working encoding is added back unchanged, so a channel's highlight moves by what
    the affine does to a colour whose channel is 1. The row of channel c must therefore send every corner of
    the colour cube with c = 1 to within ``stops`` of 1. The condition is convex: mixing, slicing, fading and
    strength keep it.
    """
    reach = stops * STOP
    matrices = _matrices(grid)
    own = torch.diagonal(matrices[..., :3], dim1=-2, dim2=-1)
    cross = matrices[..., :3] - torch.diag_embed(own)
    centre = own + matrices[..., 3]
    lowest = centre + cross.clamp_max(0.0).sum(-1)
    highest = centre + cross.clamp_min(0.0).sum(-1)
    # The identity's row gives 1 at every such corner, so a row's excess shrinks in proportion to the mix.
    excess = torch.maximum(1.0 - lowest, highest - 1.0)
    keep = (reach / excess.clamp_min(reach)).unsqueeze(-1)
    eye = torch.eye(3, 4, dtype=grid.dtype, device=grid.device)
    return _coefficients(torch.where(keep < 1.0, eye + keep * (matrices - eye), matrices))
