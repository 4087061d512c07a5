"""Frames and styles as tiles for a person: shrunk in linear light, in the working encoding clamped to [0, 1].

No tone curve and no highlight roll-off: a tile shows what a viewer set to sRGB shows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lookmatte.bilateral.encoding import decode, encode, luma
from lookmatte.imaging.colour import PlateColour
from lookmatte.imaging.frame import Frame, Window
from lookmatte.imaging.mattes import as_float
from lookmatte.imaging.proxy import AreaAverage
from lookmatte.imaging.sheet import Tile, Tint, checker, fit
from lookmatte.job import StyleRef
from lookmatte.rendering.bands import each_band, undivided
from lookmatte.rendering.pixels import AlphaMode, PlatePixels
from lookmatte.rendering.styles import load_style
from lookmatte.rendering.weights import RegionMatte, region_rows

_BAND_PIXELS = 1 << 17
_SHADOW = 0.22  # how bright a tint stays over black
_EXCLUDED = 0.2  # how bright the part of a style is that its matte leaves out


@dataclass(frozen=True)
class View:
    """A frame at a tile's size. ``rgb`` (3, h, w): premultiplied linear Rec.709 as displayed, in [0, 1];
    ``alpha`` (h, w); ``shares`` (R, h, w): how much of each cell belongs to each region, and ``rest`` (h, w):
    how much to none; both alpha included."""

    rgb: Tensor
    alpha: Tensor
    shares: Tensor
    rest: Tensor

    @cached_property
    def shown(self) -> Tensor:
        """As a screen shows it, over a checker where it is transparent: (3, h, w) in the working encoding."""
        ground = decode(torch.from_numpy(checker(*self.alpha.shape)).permute(2, 0, 1))
        return encode((self.rgb + (1.0 - self.alpha) * ground).clamp(0.0, 1.0))


def tile_size(frame: Frame, box: tuple[int, int]) -> tuple[int, int]:
    """(width, height) of the display window in a box, with the pixels' aspect."""
    window = frame.plate.display_window
    try:
        aspect = float(frame.plate.attributes.get("pixelAspectRatio", 1.0))
    except (TypeError, ValueError):
        aspect = 1.0
    if not (math.isfinite(aspect) and 0.1 < aspect < 10.0):
        aspect = 1.0
    return fit(window.width * aspect, window.height, box)


def view(
    frame: Frame,
    colour: PlateColour,
    alpha: AlphaMode,
    size: tuple[int, int],
    mattes: Sequence[RegionMatte] = (),
) -> View:
    """Average the display window of a frame over ``size`` (width, height), in linear light.

    Highlights are clamped first, as a viewer clamps them, so that a single bright pixel does not spread over
    its cell. Light that is stored where alpha is 0 shows; pixels that are not finite are black.
    """
    source = _Light(frame, colour, alpha)
    window = frame.plate.data_window
    average = AreaAverage(window, frame.plate.display_window, (size[1], size[0]))

    @torch.no_grad()
    def measure(y0: int, y1: int) -> tuple[int, NDArray[np.float32]]:
        light, opacity = source.read(y0, y1)
        cover = torch.nan_to_num(opacity, nan=0.0, posinf=1.0, neginf=0.0).clamp(0.0, 1.0)
        rows = region_rows(mattes, y0, y1, opacity)
        weights = torch.stack([torch.zeros_like(cover), *(rows[region.name].weight for region in mattes)])
        left = (1.0 - weights.sum(0)).clamp_min(0.0)
        planes = torch.cat([light.clamp(0.0, 1.0), cover[None], weights[1:] * cover, (left * cover)[None]])
        return average.gather(y0, planes.numpy())

    with undivided():
        rows = max(1, _BAND_PIXELS // max(window.width, 1))
        for _, gathered in each_band(window.height, window.width, measure, rows=rows):
            average.put(gathered)
    sums = torch.from_numpy(average.result()).clamp(0.0, 1.0)
    return View(sums[:3], sums[3], sums[4:-1], sums[-1])


class _Light:
    """Rows of a frame as light over black: premultiplied, in linear Rec.709, where alpha is 0 as stored."""

    def __init__(self, frame: Frame, colour: PlateColour, mode: AlphaMode) -> None:
        self._stored = PlatePixels(frame, colour, "ignore")
        self._alpha = None if mode == "ignore" or frame.alpha is None else frame.pixels(frame.alpha)
        # A matrix may come after premultiplying; a curve may not.
        self._straight = None if colour.decode is None else PlatePixels(frame, colour, mode)

    def read(self, y0: int, y1: int) -> tuple[Tensor, Tensor]:
        """Light (3, n, w), 0 where a value is not finite, and alpha (n, w) as stored, 1 where there is none."""
        light = self._stored.read(y0, y1).linear
        if self._alpha is None:
            return light, torch.ones_like(light[0])
        alpha = torch.from_numpy(as_float(self._alpha[y0:y1]))
        if self._straight is not None:
            straight = self._straight.read(y0, y1).linear
            light = torch.where(alpha <= 0.0, light, straight * alpha.clamp(0.0, 1.0))
        elif bool((alpha > 1.0).any()):
            light = light / alpha.clamp_min(1.0)
        return torch.where(alpha.isfinite(), light, 0.0), alpha


def displayed(seen: View) -> Tile:
    """As a screen shows it, over a checker where it is transparent: (h, w, 3)."""
    return _tile(seen.shown)


def tinted(seen: View, tints: Sequence[Tint], rest: Tint | None) -> Tile:
    """Each region in its tint over the picture without its colours; what no region takes stays grey."""
    grey = luma(seen.shown)
    shares = list(seen.shares) + ([seen.rest] if rest is not None else [])
    left = (1.0 - torch.stack(shares).sum(0)).clamp_min(0.0) if shares else torch.ones_like(grey)
    picture = (left * grey).expand(3, -1, -1).clone()
    for share, one in zip(shares, [*tints, *([rest] if rest is not None else [])], strict=True):
        picture += share * (_SHADOW + (1.0 - _SHADOW) * grey) * torch.tensor(one.rgb).view(3, 1, 1)
    return _tile(picture)


def style_picture(style: StyleRef, colour_view: str | None) -> Tile:
    """A reference picture as the file shows it, its longer side at most 1024; what its matte leaves out is dim.

    Raises InputError in one line.
    """
    picture = load_style(StyleRef(style.image), None)
    weight = picture.weight if style.matte is None else load_style(style, colour_view).weight
    rgb = picture.rgb.clamp(0.0, 1.0)
    dim = luma(rgb) * _EXCLUDED
    return _tile(dim + weight.clamp(0.0, 1.0) * (rgb - dim))


def shrink(tile: Tile, box: tuple[int, int]) -> Tile:
    """A tile fitted into a box (width, height), averaged in linear light."""
    height, width, _ = tile.shape
    size = fit(width, height, box)
    whole = Window(0, 0, width, height)
    average = AreaAverage(whole, whole, (size[1], size[0]))
    average.add(0, decode(torch.from_numpy(tile).permute(2, 0, 1)).contiguous().numpy())
    return _tile(encode(torch.from_numpy(average.result())))


def _tile(rgb: Tensor) -> Tile:
    made: Tile = np.ascontiguousarray(rgb.clamp(0.0, 1.0).permute(1, 2, 0).numpy())
    return made
