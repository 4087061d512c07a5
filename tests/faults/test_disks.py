"""Full disks, limits, folders that cannot be written: a line each, whole frames, and all of it mended later."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import ALL, COUNTS, LINUX, Nursery
from shots import Plane, Shot, equal

Frames = dict[int, dict[str, Plane]]
FULL = "the disk is full"
mounts = pytest.mark.skipif(not ALL or not LINUX or os.geteuid() != 0, reason="make faults, as root: mounts disks")


@contextlib.contextmanager
def mounted(folder: Path, *words: str) -> Iterator[Path]:
    """A file system at ``folder`` while the block runs."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", *words, str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextlib.contextmanager
def loopback(folder: Path, megabytes: int) -> Iterator[Path]:
    """A small disk of its own: an ext4 file system in a file."""
    image = folder.with_suffix(".img")
    image.write_bytes(b"")
    os.truncate(image, megabytes << 20)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", str(image)], check=True)
    with mounted(folder, "-o", "loop", str(image)):
        yield folder


def fill(folder: Path, leave: int = 0) -> Path:
    """Take all the room of a disk but ``leave`` bytes."""
    ballast = folder / "ballast"
    handle = os.open(ballast, os.O_WRONLY | os.O_CREAT)
    with contextlib.suppress(OSError):
        while os.write(handle, bytes(4096)):
            pass
    os.close(handle)
    if leave:
        os.truncate(ballast, max(0, ballast.stat().st_size - leave))
    return ballast


@pytest.fixture
def words(made: Shot) -> list[object]:
    return ["render", made.save_job(), "--model", made.model, "--quiet"]


def test_a_limit_on_the_size_of_files_fails_each_frame_in_a_line(
    made: Shot, whole: Frames, words: list[object], nursery: Nursery
) -> None:
    """The one way to let a write come to an end half-way that needs no rights."""
    made.render(options={"stage": "bake", "bake_dir": made.folder / "job.bake"})
    limit = made.plate(1).stat().st_size // 2
    code, _, err = nursery.run("apply", words[1], "--quiet", cwd=made.folder, RLIMIT_FSIZE=limit)
    assert (code, len(err)) == (1, 6)
    for frame, line in zip(made.frames, err, strict=False):
        said = f"look.{frame:04d}.exr: cannot be written (the file is larger than the disk or a limit allows)"
        assert line.endswith(said)
    assert made.leftovers() == []
    assert made.written() == {}
    assert nursery.run(*words, cwd=made.folder) == (0, [], [])
    assert equal(made.written(), whole)


def test_output_that_cannot_be_told_costs_no_frame(
    made: Shot, whole: Frames, words: list[object], nursery: Nursery
) -> None:
    code, _, err = nursery.run(*words, "--json", cwd=made.folder, STDOUT="/dev/full")
    assert code == 1
    assert err == [
        "lookmatte: error: standard output: cannot be written (No space left on device); "
        "5 done, 0 skipped, 0 failed, and not all events were told"
    ]
    assert equal(made.written(), whole)
    assert nursery.run(*words[:-1], cwd=made.folder, STDERR="/dev/full") == (0, [], [])
    report = nursery.run("report", words[1], "--json", cwd=made.folder, STDOUT="/dev/full")
    written = f"{made.folder / 'job.report.html'} is written, and not all events were told"
    assert report[::2] == (1, [f"{err[0].partition(';')[0]}; {written}"])
    assert (made.folder / "job.report.html").is_file()
    inspect = nursery.run("inspect", made.plate(1), cwd=made.folder, STDOUT="/dev/full")
    assert inspect == (1, [], ["lookmatte: error: standard output: No space left on device"])
    assert nursery.run("inspect", "none.exr", cwd=made.folder, STDOUT="/dev/full", STDERR="/dev/full")[0] == 2


def test_folders_that_refuse_are_told_before_anything_is_done(
    made: Shot, whole: Frames, words: list[object], nursery: Nursery
) -> None:
    out, bake = made.folder / "out", made.folder / "job.bake"
    out.mkdir()
    out.chmod(0o555)
    code, _, err = nursery.run(*words, cwd=made.folder, REFUSABLE=1)
    assert (code, err) == (2, [f"lookmatte: error: output: the folder {out} is not writable"])
    # A bake that may only be read is enough to apply.
    out.chmod(0o777)
    made.render(options={"stage": "bake", "bake_dir": bake})
    bake.chmod(0o555)
    try:
        assert nursery.run("apply", words[1], "--quiet", cwd=made.folder, REFUSABLE=1) == (0, [], [])
        assert equal(made.written(), whole)
        code, _, err = nursery.run("bake", *words[1:], "--overwrite", cwd=made.folder, REFUSABLE=1)
        assert code == 2, err
        assert err[0].startswith(f"lookmatte: error: {bake}/")
        assert err[0].endswith("cannot be removed (Permission denied)")
    finally:
        bake.chmod(0o755)
    # A frame that may not even be looked at is not replaced.
    made.output(3).chmod(0)
    code, _, err = nursery.run(*words, cwd=made.folder, REFUSABLE=1)
    assert (code, len(err)) == (1, 2)
    assert err[0].endswith("look.0003.exr: cannot be looked at (Permission denied)")
    COUNTS["folders and files that refused: told in a line"] += 3


# Disks of our own.


@mounts
@pytest.mark.parametrize("kind", ["tmpfs", "ext4"])
def test_a_disk_that_fills_up_keeps_what_is_whole(
    made: Shot, whole: Frames, words: list[object], nursery: Nursery, kind: str
) -> None:
    """The bake lies elsewhere: every frame that finds no room fails by itself."""
    out = made.folder / "out"
    disk = mounted(out, "-t", "tmpfs", "-o", "size=1m", "tmpfs") if kind == "tmpfs" else loopback(out, 1)
    with disk:
        made.render(options={"stage": "bake", "bake_dir": made.folder / "job.bake"})
        ballast = fill(out, leave=3 * made.plate(1).stat().st_size)
        apply = ["apply", words[1], "--quiet"]
        code, _, err = nursery.run(*apply, cwd=made.folder)
        there = made.written()
        assert code == 1
        assert 0 < len(there) < 5
        assert equal(there, {frame: whole[frame] for frame in there})
        assert len(err) == 6 - len(there)
        assert all(line.endswith(f"cannot be written ({FULL})") for line in err[:-1]), err
        assert made.leftovers() == []
        ballast.unlink()
        assert nursery.run(*apply, cwd=made.folder) == (0, [], [])
        assert equal(made.written(), whole)
    COUNTS[f"disks that filled up ({kind}): a line a frame, whole frames kept, the same pixels in the end"] += 1


@mounts
@pytest.mark.parametrize("leave", [0, 20_000, 60_000, 100_000, 200_000])
def test_a_bake_that_finds_no_room_ends_the_run_in_a_line(
    made: Shot, whole: Frames, words: list[object], nursery: Nursery, leave: int
) -> None:
    with mounted(made.folder / "out", "-t", "tmpfs", "-o", "size=4m", "tmpfs") as out:
        ballast = fill(out, leave)
        code, _, err = nursery.run(*words, cwd=made.folder)
        assert code in (1, 2)
        assert all(FULL in line or "failed" in line for line in err), err
        assert "internal" not in "".join(err)
        there = made.written()
        assert equal(there, {frame: whole[frame] for frame in there})
        assert made.leftovers() == []
        ballast.unlink()
        assert nursery.run(*words, cwd=made.folder) == (0, [], [])
        assert equal(made.written(), whole)
    COUNTS["disks that filled up while baking: one line, the same pixels in the end"] += 1


@mounts
def test_caches_and_logs_that_find_no_room_are_done_without(
    made: Shot, whole: Frames, words: list[object], nursery: Nursery
) -> None:
    with mounted(made.folder / "full", "-t", "tmpfs", "-o", "size=64k", "tmpfs") as full:
        log = full / "run.log"
        log.touch()
        fill(full)
        caches = {"LOOKMATTE_CACHE": str(full), "NUMBA_CACHE_DIR": str(full)}
        ran = nursery.run(*words, "--log", log, cwd=made.folder, **caches)
        assert ran[:2] == (0, [])
        assert [line.partition(",")[0] for line in ran[2]] == [
            "warning: compiled code cannot be kept for the next run"
        ]
        assert sorted(path.name for path in full.iterdir() if path.is_file()) == ["ballast", "run.log"]
    assert equal(made.written(), whole)
    COUNTS["caches and logs on a full disk: done without"] += 1


@mounts
def test_a_disk_that_becomes_read_only_fails_each_frame_in_a_line(
    made: Shot, words: list[object], nursery: Nursery
) -> None:
    """As Linux does with a disk that has failed."""
    with loopback(made.folder / "out", 8) as out:
        assert nursery.run(*words, "--frames", "1-2", cwd=made.folder) == (0, [], [])
        subprocess.run(["mount", "-o", "remount,ro", str(out)], check=True)
        code, _, err = nursery.run(*words, cwd=made.folder)
        assert (code, err) == (2, [f"lookmatte: error: output: the folder {out} is not writable"])
        made.render("elsewhere", options={"stage": "bake", "bake_dir": made.folder / "job.bake"})
        subprocess.run(["mount", "-o", "remount,rw", str(out)], check=True)
        # From the first event on.
        child = nursery.start("apply", words[1], "--json", cwd=made.folder)
        subprocess.run(["mount", "-o", "remount,ro", str(out)], check=False)
        code, told, err = child.wait()
        failed = [json.loads(line)["message"] for line in told if json.loads(line)["event"] == "frame_failed"]
        assert code in (0, 1, 2)
        assert all("the disk is read-only" in message for message in failed), failed
        subprocess.run(["mount", "-o", "remount,rw", str(out)], check=True)
        assert nursery.run("apply", words[1], "--quiet", cwd=made.folder) == (0, [], [])
        assert made.leftovers() == []
    COUNTS["disks that became read-only: told in a line, mended later"] += 1
