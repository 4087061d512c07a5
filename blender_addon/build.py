# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the extension's zip with Blender's own tool: python build.py BPY_PYTHON ZIP [WHEEL]. Not part of the zip.

BPY_PYTHON is an interpreter that has the bpy module, whose extension tool builds and validates. WHEEL is lookmatte
itself, for Create Environment, which takes the versions of constraints.txt.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
CLIENT = HERE.parent / "core" / "lookmatte" / "client.py"
CONSTRAINTS = HERE.parent / "constraints.txt"
_TOOL = "scripts/addons_core/bl_pkg/cli/blender_ext.py"


def version() -> str:
    """The extension's version."""
    found = re.search(r'^version = "(.+)"$', (HERE / "blender_manifest.toml").read_text(), re.MULTILINE)
    assert found is not None, "the manifest has no version"
    return found[1]


def tool(python: str) -> Path:
    """Blender's extension tool in an environment that has bpy."""
    ask = "import importlib.util as u; print(next(iter(u.find_spec('bpy').submodule_search_locations)))"
    package = subprocess.run([python, "-c", ask], check=True, capture_output=True, text=True).stdout.strip()
    found = next(iter(Path(package).glob(f"*/{_TOOL}")), None)
    if found is None:
        raise FileNotFoundError(f"{package} holds no {_TOOL}")
    return found


def stage(folder: Path, wheel: Path | None = None) -> None:
    """Lay out what goes into the zip."""
    for path in sorted(HERE.iterdir()):
        if path.name in ("LICENSE", "COPYING", "blender_manifest.toml") or (
            path.suffix == ".py" and path.name not in (Path(__file__).name, CLIENT.name)
        ):
            shutil.copyfile(path, folder / path.name)
    for path in (CLIENT, CONSTRAINTS):
        shutil.copyfile(path, folder / path.name)
    if wheel is not None:
        shutil.copyfile(wheel, folder / wheel.name)


def build(python: str, archive: Path, wheel: Path | None = None) -> None:
    """Make the zip and have it validated. Raises CalledProcessError with the tool's words on its output."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    extension_tool = tool(python)
    with tempfile.TemporaryDirectory(prefix="lookmatte") as folder:
        stage(Path(folder), wheel)
        words = ("build", "--source-dir", folder, "--output-filepath", str(archive.absolute()))
        subprocess.run([python, str(extension_tool), *words], check=True)
    subprocess.run([python, str(extension_tool), "validate", str(archive.absolute())], check=True)


def main() -> None:
    """Run from the command line."""
    python, archive = sys.argv[1], sys.argv[2]
    target = Path(archive.replace("VERSION", version()))
    build(python, target, Path(sys.argv[3]) if len(sys.argv) > 3 else None)
    print(target)


if __name__ == "__main__":
    main()
