"""(d) Memory that applying takes beyond the frame's own buffers, measured in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from lookmatte.benchmarks.rows import Options, Row, cpu_name
from lookmatte.errors import LookmatteError

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def measure(options: Options) -> Iterator[Row]:
    """The rows."""
    size = options.size(7680, 4320)
    for regions in (1,) if options.quick else (1, 4):
        name = "extra_mib_8k" if regions == 1 else f"extra_mib_8k_r{regions}"
        device, what = cpu_name(options.threads), "the frame's own float32 buffers"
        if not _STATUS.is_file():
            yield Row(name, None, "MiB", None, what, device, "measured on Linux alone, by VmHWM")
            continue
        extra, buffers = _in_own_process(*size, regions, options.threads)
        note = (
            "peak resident memory while applying less that before it; the libraries and a compiled kernel are "
            "there before, from a small frame"
        )
        yield Row(name, extra, "MiB", buffers, what, device, note)


def _in_own_process(width: int, height: int, regions: int, threads: int) -> tuple[float, float]:
    package = str(Path(__file__).resolve().parents[2])
    found = os.environ.get("PYTHONPATH")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([package, *([found] if found else [])])}
    words = [str(number) for number in (width, height, regions, threads)]
    ran = subprocess.run(
        [sys.executable, "-m", __name__, *words], env=environment, capture_output=True, text=True, check=False
    )
    if ran.returncode:
        why = (ran.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise LookmatteError(f"bench: memory could not be measured ({why})")
    extra, buffers = json.loads(ran.stdout)
    return extra, buffers


def peak_beyond(width: int, height: int, regions: int, threads: int) -> tuple[float, float]:
    """MiB that apply takes at its peak beyond what is there before it, and MiB of the frame's channels."""
    from lookmatte.benchmarks.scenes import hard_plate, linear, scene
    from lookmatte.commands.common import set_threads
    from lookmatte.rendering.apply import apply

    set_threads(threads)
    # Large enough for every thread to get a band.
    small = scene(hard_plate(256, 128 * threads), regions)
    apply(small.frame, small.look, small.mattes, colour=linear())
    made = scene(hard_plate(width, height), regions, stored=[])
    with contextlib.suppress(OSError):
        _RESET.write_text("5", encoding="ascii")
    before = _peak()
    apply(made.frame, made.look, made.mattes, colour=linear())
    buffers = sum(pixels.nbytes for pixels in made.frame.plate.channels.values())
    return (_peak() - before) / 1024.0, buffers / 2.0**20


def _peak() -> int:
    """KiB of the peak of resident memory so far, or since it was last reset."""
    found = re.search(r"^VmHWM:\s*(\d+) kB", _STATUS.read_text(encoding="ascii"), re.MULTILINE)
    if found is None:
        raise LookmatteError("bench: the system does not tell a process's peak memory")
    return int(found[1])


if __name__ == "__main__":
    print(json.dumps(peak_beyond(*map(int, sys.argv[1:]))))
