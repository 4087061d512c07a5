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

from . import center, host, looks, mapping, memory, paths

_CLOCK = 2.0  # seconds by which a file system's clock may lag


class Run:
    """One render of a scene: the frames that were written since it began."""

    def __init__(self, scene: Any) -> None:
        self.scene = scene.name
        self.started = time.time()
        self.frames: list[int] = []
        self.plate = ""
        self.told: set[str] = set()

    def tell(self, text: str) -> None:
        """Say something once in the run."""
        if text not in self.told:
            self.told.add(text)
            center.say("ERROR", text)

    def written(self, scene: Any) -> None:
        """A frame is on disk: hand it to the worker for each node."""
        plate = self._written_to(scene)
        looks.last_render = looks.LastRender(scene.name, scene.frame_current, "")
        if plate is None:
            return
        looks.last_render.path = paths.path_at(plate, scene.frame_current)
        found = host.lookmatte_nodes(scene)
        if not found:
            return
        if not host.is_multilayer(scene):
            self.tell("the render has no passes on disk: press Set Up in the lookmatte node, then render again")
            return
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
            if pattern is still and "#" in os.path.basename(still):
                continue  # Blender writes a still's # as they are, and a job would read a frame number in them
            when = paths.modified(paths.path_at(pattern, scene.frame_current))
            if when is not None and when >= self.started - _CLOCK:
                return pattern
        return None

    def _submit(self, scene: Any, tree: Any, node: Any, frames: list[int], temporal: str) -> None:
        try:
            looks.submit_frames(tree, node, scene, self.plate, self.frames, frames, temporal)
        except mapping.SettingsError as error:
            self.tell(f"{node.name}: {error}")

    def finish(self, scene: Any, complete: bool) -> None:
        """The render has ended: the pass that needs all frames, and the wait where no timer runs."""
        if complete and self.frames:
            for tree, node in host.lookmatte_nodes(scene):
                if node.temporal == "shot":
                    self._submit(scene, tree, node, self.frames, "shot")
        if bpy.app.background and self.frames:
            center.drain()
        memory.touched = True


run: Run | None = None


def render_init(scene: Any, *_: Any) -> None:
    """A render begins."""
    global run
    run = Run(scene)


def render_post(scene: Any, *_: Any) -> None:
    """A frame is rendered, and in memory."""
    looks.last_render = looks.LastRender(scene.name, scene.frame_current, "")


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
    looks.refresh_gates(scene)
    memory.touched = True


def load_post(*_: Any) -> None:
    """Another file: nothing of the one before holds."""
    looks.last_render = None
    memory.forget()
    for scene in bpy.data.scenes:
        for _, node in host.lookmatte_nodes(scene):
            if node.styled:
                looks.show(scene, node)
        looks.refresh(scene)
    memory.touched = True


def watch() -> None:
    """In the timer: bring the nodes' sentences up to date when something changed."""
    if memory.touched and run is None:
        memory.touched = False
        for scene in bpy.data.scenes:
            if host.lookmatte_nodes(scene):
                looks.refresh(scene)
                if not center.busy():
                    looks.keep_live(scene)


HANDLERS: tuple[Callable[..., None], ...] = (
    render_init, render_post, render_write, render_complete, render_cancel, frame_change_post, load_post,
)  # fmt: skip


def start() -> None:
    """Put the handlers in, each once."""
    stop()
    for handler in HANDLERS:
        # Kept when another file is opened.
        getattr(bpy.app.handlers, handler.__name__).append(bpy.app.handlers.persistent(handler))
    center.watchers.append(watch)


def stop() -> None:
    """Take the handlers out, those of an earlier import included; Blender 4.5 hangs at its exit otherwise."""
    global run
    run = None
    for handler in HANDLERS:
        listed = getattr(bpy.app.handlers, handler.__name__)
        for one in [one for one in listed if getattr(one, "__module__", "") == __name__]:
            listed.remove(one)
    if watch in center.watchers:
        center.watchers.remove(watch)
