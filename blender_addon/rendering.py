# SPDX-License-Identifier: GPL-3.0-or-later
"""Handlers: each finished frame goes to the worker while the next one renders.

In Blender's window handlers run in the render's own thread, where no data must be touched: they note what was
rendered and where, and the timer does the rest. In the background there is no timer: all is done at once, and the
end of the render waits for the worker.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import bpy

from . import center, display, final, host, looks, mapping, memory, paths, records
from . import node as nodes
from .batch import Batch

_NO_PASSES = "the render has no passes on disk: press Set Up Render in the lookmatte node, then render again"
_NO_ENDING = "the render has no .exr at its end: press Set Up Render in the lookmatte node, then render again"
_STILL = "a still's name must not hold #: take it out of the output path, or render an animation"
_CLOCK = 2.0  # seconds by which a file system's clock may lag


class Run:
    """One render of a scene: the frames that were written since it began."""

    def __init__(self, scene: Any) -> None:
        self._scene = scene.name
        self._frames: list[int] = []
        self._plate = ""
        self._told: set[str] = set()
        self._batch = Batch()
        for tree, node in host.lookmatte_nodes(scene):
            memory.remarks.pop(memory.key_of(tree, node), None)

    def _tell(self, text: str, pairs: list[tuple[Any, Any]]) -> None:
        """Say something once in the run, and keep it with the nodes that it is about."""
        for pair in pairs:
            memory.remark(memory.key_of(*pair), "ERROR", text)
        if text not in self._told:
            self._told.add(text)
            center.say("ERROR", text)

    def written(self, scene: Any, frame: int, plate: str, trouble: str) -> None:
        """A frame is on disk under the pattern ``plate``: hand it to the worker for each node; or say what is in
        the way."""
        memory.last_render = memory.LastRender(scene.name, frame, "")
        found = host.lookmatte_nodes(scene)
        if trouble:
            self._tell(trouble, found)
            return
        memory.last_render.path = paths.path_at(plate, frame)
        self._plate = plate
        self._frames.append(frame)
        for tree, node in found:
            # A whole shot's look needs all its frames: until then, each gets the best that it can have alone.
            self._submit(scene, tree, node, [frame], "frame" if node.temporal == "shot" else "")

    def _submit(self, scene: Any, tree: Any, node: Any, frames: list[int], temporal: str) -> None:
        try:
            looks.submit_frames(tree, node, scene, self._plate, self._frames, frames, self._batch, temporal)
        except mapping.SettingsError as error:
            self._tell(f"{node.name}: {error}", [(tree, node)])
            self._batch.begin(memory.key_of(tree, node), frames)(set())

    def finish(self, scene: Any, complete: bool) -> None:
        """The render has ended: the pass that needs all frames, and the wait where no timer runs."""
        again: set[str] = set()
        for tree, node in host.lookmatte_nodes(scene) if complete and self._frames else ():
            above = host.upstream(node)
            if node.temporal == "shot" or (above is not None and above.name in again):
                again.add(node.name)
                self._submit(scene, tree, node, self._frames, "")
        self._batch.close()
        if center.waits():
            center.drain()
        memory.touched = True


run: Run | None = None
_started = 0.0


def _file_of(scene: Any) -> tuple[str, str]:
    """(pattern, trouble) of the frame that was just written: one of the two is empty."""
    if not host.is_multilayer(scene):
        return "", _NO_PASSES
    if not scene.render.use_file_extension:
        return "", _NO_ENDING
    sequence = host.plate_pattern(scene)
    still = host.plate_pattern(scene, animation=False)
    numbered = "#" in os.path.basename(still)
    # Blender writes a still's # as they are, and a job would read a frame number in them.
    for pattern in (sequence,) if numbered else (sequence, still):
        when = records.modified(paths.path_at(pattern, scene.frame_current))
        if when is not None and when >= _started - _CLOCK:
            return pattern, ""
    moved = f"no file of this render is at {paths.brief(sequence)}: was the output path changed meanwhile?"
    return "", _STILL if numbered else moved


# In the main thread


def _begin(name: str) -> None:
    global run
    scene: Any = bpy.data.scenes.get(name)
    run = None if scene is None else Run(scene)


def _rendered(name: str, frame: int) -> None:
    memory.last_render = memory.LastRender(name, frame, "")


def _written(name: str, frame: int, plate: str, trouble: str) -> None:
    scene: Any = bpy.data.scenes.get(name)
    if run is not None and scene is not None:
        run.written(scene, frame, plate, trouble)


def _finish(name: str, complete: bool) -> None:
    global run
    ended, run = run, None
    scene: Any = bpy.data.scenes.get(name)
    if ended is not None and scene is not None:
        ended.finish(scene, complete)


# In the render's thread


def render_init(scene: Any, *_: Any) -> None:
    """A render begins."""
    global _started
    _started = time.time()
    if not final.is_final(scene):
        center.later(partial(_begin, scene.name))


def render_post(scene: Any, *_: Any) -> None:
    """A frame is rendered, and in memory."""
    if not final.is_final(scene):
        center.later(partial(_rendered, scene.name, scene.frame_current))


def render_write(scene: Any, *_: Any) -> None:
    """A frame is on disk."""
    if not final.is_final(scene):
        center.later(partial(_written, scene.name, scene.frame_current, *_file_of(scene)))


def render_complete(scene: Any, *_: Any) -> None:
    """The render is done."""
    if not final.is_final(scene):
        center.later(partial(_finish, scene.name, True))


def render_cancel(scene: Any, *_: Any) -> None:
    """The render was stopped; what was written is styled all the same."""
    if not final.is_final(scene):
        center.later(partial(_finish, scene.name, False))


def frame_change_post(scene: Any, *_: Any) -> None:
    """Another frame: each node shows what there is of it."""
    if not final.is_final(scene):
        display.refresh_gates(scene)
        memory.touched = True


def load_post(*_: Any) -> None:
    """Another file: nothing of the one before holds."""
    memory.forget()
    for scene in bpy.data.scenes:
        display.adopt(scene)
        for _, node in host.lookmatte_nodes(scene):
            display.show(scene, node)
        display.refresh(scene)
    memory.touched = True


_before_undo: dict[tuple[str, str], dict[str, Any]] = {}


def undo_pre(*_: Any) -> None:
    """A step will be undone. What was made since is still there: it is no step of the artist's."""
    _before_undo.clear()
    for scene in bpy.data.scenes:
        for tree, node in host.lookmatte_nodes(scene):
            made = {name: getattr(node, name) for name in nodes.MADE}
            _before_undo[scene.name, memory.key_of(tree, node)] = made


def undo_post(*_: Any) -> None:
    """A step is undone: show again what was made since."""
    for scene in bpy.data.scenes:
        for tree, node in host.lookmatte_nodes(scene):
            before = _before_undo.get((scene.name, memory.key_of(tree, node)), {})
            if any(getattr(node, name) != value for name, value in before.items()):
                for name, value in before.items():
                    setattr(node, name, value)
                display.show(scene, node)
        display.refresh(scene)
    memory.touched = True


def watch() -> None:
    """In the timer: bring the nodes' sentences up to date when something changed."""
    known = (memory.key_of(*pair) for scene in bpy.data.scenes for pair in host.lookmatte_nodes(scene))
    if any(key not in memory.notes for key in known):
        memory.touched = True  # a node is new, or has another name
    if memory.touched and run is None and not final.under_way():
        memory.touched = False
        for scene in bpy.data.scenes:
            if host.lookmatte_nodes(scene):
                display.refresh(scene)
                if not center.busy():
                    looks.keep_live(scene)


HANDLERS: dict[str, Callable[..., None]] = {
    "render_init": render_init, "render_post": render_post, "render_write": render_write,
    "render_complete": render_complete, "render_cancel": render_cancel, "frame_change_post": frame_change_post,
    "load_post": load_post, "undo_pre": undo_pre, "undo_post": undo_post, "redo_pre": undo_pre,
    "redo_post": undo_post,
}  # fmt: skip


def start() -> None:
    """Put the handlers in, each once."""
    stop()
    for name, handler in HANDLERS.items():
        # Kept when another file is opened.
        getattr(bpy.app.handlers, name).append(bpy.app.handlers.persistent(handler))
    center.watchers.append(watch)


def stop() -> None:
    """Take the handlers out, those of an earlier import included; Blender 4.5 hangs at its exit otherwise."""
    global run
    run = None
    for name in HANDLERS:
        listed = getattr(bpy.app.handlers, name)
        for one in [one for one in listed if getattr(one, "__module__", "") == __name__]:
            listed.remove(one)
    if watch in center.watchers:
        center.watchers.remove(watch)
