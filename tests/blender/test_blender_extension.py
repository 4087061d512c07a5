"""The extension: its zip, installing, enabling, settings in the .blend, and its environment."""

from __future__ import annotations

import ast
import os
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from blender_addon import build
from wheels import write_wheel

CLASSES = {
    "add_node", "cancel", "check", "create_environment", "final_frames", "preview", "read_names", "region_add",
    "region_remove", "setup", "style_frames", "tell",
}  # fmt: skip
HANDLERS = [
    "frame_change_post", "load_post", "redo_post", "redo_pre", "render_cancel", "render_complete", "render_init",
    "render_post", "render_write", "undo_post", "undo_pre",
]  # fmt: skip

Case = Callable[..., Any]


def test_zip_holds_the_client_and_no_tool(archive: Path) -> None:
    with zipfile.ZipFile(archive) as held:
        names = set(held.namelist())
        assert held.read("client.py") == build.CLIENT.read_bytes()
        assert held.read("constraints.txt") == build.CONSTRAINTS.read_bytes()
        manifest = held.read("blender_manifest.toml").decode()
    assert {"__init__.py", "LICENSE", "COPYING", "node.py"} <= names
    assert "build.py" not in names
    assert 'license = ["SPDX:GPL-3.0-or-later"' in manifest
    assert 'blender_version_min = "4.5.0"' in manifest
    assert f'version = "{build.version()}"' in manifest


@pytest.mark.parametrize("path", sorted(build.HERE.glob("*.py")), ids=lambda path: path.name)
def test_nothing_heavy_is_imported(path: Path) -> None:
    allowed = {"bpy", "numpy", *sys.stdlib_module_names}
    for one in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in one.names] if isinstance(one, ast.Import) else []
        if isinstance(one, ast.ImportFrom) and one.level == 0:
            names.append(one.module or "")
        assert {name.partition(".")[0] for name in names} <= allowed, f"{path.name}:{one.lineno}"
    if path.name != build.CLIENT.name:
        assert path.read_text().startswith("# SPDX-License-Identifier: GPL-3.0-or-later\n")


def test_enabling_again_and_again_leaves_everything_once(case: Case) -> None:
    told = case("enabling")
    assert told["undescribed"] == [], "no tooltip"
    met = [one for one in told.values if "at" in one]
    assert [one["at"] for one in met] == ["enabled", *["disabled", "enabled"] * 3]
    for one in met:
        on = one["at"] == "enabled"
        assert one["handlers"] == (HANDLERS if on else [])
        assert one["menus"] == int(on)
        found = {name.removeprefix("LOOKMATTE_OT_") for name in one["classes"] if "_OT_" in name}
        assert found == (CLASSES if on else set())
        assert on or one["timer"] is False


def test_settings_are_kept(case: Case) -> None:
    told = case("keeping")
    assert told["sockets"] == [["Image", "Matte"], ["Image"]]
    assert told["matte"] == 1.0
    assert told["copied"] == ["Cube", ""]
    assert told["gates"] == [0.0, 1.0], "a copied node shares what it shows with its original"
    assert told["removed"] == ["REST"]
    assert told["undone"] == ["OBJECT", "REST"]
    assert [one["curves"] for one in told.values if "curves" in one] == [0, 1]
    assert told["without"] == ["NodeUndefined"]
    assert told["kept"] == ["OBJECT", "REST"]
    assert (told["target"], told["style"], told["temporal"], told["blend"]) == ("Cube", "gold.png", "shot", "grid")
    assert [one["strength"] for one in told.values if "strength" in one] == [0.5, 0.5]
    assert told["inner"].count("CompositorNodeImage") == 2


def test_environment_is_checked_and_created_without_waiting(case: Case, tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path, "lookmatte", "9.9", needs="torch", said="lookmatte 9.9")
    write_wheel(tmp_path, "torch", "99.0")
    pip = {"PIP_FIND_LINKS": str(tmp_path), "PIP_CONFIG_FILE": os.devnull}
    told = case("environment", CASE_WHEEL=str(wheel), **pip)
    assert told["blocked"] is False
    assert told["check"] == 0
    assert {"python", "torch", "model", "render"} <= {name for _, name, _ in told["findings"]}
    assert {state for state, _, _ in told["findings"]} <= {"ok", "warn"}
    assert told["created_at_once"] is False
    assert told["creation"] == 0
    assert told["lines"][-1] == "lookmatte 9.9"
    assert any("torch-99.0" in line for line in told["lines"]), "nothing came in the place of the tested version"
    assert "cannot be had here" in " ".join(told["drawn"])
    assert "torch==2" in " ".join(told["drawn"])
    assert told["announced"][0][0] == "INFO"
    assert "which lookmatte was not tested with" in told["announced"][0][1]
    assert "this environment has no lookmatte that runs" in " ".join(told["without"])
    assert "No module named" in " ".join(told["without"])
    assert all(len(line) <= 76 for line in told["drawn"] + told["without"])
    assert "pip Options is not closed" in told["unclosed"]
    assert Path(told["python"]).parts[-3:] == ("environment", "bin", "python")
    assert "offline" in told["offline"]
