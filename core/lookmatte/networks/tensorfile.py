"""Tensors in safetensors files that carry their own checksum: weights, checkpoints, what a run remembers.

Files are read into memory and not mapped: of a mapped file a network that fails is no error but the end of the
process.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from lookmatte.imaging.patience import first_bytes

LARGEST = 1 << 30  # bytes; the shipped weights are 2 MB


def digest(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, shapes, types and values: the same for the same tensors, whatever file they lie in."""
    total = hashlib.sha256()
    for name in sorted(tensors):
        value = tensors[name].detach().cpu().contiguous()
        total.update(f"{name} {tuple(value.shape)} {value.dtype}\n".encode())
        total.update(value.numpy().tobytes())
    return total.hexdigest()


def tensor_bytes(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> bytes:
    """A safetensors file, for a writer that makes it whole or not at all."""
    whole = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    data: bytes = safetensors.torch.save(whole, metadata=dict(metadata) or None)
    return data


def read_tensors(path: Path, largest: int = LARGEST) -> tuple[dict[str, str], dict[str, Tensor]]:
    """A file's metadata and tensors, on the CPU. Whoever reads them compares their :func:`digest`.

    Raises OSError when it cannot be read, ValueError when it is larger than ``largest`` bytes or no whole
    safetensors file.
    """
    data = first_bytes(path, largest + 1)
    if len(data) > largest:
        raise ValueError(f"more than {largest} bytes")
    try:
        tensors = safetensors.torch.load(data)
    except (SafetensorError, KeyError) as error:
        raise ValueError(str(error)) from None
    # The library has read the header by now, but hands its metadata out for files alone.
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length]).get("__metadata__") or {}, tensors
