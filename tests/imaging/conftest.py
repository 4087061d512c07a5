"""Real OpenEXR files for the tests, written by the OpenEXR module and not by lookmatte's own writer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exr_files import write_exr


@pytest.fixture
def make_exr(tmp_path: Path) -> Callable[..., Path]:
    """``make_exr(*parts, name="plate.exr")`` with parts as (channels, header); returns the file's path.

    Header keys are OpenEXR's own; ``window`` and ``display`` are (x, y, width, height).
    """

    def make(*parts: tuple[dict[str, Any], dict[str, Any]], name: str = "plate.exr") -> Path:
        return write_exr(tmp_path / name, *parts)

    return make
