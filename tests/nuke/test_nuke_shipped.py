"""What is shipped: the zip as Nuke and a TD find it, the example scripts, and baking on a farm."""

from __future__ import annotations

import io
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fakenuke
import numpy as np
import pytest
import scripts
from fakenuke.node import open_script
from fakenuke.world import World
from lookmatte_nuke import session
from nuke_gizmo import build
from nuke_gizmo.making.archive import icon
from nuke_gizmo.making.examples import SCRIPTS
from shots import Shot
from stage import apart, comp, crypto, look, press, read, shown, status

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip, unpacked."""
    folder = tmp_path_factory.mktemp("nuke path")
    target = folder / "lookmatte_nuke-VERSION.zip"
    command = [sys.executable, str(build.HERE / "build.py"), "zip", str(target)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    made = Path(ran.stdout.strip())
    assert made.name == f"lookmatte_nuke-{build.version()}.zip"
    assert list(folder.iterdir()) == [made]
    with zipfile.ZipFile(made) as held:
        held.extractall(folder / "lookmatte")
    return folder / "lookmatte"


def test_the_zip_is_whole_and_says_one_version(installed: Path) -> None:
    assert (installed / "lookmatte.gizmo").read_bytes() == build.GIZMO.read_bytes()
    client = installed / "lookmatte_nuke" / "client.py"
    assert not client.is_symlink()
    assert client.read_bytes() == (REPOSITORY / "core" / "lookmatte" / "client.py").read_bytes()
    assert {"init.py", "menu.py", "LICENSE", "README.txt", "package.py", "lookmatte.png", "examples"} <= set(
        os.listdir(installed)
    )
    assert "@VERSION@" not in (installed / "README.txt").read_text()
    package: dict[str, Any] = runpy.run_path(str(installed / "package.py"))
    assert package["version"] == build.version()
    # What rez would make of it: both variables end with the folder.
    paths: dict[str, list[str]] = {"NUKE_PATH": [], "PYTHONPATH": []}
    package["commands"].__globals__["env"] = SimpleNamespace(
        **{name: SimpleNamespace(append=listed.append) for name, listed in paths.items()}
    )
    package["commands"]()
    assert paths == {"NUKE_PATH": ["{root}"], "PYTHONPATH": ["{root}"]}
    names = [path.relative_to(installed).as_posix() for path in installed.rglob("*") if path.is_file()]
    assert not [name for name in names if re.search(r"making|build\.py|__pycache__|\.pyc|rez_package", name)]


def test_the_icon_is_a_picture(tmp_path: Path) -> None:
    import OpenImageIO as oiio

    (tmp_path / "icon.png").write_bytes(icon())
    pixels = oiio.ImageInput.open(str(tmp_path / "icon.png")).read_image()
    assert pixels.shape == (24, 24, 4)
    assert len(np.unique(pixels.reshape(-1, 4), axis=0)) > 4


def test_the_zip_is_the_same_from_the_same_sources(tmp_path: Path) -> None:
    from nuke_gizmo.making.archive import write_zip

    for name in ("a.zip", "b.zip"):
        write_zip(tmp_path / name, "1.2")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with zipfile.ZipFile(io.BytesIO((tmp_path / "a.zip").read_bytes())) as held:
        assert 'version = "1.2"' in held.read("package.py").decode()


# What a TD asks.


def doctor(nuke_path: Path, python: str = "", **more: str) -> tuple[int, dict[str, tuple[str, str]]]:
    """What ``lookmatte doctor --nuke`` says: its code, and (state, sentence) by check."""
    environment = {
        **os.environ, "PYTHONPATH": str(REPOSITORY / "core"), "NUKE_PATH": str(nuke_path),
        "HOME": str(nuke_path / "nobody"), session.VARIABLE: python, **more,
    }  # fmt: skip
    command = [sys.executable, "-m", "lookmatte.cli", "doctor", "--nuke", "--json"]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    told = [json.loads(line) for line in ran.stdout.splitlines()]
    return ran.returncode, {one["check"]: (one["state"], f"{one['found']}; {one['todo']}") for one in told}


def test_doctor_says_what_nuke_would_find(installed: Path, worker: Path, tmp_path: Path) -> None:
    code, told = doctor(installed, str(worker))
    assert code == 0
    assert {check: state for check, (state, _) in told.items()} == {
        "NUKE_PATH": "ok", "gizmo": "ok", "package": "ok", "python": "ok", "worker": "ok",
    }  # fmt: skip
    code, told = doctor(tmp_path)
    assert code == 1
    assert told["gizmo"][0] == told["package"][0] == "FAIL"
    assert "unpack lookmatte_nuke" in told["gizmo"][1]
    assert told["python"][0] == "warn"
    # In part, of another version, and with a Python that has no lookmatte.
    old = tmp_path / "old"
    shutil.copytree(installed, old)
    (old / "init.py").unlink()
    gizmo = old / "lookmatte.gizmo"
    gizmo.write_text(gizmo.read_text().replace(f"lookmatte {build.version()}:", "lookmatte 0.0.1:", 1))
    bare = tmp_path / "python"
    bare.write_text('#!/bin/sh\necho "No module named lookmatte" >&2\nexit 1\n')
    bare.chmod(0o755)
    code, told = doctor(old, str(bare))
    assert code == 1
    newer = f"this lookmatte is {build.version()}: use the zip of that version"
    assert told["gizmo"] == ("warn", f"{gizmo}, version 0.0.1; {newer}")
    assert told["package"][0] == "FAIL"
    assert "has no init.py" in told["package"][1]
    assert told["worker"][0] == "FAIL"
    assert "No module named lookmatte" in told["worker"][1]


# The examples.


@pytest.mark.parametrize("name", SCRIPTS)
def test_examples_are_wired_as_they_say(name: str) -> None:
    path = REPOSITORY / "examples" / name
    assert path.read_text(encoding="utf-8") == SCRIPTS[name]()
    root = scripts.load_file(path)
    looks = [node for node in root.nodes if node.kind == "lookmatte"]
    assert len(looks) == (2 if "several" in name else 1)
    known = {knob.name for knob in scripts.load_file(build.GIZMO).nodes[0].user_knobs}
    for node in looks:
        src, mask = node.inputs
        assert mask is not None
        assert mask.kind == ("Radial" if "drawn" in name else "Cryptomatte")
        assert src is not None
        assert src.kind in ("Copy", "lookmatte")
        assert set(node.knobs) - {"name", "xpos", "ypos"} <= known
        style = node.knobs["style"].replace("[file dirname [value root.name]]", str(path.parent))
        assert Path(style).is_file()
    (viewer,) = [node for node in root.nodes if node.kind == "Viewer"]
    assert viewer.inputs == [looks[-1]]


@pytest.mark.parametrize("name", SCRIPTS)
def test_examples_play(nuke: World, installed: Path, tmp_path: Path, name: str) -> None:
    """As a person would who unpacked the zip: open the script, press Bake, look."""
    nuke.plugin_path = [str(installed)]
    path = installed / "examples" / name
    open_script(path.read_text(encoding="utf-8"), str(path))
    looks = [node for node in fakenuke.allNodes() if node.Class() == "lookmatte"]
    for node in looks:
        node["folder"].setValue(str(tmp_path))
        node["range"].setValue("custom")
        node["last"].setValue(1003)
        press(node, "bake")
        assert nuke.messages == []
        assert status(node).startswith("baked 1001-1003")
    for frame in (1001, 1002):
        before, after = shown(looks[0].input(0), frame), shown(looks[-1], frame)
        assert apart(before, after) > 0.1
        assert np.isfinite(after).all()
        assert np.array_equal(before[..., 3], after[..., 3])
    save = os.environ.get("LOOKMATTE_SHOW")
    if save:
        _show(Path(save, f"{Path(name).stem}.png"), before, after)


def _show(path: Path, *pictures: np.ndarray) -> None:
    """For a person: frames side by side, over grey."""
    from lookmatte.imaging.picture import write_png

    beside = np.concatenate([one[..., :3] + 0.18 * (1 - one[..., 3:]) for one in pictures], 1)
    write_png(path, (255 * np.clip(beside, 0, 1) ** (1 / 2.2)).astype(np.uint8))


# A farm.


def farm(*words: object) -> int:
    from lookmatte_nuke import farm as module

    return module.main([str(word) for word in words])


def test_a_farm_bakes_saves_and_renders(
    nuke: World, shot: Shot, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from fakenuke.saving import script_text
    from fakenuke.world import reset
    from lookmatte_nuke import callbacks

    comp(shot, tmp_path)
    plate = read(shot)
    # Written in this order, the node below comes first.
    below = look(shot, plate, crypto(plate, "car"), "blue.png")
    above = look(shot, plate, crypto(plate, "hero"))
    below.setInput(0, above)
    out = fakenuke.nodes.Write(file=str(tmp_path / "out.####.exr"), channels="rgba")
    out.setInput(0, below)
    script = tmp_path / "comp.nk"
    script.write_text(script_text())

    def fresh() -> None:
        kernels, plugins = nuke.compile_kernel, nuke.plugin_path
        reset()
        nuke.gui, nuke.compile_kernel, nuke.plugin_path = False, kernels, plugins
        callbacks.register()

    fresh()
    assert farm(script, "--save", tmp_path / "baked.nk", "--execute", "Write1", "--frames", "1001-1002") == 0
    said = capsys.readouterr().out.splitlines()
    assert said == ["lookmatte: lookmatte2: baked 1001-1006 · hero", "lookmatte: lookmatte1: baked 1001-1006 · car"]
    assert sorted(path.name for path in tmp_path.glob("out.*")) == ["out.1001.exr", "out.1002.exr"]
    rendered = shown(fakenuke.toNode("lookmatte1"), 1004)
    fresh()
    fakenuke.scriptOpen(str(tmp_path / "baked.nk"))
    assert np.array_equal(shown(fakenuke.toNode("lookmatte1"), 1004), rendered)
    for words, code, what in (
        ((tmp_path / "none.nk",), 2, "none.nk"),
        ((script, "--node", "lookmat"), 2, "there is: lookmatte1, lookmatte2"),
        ((script, "--node", "lookmatte2", "--execute", "Write1"), 1, "No such file"),
        ((script, "--execute", "Write1", "--frames", "all"), 1, "--frames: all is no range"),
    ):
        fresh()
        assert farm(*words) == code
        told = capsys.readouterr().err
        assert what in told
        assert all(line.startswith("lookmatte: error: ") for line in told.splitlines())
