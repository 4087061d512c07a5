# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between Blender 4.5 and 5.0, and where lookmatte nodes are found."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import bpy

from . import paths

NODE = "LOOKMATTE_node"
"""The node's idname."""

FIVE = bpy.app.version >= (5, 0, 0)


def compositor_tree(scene: Any) -> Any:
    """The scene's compositor tree; None where there is none, or it is off."""
    if FIVE:
        return scene.compositing_node_group if scene.render.use_compositing else None
    return scene.node_tree if scene.use_nodes else None


def make_compositor_tree(scene: Any) -> Any:
    """The scene's compositor tree, made with what was rendered going straight to the output where there is none."""
    tree: Any = compositor_tree(scene)
    if tree is not None:
        return tree
    if not FIVE:
        scene.use_nodes = True
        return scene.node_tree
    scene.render.use_compositing = True
    if scene.compositing_node_group is None:
        tree = bpy.data.node_groups.new("Compositing", "CompositorNodeTree")
        tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
        rendered, output = tree.nodes.new("CompositorNodeRLayers"), tree.nodes.new("NodeGroupOutput")
        output.location = (400, 0)
        tree.links.new(rendered.outputs["Image"], output.inputs["Image"])
        scene.compositing_node_group = tree
    return scene.compositing_node_group


def nodes_in(tree: Any, met: set[str] | None = None) -> Iterator[tuple[Any, Any]]:
    """(tree, node) of every lookmatte node in a tree and in the groups inside it."""
    met = set() if met is None else met
    if tree is None or tree.name_full in met:
        return
    met.add(tree.name_full)
    for node in tree.nodes:
        if node.bl_idname == NODE:
            yield tree, node
        elif node.bl_idname == "CompositorNodeGroup":
            yield from nodes_in(node.node_tree, met)


def lookmatte_nodes(scene: Any) -> list[tuple[Any, Any]]:
    """(tree, node) of every lookmatte node of a scene that is not muted, those that others follow first."""
    found = [(tree, node) for tree, node in nodes_in(compositor_tree(scene)) if not node.mute]
    return sorted(found, key=lambda pair: _depth(pair[1]))


def source_of(node: Any) -> Any:
    """The node whose picture goes into a lookmatte node, through reroutes and muted lookmatte nodes; None where
    there is none."""
    while True:
        link = next(iter(node.inputs[0].links), None)
        if link is None:
            return None
        node = link.from_node
        if node.bl_idname != "NodeReroute" and not (node.bl_idname == NODE and node.mute):
            return node


def upstream(node: Any) -> Any:
    """The lookmatte node whose look this one's look goes over; None where it goes over what was rendered."""
    source = source_of(node)
    return source if source is not None and source.bl_idname == NODE else None


def _depth(node: Any) -> int:
    above = upstream(node)
    return 0 if above is None else 1 + _depth(above)


def shares_inner_tree(node: Any) -> bool:
    """Does another lookmatte node, of whatever tree, have the same inner tree? The count of users does not tell:
    5.0 counts one too many where a tree is set while its node is made."""
    data: Any = bpy.data
    trees = [tree for tree in data.node_groups if tree.bl_idname == "CompositorNodeTree"]
    if not FIVE:
        trees += [scene.node_tree for scene in data.scenes if scene.node_tree is not None]
    others = (one for tree in trees for one in tree.nodes if one.bl_idname == NODE and one != node)
    return any(one.node_tree == node.node_tree for one in others)


def fcurves(tree: Any) -> list[Any]:
    """The curves that animate a tree."""
    data = tree.animation_data
    if data is None or data.action is None or data.action_slot is None:
        return []
    bags = (strip.channelbag(data.action_slot) for layer in data.action.layers for strip in layer.strips)
    return [curve for bag in bags if bag is not None for curve in bag.fcurves]


def drop_fcurve(tree: Any, path: str, index: int) -> None:
    """Remove the curve that animates one element of a property, if there is one."""
    data = tree.animation_data
    if data is None or data.action is None or data.action_slot is None:
        return
    for layer in data.action.layers:
        for strip in layer.strips:
            bag = strip.channelbag(data.action_slot)
            for curve in list(bag.fcurves) if bag is not None else ():
                if curve.data_path == path and curve.array_index == index:
                    bag.fcurves.remove(curve)


def is_rendering() -> bool:
    """Does Blender render at this moment, in its window?"""
    app: Any = bpy.app
    return bool(app.is_job_running("RENDER"))


def is_multilayer(scene: Any) -> bool:
    """Does the scene write OpenEXR MultiLayer?"""
    return bool(scene.render.image_settings.file_format == "OPEN_EXR_MULTILAYER")


def format_name(settings: Any) -> str:
    """What Blender calls the format that image settings write."""
    known = settings.bl_rna.properties["file_format"].enum_items.get(settings.file_format)
    return str(known.name if known is not None else settings.file_format)


def set_multilayer(settings: Any) -> None:
    """Make image settings write OpenEXR MultiLayer."""
    if FIVE:
        settings.media_type = "MULTI_LAYER_IMAGE"
    settings.file_format = "OPEN_EXR_MULTILAYER"


def set_flat(settings: Any, file_format: str) -> None:
    """Make image settings write a picture without passes: PNG and TIFF with 16 bits, EXR with half floats."""
    if FIVE:
        settings.media_type = "IMAGE"
    settings.file_format, settings.color_mode, settings.color_depth = file_format, "RGBA", "16"


def plate_pattern(scene: Any, animation: bool = True) -> str:
    """The absolute pattern of the files that the scene's render writes."""
    if animation:
        # Blender itself fills in what a path may hold besides the frame number.
        token = 9753
        given = scene.render.frame_path(frame=token)
        asked = paths.pattern_of(bpy.path.abspath(scene.render.filepath))
        _, digits, _ = paths.split(asked)
        before, found, after = given.rpartition(f"{token:0{digits}d}")
        if found:
            return os.path.abspath(f"{before}{'#' * digits}{after}")
    return os.path.abspath(paths.pattern_of(bpy.path.abspath(scene.render.filepath), animation=animation))


def layer_name(node: Any, scene: Any) -> str:
    """The name of the view layer whose render a node styles, whether the scene has it or not."""
    return str(node.view_layer or scene.view_layers[0].name)


def view_layer_of(node: Any, scene: Any) -> Any:
    """The view layer whose render a node styles; None where it was renamed or deleted."""
    return scene.view_layers.get(layer_name(node, scene))
