# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="valid-type"
"""The compositor node. (No postponed annotations in here: Blender reads them as properties.)

Python does not run while nodes evaluate, so the node shows pixels that were made from the EXR on disk: its inner
tree mixes two Image nodes over what comes in, the styled sequence and the preview; a gate for each says whether.
"""

import contextlib
import threading
from typing import Any

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatVectorProperty,
    IntProperty,
    StringProperty,
)

from . import faces, host, memory, paths, settings

STYLED, PREVIEW = "Styled", "Preview"
"""The two pictures over the input, the later over the earlier; names of the nodes that hold them."""

MADE = ("styled", "plate", "preview", "preview_plate", "preview_frame")
"""Properties that tell what was made for a node, as opposed to what an artist chose."""


def _changed(node: Any, context: Any) -> None:
    memory.touched = True


class LOOKMATTE_node(bpy.types.CompositorNodeCustomGroup):
    """Shows the look of the picked objects, made from the rendered EXR"""

    bl_idname = host.NODE
    bl_label = "lookmatte"
    bl_icon = "IMAGE_RGB_ALPHA"
    bl_width_default = 260

    regions: CollectionProperty(
        type=settings.LOOKMATTE_PG_region, description="What of the picture has a look of its own, and which"
    )
    active: IntProperty(name="Region", description="The region whose settings are shown below")
    strengths: FloatVectorProperty(
        name="Strength", description="How much of the look: at 0 the picture is untouched", size=settings.SLOTS,
        default=(1.0,) * settings.SLOTS, min=0.0, max=1.0, update=_changed,
    )  # fmt: skip
    temporal: EnumProperty(
        name="Time", description="How frames hold together", items=settings.TEMPORAL, update=_changed
    )
    view_layer: StringProperty(
        name="View Layer", description="Whose render is styled; empty: the first", update=_changed
    )
    folder: StringProperty(
        name="Folder", description="Subfolder beside the render for the styled frames", default="look"
    )
    live: BoolProperty(
        name="Live Preview", description="Make the preview of the current frame again whenever a setting changes"
    )
    styled: StringProperty(options={"HIDDEN"}, description="Pattern of the styled frames")
    plate: StringProperty(options={"HIDDEN"}, description="Pattern of the frames that they were made from")
    preview: StringProperty(options={"HIDDEN"}, description="File of the preview")
    preview_plate: StringProperty(options={"HIDDEN"}, description="File that the preview was made from")
    preview_frame: IntProperty(options={"HIDDEN"}, description="Frame of the preview")

    def init(self, context: Any) -> None:
        """Build the inner tree, and one region to begin with."""
        tree: Any = bpy.data.node_groups.new(".lookmatte", "CompositorNodeTree")
        _build(tree)
        # Last: an inner tree that changes after it was set resets the sockets' values.
        self.node_tree = tree
        self._take_folder()
        add_region(self)

    def copy(self, node: Any) -> None:
        """Called on a node that was copied: it starts with the settings of the other, and with nothing made."""
        self._take_folder()
        for name in MADE:
            self.property_unset(name)
        memory.touched = True

    def _take_folder(self) -> None:
        """Choose a folder that no other node of the tree writes to."""
        others = {node.folder for _, node in host.nodes_in(self.id_data) if node != self}
        number = 2
        while self.folder in others:
            self.folder = f"look{number}"
            number += 1

    def draw_buttons(self, context: Any, layout: bpy.types.UILayout) -> None:
        """The node's face."""
        faces.draw_face(self, layout)

    def draw_buttons_ext(self, context: Any, layout: bpy.types.UILayout) -> None:
        """The sidebar."""
        faces.draw_sidebar(self, context.scene, layout)


def _build(tree: Any) -> None:
    tree.interface.new_socket("Image", in_out="INPUT", socket_type="NodeSocketColor")
    matte = tree.interface.new_socket("Matte", in_out="INPUT", socket_type="NodeSocketFloat")
    matte.default_value, matte.min_value, matte.max_value = 1.0, 0.0, 1.0
    matte.subtype = "FACTOR"
    matte.description = "Limits the look"
    tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
    given, output = tree.nodes.new("NodeGroupInput"), tree.nodes.new("NodeGroupOutput")
    below = given.outputs["Image"]
    for number, layer in enumerate((STYLED, PREVIEW)):
        gate, mix, holder = (
            tree.nodes.new(kind) for kind in ("ShaderNodeMath", "ShaderNodeMix", "CompositorNodeImage")
        )
        gate.name, mix.name, holder.name = f"{layer} Gate", f"{layer} Mix", layer
        for column, one in enumerate((holder, gate, mix)):
            one.location = (300 * number + 100 * column, -200 * number - 150 * column)
        gate.operation, gate.use_clamp = "MULTIPLY", True
        gate.inputs[1].default_value = 0.0
        mix.data_type = "RGBA"
        factor, lower, _ = (socket for socket in mix.inputs if socket.enabled)
        tree.links.new(given.outputs["Matte"], gate.inputs[0])
        tree.links.new(gate.outputs[0], factor)
        tree.links.new(below, lower)
        below = next(socket for socket in mix.outputs if socket.enabled)
    output.location = (900, 0)
    tree.links.new(below, output.inputs[0])


def add_region(node: Any) -> Any:
    """A further region, with a strength of its own; None when the node is full."""
    taken = {region.slot for region in node.regions}
    free = next((slot for slot in range(settings.SLOTS) if slot not in taken), None)
    if free is None:
        return None
    region = node.regions.add()
    region.slot = free
    node.strengths[free] = 1.0
    node.active = len(node.regions) - 1
    return region


def remove_region(node: Any, index: int) -> None:
    """Take a region away, and what animated its strength."""
    path = f'nodes["{bpy.utils.escape_identifier(node.name)}"].strengths'
    host.drop_fcurve(node.id_data, path, node.regions[index].slot)
    node.regions.remove(index)
    node.active = max(0, min(node.active, len(node.regions) - 1))


def _own_tree(node: Any) -> Any:
    """The inner tree, which a copied node shares with its original until one of them shows something else."""
    if host.shares_inner_tree(node):
        node.node_tree = node.node_tree.copy()
    return node.node_tree


def gate(node: Any, layer: str, is_open: bool) -> None:
    """Let a layer's picture through, or not. Cheap, and nothing happens where it is so already."""
    value = 1.0 if is_open else 0.0
    if node.node_tree.nodes[f"{layer} Gate"].inputs[1].default_value != value:
        if threading.current_thread() is not threading.main_thread() and host.shares_inner_tree(node):
            return  # no data is made in a render's thread; the timer comes to it
        _own_tree(node).nodes[f"{layer} Gate"].inputs[1].default_value = value


def show_preview(node: Any, path: str, view_layer: str) -> None:
    """Put one file into the node's preview."""
    _put(node, PREVIEW, path, view_layer)


def show_sequence(node: Any, pattern: str, frames: list[int], view_layer: str) -> None:
    """Put a sequence, or a still, into the node; ``frames`` are those on disk, at least one."""
    span = (frames[0], frames[-1]) if paths.split(pattern)[1] else None
    _put(node, STYLED, paths.path_at(pattern, frames[0]), view_layer, span)


def _put(node: Any, layer: str, path: str, view_layer: str, span: tuple[int, int] | None = None) -> None:
    tree = _own_tree(node)
    source = "FILE" if span is None else "SEQUENCE"
    holder = tree.nodes[layer]
    image = holder.image
    if image is None or image.users > 1:
        image = bpy.data.images.load(path, check_existing=False)
        image.name = f".{node.name} {layer.lower()}"
    if image.source != source:
        image.source = source
    if bpy.path.abspath(image.filepath_raw) != path:
        image.filepath = path
    image.reload()
    holder.image = image
    if span is not None:
        set_span(holder, *span)
    # The layers are known once the file was read; choosing one makes the sockets anew.
    if holder.has_layers:
        with contextlib.suppress(TypeError):  # renamed since the file was made: the one that is shown stays
            holder.layer = view_layer
    over = [socket for socket in tree.nodes[f"{layer} Mix"].inputs if socket.enabled][2]
    picture = next(
        (one for name in ("Combined", "Image") if (one := holder.outputs.get(name)) and one.enabled), None
    )
    if picture is not None and not any(link.from_socket == picture for link in over.links):
        tree.links.new(picture, over)


def set_span(holder: Any, first: int, last: int) -> None:
    """Have a node with an image sequence show each frame's own file."""
    holder.frame_start, holder.frame_offset = first, first - 1
    holder.frame_duration = last - first + 1
    holder.use_auto_refresh = True


def menu(self: Any, context: Any) -> None:
    """Add > lookmatte."""
    if context.space_data is not None and context.space_data.tree_type == "CompositorNodeTree":
        self.layout.separator()
        self.layout.operator("lookmatte.add_node", text="lookmatte", icon=LOOKMATTE_node.bl_icon)


CLASSES = (LOOKMATTE_node,)
