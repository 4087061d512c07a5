"""What Nuke's working space is for lookmatte: a colour space, and the OCIO configuration that knows it. No Nuke."""

from __future__ import annotations

import re
from typing import NamedTuple

REC709 = "lin_rec709"
BUILT_IN = "ocio://default"
"""The configuration that comes with the worker's OCIO; it knows REC709 and ACEScg by these names."""


class Working(NamedTuple):
    """``space`` as lookmatte's worker knows it; ``config`` is a file for its $OCIO, None to leave that as it is."""

    space: str
    config: str | None = None


def working_space(given: str, management: str, config: str, custom: str, working: str, variable: str) -> Working:
    """The working space of a script.

    ``given`` is the knob: 'auto' or a space's name. The others are the project settings: ``management`` (Nuke or
    OCIO), ``config`` (the chosen OCIO configuration), ``custom`` (its file), ``working`` (the working space);
    ``variable`` is $OCIO, which Nuke and the worker share and which outdoes the project's choice.
    """
    named = given.strip()
    file = custom if management == "OCIO" and config == "custom" and custom and not variable else None
    if named and named.lower() != "auto":
        return Working(named, file)
    if management != "OCIO":
        return Working(REC709, BUILT_IN)
    if variable or file:
        return Working(working.strip() or "scene_linear", file)
    # Nuke's own configurations lie in its folder, and the worker has OCIO's: what a space is called differs between
    # them.
    if "aces" in config.lower() or "cg-config" in config.lower() or "studio-config" in config.lower():
        return Working(_plain(working) or "ACEScg")
    return Working(REC709)


def _plain(working: str) -> str:
    """A working space of the ACES configurations by the name that all of them know."""
    text = re.sub(r"[^a-z0-9]", "", working.lower())
    for sign, name in (("acescg", "ACEScg"), ("aces2065", "ACES2065-1"), ("rec709", REC709), ("srgb", REC709)):
        if sign in text:
            return name
    return ""
