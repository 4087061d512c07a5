# SPDX-License-Identifier: GPL-3.0-or-later
"""From nodes to jobs, and from styled frames back to nodes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import bpy

from . import center, host, mapping, memory, paths, settings
from . import node as nodes


@dataclass
class LastRender:
    """What was rendered last: ``path`` is "" when Blender has it in memory alone; ``saved`` is where a preview
    wrote it. Once: a file that is written again is another plate, and its looks would be baked again."""

    scene: str
    frame: int
    path: str
    saved: str = ""


last_render: LastRender | None = None

_KEPT_BAKES = 16


def scene_frames(scene: Any) -> range:
    """The frames that the scene renders."""
    return range(scene.frame_start, scene.frame_end + 1, scene.frame_step)


def find(scene_name: str, key: str) -> tuple[Any, Any, Any] | None:
    """(scene, tree, node) by name, for answers that come later; None when it has gone."""
    scene: Any = bpy.data.scenes.get(scene_name)
    if scene is None:
        return None
    found = (pair for pair in host.lookmatte_nodes(scene) if memory.key_of(*pair) == key)
    return next(((scene, tree, node) for tree, node in found), None)


def render_arguments(job: dict[str, Any], frames: Iterable[int] | None = None) -> dict[str, Any]:
    """What the worker is asked to render; paths are absolute, so the base is only a formality."""
    arguments: dict[str, Any] = {"job": job, "base": memory.folder()}
    if frames is not None:
        arguments["frames"] = paths.frames_text(frames)
    return arguments


# The preview


def preview_plate(scene: Any) -> tuple[str, int]:
    """(EXR, frame) of what was rendered last, for the current frame first. Raises SettingsError."""
    frame = scene.frame_current
    last = last_render if last_render is not None and last_render.scene == scene.name else None
    if last is not None and last.frame == frame and not last.path:
        return _saved_result(scene, last), frame
    pattern = host.plate_pattern(scene)
    path = paths.path_at(pattern, frame)
    if os.path.isfile(path):
        return path, frame
    if last is not None and last.path and os.path.isfile(last.path):
        return last.path, last.frame
    if last is not None and not last.path:
        return _saved_result(scene, last), last.frame
    still = host.plate_pattern(scene, animation=False)
    if "#" not in os.path.basename(still) and os.path.isfile(still):
        return still, frame
    raise mapping.SettingsError(f"render frame {frame} first: {path} is not there")


def _saved_result(scene: Any, last: LastRender) -> str:
    """The file of a render that Blender holds in memory, written if need be; picture settings stay as they are."""
    if last.saved and os.path.isfile(last.saved):
        return last.saved
    kept = scene.render.image_settings
    path = os.path.join(memory.folder("preview"), f"{bpy.path.clean_name(scene.name)}.{last.frame:04d}.exr")
    names = ("media_type", "file_format", "color_mode", "color_depth", "exr_codec")
    before = [(name, getattr(kept, name)) for name in names if hasattr(kept, name)]
    try:
        host.set_multilayer(kept)
        kept.color_depth, kept.exr_codec = "16", "ZIP"
        bpy.data.images["Render Result"].save_render(path, scene=scene)
    except (KeyError, RuntimeError) as error:
        raise mapping.SettingsError(f"render frame {last.frame} first: {error}") from None
    finally:
        for name, value in before:
            setattr(kept, name, value)
    last.saved = path
    return path


def preview(tree: Any, node: Any, scene: Any, then: Callable[[bool], None] | None = None) -> None:
    """Style what was rendered last and show it in the node. Raises SettingsError."""
    plate, frame = preview_plate(scene)
    stem = bpy.path.clean_name(memory.key_of(tree, node))
    output = os.path.join(memory.folder("preview", stem), f"{frame}_look.exr")
    if not center.busy():
        _prune(os.path.join(os.path.dirname(output), ".lookmatte"))
    job = _preview_job(tree, node, scene, plate, output, frame)
    key, name, made_by = memory.key_of(tree, node), scene.name, mapping.fingerprint(job)

    def ended(result: dict[str, Any] | None) -> None:
        found = find(name, key)
        good = result is not None and bool(result["done"] or result["skipped"]) and os.path.isfile(output)
        if found is not None and good:
            _, _, where = found
            where.preview, where.preview_frame, where.preview_made_by = output, frame, made_by
            where.preview_plate = plate
            nodes.show_preview(where, output, host.view_layer_of(where, found[0]).name)
            refresh(found[0])
        if then is not None:
            then(good)

    center.submit("render", render_arguments(job), f"preview of frame {frame}", on_end=ended)


def _preview_job(tree: Any, node: Any, scene: Any, plate: str, output: str, frame: int) -> dict[str, Any]:
    known = settings.settings_of(tree, node, scene, (frame,))
    known = mapping.NodeSettings(known.regions, "frame", known.view_layer)
    return mapping.job_mapping(known, plate, output)


_tried: dict[str, str] = {}


def keep_live(scene: Any) -> None:
    """Make previews again that are shown and stale, of nodes that want it; each state of the settings once."""
    frame = scene.frame_current
    for tree, node in host.lookmatte_nodes(scene):
        if not (node.live and node.preview and node.preview_frame == frame):
            continue
        try:
            made_by = mapping.fingerprint(_preview_job(tree, node, scene, node.preview_plate, node.preview, frame))
            if made_by not in (node.preview_made_by, _tried.get(memory.key_of(tree, node))):
                _tried[memory.key_of(tree, node)] = made_by
                preview(tree, node, scene)
        except mapping.SettingsError:
            pass  # the node says so already


def _prune(folder: str) -> None:
    """Forget the bakes of old previews: each style that was ever tried left one."""
    bakes = [entry.path for entry in os.scandir(folder) if entry.is_dir()] if os.path.isdir(folder) else []
    for path in sorted(bakes, key=os.path.getmtime)[:-_KEPT_BAKES]:
        shutil.rmtree(path, ignore_errors=True)


# Frames


def style_frames(tree: Any, node: Any, scene: Any) -> int:
    """Style what is rendered of the scene's frames; returns how many there are. Raises SettingsError."""
    plate = host.plate_pattern(scene)
    frames = nodes.on_disk(plate, scene_frames(scene))
    if not frames:
        raise mapping.SettingsError(f"render the animation first: there is no {plate}")
    submit_frames(tree, node, scene, plate, frames, frames)
    return len(frames)


def submit_frames(
    tree: Any,
    node: Any,
    scene: Any,
    plate: str,
    job_frames: Iterable[int],
    frames: Iterable[int],
    temporal: str = "",
) -> None:
    """Have ``frames`` styled, of a job whose statistics cover ``job_frames``. Raises SettingsError."""
    output = paths.look_pattern(plate, node.folder or "look")
    sequence = bool(paths.split(plate)[1])
    known = settings.settings_of(tree, node, scene, scene_frames(scene) if sequence else (scene.frame_current,))
    if temporal:
        known = mapping.NodeSettings(known.regions, temporal, known.view_layer)
    job = mapping.job_mapping(known, plate, output, paths.frames_text(job_frames) if sequence else None)
    asked = sorted(frames)
    label = f"frame {asked[0]}" if len(asked) == 1 else f"frames {asked[0]} to {asked[-1]}"
    ended = partial(_styled, scene.name, memory.key_of(tree, node), plate, output, mapping.fingerprint(job))
    center.submit("render", render_arguments(job, asked if sequence else None), label, on_end=ended)


def _styled(
    scene_name: str, key: str, plate: str, output: str, made_by: str, result: dict[str, Any] | None
) -> None:
    found = find(scene_name, key)
    if found is None or result is None:
        return
    scene, _, node = found
    node.plate, node.styled, node.made_by = plate, output, made_by
    show(scene, node)
    refresh(scene)


def show(scene: Any, node: Any) -> None:
    """Put what is on disk of a node's styled frames into it."""
    there = nodes.on_disk(
        node.styled, scene_frames(scene) if paths.split(node.styled)[1] else (scene.frame_current,)
    )
    if there:
        nodes.show_sequence(node, node.styled, there, host.view_layer_of(node, scene).name)


# What a node shows


def refresh_gates(scene: Any) -> None:
    """Let each node show what there is for the current frame, and the input where there is nothing."""
    frame = scene.frame_current
    for _, node in host.lookmatte_nodes(scene):
        styled = bool(node.styled) and os.path.isfile(paths.path_at(node.styled, frame))
        previewed = bool(node.preview) and node.preview_frame == frame and os.path.isfile(node.preview)
        nodes.gate(node, nodes.STYLED, styled)
        nodes.gate(node, nodes.PREVIEW, previewed and not (styled and _newer(node, frame)))


def _newer(node: Any, frame: int) -> bool:
    """Is the styled frame newer than the preview?"""
    styled, previewed = paths.modified(paths.path_at(node.styled, frame)), paths.modified(node.preview)
    return styled is not None and (previewed is None or styled >= previewed)


def refresh(scene: Any) -> None:
    """Gates, and the sentence of each node on what it shows."""
    refresh_gates(scene)
    for tree, node in host.lookmatte_nodes(scene):
        memory.notes[memory.key_of(tree, node)] = note(scene, tree, node)
    center.redraw("NODE_EDITOR")


_SAID = {
    "fresh": ("CHECKMARK", "{what} of frame {frame}"),
    "settings": ("ERROR", "{what} of frame {frame}, stale:\nsettings have changed since"),
    "render": ("ERROR", "{what} of frame {frame}, stale:\nit was rendered again since"),
}


def note(scene: Any, tree: Any, node: Any) -> tuple[str, str]:
    """(icon, sentence): which frame a node shows, and whether it is stale."""
    frame = scene.frame_current
    inner = node.node_tree.nodes
    try:
        if inner[f"{nodes.PREVIEW} Gate"].inputs[1].default_value:
            job = _preview_job(tree, node, scene, node.preview_plate, node.preview, frame)
            same = node.preview_made_by == mapping.fingerprint(job)
            state, what = paths.standing(node.preview_plate, node.preview, same), "Preview"
        elif inner[f"{nodes.STYLED} Gate"].inputs[1].default_value:
            still = not paths.split(node.plate)[1]
            known = settings.settings_of(tree, node, scene, (frame,) if still else scene_frames(scene))
            same = node.made_by == mapping.fingerprint(mapping.job_mapping(known, node.plate, ""))
            plate, look = paths.path_at(node.plate, frame), paths.path_at(node.styled, frame)
            state, what = paths.standing(plate, look, same), "Look"
        else:
            return "INFO", f"Frame {frame} is not styled yet:\nthe input passes through"
    except mapping.SettingsError as error:
        return "ERROR", str(error)
    icon, sentence = _SAID.get(state, ("INFO", "{what} of frame {frame}"))
    return icon, sentence.format(what=what, frame=frame)
