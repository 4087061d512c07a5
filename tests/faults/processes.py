"""Real processes of the real command, many of them and cheap: forked from one that has its imports behind it."""

from __future__ import annotations

import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from shots import environment

LINUX = sys.platform == "linux"
ALL = bool(os.environ.get("LOOKMATTE_FAULTS"))
"""Whether every fault is tried, or of similar ones the first."""

COUNTS: Counter[str] = Counter()
"""What a run of the tests has seen; it is printed at the end."""

HERE = Path(__file__).resolve().parent

_NURSERY = """
import ctypes, json, os, resource, sys
import lookmatte.rendering, OpenEXR, OpenImageIO, PyOpenColorIO, fileseq
from lookmatte import cli

def heed_permissions():
    # Root without CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH: files can refuse it as they do any user.
    header, sets = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    libc = ctypes.CDLL(None)
    assert libc.capget(header, sets) == 0
    for at in range(3):
        sets[at] &= ~0b110
    assert libc.capset(header, sets) == 0

def live(words, folder, out, err, settings):
    ctypes.CDLL(None).prctl(1, 9)  # dies with the one it was forked from
    os.chdir(folder)
    for path, handle in ((settings.pop("STDOUT", out), 1), (settings.pop("STDERR", err), 2)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), handle)
    for name, value in settings.items():
        if name == "REFUSABLE":
            heed_permissions()
        elif name.startswith("RLIMIT_"):
            resource.setrlimit(getattr(resource, name), (value, value))
        else:
            os.environ[name] = value
    code = cli.main(words)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)

for line in sys.stdin:
    asked = json.loads(line)
    if isinstance(asked, int):
        print(os.waitstatus_to_exitcode(os.waitpid(asked, 0)[1]), flush=True)
        continue
    child = os.fork()
    if child == 0:
        live(*asked)
    print(child, flush=True)
"""


@dataclass
class Child:
    """A command that was started."""

    nursery: Nursery
    pid: int
    out: Path
    err: Path

    def kill(self) -> None:
        """End it as the system does when memory runs out: nothing of it runs any more."""
        os.kill(self.pid, signal.SIGKILL)

    def ended(self) -> bool:
        """Has it come to its end, by itself or not?"""
        return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"

    def wait(self) -> tuple[int, list[str], list[str]]:
        """Its exit code, and the lines that it wrote to standard output and standard error."""
        code = self.nursery.ask(self.pid)
        out, err = (path.read_text(encoding="utf-8") for path in (self.out, self.err))
        assert "Traceback" not in err, err
        return code, out.splitlines(), err.splitlines()


class Nursery:
    """Starts commands. ``preload`` is a library that is put before the system's own."""

    def __init__(self, preload: Path | None = None) -> None:
        self._files = Path(tempfile.mkdtemp(prefix="lookmatte-nursery-"))
        self._count = 0
        more = {} if preload is None else {"LD_PRELOAD": str(preload)}
        self._process = subprocess.Popen(
            [sys.executable, "-c", _NURSERY], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**environment(), **more}, text=True,
        )  # fmt: skip

    def ask(self, what: object) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(what), file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())

    def start(self, *words: object, cwd: Path, **settings: str | int) -> Child:
        """Begin ``lookmatte WORDS`` in a folder. Settings are environment variables, limits of resources
        (RLIMIT_FSIZE=...), files to write to (STDOUT=..., STDERR=...), and REFUSABLE=1: permissions hold for root,
        too."""
        self._count += 1
        out, err = (self._files / f"{self._count}.{name}" for name in ("out", "err"))
        for path in (out, err):
            path.touch()
        pid = self.ask([[str(word) for word in words], str(cwd), str(out), str(err), settings])
        return Child(self, pid, out, err)

    def run(self, *words: object, cwd: Path, **settings: str | int) -> tuple[int, list[str], list[str]]:
        """:meth:`start` and :meth:`Child.wait`."""
        return self.start(*words, cwd=cwd, **settings).wait()

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)
        shutil.rmtree(self._files, ignore_errors=True)


@functools.lru_cache(maxsize=1)
def compiler() -> str | None:
    """A C compiler, or None."""
    return next((found for name in ("cc", "gcc", "clang") if (found := shutil.which(name))), None)


def build_preload(folder: Path) -> Path:
    """The library of preload/fault.c, compiled."""
    found = compiler()
    assert found is not None
    library = folder / "fault.so"
    source = HERE / "preload" / "fault.c"
    subprocess.run([found, "-O1", "-fPIC", "-shared", "-o", str(library), str(source), "-ldl"], check=True)
    return library
