"""Nuke reads this from each folder of NUKE_PATH when it starts, in a terminal and on a farm too."""

from lookmatte_nuke import callbacks  # type: ignore[import-not-found]

callbacks.register()
