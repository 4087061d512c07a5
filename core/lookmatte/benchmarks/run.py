"""The groups of the benchmark, in order, and the run through those that were asked for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Literal

from lookmatte.benchmarks import applying, exr_job, footprint, gpu, growth, lowres, paper, peers
from lookmatte.benchmarks.rows import Options, Row


@dataclass(frozen=True)
class Group:
    """Rows that belong together: ``letter`` chooses them, ``device`` is what they run on."""

    letter: str
    title: str
    measure: Callable[[Options], Iterator[Row]]
    device: Literal["cpu", "cuda"] = "cpu"


GROUPS = (
    Group("a", "Applying a look, against memcpy of the bytes that a fused pass must move", applying.measure),
    Group("a", "The same on the GPU, against a copy in its memory", gpu.measure, "cuda"),
    Group("b", "The low-resolution path of a frame, per region, as a fraction of VGG-19", lowres.measure),
    Group("c", "An EXR job, against only reading and writing its files", exr_job.measure),
    Group("d", "Memory while applying, beyond the frame's own buffers", footprint.measure),
    Group("e", "A whole frame in the layout of Xia et al. 2021, Tables 1 and 5, and its stages", paper.measure),
    Group("f", "How cost grows: the largest deviation from a straight line", growth.measure),
    Group("g", "Other programs on the same picture, against lookmatte", peers.measure),
)


def measure(options: Options, letters: Collection[str]) -> Iterator[tuple[Group, Iterator[Row]]]:
    """Each group that was asked for, with its rows, which are measured as they are taken."""
    for group in GROUPS:
        if group.letter in letters and group.device in options.devices:
            yield group, group.measure(options)
