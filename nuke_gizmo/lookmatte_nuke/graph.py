"""What lies above a node: the file that a Read shows as it is, the names of a Cryptomatte, and a hash of it all.

Nothing here reads pixels or metadata, so it is safe while a script is opened or nodes are pasted.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import nuke

from . import job, paths

# Nodes that leave pixels, frames and channels as they are.
_IDLE = frozenset(("Dot", "NoOp", "PostageStamp", "Assert", "AudioRead"))

# Nodes that change colour alone, where it is: below them a cryptomatte is what it was, unless they are set to all
# channels.
_COLOUR = frozenset((
    "Add",
    "Clamp", "ColorCorrect", "ColorLookup", "ColorMatrix", "Colorspace", "EXPTool", "Exposure", "Gamma", "Grade",
    "HueCorrect", "HueShift", "Invert", "Multiply", "OCIOCDLTransform", "OCIOColorSpace", "OCIOFileTransform",
    "OCIOLogConvert", "Posterize", "Premult", "RolloffContrast", "Saturation", "SoftClip", "Unpremult",
))  # fmt: skip
_COLOURS = frozenset(("rgb", "rgba", "alpha", "rgba.red", "rgba.green", "rgba.blue", "rgba.alpha", "none"))

# Knobs that change nothing of a picture.
_LOOKS = frozenset((
    "name", "xpos", "ypos", "selected", "label", "note_font", "note_font_size", "note_font_color", "tile_color",
    "gl_color", "cached", "dope_sheet", "bookmark", "hide_input", "postage_stamp", "postage_stamp_frame",
    "indicators", "icon", "help", "onCreate", "onDestroy", "knobChanged", "updateUI", "autolabel", "panel",
    "lifetimeStart", "lifetimeEnd", "useLifetime", "window_state", "status", "log", "notes", "version",
    "process_mask", "rootNodeUpdated",
))  # fmt: skip

_AS_IT_IS = frozenset(("linear", "scene_linear", "raw", "data"))


class Exr(NamedTuple):
    """A sequence on disk that a node shows as it is: its pattern and the Read's first and last frame; or, where
    there is none, ``why`` not, in words that continue "because"."""

    pattern: str = ""
    first: int = 0
    last: int = 0
    why: str = ""


class Crypto(NamedTuple):
    """A Cryptomatte node's selection, and the file whose cryptomatte it reads (``exr.why`` where that cannot be
    told)."""

    names: tuple[str, ...]
    layer: str
    exr: Exr
    divided: bool
    """Does the node divide its matte by alpha?"""


def top(node: nuke.Node | None) -> nuke.Node | None:
    """The first node from here upwards that does something."""
    return _first(node, _idle)


def read_above(node: nuke.Node | None, colour_may_change: bool = False) -> Exr:
    """The EXR sequence that ``node`` shows, pixel for pixel and frame for frame."""
    found = _first(node, _idle_or_colour if colour_may_change else _idle)
    if found is None:
        return Exr(why="nothing is connected")
    if found.Class() != "Read":
        return Exr(why=f"{found.name()} ({found.Class()}) lies between")
    return _exr_of(found)


def cryptomatte_above(node: nuke.Node | None, channel: str) -> Crypto | None:
    """The Cryptomatte, Nuke's own or Psyop's gizmo, whose matte is ``channel`` of what ``node`` shows; None for
    another kind of matte, or a Cryptomatte without names."""
    found = top(node)
    if found is None or found.Class() != "Cryptomatte":
        return None
    if _channel(_text(found, "matteOutput")) != _channel(channel):
        return None
    names = matte_list(_text(found, "matteList"))
    if not names:
        return None
    exr = read_above(found.input(0), colour_may_change=True)
    if found.knob("manifestSourceModified") is not None and _flag(found, "manifestSourceModified"):
        exr = Exr(why=f"{found.name()} has a manifest of its own")
    kept = (_text(found, name) for name in ("cryptoLayer", "lastSelectedCryptoLayerName", "cryptoLayerChoice"))
    layer = next(filter(None, kept), "")
    return Crypto(names, layer.strip(), exr, _flag(found, "unpremultiply"))


def matte_list(text: str) -> tuple[str, ...]:
    """The entries of a Cryptomatte's matte list: names, ``<float>`` ids and wildcards, quoted as in CSV."""
    rows = csv.reader([text], quotechar='"', escapechar="\\", doublequote=False, skipinitialspace=True)
    found = [entry.strip() for row in rows for entry in row]
    return tuple(dict.fromkeys(entry for entry in found if entry))


def picture_above(node: nuke.Node | None, frame: int) -> str:
    """The file of the picture that ``node`` shows on a frame, if a Read shows it as it is; "" otherwise."""
    found = top(node)
    if found is None or found.Class() != "Read" or not _plain_time(found):
        return ""
    path = nuke.filename(found) or ""
    if "[" in path or "%V" in path or "%v" in path:
        return ""
    held = min(max(frame, int(found["first"].value())), int(found["last"].value()))
    return paths.at_frame(path, held)


def upstream_hash(nodes: Sequence[nuke.Node | None], first: int, last: int) -> str:
    """A short name for all that these nodes show: the same nodes with the same settings and connections, the same
    name. What files hold is not in it: see :func:`files_above`. Expressions count by their values at both ends."""
    met: dict[str, str] = {}
    return job.hashed([_node_hash(node, (first, last), met) for node in nodes])


def files_above(nodes: Sequence[nuke.Node | None]) -> list[str]:
    """The patterns of all files that Reads above these nodes read, each once."""
    found: dict[str, None] = {}
    for node in _all_above(nodes):
        if node.Class() in ("Read", "DeepRead", "ReadGeo2"):
            path = nuke.filename(node)
            if path:
                found[path] = None
    return list(found)


def in_order(nodes: Sequence[nuke.Node]) -> list[nuke.Node]:
    """The same nodes, each after those of them that lie above it."""
    above = {node.fullName(): {one.fullName() for one in _all_above(_inputs(node))} for node in nodes}
    done: list[nuke.Node] = []
    waiting = list(nodes)
    while waiting:
        names = {node.fullName() for node in waiting}
        free = [node for node in waiting if not above[node.fullName()] & names] or waiting
        done += free
        waiting = [node for node in waiting if node not in free]
    return done


def _all_above(nodes: Sequence[nuke.Node | None]) -> Iterator[nuke.Node]:
    met: set[str] = set()
    waiting = [node for node in nodes if node is not None]
    while waiting:
        node = waiting.pop()
        if node.fullName() in met:
            continue
        met.add(node.fullName())
        yield node
        waiting += [one for one in _inputs(node) if one is not None]
        if isinstance(node, nuke.Group):
            waiting += node.nodes()


def _inputs(node: nuke.Node) -> list[nuke.Node | None]:
    return [node.input(number) for number in range(node.inputs())]


def _node_hash(node: nuke.Node | None, ends: tuple[int, int], met: dict[str, str]) -> str:
    if node is None:
        return ""
    name = node.fullName()
    if name not in met:
        met[name] = "again"  # a ring of expressions or inputs ends here
        knobs = {key: _knob_text(knob, ends) for key, knob in node.knobs().items() if key not in _LOOKS}
        within: list[str] = []
        if isinstance(node, nuke.Group):
            within = [_node_hash(one, ends, met) for one in node.nodes()]
        above = [_node_hash(one, ends, met) for one in _inputs(node)]
        met[name] = job.hashed([node.Class(), sorted(knobs.items()), above, within])
    return met[name]


def _knob_text(knob: nuke.Knob, ends: tuple[int, int]) -> str:
    text = str(knob.toScript())
    if isinstance(knob, nuke.Array_Knob) and knob.hasExpression():
        text += "".join(f" {knob.getValueAt(frame)!r}" for frame in ends)
    return text


def _first(node: nuke.Node | None, passes: Callable[[nuke.Node], bool]) -> nuke.Node | None:
    for _ in range(10000):
        if node is None:
            return None
        if node.Class() == "Switch" and not _bypassed(node) and _steady(node["which"]):
            node = node.input(int(node["which"].value()))
        elif passes(node):
            node = node.input(0)
        else:
            return node
    return None


def _idle(node: nuke.Node) -> bool:
    return node.Class() in _IDLE or (node.Class() != "Read" and _bypassed(node))


def _idle_or_colour(node: nuke.Node) -> bool:
    if _idle(node):
        return True
    return node.Class() in _COLOUR and (node.knob("channels") is None or _text(node, "channels") in _COLOURS)


def _bypassed(node: nuke.Node) -> bool:
    """Is the node switched off on all frames?"""
    disable = node.knob("disable")
    return disable is not None and _steady(disable) and bool(disable.value())


def _steady(knob: nuke.Knob) -> bool:
    return not knob.isAnimated() and not knob.hasExpression()


def _exr_of(read: nuke.Node) -> Exr:
    path = nuke.filename(read) or ""
    name = read.name()
    if not path.lower().endswith((".exr", ".sxr")):
        return Exr(why=f"{name} reads no EXR")
    if re.search(r"[\[$]|%[vV]", path) or path.startswith("~"):
        return Exr(why=f"{name}'s path holds what only Nuke can fill in")
    if not _plain_time(read):
        return Exr(why=f"{name} shows its frames at another time")
    if not _plain_colour(read):
        return Exr(why=f"{name} converts its colours")
    if not paths.is_pattern(path):
        return Exr(why=f"{name} is a still")
    return Exr(path, int(read["first"].value()), int(read["last"].value()))


def _plain_time(read: nuke.Node) -> bool:
    moved = read.knob("frame")
    mode = _text(read, "frame_mode")
    return mode != "start at" and (moved is None or str(moved.value()).strip() in ("", "0", "frame"))


def _plain_colour(read: nuke.Node) -> bool:
    """Are the file's numbers Nuke's?"""
    if _flag(read, "premultiplied"):
        return False
    if _flag(read, "raw"):
        return True
    said = _text(read, "colorspace")
    inside = re.match(r"default \((.*)\)$", said)
    space = (inside.group(1) if inside else said).strip()
    root = nuke.root().knob("workingSpaceLUT")
    working = str(root.value()).strip() if root is not None else ""
    return space in _AS_IT_IS or (bool(working) and space == working)


def _text(node: nuke.Node, name: str) -> str:
    knob = node.knob(name)
    if isinstance(knob, nuke.Link_Knob):
        knob = knob.getLinkedKnob()
    return "" if knob is None else str(knob.value() or "")


def _flag(node: nuke.Node, name: str) -> bool:
    knob = node.knob(name)
    return knob is not None and bool(knob.value())


def _channel(name: str) -> str:
    """A channel's full name; ``alpha`` is rgba's."""
    return "rgba." + name if name in ("red", "green", "blue", "alpha") else name
