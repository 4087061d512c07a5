"""lookmatte: a photographic look for each object of a film shot.

The five names that programs need; each is imported when it is first used, so that ``import lookmatte`` is quick.

>>> import lookmatte
>>> job = lookmatte.Job.load("sh010.yaml")          # a file, or Job.from_mapping({...}, base=folder)
>>> summary = lookmatte.render(job)                 # read, bake, apply, write
>>> summary.failed
[]
>>> for name, job in lookmatte.load_shots("seq010.yaml").items():
...     print(name, lookmatte.render(job).done)

``lookmatte.Baker`` turns a frame's proxy into its bake, a few hundred kilobytes; ``lookmatte.apply`` styles a
decoded frame with one, in any order, on any machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lookmatte.job import Job, load_shots
    from lookmatte.looks.baker import Baker
    from lookmatte.rendering.apply import apply
    from lookmatte.rendering.pipeline import render

__all__ = ["Baker", "Job", "apply", "load_shots", "render"]

_HOMES = {
    "Baker": "lookmatte.looks.baker",
    "Job": "lookmatte.job",
    "apply": "lookmatte.rendering.apply",
    "load_shots": "lookmatte.job",
    "render": "lookmatte.rendering.pipeline",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'lookmatte' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
