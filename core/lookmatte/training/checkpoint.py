"""Checkpoints that an interrupted run left behind."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lookmatte.errors import InputError

_RAISED = (OSError, EOFError, RuntimeError, ValueError, TypeError, LookupError, AttributeError, pickle.PickleError)


@contextmanager
def refused_when_damaged(path: Path) -> Iterator[None]:
    """Turn what torch raises inside for a checkpoint that it cannot take into one line of InputError."""
    try:
        yield
    except _RAISED:
        hint = "delete it to start afresh, or name another --out"
        raise InputError(f"{path}: a damaged checkpoint, or one of another version; {hint}") from None
