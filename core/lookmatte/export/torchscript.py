"""One baked frame's look as a TorchScript model, and the node that makes Nuke's .cat file of it."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from lookmatte.bilateral.grid import fade
from lookmatte.errors import InputError, nearest
from lookmatte.export.archive import TEMPLATE, filled, read_records, write_records
from lookmatte.imaging.wholefile import write_bytes
from lookmatte.looks.bake import RegionBake
from lookmatte.rendering.store import BakeStore

STRANGE = "[]{}$%#\\\""
"""What Nuke would take for its own in a path."""


@dataclass(frozen=True)
class Still:
    """What a model is made of: one region's grid (12, 8, 16, 16) on a frame, within its exposure limit."""

    store: BakeStore
    frame: int
    region: RegionBake
    grid: Tensor

    def tensors(self) -> dict[str, list[float]]:
        """The template's tensors by name."""
        header = self.store.header
        forth = torch.tensor(header.matrix, dtype=torch.float64)
        # What the guide sees of the matte is one number: its weights join the biases.
        matte = 0.0 if self.region.blend == "rest" else 1.0
        found = {
            "grid": self.grid,
            "to_rec709": forth,
            "from_rec709": torch.linalg.inv(forth),
            "w1": header.guide.w1[:, :3],
            "b1": header.guide.b1 + matte * header.guide.w1[:, 3],
            "w2": header.guide.w2,
            "b2": header.guide.b2,
        }
        return {name: tensor.flatten().tolist() for name, tensor in found.items()}


def find_still(store: BakeStore, frame: int, region: str | None, exposure_limit: float | None) -> Still:
    """The look of a region, None: the only one, on a frame; ``exposure_limit`` in stops. InputError for an unknown
    region, FrameError for a frame that the bake has nothing of."""
    names = [name for name, _ in store.header.regions]
    if region is None and len(names) > 1:
        raise InputError(f"--region: the bake has several; there is: {', '.join(names)}")
    if region is not None and region not in names:
        raise InputError(f"--region: {region!r} is not in the bake{nearest(region, names)}")
    index = 0 if region is None else names.index(region)
    before, after, share = store.around(frame)
    early, late = (store.load(key).regions[index] for key in (before, after))
    grid = early.limited(exposure_limit)
    if share > 0.0:
        grid = fade(grid, late.limited(exposure_limit), share)
    return Still(store, frame, early, grid)


def write_still(still: Still, path: Path) -> None:
    """Write the model. FrameError when it cannot be written."""
    header = still.store.header
    about = {"bake": header.bake, "frame": still.frame, "region": still.region.name, "space": header.space}
    records = filled(read_records(TEMPLATE), still.tensors(), about)
    made = io.BytesIO()
    write_records(records, made)
    write_bytes(path, made.getvalue())


def node(path: Path, still: Still) -> str:
    """A Nuke script with the CatFileCreator for a model at ``path``. InputError for one that Nuke would misread."""
    name = path.as_posix()
    strange = sorted({letter for letter in name if letter in STRANGE})
    if strange:
        what = " ".join(strange)
        raise InputError(f"--torchscript: Nuke reads {what} in {name} as its own; write somewhere else")
    region = "".join(letter if letter.isalnum() or letter in "_-." else "_" for letter in still.region.name)
    channels = "rgba.red, rgba.green, rgba.blue, rgba.alpha"
    return f"""version 13.0 v1
CatFileCreator {{
 inputs 0
 torchScriptFile "{name}"
 catFile "{path.with_suffix(".cat").as_posix()}"
 channelsIn "{channels}"
 channelsOut "{channels}"
 name Lookmatte_{path.stem if path.stem.isidentifier() else "still"}
 label "{region}, frame {still.frame}\\nUnpremult before, Premult after\\nthe matte in alpha"
 selected true
 xpos 0
 ypos 0
 addUserKnob {{20 Look}}
 addUserKnob {{7 strength t "How much of the look: 0 is the plate, 1 the whole look."}}
 strength 1
}}
"""
