"""Long shots: memory and file handles do not grow with the frames.

Eighty frames by default, 2,000 with LOOKMATTE_FAULTS; what was measured is printed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from shots import Shot, environment

FRAMES = 2000 if os.environ.get("LOOKMATTE_FAULTS") else 80
DIFFERENT = 4
WIDTH, HEIGHT = 256, 144

PROGRAM = """
import json, os, sys
from pathlib import Path
from lookmatte.job import Job
from lookmatte.progress import Silent
from lookmatte.rendering import render


class Watch(Silent):
    measured = []

    def frame_done(self, frame, path, seconds):
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        self.measured.append((pages * os.sysconf("SC_PAGE_SIZE"), len(os.listdir("/proc/self/fd"))))


watch = Watch()
assert not render(Job.load(sys.argv[1]), model=Path(sys.argv[2]), progress=watch).failed
print(json.dumps(watch.measured))
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
def test_memory_and_handles_stay_flat_over_a_long_shot(shot: Callable[..., Shot]) -> None:
    made = shot(range(1, DIFFERENT + 1), size=(WIDTH, HEIGHT))
    for frame in range(DIFFERENT + 1, FRAMES + 1):
        os.link(made.plate(1 + (frame - 1) % DIFFERENT), made.plate(frame))
    regions = {"hero": {"cryptomatte": "hero", "style": "red.png"}, "rest": {"style": "blue.png"}}
    job = made.save_job(regions=regions)
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, job, made.model],
        env=environment(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    measured = json.loads(ran.stdout)
    assert len(measured) == FRAMES
    # Allocators fill up for a while; of each half the largest is compared.
    half = max(FRAMES // 2, FRAMES - 1000)
    before, after = (max(bytes_ for bytes_, _ in part) / 2**20 for part in (measured[:half], measured[half:]))
    print(f"{FRAMES} frames: {before:.0f} MiB grew by {after - before:+.1f} MiB, {measured[-1][1]} handles")
    # Colour and alpha in half, two ranks in float: one decoded frame kept of each would be this.
    kept = (FRAMES - half) * WIDTH * HEIGHT * (4 * 2 + 8 * 4) / 2**20
    assert after - before < min(kept / 2, 40)
    assert max(count for _, count in measured[half:]) <= max(count for _, count in measured[:half])
