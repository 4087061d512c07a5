# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks on their way: asked of the worker, and put into nodes when they are there."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

import bpy

from . import center, display, host, jobs, mapping, memory, paths, records
from . import node as nodes
from .batch import Batch
from .session import Event

_KEPT_BAKES, _KEPT_FRAMES, _KEPT_FILES = 16, 12, 24


def _find(scene_name: str, key: str) -> tuple[Any, Any, Any] | None:
    """(scene, tree, node) by name, for answers that come later; None when it has gone."""
    scene: Any = bpy.data.scenes.get(scene_name)
    if scene is None:
        return None
    found = (pair for pair in host.lookmatte_nodes(scene) if memory.key_of(*pair) == key)
    return next(((scene, tree, node) for tree, node in found), None)


_KINDS = {"frame_failed": "ERROR", "error": "ERROR", "warning": "WARNING", "restarted": "WARNING", "note": "INFO"}
_IN_FRAME = re.compile(r" in frame -?\d+(?=;|$)")


def _hear(key: str, event: Event) -> None:
    """Keep with a node what the worker said of it. Frames come in requests of their own: what holds of each of them
    is said once."""
    kind = _KINDS.get(event["event"])
    if kind is None or event.get("code") in ("cancelled", "closed"):
        return
    if event["event"] in ("warning", "note"):
        text = _IN_FRAME.sub("", event["message"])
        if memory.remark(key, kind, center.in_brief(text)):
            center.say(kind, text)
        return
    where = f"frame {event['frame']}: " if "frame" in event else ""
    hint = f"; {event['hint']}" if event.get("hint") else ""
    memory.remark(key, kind, center.in_brief(f"{where}{event['message']}{hint}"))


# The preview


def preview(tree: Any, node: Any, scene: Any, then: Callable[[bool], None] | None = None) -> None:
    """Style what was rendered last and show it in the node. Raises SettingsError."""
    render, frame = jobs.preview_plate(scene)
    _preview(tree, node, scene, render, frame, then)


def _preview(
    tree: Any, node: Any, scene: Any, render: str, frame: int, then: Callable[[bool], None] | None
) -> None:
    above = host.upstream(node)
    if above is not None:
        _preview(tree, above, scene, render, frame, None)
    key, name = memory.key_of(tree, node), scene.name
    known, output = jobs.preview_settings(tree, node, scene, frame), jobs.preview_output(tree, node, frame)
    job = mapping.job_mapping(known, jobs.preview_source(tree, node, render, frame), output)
    made_by = mapping.fingerprint(known, frame, jobs.over(node))
    if not center.busy():
        _prune(os.path.dirname(output))

    def ended(result: Event | None) -> None:
        found = _find(name, key)
        good = result is not None and bool(result["done"] or result["skipped"]) and os.path.isfile(output)
        if good:
            records.note({output: made_by})
        if found is not None and good:
            _, _, where = found
            where.preview, where.preview_frame, where.preview_plate = output, frame, render
            nodes.show_preview(where, output, known.view_layer)
        if found is not None:
            display.refresh(found[0])
            memory.touched = True  # a node after this one may want its preview again
        if then is not None:
            then(good)

    memory.remarks.pop(key, None)
    label = f"preview of frame {frame}"
    center.submit("render", jobs.render_arguments(job), label, partial(_hear, key), ended)


_tried: dict[str, tuple[str, float | None]] = {}


def keep_live(scene: Any) -> None:
    """Make previews of the current frame again that are stale, of nodes that want it; each state of the settings
    and of the render once."""
    for tree, node in host.lookmatte_nodes(scene):
        if not node.live or host.is_rendering():
            continue
        last, frame = jobs.last_render(scene), scene.frame_current
        if not (last is not None and last.frame == frame) and not (node.preview and node.preview_frame == frame):
            continue
        try:
            render, at = jobs.preview_plate(scene)
            if at != frame:
                continue
            made_by = mapping.fingerprint(jobs.preview_settings(tree, node, scene, frame), frame, jobs.over(node))
            source = jobs.preview_source(tree, node, render, frame)
            state = made_by, records.modified(source)
            is_shown = node.preview_frame == frame and node.preview_plate == render
            stale = not is_shown or records.standing(source, node.preview, made_by) != "fresh"
            if stale and state != _tried.get(memory.key_of(tree, node)):
                _tried[memory.key_of(tree, node)] = state
                _preview(tree, node, scene, render, frame, None)
        except mapping.SettingsError:
            pass  # the node says so already


def _prune(folder: str) -> None:
    """Forget old previews: of this node all but the last ones, and what each style that was ever tried left; and of
    all .blends but the last ones everything."""
    for place, kept in ((os.path.join(folder, ".lookmatte"), _KEPT_BAKES), (folder, _KEPT_FRAMES)):
        _keep_newest(place, kept)
    of_file = os.path.dirname(folder)
    _keep_newest(of_file, _KEPT_FILES)
    _keep_newest(os.path.dirname(of_file), _KEPT_FILES)


def _keep_newest(folder: str, kept: int) -> None:
    there = [entry for entry in os.scandir(folder) if entry.name != ".lookmatte"] if os.path.isdir(folder) else []
    for entry in sorted(there, key=lambda one: one.stat().st_mtime)[:-kept]:
        if entry.is_dir():
            shutil.rmtree(entry.path, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                os.remove(entry.path)


# Frames


def rendered_frames(scene: Any) -> tuple[str, list[int]]:
    """(pattern, frames on disk) of what the scene rendered. Raises SettingsError when there is nothing."""
    render = host.plate_pattern(scene)
    is_multilayer = host.is_multilayer(scene)
    frames = paths.on_disk(render, jobs.scene_frames(scene)) if is_multilayer else []
    if not frames:
        lacks = f"there is no {paths.brief(render)}" if is_multilayer else jobs.NO_PASSES
        raise mapping.SettingsError(f"render the animation first, a still's one frame too: {lacks}")
    return render, frames


def chain(tree: Any, node: Any) -> list[tuple[Any, Any]]:
    """A node and those whose looks it goes over, these first."""
    found = [node]
    while (above := host.upstream(found[0])) is not None:
        found.insert(0, above)
    return [(tree, one) for one in found]


def style_frames(scene: Any, pairs: list[tuple[Any, Any]], then: Callable[[bool], None] | None = None) -> int:
    """Style what is rendered of the scene's frames for these nodes, in their order; returns how many frames there
    are. ``then`` is told whether all have their look. Raises SettingsError."""
    render, frames = rendered_frames(scene)
    for tree, node in pairs:  # what is wrong with one is told before any is begun
        jobs.frames_job(node, jobs.frames_settings(tree, node, scene, render), render, frames)
    batch = Batch(then)
    for tree, node in pairs:
        memory.remarks.pop(memory.key_of(tree, node), None)
        submit_frames(tree, node, scene, render, frames, frames, batch)
    batch.close()
    return len(frames)


def _good(result: Event | None, asked: list[int], still: bool) -> set[int]:
    """The frames that have their look. A still's number is not that of Blender's frame."""
    if result is None or (still and result["failed"]):
        return set()
    return set(asked) - set(result["failed"])


def submit_frames(
    tree: Any,
    node: Any,
    scene: Any,
    render: str,
    job_frames: Iterable[int],
    frames: Iterable[int],
    batch: Batch,
    temporal: str = "",
) -> None:
    """Have ``frames`` of a render styled, of a job whose statistics cover ``job_frames``. Raises SettingsError."""
    asked, key = sorted(frames), memory.key_of(tree, node)
    known = jobs.frames_settings(tree, node, scene, render, job_frames)
    known = replace(known, temporal=temporal or known.temporal)
    job = jobs.frames_job(node, known, render, job_frames)
    scene_name, output = scene.name, str(job["output"])
    over = jobs.over(node)
    made_by = {frame: mapping.fingerprint(known, frame, over) for frame in asked}
    label = f"frame {asked[0]}" if len(asked) == 1 else f"frames {asked[0]} to {asked[-1]}"
    put = batch.begin(key, asked)
    still = "frames" not in job

    def hear(event: Event) -> None:
        _hear(key, event)
        batch.hear(event)

    def ended(result: Event | None) -> None:
        found = _find(scene_name, key)
        good = _good(result, asked, still)
        records.note({paths.path_at(output, frame): made_by[frame] for frame in good})
        if found is not None and good:
            _, _, where = found
            where.plate, where.styled = render, output
            display.show_frames(found[0], where, asked, known.view_layer)
        if found is not None:
            display.refresh(found[0])
        put(good)

    try:
        center.submit("render", jobs.render_arguments(job, None if still else asked), label, hear, ended)
    except mapping.SettingsError:
        put(set())
        raise
