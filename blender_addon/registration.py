# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that Blender is told of, and what is taken back."""

from __future__ import annotations

import atexit

import bpy

from . import center, faces, final, memory, node, operators, preferences, rendering, settings

CLASSES = (*settings.CLASSES, *faces.CLASSES, *node.CLASSES, *operators.CLASSES, *preferences.CLASSES)


def _quit() -> None:
    """What must not outlive Blender: its handlers, for one hangs 4.5 at exit, and the worker."""
    rendering.stop()
    final.stop()
    preferences.stop()
    center.stop()


def register() -> None:
    """Register all."""
    for one in CLASSES:
        bpy.utils.register_class(one)
    bpy.types.NODE_MT_add.append(node.menu)
    rendering.start()
    center.watchers += [preferences.watch, final.watch]
    center.start()
    atexit.register(_quit)
    memory.touched = True


def unregister() -> None:
    """Take all back."""
    atexit.unregister(_quit)
    _quit()
    bpy.types.NODE_MT_add.remove(node.menu)
    for one in reversed(CLASSES):
        bpy.utils.unregister_class(one)
    memory.forget()
