"""(g) Other programs on the same picture: colour transfer without mattes, in memory, 8 bits a channel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module, metadata, util
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from lookmatte.benchmarks.lowres import picture, region_looks
from lookmatte.benchmarks.rows import Options, Row, count, cpu_name
from lookmatte.benchmarks.scenes import SIZES, Plane, linear
from lookmatte.benchmarks.timing import Work, in_turns
from lookmatte.bilateral.encoding import decode
from lookmatte.imaging.frame import Frame
from lookmatte.imaging.writer import new_part
from lookmatte.looks.bake import resolve
from lookmatte.looks.baker import Baker
from lookmatte.networks.model import Model
from lookmatte.rendering.apply import apply
from lookmatte.rendering.proxy import make_proxy

Picture = NDArray[np.uint8]
Transfer = Callable[[Picture, Picture], Any]


def _color_matcher(method: str) -> Transfer:
    matcher = import_module("color_matcher").ColorMatcher()
    return lambda content, style: matcher.transfer(src=content, ref=style, method=method)


def _colortrans(method: str) -> Transfer:
    transfer: Transfer = getattr(import_module("colortrans"), f"transfer_{method}")
    return transfer


# Distribution and module, how one of its methods is made, and the methods.
PEERS: tuple[tuple[str, str, Callable[[str], Transfer], tuple[str, ...]], ...] = (
    ("color-matcher", "color_matcher", _color_matcher, ("mkl", "hm-mkl-hm")),
    ("colortrans", "colortrans", _colortrans, ("lhm", "reinhard")),
)


def measure(options: Options) -> Iterator[Row]:
    """The rows: lookmatte whole, then each peer against it."""
    width, height = options.size(*SIZES["1080p"])
    content, style = _bytes(width, height, 1), _bytes(256, 256, 100)
    device = cpu_name(options.threads)
    ours = _lookmatte(content)
    for package, module, make, every in PEERS:
        methods = every[:1] if options.quick else every
        what = f"lookmatte on {count(options.threads, 'thread')}: proxy, bake and apply of the same picture"
        names = [f"peer_{package}_{method}".replace("-", "_") for method in methods]
        if util.find_spec(module) is None:
            note = f"{package} is not installed: pip install 'lookmatte[bench]'"
            yield from (Row(name, None, "ms", None, what, device, note) for name in names)
            continue
        transfers = [make(method) for method in methods]
        works = [ours, *(Work(partial(transfer, content, style)) for transfer in transfers)]
        floor, *found = in_turns(works, 2, options.budget)
        note = f"{package} {metadata.version(package)}, {width}x{height}, whole frame, its own threads"
        for name, seconds in zip(names, found, strict=True):
            yield Row(name, seconds * 1e3, "ms", floor * 1e3, what, device, note)


def _bytes(width: int, height: int, seed: int) -> Picture:
    grown = functional.interpolate(picture(seed)[None], (height, width), mode="bilinear")[0]
    return (grown * 255.0).permute(1, 2, 0).to(torch.uint8).contiguous().numpy()


def _lookmatte(content: Picture) -> Work:
    """The same picture, scene-linear, as a decoded frame; the whole of it gets the style's look."""
    values = decode(torch.from_numpy(content).permute(2, 0, 1) / 255.0).numpy()
    stored: dict[str, Plane] = {name: values[index].copy() for index, name in enumerate("RGB")}
    frame = Frame(Path("plate.exr"), [new_part(stored)], ((0, "R"), (0, "G"), (0, "B")), None)
    baker = Baker(Model.load(), region_looks(["rest"]), "frame", lambda _: None)
    colour = linear()

    def run() -> None:
        proxy = make_proxy(1, frame, colour, "premultiplied", (), with_rest=True)
        apply(frame, resolve(baker.bake(proxy)), (), colour=colour)

    def restore() -> None:
        for index, key in enumerate(frame.rgb):
            np.copyto(frame.pixels(key), values[index])

    return Work(run, restore)
