"""The kernel's own text, compiled by a C++ compiler with ``blink.hpp``, and run over pictures."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).resolve().parent
KERNEL = HERE.parents[2] / "nuke_gizmo" / "kernel" / "lookmatte_apply.blink"

STRICT = ("-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Wdouble-promotion", "-Werror")

# What -ffast-math allows, without its change of how the whole process treats small numbers; and rough powers.
FAST = (
    "-DBLINK_ROUGH", "-O3", "-fno-math-errno", "-ffinite-math-only", "-fno-signed-zeros",
    "-fno-trapping-math", "-fassociative-math", "-freciprocal-math",
)  # fmt: skip

Pixels = NDArray[np.float32]


def compiler() -> list[str] | None:
    """A C++ compiler's command: $CXX, one on PATH, or the one in the ``ziglang`` wheel; None: there is none."""
    for name in (os.environ.get("CXX"), "c++", "g++", "clang++"):
        if name and shutil.which(name):
            return [name]
    return [sys.executable, "-m", "ziglang", "c++"] if importlib.util.find_spec("ziglang") else None


@dataclass(frozen=True)
class Picture:
    """RGBA (h, w, 4) float32 with the top row first, as files have it, at (x, y) from the top left corner of a
    display window that is ``high`` pixels high."""

    pixels: Pixels
    x: int = 0
    y: int = 0
    high: int | None = None

    def bounds(self) -> tuple[int, int, int, int]:
        """In Nuke, whose y points up from the display window's lower edge: x1, y1, x2, y2."""
        rows, columns = self.pixels.shape[:2]
        top = (rows if self.high is None else self.high) - self.y
        return self.x, top - rows, self.x + columns, top


class _Picture(ctypes.Structure):
    _fields_ = (
        ("pixels", ctypes.POINTER(ctypes.c_float)),
        ("x1", ctypes.c_int), ("y1", ctypes.c_int), ("x2", ctypes.c_int), ("y2", ctypes.c_int),
    )  # fmt: skip


class _Given(ctypes.Structure):
    _fields_ = (("label", ctypes.c_char_p), ("values", ctypes.POINTER(ctypes.c_double)), ("count", ctypes.c_int))


class Blink:
    """A compiled kernel."""

    def __init__(self, library: Path) -> None:
        self._library = ctypes.CDLL(str(library))
        text = ctypes.create_string_buffer(1 << 16)
        self.inputs: int = self._library.describe(text, len(text))
        pairs = (one.rsplit(":", 1) for one in text.value.decode().split())
        self.parameters = {label: int(count) for label, count in pairs}
        """Numbers in each parameter, by label."""

    @staticmethod
    def build(folder: Path, command: Sequence[str], flags: Sequence[str] = ("-O2",), text: Path = KERNEL) -> Blink:
        """Compile. RuntimeError with the compiler's words where it refuses the text."""
        library = folder / "kernel.so"
        said = subprocess.run(
            [
                *command, "-std=c++14", "-fPIC", "-shared", *STRICT, *flags, "-DKERNEL_NAME=Lookmatte",
                f'-DKERNEL_TEXT="{text}"', str(HERE / "run.cpp"), "-o", str(library),
            ],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if said.returncode:
            raise RuntimeError(said.stderr)
        return Blink(library)

    def run(self, parameters: Mapping[str, float | Sequence[float]], pictures: Sequence[Picture]) -> Pixels:
        """The kernel's output over the bounds of the first picture, the top row first."""
        over = pictures[0]
        made = np.zeros_like(over.pixels)
        every = [*pictures, Picture(made, over.x, over.y, over.high)]
        data = [np.ascontiguousarray(one.pixels[::-1], np.float32) for one in every]
        images = (_Picture * len(every))(
            *(
                _Picture(pixels.ctypes.data_as(ctypes.POINTER(ctypes.c_float)), *one.bounds())
                for one, pixels in zip(every, data, strict=True)
            )
        )
        numbers = {label: np.atleast_1d(np.asarray(value, np.float64)) for label, value in parameters.items()}
        given = (_Given * len(numbers))(
            *(
                _Given(label.encode(), values.ctypes.data_as(ctypes.POINTER(ctypes.c_double)), values.size)
                for label, values in numbers.items()
            )
        )
        wrong = ctypes.create_string_buffer(200)
        if self._library.run(given, len(numbers), images, len(every), wrong, len(wrong)):
            raise RuntimeError(wrong.value.decode())
        return np.ascontiguousarray(data[-1][::-1])
