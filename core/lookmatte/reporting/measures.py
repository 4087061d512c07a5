"""What a report knows of a frame: measured on the plate and on what was made of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lookmatte.errors import FrameError, LookmatteError
from lookmatte.imaging.exr_seal import has_its_pixels, is_sealed
from lookmatte.imaging.frame import Frame
from lookmatte.imaging.patience import is_file
from lookmatte.imaging.picture import jpeg_bytes
from lookmatte.imaging.reader import read_header
from lookmatte.imaging.sequence import Sequence
from lookmatte.imaging.sheet import checker
from lookmatte.job import Job
from lookmatte.jobhash import job_hash
from lookmatte.looks.proxy import FrameProxy
from lookmatte.rendering.outputs import INPUTS, JOB
from lookmatte.rendering.shot import LoadedFrame, Shot
from lookmatte.rendering.view import tile_size

WHOLE = "whole frame"
"""The name under which all of a frame is measured."""

THUMBNAIL = (256, 256)
LIMIT = 65504.0
"""The largest number that a half holds; what is stored there was clipped."""

_LEAST = 1e-4  # of the frame; a region that is smaller is not there
_MODEL = "lookmatte:model"
_CHANGED = "another program has changed this file since lookmatte made it; keep it, or render with --overwrite"

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class RegionMeasures:
    """Mean colours of a region in the working encoding, before and after; ``share`` of the frame that it covers."""

    share: float
    plate: Colour
    look: Colour


@dataclass(frozen=True)
class FrameMeasures:
    """A frame that was rendered. ``regions``: those that are in the frame, and ``WHOLE``. Pixels of the look that
    the plate does not have so: ``broken`` (NaN or infinity), ``clipped`` (stored at LIMIT), ``crushed`` (no light
    left in any channel), each as a count of ``pixels``. ``doubts``: why it may not be what the job would make
    today. ``before`` and ``after``: small pictures, as a screen shows them, as JPEG files."""

    frame: int
    path: Path
    regions: Mapping[str, RegionMeasures]
    pixels: int
    broken: int
    clipped: int
    crushed: int
    doubts: tuple[str, ...]
    before: bytes
    after: bytes


class Inspector:
    """Measures the frames of a job, as far as they are written. Raises InputError for a job that is wrong."""

    def __init__(self, job: Job) -> None:
        self.shot = Shot(job)
        self.rendered = bool(self.shot.output.on_disk())
        """Is any frame of the output there?"""
        self._made = self._written(job) if self.rendered else "not rendered"
        self._job = job
        self._hashes: dict[str, str] = {}

    def _written(self, job: Job) -> Shot | str:
        """What was written has the plate's own mattes, so it is a plate as well; or why it is not."""
        output = self.shot.output
        try:
            return Shot(dataclasses.replace(job, plate=str(output), output=f"{output}.none", frames=None))
        except LookmatteError as error:
            return f"is no frame of this job ({str(error).splitlines()[0]})"

    @property
    def output(self) -> Sequence:
        """The sequence that is judged."""
        return self.shot.output

    def measure(self, number: int) -> FrameMeasures:
        """Read a frame's plate and output. FrameError in one line when one of them is not there, or is broken."""
        path = self.output.path(number)
        if not is_file(path):
            raise FrameError(f"{path}: not rendered")
        if isinstance(self._made, str):
            read_header(path)
            raise FrameError(f"{path}: {self._made}")
        before, after = self.shot.load(number), self._made.load(number)
        if before.frame.plate.data_window != after.frame.plate.data_window:
            raise FrameError(f"{path}: has another data window than {before.frame.path}; render it again")
        plate, look = self.shot.proxy(before), self._made.proxy(after)
        broken, clipped, crushed = _counts(before.frame, after.frame)
        return FrameMeasures(
            number,
            path,
            _regions(plate, look),
            after.frame.plate.data_window.width * after.frame.plate.data_window.height,
            broken,
            clipped,
            crushed,
            tuple(self._doubts(number, path)),
            _small(before, plate),
            _small(after, look),
        )

    def _doubts(self, number: int, path: Path) -> list[str]:
        attributes = read_header(path).parts[0].attributes
        if JOB not in attributes:
            return ["lookmatte did not make this file; move it, or render with --overwrite"]
        own = is_sealed(path) and has_its_pixels(path)
        found = [] if own else [_CHANGED]
        if attributes[JOB] != self._hash(str(attributes.get(_MODEL, ""))):
            found.append("made by other settings than the job has now; render it again")
        if attributes.get(INPUTS) != self.shot.stamp(number):
            found.append("the plate or a matte has changed since it was made; render it again")
        return found

    def _hash(self, model: str) -> str:
        if model not in self._hashes:
            self._hashes[model] = job_hash(self._job, model, self.shot.config)
        return self._hashes[model]


def _regions(plate: FrameProxy, look: FrameProxy) -> dict[str, RegionMeasures]:
    found = {WHOLE: RegionMeasures(1.0, _mean(plate.rgb, plate.weight), _mean(look.rgb, plate.weight))}
    for name, region in plate.regions.items():
        share = float(region.weight.mean())
        if share >= _LEAST:
            after = look.regions[name].rgb
            found[name] = RegionMeasures(share, _mean(region.rgb, region.weight), _mean(after, region.weight))
    return found


def _mean(rgb: Tensor, weight: Tensor) -> Colour:
    red, green, blue = ((rgb * weight).sum((1, 2)) / weight.sum().clamp_min(1e-6)).tolist()
    return red, green, blue


def _small(loaded: LoadedFrame, proxy: FrameProxy) -> bytes:
    """The proxy, in the frame's own shape, over a checker where it is transparent."""
    width, height = tile_size(loaded.frame, THUMBNAIL)
    planes = torch.cat([proxy.rgb.clamp(0.0, 1.0) * proxy.weight, proxy.weight[None]])
    small = torch.nn.functional.interpolate(planes[None], (height, width), mode="area")[0]
    ground = torch.from_numpy(checker(height, width)).permute(2, 0, 1)
    shown = (small[:3] + (1.0 - small[3:]) * ground).clamp(0.0, 1.0)
    return jpeg_bytes((shown.permute(1, 2, 0) * 255.0).round().to(torch.uint8).numpy())


def _counts(before: Frame, after: Frame) -> tuple[int, int, int]:
    """Pixels that are broken, clipped or crushed after, and were not so before."""
    pairs = [(before.pixels(a), after.pixels(b)) for a, b in zip(before.rgb, after.rgb, strict=True)]
    broken = np.logical_or.reduce([_broken(new) & ~_broken(old) for old, new in pairs])
    clipped = np.logical_or.reduce([_clipped(new) & ~_clipped(old) for old, new in pairs])
    lit = np.logical_or.reduce([old > 0 for old, _ in pairs])
    dark = ~np.logical_or.reduce([new > 0 for _, new in pairs])
    return int(broken.sum()), int(clipped.sum()), int((lit & dark & ~broken).sum())


def _broken(plane: NDArray[Any]) -> NDArray[Any]:
    return _size(plane) >= _size(np.array(np.inf, plane.dtype))


def _clipped(plane: NDArray[Any]) -> NDArray[Any]:
    size = _size(plane)
    return (size >= _size(np.array(LIMIT, plane.dtype))) & (size < _size(np.array(np.inf, plane.dtype)))


def _size(plane: NDArray[Any]) -> NDArray[Any]:
    """Bits without the sign: as whole numbers they are in the order of sizes, infinity and NaN at the end. (numpy
    would widen every half to compare it.)"""
    bits = {2: np.uint16, 4: np.uint32}[plane.dtype.itemsize]
    found: NDArray[Any] = plane.view(bits) & np.array((1 << (8 * plane.dtype.itemsize - 1)) - 1, bits)
    return found
