# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node shows, and the sentence that says which frame it is and whether it is stale."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from . import center, host, jobs, mapping, memory, paths, records, settings
from . import node as nodes


def show(scene: Any, node: Any) -> None:
    """Put into a node what was made for it: its styled frames and its preview, as far as they are on disk."""
    show_frames(scene, node)
    if node.preview and os.path.isfile(node.preview):
        nodes.show_preview(node, node.preview, host.layer_name(node, scene))


def adopt(scene: Any) -> None:
    """Let nodes show frames of the scene's render that were styled without this .blend knowing: by ``blender -b``,
    or before it was closed without saving."""
    if not host.is_multilayer(scene):
        return
    render = host.plate_pattern(scene)
    for _, node in host.lookmatte_nodes(scene):
        pattern = jobs.look_pattern(node, render)
        if node.styled != pattern and paths.on_disk(pattern, jobs.scene_frames(scene)):
            node.plate, node.styled = render, pattern


def show_frames(scene: Any, node: Any, frames: Iterable[int] = (), view_layer: str = "") -> None:
    """Put what is on disk of a node's styled frames into it; ``frames``: others than those of the scene's range;
    ``view_layer``: the one they were made of, by default the node's."""
    sequence = bool(paths.split(node.styled)[1])
    asked = sorted({*jobs.scene_frames(scene), *frames}) if sequence else [scene.frame_current]
    there = paths.on_disk(node.styled, asked)
    if there:
        nodes.show_sequence(node, node.styled, there, view_layer or host.layer_name(node, scene))


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
    styled, previewed = records.modified(paths.path_at(node.styled, frame)), records.modified(node.preview)
    return styled is not None and (previewed is None or styled >= previewed)


def refresh(scene: Any) -> None:
    """Gates, and the sentence of each node on what it shows."""
    refresh_gates(scene)
    for tree, node in host.lookmatte_nodes(scene):
        icon, sentence = note(scene, tree, node)
        memory.notes[memory.key_of(tree, node)] = icon, sentence + _bypassed(node)
    center.redraw("NODE_EDITOR")


_SAID = {
    "fresh": ("CHECKMARK", "{what} of frame {frame}"),
    "settings": ("ERROR", "{what} of frame {frame}, stale:\nsettings have changed since"),
    "render": ("ERROR", "{what} of frame {frame}, stale:\nit was rendered again since"),
    "alone": ("INFO", "{what} of frame {frame} by itself:\nthe whole shot's comes when all are there"),
    "elsewhere": ("QUESTION", "{what} of frame {frame}:\nmade elsewhere, with unknown settings"),
}


def note(scene: Any, tree: Any, node: Any) -> tuple[str, str]:
    """(icon, sentence): which frame a node shows, and whether it is stale."""
    frame = scene.frame_current
    inner = node.node_tree.nodes
    try:
        if inner[f"{nodes.PREVIEW} Gate"].inputs[1].default_value:
            known = jobs.preview_settings(tree, node, scene, frame)
            source = jobs.preview_source(tree, node, node.preview_plate, frame)
            wanted = mapping.fingerprint(known, frame, jobs.over(node))
            state, what = records.standing(source, node.preview, wanted), "Preview"
            rendered = node.preview_plate
        elif inner[f"{nodes.STYLED} Gate"].inputs[1].default_value:
            known = settings.settings_of(tree, node, scene, (frame,))
            alone = replace(known, temporal="frame")
            wanted, by_itself = (mapping.fingerprint(one, frame, jobs.over(node)) for one in (known, alone))
            source, look = (
                paths.path_at(one, frame) for one in (jobs.source_pattern(node, node.plate), node.styled)
            )
            state, what = records.standing(source, look, wanted, by_itself), "Look"
            rendered = paths.path_at(node.plate, frame)
        else:
            return "INFO", f"Frame {frame} is not styled yet:\nthe input passes through"
    except mapping.SettingsError as error:
        return "ERROR", str(error)
    last = jobs.last_render(scene)
    if last is not None and last.frame == frame and last.file != rendered:
        state = "render"
    icon, sentence = _SAID.get(state, ("INFO", "{what} of frame {frame}"))
    return icon, sentence.format(what=what, frame=frame)


_PLATES = ("CompositorNodeRLayers", "CompositorNodeImage", "NodeGroupInput", host.NODE)


def _bypassed(node: Any) -> str:
    """What there is to say of other nodes before this one: they have no part in its pixels."""
    source = host.source_of(node)
    if source is None or source.bl_idname in _PLATES:
        return ""
    return f"\nWhat {source.label or source.name!r} does is not in it:\nput it after this node"
