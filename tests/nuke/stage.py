"""What tests of the host do in the fake Nuke: a comp of a few nodes, buttons, and frames of what a node shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fakenuke as nuke
import numpy as np
from fakenuke.engine import RGBA, evaluate
from fakenuke.world import world
from lookmatte_nuke import bake
from numpy.typing import NDArray
from shots import Shot

from lookmatte.bilateral.encoding import encode


def comp(shot: Shot, folder: Path) -> None:
    """A saved, empty script over the shot's frames."""
    root = nuke.root()
    root._knobs["name"]._take(str(folder / "comp_v01.nk"))
    root["first_frame"].setValue(shot.frames[0])
    root["last_frame"].setValue(shot.frames[-1])
    root["format"]._take("64 48 0 0 64 48 1 small")


def read(shot: Shot, name: str = "plate/sh.####.exr", **values: Any) -> nuke.Node:
    ends = {"first": shot.frames[0], "last": shot.frames[-1]}
    return nuke.nodes.Read(file=str(shot.folder / name), file_type="exr", **{**ends, **values})


def crypto(plate: nuke.Node, names: str, psyop: bool = False, layer: str = "") -> nuke.Node:
    """A Cryptomatte node on a plate."""
    world.psyop = psyop
    node = nuke.nodes.Cryptomatte(matteList=names)
    if layer:
        node["cryptoLayer" if psyop else "lastSelectedCryptoLayerName"].setValue(layer)
    node.setInput(0, plate)
    return node


def look(
    shot: Shot, src: nuke.Node, mask: nuke.Node | None = None, style: str = "red.png", **values: Any
) -> nuke.Node:
    """A lookmatte node, connected and set."""
    node = nuke.createNode("lookmatte")
    node.setInput(0, src)
    if mask is None:
        node["region"].setValue("whole frame")
    else:
        node.setInput(1, mask)
    if style:
        node["style"].setValue(str(shot.folder / style))
    node["model"].setValue(str(shot.model))
    for name, value in values.items():
        node[name].setValue(value)
    return node


def press(node: nuke.Node, button: str) -> None:
    """Press a button, and let Nuke's window go on until the worker has answered."""
    knob = node[button]
    assert isinstance(knob, nuke.PyScript_Knob)
    knob.execute()
    world.pump(lambda: not bake.busy(node))


def shown(node: nuke.Node, frame: int) -> NDArray[np.float32]:
    """RGBA (h, w, 4), the top row first, of what a node shows."""
    image = evaluate(node, frame)
    return np.stack([image.plane(name) for name in RGBA], -1)


def apart(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """The largest difference of two frames' colours in the working encoding."""
    import torch

    pair = (encode(torch.from_numpy(np.ascontiguousarray(image[..., :3]))) for image in (one, other))
    first, second = pair
    return float((first - second).abs().max())


def status(node: nuke.Node) -> str:
    return str(node["status"].value())


def folder_of(node: nuke.Node) -> str:
    """Where the node's bake lies."""
    return str(node["bake_folder"].value())
