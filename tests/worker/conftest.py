"""The suite makes its shot with what the tests of rendering have for that."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "rendering"))
