"""Reference pictures: into the working encoding, as the Baker wants them; read when their pixels are needed."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lookmatte.bilateral.encoding import encode
from lookmatte.errors import FrameError, InputError
from lookmatte.imaging.colour import view_inverse
from lookmatte.imaging.frame import Window
from lookmatte.imaging.mattefile import load_matte
from lookmatte.imaging.mattes import FileMatte
from lookmatte.imaging.memory import too_large
from lookmatte.imaging.picture import linear_rec709, read_picture
from lookmatte.job import StyleRef
from lookmatte.looks.style import Reference, StylePicture
from lookmatte.rendering.stylecache import StyleCache, cache_folder

LONGEST = 1024

# Files that hold display-referred colours, of which no colour configuration is asked.
_DISPLAYED = (b"\x89PNG", b"\xff\xd8\xff")


@dataclass(frozen=True)
class _StyleFile:
    """A reference on disk: its pixels are decoded when they are asked for, or were already."""

    style: StyleRef
    view: str | None
    cache: StyleCache

    @cached_property
    def _picture(self) -> StylePicture:
        return read_style(self.style, self.view)

    def decode(self) -> None:
        """Decode it now, so that what is wrong with it is said now."""
        _ = self._picture

    @property
    def rgb(self) -> Tensor:
        return self._picture.rgb

    @property
    def weight(self) -> Tensor:
        return self._picture.weight

    @property
    def name(self) -> str:
        return Path(self.style.image).name

    def recall(self, model: str) -> dict[str, Tensor] | None:
        return self.cache.recall(model)

    def keep(self, model: str, tensors: dict[str, Tensor]) -> None:
        self.cache.keep(model, tensors)


def load_style(style: StyleRef, view: str | None) -> Reference:
    """A reference picture and its matte, as :func:`read_style` has them.

    What an earlier run made of the same contents is recalled instead of decoding them again; see
    :mod:`lookmatte.rendering.stylecache`. Raises InputError in one line.
    """
    folder = cache_folder()
    origin = None if folder is None else _origin(style, view)
    if folder is None or origin is None:
        return read_style(style, view)
    found = _StyleFile(style, view, StyleCache(folder, origin))
    if not found.cache.has_any():
        found.decode()
    return found


def _origin(style: StyleRef, view: str | None) -> str | None:
    """A checksum of all that a reference's pixels depend on; None where that cannot be told."""
    try:
        paths = [Path(name) for name in (style.image, style.matte) if name is not None]
        if any(map(too_large, paths)):
            return None
        files = [(path, path.read_bytes()) for path in paths]
    except (OSError, ValueError):
        return None
    # A person's colour configuration is a folder of files; the built-in ones come with the library.
    config = os.environ.get("OCIO", "")
    asks = view is not None or not files[0][1].startswith(_DISPLAYED)
    if asks and config and not config.startswith("ocio://"):
        return None
    total = hashlib.sha256(f"{LONGEST}|{view}|{config if asks else ''}".encode())
    for path, content in files:
        total.update(f"|{path.suffix.casefold()}|{len(content)}|".encode())
        total.update(hashlib.sha256(content).digest())
    return total.hexdigest()[:32]


def read_style(style: StyleRef, view: str | None) -> StylePicture:
    """Decode a reference picture and its matte.

    Display-referred pictures are the working encoding already, or, with an OCIO ``view``, pass through its
    inverse; others are taken to linear Rec.709 from the space that their file names, and encoded. Pictures are
    reduced to ``LONGEST`` pixels: statistics need no more. Raises InputError in one line.
    """
    path = Path(style.image)
    picture = read_picture(path)
    rgb = torch.from_numpy(picture.rgb if picture.display_referred else linear_rec709(picture)).permute(2, 0, 1)
    finite = rgb.isfinite().all(0)  # a curve may end in infinity
    rgb, weight = torch.where(finite, rgb, 0.0), (torch.from_numpy(picture.valid) & finite).float()
    if style.matte is not None:
        weight = weight * _matte(Path(style.matte), weight)
        if not bool(weight.any()):
            raise InputError(f"{style.matte}: selects nothing of {path.name}; it is black everywhere")
    if not bool(weight.any()):
        raise InputError(f"{path}: has no pixel that could be used (all are NaN, infinite or transparent)")
    rgb, weight = _reduce(rgb, weight)
    if not picture.display_referred:
        rgb = encode(rgb)
    elif view is not None:
        scene = view_inverse(view)(np.ascontiguousarray(rgb.permute(1, 2, 0).numpy()))
        rgb = encode(torch.from_numpy(scene).permute(2, 0, 1))
    return StylePicture(torch.nan_to_num(rgb).contiguous(), weight, path.name)


def _matte(path: Path, like: Tensor) -> Tensor:
    """A reference's matte in the reference's size, its display window laid over the whole reference."""
    height, width = like.shape
    try:
        matte = FileMatte(Window(0, 0, width, height), load_matte(path))
    except FrameError as error:
        raise InputError(str(error)) from None
    return torch.from_numpy(matte.rows(0, height))


def _reduce(rgb: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Area averages with the longer side at most ``LONGEST``; unusable pixels enter no average."""
    height, width = weight.shape
    scale = LONGEST / max(height, width)
    if scale >= 1.0:
        return rgb, weight
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    less = F.adaptive_avg_pool2d(weight[None], size)[0]
    colour = F.adaptive_avg_pool2d((rgb * weight)[None], size)[0] / less.clamp_min(1e-6)
    return colour, less
