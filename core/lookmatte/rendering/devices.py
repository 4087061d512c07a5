"""Bands of a frame between main memory and a device's, bit for bit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lookmatte.bilateral.apply import Look
from lookmatte.bilateral.kernels.plain import TILE

_INTEGERS: dict[int, Any] = {2: np.int16, 4: np.int32}
_PER_TILE = 400
_ALIGNED = 16


def to_device(planes: Sequence[NDArray[Any]], device: torch.device, shape: tuple[int, ...] | None = None) -> Tensor:
    """(n, w) planes of one type, wherever they lie -> (K, n, w) on a device, through pinned memory for CUDA.
    ``shape``: of the result, where K may be 0."""
    if not planes:
        return torch.empty(shape or (0, 0, 0), device=device)
    dtype = torch.from_numpy(np.empty(0, planes[0].dtype)).dtype
    packed = torch.empty((len(planes), *planes[0].shape), dtype=dtype, pin_memory=device.type == "cuda")
    for plane, target in zip(planes, packed, strict=True):
        _bits(target.numpy())[...] = _bits(plane)
    return packed.to(device, non_blocking=True)


def from_device(stored: Tensor, planes: Sequence[NDArray[Any]]) -> None:
    """(K, n, w) on a device -> K planes of its type, wherever they lie."""
    packed = torch.empty(stored.shape, dtype=stored.dtype, pin_memory=stored.device.type == "cuda")
    packed.copy_(stored)
    for plane, source in zip(planes, packed, strict=True):
        _bits(plane)[...] = _bits(source.numpy())


def _bits(plane: NDArray[Any]) -> NDArray[Any]:
    """The same memory as integers, so that no bit of a NaN changes on the way."""
    return plane.view(_INTEGERS[plane.itemsize])


def rows_that_fit(device: torch.device, width: int, mattes: int, look: Look) -> int:
    """Rows of a frame to send at once: what half of CUDA's free memory holds, beside a tile of plain torch; a
    tile's on other devices, which share memory with much else."""
    if device.type != "cuda":
        return _whole(TILE // max(width, 1))
    grids = [grid for grid in (*look.pixel_grids, *(one.grid for one in look.soft), look.rest) if grid is not None]
    # Colour, alpha and a copy of either, mattes, and each grid between its rows of cells.
    row = width * (16 + 16 + 4 * mattes) + sum(grid[0, :, 0].numel() * 12 * 4 for grid in grids)
    free = torch.cuda.mem_get_info(device)[0] // 2 - _PER_TILE * TILE
    return _whole(free // row)


def _whole(rows: int) -> int:
    """Rows at which every band begins at an address that suits wide loads; one at least."""
    return max(1, rows // _ALIGNED * _ALIGNED or rows)
