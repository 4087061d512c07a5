"""lookmatte inside Nuke: Python 3.7, the standard library and Nuke's own modules alone.

What only reads a bake (``live``, ``exr``, ``exposure``) and what only thinks (``knobs``, ``job``, ``state``,
``colour``, ``paths``) needs no Nuke.
"""

from __future__ import annotations


def press(name: str) -> None:
    """A button of the gizmo was pressed; called by its knobs."""
    from . import callbacks

    callbacks.press(name)
