# SPDX-License-Identifier: GPL-3.0-or-later
"""Final frames: the compositor once more, over what is on disk. Nothing is rendered anew.

A copy of the scene stands in whose Render Layers nodes read the rendered files, so that Blender has nothing to
render, and every other node of the artist's works as before, with each frame's look in it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import bpy

from . import center, host, jobs, looks, mapping, memory, paths
from . import node as nodes

FORMATS = (
    ("PNG", "PNG", "16 bit, as seen through the scene's view"),
    ("TIFF", "TIFF", "16 bit, as seen through the scene's view"),
    ("OPEN_EXR", "OpenEXR", "Half float, scene-linear"),
)

_MARK = "lookmatte_final"
_made: list[Any] = []
"""What stands in while final frames are made."""
_folder = ""


def is_final(scene: Any) -> bool:
    """Is it the copy that makes final frames?"""
    return _MARK in scene


def under_way() -> bool:
    """Are final frames being made?"""
    return bool(_made)


def output_path(scene: Any, folder: str) -> str:
    """Where final frames go, without the ending: ``shot/sh_####.exr`` to ``shot/final/sh_####``."""
    where, name = os.path.split(host.plate_pattern(scene))
    return os.path.join(where, folder, os.path.splitext(name)[0])


def begin(scene: Any, file_format: str, folder: str, then: Callable[[bool], None] | None = None) -> None:
    """Style what is not styled yet, then composite all frames; ``then`` is told whether that was begun, and where
    nothing runs besides, whether it is done. Raises SettingsError."""
    if under_way():
        raise mapping.SettingsError("final frames are being made already")
    if not host.lookmatte_nodes(scene):
        raise mapping.SettingsError("there is no lookmatte node here; add one: Add > lookmatte")
    render, there = looks.rendered_frames(scene)
    lacking = sorted(set(jobs.scene_frames(scene)) - set(there))
    if lacking:
        which = paths.frames_text(lacking)
        raise mapping.SettingsError(f"render frames {which} first: they are not at {paths.brief(render)}")
    name = scene.name

    def styled(good: bool) -> None:
        found: Any = bpy.data.scenes.get(name)
        trouble = "" if good and found is not None else "not all frames have their look"
        if not trouble:
            try:
                _composite(found, render, there, file_format, folder)
            except mapping.SettingsError as error:
                trouble = str(error)
        if trouble:
            trouble = f"no final frames were made: {trouble}"
            for tree, node in host.lookmatte_nodes(found) if found is not None else ():
                memory.remark(memory.key_of(tree, node), "ERROR", trouble)
            center.say("ERROR", trouble)
        if then is not None:
            then(not trouble)

    looks.style_frames(scene, host.lookmatte_nodes(scene), styled)


def _composite(scene: Any, render: str, frames: list[int], file_format: str, folder: str) -> None:
    global _folder
    _folder = paths.brief(os.path.dirname(output_path(scene, folder)))
    stand_in = scene.copy()
    stand_in.name, stand_in[_MARK] = f"{scene.name} final", True
    _made.append(stand_in)
    try:
        if host.FIVE:
            stand_in.compositing_node_group = _copied(stand_in.compositing_node_group)
        tree = host.compositor_tree(stand_in)
        _stand_in(tree, _Plate(render, frames, (scene, stand_in)))
        for _, node in host.lookmatte_nodes(stand_in):
            nodes.gate(node, nodes.PREVIEW, False)
            nodes.gate(node, nodes.STYLED, True)
            _made.append(node.node_tree)
        settings = stand_in.render
        settings.filepath = output_path(scene, folder)
        settings.use_compositing, settings.use_sequencer, settings.use_file_extension = True, False, True
        host.set_flat(settings.image_settings, file_format)
    except Exception:
        clean()
        raise
    if center.waits():
        try:
            bpy.ops.render.render(animation=True, scene=stand_in.name)
        finally:
            clean()
        center.say("INFO", f"the final frames are in {os.path.dirname(output_path(scene, folder))}")
    else:
        with bpy.context.temp_override(window=center.windows()[0]):
            bpy.ops.render.render("INVOKE_DEFAULT", animation=True, scene=stand_in.name)


class _Plate:
    """The rendered files, in the place of Render Layers nodes that show one of ``scenes``."""

    def __init__(self, pattern: str, frames: list[int], scenes: tuple[Any, Any]) -> None:
        self.pattern, self.frames, self.scenes = pattern, frames, scenes
        self.image: Any = None

    def into(self, holder: Any) -> None:
        """Have an Image or a Cryptomatte node read them."""
        if self.image is None:
            self.image = bpy.data.images.load(paths.path_at(self.pattern, self.frames[0]), check_existing=False)
            self.image.source = "SEQUENCE"
            _made.append(self.image)
        holder.image = self.image
        nodes.set_span(holder, self.frames[0], self.frames[-1])


def _copied(tree: Any) -> Any:
    copy = tree.copy()
    _made.append(copy)
    return copy


def _stand_in(tree: Any, plate: _Plate) -> None:
    """Put the files in the place of what is rendered, in a tree and in the groups inside it."""
    for node in list(tree.nodes):
        if node.bl_idname == "CompositorNodeRLayers" and node.scene in (None, *plate.scenes):
            _replace(tree, node, plate)
        elif node.bl_idname == "CompositorNodeCryptomatteV2" and node.source == "RENDER":
            picked, layer = node.matte_id, node.layer_name
            node.source = "IMAGE"
            plate.into(node)
            node.layer_name, node.matte_id = layer, picked
        elif node.bl_idname == "CompositorNodeGroup" and node.node_tree is not None:
            node.node_tree = _copied(node.node_tree)
            _stand_in(node.node_tree, plate)


def _replace(tree: Any, layers: Any, plate: _Plate) -> None:
    """Put an Image node in the place of a Render Layers node."""
    holder = tree.nodes.new("CompositorNodeImage")
    plate.into(holder)
    holder.layer = layers.layer
    for given in layers.outputs:
        for link in list(given.links):
            name = "Combined" if given.name == "Image" else given.name
            pass_ = holder.outputs.get(name)
            if pass_ is None or not pass_.enabled:
                raise mapping.SettingsError(f"the rendered files have no {given.name}: render again with that pass")
            tree.links.new(pass_, link.to_socket)
    tree.nodes.remove(layers)


def clean() -> None:
    """Take away what stood in."""
    gone = list(_made)
    _made.clear()
    others = [scene for scene in bpy.data.scenes if scene not in gone]
    kept = {node.node_tree for scene in others for _, node in host.lookmatte_nodes(scene)}
    bpy.data.batch_remove([one for one in gone if one not in kept])


def watch() -> None:
    """In the timer: clean up once Blender is through."""
    if _made and not host.is_rendering():
        clean()
        center.say("INFO", f"the final frames are in {_folder}, as far as they were made")


def stop() -> None:
    """Take away what may still stand in, as the add-on goes."""
    if _made:
        clean()
