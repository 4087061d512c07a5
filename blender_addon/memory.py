# SPDX-License-Identifier: GPL-3.0-or-later
"""What the add-on remembers while Blender runs, and its own folder on disk."""

from __future__ import annotations

import os
from typing import Any

import bpy

names: dict[str, set[str]] = {}
"""Names by kind of region, as the last inspected file listed them."""

touched = False
"""Has a setting changed since the session looked?"""

notes: dict[str, tuple[Any, str]] = {}
"""What there is to say of each node, by ``key_of``: (icon, sentence)."""


def package() -> str:
    """The add-on's module name, which Blender's preferences know it by."""
    return __package__ or "lookmatte"


def key_of(tree: object, node: object) -> str:
    """What a node is remembered by."""
    return f"{getattr(tree, 'name_full', '')}/{getattr(node, 'name', '')}"


def folder(*parts: str) -> str:
    """A folder of the add-on's own for what may be made again; it is there."""
    try:
        base = bpy.utils.extension_path_user(package(), path="", create=True)
    except ValueError:  # not installed as an extension
        base = os.path.join(bpy.app.tempdir, "lookmatte")
    path = os.path.join(base, *parts)
    os.makedirs(path, exist_ok=True)
    return path


def forget() -> None:
    """Forget all, as when the add-on goes."""
    global touched
    names.clear()
    notes.clear()
    touched = False
