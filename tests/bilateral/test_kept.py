"""Machine code on disk: found again, replaced where it is damaged, done without where it cannot be kept."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import logging, sys
logging.basicConfig(format="%(message)s")
import {module}
from lookmatte.bilateral.kernels.kept import Kept
twice = Kept({module}.twice, "scalars.py")
print(twice("int", 21), twice("int", 4), twice("float", 0.5))
print(sum(one.stats.cache_hits[k] for one in twice._made.values() for k in one.stats.cache_hits))
"""


def _run(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(one for one in sys.path if one)
    whole = {**os.environ, "PYTHONPATH": path, **environment}
    return subprocess.run([sys.executable, "-c", program], env=whole, capture_output=True, text=True, check=False)


@pytest.fixture
def program(tmp_path: Path) -> str:
    (tmp_path / "own").mkdir()
    (tmp_path / "own/sums.py").write_text("def twice(number):\n    return number + number\n")
    return f"import sys; sys.path.insert(0, {str(tmp_path / 'own')!r})" + PROGRAM.format(module="sums")


def test_code_is_found_again_and_replaced_where_it_is_damaged(program: str, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")
    first = _run(program, NUMBA_CACHE_DIR=cache)
    assert first.stdout == "42 8 1.0\n0\n", first.stderr
    files = sorted(Path(cache).rglob("*.nb?"))
    assert len(files) == 4  # an index and the code, of each kind
    for damage in (b"", b"\x80\x04nonsense"):
        for suffix in ("nbi", "nbc"):
            assert _run(program, NUMBA_CACHE_DIR=cache).stdout == "42 8 1.0\n2\n"
            for file in files:
                if file.suffix == f".{suffix}":
                    file.write_bytes(damage)
            again = _run(program, NUMBA_CACHE_DIR=cache)
            assert again.stdout == "42 8 1.0\n0\n", again.stderr
            assert again.stderr == ""


def test_code_that_cannot_be_kept_is_made_for_the_run(program: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    (tmp_path / "own/__pycache__").write_text("no folder either")
    nowhere = str(tmp_path / "file" / "cache")
    ran = _run(program, NUMBA_CACHE_DIR=nowhere, HOME=nowhere, XDG_CACHE_HOME=nowhere)
    assert ran.stdout == "42 8 1.0\n0\n"
    lines = ran.stderr.splitlines()
    assert len(lines) == 2  # one for each kind
    for line in lines:
        assert line.startswith("compiled code cannot be kept for the next run")
        assert line.endswith("set NUMBA_CACHE_DIR to a folder that can be written to")


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("NUMBA_ENABLE_AVX", "0", "numba False"),
        ("NUMBA_DISABLE_JIT", "1", "torch"),
    ],
)
def test_settings_of_numba_are_heeded(variable: str, value: str, said: str) -> None:
    program = (
        "from lookmatte.bilateral.kernels import cpu_kernel\n"
        "kernel = cpu_kernel()\n"
        "if kernel == 'numba':\n"
        "    from lookmatte.bilateral.kernels import lookup\n"
        "    print(kernel, lookup.is_there())\n"
        "else:\n"
        "    print(kernel)\n"
    )
    ran = _run(program, **{variable: value})
    assert ran.stdout == said + "\n", ran.stderr
