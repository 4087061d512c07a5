"""Tensors on disk: what is read is what was written, or an error that names its kind."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from lookmatte.networks.tensorfile import digest, read_tensors, tensor_bytes

SHAPES = st.lists(st.integers(0, 3), max_size=3)
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12).filter(
    lambda name: name != "__metadata__"
)
TENSORS = st.dictionaries(
    NAMES,
    st.builds(
        lambda shape, kind, seed: (torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 99).to(kind),
        SHAPES, st.sampled_from([torch.float32, torch.float16, torch.int64, torch.bool]), st.integers(0, 99),
    ),
    max_size=4,
)  # fmt: skip


@given(tensors=TENSORS, metadata=st.dictionaries(NAMES, NAMES, max_size=3))
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, tensors: dict[str, Tensor], metadata: dict[str, str]
) -> None:
    path = tmp_path_factory.mktemp("tensors") / "a.safetensors"
    path.write_bytes(tensor_bytes(tensors, metadata))
    said, found = read_tensors(path)
    assert said == metadata
    assert found.keys() == tensors.keys()
    for name, value in tensors.items():
        assert found[name].dtype == value.dtype
        assert torch.equal(found[name], value)
    assert digest(found) == digest(tensors)


@given(cut=st.integers(0, 399), noise=st.binary(max_size=12))
def test_a_damaged_file_is_an_error(tmp_path_factory: pytest.TempPathFactory, cut: int, noise: bytes) -> None:
    path = tmp_path_factory.mktemp("tensors") / "a.safetensors"
    whole = tensor_bytes({"a": torch.arange(90.0)}, {"b": "c"})
    path.write_bytes(whole[:cut] + noise)
    with pytest.raises(ValueError, match=r"\S"):
        read_tensors(path)


def test_what_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_tensors(tmp_path / "none")
    with pytest.raises(OSError, match="Is a directory"):
        read_tensors(tmp_path)
    path = tmp_path / "a.safetensors"
    path.write_bytes(tensor_bytes({"a": torch.zeros(99)}, {}))
    with pytest.raises(ValueError, match="more than 100 bytes"):
        read_tensors(path, 100)


def test_a_file_can_be_replaced_under_its_tensors(tmp_path: Path) -> None:
    """They are no views of the file."""
    path = tmp_path / "a.safetensors"
    path.write_bytes(tensor_bytes({"a": torch.ones(9)}, {}))
    found = read_tensors(path)[1]["a"]
    path.write_bytes(bytes(path.stat().st_size))
    assert torch.equal(found, torch.ones(9))
    found += 1.0
