"""``lookmatte doctor --nuke``: what Nuke would find on $NUKE_PATH, and whether a worker would answer it."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lookmatte.cli import version
from lookmatte.client import PROTOCOL, Client, WorkerError
from lookmatte.commands.doctor import Check, Finding

PYTHON = "LOOKMATTE_PYTHON"
GIZMO, PACKAGE = "lookmatte.gizmo", "lookmatte_nuke"
_UNPACK = "unpack lookmatte_nuke-VERSION.zip into a folder, and add that folder to NUKE_PATH"
_HELLO_SECONDS = 120.0


def nuke_path() -> list[Path]:
    """The folders of $NUKE_PATH, in Nuke's order, and its own ~/.nuke after them."""
    given = os.environ.get("NUKE_PATH", "")
    return [*(Path(part) for part in given.split(os.pathsep) if part), Path.home() / ".nuke"]


def _found(name: str) -> list[Path]:
    return [folder / name for folder in nuke_path() if (folder / name).exists()]


def check_path() -> Iterator[Finding]:
    """The folders that Nuke looks into."""
    given = os.environ.get("NUKE_PATH", "")
    missing = [part for part in given.split(os.pathsep) if part and not os.path.isdir(part)]
    if missing:
        yield Finding("NUKE_PATH", "warn", f"{', '.join(missing)}: no such folder", "correct NUKE_PATH")
    there = [str(folder) for folder in nuke_path() if folder.is_dir()]
    if there:
        yield Finding("NUKE_PATH", "ok", os.pathsep.join(there))
    else:
        yield Finding("NUKE_PATH", "FAIL", "no folder that is there", _UNPACK)


def check_gizmo() -> Iterator[Finding]:
    """The gizmo: the first that is found, of this version."""
    found = _found(GIZMO)
    if not found:
        yield Finding("gizmo", "FAIL", f"no {GIZMO} on NUKE_PATH", _UNPACK)
        return
    first = found[0].read_text(encoding="utf-8", errors="replace")[:200]
    said = re.match(r"#! lookmatte ([^:\s]+):", first)
    yield _of_version("gizmo", found, said[1] if said else "an unknown version")


def check_package() -> Iterator[Finding]:
    """The Python beside the gizmo: in the same folder, whole, and speaking the worker's protocol."""
    found = _found(PACKAGE)
    if not found:
        yield Finding("package", "FAIL", f"no folder {PACKAGE} on NUKE_PATH", _UNPACK)
        return
    home = found[0].parent
    lacking = [name for name in (GIZMO, "init.py", "menu.py") if not (home / name).is_file()]
    if lacking:
        yield Finding("package", "FAIL", f"{home} has no {', '.join(lacking)}", f"{_UNPACK}, all of it")
        return
    text = (found[0] / "client.py").read_text(encoding="utf-8", errors="replace")
    said = re.search(r"^PROTOCOL = (\d+)$", text, re.MULTILINE)
    spoken = said[1] if said else "none"
    if spoken != str(PROTOCOL):
        what = f"{found[0]} speaks protocol {spoken}, this lookmatte {PROTOCOL}"
        yield Finding("package", "FAIL", what, "use the zip and the lookmatte of one version")
    else:
        yield Finding("package", "ok", f"{found[0]}, protocol {spoken}")


def _of_version(check: str, found: list[Path], own: str) -> Finding:
    """The first of what was found, and whether it is of this version."""
    others = f"; also {', '.join(str(path) for path in found[1:])}, which is hidden" if found[1:] else ""
    what = f"{found[0]}, version {own}{others}"
    if own != version():
        return Finding(check, "warn", what, f"this lookmatte is {version()}: use the zip of that version")
    return Finding(check, "warn" if others else "ok", what, "keep one of them" if others else "")


def check_worker() -> Iterator[Finding]:
    """The Python that the gizmo would start, and whether lookmatte answers in it."""
    given = os.environ.get(PYTHON, "").strip()
    if not given:
        what = f"${PYTHON} is not set: each node's knob python must name one"
        yield Finding("python", "warn", what, f"set {PYTHON} to a Python that has lookmatte")
        return
    path = Path(given).expanduser()
    if path.is_dir():
        path = path.joinpath(*(("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")))
    if not path.is_file():
        yield Finding("python", "FAIL", f"${PYTHON}: there is no {path}", "set it to a Python that has lookmatte")
        return
    yield Finding("python", "ok", f"${PYTHON} = {path}")
    log = Path(tempfile.mkdtemp(prefix="lookmatte"), "worker.log")
    try:
        with Client.start(str(path), str(log)) as client:
            answered = str(client.wait_ready(_HELLO_SECONDS)["version"])
    except WorkerError as error:
        # What it said is of use now, and the file is not.
        yield Finding("worker", "FAIL", " ".join(error.message.split()), error.hint.partition("; log:")[0])
        return
    finally:
        shutil.rmtree(log.parent, ignore_errors=True)
    todo = "" if answered == version() else f"this lookmatte is {version()}"
    yield Finding("worker", "warn" if todo else "ok", f"lookmatte {answered} answers, protocol {PROTOCOL}", todo)


NUKE_CHECKS: tuple[Check, ...] = (check_path, check_gizmo, check_package, check_worker)
