"""(b) The low-resolution path of one frame, as a fraction of VGG-19 to conv4_1 on the same threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count as counting

import torch
from torch import Tensor, nn

from lookmatte.benchmarks.rows import Options, Row, count, cpu_name
from lookmatte.benchmarks.timing import Work, in_turns, torch_threads
from lookmatte.looks.bake import Blend
from lookmatte.looks.baker import Baker, RegionLook, StylePicture
from lookmatte.looks.proxy import PROXY, FrameProxy, RegionProxy
from lookmatte.networks.model import Model

# Simonyan and Zisserman 2014, configuration E, to conv4_1; 0 is a pooling.
_VGG = (64, 64, 0, 128, 128, 0, 256, 256, 256, 256, 0, 512)
_FRAMES = 4


def measure(options: Options) -> Iterator[Row]:
    """The rows: with one thread, as a render bakes while bands and files keep the others busy, and with all."""
    yield from _rows(options, "lowres_vs_vgg19", 1)
    if options.threads > 1 and not options.quick:
        yield from _rows(options, "lowres_vs_vgg19_all_threads", options.threads)


def _rows(options: Options, name: str, threads: int) -> Iterator[Row]:
    with torch_threads(threads):
        works = [Work(_faster_vgg()), Work(baking(1)), Work(baking(4))]
        for work in works[1:]:
            work.seconds()
        floor, one, four = in_turns(works, options.times, 2.0 * options.budget)
    what = f"VGG-19 to conv4_1 at {PROXY}x{PROXY}, float32, {count(threads, 'thread')}, its faster memory layout"
    device, note = cpu_name(threads), "proxy to bake, style codes kept, coherent statistics"
    yield Row(name, one * 1e3, "ms", floor * 1e3, what, device, f"{note}; one region")
    yield Row(f"{name}_r4", four * 250.0, "ms", floor * 1e3, what, device, f"{note}; four regions, divided by four")


def vgg19() -> nn.Module:
    """The architecture with random weights, upon which no time depends."""
    layers: list[nn.Module] = []
    before = 3
    for channels in _VGG:
        if channels == 0:
            layers.append(nn.MaxPool2d(2))
            continue
        layers += [nn.Conv2d(before, channels, 3, padding=1), nn.ReLU(inplace=True)]
        before = channels
    return nn.Sequential(*layers).eval().requires_grad_(False)


def _faster_vgg() -> Callable[[], object]:
    """VGG-19 in the memory layout that is faster here."""
    layouts = [judging(layout) for layout in (torch.contiguous_format, torch.channels_last)]
    for vgg in layouts:
        vgg()
    found = in_turns([Work(vgg) for vgg in layouts], 2, 0.0)
    return layouts[found.index(min(found))]


def judging(layout: torch.memory_format) -> Callable[[], object]:
    """VGG-19 on a picture, both in a memory layout."""
    vgg = vgg19().to(memory_format=layout)  # type: ignore[call-overload]
    seen = torch.rand(1, 3, PROXY, PROXY).contiguous(memory_format=layout)

    @torch.no_grad()
    def judge() -> object:
        return vgg(seen)

    return judge


def baking(regions: int, blend: Blend = "pixel") -> Callable[[], object]:
    """Bakes the next of some frames each time that it is called."""
    baker = Baker(Model.load(), region_looks([blend] * regions), "coherent", lambda _: None)
    proxies = [proxy(regions, frame) for frame in range(_FRAMES)]
    turn = counting()
    return lambda: baker.bake(proxies[next(turn) % _FRAMES], cut=False)


def region_looks(blends: list[Blend]) -> list[RegionLook]:
    """One region a blend, each with a style of its own; the names are ``m0``, ``m1``, ... and ``rest``."""
    return [
        RegionLook("rest" if blend == "rest" else f"m{index}", blend, (style(index),))
        for index, blend in enumerate(blends)
    ]


def style(seed: int) -> StylePicture:
    """A reference picture."""
    return StylePicture(picture(seed + 100), torch.ones(PROXY, PROXY))


def picture(seed: int) -> Tensor:
    """(3, 256, 256) in [0, 1]: soft shapes in colours of their own, with grain."""
    draw = torch.Generator().manual_seed(seed)
    soft = nn.functional.interpolate(torch.rand(1, 3, 6, 6, generator=draw), (PROXY, PROXY), mode="bicubic")[0]
    grain = 0.02 * torch.randn(3, PROXY, PROXY, generator=draw)
    return (soft + grain).clamp(0.0, 1.0)


def proxy(regions: int, frame: int) -> FrameProxy:
    """A frame's proxy with ``regions`` regions side by side."""
    rgb, ones = picture(frame), torch.ones(PROXY, PROXY)
    found = {}
    for index in range(regions):
        matte = torch.zeros(PROXY, PROXY)
        matte[:, PROXY * index // regions : PROXY * (index + 1) // regions] = 1.0
        found[f"m{index}"] = RegionProxy(rgb, matte, matte)
    return FrameProxy(frame, rgb, ones, found)
