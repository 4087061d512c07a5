"""The program itself as a method: each pair becomes a job that is rendered as any other, EXR in, EXR out."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

import lookmatte
from lookmatte.bilateral.encoding import decode
from lookmatte.errors import FrameError
from lookmatte.evaluation import material
from lookmatte.evaluation.methods import Maker
from lookmatte.evaluation.pairs import Pair, StyleSpec
from lookmatte.evaluation.pictures import read_bytes, read_labels, to_floats
from lookmatte.imaging.picture import write_png
from lookmatte.imaging.writer import new_part, write_parts_to
from lookmatte.job import Blend, Job, MatteFile, Mode, Region, Style, StyleRef, Temporal
from lookmatte.networks.model import Model, shipped_path
from lookmatte.progress import Progress, Silent


class _Forwarded(Silent):
    """Warnings with the pair's name before them; failures are kept."""

    def __init__(self, pair: Pair, told: Progress) -> None:
        self._pair, self._told = pair, told
        self.failures: list[str] = []

    def frame_failed(self, frame: int, message: str) -> None:
        self.failures.append(f"frame {frame}: {message}")

    def warning(self, message: str) -> None:
        self._told.warning(f"{self._pair.name}: {message}")


@dataclass(frozen=True)
class Program(Maker):
    """lookmatte at strength 1: a display-referred content is written as a scene-linear EXR of half floats, masks
    become file mattes, with blend ``pixel`` where they are true and ``grid`` where they are rough. ``model``
    None is the shipped one.

    For stills ``temporal`` means nothing; a second setting of one model leaves them out with ``stills`` False.
    """

    model: Path | None
    temporal: Temporal
    progress: Progress
    stills: bool = True

    def takes(self, pair: Pair) -> bool:
        return self.stills or pair.is_clip

    def said(self) -> str:
        """Its model and its settings, in one line."""
        path, loaded = self.model or shipped_path(), Model.load(self.model)
        setting = f"mode {self.temporal.mode}, subsample {self.temporal.subsample}"
        return f"{self.name}: model {path.stem}, checksum {loaded.checksum[:12]}, {setting}."

    def make(self, pair: Pair) -> None:
        self._render(pair, true=False)
        if pair.given is not None:
            self._render(pair, true=True)

    def _render(self, pair: Pair, true: bool) -> None:
        with tempfile.TemporaryDirectory(prefix="lookmatte") as name:
            folder = Path(name)
            job = self._job(pair, folder, true)
            forwarded = _Forwarded(pair, self.progress)
            lookmatte.render(job, progress=forwarded, model=self.model, overwrite=True)
            if forwarded.failures:
                raise FrameError(forwarded.failures[0])
            for frame in pair.frames:
                write_png(self.target(pair, frame, true=true), read_bytes(folder / f"look.{frame:04d}.exr"))

    def _job(self, pair: Pair, folder: Path, true: bool) -> Job:
        """The job, with its plate and mattes in ``folder``."""
        for frame in pair.frames:
            source = pair.content.path(frame)
            shown = read_bytes(source)
            if not _is_exr(source):
                _write_plate(shown, folder / f"plate.{frame:04d}.exr")
            if pair.mask is None:
                continue
            weights = material.weights(pair, frame, (shown.shape[0], shown.shape[1]), given=not true)
            for number, weight in enumerate(weights, 1):
                write_png(folder / f"region{number}.{frame:04d}.png", _as_picture(weight > 0.5))
        first = pair.content.path(pair.frames[0])
        plate = str(pair.content) if _is_exr(first) else str(folder / "plate.####.exr")
        blend: Blend = "pixel" if true or pair.given is None else "grid"
        regions, rest = [], None
        for number, spec in enumerate(pair.styles, 1):
            style = Style(((0, _style(spec, folder / f"style{number}.png")),))
            if pair.mask is None:
                rest = Region("rest", None, style)
                continue
            matte = MatteFile(str(folder / f"region{number}.####.png"))
            regions.append(Region(f"region{number}", matte, style, blend=blend))
        output = str(folder / "look.####.exr")
        return Job(plate, output, tuple(regions), rest, _range(pair), temporal=self.temporal)


def temporal(mode: Mode, subsample: int) -> Temporal:
    """How the frames of a clip share statistics; see the job file's ``temporal``."""
    return Temporal(mode, subsample)


def base_alone(model: Path | None, folder: Path) -> Path:
    """A copy of a model without its residual, in ``folder``: it renders the transport alone."""
    loaded = Model.load(model)
    loaded.config = replace(loaded.config, base="transport", residual=0.0)
    path = folder / f"{(model or shipped_path()).stem}-without-residual.safetensors"
    loaded.save(path)
    return path


def _is_exr(path: Path) -> bool:
    return path.suffix.casefold() == ".exr"


def _range(pair: Pair) -> str:
    return ",".join(map(str, pair.frames))


def _as_picture(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    return np.repeat(np.where(mask, 255, 0).astype(np.uint8)[..., None], 3, axis=2)


def _write_plate(shown: NDArray[np.uint8], path: Path) -> None:
    """Bytes as a screen shows them, as scene-linear Rec.709 in half floats: exact to the byte on the way back."""
    linear = decode(torch.from_numpy(to_floats(shown))).numpy().astype(np.float16)
    channels = {name: np.ascontiguousarray(linear[..., index]) for index, name in enumerate("RGB")}
    write_parts_to([new_part(channels, attributes={"colorInteropID": "lin_rec709_scene"})], path)


def _style(spec: StyleSpec, matte: Path) -> StyleRef:
    """The style as a job names it; the part of it that counts is written as a picture."""
    if spec.mask is None or spec.mask_label is None:
        return StyleRef(str(spec.image))
    write_png(matte, _as_picture(read_labels(spec.mask) == spec.mask_label))
    return StyleRef(str(spec.image), str(matte))
