"""A job: which plate, which regions, which look each one takes, and where the result goes.

``Job.load`` reads the YAML file that an artist writes, ``Job.from_mapping`` takes the same keys as a Python
mapping. Both report every mistake at once, in one InputError with one line each. What they return is
resolved: paths are absolute, variables are expanded, numbers are in range, and the reference pictures exist.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Ease = Literal["linear", "smooth"]
Blend = Literal["pixel", "grid"]
Mode = Literal["frame", "coherent", "shot"]
Alpha = Literal["premultiplied", "ignore"]


@dataclass(frozen=True)
class Cryptomatte:
    """The summed coverage of objects by name, wildcard or id; ``layer`` None: the first that has it."""

    names: tuple[str, ...]
    layer: str | None = None


@dataclass(frozen=True)
class Channel:
    """A channel of the plate's own file, ``mask_sky.R``, as coverage in [0, 1]."""

    name: str


@dataclass(frozen=True)
class MatteFile:
    """A file or sequence of mattes; ``channel`` None: its only channel, or its first colour channel."""

    pattern: str
    channel: str | None = None


Source = Cryptomatte | Channel | MatteFile


def span(keys: tuple[int, ...], frame: float, ease: Ease) -> tuple[int, int, float]:
    """Return (index before, index after, t in [0, 1]) of a frame among ascending key frames.

    Held before the first and after the last; on a key both indices are that key and t is 0. ``smooth`` is
    smoothstep, 3 t^2 - 2 t^3.
    """
    after = bisect_right(keys, frame)
    if after == 0:
        return 0, 0, 0.0
    before = after - 1
    if after == len(keys) or keys[before] == frame:
        return before, before, 0.0
    t = (frame - keys[before]) / (keys[after] - keys[before])
    return before, after, t * t * (3.0 - 2.0 * t) if ease == "smooth" else t


@dataclass(frozen=True)
class StyleRef:
    """A reference picture, and the matte of the part of it that counts (white counts); absolute paths."""

    image: str
    matte: str | None = None


@dataclass(frozen=True)
class Style:
    """Reference pictures over time: (frame, picture) in ascending order. A single one always holds."""

    keys: tuple[tuple[int, StyleRef], ...]
    ease: Ease = "linear"

    @property
    def pictures(self) -> tuple[StyleRef, ...]:
        """The pictures in the order of their keys; ``mix_at`` counts in it."""
        return tuple(picture for _, picture in self.keys)

    def mix_at(self, frame: float) -> tuple[int, int, float]:
        """Return (index_a, index_b, t): the look is (1 - t) of picture a and t of picture b."""
        return span(tuple(key for key, _ in self.keys), frame, self.ease)


@dataclass(frozen=True)
class Strength:
    """How much of the look is applied, in [0, 1], over time; a single key holds on every frame."""

    keys: tuple[tuple[int, float], ...] = ((0, 1.0),)
    ease: Ease = "linear"

    def at(self, frame: float) -> float:
        """Interpolate between the keys; exact on a key, held before the first and after the last."""
        a, b, t = span(tuple(key for key, _ in self.keys), frame, self.ease)
        start, end = self.keys[a][1], self.keys[b][1]
        return start if t == 0.0 else (1.0 - t) * start + t * end


@dataclass(frozen=True)
class Region:
    """A matte, a style and a strength. ``source`` is None for ``rest`` alone: whatever no region covers.

    ``exposure_limit`` bounds the change of the region's mean scene-linear luminance, in stops; None: free.
    """

    name: str
    source: Source | None
    style: Style
    strength: Strength = Strength()
    exposure_limit: float | None = None
    blend: Blend = "pixel"

    def strength_at(self, frame: float) -> float:
        """Strength in [0, 1] on a frame."""
        return self.strength.at(frame)

    def style_mix_at(self, frame: float) -> tuple[int, int, float]:
        """Return (index_a, index_b, t) into ``style.pictures``: (1 - t) of a and t of b."""
        return self.style.mix_at(frame)


@dataclass(frozen=True)
class Color:
    """The plate's colour space (None: what the file says), and the OCIO view that the styles were seen in."""

    space: str | None = None
    view: str | None = None


@dataclass(frozen=True)
class Temporal:
    """How frames share statistics; ``subsample`` r predicts every r-th grid; a cut starts a shot anew."""

    mode: Mode = "coherent"
    subsample: int = 1
    cuts: tuple[int, ...] = ()


@dataclass(frozen=True)
class Job:
    """A resolved job. ``plate`` and ``output`` are absolute patterns; ``frames`` None: all on disk. ``part`` names
    the part, layer or view whose colour is styled; None: the one that is the picture."""

    plate: str
    output: str
    regions: tuple[Region, ...] = ()
    rest: Region | None = None
    frames: str | None = None
    color: Color = Color()
    alpha: Alpha = "premultiplied"
    temporal: Temporal = Temporal()
    part: str | None = None

    @classmethod
    def load(cls, path: str | Path, shot: str | None = None) -> Job:
        """Read a YAML job file; paths in it are relative to its folder. Of several ``shots`` name one.

        Raises InputError with a line ``job.yaml:12: key: what is wrong`` for every mistake in the file.
        """
        from lookmatte.jobfile import load

        return load(Path(path), shot)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any], base: str | Path) -> Job:
        """Build a job from the job file's keys as plain Python values; relative paths start at ``base``.

        Raises InputError with a line for every mistake.
        """
        from lookmatte.jobfile import from_mapping

        return from_mapping(mapping, Path(base))

    @property
    def everything(self) -> tuple[Region, ...]:
        """The regions in the file's order, then ``rest`` if there is one."""
        return self.regions if self.rest is None else (*self.regions, self.rest)


def load_shots(path: str | Path) -> dict[str, Job]:
    """Read every shot of a job file, by name and in the file's order. A file without ``shots`` is one, under the
    file's own name without its suffix. Raises InputError with a line for every mistake."""
    from lookmatte.jobfile import load_shots

    return {Path(path).stem if name is None else name: job for name, job in load_shots(Path(path)).items()}
