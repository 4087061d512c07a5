"""Reference pictures, read once: into the working encoding, as the Baker wants them."""

from __future__ import annotations

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
from lookmatte.imaging.picture import linear_rec709, read_picture
from lookmatte.job import StyleRef
from lookmatte.looks.baker import StylePicture

LONGEST = 1024


def load_style(style: StyleRef, view: str | None) -> StylePicture:
    """Read a reference picture and its matte.

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
