"""Nuke reads this from each folder of NUKE_PATH when its window opens."""

from lookmatte_nuke import knobs  # type: ignore[import-not-found]

import nuke

nuke.menu("Nodes").addMenu("Color").addCommand(
    "lookmatte", f"nuke.createNode({knobs.NODE_CLASS!r})", icon="lookmatte.png"
)
