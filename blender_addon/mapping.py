# SPDX-License-Identifier: GPL-3.0-or-later
"""From a node's settings to a lookmatte job. No Blender in here."""

from __future__ import annotations

import difflib
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

CRYPTOMATTES = {"OBJECT": "CryptoObject", "MATERIAL": "CryptoMaterial", "ASSET": "CryptoAsset"}
"""Kinds of a region that pick a name, and the pass of Blender's that holds it."""

_UNSAFE = '/\\:*?"<>|'
_STEADY = 1e-6
_NAMED = 6


class SettingsError(Exception):
    """Settings that make no job; one line for each thing to put right."""


@dataclass(frozen=True)
class RegionSettings:
    """One region. ``kind``: OBJECT, MATERIAL, ASSET (``target`` is a name of that kind), NAME (of any cryptomatte),
    PASS (``target`` is a channel, ``ViewLayer.Mask.R``), FILE (a matte's path or pattern), REST (what the others
    leave, or the whole picture). ``style`` is a path, "" for none; ``problem`` says why there is no path.
    ``strength`` is 0 to 1, one number or one for each frame. ``blend`` None: what suits the kind.
    ``exposure_limit`` in stops."""

    kind: str
    target: str
    style: str
    strength: float | Mapping[int, float] = 1.0
    blend: str | None = None
    exposure_limit: float | None = None
    problem: str = ""

    @property
    def label(self) -> str:
        """What the region is called in a message."""
        if self.kind == "REST":
            return "everything else"
        target = os.path.basename(self.target) if self.kind == "FILE" else self.target
        return f"{self.kind.lower()} {target!r}" if self.target else f"{self.kind.lower()} without a name"


@dataclass(frozen=True)
class NodeSettings:
    """A node: its regions, how time is treated (frame, coherent, shot), and the view layer it belongs to;
    ``problem`` says why there is none."""

    regions: tuple[RegionSettings, ...]
    temporal: str = "coherent"
    view_layer: str = "ViewLayer"
    problem: str = ""


def keyframes(values: Mapping[int, float]) -> float | dict[int, float]:
    """The fewest keys whose straight lines give every frame's value; a number where nothing changes."""
    frames = sorted(values)
    if not frames:
        return 1.0
    if all(abs(values[frame] - values[frames[0]]) < _STEADY for frame in frames):
        return _rounded(values[frames[0]])
    kept = [frames[0]]
    for index in range(1, len(frames) - 1):
        start, end = kept[-1], frames[index + 1]
        between = frames[frames.index(start) + 1 : index + 1]
        slope = (values[end] - values[start]) / (end - start)
        if any(abs(values[start] + slope * (frame - start) - values[frame]) > _STEADY for frame in between):
            kept.append(frames[index])
    kept.append(frames[-1])
    return {frame: _rounded(values[frame]) for frame in kept}


def _rounded(value: float) -> float:
    # Blender's floats are single: 0.6 arrives as 0.6000000238, which is not what was typed.
    return round(min(1.0, max(0.0, value)), 6)


def job_mapping(settings: NodeSettings, plate: str, output: str, frames: str | None = None) -> dict[str, Any]:
    """The job as a job file holds it; ``plate`` and ``output`` are absolute patterns.

    Raises SettingsError with a line for every region that lacks something.
    """
    problems = _problems(settings)
    if problems:
        raise SettingsError("\n".join(problems))
    regions: dict[str, Any] = {}
    for number, region in enumerate(settings.regions, 1):
        target = os.path.basename(region.target) if region.kind == "FILE" else region.target
        name = "rest" if region.kind == "REST" else region_name(number, target)
        regions[name] = _region(region, settings.view_layer)
    job: dict[str, Any] = {
        # Blender puts the composite into the same file; the look belongs on what was rendered.
        "plate": {"file": plate, "part": f"{settings.view_layer}.Combined"},
        "output": output,
        "regions": regions,
        "temporal": {"mode": settings.temporal},
    }
    if frames is not None:
        job["frames"] = frames
    return job


def _problems(settings: NodeSettings) -> list[str]:
    problems = [settings.problem] if settings.problem else []
    if not settings.regions:
        return [*problems, "the node has no region; add one and pick an object"]
    for number, region in enumerate(settings.regions, 1):
        who = f"region {number} ({region.label})"
        if region.kind != "REST" and not region.target.strip():
            problems.append(f"{who}: {_WANTED[region.kind]}")
        if region.problem:
            problems.append(f"{who}: {region.problem}")
        elif not region.style:
            problems.append(f"{who}: has no style; open a reference picture")
    if sum(region.kind == "REST" for region in settings.regions) > 1:
        problems.append("two regions are Everything Else; remove one")
    return problems


def nearest(name: str, there: Sequence[str]) -> str:
    """For a message on a name that is not there: ``; nearest: A, B``, or which ones there are."""
    folded = {one.casefold(): one for one in there}
    close = difflib.get_close_matches(name.casefold(), list(folded), cutoff=0.5)
    if close:
        return f"; nearest: {', '.join(folded[one] for one in close)}"
    more = f" and {len(there) - _NAMED} more" if len(there) > _NAMED else ""
    return f"; there is: {', '.join(there[:_NAMED])}{more}"


_WANTED = {
    "OBJECT": "pick an object",
    "MATERIAL": "pick a material",
    "ASSET": "pick an asset: the name of a topmost parent",
    "NAME": "write a cryptomatte name, * and ? are wildcards",
    "PASS": "write a channel of the render, ViewLayer.Mask.R",
    "FILE": "choose a matte file or sequence",
}


def region_name(number: int, target: str) -> str:
    """A name that a job accepts: the number makes it unique."""
    plain = "".join("_" if sign in _UNSAFE or not sign.isprintable() else sign for sign in target)
    return f"{number} {plain}"[:64].strip()


def _region(region: RegionSettings, view_layer: str) -> dict[str, Any]:
    made: dict[str, Any] = {"style": region.style}
    if region.kind in CRYPTOMATTES:
        made["cryptomatte"] = [region.target]
        made["layer"] = f"{view_layer}.{CRYPTOMATTES[region.kind]}"
    elif region.kind == "NAME":
        made["cryptomatte"] = [region.target]
    elif region.kind == "PASS":
        made["channel"] = region.target
    elif region.kind == "FILE":
        made["matte"] = region.target
    strength = region.strength
    keyed = keyframes(strength) if isinstance(strength, Mapping) else _rounded(strength)
    # JSON has no whole numbers as keys, a job file reads both.
    made["strength"] = {str(frame): value for frame, value in keyed.items()} if isinstance(keyed, dict) else keyed
    if region.exposure_limit is not None:
        made["exposure_limit"] = round(region.exposure_limit, 6)
    if region.blend is not None and region.kind != "REST":
        made["blend"] = region.blend
    return made


def fingerprint(settings: NodeSettings, frame: int, over: str = "") -> str:
    """A short name for what a node makes of a frame: the same settings, the same name, wherever the files lie.
    ``over`` names the look that it goes over. Raises SettingsError."""
    regions = (
        replace(one, strength=one.strength[frame]) if isinstance(one.strength, Mapping) else one
        for one in settings.regions
    )
    job = job_mapping(replace(settings, regions=tuple(regions)), "", "")
    return hashlib.sha256(json.dumps([job, over], sort_keys=True).encode()).hexdigest()[:16]
