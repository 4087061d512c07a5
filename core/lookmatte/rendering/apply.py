"""Apply a bake to a decoded frame, in place: no network, no neighbours, no order."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from lookmatte.bilateral.apply import Look, apply_band
from lookmatte.bilateral.kernels import find_device
from lookmatte.imaging.colour import PlateColour, plate_matrix
from lookmatte.imaging.frame import Frame
from lookmatte.looks.bake import FrameBake, resolve
from lookmatte.rendering.bands import each_band, undivided
from lookmatte.rendering.devices import rows_that_fit
from lookmatte.rendering.pixels import AlphaMode, PlatePixels
from lookmatte.rendering.weights import RegionMatte, pixel_weights

FUSED_PIXELS = 1 << 17
"""Pixels of a band for the fused kernel, which needs memory for their mattes alone: calls cost nothing then."""


def apply(
    frame: Frame,
    bake: FrameBake | Look,
    mattes: Sequence[RegionMatte] = (),
    *,
    colour: PlateColour | None = None,
    alpha: AlphaMode = "premultiplied",
    device: str | torch.device | None = None,
) -> PlatePixels:
    """Style the plate of ``frame`` in place and return its pixels' reader, whose counts tell what was met.

    ``bake`` is applied at full strength; :func:`~lookmatte.looks.bake.resolve` makes a Look with other
    strengths, exposure limits, or between two key frames. ``mattes`` are the frame's regions in the job's order.
    ``colour`` None: as the file says. Bits stay as stored where no look has weight, where alpha is 0, and where
    a value is not finite; every other channel of the frame is untouched. Memory beyond the frame: a few bands.

    ``device``: "cuda", "cuda:1" or "mps" carries colour, alpha and mattes there and the styled colour back, the
    whole frame at once where it fits; None or "cpu" styles the frame where it is. InputError for a device that is
    not there.
    """
    look = resolve(bake) if isinstance(bake, FrameBake) else bake
    if colour is None:
        colour = plate_matrix(None, attributes={**frame.parts[0].attributes, **frame.plate.attributes})
    pixels = PlatePixels(frame, colour, alpha)
    place = None if device is None else find_device(device)
    if place is not None and place.type != "cpu":
        style_there(pixels, look, mattes, place)
        return pixels

    kernel = pixels.fused(look)

    @torch.no_grad()
    def style(y0: int, y1: int) -> None:
        if kernel is not None:
            pixels.style(y0, y1, kernel, mattes)
            return
        band = pixels.read(y0, y1)
        weights = pixel_weights(mattes, y0, y1, band.alpha)
        styled, active = apply_band(band.linear, weights, pixels.u, pixels.v[y0:y1], look)
        pixels.write(y0, y1, band, styled, active)

    with undivided():
        rows = None if kernel is None else max(1, FUSED_PIXELS // max(pixels.width, 1))
        for _ in each_band(pixels.height, pixels.width, style, rows=rows):
            pass
    return pixels


def style_there(pixels: PlatePixels, look: Look, mattes: Sequence[RegionMatte], device: torch.device) -> None:
    """Style a frame on a device, as many rows at once as fit."""
    kernel = pixels.kernel_on(device, look)
    step = rows_that_fit(device, pixels.width, sum(one.blend == "pixel" for one in mattes), look)
    for y0 in range(0, pixels.height, step):
        pixels.style_on(y0, min(y0 + step, pixels.height), kernel, mattes)
