"""One target under atheris: libFuzzer, guided by the branches that lookmatte's own Python takes.

``python -m tests.fuzz.one TARGET [libFuzzer's options] [folders of inputs]``; :mod:`tests.fuzz` starts it.
"""

from __future__ import annotations

import os
import sys

import atheris

# What is parsed by a library's C code counts as one branch; YAML's and JSON's own Python is followed, too.
with atheris.instrument_imports(include=["lookmatte", "yaml", "json"], enable_loader_override=False):
    from tests.fuzz.structure import mutate
    from tests.fuzz.targets import TARGETS, run


def _mutated(data: bytes, longest: int, seed: int) -> bytes:
    """Half of the changes to JSON keep it JSON."""
    found = mutate(data, seed) if seed % 2 else None
    return bytes(atheris.Mutate(data, longest)) if found is None or len(found) > longest else found


def main() -> None:
    """Fuzz until libFuzzer's options say it is enough."""
    target = TARGETS[sys.argv[1]]
    again = os.environ.get("LOOKMATTE_FUZZ_AGAIN", sys.argv[0])
    atheris.Setup([again, *sys.argv[2:]], lambda data: run(target, data), custom_mutator=_mutated)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
