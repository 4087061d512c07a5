"""Makes what the conformance suite works on, in a Python that has lookmatte: ``make_shot.py FOLDER``.

A plate of 160 frames with a cryptomatte of ``hero`` and ``car``, styles, untrained weights, a real render, and what
is broken.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
FRAMES = range(1, 161)
DIFFERENT = 4


def main(folder: Path) -> None:
    sys.path.insert(0, str(HERE.parent / "rendering"))
    import torch
    from shots import make_shot

    from lookmatte.networks.model import Model

    torch.manual_seed(1)
    model = folder / "untrained.safetensors"
    Model().save(model)
    shot = make_shot(folder, model, FRAMES[:DIFFERENT], size=(48, 36))
    for frame in FRAMES[DIFFERENT:]:
        shutil.copyfile(shot.plate(FRAMES[frame % DIFFERENT]), shot.plate(frame))
    shutil.copyfile(HERE.parent / "data" / "blender45.exr", folder / "real.1001.exr")
    whole = (folder / "real.1001.exr").read_bytes()
    (folder / "broken.1001.exr").write_bytes(whole[: len(whole) // 2])
    for name, frame in (("real", 1001), ("broken", 1002)):
        shutil.copyfile(folder / f"{name}.1001.exr", folder / f"mixed.{frame}.exr")
    (folder / "nonsense.1001.exr").write_bytes(b"this is no picture")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
