"""A frame's colour in bands: read as straight linear Rec.709, written back as the file stores it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lookmatte.bilateral.apply import Look
from lookmatte.bilateral.kernels import kernel_for, kernel_on
from lookmatte.bilateral.premultiplied import drop_what_does_not_fit, premultiply, straighten
from lookmatte.errors import FrameError
from lookmatte.imaging.colour import PlateColour
from lookmatte.imaging.frame import Frame
from lookmatte.imaging.mattes import as_float
from lookmatte.rendering.devices import from_device, to_device
from lookmatte.rendering.remarks import Remark
from lookmatte.rendering.weights import RegionMatte, pixel_mattes, pixel_weights

if TYPE_CHECKING:
    from lookmatte.bilateral.kernels.cpu import FusedLook
    from lookmatte.bilateral.kernels.plain import DeviceLook

AlphaMode = Literal["premultiplied", "ignore"]


@dataclass(frozen=True)
class Band:
    """Rows of a plate. ``linear`` (3, n, w): straight linear Rec.709; ``stored`` (3, n, w): straight, in the
    plate's own space; ``alpha`` (n, w), 1 where there is none; ``valid`` (n, w) bool: finite, and alpha > 0.
    Where it is not valid, linear and stored are 0."""

    linear: Tensor
    stored: Tensor
    alpha: Tensor
    valid: Tensor


class PlatePixels:
    """Reads and writes the colour of one decoded frame, in place, a band of rows at a time."""

    def __init__(self, frame: Frame, colour: PlateColour, alpha: AlphaMode = "premultiplied") -> None:
        self._frame = frame
        self._colour = colour
        self._rgb = [frame.pixels(key) for key in frame.rgb]
        self._alpha = None if alpha == "ignore" or frame.alpha is None else frame.pixels(frame.alpha)
        shapes = {pixels.shape for pixels in self._rgb} | (
            {self._alpha.shape} if self._alpha is not None else set()
        )
        if len(shapes) > 1:
            raise FrameError(f"{frame.path.name}: red, green, blue and alpha have different data windows")
        if any(pixels.dtype.kind != "f" for pixels in self._rgb):
            raise FrameError(f"{frame.path.name}: the plate's colour is stored as integers, not half or float")
        self.height, self.width = self._rgb[0].shape
        window, display = frame.plate.data_window, frame.plate.display_window
        columns = torch.arange(self.width, dtype=torch.float64) + (window.x - display.x) + 0.5
        rows = torch.arange(self.height, dtype=torch.float64) + (window.y - display.y) + 0.5
        self.u = (columns / display.width).float()
        self.v = (rows / display.height).float()
        identity = np.array_equal(colour.matrix, np.eye(3))
        self._to = None if identity else torch.from_numpy(colour.matrix).float()
        self._from = None if identity else torch.from_numpy(colour.inverse).float()
        types = {pixels.dtype for pixels in self._rgb}
        self._fits_kernel = colour.decode is None and colour.encode is None and len(types) == 1
        self._nonfinite = np.zeros(self.height, dtype=np.int64)
        self.opaque_seen = self._alpha is None

    @property
    def nonfinite(self) -> int:
        """Pixels with NaN or infinity, in the rows read so far."""
        return int(self._nonfinite.sum())

    def remarks(self) -> list[Remark]:
        """What a person should know, once all rows were read."""
        found: list[Remark] = []
        if self.nonfinite:
            found.append(Remark("pixels that are NaN or infinite stay as they are", self.nonfinite))
        if not self.opaque_seen:
            hint = "write `alpha: ignore` in the job if it holds no coverage"
            found.append(Remark(f"alpha is 0 everywhere, so nothing is styled ({hint})"))
        return found

    def fused(self, look: Look) -> FusedLook | None:
        """The fused kernel for this frame and ``look``; None where there is none."""
        return kernel_for(look, self.u, self.v, self._to, self._from)

    def style(self, y0: int, y1: int, kernel: FusedLook, mattes: Sequence[RegionMatte]) -> None:
        """Style rows ``y0:y1`` in place by the fused kernel; several threads may, each its own rows."""
        if not self._fits_kernel:
            band = self.read(y0, y1)
            linear = band.linear.clone().numpy()
            touched = kernel.style_linear(linear, pixel_weights(mattes, y0, y1, band.alpha).numpy(), y0)
            self.write(y0, y1, band, torch.from_numpy(linear), torch.from_numpy(touched))
            return
        rows = [pixels[y0:y1] for pixels in self._rgb]
        alpha = None if self._alpha is None else self._alpha[y0:y1]
        values, coverage = pixel_mattes(mattes, y0, y1, self.width)
        told = kernel.style(rows, alpha, values, coverage, y0)
        self._nonfinite[y0:y1] = told.broken
        if told.opaque:
            self.opaque_seen = True

    def kernel_on(self, device: torch.device, look: Look) -> DeviceLook:
        """The kernel for this frame and ``look`` in the memory of a device."""
        return kernel_on(device, look, self.u, self.v, self._to, self._from)

    def style_on(self, y0: int, y1: int, kernel: DeviceLook, mattes: Sequence[RegionMatte]) -> None:
        """Style rows ``y0:y1`` in place on the device of ``kernel``: there and back in one go each."""
        device = kernel.device
        if not self._fits_kernel:
            band = self.read(y0, y1)
            weights = pixel_weights(mattes, y0, y1, band.alpha)
            linear = to_device([one.numpy() for one in band.linear], device)
            touched = kernel.style_linear(linear, weights.to(device), y0)
            self.write(y0, y1, band, linear.cpu(), touched.cpu())
            return
        rgb = to_device([pixels[y0:y1] for pixels in self._rgb], device)
        alpha = None if self._alpha is None else to_device([self._alpha[y0:y1]], device)[0]
        values, coverage = pixel_mattes(mattes, y0, y1, self.width)
        told = kernel.style(rgb.unbind(0), alpha, to_device(list(values), device, values.shape), coverage, y0)
        from_device(rgb, [pixels[y0:y1] for pixels in self._rgb])
        self._nonfinite[y0:y1] = told.broken.cpu().numpy()
        if bool(told.opaque):
            self.opaque_seen = True

    def read(self, y0: int, y1: int) -> Band:
        """Rows ``y0:y1`` of the data window; several threads may read."""
        rgb = torch.stack([_float(pixels[y0:y1]) for pixels in self._rgb])
        alpha = None if self._alpha is None else _float(self._alpha[y0:y1])
        stored, valid, finite = straighten(rgb, alpha)
        if alpha is None:
            alpha = torch.ones(rgb.shape[1:])
        elif bool((alpha > 0).any()):
            self.opaque_seen = True
        self._nonfinite[y0:y1] = (~finite).sum(1).numpy()
        linear = stored
        if self._colour.decode is not None:
            linear = _in_place(self._colour.decode, linear)
        if self._to is not None:
            linear = torch.einsum("ij,jnw->inw", self._to, linear)
        if linear is not stored:
            linear, valid = drop_what_does_not_fit(linear, valid)
        return Band(linear, stored, alpha, valid)

    def write(self, y0: int, y1: int, band: Band, styled: Tensor, active: Tensor) -> None:
        """Store ``styled`` (3, n, w), straight linear Rec.709, where ``active`` (n, w) and the band is valid;
        everywhere else the stored bits stay."""
        chosen = active & band.valid
        if not bool(chosen.any()):
            return
        if self._from is not None:
            styled = torch.einsum("ij,jnw->inw", self._from, styled)
        if self._colour.encode is not None:
            styled = _in_place(self._colour.encode, styled)
        styled = premultiply(styled, band.stored, None if self._alpha is None else band.alpha)
        # A view's inverse or a log curve may leave its domain: such a pixel keeps what it had.
        chosen &= styled.isfinite().all(0)
        mask = chosen.numpy()
        for pixels, channel in zip(self._rgb, styled, strict=True):
            stored = (channel.half() if pixels.dtype == np.float16 else channel).numpy()
            np.copyto(pixels[y0:y1], stored, where=mask)


def _float(pixels: NDArray[np.generic]) -> Tensor:
    return torch.from_numpy(as_float(pixels))


def _in_place(step: object, planar: Tensor) -> Tensor:
    """Run a colour step that works on float32 (n, 3) rows over a (3, n, w) band."""
    rows = planar.permute(1, 2, 0).reshape(-1, 3).contiguous().numpy().copy()
    assert callable(step)
    step(rows)
    return torch.from_numpy(rows).view(*planar.shape[1:], 3).permute(2, 0, 1).contiguous()
