"""From a gizmo's settings to a lookmatte job. No Nuke in here."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple, Union

REGION = "region"
"""What the gizmo's one region is called in jobs and bakes, unless it is the whole frame: that is ``rest``."""

MATTE = "mask.a"
"""The channel in which what Nuke wrote holds the region's matte, in Nuke and in the file; a layer that Nuke always
has."""

_STEADY = 1e-6
_HIDDEN_DIGITS = 12


class SettingsError(Exception):
    """Settings that make no job; one line for each thing to put right."""


class Names(NamedTuple):
    """The region by names of a cryptomatte in the plate's own file."""

    names: tuple[str, ...]
    layer: str


class Written(NamedTuple):
    """The region by a matte that Nuke wrote: ``file`` is the plate's own pattern, or one beside it."""

    file: str


Matte = Union[None, Names, Written]


class Settings(NamedTuple):
    """What a person sets. ``coverage`` and ``exact`` are resolved: what the matte's values mean, and how the region
    ends. ``stops`` None: no exposure limit. ``space`` None: what the file says."""

    style: str
    style_matte: str = ""
    whole: bool = False
    coverage: bool = True
    exact: bool = True
    stops: float | None = None
    temporal: str = "coherent"
    subsample: int = 1
    cuts: tuple[int, ...] = ()
    space: str | None = None
    view: str = ""
    alpha: str = "premultiplied"
    model: str = ""


def parse_cuts(text: str) -> tuple[int, ...]:
    """Frames as a person lists them. SettingsError for what is no frame."""
    found = []
    for one in re.split(r"[\s,]+", text.strip()):
        if one:
            if not re.fullmatch(r"-?\d{1,9}", one):
                raise SettingsError(f"cuts: {one!r} is no frame; write frames with spaces between: 1013 1040")
            found.append(int(one))
    return tuple(sorted(set(found)))


def frames_text(first: int, last: int) -> str:
    """A range as a job writes it. SettingsError for one that ends before it begins."""
    if last < first:
        raise SettingsError(f"the range {first} to {last} has no frame; set first and last")
    return str(first) if first == last else f"{first}-{last}"


def keyframes(values: Mapping[int, float]) -> float | dict[str, float]:
    """The fewest keys whose straight lines give every frame's value within [0, 1]; a number where nothing changes.
    Keys are texts, as JSON wants them."""
    frames = sorted(values)
    held = {frame: round(min(1.0, max(0.0, values[frame])), _HIDDEN_DIGITS) for frame in frames}
    if not frames:
        return 1.0
    if all(abs(held[frame] - held[frames[0]]) < _STEADY for frame in frames):
        return held[frames[0]]
    kept = [0]
    for at in range(1, len(frames) - 1):
        start, end = frames[kept[-1]], frames[at + 1]
        slope = (held[end] - held[start]) / (end - start)
        between = frames[kept[-1] + 1 : at + 1]
        if any(abs(held[start] + slope * (frame - start) - held[frame]) > _STEADY for frame in between):
            kept.append(at)
    kept.append(len(frames) - 1)
    return {str(frames[at]): held[frames[at]] for at in kept}


def job_mapping(
    settings: Settings,
    plate: str,
    matte: Matte,
    output: str,
    frames: str,
    strength: float | Mapping[str, float] = 1.0,
) -> dict[str, Any]:
    """The job as a job file holds it; ``plate`` and ``output`` are absolute patterns.

    Raises SettingsError with a line for everything that lacks.
    """
    problems = []
    if not settings.style:
        problems.append("style: there is none; choose a reference picture, or connect one to the style input")
    if not settings.whole and matte is None:
        problems.append("region: there is no matte; connect the mask input, or set region to 'whole frame'")
    if not plate:
        problems.append("src: nothing is connected; connect the plate")
    if settings.subsample < 1:
        problems.append(f"bake every: must be 1 or more, not {settings.subsample}")
    if problems:
        raise SettingsError("\n".join(problems))
    region: dict[str, Any] = {"style": settings.style}
    if settings.style_matte:
        region["style"] = {"image": settings.style, "matte": settings.style_matte}
    if strength != 1.0:
        region["strength"] = dict(strength) if isinstance(strength, Mapping) else strength
    if settings.stops is not None:
        region["exposure_limit"] = settings.stops
    if not settings.whole:
        region.update(_source(matte, plate, settings.coverage))
        region["blend"] = "pixel" if settings.exact else "grid"
    job: dict[str, Any] = {
        "plate": plate,
        "output": output,
        "frames": frames,
        "regions": {"rest" if settings.whole else REGION: region},
        "temporal": {"mode": settings.temporal, "subsample": settings.subsample},
        "alpha": settings.alpha,
    }
    if settings.cuts:
        job["temporal"]["cuts"] = list(settings.cuts)
    colour = {"space": settings.space, "view": settings.view}
    if any(colour.values()):
        job["color"] = {key: value for key, value in colour.items() if value}
    return job


def _source(matte: Matte, plate: str, coverage: bool) -> dict[str, Any]:
    if isinstance(matte, Names):
        found: dict[str, Any] = {"cryptomatte": list(matte.names)}
        if matte.layer:
            found["layer"] = matte.layer
        return found
    assert matte is not None
    # A channel of the plate's own file is coverage, a matte file is the weight itself.
    if coverage and matte.file == plate:
        return {"channel": MATTE}
    return {"matte": {"file": matte.file, "channel": MATTE}}


def fingerprint(job: Mapping[str, Any], model: str) -> str:
    """A short name for the bake of a job: the same for the same grids, whatever the frames and the strength."""
    what = {key: value for key, value in job.items() if key not in ("frames", "output")}
    what["regions"] = {
        name: {key: value for key, value in region.items() if key not in ("strength", "exposure_limit")}
        for name, region in job["regions"].items()
    }
    return hashed({"job": what, "model": model})


def hashed(what: Any) -> str:
    """A short name for plain values."""
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]
