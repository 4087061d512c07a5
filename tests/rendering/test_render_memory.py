"""The largest frames: memory is what the decoded channels take, and little more."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from shots import REPOSITORY, Shot, cryptomatte, environment, manifest, write_exr

GIB = 1 << 30
SIZES = {"8k": (7680, 4320, 1), "4k": (3840, 2160, 4)}

# The kernel's own peak of this program: getrusage() would begin with that of the process that started it.
PROGRAM = """
import sys
from pathlib import Path
import torch
from lookmatte.job import Job
from lookmatte.networks.model import Model
from lookmatte.rendering import bands, render
import OpenEXR, OpenImageIO, PyOpenColorIO, cv2

torch.set_num_threads(2)
bands.set_threads(2)
Model.load(Path(sys.argv[2]))


def peak():
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


idle = peak()
summary = render(Job.load(sys.argv[1]), model=Path(sys.argv[2]))
assert not summary.failed, summary
print(peak() - idle)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc")
@pytest.mark.parametrize("size", SIZES)
def test_peak_memory_is_the_decoded_channels_and_a_gib(shot: Callable[..., Shot], size: str) -> None:
    width, height, count = SIZES[size]
    made = shot(range(1, count + 1), size=(32, 24))
    y, x = np.mgrid[0:height, 0:width].astype(np.float16)
    ramp = (x // 64 / (width // 64) + y // 64 / (height // 32)).astype(np.float16)
    coverage = {
        "hero": np.zeros((height, width), np.float32), "car": np.zeros((height, width), np.float32)
    }  # fmt: skip
    coverage["hero"][: height // 2, : width // 2] = 1
    coverage["car"][height // 3 :, width // 2 :] = 1
    channels = {"R": ramp, "G": ramp * np.float16(0.5), "B": ramp * np.float16(0.2), "A": np.ones_like(ramp)}
    channels.update(cryptomatte(coverage))
    decoded = sum(plane.nbytes for plane in channels.values())
    first = write_exr(made.plate(1), channels, manifest())
    for frame in range(2, count + 1):
        made.plate(frame).write_bytes(first.read_bytes())
    del channels, coverage, ramp, x, y
    regions = {**made.mapping()["regions"], "sky": {"matte": "sky/sky.0001.png", "style": "green.png"}}
    job = made.save_job(regions={**regions, "rest": {"style": "blue.png"}})
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(job), str(made.model)],
        cwd=REPOSITORY, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    peak = int(ran.stdout)
    flight = min(count, 3)  # one is read, one is worked on, one is written
    print(f"{size}: {peak / GIB:.2f} GiB above idle, channels {decoded / GIB:.2f} GiB a frame")
    assert 0.5 * decoded < peak <= decoded * flight + GIB
    assert Path(made.output(count)).stat().st_size > 0
