"""Makes what goes to Nuke: ``build.py sources`` the gizmo and the examples, ``build.py zip ZIP`` the zip.

What ``sources`` makes lies in the repository, and a test holds it to that. The zip is unpacked into a folder of
NUKE_PATH; VERSION in its name is replaced.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent
if str(REPOSITORY) not in sys.path:
    sys.path.insert(0, str(REPOSITORY))

from nuke_gizmo.making.archive import write_zip  # noqa: E402
from nuke_gizmo.making.blink import Kernel, description_of, read_kernel  # noqa: E402
from nuke_gizmo.making.examples import SCRIPTS  # noqa: E402
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


def sources() -> dict[Path, str]:
    """What is made and lies in the repository, by path."""
    examples = {REPOSITORY / "examples" / name: make() for name, make in SCRIPTS.items()}
    return {GIZMO: gizmo_text(), **examples}


def main() -> None:
    """Run from the command line."""
    if sys.argv[1:] == ["sources"]:
        for path, text in sources().items():
            path.write_text(text, encoding="utf-8", newline="\n")
            print(path)
    elif len(sys.argv) == 3 and sys.argv[1] == "zip":
        old = [str(path) for path, text in sources().items() if path.read_text(encoding="utf-8") != text]
        if old:
            sys.exit(f"out of date: {', '.join(old)}; run build.py sources")
        target = Path(sys.argv[2].replace("VERSION", version()))
        write_zip(target, version())
        print(target)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
