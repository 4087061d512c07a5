"""(e) Xia et al. 2021, Tables 1 and 5: a whole frame at their sizes, with a grid a frame and one every eighth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lookmatte.benchmarks.lowres import region_looks
from lookmatte.benchmarks.rows import Options, Row, count, cpu_name
from lookmatte.benchmarks.scenes import hard_plate, linear, scene
from lookmatte.benchmarks.timing import Copy, Work, in_turns, torch_threads
from lookmatte.looks.bake import resolve
from lookmatte.looks.baker import Baker
from lookmatte.networks.model import Model
from lookmatte.rendering.apply import apply
from lookmatte.rendering.proxy import make_proxy

# Width, height, and the paper's own seconds on a V100 for r = 1 and r = 8 (Table 5).
SIZES = {
    "512x512": (512, 512, 0.0378, 0.0048),
    "1024x1024": (1024, 1024, 0.0380, 0.0049),
    "2000x2000": (2000, 2000, 0.0414, 0.0052),
    "3000x4000": (4000, 3000, 0.0464, 0.0058),
}
SUBSAMPLE = 8


@dataclass(frozen=True)
class Stages:
    """Seconds a frame: copying the floor's bytes, averaging the proxy, enhancing the rough matte (a part of
    baking that every frame needs), baking, and applying."""

    floor: float
    proxy: float
    enhance: float
    bake: float
    apply: float

    def frame(self, subsample: int) -> float:
        """A frame when every ``subsample``-th is baked: a rough matte is averaged and enhanced in each, and
        each is applied."""
        return self.proxy + self.enhance + max(self.bake - self.enhance, 0.0) / subsample + self.apply


def measure(options: Options) -> Iterator[Row]:
    """The rows: frame by frame and subsampled, then each stage."""
    names = ("512x512", "1024x1024") if options.quick else tuple(SIZES)
    for name in names:
        width, height, *theirs = SIZES[name]
        found = stages(options, *options.size(width, height))
        what = f"memcpy of 28 bytes a pixel on {count(options.threads, 'thread')}"
        device = cpu_name(options.threads)

        def row(
            suffix: str,
            seconds: float,
            note: str,
            name: str = name,
            floor: float = found.floor,
            what: str = what,
            device: str = device,
        ) -> Row:
            return Row(f"paper_{name}_{suffix}", seconds * 1e3, "ms", floor * 1e3, what, device, note)

        regions = "two regions, a rough matte and the rest, in memory"
        for subsample, their in zip((1, SUBSAMPLE), theirs, strict=True):
            note = f"{regions}; the paper: {their * 1e3:.1f} ms on a V100"
            if subsample > 1:
                note += (
                    f", which is its r1 over {SUBSAMPLE}; here applying is not divided, "
                    "nor what a rough matte needs of every frame"
                )
            yield row(f"r{subsample}", found.frame(subsample), note)
        yield row("proxy", found.proxy, "stage: the 256x256 average of the frame")
        yield row("bake", found.bake, f"stage: two grids, the matte enhanced ({found.enhance * 1e3:.1f} ms of it)")
        yield row("apply", found.apply, "stage: the grids resolved and applied")


def stages(options: Options, width: int, height: int) -> Stages:
    """Time each stage, and the floor, in turns."""
    made, colour = scene(hard_plate(width, height), 1, "grid"), linear()
    baker = Baker(Model.load(), region_looks(["grid", "rest"]), "coherent", lambda _: None)

    def average() -> object:
        return make_proxy(1, made.frame, colour, "premultiplied", made.mattes, with_rest=True)

    proxy = make_proxy(1, made.frame, colour, "premultiplied", made.mattes, with_rest=True)
    bake = baker.bake(proxy)
    # As in a render: the networks on one thread, while the other cores have bands and files.
    with torch_threads(1), Copy(width * height * 28, options.threads) as copy:
        works = [
            Work(copy),
            Work(average, made.restore),
            Work(lambda: baker.enhance(proxy)),
            Work(lambda: baker.bake(proxy, cut=False)),
            Work(lambda: apply(made.frame, resolve(bake), made.mattes, colour=colour), made.restore),
        ]
        return Stages(*in_turns(works, options.times, options.budget))
