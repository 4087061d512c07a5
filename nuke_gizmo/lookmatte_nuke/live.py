"""From a bake's folder to what the gizmo's Blink node needs to apply it: parameters, pictures and curves.

The standard library alone, Python 3.7, and nothing of Nuke: a caller writes what comes out of here into knobs.

>>> bake = Bake.open("/shots/sh010/hero.bake")
>>> region = bake.region("hero")                      # or bake.region() where the bake has one
>>> bake.parameters(region, coverage=True)            # kernel parameters that hold on all frames, by label
{'weighing': 1, 'to_rec709_r': (1.0, 0.0, 0.0), 'guide_00': (...), ...}
>>> bake.grid_pattern(region)                         # of the EXRs that grid_a and grid_b read
'/shots/sh010/hero.bake/00_hero.grid.%04d.exr'
>>> bake.curves(region, exposure_limit=2.0)           # knobs that change with the frame, as Nuke's curves
{'key_a': ('curve K x1001 1001 x1005 1005',), 'key_b': (...), 'take_a': (..., ..., ...), 'take_b': (...)}
>>> bake.at(region, 1003, exposure_limit=2.0)         # the same for one frame, as numbers
Frame(key_a=1001, key_b=1005, later=0.5, take_a=(0.0, 1.0, 1.0), take_b=(0.0, 1.0, 1.0))

The kernel is ``kernel/lookmatte_apply.blink``. Its inputs, in order, are :data:`INPUTS`; a knob of its BlinkScript
node is called ``Lookmatte_LABEL``. How they are wired:

- ``src`` is the plate, ``mask`` a picture whose alpha is the region's matte. Both are read where the pixel is.
- ``grid_a`` and ``grid_b`` are two Reads of ``grid_pattern``, raw, one held on frame ``key_a``, one on ``key_b``:
  the key frames before and after. ``later`` is an expression, :data:`LATER`, of those two knobs and the frame.
- ``matte`` is a Read of ``matte_pattern`` on the frame itself, raw, for a region with blend "grid"; any other
  picture where there is none (the kernel does not look at it then, but a BlinkScript node wants all of its inputs).
- ``strength``, ``ignore_alpha`` (1: the plate has no alpha, or it is no coverage), ``format_width`` and
  ``format_height`` (of the plate's format at full size, whatever is being rendered of it) are the gizmo's.
- The node's output covers the union of its inputs: crop it to the bounding box of ``src``.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Sequence
from typing import Any, NamedTuple, Tuple, Union

from . import exr
from .exposure import Exposure, ExposureError

Value = Union[int, float, Tuple[float, ...]]

KERNEL = "Lookmatte"
"""The kernel's name, with which the knobs of its parameters begin."""

INPUTS = ("src", "mask", "grid_a", "grid_b", "matte")
"""The kernel's inputs, in order."""

FORMAT = 2
"""The format of bakes that are read here."""

LATER = "key_b > key_a ? clamp((frame - key_a) / (key_b - key_a)) : 0"
"""Nuke's expression for the share of the later key frame, beside knobs ``key_a`` and ``key_b``."""

ALL, COVERAGE, WEIGHT, ENHANCED = 0, 1, 2, 3
"""What ``weighing`` says of a pixel's weight: 1; min(1, mask / alpha); the mask; the enhanced matte."""

WHOLE = (0.0, 1.0, 1.0)
"""A look of which an exposure limit takes nothing back, as ``take_a`` and ``take_b`` have it."""

DEPTH, HEIGHT, WIDTH, PROXY, HIDDEN = 8, 16, 16, 256, 16

# What format 2 means by the working encoding, the guide's reach and the bounds of what is stored; the names of the
# kernel's parameters.
CONSTANTS: dict[str, Value] = {
    "encoding": (0.0031308, 12.92, 0.055, 2.4),
    "highlight_stops": 2.9,
    "guide_reach": 0.25,
    "luma": (0.2126, 0.7152, 0.0722),
    "largest": 65504.0,
    "largest_float": 3.4028234663852886e38,
    "rounding": 1e-6,
}

_LARGEST_INDEX = 64 << 20
_STEM = re.compile(r"\d{2,}_[A-Za-z0-9_-]*")
_BLENDS = ("pixel", "grid", "rest")
_MEANT_BY_NUKE = "%#[]{}$\\\""


class LiveError(Exception):
    """Why a bake cannot be shown; one line for the user, which names what is wrong and what to do."""


class Region(NamedTuple):
    """A region of a bake. ``blend`` is "pixel", "grid" or "rest"; ``stem`` begins the names of its files."""

    name: str
    blend: str
    stem: str


class Frame(NamedTuple):
    """What the kernel's parameters are on one frame; ``key_a`` and ``key_b`` are frames of the grids."""

    key_a: int
    key_b: int
    later: float
    take_a: tuple[float, ...]
    take_b: tuple[float, ...]


class Segment(NamedTuple):
    """From frame ``start`` on, the grids lie between those of the key frames ``before`` and ``after``."""

    start: int
    before: int
    after: int


class Bake:
    """A bake on disk, as ``bake.json`` has it; made by :meth:`open`.

    ``folder`` with forward slashes; ``bake`` is its hash and ``model`` its model's; ``space`` the plate's colour
    space; ``regions``; ``keys`` and ``cuts``, ascending frames; ``complete``, False while it is being made.
    """

    def __init__(self, folder: str, data: dict[str, Any]) -> None:
        self.folder = folder
        self.bake = str(data["bake"])
        self.model = str(data["model"])
        self.space = str(data["color"]["space"])
        self.regions: tuple[Region, ...] = tuple(
            Region(str(one["name"]), str(one["blend"]), str(one["files"])) for one in data["regions"]
        )
        self.keys: list[int] = sorted({_whole(key) for key in data["keys"]})
        self.cuts: list[int] = sorted({_whole(cut) for cut in data["cuts"]})
        self.complete = data["complete"] is True
        self._matrix = _numbers(data["color"]["to_rec709"], (3, 3))
        self._w1 = _numbers(data["guide"]["w1"], (HIDDEN, 4))
        self._b1 = _numbers(data["guide"]["b1"], (HIDDEN,))
        self._w2 = _numbers(data["guide"]["w2"], (HIDDEN,))
        self._b2 = _numbers(data["guide"]["b2"], ())[0]
        self._back = _inverse(self._matrix)
        self._exposures: dict[tuple[str, int], Exposure] = {}

    @staticmethod
    def open(folder: str) -> Bake:
        """Read a bake's index, and check it. Raises LiveError for what is no bake, or none that is read here."""
        folder = folder.replace("\\", "/").rstrip("/") or "/"
        path = folder + "/bake.json"
        try:
            if os.path.getsize(path) > _LARGEST_INDEX:
                raise LiveError(f"{path}: too large to be a bake's index")
            with open(path, encoding="utf-8") as file:
                data = json.load(file)
        except FileNotFoundError:
            raise LiveError(f"{folder}: there is no bake here (no bake.json); bake first") from None
        except (OSError, ValueError, RecursionError) as error:
            raise LiveError(f"{path}: cannot be read as a bake ({error}); bake again") from None
        try:
            if data["format"] != FORMAT:
                raise LiveError(
                    f"{path}: bake format {data['format']}; this gizmo reads format {FORMAT}; use the gizmo and "
                    "the lookmatte of one version, and bake again"
                )
            size = "x".join(str(data["grid"][name]) for name in ("depth", "height", "width"))
            if size != f"{DEPTH}x{HEIGHT}x{WIDTH}":
                raise LiveError(f"{path}: its grids are {size}, not {DEPTH}x{HEIGHT}x{WIDTH}; bake again")
            bake = Bake(folder, data)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
            what = f"no {error}" if isinstance(error, KeyError) else str(error)
            raise LiveError(f"{path}: damaged, or no bake ({what}); bake again") from None
        bake._check(path)
        return bake

    def _check(self, path: str) -> None:
        strange = sorted({letter for letter in self.folder if letter in _MEANT_BY_NUKE})
        if strange:
            raise LiveError(
                f"{self.folder}: Nuke reads {' '.join(strange)} in a path as its own; bake into a folder without"
            )
        if not self.regions:
            raise LiveError(f"{path}: the bake has no regions; bake again")
        for name, blend, stem in self.regions:
            if blend not in _BLENDS:
                raise LiveError(f"{path}: region {name!r} has blend {blend!r}; there is: {', '.join(_BLENDS)}")
            if not _STEM.fullmatch(stem):
                raise LiveError(f"{path}: region {name!r} has files {stem!r}, which is no name in a bake")

    def region(self, name: str | None = None) -> Region:
        """The region of that name; None: the only one. LiveError where there is no such region."""
        names = [region.name for region in self.regions]
        if name is None and len(names) == 1:
            return self.regions[0]
        if name in names:
            return self.regions[names.index(name)]
        what = f"region {name!r} is not in the bake" if name is not None else "the bake has several regions"
        raise LiveError(f"{self.folder}: {what}; there is: {', '.join(names)}")

    def grid_pattern(self, region: Region) -> str:
        """The EXRs of a region's grids, one for each of ``keys``, in printf's form."""
        return f"{self.folder}/{region.stem}.grid.%04d.exr"

    def matte_pattern(self, region: Region) -> str | None:
        """The EXRs of its enhanced matte, one for each frame, in printf's form; None unless its blend is "grid"."""
        return f"{self.folder}/{region.stem}.matte.%04d.exr" if region.blend == "grid" else None

    def matte_frames(self, region: Region) -> list[int]:
        """The frames of which an enhanced matte is there, ascending."""
        return self._frames_on_disk(region.stem + ".matte.")

    def missing(self, region: Region) -> list[str]:
        """Files of a region's grids that are not there, by name; a bake that was copied in part has some."""
        there = set(self._frames_on_disk(region.stem + ".grid."))
        pattern = os.path.basename(self.grid_pattern(region))
        return [pattern % key for key in self.keys if key not in there]

    def _frames_on_disk(self, start: str) -> list[int]:
        try:
            names = os.listdir(self.folder)
        except OSError as error:
            raise LiveError(f"{self.folder}: cannot be listed ({error.strerror})") from None
        found = (re.fullmatch(re.escape(start) + r"(-?\d+)\.exr", name) for name in names)
        return sorted(int(match.group(1)) for match in found if match)

    def parameters(self, region: Region, coverage: bool) -> dict[str, Value]:
        """The kernel's parameters that are the same on all frames, by label.

        ``coverage``: the mask is coverage from the plate's own render (cryptomatte, an AOV), alpha included; False:
        it is the weight itself (roto, a matte file). Of "grid" and "rest" regions it says nothing.
        """
        matte = 0.0 if region.blend == "rest" else 1.0
        units = range(HIDDEN)
        # What the guide sees of the matte is one number: its weights join the biases.
        rows = [(*self._w1[4 * k : 4 * k + 3], self._b1[k] + matte * self._w1[4 * k + 3]) for k in units]
        found: dict[str, Value] = dict(CONSTANTS)
        found["weighing"] = {"rest": ALL, "grid": ENHANCED}.get(region.blend, COVERAGE if coverage else WEIGHT)
        for k, channel in enumerate("rgb"):
            found[f"to_rec709_{channel}"] = self._matrix[3 * k : 3 * k + 3]
            found[f"from_rec709_{channel}"] = self._back[3 * k : 3 * k + 3]
        found.update({f"guide_{k:02d}": row for k, row in enumerate(rows)})
        found.update({f"guide_out_{k}": self._w2[4 * k : 4 * k + 4] for k in range(HIDDEN // 4)})
        found["guide_bias"] = self._b2
        return found

    def segments(self) -> list[Segment]:
        """The key frames on both sides of any frame, on its own side of every cut. The first segment also holds
        before its start, the last one for ever. LiveError where there are no key frames."""
        if not self.keys:
            raise LiveError(f"{self.folder}: nothing is baked yet; bake first")
        found: list[Segment] = []
        bounds = [-math.inf] + [float(cut) for cut in self.cuts] + [math.inf]
        for begin, end in zip(bounds, bounds[1:]):
            own = [key for key in self.keys if begin <= key < end]
            if own and begin > -math.inf and begin < own[0]:
                found.append(Segment(int(begin), own[0], own[0]))
            found.extend(Segment(key, key, after) for key, after in zip(own, own[1:] + own[-1:]))
        return found

    def at(self, region: Region, frame: float, exposure_limit: float | None = None) -> Frame:
        """The parameters of one frame, which may lie between two; ``exposure_limit`` in stops, None: there is none.
        LiveError where a grid that a limit must know is missing or damaged."""
        segments = self.segments()
        here = segments[0]
        for segment in segments:
            if segment.start <= frame:
                here = segment
        later = 0.0
        if here.after > here.before:
            later = min(max((frame - here.before) / (here.after - here.before), 0.0), 1.0)
        takes = (self.take(region, key, exposure_limit) for key in (here.before, here.after))
        return Frame(here.before, here.after, later, *takes)

    def take(self, region: Region, key: int, exposure_limit: float | None) -> tuple[float, ...]:
        """What an exposure limit takes back of a key frame's look, as ``take_a`` and ``take_b`` have it."""
        if exposure_limit is None:
            return WHOLE
        if (region.stem, key) not in self._exposures:
            self._exposures[region.stem, key] = _exposure(self.grid_pattern(region) % key)
        return self._exposures[region.stem, key].take(exposure_limit)

    def curves(self, region: Region, exposure_limit: float | None = None) -> dict[str, tuple[str, ...]]:
        """Nuke's curves, one for each component, for knobs ``key_a``, ``key_b``, ``take_a`` and ``take_b``."""
        segments = self.segments()
        rows = [
            (
                (float(one.before),),
                (float(one.after),),
                self.take(region, one.before, exposure_limit),
                self.take(region, one.after, exposure_limit),
            )
            for one in segments
        ]
        starts = [one.start for one in segments]
        return {
            name: tuple(_curve(starts, values) for values in zip(*column))
            for name, column in zip(("key_a", "key_b", "take_a", "take_b"), zip(*rows))
        }


def _curve(starts: Sequence[int], values: Sequence[float]) -> str:
    """A curve of steps, in Nuke's text; each value holds from its frame to the next."""
    steps = ["K"]
    last: float | None = None
    for start, value in zip(starts, values):
        if value != last:
            steps.append(f"x{start} {int(value) if value == int(value) else value!r}")
        last = value
    return "curve " + " ".join(steps)


def _exposure(path: str) -> Exposure:
    """What a grid's file says of its exposure. LiveError where the file is none of a bake's."""
    try:
        header = exr.read_header(path)
        if header.size != (DEPTH * WIDTH, 3 * HEIGHT):
            raise LiveError(f"{path}: is {header.size[0]}x{header.size[1]}, and so no grid of a bake; bake again")
        return Exposure.parse(header.text("lookmatte:exposure"))
    except FileNotFoundError:
        raise LiveError(f"{path}: missing from the bake; bake again") from None
    except (OSError, exr.HeaderError, ExposureError) as error:
        raise LiveError(f"{path}: damaged ({error}); bake again") from None


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > 10**9:
        raise ValueError(f"{value!r} is no frame")
    return value


def _numbers(values: Any, shape: tuple[int, ...]) -> tuple[float, ...]:
    """Nested lists of that shape as one flat tuple of finite numbers; ValueError for anything else."""
    if not shape:
        if isinstance(values, bool) or not isinstance(values, (int, float)) or not math.isfinite(values):
            raise ValueError(f"{values!r} is no number")
        return (float(values),)
    if not isinstance(values, list) or len(values) != shape[0]:
        raise ValueError("the guide's weights or the matrix have another shape")
    return tuple(number for one in values for number in _numbers(one, shape[1:]))


def _inverse(m: tuple[float, ...]) -> tuple[float, ...]:
    """The inverse of a 3x3 matrix, by rows. ValueError where there is none."""
    a = m[4] * m[8] - m[5] * m[7]
    b = m[5] * m[6] - m[3] * m[8]
    c = m[3] * m[7] - m[4] * m[6]
    determinant = m[0] * a + m[1] * b + m[2] * c
    if abs(determinant) < 1e-9:
        raise ValueError("color.to_rec709 is no invertible 3x3 matrix")
    adjugate = (
        a, m[2] * m[7] - m[1] * m[8], m[1] * m[5] - m[2] * m[4],
        b, m[0] * m[8] - m[2] * m[6], m[2] * m[3] - m[0] * m[5],
        c, m[1] * m[6] - m[0] * m[7], m[0] * m[4] - m[1] * m[3],
    )  # fmt: skip
    return tuple(value / determinant for value in adjugate)
