"""A bake's index, ``bake.json``: what the bake is of, which of its frames are keys, and how far it got."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lookmatte.bilateral.grid import DEPTH, HEIGHT, WIDTH
from lookmatte.bilateral.guide import HIDDEN, GuideWeights
from lookmatte.errors import InputError, nearest, short
from lookmatte.imaging.patience import first_bytes
from lookmatte.jobtree import show
from lookmatte.jobvalues import LONGEST_NAME
from lookmatte.looks.bake import Blend

FORMAT = 2
INDEX = "bake.json"

_LARGEST = 64 << 20  # bytes
_BLENDS = ("pixel", "grid", "rest")


@dataclass(frozen=True)
class BakeHeader:
    """What ``bake.json`` says of the whole bake. ``bake`` is the hash of all that the grids depend on."""

    bake: str
    model: str
    space: str
    matrix: tuple[tuple[float, ...], ...]
    guide: GuideWeights
    regions: tuple[tuple[str, Blend], ...]
    mode: str
    subsample: int


@dataclass(frozen=True)
class BakeIndex:
    """All of ``bake.json``. ``failed``: frames that were not there, or could not be read, when it was baked."""

    header: BakeHeader
    keys: list[int]
    cuts: list[int]
    failed: set[int]
    complete: bool


def stem(index: int, name: str) -> str:
    """How the files of a region begin; ``index`` counts the bake's regions."""
    return f"{index:02d}_{re.sub(r'[^A-Za-z0-9_-]+', '_', name)[:40]}"


def index_bytes(index: BakeIndex) -> bytes:
    """The file's contents."""
    header = index.header
    text = json.dumps(
        {
            "format": FORMAT,
            "bake": header.bake,
            "model": header.model,
            "color": {"space": header.space, "to_rec709": header.matrix},
            "guide": {
                "w1": header.guide.w1.tolist(),
                "b1": header.guide.b1.tolist(),
                "w2": header.guide.w2.tolist(),
                "b2": float(header.guide.b2),
            },
            "grid": {"depth": DEPTH, "height": HEIGHT, "width": WIDTH},
            "regions": [
                {"name": name, "blend": blend, "files": stem(at, name)}
                for at, (name, blend) in enumerate(header.regions)
            ],
            "temporal": {"mode": header.mode, "subsample": header.subsample},
            "keys": index.keys,
            "cuts": index.cuts,
            "failed": sorted(index.failed),
            "complete": index.complete,
        },
        indent=1,
    )
    return text.encode("utf-8") + b"\n"


def read_index(folder: Path) -> BakeIndex:
    """The index of a bake. Raises InputError when the folder holds none, or one that cannot be read."""
    path = folder / INDEX
    try:
        text = first_bytes(path, _LARGEST + 1)
        if len(text) > _LARGEST:
            raise InputError(f"{path}: too large to be a bake's index")
        data = json.loads(text.decode("utf-8"))
    except FileNotFoundError:
        raise InputError(f"{folder}: there is no bake here (no {INDEX}); run lookmatte bake first") from None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read as a bake ({error})") from None
    return _parse(path, data)


def _parse(path: Path, data: Any) -> BakeIndex:
    try:
        if data["format"] != FORMAT:
            raise InputError(
                f"{path}: bake format {show(data['format'])}; this lookmatte reads format {FORMAT}; "
                "bake the job again"
            )
        if (data["grid"]["depth"], data["grid"]["height"], data["grid"]["width"]) != (DEPTH, HEIGHT, WIDTH):
            raise InputError(f"{path}: its grids are not {DEPTH}x{HEIGHT}x{WIDTH}")
        regions = tuple((_name(region["name"]), region["blend"]) for region in data["regions"])
        for name, blend in regions:
            if blend not in _BLENDS:
                raise InputError(f"{path}: region {name!r} has blend {show(blend)}{nearest(show(blend), _BLENDS)}")
        matrix = np.array(data["color"]["to_rec709"], dtype=np.float64)
        if matrix.shape != (3, 3) or not np.isfinite(matrix).all() or abs(np.linalg.det(matrix)) < 1e-9:
            raise InputError(f"{path}: color.to_rec709 is no invertible 3x3 matrix")
        header = BakeHeader(
            str(data["bake"]),
            str(data["model"]),
            str(data["color"]["space"]),
            tuple(tuple(float(value) for value in row) for row in matrix),
            _guide(path, data["guide"]),
            regions,
            str(data["temporal"]["mode"]),
            int(data["temporal"]["subsample"]),
        )
        return BakeIndex(
            header,
            sorted({_whole(key) for key in data["keys"]}),
            sorted({_whole(cut) for cut in data["cuts"]}),
            {_whole(frame) for frame in data.get("failed", ())},
            data["complete"] is True,
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        what = f"no {error}" if isinstance(error, KeyError) else short(error)
        raise InputError(f"{path}: damaged, or no bake ({what}); bake the job again") from None


def _name(value: object) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_NAME:
        raise ValueError(f"{show(value)} is no region's name")
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > 10**9:
        raise ValueError(f"{show(value)} is no frame")
    return value


def _guide(path: Path, data: Any) -> GuideWeights:
    tensors = [torch.tensor(data[name], dtype=torch.float32) for name in ("w1", "b1", "w2", "b2")]
    shapes = [(HIDDEN, 4), (HIDDEN,), (HIDDEN,), ()]
    if any(tuple(tensor.shape) != shape for tensor, shape in zip(tensors, shapes, strict=True)) or not all(
        bool(tensor.isfinite().all()) for tensor in tensors
    ):
        raise InputError(f"{path}: the guide's weights have other shapes, or are not finite")
    return GuideWeights(*tensors)
