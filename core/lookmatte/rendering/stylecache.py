"""What references were reduced to in earlier runs, in a folder of the user's own.

To read and reduce a 4K photograph takes most of a second; what comes of it is 6 KB. Entries are named by all that
they depend on, so none is ever stale: contents and decoding of the picture, model, versions, kind of processor.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import platform
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import torch
from torch import Tensor

from lookmatte.errors import FrameError
from lookmatte.imaging.wholefile import sweep, write_bytes
from lookmatte.networks.tensorfile import digest, read_tensors, tensor_bytes

VARIABLE = "LOOKMATTE_CACHE"
OFF = "off"
MOST = 2000
"""Entries that are kept, some 15 MB: beyond it those go that were used longest ago."""

_SUFFIX = ".safetensors"
_LARGEST = 16 << 20  # bytes; an entry has some 6 thousand
_FORMAT = 1  # raise it when the same reference would be read or reduced to other numbers


def cache_folder() -> Path | None:
    """Where entries lie; None where a person has switched the cache off, or a home is not known.

    ``$LOOKMATTE_CACHE`` (a folder, or ``off``), else the platform's place for what may be deleted at any time.
    """
    asked = os.environ.get(VARIABLE, "")
    if asked.casefold() == OFF:
        return None
    try:
        if asked:
            return Path(asked).expanduser() / "styles"
        home = Path.home()
    except RuntimeError:
        return None
    if sys.platform == "win32":
        place = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "lookmatte" / "Cache"
    elif sys.platform == "darwin":
        place = home / "Library" / "Caches" / "lookmatte"
    else:
        place = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "lookmatte"
    return place / "styles"


@functools.lru_cache(maxsize=1)
def _build() -> str:
    """The build and the kind of processor: what may change the last bits of a result."""
    versions: list[str] = []
    for package in ("lookmatte", "torch", "numpy", "OpenImageIO", "opencolorio"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions.append(f"{package} {metadata.version(package)}")
    kind = [platform.machine(), platform.processor(), torch.backends.cpu.get_cpu_capability()]
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        kind += [next((line for line in lines if line.startswith(name)), "") for name in ("model name", "flags")]
    return "|".join([*versions, *kind])


@dataclass(frozen=True)
class StyleCache:
    """The entries of one reference, by ``origin``: a checksum of all that its pixels depend on."""

    folder: Path
    origin: str

    def has_any(self) -> bool:
        """Has any model reduced the reference, so that it is known to be sound?"""
        try:
            return any(self.folder.glob(f"{self.origin}-*{_SUFFIX}"))
        except OSError:
            return False

    def recall(self, model: str) -> dict[str, Tensor] | None:
        """The tensors that were kept, to the bit; None where there are none, or not whole ones."""
        key = self._key(model)
        path = self._path(key)
        try:
            said, tensors = read_tensors(path, _LARGEST)
            if json.loads(said["lookmatte"]) != {"key": key, "sha256": digest(tensors)}:
                return None
        except (OSError, ValueError, KeyError, TypeError):
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # it was used just now
        return tensors

    def keep(self, model: str, tensors: dict[str, Tensor]) -> None:
        """Keep tensors, whole or not at all; where nothing can be written, nothing is kept."""
        key = self._key(model)
        said = json.dumps({"key": key, "sha256": digest(tensors)})
        with contextlib.suppress(OSError, FrameError):
            write_bytes(self._path(key), tensor_bytes(tensors, {"lookmatte": said}))
            _prune(self.folder)

    def _key(self, model: str) -> str:
        parts = [_FORMAT, self.origin, model, _build()]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def _path(self, key: str) -> Path:
        return self.folder / f"{self.origin}-{key[:16]}{_SUFFIX}"


def _prune(folder: Path) -> None:
    """Delete the entries that were used longest ago, and what killed runs left."""
    sweep(folder, lambda name: name.endswith(_SUFFIX))
    entries: list[tuple[float, str]] = []
    with os.scandir(folder) as found:
        for one in found:
            with contextlib.suppress(OSError):
                if one.name.endswith(_SUFFIX):
                    entries.append((one.stat().st_mtime, one.path))
    for _, path in sorted(entries)[: max(len(entries) - MOST, 0)]:
        with contextlib.suppress(OSError):
            os.unlink(path)
