"""From a decoded frame to the proxy that a Baker sees."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lookmatte.bilateral.encoding import encode
from lookmatte.bilateral.kernels import cpu_kernel
from lookmatte.imaging.colour import PlateColour
from lookmatte.imaging.frame import Frame
from lookmatte.imaging.proxy import AreaAverage
from lookmatte.looks.proxy import PROXY, FrameProxy, RegionProxy
from lookmatte.rendering.bands import each_band, undivided
from lookmatte.rendering.measure import fused_sums
from lookmatte.rendering.pixels import AlphaMode, PlatePixels
from lookmatte.rendering.weights import RegionMatte, region_rows

REST = "rest"
_LEAST = 1e-4


def make_proxy(
    number: int,
    frame: Frame,
    colour: PlateColour,
    alpha: AlphaMode,
    mattes: Sequence[RegionMatte],
    with_rest: bool,
) -> FrameProxy:
    """Average a frame over its display window: colours in the working encoding, weighted by alpha, and by each
    region's weight for that region's own colours. Pixels that are not finite enter nothing. Where a `grid` region
    wants its matte enhanced, the grain is measured too."""
    enhancing = any(region.blend == "grid" for region in mattes)
    measure = fused_sums if cpu_kernel() == "numba" else plain_sums
    sums = torch.from_numpy(measure(frame, colour, alpha, mattes, enhancing))

    rgb, weight = _mean(sums[:3], sums[3])
    regions: dict[str, RegionProxy] = {}
    left_rgb, left = sums[:3].clone(), sums[3].clone()
    for index, region in enumerate(mattes):
        part = sums[4 + 5 * index : 9 + 5 * index]
        regions[region.name] = RegionProxy(_mean(part[:3], part[3])[0], part[3].clamp(0.0, 1.0), part[4])
        left_rgb -= part[:3]
        left -= part[3]
    if with_rest:
        # Differences of sums leave rounding noise where nothing is left.
        left = torch.where(left > _LEAST, left, 0.0)
        regions[REST] = RegionProxy(_mean(left_rgb, left)[0], left.clamp(0.0, 1.0), left.clamp(0.0, 1.0))
    grain = None
    if enhancing:
        # Where a cell holds colours above 1 its clamped mean is too high, and the grain a little too low.
        grain = (_mean(sums[-3:], sums[3])[0] - rgb.clamp(0.0, 1.0).square()).clamp_min(0.0)
        grain = torch.where(sums[3] > _LEAST, grain, 0.0)
    return FrameProxy(number, rgb, weight.clamp(0.0, 1.0), regions, grain)


def plain_sums(
    frame: Frame, colour: PlateColour, mode: AlphaMode, mattes: Sequence[RegionMatte], enhancing: bool
) -> NDArray[np.float32]:
    """Sums over the cells of the proxy, in units of a cell: (P, 256, 256). Colour times alpha and alpha; for each
    region colour times alpha times weight, that weight, and its matte; last, if ``enhancing``, the clamped colour's
    square times alpha."""
    pixels = PlatePixels(frame, colour, mode)
    average = AreaAverage(frame.plate.data_window, frame.plate.display_window, (PROXY, PROXY))

    @torch.no_grad()
    def measure(y0: int, y1: int) -> tuple[int, NDArray[np.float32]]:
        band = pixels.read(y0, y1)
        rows = region_rows(mattes, y0, y1, band.alpha)
        alpha = torch.where(band.valid, band.alpha.clamp(0.0, 1.0), 0.0)
        encoded = encode(band.linear)
        planes = [encoded * alpha, alpha.unsqueeze(0)]
        for region in mattes:
            own = rows[region.name].weight * alpha
            planes += [encoded * own, own.unsqueeze(0), rows[region.name].matte.unsqueeze(0)]
        if enhancing:
            planes.append(encoded.clamp(0.0, 1.0).square() * alpha)
        return average.gather(y0, torch.cat(planes).numpy())

    with undivided():
        for _, gathered in each_band(pixels.height, pixels.width, measure):
            average.put(gathered)
    return average.result()


def _mean(sums: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Colours from weighted sums; where there is no weight, the mean of all that has some."""
    overall = sums.sum((1, 2)) / weight.sum().clamp_min(1e-6)
    colour = sums / weight.clamp_min(1e-6)
    return torch.where(weight > _LEAST, colour, overall.view(3, 1, 1)), weight
