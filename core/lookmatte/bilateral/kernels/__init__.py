"""Kernels: what applying a look means, made fast. A new kernel is a new module here.

:func:`lookmatte.bilateral.apply.apply_band`, in plain torch, is the judge of each of them, and the one that runs
where no other can. ``LOOKMATTE_KERNEL=torch`` in the environment asks for it.
"""

from __future__ import annotations

import functools
import logging
import os
from typing import TYPE_CHECKING

from torch import Tensor

from lookmatte.bilateral.apply import Look
from lookmatte.errors import InputError, nearest

if TYPE_CHECKING:
    from lookmatte.bilateral.kernels.cpu import FusedLook

VARIABLE = "LOOKMATTE_KERNEL"
_CHOICES = ("numba", "torch")

log = logging.getLogger("lookmatte")


def cpu_kernel() -> str:
    """The kernel that frames in main memory get: "numba", fused, or "torch". InputError for another choice."""
    choice = os.environ.get(VARIABLE) or "numba"
    if choice not in _CHOICES:
        raise InputError(f"{VARIABLE}: {choice!r} is no kernel{nearest(choice, _CHOICES)}")
    return choice if choice == "torch" or _numba_works() else "torch"


@functools.cache
def _numba_works() -> bool:
    try:
        import numba  # noqa: F401
    except (ImportError, SystemError) as error:
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
