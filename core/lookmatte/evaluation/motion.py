"""Motion between neighbouring frames and where it can be believed: estimated, or given by a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lookmatte.errors import FrameError, InputError
from lookmatte.imaging.frame import find_channel
from lookmatte.imaging.reader import read_header
from lookmatte.imaging.vectors import Flow, read_vectors
from lookmatte.looks.motion import stays_inside, warp

_UNKNOWN = 1e9  # how the .flo format marks a pixel whose motion is not known


def _dis(a: NDArray[np.float32], b: NDArray[np.float32]) -> Flow:
    """Dense inverse search (Kroeger et al. 2016) from one picture to another."""
    grey = [cv2.cvtColor((picture * 255).clip(0, 255).astype(np.uint8), cv2.COLOR_RGB2GRAY) for picture in (a, b)]
    opencv: Any = cv2
    estimator = opencv.DISOpticalFlow_create(opencv.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow: Flow = estimator.calc(grey[0], grey[1], None)
    return flow


def visibility(here: Tensor, there: Tensor, going: Tensor, coming: Tensor | None, colours: float = 0.1) -> Tensor:
    """V of eq. 14 (Xia et al. 2021): (1, h, w), 1 where a pixel of ``here`` is seen in ``there`` too.

    Pictures are (3, h, w) in [0, 1], flows (2, h, w). A pixel is visible in both when its colours there agree
    within ``colours``, when it does not leave the picture, and when going there and coming back ends where it
    began, within half a pixel or a tenth of the way (Sundaram et al. 2010); without ``coming`` this is not asked.
    """
    visible = (warp(there[None], going[None]) - here[None]).abs().amax(1, keepdim=True)[0] < colours
    if coming is not None:
        returned = warp(coming[None], going[None])[0]
        drift = ((going + returned) ** 2).sum(0, keepdim=True)
        length = (going**2).sum(0, keepdim=True) + (returned**2).sum(0, keepdim=True)
        visible &= drift < 0.01 * length + 0.5
    return (visible & stays_inside(going)[None]).float()


def flow_and_visibility(here: Tensor, there: Tensor, colours: float = 0.1) -> tuple[Tensor, Tensor]:
    """Estimated flow from a frame to a neighbour, (2, h, w), and its :func:`visibility`, (1, h, w), of (3, h, w)
    pictures in [0, 1]."""
    a, b = (np.ascontiguousarray(frame.permute(1, 2, 0).numpy()) for frame in (here, there))
    going, coming = (torch.from_numpy(flow).permute(2, 0, 1) for flow in (_dis(a, b), _dis(b, a)))
    return going, visibility(here, there, going, coming, colours)


def read_flo(path: Path) -> Flow:
    """A Middlebury .flo file: the motion of each pixel to the next frame; unknown ones are NaN."""
    data = path.read_bytes()
    # OpenCV's reader believes any size that the header claims, and allocates it.
    width, height = (int(side) for side in np.frombuffer(data[4:12].ljust(8, b"\0"), "<i4"))
    if data[:4] != b"PIEH" or min(width, height) < 1 or len(data) != 12 + 8 * width * height:
        raise InputError(f"{path}: is no whole .flo file")
    flow = np.frombuffer(data, "<f4", offset=12).reshape(height, width, 2).astype(np.float32)
    flow[~(np.abs(flow).max(axis=2) <= _UNKNOWN)] = np.nan
    return flow


def read_vector_pass(path: Path) -> tuple[Flow, Flow]:
    """The motion to the next frame, and to the previous one, of Blender's Vector pass. Raises InputError where the
    file has none."""
    try:
        found = read_vectors(path)
        if found is None:
            header = read_header(path)
            plate = header.plate.rgb[0][0] if header.plate is not None else 0
            find_channel(path.name, header.parts, plate, "Vector.X")
            raise FrameError(f"{path.name}: its Vector pass is not whole; render it again")
    except FrameError as error:
        raise InputError(str(error)) from None
    return found.to_next, found.to_previous


def given_flow(first: Path, second: Path | None) -> tuple[Flow, Flow | None]:
    """The motion from a frame to the next out of its file, and back out of the next frame's where that is told.

    ``first`` is a .flo file, or an EXR with a Vector pass, of which ``second`` is the next frame's.
    """
    if first.suffix.casefold() == ".flo":
        return read_flo(first), None
    there, _ = read_vector_pass(first)
    return there, None if second is None else read_vector_pass(second)[1]


def scaled_flow(flow: Flow, size: tuple[int, int]) -> Tensor:
    """A flow at another (height, width), in that size's pixels: (2, h, w)."""
    height, width = flow.shape[:2]
    if (height, width) != size:
        flow = cv2.resize(flow, size[::-1], interpolation=cv2.INTER_AREA if size[0] < height else cv2.INTER_LINEAR)
        flow = flow * np.array([size[1] / width, size[0] / height], np.float32)
    return torch.from_numpy(np.ascontiguousarray(flow)).permute(2, 0, 1)
