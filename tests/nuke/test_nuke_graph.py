"""What lies above a node: when a file may be read as it lies, and what counts as a change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import fakenuke
import pytest
from fakenuke.world import World
from lookmatte_nuke import graph, plan
from shots import Shot
from stage import comp, crypto, look, read

Between = Callable[[fakenuke.Node], fakenuke.Node]


def node(kind: str, above: fakenuke.Node, **values: object) -> fakenuke.Node:
    made = getattr(fakenuke.nodes, kind)(**values)
    made.setInput(0, above)
    return made


def off(above: fakenuke.Node) -> fakenuke.Node:
    made = node("Transform", above)
    made["disable"].setValue(True)
    return made


def animated_off(above: fakenuke.Node) -> fakenuke.Node:
    made = off(above)
    made["disable"].setExpression("frame < 1003")  # type: ignore[attr-defined]
    return made


def switched(above: fakenuke.Node) -> fakenuke.Node:
    made = node("Switch", node("Transform", above))
    made.setInput(1, above)
    made["which"].setValue(1)
    return made


def switching(above: fakenuke.Node) -> fakenuke.Node:
    made = switched(above)
    made["which"].setExpression("frame < 1003")  # type: ignore[attr-defined]
    return made


IDLE: list[Between] = [
    lambda above: above, lambda above: node("Dot", node("NoOp", above)), off, switched,
]  # fmt: skip
COLOUR: list[Between] = [lambda above: node("Grade", above), lambda above: node("Grade", above, channels="rgba")]
MOVING: list[Between] = [
    lambda above: node("Transform", above), lambda above: node("TimeOffset", above), animated_off, switching,
    lambda above: node("Grade", above, channels="all"), lambda above: node("Copy", above),
]  # fmt: skip


def test_what_lies_between(nuke: World, shot: Shot, tmp_path: Path) -> None:
    comp(shot, tmp_path)
    plate = read(shot)
    for between in IDLE:
        assert graph.read_above(between(plate)).pattern.endswith("sh.####.exr")
    for between in COLOUR:
        assert "(Grade) lies between" in graph.read_above(between(plate)).why
        assert graph.read_above(between(plate), colour_may_change=True).pattern
    for between in MOVING:
        assert "lies between" in graph.read_above(between(plate), colour_may_change=True).why
    assert graph.read_above(None).why == "nothing is connected"


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"file": "/s/a.####.jpg"}, "reads no EXR"),
        ({"file": "/s/a.exr"}, "is a still"),
        ({"file": "/s/%V/a.####.exr"}, "only Nuke can fill in"),
        ({"file": "/s/$SHOT/a.####.exr"}, "only Nuke can fill in"),
        ({"frame_mode": "start at", "frame": "1001"}, "at another time"),
        ({"frame": "frame+5"}, "at another time"),
        ({"colorspace": "sRGB"}, "converts its colours"),
        ({"premultiplied": True}, "converts its colours"),
        ({"colorspace": "sRGB", "raw": True}, ""),
        ({"colorspace": "linear"}, ""),
    ],
)
def test_a_read_as_it_lies(nuke: World, values: dict[str, object], why: str) -> None:
    found = graph.read_above(fakenuke.nodes.Read(**{"file": "/s/a.####.exr", "last": 9, **values}))
    assert why in found.why
    assert bool(found.pattern) == (not why)


def test_a_working_space_is_no_conversion(nuke: World) -> None:
    plate = fakenuke.nodes.Read(file="/s/a.%04d.exr", colorspace="ACES - ACEScg")
    assert graph.read_above(plate).why
    fakenuke.root()["workingSpaceLUT"].setValue("ACES - ACEScg")
    assert graph.read_above(plate).pattern == "/s/a.%04d.exr"


@pytest.mark.parametrize("psyop", [False, True], ids=["native", "psyop"])
def test_cryptomattes(nuke: World, shot: Shot, tmp_path: Path, psyop: bool) -> None:
    comp(shot, tmp_path)
    plate = read(shot)
    found = graph.cryptomatte_above(node("Dot", crypto(node("Grade", plate), "hero", psyop, "Layer")), "rgba.alpha")
    assert found is not None
    assert (found.names, found.layer, found.divided) == (("hero",), "Layer", False)
    assert found.exr.pattern.endswith("sh.####.exr")
    matte = crypto(node("Transform", plate), "hero", psyop)
    moved = graph.cryptomatte_above(matte, "alpha")
    assert moved is not None
    assert "Transform1" in moved.exr.why
    assert graph.cryptomatte_above(matte, "mask.a") is None, "another channel than it writes"
    assert graph.cryptomatte_above(crypto(plate, " ", psyop), "alpha") is None
    assert graph.cryptomatte_above(node("Grade", matte), "alpha") is None
    assert graph.cryptomatte_above(plate, "alpha") is None
    if not psyop:
        matte = crypto(plate, "hero")
        matte["manifestSourceModified"].setValue(True)
        own = graph.cryptomatte_above(matte, "alpha")
        assert own is not None
        assert "manifest of its own" in own.exr.why


def test_a_matte_that_is_divided_already_is_a_weight(nuke: World, shot: Shot, tmp_path: Path) -> None:
    comp(shot, tmp_path)
    plate = read(shot)
    matte = crypto(plate, "hero")
    made = look(shot, plate, matte)
    assert plan.plan(made).settings[3:5] == (True, True)
    matte["unpremultiply"].setValue(True)
    planned = plan.plan(made)
    assert planned.settings[3:5] == (False, False)
    assert planned.writes == ()
    made["mask_holds"].setValue("coverage")
    assert plan.plan(made).settings.coverage
    other = look(shot, plate, node("Dot", matte), mask_holds="weight", blend="exact")
    matte["unpremultiply"].setValue(False)
    (writing,) = plan.plan(other).writes
    assert not writing.colour, "coverage that a person calls a weight is written, for names would mean coverage"


def test_hashes_follow_what_is_shown(nuke: World, shot: Shot, tmp_path: Path) -> None:
    comp(shot, tmp_path)
    plate = read(shot)
    grade = node("Grade", plate)
    group = fakenuke.nodes.Group()
    with group:  # type: ignore[attr-defined]
        inner = fakenuke.nodes.Grade()

    def now() -> str:
        return graph.upstream_hash([grade, group], 1001, 1006)

    met = {now()}

    def changed(act: Callable[[], object]) -> bool:
        act()
        before = len(met)
        met.add(now())
        return len(met) > before

    assert not changed(lambda: grade.setXYpos(40, 50))
    assert not changed(lambda: grade["label"].setValue("warmer"))
    assert not changed(lambda: plate["postage_stamp"].setValue(True))
    assert changed(lambda: grade["multiply"].setValue(0.5))
    assert changed(lambda: grade["multiply"].setValueAt(0.7, 1003))
    assert changed(lambda: plate["file"].setValue("/s/b.####.exr"))
    assert changed(lambda: inner["add"].setValue(0.1))
    assert changed(lambda: grade.setInput(0, None))
    # An expression counts by what it is worth.
    other = fakenuke.nodes.Grade()
    assert changed(lambda: grade["add"].setExpression("Grade2.multiply"))  # type: ignore[attr-defined]
    assert other.name() == "Grade2"
    assert changed(lambda: other["multiply"].setValue(3.0))


def test_nodes_are_baked_from_the_top(nuke: World, shot: Shot, tmp_path: Path) -> None:
    comp(shot, tmp_path)
    made = [look(shot, read(shot)) for _ in range(3)]
    made[0].setInput(0, node("Dot", made[2]))
    made[2].setInput(0, made[1])
    assert graph.in_order(made) == [made[1], made[2], made[0]]
