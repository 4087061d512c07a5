"""What Nuke calls: scripts that are opened, nodes that are pasted, knobs that are changed, menus."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from types import SimpleNamespace

import fakenuke
import pytest
from fakenuke.node import open_script
from fakenuke.world import World
from lookmatte_nuke import callbacks, knobs, session, wiring
from shots import Shot
from stage import comp, crypto, look, press, read, status

HERE = Path(__file__).resolve().parents[2] / "nuke_gizmo"


def test_nothing_is_touched_while_nodes_are_pasted(nuke: World, shot: Shot, tmp_path: Path) -> None:
    comp(shot, tmp_path)
    plate = read(shot)
    node = look(shot, plate)
    node["status"]._take("as it was")
    nuke.pasting = True
    node.setInput(0, None)
    assert status(node) == "as it was"
    nuke.pasting = False
    node.setInput(0, plate)
    assert status(node) == "not baked yet"


def test_the_line_of_an_open_panel_follows_but_not_each_frame(
    nuke: World, shot: Shot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    comp(shot, tmp_path)
    plate = read(shot)
    grade = fakenuke.nodes.Grade(multiply=0.8)
    grade.setInput(0, plate)
    node = look(shot, grade)
    press(node, "bake")
    clock = [1000.0]
    monkeypatch.setattr(callbacks, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    callbacks._looked.clear()
    told = []
    for multiply in (0.7, 0.8, 0.7, 0.8):
        grade["multiply"].setValue(multiply)
        nuke.call("updateUI", node)
        told.append(status(node).partition(":")[0])
        clock[0] += 1.5
    assert told == ["stale", "stale", "stale", "stale"]
    clock[0] += 9.0
    nuke.call("updateUI", node)
    assert status(node).startswith("baked")


def test_knobs_follow_the_region(nuke: World, shot: Shot, tmp_path: Path) -> None:
    comp(shot, tmp_path)
    node = look(shot, read(shot), crypto(read(shot), "hero"))

    def on(*names: str) -> list[bool]:
        return [node[name].enabled() for name in names]

    names = ("mask_channel", "src_channel", "mask_holds", "blend")
    assert on(*names) == [True, False, True, True]
    node["region"].setValue("channel of src")
    assert on(*names) == [False, True, True, True]
    node["region"].setValue("whole frame")
    assert on(*names) == [False, False, False, False]
    for name in knobs.STILL:
        assert node[name].getFlag(fakenuke.NO_ANIMATION)
    assert not node["strength"].getFlag(fakenuke.NO_ANIMATION)


def test_a_kernel_that_nuke_did_not_understand_is_compiled_again(nuke: World, shot: Shot, tmp_path: Path) -> None:
    comp(shot, tmp_path)
    nuke.broken_kernel = True
    node = fakenuke.createNode("lookmatte")
    apply = node.node(wiring.APPLY)
    assert len([name for name in apply.knobs() if name.startswith("Lookmatte_")]) == len(knobs.PARAMETERS)
    assert apply["Lookmatte_strength"].hasExpression()
    node["strength"].setValue(0.25)
    assert apply["Lookmatte_strength"].value() == 0.25
    nuke.nukex = False
    other = fakenuke.createNode("lookmatte")
    assert status(other).startswith("this Nuke made no knob Lookmatte_weighing of the kernel: press Recompile in ")


def test_nukex_describes_the_kernel(nuke: World, tmp_path: Path) -> None:
    from nuke_gizmo.making.blink import read_kernel
    from nuke_gizmo.making.capture import KERNEL, capture

    said = capture(KERNEL, str(tmp_path / "said.json"))
    kernel = read_kernel(Path(KERNEL).read_text(encoding="utf-8"))
    kept = json.loads((tmp_path / "said.json").read_text())
    assert (kept["kernel"], kept["description"]) == (kernel.checksum, said)
    assert fakenuke.root().nodes() == []
    nuke.nukex = False
    with pytest.raises(RuntimeError, match="needs NukeX"):
        capture(KERNEL, str(tmp_path / "said.json"))


def test_init_and_menu_are_what_nuke_runs(nuke: World) -> None:
    nuke.callbacks["knobChanged"].clear()
    runpy.run_path(str(HERE / "init.py"))
    assert [kind for _, kind in nuke.callbacks["knobChanged"]] == ["lookmatte"]
    runpy.run_path(str(HERE / "menu.py"))
    command = fakenuke.menu("Nodes").entries["Color"].entries["lookmatte"]
    exec(command, {"nuke": fakenuke})
    assert fakenuke.toNode("lookmatte1") is not None


def test_a_script_is_opened_before_any_node_is_asked(nuke: World, shot: Shot, tmp_path: Path) -> None:
    open_script(
        "Root {\n first_frame 1001\n last_frame 1006\n}\n"
        f"Read {{\n inputs 0\n file {shot.folder}/plate/sh.####.exr\n"
        " first 1001\n last 1006\n name Plate\n}\nset N1 [stack 0]\nCryptomatte {\n matteList hero\n name Hero\n}\n"
        f"push $N1\nlookmatte {{\n inputs 2\n style {shot.folder}/red.png\n model {shot.model}\n name Gold\n}}\n",
        str(tmp_path / "comp.nk"),
    )
    node = fakenuke.toNode("Gold")
    assert node is not None
    assert [one.name() for one in (node.input(0), node.input(1))] == ["Plate", "Hero"]  # type: ignore[union-attr]
    press(node, "bake")
    assert nuke.messages == []
    assert status(node) == "baked 1001-1006 · hero"


def test_a_fault_of_ours_is_told_and_not_lost(
    nuke: World, shot: Shot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    comp(shot, tmp_path)
    node = look(shot, read(shot))
    monkeypatch.setitem(callbacks._BUTTONS, "bake", lambda node: 1 // 0)
    press(node, "bake")
    assert nuke.messages == ["lookmatte1: ZeroDivisionError: integer division or modulo by zero\n"
                             "The script editor has more."]  # fmt: skip
    assert "Traceback" in capsys.readouterr().err
    nuke.gui = False
    with pytest.raises(ZeroDivisionError):
        press(node, "bake")


def test_reveal(nuke: World, shot: Shot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    comp(shot, tmp_path)
    node = look(shot, read(shot))
    opened: list[list[str]] = []
    monkeypatch.setattr(callbacks, "subprocess", SimpleNamespace(Popen=opened.append))
    press(node, "reveal")
    assert "there is nothing yet" in nuke.messages.pop()
    press(node, "bake")
    press(node, "reveal")
    assert opened[0][1] == str(node["bake_folder"].value())
    assert str(node["log"].value()) == session.log_path()
