"""Makes what goes to Nuke: ``python build.py gizmo`` writes lookmatte.gizmo, ``python build.py zip DIST`` the zip.

The gizmo lies in the repository, and a test holds it to what this makes. The zip is unpacked into a folder of
NUKE_PATH.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent
if str(REPOSITORY) not in sys.path:
    sys.path.insert(0, str(REPOSITORY))

from nuke_gizmo.making.blink import Kernel, description_of, read_kernel  # noqa: E402
from nuke_gizmo.making.layout import gizmo  # noqa: E402

GIZMO = HERE / "lookmatte.gizmo"
KERNEL = HERE / "kernel" / "lookmatte_apply.blink"
CAPTURED = HERE / "kernel" / "lookmatte_apply.description.json"


def version() -> str:
    """lookmatte's version, which is the gizmo's."""
    found = re.search(r'^version = "(.+)"$', (REPOSITORY / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    assert found is not None, "pyproject.toml has no version"
    return found[1]


def kernel() -> Kernel:
    """The kernel's text, read."""
    return read_kernel(KERNEL.read_text("utf-8"))


def gizmo_text() -> str:
    """lookmatte.gizmo."""
    read = kernel()
    return gizmo(read, description_of(read, CAPTURED), version())


def main() -> None:
    """Run from the command line."""
    if sys.argv[1:] == ["gizmo"]:
        GIZMO.write_text(gizmo_text(), encoding="utf-8", newline="\n")
        print(GIZMO)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
