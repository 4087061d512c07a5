"""The classes of nodes that the fake knows, and their knobs: those of Nuke's that the host or its tests use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from .knob import (
    Array_Knob,
    BBox_Knob,
    Boolean_Knob,
    Channel_Knob,
    ChannelMask_Knob,
    Double_Knob,
    Enumeration_Knob,
    File_Knob,
    Int_Knob,
    Knob,
    Link_Knob,
    PyScript_Knob,
    String_Knob,
)

Make = Callable[[], Knob]


@dataclass(frozen=True)
class NodeClass:
    name: str
    knobs: dict[str, Make] = field(default_factory=dict)
    inputs: int = 1


class _Matrix(Array_Knob):
    _size = 4


def _enum(*words: str, chosen: str = "") -> Make:
    def make() -> Knob:
        knob = Enumeration_Knob(values=words)
        knob._values = [words.index(chosen) if chosen else 0]
        return knob

    return make


def _set(kind: type[Knob], value: str) -> Make:
    def make() -> Knob:
        knob = kind()
        knob._take(value)
        return knob

    return make


COMMON: dict[str, Make] = {
    "name": String_Knob, "label": String_Knob, "xpos": Int_Knob, "ypos": Int_Knob, "tile_color": String_Knob,
    "help": String_Knob, "disable": Boolean_Knob, "selected": Boolean_Knob, "postage_stamp": Boolean_Knob,
    "hide_input": Boolean_Knob, "note_font_size": Double_Knob,
}  # fmt: skip

_COPIES: dict[str, Make] = {}
for _number in range(4):
    _COPIES[f"from{_number}"] = _set(Channel_Knob, "none")
    _COPIES[f"to{_number}"] = _set(Channel_Knob, "none")

_SPACES = ("default", "default (linear)", "linear", "scene_linear", "ACES - ACEScg", "sRGB")


def _classes() -> list[NodeClass]:
    return [
        NodeClass("Root", {
            "first_frame": _set(Int_Knob, "1"), "last_frame": _set(Int_Knob, "100"), "format": String_Knob,
            "proxy": Boolean_Knob,
            "colorManagement": _enum("Nuke", "OCIO"), "OCIO_config": _set(String_Knob, "nuke-default"),
            "customOCIOConfigPath": File_Knob, "workingSpaceLUT": _set(String_Knob, "linear"),
        }, 0),
        NodeClass("Input", {"number": Int_Knob}, 0),
        NodeClass("Output"),
        NodeClass("Dot"),
        NodeClass("NoOp"),
        NodeClass("Group", {}, 0),
        NodeClass("StickyNote", {}, 0),
        NodeClass("BackdropNode", {"bdwidth": Int_Knob, "bdheight": Int_Knob}, 0),
        NodeClass("Viewer", {"frame_range": String_Knob}, 10),
        NodeClass("Read", {
            "file": File_Knob, "file_type": String_Knob, "first": _set(Int_Knob, "1"), "last": _set(Int_Knob, "1"),
            "origfirst": Int_Knob, "origlast": Int_Knob, "origset": Boolean_Knob, "raw": Boolean_Knob,
            "premultiplied": Boolean_Knob, "colorspace": _enum(*_SPACES, chosen="default (linear)"),
            "frame_mode": _enum("expression", "start at", "offset"), "frame": String_Knob,
            "on_error": _enum("error", "black", "checkerboard", "nearest frame"), "format": String_Knob,
        }, 0),
        NodeClass("Write", {
            "file": File_Knob, "file_type": String_Knob, "channels": _set(ChannelMask_Knob, "rgb"),
            "raw": Boolean_Knob, "create_directories": Boolean_Knob,
            "datatype": _enum("16 bit half", "32 bit float"),
            "compression": _enum("none", "Zip (1 scanline)", "Zip (16 scanlines)", "DWAA"),
            "metadata": _enum("default metadata", "all metadata", "no metadata"),
        }),
        NodeClass("Copy", dict(_COPIES), 3),
        NodeClass("CopyBBox", {}, 2),
        NodeClass("Remove", {
            "operation": _enum("remove", "keep"), "channels": _set(ChannelMask_Knob, "all"),
            "channels2": _set(ChannelMask_Knob, "none"),
        }),
        NodeClass("Expression", {f"expr{number}": String_Knob for number in range(4)}),
        NodeClass("Switch", {"which": Double_Knob}, 100),
        NodeClass("TimeWarp", {"lookup": Double_Knob, "filter": _enum("linear", "nearest", "cubic")}),
        NodeClass("TimeOffset", {"time_offset": Double_Knob}),
        NodeClass("Grade", {
            "channels": _set(ChannelMask_Knob, "rgb"), "multiply": _set(Double_Knob, "1"), "add": Double_Knob,
        }, 2),
        NodeClass("Transform", {"translate": partial(_translate)}),
        NodeClass("Radial", {"area": BBox_Knob, "output": _set(ChannelMask_Knob, "rgba")}),
        NodeClass("Cryptomatte", {
            "matteList": String_Knob, "matteOutput": _set(Channel_Knob, "rgba.alpha"),
            "unpremultiply": Boolean_Knob,
            "cryptoLayerChoice": _enum(""), "lastSelectedCryptoLayerName": String_Knob,
            "manifestSource": _enum("Embedded", "Sidecar"), "manifestSourceModified": Boolean_Knob,
            "sidecarFilepath": File_Knob, "removeChannels": Boolean_Knob,
        }),
        NodeClass("BlinkScript", {
            "recompileCount": Int_Knob, "ProgramGroup": Int_Knob, "KernelDescription": String_Knob,
            "kernelSource": String_Knob, "useGPUIfAvailable": Boolean_Knob, "rebuild": String_Knob,
            "rebuild_finalise": String_Knob, "recompile": _set(PyScript_Knob, "import nuke; nuke._recompile()"),
        }, 10),
    ]  # fmt: skip


def _translate() -> Knob:
    knob = Array_Knob()
    knob._values = [0.0, 0.0]
    return knob


CLASSES: dict[str, NodeClass] = {one.name: one for one in _classes()}

class _Inside(Link_Knob):
    """A link of a gizmo whose inside is not there."""

    def __init__(self) -> None:
        super().__init__()
        self._held = Channel_Knob()
        self._held._take("alpha")

    def getLinkedKnob(self) -> Knob:
        return self._held


PSYOP = NodeClass("Cryptomatte", {
    "matteList": String_Knob, "cryptoLayer": String_Knob, "matteOutput": _Inside,
    "unpremultiply": Boolean_Knob, "cryptoLayerChoice": _enum(" "), "RemoveChannels": Boolean_Knob,
    "matteOnly": Boolean_Knob, "previewEnabled": Boolean_Knob, "expandWildcards": Boolean_Knob,
    "stopAutoUpdate": Boolean_Knob,
})  # fmt: skip
"""Psyop's gizmo has the name of Nuke's own node, and other knobs."""
