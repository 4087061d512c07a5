"""SIGTERM and Ctrl-C end a run whatever it is doing, and what it had not finished is gone."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from shots import Shot, environment, stopped, whole_frames, write_exr

# A frame that is never finished: its thread sleeps inside an open file, or the main thread is inside a library.
UNENDING = """
import hashlib, sys, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lookmatte.commands.process import ended_by_sigterm
from lookmatte.imaging.wholefile import whole_file

def write():
    with whole_file(Path("frame.exr")) as temporary:
        temporary.write_bytes(b"half a frame")
        print("ready", flush=True)
        time.sleep(600)

with ended_by_sigterm():
    pool = ThreadPoolExecutor(1)
    frame = pool.submit(write)
    if sys.argv[1] == "library":
        hashlib.pbkdf2_hmac("sha256", b"", b"", 1 << 30)
    try:
        frame.result()
    finally:
        pool.shutdown(wait=True)
"""


@pytest.mark.parametrize(
    ("where", "sign", "code"), [("frame", signal.SIGTERM, 143), ("library", signal.SIGINT, 130)]
)
def test_what_does_not_end_is_discarded(tmp_path: Path, where: str, sign: signal.Signals, code: int) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", UNENDING, where],
        cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    assert len(list(tmp_path.iterdir())) == 1
    process.send_signal(sign)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == code
    # An interrupt that comes before the library is entered shows the script's own traceback first.
    assert "is discarded" in errors.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


def test_a_render_of_large_frames_ends_with_whole_frames_alone(shot: Callable[..., Shot]) -> None:
    made = shot(range(1, 5), size=(32, 24))
    noise = np.random.default_rng(3).random((3, 1152, 2048), dtype=np.float32)
    for frame in made.frames:
        write_exr(made.plate(frame), dict(zip("RGB", noise, strict=True)))
    job = made.save_job(regions={"rest": {"style": "red.png"}})
    words: list[object] = ["render", job, "--model", made.model, "--log", made.folder / "run.log"]
    code, errors = stopped(words, made.folder, signal.SIGTERM, made.folder / "out", 0.0)
    assert (code, errors.count("lookmatte: terminated")) == (143, 1)
    assert len(whole_frames(made)) < 4
    assert made.leftovers() == []
    assert "exit code 143" in (made.folder / "run.log").read_text() or "discarded" in errors
