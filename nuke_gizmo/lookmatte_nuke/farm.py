"""Bakes a script's lookmatte nodes in a terminal, and renders it: for farms, and for a night.

    nuke -t .../lookmatte_nuke/farm.py comp.nk --save comp_baked.nk
    nuke -t .../lookmatte_nuke/farm.py comp.nk --node Gold --execute Write1 --frames 1001-1010

Exit codes: 0 done, 1 a node could not be baked or rendered, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import nuke
from lookmatte_nuke import bake, graph, knobs  # type: ignore[import-not-found]


def main(words: Sequence[str]) -> int:
    """Do it; return the exit code."""
    parser = argparse.ArgumentParser("farm.py", description="Bake a script's lookmatte nodes, those above first.")
    parser.add_argument("script", help="the Nuke script")
    parser.add_argument("--node", action="append", default=[], help="a lookmatte node; all of them unless told")
    parser.add_argument("--save", metavar="SCRIPT", help="save the script, with what was baked, under this name")
    parser.add_argument("--execute", metavar="WRITE", help="a Write to render afterwards")
    parser.add_argument("--frames", help="the frames to render, 1001-1048; the script's unless told")
    given = parser.parse_args(list(words))
    try:
        nuke.scriptOpen(given.script)
    except RuntimeError as error:
        return _failed(f"{given.script}: {error}", 2)
    nodes = [node for node in nuke.allNodes(recurseGroups=True) if node.Class() == knobs.NODE_CLASS]
    unknown = set(given.node) - {node.fullName() for node in nodes}
    if unknown:
        there = ", ".join(sorted(node.fullName() for node in nodes)) or "none"
        return _failed("there is no lookmatte node {}; there is: {}".format(", ".join(sorted(unknown)), there), 2)
    try:
        for node in graph.in_order(nodes):
            if not given.node or node.fullName() in given.node:
                bake.bake(node)
                print("lookmatte: {}: {}".format(node.fullName(), node["status"].value()), flush=True)
        if given.save:
            nuke.scriptSaveAs(given.save, 1)
        if given.execute:
            first, last = _frames(given.frames)
            nuke.execute(given.execute, first, last)
    except (bake.BakeError, RuntimeError) as error:
        return _failed(str(error), 1)
    return 0


def _frames(text: str | None) -> tuple[int, int]:
    if not text:
        return int(nuke.root().firstFrame()), int(nuke.root().lastFrame())
    first, _, last = text.partition("-")
    try:
        return int(first), int(last or first)
    except ValueError:
        raise RuntimeError(f"--frames: {text} is no range; write 1001-1048") from None


def _failed(text: str, code: int) -> int:
    for line in text.splitlines():
        print(f"lookmatte: error: {line}", file=sys.stderr, flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
