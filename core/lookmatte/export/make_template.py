"""Script :class:`~lookmatte.export.still.StillLook` into ``still.pt``, once. It takes torch 1.6, and so Python 3.8:

    python3.8 -m venv old && old/bin/pip install torch==1.6.0 numpy
    PYTHONPATH=core old/bin/python -m lookmatte.export.make_template

Which of the archive's records holds which tensor is found out by what is in it, and noted in the archive itself.
"""

from __future__ import annotations

import io
import json
import sys

import torch

from lookmatte.export.archive import NOTES, TEMPLATE, read_records, write_records
from lookmatte.export.still import StillLook


def main() -> None:
    """Write the template."""
    if not torch.__version__.startswith("1.6."):
        sys.exit(f"torch {torch.__version__}: only what torch 1.6 writes is read by all that Nuke carries")
    module = StillLook()
    for number, buffer in enumerate(module.buffers(), 1):
        buffer.fill_(float(number))
    records = read_records(io.BytesIO(torch.jit.script(module).save_to_buffer()))  # type: ignore[no-untyped-call]
    # Where in the sources a line stood: it names a folder of this machine.
    records = {name: content for name, content in records.items() if not name.endswith(".debug_pkl")}

    tensors = {}
    for name, buffer in module.named_buffers():
        holding = [record for record, content in records.items() if content == buffer.numpy().tobytes()]
        assert len(holding) == 1, (name, holding)
        tensors[name] = {"record": holding[0], "shape": list(buffer.shape)}
    root = next(iter(records)).split("/")[0]
    notes = json.dumps({"torch": torch.__version__, "tensors": tensors}, sort_keys=True)
    write_records({**records, f"{root}/extra/{NOTES}": notes.encode()}, TEMPLATE)
    print(TEMPLATE, TEMPLATE.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
