"""Fuzz every parser for a while: ``python -m tests.fuzz [--seconds N] [--target NAME] [--keep]``.

Guided by coverage, with atheris (libFuzzer). Begins with the corpus of this folder; what is new lies in
``out/fuzz`` and is tried again next time, and with ``--keep`` the least of it that takes every branch joins the
corpus. Prints runs, new paths, branches and crashes, and exits with 1 when there was a crash.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import shlex
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.seeds import CORPUS
from tests.fuzz.targets import TARGETS

ROOT = Path(__file__).resolve().parents[2]
AGAIN = "LOOKMATTE_FUZZ_AGAIN"
LIMITS = ["-timeout=20", "-rss_limit_mb=4096", "-max_len=8192", "-use_value_profile=0", "-print_final_stats=1"]


@dataclass(frozen=True)
class Result:
    """What fuzzing a target has shown."""

    target: str
    runs: int
    paths: int
    branches: int
    crashes: list[Path]


def number(pattern: str, text: str) -> int:
    """The last number that follows a pattern; 0 where there is none."""
    found = re.findall(pattern + r"\s*(\d+)", text)
    return int(found[-1]) if found else 0


def fuzz(target: str, seconds: int, out: Path) -> Result:
    """Fuzz one target, in a process of its own."""
    found, crashes = out / target, out / "crashes"
    for folder in (found, crashes):
        folder.mkdir(parents=True, exist_ok=True)
    before = set(crashes.iterdir())
    known = len(list(found.iterdir()))
    options = [*LIMITS, f"-max_total_time={seconds}", f"-artifact_prefix={crashes}/{target}-"]
    command = [sys.executable, "-m", "tests.fuzz.one", target, *options, str(found), str(CORPUS / target)]
    with tempfile.TemporaryFile() as log:
        # Libraries speak of every damaged chunk: it goes into a file, of which the last part matters.
        code = subprocess.run(command, cwd=ROOT, stdout=log, stderr=log, check=False).returncode
        log.seek(max(0, log.tell() - 200_000))
        text = log.read().decode(errors="replace")
    new = sorted(set(crashes.iterdir()) - before)
    if code and not new:
        raise SystemExit(f"{target}: the fuzzer has ended with {code}\n{text[-3000:]}")
    if new:
        print(text[-3000:])
    paths = len(list(found.iterdir())) - known
    return Result(target, number("stat::number_of_executed_units:", text), paths, number("cov:", text), new)


def keep(target: str, out: Path) -> int:
    """Add to the corpus what takes a branch that nothing in it takes; returns how many inputs it has now."""
    own = CORPUS / target
    start = [sys.executable, "-m", "tests.fuzz.one", target]
    with tempfile.TemporaryDirectory() as folder:
        # libFuzzer starts its own program again for each input that might end it, and knows that by its first word.
        again = Path(folder, "again")
        again.write_text(f'#!/bin/sh\nexec {shlex.join(start)} "$@"\n')
        again.chmod(0o700)
        subprocess.run(
            [*start, "-merge=1", str(own), str(out / target)],
            cwd=ROOT, env={**os.environ, AGAIN: str(again)},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True,
        )  # fmt: skip
    return len(list(own.iterdir()))


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzz everything that is parsed.")
    parser.add_argument("--seconds", type=int, default=30, help="for each target (default: 30)")
    parser.add_argument("--target", action="append", choices=sorted(TARGETS), help="may repeat (default: all)")
    parser.add_argument("--keep", action="store_true", help="add what is new to the corpus")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "fuzz")
    options = parser.parse_args()
    if importlib.util.find_spec("atheris") is None:
        print("atheris is not there; make fuzz installs it, for Python 3.11 to 3.13 on Linux", file=sys.stderr)
        return 2
    results = []
    for target in options.target or TARGETS:
        results.append(fuzz(target, options.seconds, options.out.resolve()))
        one = results[-1]
        print(
            f"{one.target:16} {one.runs:9,} runs  {one.paths:5,} new paths  {one.branches:5,} branches  "
            f"{len(one.crashes)} crashes",
            flush=True,
        )
        if options.keep:
            print(f"{'':16} {keep(target, options.out.resolve()):9,} inputs in the corpus", flush=True)
    crashes = [path for one in results for path in one.crashes]
    print(
        f"{'all':16} {sum(one.runs for one in results):9,} runs  {sum(one.paths for one in results):5,} new paths  "
        f"{sum(one.branches for one in results):5,} branches  {len(crashes)} crashes"
    )
    for path in crashes:
        print(f"crash: {path}")
    return 1 if crashes else 0


if __name__ == "__main__":
    sys.exit(main())
