"""The model file: a round trip, and one clear line for every sort of wrong file."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from lookmatte.errors import InputError
from lookmatte.networks.model import Model, ModelConfig
from lookmatte.networks.tensorfile import digest


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    torch.manual_seed(5)
    path = tmp_path / "model.safetensors"
    Model(ModelConfig(alpha=0.25, residual=0.5)).save(path)
    return path


def test_a_model_survives_its_file(saved: Path) -> None:
    torch.manual_seed(5)
    made, read = Model(ModelConfig(alpha=0.25, residual=0.5)), Model.load(saved)
    assert read.config == made.config
    assert read.checksum == made.checksum
    assert digest(dict(read.state_dict())) == digest(dict(made.state_dict()))
    assert not any(parameter.requires_grad for parameter in read.parameters())
    assert not read.training


def test_the_checksum_follows_weights_and_configuration(saved: Path) -> None:
    model = Model.load(saved)
    before = model.checksum
    with torch.no_grad():
        model.guide.b2 += 1e-3
    assert model.checksum != before
    torch.manual_seed(5)
    assert Model(ModelConfig(alpha=0.25, residual=1.0)).checksum != before


def test_saving_leaves_no_partial_file(saved: Path) -> None:
    assert [path.name for path in saved.parent.iterdir()] == ["model.safetensors"]


def _one_line(path: Path, *words: str) -> None:
    with pytest.raises(InputError) as caught:
        Model.load(path)
    message = str(caught.value)
    assert "\n" not in message
    assert path.name in message
    for word in words:
        assert word in message


def test_a_missing_file(tmp_path: Path) -> None:
    _one_line(tmp_path / "nowhere.safetensors", "no such model")


def test_a_file_of_another_kind(tmp_path: Path) -> None:
    path = tmp_path / "picture.safetensors"
    path.write_bytes(b"\x89PNG\r\n" + bytes(200))
    _one_line(path, "damaged")


def test_a_truncated_file(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes()[:-1000])
    _one_line(saved, "damaged")


def test_a_flipped_byte(saved: Path) -> None:
    content = bytearray(saved.read_bytes())
    content[-2000] ^= 0x40
    saved.write_bytes(bytes(content))
    _one_line(saved, "checksum")


def test_somebody_elses_weights(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"conv.weight": torch.zeros(3)}, str(path))
    _one_line(path, "not lookmatte's")


@pytest.mark.parametrize(
    ("config", "word"),
    [
        ('{"base": "transprot"}', "transport"),
        ('{"alpha": 1.5}', "alpha"),
        ('{"format": 99}', "format 99"),
        ('{"colour": 1}', "configuration"),
        ("not json", "configuration"),
    ],
)
def test_a_configuration_from_elsewhere(saved: Path, config: str, word: str) -> None:
    tensors = load_file(str(saved))
    save_file(tensors, str(saved), metadata={"lookmatte": config, "sha256": digest(tensors)})
    _one_line(saved, word)


def test_tensors_of_another_shape(saved: Path) -> None:
    tensors = load_file(str(saved))
    tensors["guide.b1"] = torch.zeros(7)
    save_file(tensors, str(saved), metadata={"lookmatte": "{}", "sha256": digest(tensors)})
    _one_line(saved, "guide.b1")
