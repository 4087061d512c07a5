# SPDX-License-Identifier: GPL-3.0-or-later
"""What the worker is asked for each node: from which files, into which, with which settings."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import bpy

from . import host, mapping, memory, paths, settings

NO_PASSES = "the output is not OpenEXR MultiLayer, press Set Up Render"


def scene_frames(scene: Any) -> range:
    """The frames that the scene renders."""
    return range(scene.frame_start, scene.frame_end + 1, scene.frame_step)


def render_arguments(job: dict[str, Any], frames: Iterable[int] | None = None) -> dict[str, Any]:
    """What the worker is asked to render; paths are absolute, so the base is only a formality."""
    arguments: dict[str, Any] = {"job": job, "base": memory.folder()}
    if frames is not None:
        arguments["frames"] = paths.frames_text(frames)
    return arguments


def folders(arguments: dict[str, Any]) -> set[str]:
    """Where the files lie that a request names."""
    found = [arguments["file"]] if "file" in arguments else []
    if "job" in arguments:
        job = arguments["job"]
        named = (region.get(kind) for region in job["regions"].values() for kind in ("style", "matte"))
        found += [job["plate"]["file"], job["output"], *(path for path in named if path)]
    return {os.path.dirname(path) for path in found}


# The preview


def last_render(scene: Any) -> memory.LastRender | None:
    """What was rendered of a scene last, in this session."""
    last = memory.last_render
    return last if last is not None and last.scene == scene.name else None


def preview_plate(scene: Any) -> tuple[str, int]:
    """(EXR, frame) of what was rendered last, for the current frame first. Raises SettingsError."""
    frame = scene.frame_current
    last = last_render(scene)
    if last is not None and last.frame == frame and not last.path:
        return _saved_result(scene, last), frame
    pattern = host.plate_pattern(scene)
    path = paths.path_at(pattern, frame)
    if host.is_multilayer(scene) and os.path.isfile(path):
        return path, frame
    if last is not None and last.path and os.path.isfile(last.path):
        return last.path, last.frame
    if last is not None and not last.path:
        return _saved_result(scene, last), last.frame
    still = host.plate_pattern(scene, animation=False)
    if "#" not in os.path.basename(still) and os.path.isfile(still):
        return still, frame
    if not host.is_multilayer(scene):
        raise mapping.SettingsError(f"render frame {frame} first: {NO_PASSES}")
    raise mapping.SettingsError(f"render frame {frame} first: {paths.brief(path)} is not there")


def _saved_result(scene: Any, last: memory.LastRender) -> str:
    """The file of a render that Blender holds in memory, written if need be; picture settings stay as they are."""
    if last.saved and os.path.isfile(last.saved):
        return last.saved
    kept = scene.render.image_settings
    name = f"{bpy.path.clean_name(scene.name)}.{last.frame:04d}.exr"
    path = os.path.join(memory.folder("preview", memory.file_id()), name)
    names = ("media_type", "file_format", "color_mode", "color_depth", "exr_codec")
    before = [(name, getattr(kept, name)) for name in names if hasattr(kept, name)]
    try:
        host.set_multilayer(kept)
        kept.color_depth, kept.exr_codec = "16", "ZIP"
        bpy.data.images["Render Result"].save_render(path, scene=scene)
    except KeyError:
        raise mapping.SettingsError(f"render frame {last.frame} again: Blender no longer holds it") from None
    except RuntimeError:
        where = paths.brief(path)
        raise mapping.SettingsError(f"frame {last.frame} cannot be saved as {where}: is the disk full?") from None
    finally:
        for name, value in before:
            setattr(kept, name, value)
    last.saved = path
    return path


def preview_output(tree: Any, node: Any, frame: int) -> str:
    """The file of a node's preview."""
    stem = bpy.path.clean_name(memory.key_of(tree, node))
    return os.path.join(memory.folder("preview", memory.file_id(), stem), f"{frame}_look.exr")


def preview_source(tree: Any, node: Any, render: str, frame: int) -> str:
    """The file that a node's preview is made from: the render, or the preview of the node before it."""
    above = host.upstream(node)
    return render if above is None else preview_output(tree, above, frame)


def preview_settings(tree: Any, node: Any, scene: Any, frame: int) -> mapping.NodeSettings:
    """A node's settings for a frame by itself."""
    return replace(settings.settings_of(tree, node, scene, (frame,)), temporal="frame")


# Frames


def look_pattern(node: Any, render: str) -> str:
    """The pattern of a node's styled frames, beside what was rendered."""
    return paths.look_pattern(render, node.folder or "look")


def source_pattern(node: Any, render: str) -> str:
    """The pattern of the frames that a node styles: the render, or the looks of the node before it."""
    above = host.upstream(node)
    return render if above is None else look_pattern(above, render)


def over(node: Any) -> str:
    """What a node's look goes over, for its fingerprint."""
    above = host.upstream(node)
    return "" if above is None else str(above.folder)


def frames_settings(
    tree: Any, node: Any, scene: Any, render: str, frames: Iterable[int] = ()
) -> mapping.NodeSettings:
    """A node's settings for the frames of a render, those of the scene's range included."""
    is_sequence = bool(paths.split(render)[1])
    covered = {*scene_frames(scene), *frames} if is_sequence else {scene.frame_current}
    return settings.settings_of(tree, node, scene, sorted(covered))


def frames_job(node: Any, known: mapping.NodeSettings, render: str, frames: Iterable[int]) -> dict[str, Any]:
    """The job that styles frames of a render. Raises SettingsError."""
    wanted = paths.frames_text(frames) if paths.split(render)[1] else None
    return mapping.job_mapping(known, source_pattern(node, render), look_pattern(node, render), wanted)
