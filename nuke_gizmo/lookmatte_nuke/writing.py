"""Frames that Nuke must write before lookmatte can read them: by nodes that are there for the moment alone.

A frame that was written from the same nodes and the same files is not written again: ``written.json`` beside the
frames says from what each was.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator

import nuke

from . import job, paths
from .plan import Writing

_RECORD = "written.json"


class WriteError(Exception):
    """Nuke could not write what is needed; one line for the user."""


class WriteCancelled(Exception):
    """A person stopped Nuke's render."""


def write(writing: Writing) -> list[int]:
    """Write what is not there yet, or was written from other files, and return those frames.

    In the main thread; Nuke shows its own progress. Raises WriteError or WriteCancelled; frames that were written
    until then count.
    """
    folder = os.path.dirname(writing.pattern)
    known = _read(folder)
    wanted = {frame: paths.stamp_at(writing.files, frame) for frame in range(writing.first, writing.last + 1)}
    lacking = [
        frame
        for frame, stamp in wanted.items()
        if known.get(str(frame)) != stamp or not os.path.isfile(paths.at_frame(writing.pattern, frame))
    ]
    if not lacking:
        return []
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise WriteError(f"{folder} cannot be made ({error.strerror}); set Advanced > folder to another") from None
    for first, last in _runs(lacking):
        try:
            _execute(writing, first, last)
        finally:
            for frame in range(first, last + 1):
                if os.path.isfile(paths.at_frame(writing.pattern, frame)):
                    known[str(frame)] = wanted[frame]
            _keep(folder, known)
    missing = [frame for frame in lacking if not os.path.isfile(paths.at_frame(writing.pattern, frame))]
    if missing:
        raise WriteError(f"Nuke wrote no frame {missing[0]} of what {writing.source.name()} shows")
    _forget_others(folder)
    return lacking


def _execute(writing: Writing, first: int, last: int) -> None:
    if nuke.executing():
        raise WriteError("a render is under way, in which no other can be started; bake before it")
    made: list[nuke.Node] = []
    proxy = nuke.root()["proxy"]
    small = bool(proxy.value())
    # Neither an undo's steps nor the viewer's proxies are meant.
    nuke.Undo.disable()
    try:
        if small:
            proxy.setValue(False)
        with writing.source.parent():
            shown = _nodes(writing, made)
        # A stereo script has views that one file cannot hold.
        nuke.execute(shown, first, last, 1, nuke.views()[:1])
    except RuntimeError as error:
        if "cancel" in str(error).lower():
            raise WriteCancelled from None
        raise WriteError("{}: {}".format(writing.source.name(), " ".join(str(error).split()))) from None
    finally:
        for node in reversed(made):
            nuke.delete(node)
        if small:
            proxy.setValue(True)
        nuke.Undo.enable()


def _nodes(writing: Writing, made: list[nuke.Node]) -> nuke.Node:
    """Copy the matte into its layer, keep what is wanted, write it."""
    shown = writing.source
    if writing.mask is not None:
        copy = nuke.nodes.Copy(from0=writing.channel, to0=job.MATTE)
        made.append(copy)
        copy.setInput(0, shown)
        copy.setInput(1, writing.mask)
        shown = copy
    keep = nuke.nodes.Remove(operation="keep", channels="rgba" if writing.colour else "mask")
    made.append(keep)
    if writing.colour and writing.mask is not None:
        keep["channels2"].setValue("mask")
    keep.setInput(0, shown)
    result = nuke.nodes.Write(
        file=writing.pattern, file_type="exr", channels="all", raw=True, create_directories=True
    )
    made.append(result)
    result["datatype"].setValue("16 bit half")
    result["compression"].setValue("Zip (1 scanline)")
    result["metadata"].setValue("all metadata")
    result.setInput(0, keep)
    return result


def _runs(frames: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Frames as (first, last) of what is without a gap."""
    run: list[int] = []
    for frame in frames:
        if run and frame != run[-1] + 1:
            yield run[0], run[-1]
            run = []
        run.append(frame)
    if run:
        yield run[0], run[-1]


def _read(folder: str) -> dict[str, str]:
    try:
        with open(os.path.join(folder, _RECORD), encoding="utf-8") as file:
            data = json.load(file)
    except (OSError, ValueError):
        return {}
    return {str(frame): str(stamp) for frame, stamp in data.items()} if isinstance(data, dict) else {}


def _keep(folder: str, known: dict[str, str]) -> None:
    path = os.path.join(folder, _RECORD)
    try:
        with open(path + ".tmp", "w", encoding="utf-8") as file:
            json.dump(known, file)
        os.replace(path + ".tmp", path)
    except OSError:
        pass  # then they are written again the next time


def _forget_others(folder: str) -> None:
    """Remove what was written for the same purpose from other nodes: frames are large, and soon written again."""
    home, own = os.path.split(folder)
    kind = own.split("_")[0]
    for name in os.listdir(home):
        other = os.path.join(home, name)
        if name != own and name.startswith(kind + "_") and os.path.isfile(os.path.join(other, _RECORD)):
            shutil.rmtree(other, ignore_errors=True)
