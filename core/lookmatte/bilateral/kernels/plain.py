"""Plain torch over a frame on any device, in place, a tile of rows at a time: where no fused kernel runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from lookmatte.bilateral.apply import Look, apply_band
from lookmatte.bilateral.blend import coverage_weight, share_weights
from lookmatte.bilateral.premultiplied import drop_what_does_not_fit, premultiply, straighten

TILE = 1 << 19
"""Pixels of a tile; it takes some 300 bytes each."""

_INTEGERS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


@dataclass(frozen=True)
class Told:
    """What styling rows found, on their device: ``broken`` (n,), pixels with NaN or infinity; ``opaque`` () bool:
    some pixel has alpha."""

    broken: Tensor
    opaque: Tensor


class DeviceLook(Protocol):
    """A Look, laid out for frames in the memory of a device."""

    device: torch.device

    def style(
        self, rgb: Sequence[Tensor], alpha: Tensor | None, mattes: Tensor, coverage: Sequence[bool], y0: int = 0
    ) -> Told:
        """Style rows from ``y0`` on, in place: three (n, w) tensors of one type, half or float, such as planes or
        an interleaved (n, w, c) unbound, (n, w) alpha or None, and (P, n, w) float mattes in [0, 1] of the `pixel`
        regions, each coverage or the weight itself. The bits stay where no look has weight, where alpha is 0, and
        where a value is not finite."""
        ...

    def style_linear(self, linear: Tensor, weights: Tensor, y0: int = 0) -> Tensor:
        """As :func:`~lookmatte.bilateral.apply.apply_band`, in place: (3, n, w) straight linear Rec.709, finite,
        and (P, n, w) weights -> (n, w) bool, where a look has weight. What has none keeps its bits."""
        ...


def as_bits(tensor: Tensor) -> Tensor:
    """The same memory as integers, so that no bit of a NaN changes on the way."""
    return tensor.view(_INTEGERS[tensor.element_size()])


class PlainLook:
    """A Look for frames on any device, whose columns lie at (w,) ``u``, ascending, and rows at (h,) ``v``, in
    display coordinates. ``forth`` and ``back``: the 3x3 from the plate's own space to linear Rec.709 and its
    inverse; None: it is that space. Its methods are those of :class:`DeviceLook`."""

    def __init__(
        self,
        look: Look,
        u: Tensor,
        v: Tensor,
        forth: Tensor | None = None,
        back: Tensor | None = None,
        *,
        device: torch.device,
    ) -> None:
        self.device = device
        self._look, self._u, self._v = look.to(device), u.to(device), v.to(device)
        self._forth = None if forth is None else forth.to(device)
        self._back = None if back is None else back.to(device)

    @torch.no_grad()
    def style(
        self, rgb: Sequence[Tensor], alpha: Tensor | None, mattes: Tensor, coverage: Sequence[bool], y0: int = 0
    ) -> Told:
        rows, width = rgb[0].shape
        broken = torch.zeros(rows, dtype=torch.int32, device=self.device)
        opaque = torch.tensor(alpha is None, device=self.device)
        step = max(1, TILE // max(width, 1))
        for first in range(0, rows, step):
            part = slice(first, min(first + step, rows))
            over = None if alpha is None else alpha[part]
            finite = self._style_tile([plane[part] for plane in rgb], over, mattes[:, part], coverage, y0 + first)
            broken[part] = (~finite).sum(1, dtype=torch.int32)
            if over is not None:
                opaque |= (over > 0).any()
        return Told(broken, opaque)

    def _style_tile(
        self, rgb: Sequence[Tensor], alpha: Tensor | None, mattes: Tensor, coverage: Sequence[bool], y0: int
    ) -> Tensor:
        stored = torch.stack([plane.float() for plane in rgb])
        over = None if alpha is None else alpha.float()
        straight, valid, finite = straighten(stored, over)
        linear = straight
        if self._forth is not None:
            linear, valid = drop_what_does_not_fit(torch.einsum("ij,jnw->inw", self._forth, straight), valid)
        full = torch.ones_like(stored[0]) if over is None else over
        weights = mattes
        if any(coverage):
            parts = zip(mattes, coverage, strict=True)
            weights = torch.stack([coverage_weight(one, full) if covers else one for one, covers in parts])
        v = self._v[y0 : y0 + len(full)]
        styled, active = apply_band(linear, share_weights(weights)[0], self._u, v, self._look)
        if self._back is not None:
            styled = torch.einsum("ij,jnw->inw", self._back, styled)
        values = premultiply(styled, straight, over)
        chosen = active & valid & values.isfinite().all(0)
        for plane, channel in zip(rgb, values, strict=True):
            bits = as_bits(plane)
            bits.copy_(torch.where(chosen, as_bits(channel.to(plane.dtype)), bits))
        return finite

    @torch.no_grad()
    def style_linear(self, linear: Tensor, weights: Tensor, y0: int = 0) -> Tensor:
        rows, width = linear.shape[1:]
        touched = torch.zeros(rows, width, dtype=torch.bool, device=self.device)
        step = max(1, TILE // max(width, 1))
        for first in range(0, rows, step):
            part = slice(first, min(first + step, rows))
            v = self._v[y0 + first : y0 + first + step][: part.stop - first]
            styled, active = apply_band(linear[:, part], weights[:, part], self._u, v, self._look)
            linear[:, part] = torch.where(active, styled, linear[:, part])
            touched[part] = active
        return touched
