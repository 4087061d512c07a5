"""What tests of several folders share."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import torch
from hypothesis import settings

# Triton reads it when it is first imported: where no device is, its kernels are interpreted, in main memory.
if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")

from lookmatte.networks.model import Model

# What runs in a shell's background ignores Ctrl-C, and so would every command that a test interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says nothing of what is tested.
settings.register_profile("lookmatte", deadline=None)
settings.load_profile("lookmatte")

# Nothing of a test run outlives it, nor does it depend on an earlier one.
os.environ["LOOKMATTE_CACHE"] = "off"


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of untrained weights, which render the transport base alone."""
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("model") / "untrained.safetensors"
    Model().save(path)
    return path
