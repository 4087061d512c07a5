# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="valid-type"
"""What an artist can do with a node. (No postponed annotations in here: Blender reads them as properties.)"""

from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, StringProperty

from . import center, faces, final, host, jobs, looks, mapping, memory, paths, setup
from . import node as nodes

_DIALOG, _COLUMNS = 460, 68


def _chosen(context: Any, name: str = "") -> tuple[Any, Any] | None:
    """The node that a button was pressed in, that has the name, or that is active; else the scene's only one."""
    inside = getattr(context, "node", None)
    if inside is not None and inside.bl_idname == host.NODE and not name:
        return inside.id_data, inside
    found = host.lookmatte_nodes(context.scene)
    if name:
        return next((pair for pair in found if pair[1].name == name), None)
    active = [pair for pair in found if pair[0].nodes.active == pair[1]]
    return next(iter(active or found), None)


class _OnNode(bpy.types.Operator):
    """Shared by what acts on one node."""

    node_name: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def chosen(self, context: Any) -> tuple[Any, Any] | None:
        """The node, or None after telling that there is none."""
        pair = _chosen(context, self.node_name)
        if pair is None:
            self.report({"ERROR"}, "there is no lookmatte node here; add one: Add > lookmatte")
        return pair

    def failed(self, error: mapping.SettingsError) -> set[Any]:
        """Report what is wrong, each line by itself."""
        for line in str(error).splitlines():
            self.report({"ERROR"}, line)
        return {"CANCELLED"}


class _NotWhileRendering(bpy.types.Operator):
    """Shared by what must wait until a render is through."""

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Not while Blender renders: what it holds in memory changes, and settings must not."""
        if host.is_rendering():
            cls.poll_message_set("Blender renders: press it when that is done, or stopped")
            return False
        return True


class _Ending:
    """How something ends that goes on while Blender does; called with whether it went well."""

    def __init__(self) -> None:
        self._good = True

    def __call__(self, good: bool) -> None:
        self._good = good

    def wait(self, operator: bpy.types.Operator) -> set[Any]:
        """What an operator returns: at once in a window. In the background wait, and report the end: a script that
        called it then knows."""
        if center.waits():
            center.drain()
            if not self._good:
                said = [text for kind, text in center.messages if kind == "ERROR"]
                operator.report({"ERROR"}, said[-1] if said else "cancelled")
                return {"CANCELLED"}
        return {"FINISHED"}


class LOOKMATTE_OT_add_node(bpy.types.Operator):
    """Add a lookmatte node; it is put before the output when the compositor was not in use"""

    bl_idname = "lookmatte.add_node"
    bl_label = "Add lookmatte Node"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 (Blender's own form)

    def invoke(self, context: Any, event: Any) -> set[Any]:
        """From the Add menu: let the node hang on the pointer, as Blender's own nodes do, to be put on a link."""
        region, space = context.region, context.space_data
        in_view = _in_editor(space) and region is not None and region.type == "WINDOW"
        if in_view:
            space.cursor_location_from_region(event.mouse_x - region.x, event.mouse_y - region.y)
        result = self.execute(context)
        if in_view and not center.waits():
            bpy.ops.node.translate_attach_remove_on_cancel("INVOKE_DEFAULT")
        return result

    def execute(self, context: Any) -> set[Any]:
        """Add the node to the tree that is edited, else to the scene's."""
        space = context.space_data
        in_editor = _in_editor(space)
        tree: Any = space.edit_tree if in_editor else host.make_compositor_tree(context.scene)
        node = tree.nodes.new(host.NODE)
        for other in tree.nodes:
            other.select = False
        node.select = True
        tree.nodes.active = node
        if in_editor and hasattr(space, "cursor_location"):
            node.location = space.cursor_location
        else:
            _insert(tree, node)
        active = context.view_layer.objects.active if context.view_layer is not None else None
        if active is not None and active.type != "CAMERA":
            node.regions[0].target = active.name
        return {"FINISHED"}


def _in_editor(space: Any) -> bool:
    """Is it a node editor that shows a compositor's tree?"""
    edited = getattr(space, "edit_tree", None)
    return edited is not None and edited.bl_idname == "CompositorNodeTree"


def _insert(tree: Any, node: Any) -> None:
    """Put a node right after the rendered picture and its looks, where these go to the output through reroutes."""
    for output in tree.nodes:
        if output.bl_idname not in ("CompositorNodeComposite", "NodeGroupOutput"):
            continue
        link = next(iter(output.inputs[0].links), None)
        while link is not None and link.from_node.bl_idname == "NodeReroute":
            link = next(iter(link.from_node.inputs[0].links), None)
        if link is not None and link.from_node.bl_idname in ("CompositorNodeRLayers", host.NODE):
            picture, further = link.from_socket, link.to_socket
            node.location = (link.from_node.location.x + link.from_node.width + 40, link.from_node.location.y)
            for other in tree.nodes:
                if other != node and other.location.x >= node.location.x - 40:
                    other.location.x += node.width + 40
            tree.links.new(picture, node.inputs["Image"])
            tree.links.new(node.outputs[0], further)
            return


class LOOKMATTE_OT_region_add(_OnNode):
    """Add a region: a further object with a look of its own"""

    bl_idname = "lookmatte.region_add"
    bl_label = "Add Region"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    def execute(self, context: Any) -> set[Any]:
        """Add it at the end."""
        pair = self.chosen(context)
        if pair is None:
            return {"CANCELLED"}
        if nodes.add_region(pair[1]) is None:
            self.report({"ERROR"}, "a node has 32 regions at most; add a second node after it")
            return {"CANCELLED"}
        return {"FINISHED"}


class LOOKMATTE_OT_region_remove(_OnNode):
    """Remove the chosen region"""

    bl_idname = "lookmatte.region_remove"
    bl_label = "Remove Region"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012
    index: IntProperty(default=-1, options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context: Any) -> set[Any]:
        """Remove the one with the index, else the active one."""
        pair = self.chosen(context)
        if pair is None:
            return {"CANCELLED"}
        index = self.index if self.index >= 0 else pair[1].active
        if not 0 <= index < len(pair[1].regions):
            self.report({"INFO"}, "the node has no region to remove")
            return {"CANCELLED"}
        nodes.remove_region(pair[1], index)
        memory.touched = True
        return {"FINISHED"}


class LOOKMATTE_OT_preview(_OnNode, _NotWhileRendering):
    """Style what was rendered last and show it in the node"""

    bl_idname = "lookmatte.preview"
    bl_label = "Preview"

    def execute(self, context: Any) -> set[Any]:
        """Ask the worker; the timer shows the result. In the background, wait for it."""
        pair = self.chosen(context)
        if pair is None:
            return {"CANCELLED"}
        ends = _Ending()
        try:
            looks.preview(*pair, context.scene, ends)
        except mapping.SettingsError as error:
            return self.failed(error)
        return ends.wait(self)


class LOOKMATTE_OT_style_frames(_OnNode):
    """Style all frames that are rendered, as the settings are now"""

    bl_idname = "lookmatte.style_frames"
    bl_label = "Style Frames"
    all_nodes: BoolProperty(description="Of all nodes, for scripts", options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context: Any) -> set[Any]:
        """Ask the worker; in the background, wait for it."""
        pair = self.chosen(context)
        if pair is None:
            return {"CANCELLED"}
        pairs = host.lookmatte_nodes(context.scene) if self.all_nodes else looks.chain(*pair)
        ends = _Ending()
        try:
            count = looks.style_frames(context.scene, pairs, ends)
        except mapping.SettingsError as error:
            return self.failed(error)
        self.report({"INFO"}, f"styling {count} frame{'s' if count > 1 else ''}")
        return ends.wait(self)


class LOOKMATTE_OT_final_frames(_NotWhileRendering):
    """Composite all frames with their looks, from what is on disk; nothing is rendered again"""

    bl_idname = "lookmatte.final_frames"
    bl_label = "Final Frames"
    file_format: EnumProperty(name="Format", description="What is written", items=final.FORMATS)
    folder: StringProperty(name="Folder", description="Subfolder beside the render", default="final")

    def invoke(self, context: Any, event: Any) -> set[Any]:
        """Ask for the format."""
        return set(context.window_manager.invoke_props_dialog(self, width=_DIALOG, confirm_text="Make"))

    def draw(self, context: Any) -> None:
        """What will happen."""
        layout: Any = self.layout
        layout.prop(self, "file_format")
        layout.prop(self, "folder")
        target = paths.brief(final.output_path(context.scene, self.folder))
        faces.draw_text(layout, "NONE", f"{target}, from what is rendered and styled", _COLUMNS)

    def execute(self, context: Any) -> set[Any]:
        """Style what is not styled yet, then composite; in the background, wait for it."""
        ends = _Ending()
        try:
            final.begin(context.scene, self.file_format, self.folder, ends)
        except mapping.SettingsError as error:
            for line in str(error).splitlines():
                self.report({"ERROR"}, line)
            return {"CANCELLED"}
        return ends.wait(self)


class LOOKMATTE_OT_cancel(bpy.types.Operator):
    """Stop what lookmatte is doing; frames that are there stay"""

    bl_idname = "lookmatte.cancel"
    bl_label = "Cancel lookmatte"

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Only while there is something to stop."""
        if not center.busy():
            cls.poll_message_set("lookmatte is doing nothing")
        return center.busy()

    def execute(self, context: Any) -> set[Any]:
        """Ask for the end, which comes within a frame."""
        center.cancel()
        return {"FINISHED"}


class LOOKMATTE_OT_setup(_NotWhileRendering):
    """Make the scene render what lookmatte needs; says first what will change"""

    bl_idname = "lookmatte.setup"
    bl_label = "Set Up Render"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012
    vector: BoolProperty(
        name="Vector Pass",
        description="Tells a camera that moves very fast from a cut; makes larger files, and wants motion blur off",
    )  # fmt: skip

    def invoke(self, context: Any, event: Any) -> set[Any]:
        """Say what will change, and ask."""
        scene = context.scene
        if not setup.changes(scene) and not setup.may_have_vectors(scene):
            for problem in setup.problems(scene):
                self.report({"ERROR"}, problem)
            if not setup.problems(scene):
                self.report({"INFO"}, setup.about_motion(scene) or "the scene renders all that lookmatte needs")
            return {"CANCELLED"}
        return set(context.window_manager.invoke_props_dialog(self, width=_DIALOG, confirm_text="Change"))

    def draw(self, context: Any) -> None:
        """The changes, one a line, and what is to be chosen."""
        layout: Any = self.layout
        changes = setup.changes(context.scene)
        for problem in setup.problems(context.scene):
            faces.draw_text(layout, "ERROR", problem, _COLUMNS)
        layout.label(text="This will change:" if changes else "Nothing has to change.")
        for change in changes:
            faces.draw_text(layout, "DOT", change.words, _COLUMNS)
        if setup.may_have_vectors(context.scene):
            layout.prop(self, "vector", text="Vector pass: tells very fast camera moves from cuts; larger files")
        elif setup.about_motion(context.scene):
            faces.draw_text(layout, "INFO", setup.about_motion(context.scene), _COLUMNS)

    def execute(self, context: Any) -> set[Any]:
        """Make the changes, and say what was changed."""
        scene = context.scene
        if self.vector and not setup.may_have_vectors(scene) and setup.about_motion(scene):
            self.report({"WARNING"}, setup.about_motion(scene))
        for problem in setup.problems(scene):
            self.report({"WARNING"}, problem)
        for change in setup.changes(scene, self.vector):
            change.make()
            self.report({"INFO"}, change.words)
        memory.touched = True
        return {"FINISHED"}


class LOOKMATTE_OT_tell(bpy.types.Operator):
    """Shows a message in Blender's status bar; for the timer, which has no other way"""

    bl_idname = "lookmatte.tell"
    bl_label = "lookmatte Message"
    bl_options = {"INTERNAL"}  # noqa: RUF012
    kind: StringProperty(default="INFO", options={"HIDDEN"})
    text: StringProperty(options={"HIDDEN"})

    def execute(self, context: Any) -> set[Any]:
        """Report it."""
        kinds: Any = {self.kind}
        self.report(kinds, self.text)
        return {"FINISHED"}


class LOOKMATTE_OT_read_names(_NotWhileRendering):
    """Read the names in the last render, and offer them where objects and materials are picked"""

    bl_idname = "lookmatte.read_names"
    bl_label = "Read Names from Render"

    def execute(self, context: Any) -> set[Any]:
        """Ask the worker what is in the file; in the background, wait for it."""
        try:
            path, _ = jobs.preview_plate(context.scene)
            center.submit("inspect", {"file": path}, "reading names", on_end=_keep_names)
        except mapping.SettingsError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        if center.waits():
            center.drain()
        return {"FINISHED"}


def _keep_names(found: dict[str, Any] | None) -> None:
    if found is None:
        return
    memory.names.clear()
    for layer in found["cryptomattes"]:
        named = {str(one["name"]) for one in layer["names"]}
        memory.names.setdefault("NAME", set()).update(named)
        for kind, suffix in mapping.CRYPTOMATTES.items():
            if layer["name"].endswith(suffix):
                memory.names.setdefault(kind, set()).update(named)
    channels = {str(channel) for part in found["parts"] for channel in part["channels"]}
    memory.names["PASS"] = {
        channel for channel in channels if "Crypto" not in channel and "Combined" not in channel
    }
    center.say("INFO", f"{len(memory.names.get('NAME', ()))} names read from the last render")


CLASSES = (
    LOOKMATTE_OT_add_node,
    LOOKMATTE_OT_region_add,
    LOOKMATTE_OT_region_remove,
    LOOKMATTE_OT_preview,
    LOOKMATTE_OT_style_frames,
    LOOKMATTE_OT_final_frames,
    LOOKMATTE_OT_cancel,
    LOOKMATTE_OT_setup,
    LOOKMATTE_OT_tell,
    LOOKMATTE_OT_read_names,
)
