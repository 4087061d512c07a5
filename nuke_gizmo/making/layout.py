"""The gizmo: its panel from the table of knobs, its nodes, and the kernel with its parameters bound to knobs."""

from __future__ import annotations

from collections.abc import Callable

from nuke_gizmo.lookmatte_nuke import knobs, live
from nuke_gizmo.lookmatte_nuke.knobs import Knob
from nuke_gizmo.making.blink import Kernel
from nuke_gizmo.making.script import Expression, KnobValue, Ref, Script, Verbatim, quoted, word, words

HELP = (
    "A photographic look for one object: connect a plate, a mask and a reference, press Bake, play.\n\n"
    "src: the plate\nmask: the region's matte: a Cryptomatte, a roto, any channel\n"
    "style: the reference picture, instead of the style knob\n\n"
    "Nodes in a row style several objects."
)
_TILE = 0x7A5C86FF


def gizmo(kernel: Kernel, description: str, version: str) -> str:
    """The text of lookmatte.gizmo."""
    panel = [
        f"tile_color {_TILE:#010x}",
        f"help {quoted(HELP)}",
        *(line for knob in (*knobs.SHOWN, *hidden(kernel)) for line in user_knob(knob)),
        user_knob(Knob("version", "text", "version", default=version))[0],
    ]
    head = f"#! lookmatte {version}: made by nuke_gizmo/build.py, not by hand\nversion 13.0 v1\nGizmo {{\n"
    return head + "".join(f" {line}\n" for line in panel) + "}\n" + _nodes(kernel, description) + "end_group\n"


def hidden(kernel: Kernel) -> tuple[Knob, ...]:
    """The knobs that no one sees: what the table says, and what holds the kernel's parameters."""
    holding = []
    for one in kernel.parameters:
        if one.label not in knobs.FOLLOWING:
            default = one.default[0] if one.count == 1 else one.default
            holding.append(Knob(one.label, knobs.HOLDERS[one.count], default=default, flags=("+INVISIBLE",)))
    return (*knobs.HIDDEN, *holding)


def user_knob(knob: Knob) -> list[str]:
    """A knob as a script declares it, and the line that gives it its default where Nuke's own is another."""
    number = knobs.TYPES[knob.kind]
    said = [str(number), word(knob.name)]
    if knob.label or knob.kind in ("button", "text"):
        said += ["l", word(knob.label) if knob.label else '""']
    if knob.tooltip:
        said += ["t", quoted(knob.tooltip)]
    if knob.kind == "group":
        said += ["n", "1"]
    elif knob.kind == "end":
        said += ["n", "-1"]
    elif knob.kind == "double" and knob.span != (0.0, 1.0):
        said += ["R", *(word(end) for end in knob.span)]
    elif knob.kind == "enum":
        said += ["M", words(knob.choices)]
    elif knob.kind == "link":
        said += ["T", knob.target]
    elif knob.kind == "button":
        said += ["T", quoted(knob.command)]
    elif knob.kind == "text":
        said += ["T", quoted(str(knob.default))]
    lines = [f"addUserKnob {{{' '.join([*said, *knob.flags])}}}"]
    default = knob.default
    if isinstance(default, tuple):
        if any(default):
            lines.append(f"{knob.name} {words(default)}")
    elif knob.kind != "text" and default not in (None, "", 0, False) and default != (knob.choices or ("",))[0]:
        lines.append(f"{knob.name} {word(default)}")
    return lines


def _nodes(kernel: Kernel, description: str) -> str:
    if kernel.inputs != live.INPUTS:
        raise ValueError(f"the kernel's inputs are {', '.join(kernel.inputs)}, not {', '.join(live.INPUTS)}")
    if tuple((one.label, one.count) for one in kernel.parameters) != knobs.PARAMETERS:
        raise ValueError("the kernel's parameters are others than lookmatte_nuke/knobs.py lists")
    bound = knobs.bindings()
    script = Script()

    def node(kind: str, name: str, place: tuple[int, int], inputs: list[Ref], **extra: KnobValue) -> Ref:
        return script.node(kind, name, inputs, **extra, xpos=place[0] * 140, ypos=place[1] * 90)

    # Nothing reads the style's pixels: it is an input so that callbacks find what is connected.
    node("Input", "style", (-4, 0), [], number=2)
    mask = node("Input", "mask", (-2, 0), [], number=1)
    src = node("Input", "src", (0, 0), [])

    chosen = node("Copy", "MaskInput", (-2, 1), [src, mask], from0="rgba.alpha", to0="rgba.alpha")
    own = node("Copy", "MaskSource", (-1, 1), [src, src], from0="rgba.alpha", to0="rgba.alpha")
    none = node("Expression", "NoMask", (-3, 1), [src], expr3="0")
    which = "parent.region == 0 && !\\[exists parent.input1] ? 3 : parent.region"
    region = node("Switch", "Region", (-1, 2), [chosen, own, src, none], which=Verbatim('{{"' + which + '"}}'))

    grids = _read(node, "Grids", (2, 0), "grid_file", "bake_first", "bake_last")
    grid_a = node("TimeWarp", "GridA", (2, 1), [grids], lookup=Expression(("parent.key_a",)), filter="nearest")
    grid_b = node("TimeWarp", "GridB", (3, 1), [grids], lookup=Expression(("parent.key_b",)), filter="nearest")
    mattes = _read(node, "Mattes", (4, 0), "matte_file", "bake_first", "bake_last")
    matte = node("Switch", "Matte", (4, 2), [grid_a, mattes], which=Expression(("parent.enhanced",)))

    settings: dict[str, KnobValue] = {
        kernel.knob(one): Expression(bound[one.label]) for one in kernel.parameters
    }
    images = {"src": src, "mask": region, "grid_a": grid_a, "grid_b": grid_b, "matte": matte}
    apply = node(
        "BlinkScript", "Apply", (0, 4), [images[name] for name in kernel.inputs],
        recompileCount=1, ProgramGroup=1, KernelDescription=description, kernelSource=kernel.text,
        useGPUIfAvailable=True, rebuild="", **settings, rebuild_finalise="",
    )  # fmt: skip
    # The kernel's output covers all of its inputs, the grids' pictures too.
    cut = node("CopyBBox", "Bounds", (0, 5), [apply, src])
    colours: dict[str, KnobValue] = {
        f"{end}{at}": f"rgba.{name}" for at, name in enumerate(("red", "green", "blue")) for end in ("from", "to")
    }
    styled = node("Copy", "Styled", (0, 6), [src, cut], **colours)
    shown = "parent.baked || !($gui || parent.unbaked_passes)"
    result = node("Switch", "Baked", (0, 7), [src, styled], which=Expression((shown,)))
    node("Output", "Output1", (0, 8), [result])
    return script.text(" ")


def _read(node: Callable[..., Ref], name: str, place: tuple[int, int], file: str, first: str, last: str) -> Ref:
    """A Read whose file and range are knobs of the gizmo; its numbers are data, and no colours."""
    begin, end = Expression((f"parent.{first}",)), Expression((f"parent.{last}",))
    path = Verbatim(f'"\\[value parent.{file}]"')
    return node(
        "Read", name, place, [], file_type="exr", file=path, first=begin, last=end, origfirst=begin, origlast=end,
        origset=True, on_error="error", raw=True, postage_stamp=False,
    )  # fmt: skip
