"""Pixels: what nodes show, from real EXRs, by the kernel's own text where a gizmo plays a bake.

Pictures have the top row first and their windows in Nuke's coordinates, y upwards from the format's lower edge.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
from numpy.typing import NDArray

from lookmatte.imaging.cryptomatte import select
from lookmatte.imaging.reader import read_frame

from . import knob as knobs
from .node import Gizmo, Group, Node
from .world import world

Plane = NDArray[np.float32]
Window = tuple[int, int, int, int]
_FILE = {"rgba.red": "R", "rgba.green": "G", "rgba.blue": "B", "rgba.alpha": "A"}
_COMPONENTS = {"R": "red", "G": "green", "B": "blue", "A": "alpha"}
RGBA = tuple(_FILE)


@dataclass(frozen=True)
class Image:
    """What a node shows on a frame: planes by channel over a window (x, y, r, t); its format is (width, height)."""

    planes: dict[str, Plane]
    window: Window
    format: tuple[int, int]
    file: str = ""

    def plane(self, channel: str) -> Plane:
        """A channel; black where there is none."""
        x, y, r, t = self.window
        found = self.planes.get(_full(channel))
        return np.zeros((t - y, r - x), np.float32) if found is None else found

    def over(self, window: Window) -> Image:
        """The same picture over another window, black outside its own."""
        x, y, r, t = window
        x0, y0, r0, t0 = self.window
        left, right, low, high = max(x, x0), min(r, r0), max(y, y0), min(t, t0)
        planes = {}
        for name, plane in self.planes.items():
            made = np.zeros((t - y, r - x), np.float32)
            if left < right and low < high:
                made[t - high : t - low, left - x : right - x] = plane[t0 - high : t0 - low, left - x0 : right - x0]
            planes[name] = made
        return replace(self, planes=planes, window=window)


def _union(one: Window, other: Window) -> Window:
    return min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])


def _full(channel: str) -> str:
    return f"rgba.{channel}" if channel in ("red", "green", "blue", "alpha") else channel


def evaluate(node: Node, frame: int) -> Image:
    """What a node shows on a frame. RuntimeError as Nuke has it where something is missing."""
    disable = node["disable"]
    if disable.value() and node.Class() not in ("Read", "Input"):
        return _above(node, frame)
    if isinstance(node, Gizmo) or node.Class() == "Group":
        assert isinstance(node, Group)
        return evaluate(next(one for one in node.nodes() if one.Class() == "Output"), frame)
    act = _ACTS.get(node.Class())
    if act is None:
        raise RuntimeError(f"{node.name()}: no pixels of a {node.Class()} here")
    return act(node, frame)


def _above(node: Node, frame: int, index: int = 0) -> Image:
    found = node.input(index)
    if found is None:
        raise RuntimeError(f"{node.name()}: input {index} is not connected")
    return evaluate(found, frame)


def _at(node: Node, name: str, frame: int, index: int = 0) -> float:
    knob = node[name]
    assert isinstance(knob, knobs.Array_Knob)
    return float(knob._at(frame, index))


def _input(node: Node, frame: int) -> Image:
    return _above(node.parent(), frame, int(node["number"].value()))


def _read(node: Node, frame: int) -> Image:
    from lookmatte_nuke import paths

    file = node["file"]
    assert isinstance(file, knobs.EvalString_Knob)
    held = int(min(max(frame, _at(node, "first", frame)), _at(node, "last", frame)))
    path = paths.at_frame(file.evaluate(), held)
    if not Path(path).is_file():
        raise RuntimeError(f"{node.name()}: {path}: No such file or directory")
    if not path.endswith(".exr"):
        raise RuntimeError(f"{node.name()}: only EXRs are read here")
    with OpenEXR.File(path, separate_channels=True) as opened:
        part = opened.parts[0]
        (x1, y1), (x2, y2) = (np.asarray(end).tolist() for end in part.header["dataWindow"])
        (_, top), (right, bottom) = (np.asarray(end).tolist() for end in part.header["displayWindow"])
        planes = {_in_nuke(name): np.array(one.pixels, np.float32) for name, one in part.channels.items()}
    high = bottom - top + 1
    window = (x1, high - 1 - (y2 - top), x2 + 1, high - (y1 - top))
    return Image(planes, window, (right + 1, high), path)


def _in_nuke(name: str) -> str:
    """A file's channel as Nuke calls it: a layer has no point in its name."""
    layer, _, component = name.rpartition(".")
    return f"{layer.replace('.', '_') or 'rgba'}.{_COMPONENTS.get(component, component)}"


def _copy(node: Node, frame: int) -> Image:
    base, other = _above(node, frame), _above(node, frame, 1)
    together = _union(base.window, other.window)
    both, from_there = base.over(together), other.over(together)
    planes = dict(both.planes)
    for number in range(4):
        source, target = str(node[f"from{number}"].value()), str(node[f"to{number}"].value())
        if target != "none":
            planes[_full(target)] = from_there.plane(source)
    return replace(both, planes=planes)


def _remove(node: Node, frame: int) -> Image:
    shown = _above(node, frame)
    layers = {str(node[name].value()) for name in ("channels", "channels2")}
    keep = node["operation"].value() == "keep"
    chosen = {name for name in shown.planes if "all" in layers or name.rpartition(".")[0] in layers}
    return replace(shown, planes={name: one for name, one in shown.planes.items() if (name in chosen) == keep})


def _expression(node: Node, frame: int) -> Image:
    shown = _above(node, frame)
    planes = dict(shown.planes)
    for number, channel in enumerate(RGBA):
        text = str(node[f"expr{number}"].value())
        if text:
            planes[channel] = np.full_like(shown.plane(channel), float(text))
    return replace(shown, planes=planes)


def _switch(node: Node, frame: int) -> Image:
    return _above(node, frame, int(_at(node, "which", frame)))


def _grade(node: Node, frame: int) -> Image:
    shown = _above(node, frame)
    multiply, add = (np.float32(_at(node, name, frame)) for name in ("multiply", "add"))
    changed = {name: shown.plane(name) * multiply + add for name in RGBA[:3]}
    return replace(shown, planes={**shown.planes, **changed})


def _transform(node: Node, frame: int) -> Image:
    shown = _above(node, frame)
    dx, dy = (int(_at(node, "translate", frame, index)) for index in (0, 1))
    x, y, r, t = shown.window
    return replace(shown, window=(x + dx, y + dy, r + dx, t + dy))


def _radial(node: Node, frame: int) -> Image:
    """An ellipse in all channels, over the script's format."""
    assert world.root is not None
    width, height = (int(size) for size in str(world.root["format"].value()).split()[:2])
    x, y, r, t = (_at(node, "area", frame, index) for index in range(4))
    down, across = np.mgrid[0:height, 0:width] + 0.5
    inside = ((across - (x + r) / 2) / ((r - x) / 2)) ** 2 + ((height - down - (y + t) / 2) / ((t - y) / 2)) ** 2
    value = np.clip(2.0 * (1.0 - inside), 0.0, 1.0).astype(np.float32)
    return Image({name: value for name in RGBA}, (0, 0, width, height), (width, height))


def _cryptomatte(node: Node, frame: int) -> Image:
    from lookmatte_nuke import graph

    shown = _above(node, frame)
    names = graph.matte_list(str(node["matteList"].value()))
    kept = node.knob("cryptoLayer") or node.knob("lastSelectedCryptoLayerName")
    assert kept is not None
    matte = np.zeros_like(shown.plane("rgba.alpha"))
    if names:
        found = read_frame(Path(shown.file))
        matte = select(found, names, str(kept.value()) or None).rows(0, matte.shape[0])
    if node["unpremultiply"].value():
        alpha = shown.plane("rgba.alpha")
        matte = np.where(alpha > 0, np.minimum(matte / np.maximum(alpha, 1e-12), 1.0), 0.0).astype(np.float32)
    output = node.knob("matteOutput", follow_link=True)
    assert output is not None
    return replace(shown, planes={**shown.planes, _full(str(output.value())): matte})


def _blink(node: Node, frame: int) -> Image:
    """The kernel's own text, compiled, with what its knobs are worth on the frame."""
    from blink_compiled import Picture

    assert world.compile_kernel is not None
    kernel = world.compile_kernel(str(node["kernelSource"].value()))
    images = [_above(node, frame, index) for index in range(kernel.inputs)]
    over = images[0]
    for one in images[1:]:
        over = over.over(_union(over.window, one.window))
    pictures = [_picture(one, Picture) for one in (over, *images[1:])]
    settings = {}
    for label, count in kernel.parameters.items():
        name = f"Lookmatte_{label}"
        settings[label] = [_at(node, name, frame, index) for index in range(count)]
    made = kernel.run(settings, pictures)
    return replace(over, planes={channel: made[..., index] for index, channel in enumerate(RGBA)})


def _picture(image: Image, kind: Callable[..., Any]) -> Any:
    x, _, _, t = image.window
    pixels = np.stack([image.plane(name) for name in RGBA], -1)
    return kind(pixels, x, image.format[1] - t, image.format[1])


def write(node: Node, frame: int) -> str:
    """Write a frame as a Write node does, whole or not at all; return the file."""
    from lookmatte_nuke import paths

    shown = _above(node, frame)
    file = node["file"]
    assert isinstance(file, knobs.EvalString_Knob)
    path = Path(paths.at_frame(file.evaluate(), frame))
    if not path.parent.is_dir():
        if not node["create_directories"].value():
            raise RuntimeError(f"{node.name()}: can't open {path}: No such file or directory")
        path.parent.mkdir(parents=True)
    layers = str(node["channels"].value())
    planes = {n: p for n, p in shown.planes.items() if layers == "all" or n.rpartition(".")[0] == layers}
    dtype = np.float16 if node["datatype"].value() == "16 bit half" else np.float32
    width, height = shown.format
    x, y, r, t = shown.window
    header = {
        "compression": OpenEXR.ZIPS_COMPRESSION,
        "type": OpenEXR.scanlineimage,
        "dataWindow": (np.array([x, height - t], np.int32), np.array([r - 1, height - y - 1], np.int32)),
        "displayWindow": (np.array([0, 0], np.int32), np.array([width - 1, height - 1], np.int32)),
    }
    channels = {_FILE.get(name, name): np.ascontiguousarray(plane, dtype) for name, plane in planes.items()}
    temporary = path.with_suffix(".tmp")
    OpenEXR.File(header, channels).write(str(temporary))
    temporary.replace(path)
    return str(path)


_ACTS: dict[str, Callable[[Node, int], Image]] = {
    "Input": _input, "Read": _read, "Copy": _copy, "Remove": _remove, "Expression": _expression, "Switch": _switch,
    "Grade": _grade, "Transform": _transform, "Radial": _radial, "Cryptomatte": _cryptomatte, "BlinkScript": _blink,
    "Output": _above, "Dot": _above, "NoOp": _above, "Write": _above,
    "CopyBBox": lambda node, frame: _above(node, frame).over(_above(node, frame, 1).window),
    "TimeWarp": lambda node, frame: _above(node, int(_at(node, "lookup", frame))),
    "TimeOffset": lambda node, frame: _above(node, int(frame - _at(node, "time_offset", frame))),
}  # fmt: skip
