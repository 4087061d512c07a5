"""The gizmo's text: it is what the build makes, and Tcl reads it as it was meant."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import scripts
from expressions import parse
from nuke_gizmo import build
from nuke_gizmo.lookmatte_nuke import knobs, live

# What a node has before any user knob: a knob of that name would hide one of Nuke's.
NUKES_OWN = {
    "name", "label", "help", "xpos", "ypos", "selected", "tile_color", "note_font", "note_font_size",
    "note_font_color", "hide_input", "disable", "onCreate", "onDestroy", "knobChanged", "updateUI", "autolabel",
    "panel", "postage_stamp", "postage_stamp_frame", "cached", "dope_sheet", "bookmark", "icon", "indicators",
    "gl_color", "cloneable", "lock_connections", "mapsize", "window", "useLifetime", "lifetimeStart", "lifetimeEnd",
}  # fmt: skip


@pytest.fixture(scope="module")
def gizmo() -> scripts.Loaded:
    (found,) = scripts.load_file(build.GIZMO).nodes
    return found


def expressions(value: str) -> list[str]:
    """What a knob's value holds: numbers or expressions, one for each of its numbers."""
    return [scripts.split(one)[0] if one.startswith('"') else one for one in scripts.split(value)]


def test_the_committed_gizmo_is_what_the_build_makes() -> None:
    assert build.GIZMO.read_text(encoding="utf-8") == build.gizmo_text()


def test_inputs_and_wiring(gizmo: scripts.Loaded) -> None:
    numbers = {node.name: int(node.knobs.get("number", 0)) for node in gizmo.nodes if node.kind == "Input"}
    assert numbers == {"src": knobs.SRC, "mask": knobs.MASK, "style": knobs.STYLE}
    wired = {node.name: [one.name if one else None for one in node.inputs] for node in gizmo.nodes}
    assert wired["MaskInput"] == ["src", "mask"]
    assert wired["MaskSource"] == ["src", "src"]
    assert wired["Region"] == ["MaskInput", "MaskSource", "src", "NoMask"]
    assert wired["GridA"] == wired["GridB"] == ["Grids"]
    assert wired["Apply"] == ["src", "Region", "GridA", "GridB", "Matte"]
    assert len(wired["Apply"]) == len(live.INPUTS)
    assert wired["Bounds"] == ["Apply", "src"]
    assert wired["Styled"] == ["src", "Bounds"]
    assert wired["Baked"] == ["src", "Styled"]
    assert wired["Output1"] == ["Baked"]
    assert [node.kind for node in gizmo.nodes].count("Output") == 1
    # The style's pixels are for callbacks alone: nothing is computed from them while a shot plays.
    assert not [node.name for node in gizmo.nodes for one in node.inputs if one and one.name == "style"]


def test_only_colour_is_taken_from_the_kernel(gizmo: scripts.Loaded) -> None:
    copied = {key: value for key, value in gizmo["Styled"].knobs.items() if re.match(r"(from|to)\d", key)}
    assert copied == {f"{end}{at}": f"rgba.{name}" for at, name in enumerate(("red", "green", "blue"))
                      for end in ("from", "to")}  # fmt: skip


def test_panel(gizmo: scripts.Loaded) -> None:
    met = {knob.name: knob for knob in gizmo.user_knobs}
    assert len(met) == len(gizmo.user_knobs)
    assert not set(met) & NUKES_OWN
    for knob in gizmo.user_knobs:
        shown = "+INVISIBLE" not in knob.flags and knob.type not in (20, 26)
        assert not shown or (knob.tooltip and knob.label), f"{knob.name} has no tooltip"
        assert set(knob.flags) <= {"+STARTLINE", "-STARTLINE", "+INVISIBLE"}
    depth = 0
    for knob in gizmo.user_knobs:
        if knob.type == 20 and knob.number:
            depth += 1 if knob.number == "1" else -1
        assert depth in (0, 1)
    assert depth == 0
    groups = [knob.label for knob in gizmo.user_knobs if knob.type == 20 and knob.number != "-1"]
    assert groups == [
        "lookmatte", "Look", "Region", "Strength", "Temporal", "Bake range", "Colour", "Advanced",
    ]  # fmt: skip
    for name in ("bake", "bake_frame", "cancel", "reveal", "render"):
        compile(str(met[name].text), name, "exec")
        assert f"press('{name}')" in str(met[name].text)
    assert tuple(met["region"].menu) == knobs.REGIONS


def test_links_lead_somewhere(gizmo: scripts.Loaded) -> None:
    for knob in gizmo.user_knobs:
        if knob.type == 41:
            node, _, target = str(knob.text).partition(".")
            assert target in gizmo[node].knobs, f"{knob.name} -> {knob.text}"


def test_every_expression_refers_to_what_is_there(gizmo: scripts.Loaded) -> None:
    parts = {13: ("x", "y", "z"), 19: ("r", "g", "b", "a")}
    known = {}
    for knob in gizmo.user_knobs:
        for part in parts.get(knob.type, ("",)):
            known[f"parent.{knob.name}" + (f".{part}" if part else "")] = knob
    used = set()
    for node in gizmo.nodes:
        for name, value in node.knobs.items():
            for text in re.findall(r"\[value ([\w.]+)\]", value):
                assert text in known, f"{node.name}.{name}: {text}"
                used.add(text)
            if not value.strip().startswith("{"):
                continue
            for text in expressions(value):
                found = parse(text)
                for used_name in found.names:
                    if used_name not in ("frame", "$gui", "input.width", "input.height"):
                        assert used_name in known, f"{node.name}.{name}: {used_name}"
                        used.add(used_name)
                assert set(found.commands) <= {"exists parent.input1"}
    # All that a bake leaves for the picture is used.
    memory = {"baked_as", "bake_folder", "names"}
    assert {"parent." + knob.name for knob in knobs.HIDDEN if knob.name not in memory} <= used


def test_the_kernel_and_its_parameters(gizmo: scripts.Loaded) -> None:
    apply, kernel = gizmo["Apply"], build.kernel()
    assert apply.knobs["kernelSource"] == build.KERNEL.read_text(encoding="utf-8")
    assert kernel.inputs == live.INPUTS
    assert kernel.name == live.KERNEL
    bound = knobs.bindings()
    for one in kernel.parameters:
        assert expressions(apply.knobs[kernel.knob(one)]) == list(bound[one.label])
        assert len(bound[one.label]) == one.count
    assert [one.label for one in kernel.parameters] == list(bound)
    # Nuke makes the knobs when it reads the description, and gives them values from there on.
    order = list(apply.knobs)
    first, last = order.index("rebuild"), order.index("rebuild_finalise")
    assert order.index("KernelDescription") < first
    assert {kernel.knob(one) for one in kernel.parameters} == set(order[first + 1 : last])


def test_the_description_is_of_the_form_that_nuke_saves() -> None:
    words = scripts.split(build.kernel().description())
    assert words[:4] == ["2", "Lookmatte", "iterate", "pixelWise"]
    assert re.fullmatch(r"[0-9a-f]{64}", words[4])
    images = int(words[5])
    assert words[6 : 6 + 3 * images : 3] == [*live.INPUTS, "dst"]
    at = 6 + 3 * images
    count = int(words[at])
    assert words[at + 1 : at + 1 + 4 * count : 4] == [label for label, _ in knobs.PARAMETERS]
    at += 1 + 4 * count
    assert int(words[at]) == count
    at += 1 + 3 * count
    assert len(words) == at + 1 + 5 * int(words[at])


def test_a_kernel_of_another_make_is_refused(tmp_path: Path) -> None:
    from nuke_gizmo.making.blink import KernelError, description_of, read_kernel
    from nuke_gizmo.making.layout import gizmo as lay_out

    text = build.KERNEL.read_text(encoding="utf-8")
    with pytest.raises(KernelError, match="no pixelwise kernel"):
        read_kernel("float f() { return 1.0f; }")
    with pytest.raises(KernelError, match="weighing has no defineParam"):
        read_kernel(text.replace('defineParam(weighing, "weighing", 0);', ""))
    with pytest.raises(ValueError, match="parameters are others"):
        lay_out(read_kernel(text.replace('"weighing"', '"weight"')), "", "1")
    # Nuke's own description counts while it belongs to the text.
    captured = tmp_path / "description.json"
    kernel = build.kernel()
    captured.write_text(f'{{"kernel": "{kernel.checksum}", "description": "Nuke\'s"}}', encoding="utf-8")
    assert description_of(kernel, captured) == "Nuke's"
    assert description_of(read_kernel(text + "\n"), captured) != "Nuke's"


@pytest.mark.parametrize(
    ("text", "values", "wanted"),
    [
        (live.LATER, {"key_a": 1001, "key_b": 1005, "frame": 1003}, 0.5),
        (live.LATER, {"key_a": 1001, "key_b": 1005, "frame": 990}, 0.0),
        (live.LATER, {"key_a": 1005, "key_b": 1005, "frame": 1009}, 0.0),
        ("a || !($gui || b)", {"a": 0, "$gui": 0, "b": 0}, 1.0),
        ("a || !($gui || b)", {"a": 0, "$gui": 1, "b": 0}, 0.0),
    ],
)
def test_expressions_are_worth(text: str, values: dict[str, float], wanted: float) -> None:
    assert parse(text).evaluate(values.__getitem__, lambda tcl: 0.0) == wanted


@pytest.mark.parametrize(
    ("script", "what"),
    [
        ("Grade {\n}\n", "wants 1 inputs"),
        ("push $nothing", "can't read"),
        ("Group {\n inputs 0\n}\nInput {\n inputs 0\n}\n", "no end_group"),
        ("end_group", "without a group"),
        ("Dot {\n inputs 0\n name\n}", "without a value"),
        ("exec ls", "without a value"),
        ("exec ls -l", "no command"),
        ("Dot {\n inputs 0\n addUserKnob {7 a Q 1}\n}", "no option"),
    ],
)
def test_the_loader_refuses_what_nuke_would(script: str, what: str) -> None:
    with pytest.raises(scripts.ScriptError, match=what):
        scripts.load(script)


def test_the_loader_keeps_the_stack_as_nuke_does() -> None:
    root = scripts.load(
        "Constant {\n inputs 0\n name A\n}\nset N1 [stack 0]\nConstant {\n inputs 0\n name B\n}\npush $N1\n"
        "Merge2 {\n inputs 2\n name Over\n}\npush 0\nMerge2 {\n inputs 2\n name Half\n}\n"
    )
    assert [one.name if one else None for one in root["Over"].inputs] == ["A", "B"]
    # The top of the stack is input 0, and nothing was pushed there.
    assert [one.name if one else None for one in root["Half"].inputs] == [None, "Over"]
