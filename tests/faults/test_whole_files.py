"""Files are whole or not there, whoever writes, dies or tidies up meanwhile, and whatever the clocks say."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from shots import environment

from lookmatte.errors import FrameError, InputError
from lookmatte.imaging import manifest, patience
from lookmatte.imaging.exr_seal import is_sealed
from lookmatte.imaging.picture import read_picture
from lookmatte.imaging.reader import read_header
from lookmatte.imaging.wholefile import ABANDONED, machine, sweep, temporary_of, whole_file, write_bytes
from lookmatte.jobhash import checksum
from lookmatte.rendering.store import BakeStore

OTHERS = "0123abcd"  # some other machine
FAR = 10 * 365 * 86400.0

_WRITER = """
import sys
from pathlib import Path
from lookmatte.imaging.wholefile import whole_file

with whole_file(Path(sys.argv[1]), suffix=".exr") as temporary:
    temporary.write_bytes(b"half a frame")
    print("writing", flush=True)
    sys.stdin.readline()
"""


def is_ours(name: str) -> bool:
    return name.startswith("look.")


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if temporary_of(path))


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """``writer(name)``: a process that is inside the writing of a file."""
    started: list[subprocess.Popen[str]] = []

    def start(name: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(tmp_path / name)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(), text=True,
        )  # fmt: skip
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("skew", [-FAR, FAR])
@pytest.mark.skipif(os.name == "nt", reason="Windows keeps open files by itself")
def test_what_is_written_stays_and_what_the_dead_left_goes(
    writer: Callable[[str], subprocess.Popen[str]], tmp_path: Path, skew: float
) -> None:
    """However old or young the server's clock makes them look."""
    alive, dead = writer("look.1001.exr"), writer("look.1002.exr")
    for name in leftovers(tmp_path):
        os.utime(tmp_path / name, (time.time() + skew,) * 2)
    sweep(tmp_path, is_ours)
    assert len(leftovers(tmp_path)) == 2
    dead.kill()
    dead.wait()
    sweep(tmp_path, is_ours)
    assert [temporary_of(tmp_path / name) for name in leftovers(tmp_path)] == ["look.1001.exr"]
    alive.communicate("\n")
    assert (tmp_path / "look.1001.exr").read_bytes() == b"half a frame"
    assert leftovers(tmp_path) == []


def test_another_machine_s_files_go_when_they_are_old_by_the_folder_s_own_clock(tmp_path: Path) -> None:
    now = time.time()
    times = {"young": now, "old": now - ABANDONED - 60, "from tomorrow": now + 86400}
    for name, when in times.items():
        path = tmp_path / f".look.{name}.{OTHERS}-17.89abcdef.tmp.exr"
        path.write_bytes(b"half")
        os.utime(path, (when, when))
    before_tokens = tmp_path / ".look.exr.4711.0123abcd.tmp"
    before_tokens.write_bytes(b"half")
    sweep(tmp_path, is_ours)
    assert [temporary_of(tmp_path / name) for name in leftovers(tmp_path)] == [
        "look.exr", "look.from tomorrow", "look.young"
    ]  # fmt: skip


def test_nothing_else_is_swept(tmp_path: Path) -> None:
    for name in (f".other.exr.{machine()}-17.89abcdef.tmp", ".look.tmp", ".look.exr.tmp", "look.exr"):
        (tmp_path / name).write_text("mine")
    (tmp_path / f".look.exr.{machine()}-18.89abcdef.tmp").mkdir()
    (tmp_path / f".look.exr.{machine()}-19.89abcdef.tmp").symlink_to(tmp_path / "look.exr")
    before = sorted(os.listdir(tmp_path))
    sweep(tmp_path, is_ours)
    assert sorted(os.listdir(tmp_path)) == before


def test_what_a_clock_was_read_from_goes_too(tmp_path: Path) -> None:
    (tmp_path / f".clock.{machine()}-17.89abcdef.tmp").touch()
    sweep(tmp_path, is_ours)
    assert os.listdir(tmp_path) == []


_SWEEPER = """
import sys
from pathlib import Path
from lookmatte.imaging.wholefile import sweep
print("sweeping", flush=True)
while True:
    sweep(Path(sys.argv[1]), lambda name: True)
"""


def test_nobody_loses_a_file_to_one_who_sweeps(tmp_path: Path) -> None:
    sweeper = subprocess.Popen(
        [sys.executable, "-c", _SWEEPER, str(tmp_path)], stdout=subprocess.PIPE, env=environment(), text=True
    )
    try:
        assert sweeper.stdout is not None
        sweeper.stdout.readline()
        for number in range(300):
            write_bytes(tmp_path / f"look.{number}.exr", b"%d" % number)
    finally:
        sweeper.kill()
        sweeper.communicate()
    assert sorted(int(path.read_bytes()) for path in tmp_path.glob("look.*")) == list(range(300))


_REWRITER = """
import sys
from pathlib import Path
from lookmatte.imaging.wholefile import write_bytes
for number in range(200):
    write_bytes(Path(sys.argv[1]), sys.argv[2].encode() * 100_000)
"""


def test_of_two_writers_of_one_file_one_wins_whole(tmp_path: Path) -> None:
    path = tmp_path / "look.exr"
    writers = [
        subprocess.Popen([sys.executable, "-c", _REWRITER, str(path), letter], env=environment()) for letter in "ab"
    ]
    seen: set[bytes] = set()
    while any(process.poll() is None for process in writers):
        if path.exists():
            data = path.read_bytes()
            assert len(data) == 100_000
            seen.add(bytes(set(data)))
    assert [process.returncode for process in writers] == [0, 0]
    assert seen <= {b"a", b"b"}
    assert leftovers(tmp_path) == []


def test_long_names_in_any_script_fit(tmp_path: Path) -> None:
    path = tmp_path / ("夜" * 80 + ".exr")
    write_bytes(path, b"whole")
    assert path.read_bytes() == b"whole"


def test_a_temporary_that_vanishes_is_told(tmp_path: Path) -> None:
    said = r"look\.exr: cannot be written \(No such file"
    with pytest.raises(FrameError, match=said), whole_file(tmp_path / "look.exr") as temporary:
        temporary.unlink()
    assert list(tmp_path.iterdir()) == []


def test_a_temporary_that_cannot_be_looked_at_is_no_reason_to_write_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, looks = os.stat, 0

    def look(path: Any, *rest: Any, **keys: Any) -> os.stat_result:
        nonlocal looks
        if str(path).endswith(".tmp"):
            looks += 1
            assert looks < 20
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(path, *rest, **keys)

    monkeypatch.setattr(patience, "WAITS", (0.0, 0.0))
    monkeypatch.setattr(os, "stat", look)
    with pytest.raises(FrameError, match=r"look\.exr: cannot be written \(Input/output error\)"):
        write_bytes(tmp_path / "look.exr", b"")
    assert looks == 3
    assert os.listdir(tmp_path) == []


def test_a_file_that_the_network_made_twice_is_begun_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that answers late is asked again, and finds the file that it has just made."""
    real, made = os.open, 0

    def open_(path: Any, flags: int, *rest: Any, **keys: Any) -> int:
        nonlocal made
        handle = real(path, flags, *rest, **keys)
        if flags & os.O_EXCL and not made:
            made += 1
            os.close(handle)
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
        return handle

    monkeypatch.setattr(os, "open", open_)
    write_bytes(tmp_path / "look.exr", b"whole")
    assert made == 1
    assert (tmp_path / "look.exr").read_bytes() == b"whole"


def test_a_small_file_takes_little_memory(tmp_path: Path) -> None:
    """Whatever its readers allow it to have."""
    (tmp_path / "weights").write_bytes(b"few" * 100_000)
    tracemalloc.start()
    try:
        assert patience.first_bytes(tmp_path / "weights", 1 << 30) == b"few" * 100_000
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
    assert patience.first_bytes(tmp_path / "weights", 7) == b"fewfewf"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes that have names")
def test_nobody_waits_for_a_pipe(tmp_path: Path) -> None:
    """Or reads a device to its end: who unpacks somebody's folder may find one in it."""
    pipe = tmp_path / "a.exr"
    os.mkfifo(pipe)
    with pytest.raises(FrameError, match=r"a\.exr: cannot be read \(it is a pipe and no file\)"):
        read_header(pipe)
    with pytest.raises(OSError, match="it is a pipe"):
        is_sealed(pipe)
    os.mkfifo(tmp_path / "bake.json")
    with pytest.raises(InputError, match=r"bake\.json: cannot be read as a bake"):
        BakeStore.open(tmp_path)
    assert manifest.read(None, "bake.json", tmp_path).error == "cannot be read (it is a pipe and no file)"
    for other in ("pipe.png", "device.png"):
        path = tmp_path / other
        path.symlink_to(pipe if other == "pipe.png" else "/dev/zero")
        for read in (read_picture, checksum):
            with pytest.raises(InputError, match="is a pipe or a device"):
                read(path)
