"""Has NukeX itself describe the kernel: ``Nuke15.1 --nukex -t nuke_gizmo/making/capture.py``, then build the gizmo.

Writes kernel/lookmatte_apply.description.json, which the build prefers to its own description while the kernel's
text is the same.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys

import nuke

_ABOVE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
KERNEL = os.path.join(_ABOVE, "kernel", "lookmatte_apply.blink")


def capture(kernel: str, target: str) -> str:
    """Compile a kernel's file and save its description. RuntimeError when Nuke makes none."""
    with open(kernel, encoding="utf-8") as file:
        text = file.read()
    node = nuke.createNode("BlinkScript", inpanel=False)
    try:
        node["kernelSource"].setValue(text)
        compile_it = node["recompile"]
        assert isinstance(compile_it, nuke.PyScript_Knob)
        compile_it.execute()
        description = str(node["KernelDescription"].value())
    finally:
        nuke.delete(node)
    if '"Lookmatte"' not in description:
        raise RuntimeError("Nuke made no description of the kernel: this needs NukeX, and BlinkScript")
    checksum = hashlib.sha256(text.encode()).hexdigest()
    found = {"kernel": checksum, "nuke": nuke.NUKE_VERSION_STRING, "description": description}
    with open(target, "w", encoding="utf-8") as file:
        json.dump(found, file, indent=1)
        file.write("\n")
    return description


if __name__ == "__main__":
    print(capture(KERNEL, KERNEL.replace(".blink", ".description.json")))
    sys.exit(0)
