"""The gizmo's knobs, each once: its text, its tooltips and what callbacks read all come from this table.

No Nuke in here. ``SHOWN`` is what a compositor sees, in order; ``HIDDEN`` holds what a bake leaves in the node, so
that a script that is opened elsewhere, on a farm for instance, plays without lookmatte.
"""

from __future__ import annotations

from typing import NamedTuple, Tuple, Union

from . import live

Default = Union[None, bool, int, float, str, Tuple[float, ...]]

TYPES = {
    "string": 1, "file": 2, "int": 3, "enum": 4, "bool": 6, "double": 7, "xyz": 13, "acolor": 19, "tab": 20,
    "group": 20, "end": 20, "button": 22, "text": 26, "link": 41,
}  # fmt: skip
"""Nuke's numbers for the types of user knobs."""

NODE_CLASS = "lookmatte"
"""The gizmo's class: the name of its file."""

SRC, MASK, STYLE = 0, 1, 2
"""The gizmo's inputs."""

REGIONS = ("mask input", "channel of src", "whole frame")
"""What ``region`` may hold."""


class Knob(NamedTuple):
    """One knob. ``kind`` is a key of TYPES. ``default`` None: what Nuke gives. ``span``: the slider's range.
    ``target``: NODE.KNOB inside the gizmo, of a link. ``command``: Python of a button. ``baked``: is the bake made
    anew when it changes?"""

    name: str
    kind: str
    label: str = ""
    tooltip: str = ""
    default: Default = None
    choices: tuple[str, ...] = ()
    span: tuple[float, float] = (0.0, 1.0)
    target: str = ""
    command: str = ""
    flags: tuple[str, ...] = ()
    baked: bool = False


_SAME_LINE = ("-STARTLINE",)
_NEW_LINE = ("+STARTLINE",)
_UNSEEN = ("+INVISIBLE",)


def _button(name: str, label: str, tooltip: str, first: bool = False) -> Knob:
    command = f"import lookmatte_nuke\nlookmatte_nuke.press({name!r})"
    return Knob(name, "button", label, tooltip, command=command, flags=_NEW_LINE if first else _SAME_LINE)


def _group(name: str, label: str) -> Knob:
    return Knob(name, "group", label)


def _end(name: str) -> Knob:
    return Knob("end_" + name, "end")


SHOWN: tuple[Knob, ...] = (
    Knob("lookmatte", "tab", "lookmatte"),
    Knob(
        "status", "text", "status",
        "What is baked, and whether it still fits inputs and settings.", "not baked yet",
    ),
    Knob(
        "notes",
        "text", "notes", "What the last bake had to say: what was written for it and why, and warnings.", "",
    ),
    _button(
        "bake", "Bake",
        "Measure the plate and the reference on all frames of the range, and play the look live from then on.\nWhat"
        " is there already and still fits is kept. Needed again after the plate, the mask, the style or a setting"
        " of Region, Temporal or Colour changed; not after Strength.", first=True,
    ),
    _button(
        "bake_frame", "Bake this frame",
        "Bake the current frame alone, by its own statistics, and hold its look on all frames: quick, to find a"
        " look.",
    ),
    _button("cancel", "Cancel", "Stop the bake or render that is under way. Frames that are done stay."),
    _button("reveal", "Reveal", "Open the folder of this node's bakes."),
    _button(
        "render", "Render",
        "Have lookmatte itself write the styled frames of the range as EXRs, and read them in a new Read"
        " node.\nWhere src is an EXR without changes, they keep all of its channels, metadata and windows.",
    ),
    _group("look", "Look"),
    Knob(
        "style", "file", "style",
        "The reference picture whose look the region takes: JPEG, PNG, TIFF or EXR. A photograph or a finished"
        " frame of about the same subject works best.\nA connected style input is used instead.", "", baked=True,
    ),
    Knob(
        "style_matte", "file", "part of style",
        "A picture, white where the style counts: its matte, for a reference of which a part alone matters. Empty:"
        " all of it.", "", baked=True,
    ),
    _end("look"),
    _group("region_group", "Region"),
    Knob(
        "region", "enum", "region",
        "Which pixels take the look.\nmask input: what the mask input's channel selects. A Cryptomatte there is"
        " recognised, and its names are used where the plate's own file holds it.\nchannel of src: a channel of the"
        " src input, as an AOV.\nwhole frame: every pixel.", REGIONS[0], REGIONS, baked=True,
    ),
    Knob(
        "mask_channel", "link", "mask channel", "The mask input's channel that is the matte.",
        target="MaskInput.from0",
    ),
    Knob(
        "src_channel", "link", "src channel",
        "The src input's channel that is the matte, where region is 'channel of src'.", target="MaskSource.from0",
    ),
    Knob(
        "mask_holds", "enum", "mask holds",
        "What a value of the matte means at edges.\nauto: coverage for a Cryptomatte or a channel of src, weight"
        " for anything else.\ncoverage: the part of the pixel that the object covers, alpha included, as renderers"
        " write it.\nweight: the share of the look itself, as a roto has it.",
        "auto", ("auto", "coverage", "weight"), baked=True,
    ),
    Knob(
        "blend", "enum", "edges",
        "How the look ends at the region's edge.\nauto: exact for coverage, rough for weight.\nexact: by the matte,"
        " pixel for pixel.\nrough: the matte is taken for an outline of a few pixels' error, and the plate's own"
        " colours decide. The look then does not follow a matte that changes after the bake.",
        "auto", ("auto", "exact", "rough"), baked=True,
    ),
    _end("region_group"),
    _group("strength_group", "Strength"),
    Knob(
        "strength", "double", "strength",
        "How much of the look: 0 is the plate, bit for bit. Live, and it may be animated.", 1.0,
    ),
    Knob(
        "limit", "bool", "limit exposure",
        "Bound how far the look may brighten or darken the region.", False, flags=_NEW_LINE,
    ),
    Knob(
        "exposure_limit", "double", "stops",
        "How many stops the region's mean luminance may travel: of a look that asks for more, so much is taken"
        " back. Nothing is baked again for it.", 2.0, span=(0.0, 6.0), flags=_SAME_LINE,
    ),
    _end("strength_group"),
    _group("temporal_group", "Temporal"),
    Knob(
        "temporal", "enum", "mode",
        "How frames share what is measured.\ncoherent: smoothed from frame to frame, reset at cuts.\nshot: one"
        " measurement for all frames, the steadiest.\nframe: each frame on its own.",
        "coherent", ("coherent", "shot", "frame"), baked=True,
    ),
    Knob(
        "subsample", "int", "bake every",
        "Bake every n-th frame and fade between them: 4 is four times as quick, and mostly looks the same.", 1,
        baked=True,
    ),
    Knob(
        "cuts",
        "string", "cuts", "Frames at which a new shot begins, where the measurement starts anew: 1013 1040", "",
        baked=True,
    ),
    _end("temporal_group"),
    _group("range_group", "Bake range"),
    Knob(
        "range", "enum", "frames", "Which frames are baked and rendered.", "src",
        ("src", "script", "custom"), baked=True,
    ),
    Knob("first", "int", "first", "The first frame of a custom range.", 1001, flags=_SAME_LINE, baked=True),
    Knob("last", "int", "last", "The last frame of a custom range.", 1100, flags=_SAME_LINE, baked=True),
    _end("range_group"),
    _group("colour_group", "Colour"),
    Knob(
        "space", "string", "working space",
        "The colour space of Nuke's pixels, as OCIO calls it: ACEScg, lin_rec709. 'auto' asks the project.",
        "auto", baked=True,
    ),
    Knob(
        "view", "string", "style's view",
        "The OCIO view that a JPEG or PNG style was seen through: the result seen through it resembles the style."
        " Empty: none.", "", baked=True,
    ),
    Knob(
        "alpha", "enum", "alpha",
        "premultiplied: colour is divided by alpha before the look, and multiplied after it.\nignore: the plate's"
        " alpha means nothing.", "premultiplied", ("premultiplied", "ignore"), baked=True,
    ),
    _end("colour_group"),
    Knob("advanced", "tab", "Advanced"),
    Knob(
        "folder", "file", "folder",
        "Where bakes and what they are made from are kept. Empty: a folder 'lookmatte' beside the script. Wherever"
        " the script is rendered must see it.", "",
    ),
    Knob(
        "render_to", "file", "render to",
        "Where Render writes: SHOT_look.####.exr. Empty: into the folder above.", "",
    ),
    Knob(
        "python", "file", "python",
        "The Python that has lookmatte installed. Empty: $LOOKMATTE_PYTHON.", "",
    ),
    Knob(
        "model", "file", "model", "A file of weights instead of the ones that lookmatte ships.", "", baked=True,
    ),
    Knob(
        "through_write", "bool", "always write the plate",
        "Write what src shows to EXRs and bake those, even where src is an EXR on disk that can be read.",
        False, flags=_NEW_LINE, baked=True,
    ),
    Knob(
        "unbaked_passes", "bool", "let unbaked frames through in renders",
        "Off: a render in a terminal fails while this node is not baked. On: src passes through, as in the viewer.",
        False, flags=_NEW_LINE,
    ),
    Knob("gpu", "link", "use GPU", "Play on the GPU where there is one.", target="Apply.useGPUIfAvailable"),
    Knob("log", "text", "worker's log", "What lookmatte's worker had to say; for a report of a fault.", ""),
)  # fmt: skip


def _hidden(name: str, kind: str, default: Default) -> Knob:
    return Knob(name, kind, default=default, flags=_UNSEEN)


HIDDEN: tuple[Knob, ...] = (
    _hidden("baked", "bool", False),
    _hidden("baked_as", "string", ""),
    _hidden("bake_folder", "string", ""),
    _hidden("names", "string", ""),
    _hidden("grid_file", "string", ""),
    _hidden("matte_file", "string", ""),
    _hidden("enhanced", "bool", False),
    _hidden("bake_first", "int", 1),
    _hidden("bake_last", "int", 1),
    _hidden("key_a", "double", 0.0),
    _hidden("key_b", "double", 0.0),
)
"""What a bake leaves in the node, besides the kernel's parameters."""

BY_NAME: dict[str, Knob] = {knob.name: knob for knob in SHOWN + HIDDEN}

STILL = ("exposure_limit", "limit", "subsample", "first", "last")
"""Numbers that hold for the whole shot: they cannot be animated."""


PARAMETERS: tuple[tuple[str, int], ...] = (
    ("weighing", 1), ("strength", 1), ("later", 1), ("take_a", 3), ("take_b", 3), ("format_width", 1),
    ("format_height", 1), ("ignore_alpha", 1),
    *((f"{way}_rec709_{channel}", 3) for way in ("to", "from") for channel in "rgb"),
    *((f"guide_{unit:02d}", 4) for unit in range(live.HIDDEN)),
    *((f"guide_out_{four}", 4) for four in range(live.HIDDEN // 4)),
    ("guide_bias", 1), ("guide_reach", 1), ("luma", 3), ("encoding", 4), ("highlight_stops", 1),
    ("largest", 1), ("largest_float", 1), ("rounding", 1),
)  # fmt: skip
"""The kernel's parameters and how many numbers each holds, in its order; the build compares the kernel's text."""

FOLLOWING = {
    "strength": "parent.strength",
    "later": live.LATER.replace("key_", "parent.key_"),
    "ignore_alpha": "parent.alpha",
    "format_width": "input.width",
    "format_height": "input.height",
}
"""Parameters that follow the panel or the plate; all others follow what a bake left in hidden knobs."""

PARTS = {1: ("",), 3: (".x", ".y", ".z"), 4: (".r", ".g", ".b", ".a")}
"""What expressions call the numbers of a hidden knob that holds a parameter, by how many there are."""

HOLDERS = {1: "double", 3: "xyz", 4: "acolor"}
"""The kinds of those knobs. They bear the parameter's own name."""


def bindings() -> dict[str, tuple[str, ...]]:
    """What the kernel's parameters are bound to, by label: Nuke's expressions, one for each number."""
    held = {label: tuple(f"parent.{label}{part}" for part in PARTS[count]) for label, count in PARAMETERS}
    return {label: (FOLLOWING[label],) if label in FOLLOWING else found for label, found in held.items()}
