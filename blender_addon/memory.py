# SPDX-License-Identifier: GPL-3.0-or-later
"""What the add-on remembers while Blender runs, and its own folder on disk."""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import dataclass
from typing import Any

import bpy

_KEPT = 20
_SESSION = f"{os.getpid()} {time.time()}"


@dataclass
class LastRender:
    """What was rendered last: ``path`` is "" when Blender has it in memory alone; ``saved`` is where a preview
    wrote it. Once: a file that is written again is another plate, and its looks would be baked again."""

    scene: str
    frame: int
    path: str
    saved: str = ""

    @property
    def file(self) -> str:
        """Where it is on disk; "" when it is not."""
        return self.path or self.saved


last_render: LastRender | None = None

names: dict[str, set[str]] = {}
"""Names by kind of region, as the last inspected file listed them."""

touched = False
"""Has a setting changed since the session looked?"""

notes: dict[str, tuple[Any, str]] = {}
"""What there is to say of each node, by ``key_of``: (icon, sentence)."""

remarks: dict[str, list[tuple[str, str]]] = {}
"""What the worker said of each node's last run, by ``key_of``: (ERROR, WARNING or INFO, sentence), each once."""


def package() -> str:
    """The add-on's module name, which Blender's preferences know it by."""
    return __package__ or "lookmatte"


def key_of(tree: object, node: object) -> str:
    """What a node is remembered by."""
    return f"{getattr(tree, 'name_full', '')}/{getattr(node, 'name', '')}"


def remark(key: str, kind: str, text: str) -> bool:
    """Keep what was said of a node; False when it was said before."""
    said = remarks.setdefault(key, [])
    if (kind, text) in said:
        return False
    said.append((kind, text))
    del said[:-_KEPT]
    return True


def folder(*parts: str) -> str:
    """A folder of the add-on's own for what may be made again; it is there."""
    try:
        base = bpy.utils.extension_path_user(package(), path="", create=True)
    except ValueError:  # not installed as an extension
        base = os.path.join(bpy.app.tempdir, "lookmatte")
    path = os.path.join(base, *parts)
    os.makedirs(path, exist_ok=True)
    return path


def file_id() -> str:
    """What tells this .blend's previews from those of others. One that was never saved is of this session."""
    told = bpy.data.filepath or _SESSION
    return hashlib.sha256(told.encode("utf-8", "surrogateescape")).hexdigest()[:12]


def forget() -> None:
    """Forget all, as when the add-on goes or another file is opened."""
    global last_render, touched
    last_render = None
    names.clear()
    notes.clear()
    remarks.clear()
    touched = False
