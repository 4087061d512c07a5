"""Which sources machine code was made from: numba looks at the date of one file alone."""

from __future__ import annotations

import hashlib
from pathlib import Path

_FOLDER = Path(__file__).parent


def edition(*names: str) -> int:
    """A number, never 0, that differs whenever one of these files does: ``scalars.py`` in this folder, or
    ``../encoding.py`` beside it.

    numba keeps compiled code on disk under the date of the function's file and the values that it closes over. A
    function that closes over its edition is compiled anew when any of the files changes.
    """
    digest = hashlib.sha256(b"".join((_FOLDER / name).read_bytes() for name in names))
    return int.from_bytes(digest.digest()[:7], "big") | 1
