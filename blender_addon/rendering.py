# SPDX-License-Identifier: GPL-3.0-or-later
"""Handlers: each finished frame goes to the worker while the next one renders.

In Blender's window handlers run in the render's own thread: they ask the worker, which needs no waiting, and leave
what changes data to the timer. In the background there is no timer, so the end of the render waits for the worker.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import bpy

from . import center, display, final, host, looks, mapping, memory, paths
from . import node as nodes
from .batch import Batch

_NO_PASSES = "the render has no passes on disk: press Set Up in the lookmatte node, then render again"
_CLOCK = 2.0  # seconds by which a file system's clock may lag


class Run:
    """One render of a scene: the frames that were written since it began."""

    def __init__(self, scene: Any) -> None:
        self.scene = scene.name
        self.started = time.time()
        self.frames: list[int] = []
        self.plate = ""
        self.told: set[str] = set()
        self.batch = Batch()
        for tree, node in host.lookmatte_nodes(scene):
            memory.remarks.pop(memory.key_of(tree, node), None)

    def tell(self, text: str, nodes: list[tuple[Any, Any]]) -> None:
        """Say something once in the run, and keep it with the nodes that it is about."""
        for pair in nodes:
            memory.remark(memory.key_of(*pair), "ERROR", text)
        if text not in self.told:
            self.told.add(text)
            center.say("ERROR", text)

    def written(self, scene: Any) -> None:
        """A frame is on disk: hand it to the worker for each node."""
        plate = self._written_to(scene)
        memory.last_render = memory.LastRender(scene.name, scene.frame_current, "")
        found = host.lookmatte_nodes(scene)
        if not host.is_multilayer(scene):
            self.tell(_NO_PASSES, found)
            return
        if plate is None:
            self.tell(self._lost(scene), found)
            return
        memory.last_render.path = paths.path_at(plate, scene.frame_current)
        self.plate = plate
        self.frames.append(scene.frame_current)
        for tree, node in found:
            # A whole shot's look needs all its frames: until then, each gets the best that it can have alone.
            self._submit(scene, tree, node, [scene.frame_current], "frame" if node.temporal == "shot" else "")

    def _written_to(self, scene: Any) -> str | None:
        """The pattern under which the frame lies on disk; None when it is not there."""
        sequence = host.plate_pattern(scene)
        still = host.plate_pattern(scene, animation=False)
        for pattern in (sequence, still):
            if not pattern.endswith(".exr") or (pattern is still and "#" in os.path.basename(still)):
                continue  # Blender writes a still's # as they are, and a job would read a frame number in them
            when = paths.modified(paths.path_at(pattern, scene.frame_current))
            if when is not None and when >= self.started - _CLOCK:
                return pattern
        return None

    @staticmethod
    def _lost(scene: Any) -> str:
        """Why a frame that was written is not found."""
        if not scene.render.use_file_extension:
            return "the render has no .exr at its end: press Set Up in the lookmatte node, then render again"
        if "#" in os.path.basename(host.plate_pattern(scene, animation=False)):
            return "a still's name must not hold #: take it out of the output path, or render an animation"
        return f"what was rendered is not at {host.plate_pattern(scene)}"

    def _submit(self, scene: Any, tree: Any, node: Any, frames: list[int], temporal: str) -> None:
        try:
            looks.submit_frames(tree, node, scene, self.plate, self.frames, frames, self.batch, temporal)
        except mapping.SettingsError as error:
            self.tell(f"{node.name}: {error}", [(tree, node)])
            self.batch.begin(memory.key_of(tree, node), frames)(None)

    def finish(self, scene: Any, complete: bool) -> None:
        """The render has ended: the pass that needs all frames, and the wait where no timer runs."""
        again: set[str] = set()
        for tree, node in host.lookmatte_nodes(scene) if complete and self.frames else ():
            above = host.upstream(node)
            if node.temporal == "shot" or (above is not None and above.name in again):
                again.add(node.name)
                self._submit(scene, tree, node, self.frames, "")
        self.batch.close()
        if center.waits():
            center.drain()
        memory.touched = True


run: Run | None = None


def render_init(scene: Any, *_: Any) -> None:
    """A render begins."""
    global run
    run = None if final.is_final(scene) else Run(scene)


def render_post(scene: Any, *_: Any) -> None:
    """A frame is rendered, and in memory."""
    if run is not None:
        memory.last_render = memory.LastRender(scene.name, scene.frame_current, "")


def render_write(scene: Any, *_: Any) -> None:
    """A frame is on disk."""
    if run is not None:
        run.written(scene)


def _end(scene: Any, complete: bool) -> None:
    global run
    ended, run = run, None
    if ended is not None:
        ended.finish(scene, complete)


def render_complete(scene: Any, *_: Any) -> None:
    """The render is done."""
    _end(scene, complete=True)


def render_cancel(scene: Any, *_: Any) -> None:
    """The render was stopped; what was written is styled all the same."""
    _end(scene, complete=False)


def frame_change_post(scene: Any, *_: Any) -> None:
    """Another frame: each node shows what there is of it."""
    if not final.is_final(scene):
        display.refresh_gates(scene)
        memory.touched = True


def load_post(*_: Any) -> None:
    """Another file: nothing of the one before holds."""
    memory.forget()
    for scene in bpy.data.scenes:
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
