"""What tests of several folders share."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lookmatte.networks.model import Model


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of untrained weights, which render the transport base alone."""
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("model") / "untrained.safetensors"
    Model().save(path)
    return path
