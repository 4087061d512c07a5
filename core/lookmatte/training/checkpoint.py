"""Checkpoints of a training run: tensors in a safetensors file, what holds them together as JSON beside them.

No pickle: a checkpoint is data, and nothing in it can run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor

from lookmatte.errors import InputError
from lookmatte.imaging.wholefile import write_bytes
from lookmatte.networks.tensorfile import digest, read_tensors, tensor_bytes

NAME = "checkpoint.safetensors"
_RAISED = (
    OSError, EOFError, RuntimeError, ValueError, TypeError, LookupError, AttributeError,
)  # fmt: skip


def save(path: Path, state: dict[str, Any]) -> None:
    """Write tensors, numbers, texts, and lists, tuples and dictionaries of them; the file appears whole or not."""
    tensors: dict[str, Tensor] = {}
    structure = json.dumps(_apart(state, "", tensors))
    write_bytes(path, tensor_bytes(tensors, {"structure": structure, "sha256": digest(tensors)}))


def load(path: Path) -> dict[str, Any]:
    """What :func:`save` was given. Raises one of many errors for a file that is none: see
    :func:`refused_when_damaged`."""
    metadata, tensors = read_tensors(path)
    if metadata["sha256"] != digest(tensors):
        raise ValueError("the checksum differs")
    state: dict[str, Any] = _together(json.loads(metadata["structure"]), tensors)
    return state


def _apart(value: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    """The value as JSON, with the names of its tensors in their places."""
    if isinstance(value, Tensor):
        # Cloned: several may share their memory.
        tensors[name] = value.detach().cpu().contiguous().clone()
        return {"tensor": name}
    if isinstance(value, dict):
        return {"dict": [[key, _apart(one, f"{name}/{key}", tensors)] for key, one in value.items()]}
    if isinstance(value, list | tuple):
        items = [_apart(one, f"{name}/{index}", tensors) for index, one in enumerate(value)]
        return {type(value).__name__: items}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"a checkpoint holds no {type(value).__name__}")


def _together(value: Any, tensors: dict[str, Tensor]) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, inner),) = value.items()
    if kind == "tensor":
        return tensors[inner]
    if kind == "dict":
        return {key: _together(one, tensors) for key, one in inner}
    items = [_together(one, tensors) for one in inner]
    return tuple(items) if kind == "tuple" else items


@contextmanager
def refused_when_damaged(path: Path) -> Iterator[None]:
    """Turn what is raised for a checkpoint that cannot be taken into one line of InputError."""
    try:
        yield
    except _RAISED:
        hint = "delete it to start afresh, or name another --out"
        raise InputError(f"{path}: a damaged checkpoint, or one of another version; {hint}") from None
