"""A bake on disk: a folder with ``bake.json`` and small float EXRs, all that applying needs.

A grid is one RGBA picture of 128x48: x = z * 16 + gx, y = row * 16 + gy, rows down, where ``row`` is the
output channel and RGBA are that row's affine coefficients. A person can look at it, and a compositing program
can read it. The coefficients of an enhanced matte are an RGBA picture of 256x256: R, G and B multiply the colour,
A is added.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lookmatte.bilateral.grid import DEPTH, HEIGHT, WIDTH
from lookmatte.errors import FrameError, InputError
from lookmatte.imaging.patience import is_file, patiently
from lookmatte.imaging.reader import read_header, read_parts
from lookmatte.imaging.wholefile import remove, sweep, temporary_of, why, write_bytes
from lookmatte.imaging.writer import new_part, write_parts_to
from lookmatte.looks.bake import FrameBake, RegionBake
from lookmatte.looks.exposure import AMOUNTS, Exposure
from lookmatte.looks.proxy import PROXY
from lookmatte.rendering.bakeindex import INDEX, BakeHeader, BakeIndex, index_bytes, read_index, stem

LOCK = "bake.lock"
"""Locked by the process that bakes: see :mod:`lookmatte.rendering.claim`."""

_BAKE, _INPUTS, _VALUES, _EXPOSURE = (
    "lookmatte:bake", "lookmatte:inputs", "lookmatte:values", "lookmatte:exposure"
)  # fmt: skip
_OWN = re.compile(r"\d{2,}_.*\.(grid|mask|matte)\.-?\d+\.exr|state\.safetensors|bake\.json|bake\.lock")


def pack_grid(grid: Tensor) -> NDArray[np.float32]:
    """(12, 8, 16, 16) -> (48, 128, 4)."""
    rows = grid.view(3, 4, DEPTH, HEIGHT, WIDTH).permute(0, 3, 2, 4, 1)
    packed: NDArray[np.float32] = rows.reshape(3 * HEIGHT, DEPTH * WIDTH, 4).contiguous().numpy()
    return packed


def unpack_grid(packed: NDArray[np.float32]) -> Tensor:
    """The inverse of :func:`pack_grid`."""
    rows = torch.from_numpy(packed).view(3, HEIGHT, DEPTH, WIDTH, 4)
    return rows.permute(0, 4, 2, 1, 3).reshape(12, DEPTH, HEIGHT, WIDTH).contiguous()


def _planes(enhanced: Tensor) -> dict[str, NDArray[np.float32]]:
    """The channels of an enhanced matte's picture."""
    return {name: plane.contiguous().numpy() for name, plane in zip("RGBA", enhanced, strict=True)}


class BakeStore:
    """One bake's folder. Every file appears whole or not at all."""

    def __init__(self, folder: Path, header: BakeHeader) -> None:
        self.folder = folder
        self.header = header
        self.keys: list[int] = []
        self.cuts: list[int] = []
        self.failed: set[int] = set()  # frames that were not there, or could not be read, when it was baked
        self.complete = False

    @property
    def index_path(self) -> Path:
        """``bake.json``."""
        return self.folder / INDEX

    def check(self) -> None:
        """Raise InputError for a folder that holds other files, and no bake among them."""
        try:
            others = [name for name in self._names() if not self._is_own(name)]
        except OSError:
            return  # it is not there yet, or making it says what is wrong
        if others and not self._is_bake():
            raise InputError(
                f"{self.folder}: the bake's folder holds other files ({others[0]}); name an empty or a new one"
            )

    def _names(self) -> list[str]:
        return patiently(lambda: os.listdir(self.folder), self.folder)

    def _is_bake(self) -> bool:
        try:
            BakeStore.open(self.folder)
        except InputError:
            return False
        return True

    def create(self) -> None:
        """Begin in a folder that is there. Raises InputError when it cannot be written."""
        sweep(self.folder, lambda target: _OWN.fullmatch(target) is not None)
        try:
            self.save_index()
        except FrameError as error:
            raise InputError(str(error)) from None

    @staticmethod
    def _is_own(name: str) -> bool:
        """A bake's file, or what a killed run left of one."""
        return _OWN.fullmatch(temporary_of(Path(name)) or name) is not None

    def clear(self) -> None:
        """Forget the bake that is there: its own files go, others stay. Raises InputError when they cannot."""
        try:
            for name in self._names():
                if _OWN.fullmatch(name) and name != LOCK:
                    remove(self.folder / name)
        except OSError as error:
            raise InputError(f"{self.folder}: the bake's folder cannot be listed ({why(error)})") from None
        except FrameError as error:
            raise InputError(str(error)) from None

    def save_index(self) -> None:
        """Write ``bake.json``."""
        index = BakeIndex(self.header, self.keys, self.cuts, self.failed, self.complete)
        write_bytes(self.index_path, index_bytes(index))

    def _path(self, index: int, kind: str, frame: int) -> Path:
        return self.folder / f"{stem(index, self.header.regions[index][0])}.{kind}.{frame:04d}.exr"

    def add(self, bake: FrameBake, stamp: str) -> None:
        """Save a key frame; ``stamp`` says which input files it was made from."""
        for index, region in enumerate(bake.regions):
            measured = region.exposure
            exposure = json.dumps([measured.before, measured.chroma, *measured.after])
            packed = pack_grid(region.grid)
            channels = {name: packed[..., i] for i, name in enumerate("RGBA")}
            self._write(index, "grid", bake.frame, channels, stamp, {_EXPOSURE: exposure})
            if region.enhanced is not None:
                self._write(index, "matte", bake.frame, _planes(region.enhanced), stamp)
        if bake.frame not in self.keys:
            self.keys = sorted([*self.keys, bake.frame])

    def add_mattes(self, frame: int, enhanced: dict[str, Tensor], stamp: str) -> None:
        """Save the enhanced mattes of a frame between key frames."""
        for index, (name, _) in enumerate(self.header.regions):
            if name in enhanced:
                self._write(index, "matte", frame, _planes(enhanced[name]), stamp)

    def _write(
        self,
        index: int,
        kind: str,
        frame: int,
        channels: dict[str, NDArray[np.float32]],
        stamp: str,
        more: dict[str, str] | None = None,
    ) -> None:
        planes = {name: np.ascontiguousarray(plane) for name, plane in channels.items()}
        values = _checksum(list(planes.values()), (more or {}).get(_EXPOSURE, ""))
        attributes = {_BAKE: self.header.bake, _INPUTS: stamp, _VALUES: values, **(more or {})}
        write_parts_to([new_part(planes, attributes=attributes)], self._path(index, kind, frame))

    def _files(self, frame: int, kinds: Sequence[str]) -> list[Path]:
        """The files of a frame: ``grid`` of every region, ``matte`` of the `grid` regions."""
        return [
            self._path(index, kind, frame)
            for index, (_, blend) in enumerate(self.header.regions)
            for kind in kinds
            if kind == "grid" or blend == "grid"
        ]

    def files(self, frame: int, *, key: bool) -> list[Path]:
        """What baking a frame writes: as a ``key`` its grids too, else its enhanced mattes alone."""
        return self._files(frame, ("grid", "matte") if key else ("matte",))

    def has_key(self, frame: int, stamp: str) -> bool:
        """Is the key frame there, whole, and made from these inputs?"""
        return all(self._is_current(path, stamp) for path in self._files(frame, ("grid", "matte")))

    def has_mattes(self, frame: int, stamp: str) -> bool:
        """Are the frame's enhanced mattes there and made from these inputs?"""
        return all(self._is_current(path, stamp) for path in self._files(frame, ("matte",)))

    def _is_current(self, path: Path, stamp: str) -> bool:
        attributes = _attributes(path)
        return bool(attributes.get(_BAKE) == self.header.bake and attributes.get(_INPUTS) == stamp)

    def fingerprint(self, frame: int) -> str | None:
        """A checksum of all that the frame takes from the bake; None when some of it is not there."""
        try:
            before, after, share = self.around(frame)
        except FrameError:
            return None
        files = [self._files(before, ("grid",)), self._files(after, ("grid",)), self._files(frame, ("matte",))]
        values = [[str(_attributes(path).get(_VALUES, "")) for path in kind] for kind in files]
        return fingerprint(share, *values) if all(one for kind in values for one in kind) else None

    def load(self, frame: int) -> FrameBake:
        """Read a key frame. Raises FrameError when a file is missing, damaged or another bake's."""
        return self.load_key(frame)[0]

    def load_key(self, frame: int) -> tuple[FrameBake, list[str]]:
        """A key frame and the checksums of its grids."""
        regions: list[RegionBake] = []
        checksums: list[str] = []
        for index, (name, blend) in enumerate(self.header.regions):
            path = self._path(index, "grid", frame)
            planes, exposure, checksum = self._read(path, (3 * HEIGHT, DEPTH * WIDTH))
            regions.append(RegionBake(name, blend, unpack_grid(planes), read_exposure(path, exposure)))
            checksums.append(checksum)
        return FrameBake(frame, tuple(regions), self.header.guide), checksums

    def load_mattes(self, frame: int) -> tuple[dict[str, Tensor], list[str]]:
        """The coefficients (4, 256, 256) of any frame's enhanced mattes, and their checksums. Raises FrameError
        when one is missing, damaged or another bake's."""
        mattes: dict[str, Tensor] = {}
        checksums: list[str] = []
        for index, (name, blend) in enumerate(self.header.regions):
            if blend == "grid":
                planes, _, checksum = self._read(self._path(index, "matte", frame), (PROXY, PROXY))
                mattes[name] = torch.from_numpy(planes).permute(2, 0, 1).contiguous()
                checksums.append(checksum)
        return mattes, checksums

    def _read(self, path: Path, shape: tuple[int, int]) -> tuple[NDArray[np.float32], str, str]:
        """A picture (height, width, 4) of this bake, its exposure as text, and its checksum."""
        if not is_file(path):
            raise FrameError(f"{path}: missing from the bake; bake the job again")
        header = read_header(path).parts[0]
        window = header.data_window
        if set(header.channels) != set("RGBA") or (window.height, window.width) != shape:
            raise FrameError(f"{path}: is no picture of a bake; bake the job again")
        part = read_parts(path)[0]
        if part.attributes.get(_BAKE) != self.header.bake:
            raise FrameError(f"{path}: belongs to another bake; delete it and bake the job again")
        planes = [np.ascontiguousarray(part.channels[name], dtype=np.float32) for name in "RGBA"]
        exposure, checksum = str(part.attributes.get(_EXPOSURE, "")), str(part.attributes.get(_VALUES, ""))
        if checksum != _checksum(planes, exposure) or not all(np.isfinite(plane).all() for plane in planes):
            raise FrameError(f"{path}: damaged, it is not as it was baked; delete it and bake the job again")
        return np.stack(planes, axis=-1), exposure, checksum

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
        index = read_index(folder)
        store = BakeStore(folder, index.header)
        store.keys, store.cuts, store.failed = index.keys, index.cuts, index.failed
        store.complete = index.complete
        return store


def fingerprint(share: float, before: Sequence[str], after: Sequence[str], mattes: Sequence[str]) -> str:
    """A checksum of what a frame takes from its bake: ``share`` of the key ``after`` it, the rest of that
    ``before`` it, and its enhanced ``mattes``, all of them by their checksums."""
    values = [share.hex(), *before, *mattes, *(after if after != before else ())]
    return hashlib.sha256("|".join(values).encode()).hexdigest()[:32]


def _checksum(planes: Sequence[NDArray[np.float32]], exposure: str) -> str:
    digest = hashlib.sha256(exposure.encode())
    for plane in planes:
        digest.update(plane.tobytes())
    return digest.hexdigest()[:32]


def read_exposure(path: Path, text: str) -> Exposure:
    """A grid's exposure from its attribute. Raises FrameError."""
    try:
        values = json.loads(text)
        before, chroma, *after = (float(value) for value in values)
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise FrameError(f"{path}: damaged, its exposure cannot be read; bake the job again") from None
    if len(after) != len(AMOUNTS) or not all(math.isfinite(value) for value in (before, chroma, *after)):
        raise FrameError(f"{path}: damaged, its exposure is incomplete; bake the job again")
    return Exposure(before, tuple(after), chroma)


def _attributes(path: Path) -> dict[str, Any]:
    """Attributes of a bake's picture; none when it is missing or damaged."""
    try:
        return read_header(path).parts[0].attributes
    except FrameError:
        return {}
