"""Machine code that is kept on disk for the next process, and made anew where what was kept is of no use."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any

from numba import njit
from numba.core.registry import cpu_target

_FOLDER = Path(__file__).parent

log = logging.getLogger("lookmatte")


def processor() -> tuple[str, str, str]:
    """What numba makes code for: the system, the processor, and its features, such as ``+avx512f``."""
    system, name, features = cpu_target.target_context.codegen().magic_tuple()
    return str(system), str(name), str(features)


class Kept:
    """A function for numba to compile, called with a ``kind`` in front, from any number of threads.

    numba looks at the date of the function's own file, and two processes that write at the same time may leave
    one's code under the other's name. So each kind of arguments, each processor and each state of ``sources``,
    files beside this one, gets files of its own; what those hold is always the same.
    """

    def __init__(self, function: Callable[..., Any], *sources: str) -> None:
        assert isinstance(function, FunctionType)
        self._function = function
        digest = hashlib.sha256(b"".join((_FOLDER / name).read_bytes() for name in sources))
        digest.update(repr(processor()).encode())
        self._state = digest.hexdigest()[:12]
        self._made: dict[str, Callable[..., Any]] = {}
        self._lock = threading.Lock()

    def __call__(self, kind: str, *arguments: Any) -> Any:
        """Call the function; ``kind`` is a word for the types of the arguments."""
        if kind not in self._made:
            with self._lock:
                if kind not in self._made:
                    return self._begin(kind, arguments)
        return self._made[kind](*arguments)

    def _begin(self, kind: str, arguments: tuple[Any, ...]) -> Any:
        """The first call, which loads or compiles: a damaged file is replaced, a folder that cannot be written to
        done without."""
        for _ in range(2):
            made: Any = None
            try:
                made = self._compiled(kind, keep=True)
                result = made(*arguments)
            except Exception as error:
                reason = " ".join(str(error).split()) or type(error).__name__
                with contextlib.suppress(Exception):
                    made._cache.flush()
                continue
            self._made[kind] = made
            return result
        made = self._compiled(kind, keep=False)
        result = made(*arguments)
        log.warning(
            "compiled code cannot be kept for the next run, which takes some seconds again (%s); "
            "set NUMBA_CACHE_DIR to a folder that can be written to",
            reason,
        )
        self._made[kind] = made
        return result

    def _compiled(self, kind: str, keep: bool) -> Callable[..., Any]:
        own = self._function
        copy = FunctionType(own.__code__, own.__globals__, own.__name__, own.__defaults__, own.__closure__)
        copy.__module__, copy.__qualname__ = own.__module__, f"{own.__name__}_{kind}_{self._state}"
        made: Callable[..., Any] = njit(nogil=True, error_model="numpy", cache=keep)(copy)
        return made
