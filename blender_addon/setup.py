# SPDX-License-Identifier: GPL-3.0-or-later
"""What a scene must render for lookmatte, and the change that makes it so: said first, done after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from . import host

LOSSY = ("DWAA", "DWAB", "B44", "B44A", "PXR24")


@dataclass(frozen=True)
class Change:
    """One change, in words and as a deed."""

    words: str
    make: Callable[[], None]


def changes(scene: Any) -> list[Change]:
    """What has to change in a scene for its lookmatte nodes; empty when all is well."""
    wanted: list[Change] = []
    image = scene.render.image_settings
    if not host.is_multilayer(scene):
        words = f"Output format: {image.file_format} to OpenEXR MultiLayer, half float, ZIP"
        wanted.append(Change(words, partial(_write_multilayer, image)))
    elif image.exr_codec in LOSSY:
        words = f"EXR codec: {image.exr_codec}, which damages cryptomattes, to ZIP"
        wanted.append(Change(words, partial(setattr, image, "exr_codec", "ZIP")))
    needed: dict[tuple[str, str], Change] = {}
    for _, node in host.lookmatte_nodes(scene):
        layer = host.view_layer_of(node, scene)
        for region in node.regions:
            name = _PASSES.get(region.kind)
            if name is not None and not getattr(layer, name):
                words = f"View layer {layer.name}: switch on Cryptomatte {region.kind.title()}"
                needed[layer.name, name] = Change(words, partial(setattr, layer, name, True))
    wanted += needed.values()
    if not scene.render.use_file_extension:
        words = "Output: switch on File Extensions"
        wanted.append(Change(words, partial(setattr, scene.render, "use_file_extension", True)))
    return wanted


_PASSES = {
    "OBJECT": "use_pass_cryptomatte_object",
    "MATERIAL": "use_pass_cryptomatte_material",
    "ASSET": "use_pass_cryptomatte_asset",
}


def _write_multilayer(image: Any) -> None:
    host.set_multilayer(image)
    image.color_depth, image.exr_codec = "16", "ZIP"
