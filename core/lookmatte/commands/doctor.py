"""``lookmatte doctor``: whether this machine can run lookmatte, one line a check, and what to do."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lookmatte.commands.common import add_json
from lookmatte.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

State = Literal["ok", "warn", "FAIL"]


Check = Callable[[], "Iterator[Finding]"]


@dataclass(frozen=True)
class Finding:
    """The outcome of one check; ``todo`` says what to do about it, if anything."""

    check: str
    state: State
    found: str
    todo: str = ""


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "doctor",
        help="check this machine: libraries, model, colour, disk",
        description="Check what lookmatte needs on this machine; the exit code is 1 when something is missing.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--nuke", action="store_true", help="check instead what Nuke would find on $NUKE_PATH, and its worker"
    )
    add_json(parser)
    parser.set_defaults(run=run, forwards=False)


def run(args: argparse.Namespace) -> int:
    """Run every check, print each as it ends; 1 when one fails, else 0."""
    failed = False
    if args.nuke:
        from lookmatte.commands.doctor_nuke import NUKE_CHECKS as checks
    else:
        checks = CHECKS
    for finding in findings(checks):
        failed = failed or finding.state == "FAIL"
        if args.json:
            print(json.dumps({"event": "check", **vars(finding)}), flush=True)
        else:
            todo = f"; {finding.todo}" if finding.todo else ""
            print(f"{finding.state:4}  {finding.check:12}  {finding.found}{todo}", flush=True)
    return 1 if failed else 0


def findings(checks: Sequence[Check] | None = None) -> Iterator[Finding]:
    """What checks find, by default those of this machine, each as it ends; none raises."""
    for check in CHECKS if checks is None else checks:
        yield from _guarded(check)


def _guarded(check: Check) -> Iterator[Finding]:
    """A check that breaks is a finding: a broken library may raise anything."""
    name = check.__name__.removeprefix("check_")
    try:
        yield from check()
    except Exception as error:
        what = " ".join(f"{type(error).__name__}: {error}".split())
        yield Finding(name, "FAIL", what, "install lookmatte again in a fresh environment")


def check_python() -> Iterator[Finding]:
    """The interpreter: 3.10 or newer."""
    new = sys.version_info >= (3, 10)
    todo = "" if new else "use Python 3.10 or newer"
    yield Finding("python", "ok" if new else "FAIL", f"{platform.python_version()} {sys.executable}", todo)


def check_torch() -> Iterator[Finding]:
    """torch, its threads, and whether a CUDA device answers."""
    import torch

    device = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "no CUDA device, the CPU serves"
    yield Finding("torch", "ok", f"{torch.__version__}, {torch.get_num_threads()} threads, {device}")


def check_imaging() -> Iterator[Finding]:
    """The libraries that read and write files."""
    import OpenEXR
    import OpenImageIO as oiio

    yield Finding("OpenImageIO", "ok", str(oiio.VERSION_STRING))
    yield Finding("OpenEXR", "ok", str(getattr(OpenEXR, "__version__", "") or metadata.version("OpenEXR")))


def check_color() -> Iterator[Finding]:
    """OpenColorIO and the config that colour spaces are looked up in."""
    import PyOpenColorIO as ocio

    from lookmatte.imaging.colour import config_name

    given = os.environ.get("OCIO")
    origin = f"$OCIO = {given}" if given else "built-in"
    try:
        yield Finding("OCIO", "ok", f"{ocio.__version__}, {origin}, config {config_name()}")
    except (InputError, ocio.Exception, ocio.ExceptionMissingFile) as error:
        what = " ".join(str(error).split())
        yield Finding("OCIO", "FAIL", what, "set $OCIO to a config that exists, or unset it")


def check_disk() -> Iterator[Finding]:
    """A file can be written and renamed where temporary files go."""
    try:
        with tempfile.TemporaryDirectory(prefix="lookmatte") as folder:
            part = Path(folder, "frame.part")
            part.write_bytes(b"0")
            part.rename(part.with_suffix(".exr"))
            where = Path(folder).parent
        yield Finding("disk", "ok", f"{where} is writable")
    except OSError as error:
        yield Finding("disk", "FAIL", f"no writable folder: {error.strerror}", "set $TMPDIR to a writable folder")


def check_model() -> Iterator[Finding]:
    """The shipped weights are there and match the checksum that they were saved with."""
    from lookmatte.networks.model import Model, shipped_path

    try:
        path = shipped_path()
        model = Model.load(path)
    except InputError as error:
        yield Finding("model", "FAIL", str(error))
        return
    yield Finding("model", "ok", f"{path.name}, checksum {model.checksum[:12]}, {path.parent}")


def check_kernel() -> Iterator[Finding]:
    """What styles the pixels."""
    from lookmatte.bilateral.kernels import VARIABLE, cpu_kernel

    if cpu_kernel() == "numba":
        yield Finding("kernel", "ok", f"numba {metadata.version('numba')}")
    else:
        todo = f"unset {VARIABLE}" if os.environ.get(VARIABLE) else "install numba for ten times the speed"
        yield Finding("kernel", "warn", "torch", todo)


def check_render() -> Iterator[Finding]:
    """A generated picture goes the whole way, from an EXR and a style to a styled EXR that is finite, in half and
    in float. The kernels make and keep their code for this processor here, if they have not yet."""
    import numpy as np

    from lookmatte.imaging.picture import write_png

    size = 32
    across = np.tile(np.linspace(0.02, 4.0, size, dtype=np.float32), (size, 1))
    plate = np.stack([across, across.T, across[::-1]])
    style = np.zeros((size, size, 3), np.uint8) + np.array([220, 150, 60], np.uint8)
    style[: size // 2] //= 3
    with tempfile.TemporaryDirectory(prefix="lookmatte") as name:
        folder = Path(name)
        write_png(folder / "style.png", style)
        for dtype in (np.float16, np.float32):
            trouble = _styled(folder / np.dtype(dtype).name, plate.astype(dtype))
            if trouble:
                yield Finding("render", "FAIL", trouble, "install lookmatte again")
                return
    yield Finding("render", "ok", f"styled a generated picture of {size}x{size}, in half and in float")


def _styled(folder: Path, plate: NDArray[np.floating[Any]]) -> str:
    """Style a (3, h, w) plate in a folder beside ``style.png``: what went wrong, empty if nothing."""
    import numpy as np

    from lookmatte.imaging.reader import read_frame
    from lookmatte.imaging.writer import new_part, write_parts_to
    from lookmatte.job import Job
    from lookmatte.progress import Silent
    from lookmatte.rendering import render

    channels = {name: pixels.copy() for name, pixels in zip("RGB", plate, strict=True)}
    write_parts_to([new_part(channels)], folder / "plate.0001.exr")
    regions = {"rest": {"style": "../style.png"}}
    job = Job.from_mapping({"plate": "plate.####.exr", "output": "look.####.exr", "regions": regions}, folder)
    if render(job, progress=Silent(), overwrite=True).failed:
        return "a generated picture could not be styled"
    styled = read_frame(folder / "look.0001.exr")
    pixels = np.stack([styled.pixels(key) for key in styled.rgb])
    sound = bool(np.isfinite(pixels).all()) and not np.array_equal(pixels, plate)
    return "" if sound else "a generated picture was styled, but its pixels are wrong"


CHECKS = (
    check_python, check_torch, check_imaging, check_color, check_disk, check_model, check_kernel, check_render,
)  # fmt: skip
