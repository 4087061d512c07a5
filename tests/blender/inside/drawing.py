"""Draws panels without a window: a layout that checks each call against Blender's own, and keeps the words.

Blender draws nothing in the background. A misspelt icon, property or operator raises here as it would on screen.
"""

from __future__ import annotations

import contextlib
import types

import bpy

_PAIRS = (
    ("data", "property"), ("search_data", "search_property"), ("dataptr", "propname"),
    ("active_dataptr", "active_propname"),
)  # fmt: skip


class Layout:
    """Takes the calls that a panel makes; ``words`` are the texts that a person would read, in order."""

    def __init__(self, words: list[str]) -> None:
        self.words = words
        self.active = True

    def __getattr__(self, name: str):
        function = bpy.types.UILayout.bl_rna.functions.get(name)
        if function is None:
            raise AttributeError(f"Blender's layout has no {name}")

        def call(*given, **named):
            wanted = [one for one in function.parameters if not one.is_output]
            named |= {one.identifier: value for one, value in zip(wanted, given, strict=False)}
            for key in named:
                assert key in function.parameters, f"{name} takes no {key}"
            if "icon" in named:
                icons = [one.identifier for one in function.parameters["icon"].enum_items]
                assert named["icon"] in icons, f"no icon {named['icon']}"
            self._check(name, named)
            if named.get("text"):
                self.words.append(named["text"])
            if name == "panel":
                return Layout(self.words), Layout(self.words)
            return Layout(self.words)

        return call

    def _check(self, name: str, named) -> None:
        for data, prop in _PAIRS:
            if data in named:
                assert named[prop] in named[data].bl_rna.properties, f"{named[data]} has no {named[prop]}"
        if name == "operator":
            area, _, operator = named["operator"].partition(".")
            getattr(getattr(bpy.ops, area), operator).get_rna_type()

    @staticmethod
    def icon(data) -> int:
        """The number of a preview's picture."""
        return 0


def drawn(owner: type, **values) -> list[str]:
    """What a person reads of an operator's dialog or of the preferences; ``values`` are its properties'."""
    words: list[str] = []
    name = owner.bl_idname.rpartition(".")[2]
    rna = getattr(bpy.ops.lookmatte, name).get_rna_type() if "_OT_" in owner.__name__ else owner.bl_rna
    owner.draw(types.SimpleNamespace(layout=Layout(words), bl_rna=rna, **values), bpy.context)
    return words


@contextlib.contextmanager
def in_editor(tree):
    """The context of a compositor's editor that shows a tree: background runs have one window too."""
    window = bpy.context.window_manager.windows[0]
    area = max(window.screen.areas, key=lambda one: one.width * one.height)
    area.type, area.ui_type = "NODE_EDITOR", "CompositorNodeTree"
    area.spaces.active.node_tree = tree
    region = next(one for one in area.regions if one.type == "WINDOW")
    with bpy.context.temp_override(window=window, area=area, region=region):
        yield
