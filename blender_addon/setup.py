# SPDX-License-Identifier: GPL-3.0-or-later
"""What a scene must render for lookmatte, and the change that makes it so: said first, done after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from . import host, settings

LOSSY = ("DWAA", "DWAB", "B44", "B44A", "PXR24")


@dataclass(frozen=True)
class Change:
    """One change, in words and as a deed."""

    words: str
    make: Callable[[], None]


def changes(scene: Any, vector: bool = False) -> list[Change]:
    """What has to change in a scene for its lookmatte nodes; empty when all is well. ``vector``: the Vector pass is
    wished for too, where it may be had."""
    wanted: list[Change] = []
    image = scene.render.image_settings
    if not host.is_multilayer(scene):
        words = f"Output format: {host.format_name(image)} to OpenEXR MultiLayer, half float, ZIP"
        wanted.append(Change(words, partial(_write_multilayer, image)))
    elif image.exr_codec in LOSSY:
        words = f"EXR codec: {image.exr_codec}, which damages cryptomattes, to ZIP"
        wanted.append(Change(words, partial(setattr, image, "exr_codec", "ZIP")))
    needed: dict[tuple[str, str], Change] = {}
    for _, node in host.lookmatte_nodes(scene):
        layer = host.view_layer_of(node, scene)
        if layer is None:
            continue
        if not layer.use:
            words = f"View layer {layer.name}: switch on Use for Rendering"
            needed[layer.name, "use"] = Change(words, partial(setattr, layer, "use", True))
        for region in node.regions:
            name = _PASSES.get(region.kind)
            if name is not None and not getattr(layer, name):
                words = f"View layer {layer.name}: switch on Cryptomatte {region.kind.title()}"
                needed[layer.name, name] = Change(words, partial(setattr, layer, name, True))
    wanted += needed.values()
    for layer in _without_vectors(scene) if vector and may_have_vectors(scene) else ():
        words = f"View layer {layer.name}: switch on Vector"
        wanted.append(Change(words, partial(setattr, layer, "use_pass_vector", True)))
    if not scene.render.use_file_extension:
        words = "Output: switch on File Extensions"
        wanted.append(Change(words, partial(setattr, scene.render, "use_file_extension", True)))
    return wanted


def problems(scene: Any) -> list[str]:
    """What only the artist can put right before there is anything to change, a sentence each."""
    found = (settings.layer_problem(node, scene) for _, node in host.lookmatte_nodes(scene))
    return list(dict.fromkeys(one for one in found if one))


def may_have_vectors(scene: Any) -> bool:
    """Could the Vector pass be switched on, and help?"""
    return not scene.render.use_motion_blur and bool(_without_vectors(scene))


def about_motion(scene: Any) -> str:
    """Why there is no use in a Vector pass, as a sentence; "" when there is nothing to say."""
    if scene.render.use_motion_blur and _in_motion(scene):
        return "Motion blur is on and leaves the Vector pass empty: a very fast camera may be taken for a cut"
    return ""


def _in_motion(scene: Any) -> list[Any]:
    """The nodes whose looks follow frames over time."""
    follows = [node for _, node in host.lookmatte_nodes(scene) if node.temporal != "frame"]
    return follows if scene.frame_end > scene.frame_start else []


def _without_vectors(scene: Any) -> list[Any]:
    layers = [host.view_layer_of(node, scene) for node in _in_motion(scene)]
    lacking = {layer.name: layer for layer in layers if layer is not None and not layer.use_pass_vector}
    return list(lacking.values())


_PASSES = {
    "OBJECT": "use_pass_cryptomatte_object",
    "MATERIAL": "use_pass_cryptomatte_material",
    "ASSET": "use_pass_cryptomatte_asset",
}


def _write_multilayer(image: Any) -> None:
    host.set_multilayer(image)
    image.color_depth, image.exr_codec = "16", "ZIP"
