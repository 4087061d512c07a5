# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person sees of a node: its face, the sidebar, and the list of its regions."""

from __future__ import annotations

import re
import textwrap
from typing import Any

import bpy

from . import memory, settings

_COLUMNS, _TROUBLES = 44, 3
_BETWEEN = re.compile(r"(\s+|(?<=[/\\])(?=[^/\\\s]))")
"""Where a line may end: after a word, and after a folder of a path."""


def draw_face(node: Any, layout: Any) -> None:
    """What is shown, what went wrong, the regions, and what to do."""
    _draw_face(node, layout, in_full=False)


def draw_sidebar(node: Any, scene: Any, layout: Any) -> None:
    """The face with all that was said of the last run, and what is rarely changed."""
    _draw_face(node, layout, in_full=True)
    layout.prop_search(node, "view_layer", scene, "view_layers")
    layout.prop(node, "folder")


def _draw_face(node: Any, layout: Any, in_full: bool) -> None:
    key = memory.key_of(node.id_data, node)
    icon, sentence = memory.notes.get(key, ("INFO", "Nothing styled yet"))
    draw_text(layout, icon, sentence)
    said = [one for one in memory.remarks.get(key, ()) if in_full or one[0] != "INFO"]
    for kind, text in said if in_full else said[:_TROUBLES]:
        draw_text(layout, "INFO" if kind == "INFO" else "ERROR", text)
    if len(said) > _TROUBLES and not in_full:
        layout.label(text=f"and {len(said) - _TROUBLES} more: see the sidebar", icon="BLANK1")
    row = layout.row()
    row.template_list("LOOKMATTE_UL_regions", "", node, "regions", node, "active", rows=2)
    column = row.column(align=True)
    column.operator("lookmatte.region_add", icon="ADD", text="")
    column.operator("lookmatte.region_remove", icon="REMOVE", text="")
    if 0 <= node.active < len(node.regions):
        _draw_region(node, node.regions[node.active], layout)
    layout.prop(node, "temporal")
    row = layout.row(align=True)
    row.operator("lookmatte.preview", icon="HIDE_OFF")
    row.prop(node, "live", icon="FILE_REFRESH", text="")
    row.operator("lookmatte.style_frames", icon="RENDER_ANIMATION")
    row = layout.row(align=True)
    row.operator("lookmatte.setup", icon="PREFERENCES")
    row.operator("lookmatte.final_frames", icon="RENDER_RESULT")
    row.operator("lookmatte.cancel", icon="X", text="")


def draw_text(layout: Any, icon: Any, text: str, columns: int = _COLUMNS) -> None:
    """A text in lines that fit, by default into the node: Blender's labels do not wrap."""
    wrapper = textwrap.TextWrapper(columns)
    wrapper.wordsep_re = _BETWEEN
    lines = [line for given in text.split("\n") for line in wrapper.wrap(given) or [""]]
    for index, line in enumerate(lines):
        layout.label(text=line, icon=icon if index == 0 else "BLANK1")


def _draw_region(node: Any, region: Any, layout: Any) -> None:
    column = layout.column()
    column.prop(region, "kind", text="")
    if region.kind == "FILE":
        column.prop(region, "file", text="")
    elif region.kind != "REST":
        row = column.row(align=True)
        row.prop(region, "target", text="", icon="VIEWZOOM")
        row.operator("lookmatte.read_names", icon="FILE_REFRESH", text="")
    column.template_ID(region, "style", open="image.open")
    if region.style is not None:
        column.template_icon(column.icon(region.style), scale=4.0)
    column.prop(node, "strengths", index=region.slot, text="Strength", slider=True)
    if region.kind != "REST":
        column.prop(region, "blend")
    row = column.row(align=True)
    row.prop(region, "use_exposure_limit")
    sub = row.row()
    sub.active = region.use_exposure_limit
    sub.prop(region, "exposure_limit")


class LOOKMATTE_UL_regions(bpy.types.UIList):
    """The regions of a node."""

    bl_idname = "LOOKMATTE_UL_regions"

    def draw_item(
        self, context: Any, layout: Any, data: Any, item: Any, icon: Any, active: Any, prop: Any, index: Any = 0,
        flt_flag: Any = 0,
    ) -> None:  # fmt: skip
        """One line: what, and with which style."""
        kinds = {key: label for key, label, _ in settings.KINDS}
        name = bpy.path.basename(item.file) if item.kind == "FILE" else item.target
        layout.label(text=kinds[item.kind] if item.kind == "REST" else name or f"{kinds[item.kind]}?")
        layout.label(text=item.style.name if item.style is not None else "no style")


CLASSES = (LOOKMATTE_UL_regions,)
