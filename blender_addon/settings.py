# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="valid-type"
"""What a node keeps in the .blend. (No postponed annotations in here: Blender reads them as properties.)"""

import hashlib
import os
from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, PointerProperty, StringProperty

from . import host, mapping, memory, paths

SLOTS = 32
"""How many regions a node can have: Blender animates the elements of a node's vector, not a list's."""

KINDS = (
    ("OBJECT", "Object", "An object, by the Cryptomatte Object pass"),
    ("MATERIAL", "Material", "A material, by the Cryptomatte Material pass"),
    ("ASSET", "Asset", "A topmost parent with all its children, by the Cryptomatte Asset pass"),
    ("NAME", "Cryptomatte Name", "Any name in the file's cryptomattes; * and ? are wildcards"),
    ("PASS", "Pass", "A channel of the rendered file as matte"),
    ("FILE", "Matte File", "An image or sequence as matte, from roto for example"),
    ("REST", "Everything Else", "What no other region covers; alone, the whole picture"),
)

BLENDS = (
    ("AUTO", "Automatic", "By coverage for passes and cryptomattes, softly for files"),
    ("pixel", "Exact", "By the matte's own coverage, for mattes with clean edges"),
    ("grid", "Soft", "Softly across the edge, for rough mattes"),
)

TEMPORAL = (
    ("coherent", "Coherent", "Each frame follows the one before, so that looks do not flicker"),
    ("shot", "Whole Shot", "One look for the whole shot; made in a pass of its own after the render"),
    ("frame", "Each Frame", "Each frame by itself"),
)


def _changed(region: Any, context: Any) -> None:
    memory.touched = True


def _names(region: Any, context: Any, text: str) -> list[str]:
    known: set[str] = set()
    if region.kind == "OBJECT":
        known.update(one.name for one in context.scene.objects)
    elif region.kind == "ASSET":
        known.update(one.name for one in context.scene.objects if one.parent is None)
    elif region.kind == "MATERIAL":
        slots = (slot for one in context.scene.objects for slot in one.material_slots)
        known.update(slot.material.name for slot in slots if slot.material is not None)
    known.update(memory.names.get(region.kind, ()))
    return sorted(name for name in known if text.casefold() in name.casefold())


class LOOKMATTE_PG_region(bpy.types.PropertyGroup):
    """One region of a node."""

    kind: EnumProperty(
        name="Matte", description="Where the region's matte comes from", items=KINDS, update=_changed
    )
    target: StringProperty(
        name="Name", description="Which object, material, name or channel", search=_names,
        search_options={"SUGGESTION"}, update=_changed,
    )  # fmt: skip
    file: StringProperty(
        name="File", description="The matte; #### for a sequence", subtype="FILE_PATH", update=_changed
    )
    style: PointerProperty(name="Style", description="The reference picture", type=bpy.types.Image, update=_changed)
    blend: EnumProperty(
        name="Edge", description="How the region meets its surroundings", items=BLENDS, update=_changed
    )
    use_exposure_limit: BoolProperty(
        name="Limit Exposure",
        description="Bound how much brighter or darker the region may become",
        update=_changed,
    )
    exposure_limit: FloatProperty(
        name="Stops", description="By how many stops at most", default=1.5, min=0.0, soft_max=6.0, update=_changed
    )
    slot: IntProperty(options={"HIDDEN"})


def strength_of(tree: Any, node: Any, region: Any, frames: Any) -> float | dict[int, float]:
    """The region's strength: one number, or one for each of ``frames`` where it is animated."""
    path = f'nodes["{bpy.utils.escape_identifier(node.name)}"].strengths'
    for curve in host.fcurves(tree):
        if curve.data_path == path and curve.array_index == region.slot and not curve.mute:
            return {frame: float(curve.evaluate(frame)) for frame in frames}
    return float(node.strengths[region.slot])


def style_path(image: Any) -> tuple[str, str]:
    """(path of a picture on disk, what is wrong with it); a packed picture is unpacked into the cache."""
    if image is None:
        return "", ""
    if image.packed_file is not None:
        data = bytes(image.packed_file.data)
        stem, ending = os.path.splitext(os.path.basename(image.filepath_raw.replace("\\", "/")) or image.name)
        # The picture's own name, for messages; a folder for each content.
        folder = memory.folder("styles", hashlib.sha256(data).hexdigest()[:20])
        path = os.path.join(folder, (bpy.path.clean_name(stem) or "style") + (ending or ".png"))
        try:
            if not os.path.exists(path):
                with open(path, "wb") as file:
                    file.write(data)
        except OSError as error:
            return "", f"style {image.name!r} cannot be unpacked: {error.strerror or 'the disk says no'}"
        return path, ""
    raw = image.filepath_raw
    path = os.path.normpath(bpy.path.abspath(raw, library=image.library)) if raw else ""
    if not path:
        return "", f"style {image.name!r} is not on disk; save it"
    if os.path.isfile(path):
        return path, ""
    return "", f"style {image.name!r}: its file {paths.brief(path)} is not there; open the picture again"


def settings_of(tree: Any, node: Any, scene: Any, frames: Any) -> mapping.NodeSettings:
    """A node's settings as plain values; ``frames`` are those at which animated strength is asked."""
    regions = []
    for region in node.regions:
        style, problem = style_path(region.style)
        file = bpy.path.abspath(region.file) if region.file else ""
        target = file if region.kind == "FILE" else region.target
        regions.append(
            mapping.RegionSettings(
                kind=region.kind,
                target=target,
                style=style,
                strength=strength_of(tree, node, region, frames),
                blend=None if region.blend == "AUTO" else region.blend,
                exposure_limit=region.exposure_limit if region.use_exposure_limit else None,
                problem=problem,
            )
        )
    layer = host.layer_name(node, scene)
    return mapping.NodeSettings(tuple(regions), node.temporal, layer, layer_problem(node, scene))


def layer_problem(node: Any, scene: Any) -> str:
    """What is wrong with the view layer that a node styles, as a sentence; "" when it is there."""
    if host.view_layer_of(node, scene) is not None:
        return ""
    others = mapping.nearest(node.view_layer, [layer.name for layer in scene.view_layers])
    return f"view layer {node.view_layer!r} is no longer there{others}; choose one under View Layer in the sidebar"


CLASSES = (LOOKMATTE_PG_region,)
