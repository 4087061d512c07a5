"""What a bake leaves in a node: the files that its Reads read, and numbers for its kernel."""

from __future__ import annotations

import os

import nuke

from . import live, plan
from .live import Bake, LiveError
from .state import State, parse

_CURVED = ("key_a", "key_b", "take_a", "take_b")


def land(node: nuke.Node, folder: str, coverage: bool, state: State, about: str) -> None:
    """Have the node play the bake in ``folder``. Raises LiveError for what is no bake."""
    bake = Bake.open(folder)
    region = bake.region()
    missing = bake.missing(region)
    if missing:
        raise LiveError(f"{folder}: {missing[0]} is missing from the bake; bake again")
    values = bake.parameters(region, coverage)
    curves = bake.curves(region, plan.limit_of(node))
    matte = bake.matte_pattern(region)
    for label, value in values.items():
        _fill(node, label, value)
    _bend(node, curves)
    node["grid_file"].setValue(bake.grid_pattern(region))
    node["matte_file"].setValue(matte or "")
    node["enhanced"].setValue(matte is not None)
    node["bake_first"].setValue(state.first)
    node["bake_last"].setValue(state.last)
    node["bake_folder"].setValue(folder)
    node["names"].setValue(about)
    node["baked_as"].setValue(state.text())
    node["baked"].setValue(True)


def limit(node: nuke.Node) -> None:
    """Take the exposure limit into a node that is baked. Raises LiveError when its bake is gone."""
    folder = str(node["bake_folder"].value())
    if node["baked"].value() and folder:
        bake = Bake.open(folder)
        _bend(node, bake.curves(bake.region(), plan.limit_of(node)))


def state(node: nuke.Node) -> State | None:
    """What the node was baked from; None while it is not."""
    return parse(str(node["baked_as"].value())) if node["baked"].value() else None


def gone(node: nuke.Node) -> str:
    """The bake's folder where it is not there any more, else ""."""
    folder = str(node["bake_folder"].value())
    return folder if folder and not os.path.isfile(folder + "/bake.json") else ""


def _fill(node: nuke.Node, label: str, value: live.Value) -> None:
    for part, number in enumerate(value if isinstance(value, tuple) else (value,)):
        node[label].setValue(float(number), part)


def _bend(node: nuke.Node, curves: dict[str, tuple[str, ...]]) -> None:
    for name in _CURVED:
        node[name].fromScript(" ".join(f"{{{curve}}}" for curve in curves[name]))
