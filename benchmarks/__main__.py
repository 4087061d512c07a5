"""``make bench``: what applying costs, as ratios within this run. The floor is copying the bytes that it moves.

Every row is the best of a few repetitions on this machine, now; absolute numbers mean nothing elsewhere.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from lookmatte.bilateral.apply import Look
from lookmatte.bilateral.grid import identity
from lookmatte.bilateral.guide import GuideWeights, guide
from lookmatte.bilateral.slicing import apply_affine, slice_reference
from lookmatte.imaging.colour import plate_matrix
from lookmatte.imaging.frame import Frame
from lookmatte.imaging.mattes import ChannelMatte
from lookmatte.imaging.writer import new_part
from lookmatte.rendering.apply import apply
from lookmatte.rendering.bands import cores
from lookmatte.rendering.weights import RegionMatte

SIZES = {"1080p": (1920, 1080), "4k": (3840, 2160)}


@dataclass(frozen=True)
class Row:
    """One measurement: ``value`` in ``unit``, and its ``ratio`` to what ``against`` took in the same run."""

    id: str
    value: float
    unit: str
    ratio: float
    against: str


def best(work: Callable[[], object], times: int) -> float:
    """Seconds of the fastest run."""
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def plate(width: int, height: int, regions: int) -> tuple[Frame, list[RegionMatte]]:
    """A float frame of noise with one soft-edged channel matte a region."""
    random = np.random.default_rng(1)
    channels = {name: random.random((height, width), dtype=np.float32) for name in "RGB"}
    column = np.linspace(0.0, 1.0, width, dtype=np.float32)
    for index in range(regions):
        ramp = np.clip(4.0 - np.abs(column * regions - index - 0.5) * 8.0, 0.0, 1.0)
        channels[f"m{index}"] = np.broadcast_to(ramp, (height, width)).copy()
    frame = Frame(Path("plate.exr"), [new_part(channels)], ((0, "R"), (0, "G"), (0, "B")), None)
    return frame, [RegionMatte(f"m{i}", "pixel", ChannelMatte(frame, f"m{i}")) for i in range(regions)]


def measure(times: int) -> list[Row]:
    """All rows."""
    torch.manual_seed(0)
    weights = GuideWeights(torch.randn(16, 4), torch.randn(16), torch.randn(16) * 0.1, torch.zeros(()))
    colour = plate_matrix("lin_rec709", attributes={}, config="ocio://default")
    rows: list[Row] = []
    for name, (width, height) in SIZES.items():
        # A fused pass reads and writes RGB, and reads a matte: 28 bytes a pixel.
        source = np.ones(width * height * 7, np.float32)
        target = np.empty_like(source)
        floor = best(lambda a=target, b=source: np.copyto(a, b), 5)
        rows.append(Row(f"memcpy_{name}", floor * 1e3, "ms", 1.0, "itself"))
        for regions in (1, 4):
            frame, mattes = plate(width, height, regions)
            grids = tuple(identity() + 0.1 * torch.randn(12, 8, 16, 16) for _ in range(regions))
            look = Look(grids, (), None, weights)
            seconds = best(lambda f=frame, k=look, m=mattes: apply(f, k, m, colour=colour), times)
            rows.append(Row(f"apply_{name}_r{regions}", seconds * 1e3, "ms", seconds / floor, f"memcpy_{name}"))
        if name == "1080p":
            rgb = torch.rand(3, height, width)
            grid = grids[0][None]

            def reference(rgb: torch.Tensor = rgb, grid: torch.Tensor = grid) -> torch.Tensor:
                with torch.no_grad():
                    return apply_affine(slice_reference(grid, guide(rgb, 1.0, weights)[None]), rgb[None])

            seconds = best(reference, times)
            rows.append(Row("reference_1080p", seconds * 1e3, "ms", seconds / floor, "memcpy_1080p"))
    return rows


def main() -> None:
    """Print the table, or JSON."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print a list of rows")
    parser.add_argument("--times", type=int, default=3, help="repetitions (default: 3)")
    args = parser.parse_args()
    rows = measure(args.times)
    if args.json:
        print(json.dumps([asdict(row) for row in rows], indent=1))
        return
    print(f"{cores()} cores, float32 frames; best of {args.times}")
    for row in rows:
        print(f"{row.id:<18} {row.value:9.1f} {row.unit}  {row.ratio:7.1f} x {row.against}")


if __name__ == "__main__":
    main()
