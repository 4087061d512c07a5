"""What a bake remembers between runs, ``state.safetensors``: the commit of all keys up to the frame it names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lookmatte.imaging.wholefile import write_bytes
from lookmatte.jobvalues import FRAME_LIMIT
from lookmatte.looks.memory import Memory
from lookmatte.networks.tensorfile import digest, read_tensors, tensor_bytes

STATE = "state.safetensors"
_LARGEST = 64 << 20  # bytes; a region and style take 3 KB


def read_state(path: Path, bake: str) -> tuple[dict[str, Any], Memory | None]:
    """What an earlier run of the same ``bake`` remembered after its last key frame; nothing where that is not to be
    had. Never raises."""
    try:
        said, tensors = read_tensors(path, _LARGEST)
        metadata = json.loads(said["lookmatte"])
        if (metadata["bake"], metadata["sha256"]) == (bake, digest(tensors)):
            _check_state(metadata)
            return metadata, Memory.from_tensors(tensors)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    return {}, None


def _check_state(metadata: dict[str, Any]) -> None:
    """Raise ValueError or TypeError for what no run has saved."""
    if not isinstance(metadata["frame"], int | None):
        raise TypeError("frame")
    for frame, stamp in [*metadata["failed"].items(), *metadata["survey"].items()]:
        if abs(int(frame)) > FRAME_LIMIT or not isinstance(stamp, str):
            raise ValueError("frame")


def write_state(path: Path, said: dict[str, Any], memory: Memory) -> None:
    """Keep what :func:`read_state` returns: of ``said`` the ``bake``, the ``frame`` that memory is of, frames that
    ``failed`` and of the ``survey``, with their stamps. Raises FrameError."""
    tensors = memory.tensors()
    metadata = json.dumps({**said, "sha256": digest(tensors)})
    write_bytes(path, tensor_bytes(tensors, {"lookmatte": metadata}))
