"""What tests of several folders share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

# Triton reads it when it is first imported: where no device is, its kernels are interpreted, in main memory.
if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")

from lookmatte.networks.model import Model

# Nothing of a test run outlives it, nor does it depend on an earlier one.
os.environ["LOOKMATTE_CACHE"] = "off"


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of untrained weights, which render the transport base alone."""
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("model") / "untrained.safetensors"
    Model().save(path)
    return path
