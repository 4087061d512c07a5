"""Kernels: what applying a look means, made fast. A new kernel is a new module here.

:func:`lookmatte.bilateral.apply.apply_band`, in plain torch, is the judge of each of them, and the one that runs
where no other can. ``LOOKMATTE_KERNEL=torch`` in the environment asks for it, also on a GPU.
"""

from __future__ import annotations

import functools
import logging
import os
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lookmatte.bilateral.apply import Look
from lookmatte.bilateral.grid import identity
from lookmatte.bilateral.guide import GuideWeights
from lookmatte.errors import InputError, nearest

if TYPE_CHECKING:
    from lookmatte.bilateral.kernels.cpu import FusedLook
    from lookmatte.bilateral.kernels.plain import DeviceLook

VARIABLE = "LOOKMATTE_KERNEL"
_CHOICES = ("numba", "torch")
_DEVICES = ("cpu", "cuda", "mps")

log = logging.getLogger("lookmatte")


def cpu_kernel() -> str:
    """The kernel that frames in main memory get: "numba", fused, or "torch". InputError for another choice."""
    choice = _choice()
    return choice if choice == "torch" or _numba_works() else "torch"


def _choice() -> str:
    choice = os.environ.get(VARIABLE) or "numba"
    if choice not in _CHOICES:
        raise InputError(f"{VARIABLE}: {choice!r} is no kernel{nearest(choice, _CHOICES)}")
    return choice


@functools.cache
def _numba_works() -> bool:
    try:
        import numba

        if numba.config.DISABLE_JIT:
            raise ImportError("NUMBA_DISABLE_JIT is set")
        from lookmatte.bilateral.kernels import cpu, measure  # noqa: F401
    except Exception as error:  # a library that does not fit another raises anything
        reason = " ".join(str(error).split())
        log.warning("numba does not work here (%s): torch styles the frames, which takes ten times as long", reason)
        return False
    return True


def kernel_for(
    look: Look, u: Tensor, v: Tensor, forth: Tensor | None = None, back: Tensor | None = None
) -> FusedLook | None:
    """The fused kernel for a look and frames with these columns and rows, see
    :class:`~lookmatte.bilateral.kernels.cpu.FusedLook`; None where frames are styled by torch."""
    if cpu_kernel() == "torch":
        return None
    from lookmatte.bilateral.kernels.cpu import FusedLook

    return FusedLook(look, u, v, forth, back)


def find_device(name: str | torch.device) -> torch.device:
    """The device of this name, "cuda", "cuda:1", "mps" or "cpu". InputError where there is no such device here."""
    kind = str(name).partition(":")[0]
    try:
        if kind not in _DEVICES:
            raise RuntimeError(f"it is none of {', '.join(_DEVICES)}{nearest(kind, _DEVICES)}")
        device = torch.device(name)
        if str(device) == "cuda" and torch.cuda.is_available():
            device = torch.device("cuda", torch.cuda.current_device())
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = " ".join(str(error).split(".")[0].split())
        there = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
        there += ["mps"] if torch.backends.mps.is_available() else []
        raise InputError(
            f"device: {str(name)!r} cannot be used here ({reason}); there is {' and '.join(there)}"
        ) from None
    return device


def kernel_on(
    device: torch.device, look: Look, u: Tensor, v: Tensor, forth: Tensor | None = None, back: Tensor | None = None
) -> DeviceLook:
    """The kernel for a look and frames with these columns and rows in the memory of a device: Triton's on CUDA, see
    :class:`~lookmatte.bilateral.kernels.gpu.GpuLook`; plain torch, in tiles, on other devices, where Triton does
    not work, and where ``LOOKMATTE_KERNEL=torch``."""
    if device.type == "cuda" and _choice() != "torch" and _triton_works(device):
        from lookmatte.bilateral.kernels.gpu import GpuLook

        return GpuLook(look, u, v, forth, back, device=device)
    from lookmatte.bilateral.kernels.plain import PlainLook

    return PlainLook(look, u, v, forth, back, device=device)


@functools.cache
def _triton_works(device: torch.device) -> bool:
    """Whether a frame of one pixel comes through: Triton needs a C compiler, and a card that it knows."""
    try:
        from lookmatte.bilateral.kernels.gpu import GpuLook

        place = torch.full((1,), 0.5)
        look = Look((identity(),), (), None, GuideWeights.luma_only())
        pixel = torch.full((3, 1, 1), 0.25, device=device)
        GpuLook(look, place, place, device=device).style(pixel.unbind(0), None, pixel[:1] * 4.0, [False])
        if not bool((pixel - 0.25).abs().max() < 1e-3):
            raise ArithmeticError(f"0.25 became {pixel.flatten().tolist()}")
    except Exception as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        log.warning("Triton does not work on %s (%s): plain torch styles the frames there, slower", device, reason)
        return False
    return True
