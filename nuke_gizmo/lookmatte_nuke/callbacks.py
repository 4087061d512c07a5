"""What Nuke calls: a knob was changed, a node was made, a button was pressed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import traceback

import nuke

from . import bake, knobs, landing, plan, status, wiring
from .job import SettingsError
from .live import LiveError

_BAKED = frozenset(knob.name for knob in knobs.SHOWN if knob.baked) | {"mask_channel", "src_channel", "folder"}
_LIMIT = frozenset(("limit", "exposure_limit"))
_EVERY = 2.0  # seconds; Nuke says so at each frame that is played, and a large comp takes a while to look through
_looked: dict[str, float] = {}


def register() -> None:
    """Have Nuke call these."""
    nuke.addKnobChanged(knob_changed, nodeClass=knobs.NODE_CLASS)
    nuke.addOnCreate(created, nodeClass=knobs.NODE_CLASS)
    nuke.addUpdateUI(updated, nodeClass=knobs.NODE_CLASS)


def knob_changed() -> None:
    """A knob of a node was changed, or its inputs, or its panel was opened."""
    node, name = nuke.thisNode(), nuke.thisKnob().name()
    # While a script is opened or nodes are pasted, a node has no place on the screen and must be left alone.
    if name == "inputChange" and node.screenHeight() == 0:
        return
    if name in _LIMIT:
        _limit(node)
    if name in ("region", "showPanel", "inputChange"):
        enable(node)
    if (name in _BAKED or name in ("inputChange", "showPanel")) and not bake.busy(node):
        status.refresh(node)


def updated() -> None:
    """Something above a node changed, or the frame: the line of an open panel follows, not too often."""
    node = nuke.thisNode()
    if not nuke.GUI or not node.shown() or bake.busy(node):
        return
    name, now = node.fullName(), time.monotonic()
    if now - _looked.get(name, 0.0) > _EVERY:
        _looked[name] = now
        status.refresh(node)


def created() -> None:
    """A node was made, pasted or opened with a script."""
    node = nuke.thisNode()
    for name in knobs.STILL:
        node[name].setFlag(nuke.NO_ANIMATION)
    enable(node)
    trouble = wiring.check(node)
    if trouble:
        status.say(node, trouble)


def enable(node: nuke.Node) -> None:
    """Grey out what the region makes no use of."""
    region = int(node["region"].getValue())
    node["mask_channel"].setEnabled(region == 0)
    node["src_channel"].setEnabled(region == 1)
    for name in ("mask_holds", "blend"):
        node[name].setEnabled(region != 2)
    node["style"].setEnabled(node.input(knobs.STYLE) is None)


def press(name: str) -> None:
    """A button of this node."""
    node = nuke.thisNode()
    try:
        _BUTTONS[name](node)
    except bake.BakeError:
        raise
    except Exception as error:
        if not nuke.GUI:
            raise
        traceback.print_exc()
        nuke.message(f"{node.name()}: {type(error).__name__}: {error}\nThe script editor has more.")


def bake_frame(node: nuke.Node) -> None:
    """Bake the current frame."""
    bake.bake(node, int(nuke.frame()))


def reveal(node: nuke.Node) -> None:
    """Open the folder of the node's bakes in the system's own browser."""
    try:
        folder = str(node["bake_folder"].value()) or plan.home(node)
    except SettingsError as error:
        nuke.message(f"{node.name()}: {error}")
        return
    if not os.path.isdir(folder):
        nuke.message(f"{node.name()}: there is nothing yet: {folder}")
    elif sys.platform == "win32":
        os.startfile(folder)
    else:
        subprocess.Popen(["open" if sys.platform == "darwin" else "xdg-open", folder])


def _limit(node: nuke.Node) -> None:
    try:
        landing.limit(node)
    except LiveError as error:
        status.say(node, str(error))


_BUTTONS = {
    "bake": bake.bake,
    "bake_frame": bake_frame,
    "cancel": bake.cancel,
    "reveal": reveal,
    "render": bake.render,
}
