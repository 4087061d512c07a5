"""A bake on disk: a folder with ``bake.json`` and small float EXRs, all that applying needs.

A grid is one RGBA picture of 128x48: x = z * 16 + gx, y = row * 16 + gy, rows down, where ``row`` is the
output channel and RGBA are that row's affine coefficients. A person can look at it, and a compositing program
can read it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lookmatte.bilateral.grid import DEPTH, HEIGHT, WIDTH
from lookmatte.bilateral.guide import HIDDEN, GuideWeights
from lookmatte.errors import FrameError, InputError, nearest
from lookmatte.imaging.reader import read_header, read_parts
from lookmatte.imaging.writer import new_part, whole_file, write_parts_to
from lookmatte.looks.bake import GAINS, Blend, Exposure, FrameBake, RegionBake
from lookmatte.looks.proxy import PROXY

FORMAT = 1
INDEX = "bake.json"
_LARGEST_INDEX = 64 << 20
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


def pack_grid(grid: Tensor) -> NDArray[np.float32]:
    """(12, 8, 16, 16) -> (48, 128, 4)."""
    rows = grid.view(3, 4, DEPTH, HEIGHT, WIDTH).permute(0, 3, 2, 4, 1)
    packed: NDArray[np.float32] = rows.reshape(3 * HEIGHT, DEPTH * WIDTH, 4).contiguous().numpy()
    return packed


def unpack_grid(packed: NDArray[np.float32]) -> Tensor:
    """The inverse of :func:`pack_grid`."""
    rows = torch.from_numpy(packed).view(3, HEIGHT, DEPTH, WIDTH, 4)
    return rows.permute(0, 4, 2, 1, 3).reshape(12, DEPTH, HEIGHT, WIDTH).contiguous()


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "_", name)[:40]


class BakeStore:
    """One bake's folder. Every file appears whole or not at all."""

    def __init__(self, folder: Path, header: BakeHeader) -> None:
        self.folder = folder
        self.header = header
        self.keys: list[int] = []
        self.cuts: list[int] = []

    @property
    def index_path(self) -> Path:
        """``bake.json``."""
        return self.folder / INDEX

    def create(self) -> None:
        """Make the folder. Raises InputError when it holds something else, or cannot be made."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if not self.index_path.exists() and any(self.folder.iterdir()):
                raise InputError(f"{self.folder}: the bake's folder holds other files; name an empty or a new one")
        except OSError as error:
            raise InputError(f"{self.folder}: the bake's folder cannot be made ({error.strerror})") from None
        self.save_index()

    def clear(self) -> None:
        """Forget the bake that is there: its own files go, others stay."""
        for path in self.folder.glob("*"):
            if path.name == INDEX or re.fullmatch(
                r"\d\d_.*\.(grid|mask|matte)\.-?\d+\.exr|state\.safetensors", path.name
            ):
                path.unlink(missing_ok=True)

    def save_index(self) -> None:
        """Write ``bake.json``."""
        header = self.header
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
                    {"name": name, "blend": blend, "files": self._stem(index)}
                    for index, (name, blend) in enumerate(header.regions)
                ],
                "temporal": {"mode": header.mode, "subsample": header.subsample},
                "keys": self.keys,
                "cuts": self.cuts,
            },
            indent=1,
        )
        try:
            with whole_file(self.index_path) as temporary:
                temporary.write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise FrameError(f"{self.index_path}: cannot be written ({error.strerror})") from None

    def _stem(self, index: int) -> str:
        return f"{index:02d}_{_slug(self.header.regions[index][0])}"

    def _path(self, index: int, kind: str, frame: int) -> Path:
        return self.folder / f"{self._stem(index)}.{kind}.{frame:04d}.exr"

    def add(self, bake: FrameBake, stamp: str) -> None:
        """Save a key frame; ``stamp`` says which input files it was made from."""
        for index, region in enumerate(bake.regions):
            attributes = {
                "lookmatte:bake": self.header.bake,
                "lookmatte:inputs": stamp,
                "lookmatte:exposure": json.dumps([region.exposure.before, *region.exposure.after]),
            }
            packed = pack_grid(region.grid)
            channels = {name: packed[..., i] for i, name in enumerate("RGBA")}
            _write(self._path(index, "grid", bake.frame), channels, attributes)
            if region.soft_mask is not None:
                mask = region.soft_mask.permute(1, 0, 2).reshape(HEIGHT, DEPTH * WIDTH).contiguous().numpy()
                _write(self._path(index, "mask", bake.frame), {"Y": mask}, attributes)
            if region.enhanced is not None:
                self._add_matte(index, bake.frame, region.enhanced, stamp)
        if bake.frame not in self.keys:
            self.keys = sorted([*self.keys, bake.frame])

    def add_mattes(self, frame: int, enhanced: dict[str, Tensor], stamp: str) -> None:
        """Save the enhanced mattes of a frame between key frames."""
        for index, (name, _) in enumerate(self.header.regions):
            if name in enhanced:
                self._add_matte(index, frame, enhanced[name], stamp)

    def _add_matte(self, index: int, frame: int, enhanced: Tensor, stamp: str) -> None:
        attributes = {"lookmatte:bake": self.header.bake, "lookmatte:inputs": stamp}
        _write(self._path(index, "matte", frame), {"Y": enhanced.contiguous().numpy()}, attributes)

    def has_key(self, frame: int, stamp: str) -> bool:
        """Is the key frame there, whole, and made from these inputs?"""
        kinds = {"pixel": ("grid",), "rest": ("grid",), "grid": ("grid", "mask", "matte")}
        return all(
            self._is_current(self._path(index, kind, frame), stamp)
            for index, (_, blend) in enumerate(self.header.regions)
            for kind in kinds[blend]
        )

    def has_mattes(self, frame: int, stamp: str) -> bool:
        """Are the frame's enhanced mattes there and made from these inputs?"""
        return all(
            self._is_current(self._path(index, "matte", frame), stamp)
            for index, (_, blend) in enumerate(self.header.regions)
            if blend == "grid"
        )

    def _is_current(self, path: Path, stamp: str) -> bool:
        if not path.is_file():
            return False
        try:
            attributes = read_header(path).parts[0].attributes
        except FrameError:
            return False
        return bool(
            attributes.get("lookmatte:bake") == self.header.bake and attributes.get("lookmatte:inputs") == stamp
        )

    def load(self, frame: int) -> FrameBake:
        """Read a key frame. Raises FrameError when a file is missing or damaged."""
        regions: list[RegionBake] = []
        for index, (name, blend) in enumerate(self.header.regions):
            path = self._path(index, "grid", frame)
            planes, attributes = _read(path, ("R", "G", "B", "A"), (3 * HEIGHT, DEPTH * WIDTH))
            soft_mask = None
            if blend == "grid":
                mask, _ = _read(self._path(index, "mask", frame), ("Y",), (HEIGHT, DEPTH * WIDTH))
                soft_mask = torch.from_numpy(mask[..., 0]).view(HEIGHT, DEPTH, WIDTH).permute(1, 0, 2).contiguous()
            exposure = _exposure(path, attributes.get("lookmatte:exposure"))
            regions.append(RegionBake(name, blend, unpack_grid(planes), exposure, soft_mask))
        return FrameBake(frame, tuple(regions), self.header.guide)

    def load_mattes(self, frame: int) -> dict[str, Tensor]:
        """Read the enhanced mattes (256, 256) of any frame. Raises FrameError when one is missing."""
        mattes: dict[str, Tensor] = {}
        for index, (name, blend) in enumerate(self.header.regions):
            if blend == "grid":
                planes, _ = _read(self._path(index, "matte", frame), ("Y",), (PROXY, PROXY))
                mattes[name] = torch.from_numpy(planes[..., 0]).clamp(0.0, 1.0)
        return mattes

    def around(self, frame: int) -> tuple[int, int, float]:
        """The key frames before and after, on the frame's own side of every cut, and the share of the later.

        Raises FrameError when the bake has no key frame in the frame's shot.
        """
        start = max((cut for cut in self.cuts if cut <= frame), default=-math.inf)
        end = min((cut for cut in self.cuts if cut > frame), default=math.inf)
        own = [key for key in self.keys if start <= key < end]
        before = max((key for key in own if key <= frame), default=None)
        after = min((key for key in own if key >= frame), default=None)
        if before is None and after is None:
            raise FrameError(f"frame {frame} has no key frame in the bake {self.folder.name}; bake the job again")
        before = after if before is None else before
        after = before if after is None else after
        assert before is not None
        assert after is not None
        share = (frame - before) / (after - before) if after > before else 0.0
        return before, after, share

    @staticmethod
    def open(folder: Path) -> BakeStore:
        """Open a bake. Raises InputError when the folder holds none, or one that cannot be read."""
        path = folder / INDEX
        try:
            if path.stat().st_size > _LARGEST_INDEX:
                raise InputError(f"{path}: too large to be a bake's index")
            data = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise InputError(f"{folder}: there is no bake here (no {INDEX}); run lookmatte bake first") from None
        except (OSError, ValueError, RecursionError) as error:
            raise InputError(f"{path}: cannot be read as a bake ({error})") from None
        return _parse(folder, path, data)


def _parse(folder: Path, path: Path, data: Any) -> BakeStore:
    try:
        if data["format"] != FORMAT:
            raise InputError(f"{path}: bake format {data['format']}; this lookmatte reads format {FORMAT}")
        if (data["grid"]["depth"], data["grid"]["height"], data["grid"]["width"]) != (DEPTH, HEIGHT, WIDTH):
            raise InputError(f"{path}: its grids are not {DEPTH}x{HEIGHT}x{WIDTH}")
        regions = tuple((str(region["name"]), region["blend"]) for region in data["regions"])
        for name, blend in regions:
            if blend not in _BLENDS:
                raise InputError(f"{path}: region {name!r} has blend {blend!r}{nearest(str(blend), _BLENDS)}")
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
        store = BakeStore(folder, header)
        store.keys = sorted({_whole(key) for key in data["keys"]})
        store.cuts = sorted({_whole(cut) for cut in data["cuts"]})
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        what = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise InputError(f"{path}: damaged, or no bake ({what}); bake the job again") from None
    return store


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > 10**9:
        raise ValueError(f"{value!r} is no frame")
    return value


def _guide(path: Path, data: Any) -> GuideWeights:
    tensors = [torch.tensor(data[name], dtype=torch.float32) for name in ("w1", "b1", "w2", "b2")]
    shapes = [(HIDDEN, 4), (HIDDEN,), (HIDDEN,), ()]
    if any(tuple(tensor.shape) != shape for tensor, shape in zip(tensors, shapes, strict=True)) or not all(
        bool(tensor.isfinite().all()) for tensor in tensors
    ):
        raise InputError(f"{path}: the guide's weights have other shapes, or are not finite")
    return GuideWeights(*tensors)


def _exposure(path: Path, text: object) -> Exposure:
    try:
        values = json.loads(str(text))
        before, *after = (float(value) for value in values)
    except (ValueError, TypeError):
        raise FrameError(f"{path}: damaged, its exposure cannot be read; bake the job again") from None
    if len(after) != len(GAINS) or not all(math.isfinite(value) for value in (before, *after)):
        raise FrameError(f"{path}: damaged, its exposure is incomplete; bake the job again")
    return Exposure(before, tuple(after))


def _write(path: Path, channels: dict[str, NDArray[np.float32]], attributes: dict[str, str]) -> None:
    contiguous = {name: np.ascontiguousarray(plane) for name, plane in channels.items()}
    write_parts_to([new_part(contiguous, attributes=attributes)], path)


def _read(path: Path, names: Sequence[str], shape: tuple[int, int]) -> tuple[NDArray[np.float32], dict[str, Any]]:
    if not path.is_file():
        raise FrameError(f"{path}: missing from the bake; bake the job again")
    part = read_parts(path)[0]
    if set(part.channels) != set(names) or any(plane.shape != shape for plane in part.channels.values()):
        raise FrameError(f"{path}: is no picture of a bake; bake the job again")
    planes = np.stack([part.channels[name].astype(np.float32) for name in names], axis=-1)
    if not np.isfinite(planes).all():
        raise FrameError(f"{path}: damaged, it holds values that are not finite; bake the job again")
    return np.ascontiguousarray(planes), part.attributes
