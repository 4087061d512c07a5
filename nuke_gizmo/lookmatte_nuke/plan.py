"""What a node asks for: its settings, which files lookmatte can read as they lie, and what Nuke must write first.

Everything here reads knobs in Nuke's main thread, and changes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

import nuke

from . import colour, graph, job, knobs, paths
from .job import Settings, SettingsError
from .state import State

_EDGES = {"exact": True, "rough": False}
_RANGE = ("range", "first", "last")


class Plan(NamedTuple):
    """How a node is baked. Patterns are absolute; what ``writes`` names is not there yet, perhaps.

    ``settings`` and ``matte`` are what the job is made of; ``config`` is a file for the worker's $OCIO; ``notes``
    say what is written, and why; ``about`` says in a few words what the region is; ``state`` is what all of it
    depends on.
    """

    folder: str
    settings: Settings
    plate: str
    matte: job.Matte
    config: str | None
    first: int
    last: int
    still: int | None
    writes: tuple[Writing, ...]
    notes: tuple[str, ...]
    about: str
    state: State

    @property
    def frames(self) -> str:
        """The frames as a job writes them."""
        return job.frames_text(self.first, self.last)

    def job(self, output: str, strength: float | Mapping[str, float] = 1.0) -> dict[str, Any]:
        """The job. Raises SettingsError with a line for everything that lacks."""
        return job.job_mapping(self.settings, self.plate, self.matte, output, self.frames, strength)

    def bake_folder(self) -> str:
        """Where the bake goes: another folder for each set of grids, so that undo finds the old one."""
        name = job.fingerprint(self.job(self.folder + "/none.####.exr"), self.settings.model)
        if self.still is not None:
            name += f"_{self.still}"
        return f"{self.folder}/bake_{name}"


class Writing(NamedTuple):
    """Frames that Nuke must write: to ``pattern``, what ``source`` shows, where ``mask`` is given its ``channel``
    beside it; ``colour`` False: the mask alone. ``files`` are the patterns of what is read above."""

    pattern: str
    source: nuke.Node
    mask: nuke.Node | None
    channel: str
    colour: bool
    first: int
    last: int
    files: tuple[str, ...]


def plan(node: nuke.Node, still: int | None = None) -> Plan:
    """Plan a node's bake: of its range, or of one frame alone. Raises SettingsError for what cannot be planned."""
    src = node.input(knobs.SRC)
    if src is None:
        raise SettingsError("src: nothing is connected; connect the plate")
    first, last = (still, still) if still is not None else frame_range(node)
    folder = home(node)
    region = _index(node, "region")
    masked, channel = _matte_of(node, region)
    crypto = graph.cryptomatte_above(masked, channel) if masked is not None else None
    coverage = _coverage(node, region, crypto)
    exact = _EDGES.get(str(node["blend"].value()), coverage)

    exr = graph.read_above(src)
    as_it_lies = bool(exr.pattern) and not node["through_write"].value() and exr.first <= first and last <= exr.last
    plate = exr.pattern
    matte: job.Matte = None
    writes: list[Writing] = []
    notes: list[str] = []
    if not as_it_lies or (masked is not None and not _named(crypto, exr, coverage)):
        together = not as_it_lies or coverage
        above = [src if together else None, masked]
        pattern = _written(folder, "plate" if together else "matte", above, channel)
        files = tuple(graph.files_above(above))
        writes.append(Writing(pattern, src, masked, channel, together, first, last, files))
        notes.append(_why(node, exr, as_it_lies, crypto))
        plate = pattern if together else plate
        matte = None if masked is None else job.Written(pattern)
    elif crypto is not None and masked is not None:
        matte = job.Names(crypto.names, crypto.layer)

    style, style_write = _style(node, folder, still if still is not None else first)
    if style_write is not None:
        writes.append(style_write)
    working = colour.working_space(*_colour_settings(node))
    settings = Settings(
        style=style,
        style_matte=evaluated(node, "style_matte"),
        whole=masked is None,
        coverage=coverage,
        exact=exact,
        stops=limit_of(node),
        temporal="frame" if still is not None else str(node["temporal"].value()),
        subsample=1 if still is not None else int(node["subsample"].value()),
        cuts=() if still is not None else job.parse_cuts(str(node["cuts"].value())),
        space=working.space,
        view=str(node["view"].value()).strip(),
        alpha=str(node["alpha"].value()),
        model=evaluated(node, "model"),
    )
    about = "the whole frame" if masked is None else ", ".join(crypto.names) if crypto else channel
    return Plan(
        folder, settings, plate, matte, working.config, first, last, still, tuple(writes), tuple(notes), about,
        state_of(node, still, fresh=True),
    )  # fmt: skip


def state_of(node: nuke.Node, still: int | None = None, fresh: bool = False) -> State:
    """What a bake of the node depends on now. Raises SettingsError for a range that cannot be told."""
    first, last = (still, still) if still is not None else frame_range(node)
    masked, channel = _matte_of(node, _index(node, "region"), lax=True)
    above = [node.input(knobs.SRC), masked, node.input(knobs.STYLE)]
    settings = {knob.name: _plain(node, knob) for knob in knobs.SHOWN if knob.baked and knob.name not in _RANGE}
    settings["mask channel"] = channel
    files = [*graph.files_above(above), *(str(settings[name]) for name in ("style", "style_matte", "model"))]
    stamps = paths.stamps([file for file in files if file], first, last, fresh)
    return State(settings, graph.upstream_hash(above, first, last), stamps, first, last, still)


def frame_range(node: nuke.Node) -> tuple[int, int]:
    """The range that the knobs name. Raises SettingsError for one without a frame."""
    kind = str(node["range"].value())
    src = node.input(knobs.SRC)
    if kind == "custom":
        first, last = int(node["first"].value()), int(node["last"].value())
    elif kind == "script" or src is None:
        first, last = int(nuke.root().firstFrame()), int(nuke.root().lastFrame())
    else:
        first, last = int(src.firstFrame()), int(src.lastFrame())
    job.frames_text(first, last)
    return first, last


def home(node: nuke.Node) -> str:
    """The folder of what belongs to the node. Raises SettingsError where there is none to choose, or Nuke cannot
    read from it."""
    given = evaluated(node, "folder")
    if not given:
        script = str(nuke.root().name())
        if not os.path.isabs(script):
            raise SettingsError("the script has no name yet: save it, or set Advanced > folder")
        folder, name = os.path.split(script)
        given = os.path.join(folder, "lookmatte", paths.slug(os.path.splitext(name)[0]))
    elif not os.path.isabs(given):
        raise SettingsError(f"folder: {given} is no whole path; begin it with / or a drive")
    folder = os.path.join(given, paths.slug(node.fullName())).replace("\\", "/")
    strange = sorted(set(folder) & set(paths.MEANT_BY_NUKE))
    if strange:
        signs = " ".join(strange)
        raise SettingsError(f"folder: Nuke reads {signs} in {folder} as its own; set Advanced > folder to another")
    return folder


def limit_of(node: nuke.Node) -> float | None:
    """The exposure limit in stops; None when there is none."""
    return max(0.0, float(node["exposure_limit"].value())) if node["limit"].value() else None


def evaluated(node: nuke.Node, name: str) -> str:
    """A file knob's path, with what Nuke fills into it."""
    knob = node[name]
    assert isinstance(knob, nuke.File_Knob), name
    return str(knob.evaluate() or "").strip().replace("\\", "/")


def _index(node: nuke.Node, name: str) -> int:
    return int(node[name].getValue())


def _plain(node: nuke.Node, knob: knobs.Knob) -> Any:
    if knob.kind == "file":
        return evaluated(node, knob.name)
    value = node[knob.name].value()
    return value if isinstance(value, (bool, int, float)) else str(value)


def _matte_of(node: nuke.Node, region: int, lax: bool = False) -> tuple[nuke.Node | None, str]:
    """The node and channel that hold the matte; None for the whole frame."""
    if region == 2:
        return None, ""
    if region == 1:
        return node.input(knobs.SRC), _linked(node, "src_channel")
    mask = node.input(knobs.MASK)
    if mask is None and not lax:
        raise SettingsError("mask: nothing is connected; connect a matte, or set region to 'whole frame'")
    return mask, _linked(node, "mask_channel")


def _linked(node: nuke.Node, name: str) -> str:
    """What a link of the panel holds: the value of the knob inside, for a link's own differs between versions."""
    inside, _, knob = knobs.BY_NAME[name].target.partition(".")
    found = node.node(inside) if isinstance(node, nuke.Group) else None
    return "" if found is None else str(found[knob].value())


def _coverage(node: nuke.Node, region: int, crypto: graph.Crypto | None) -> bool:
    """Are the matte's values coverage of the pixel?"""
    said = str(node["mask_holds"].value())
    if said != "auto":
        return said == "coverage"
    return region == 1 or (crypto is not None and not crypto.divided)


def _named(crypto: graph.Crypto | None, exr: graph.Exr, coverage: bool) -> bool:
    """May the worker take the matte from the plate's own file, by names?"""
    if crypto is None or crypto.exr.pattern != exr.pattern:
        return False
    return coverage or crypto.divided


def _why(node: nuke.Node, exr: graph.Exr, as_it_lies: bool, crypto: graph.Crypto | None) -> str:
    """Why Nuke writes something, for a person who wonders what takes so long."""
    if as_it_lies:
        told = "" if crypto is None else crypto.exr.why or "it is called a weight, or is of another file"
        return "the mask is written for the bake" + (f": {told}" if told else "")
    if node["through_write"].value():
        return "src is written for the bake, as Advanced says"
    reason = exr.why or f"its Read has frames {job.frames_text(exr.first, exr.last)} alone"
    return f"src is written for the bake: {reason}"


def _written(folder: str, kind: str, nodes: list[nuke.Node | None], channel: str) -> str:
    """Where frames are written: another folder whenever what is above changed."""
    name = job.hashed([kind, graph.upstream_hash(nodes, 0, 0), channel])
    return f"{folder}/{kind}_{name}/{kind}.####.exr"


def _style(node: nuke.Node, folder: str, frame: int) -> tuple[str, Writing | None]:
    """The reference picture's file, and how it is written where it is none."""
    connected = node.input(knobs.STYLE)
    if connected is None:
        return evaluated(node, "style"), None
    file = graph.picture_above(connected, frame)
    if file:
        return file, None
    pattern = _written(folder, "style", [connected], "")
    files = tuple(graph.files_above([connected]))
    return paths.at_frame(pattern, frame), Writing(pattern, connected, None, "", True, frame, frame, files)


def _colour_settings(node: nuke.Node) -> tuple[str, str, str, str, str, str]:
    root = nuke.root()

    def said(name: str) -> str:
        knob = root.knob(name)
        return "" if knob is None else str(knob.value() or "").strip()

    return (
        str(node["space"].value()), said("colorManagement"), said("OCIO_config"), said("customOCIOConfigPath"),
        said("workingSpaceLUT"), os.environ.get("OCIO", ""),
    )  # fmt: skip
