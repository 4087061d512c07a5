"""Motion between neighbouring frames and where it can be believed: estimated, or given by a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from lookmatte.errors import FrameError, InputError
from lookmatte.imaging.frame import find_channel
from lookmatte.imaging.reader import read_header, read_parts

Flow = NDArray[np.float32]
"""(h, w, 2): where a pixel goes, in pixels, x to the right, y downwards."""

_UNKNOWN = 1e9  # how the .flo format marks a pixel whose motion is not known


def _dis(a: NDArray[np.float32], b: NDArray[np.float32]) -> Flow:
    """Dense inverse search (Kroeger et al. 2016) from one picture to another."""
    grey = [cv2.cvtColor((picture * 255).clip(0, 255).astype(np.uint8), cv2.COLOR_RGB2GRAY) for picture in (a, b)]
    opencv: Any = cv2
    estimator = opencv.DISOpticalFlow_create(opencv.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow: Flow = estimator.calc(grey[0], grey[1], None)
    return flow


def warp(picture: Tensor, flow: Tensor) -> Tensor:
    """Fetch (B, C, h, w) at x + flow, where ``flow`` (B, 2, h, w) is in pixels, x first; border clamped."""
    height, width = picture.shape[-2:]
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    u = (x + flow[:, 0] + 0.5) / width
    v = (y + flow[:, 1] + 0.5) / height
    where = torch.stack([u, v], -1) * 2.0 - 1.0
    return functional.grid_sample(picture, where, "bilinear", "border", align_corners=False)


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
    height, width = here.shape[-2:]
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    to_x, to_y = x + going[0], y + going[1]
    visible &= ((to_x >= 0) & (to_x <= width - 1) & (to_y >= 0) & (to_y <= height - 1))[None]
    return (visible & going.isfinite().all(0, keepdim=True)).float()


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
    """Blender's Vector pass, whose y points up: the motion to the next frame, and to the previous one.

    X, Y are the previous position minus the current one, Z, W the current minus the next. Raises InputError where
    the file has no such pass.
    """
    try:
        header = read_header(path)
        plate = header.plate.rgb[0][0] if header.plate is not None else 0
        names = [_vector_name(header.parts, axis) for axis in "XYZW"]
        keys = [find_channel(path.name, header.parts, plate, name) for name in names]
        parts = read_parts(path, only=set(keys))
    except FrameError as error:
        raise InputError(str(error)) from None
    x, y, z, w = (parts[index].channels[name].astype(np.float32) for index, name in keys)
    return np.stack([-z, w], axis=2), np.stack([x, -y], axis=2)


def _vector_name(parts: Any, axis: str) -> str:
    """The channel of a pass called Vector, in whatever layer; the bare name where there is none."""
    for part in parts:
        for name in part.channels:
            words = f"{part.name}.{name}".split(".")
            if words[-1].upper() == axis and len(words) > 1 and words[-2].casefold() == "vector":
                return str(name) if "." in name else f"{part.name}.{name}"
    return f"Vector.{axis}"


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
