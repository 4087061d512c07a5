"""Whether the tests of what runs in Nuke can run here: without Tcl ``conftest.py`` leaves them out."""

from __future__ import annotations

import pytest


def test_tcl_is_here() -> None:
    tkinter = pytest.importorskip(
        "tkinter", reason="NOT PROVED: what runs in Nuke; this Python has no tkinter (Debian: python3-tk)",
        exc_type=ImportError,
    )  # fmt: skip
    assert tkinter.Tcl().eval("expr 6 * 7") == "42"
