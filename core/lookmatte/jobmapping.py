"""A job as the plain values of a job file: what another process, or another machine, is given of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lookmatte.job import Channel, Cryptomatte, Ease, Job, MatteFile, Region, Source, StyleRef


def as_mapping(job: Job) -> dict[str, Any]:
    """The keys of a job file that mean this job, with absolute paths; ``Job.from_mapping`` makes an equal one."""
    color = {"space": job.color.space, "view": job.color.view}
    mapping: dict[str, Any] = {
        "plate": job.plate if job.part is None else {"file": job.plate, "part": job.part},
        "frames": job.frames,
        "output": job.output,
        "color": {key: value for key, value in color.items() if value is not None} or None,
        "alpha": job.alpha,
        "regions": {region.name: _region(region) for region in job.everything},
        "temporal": {
            "mode": job.temporal.mode,
            "subsample": job.temporal.subsample,
            "cuts": list(job.temporal.cuts),
        },
    }
    return {key: value for key, value in mapping.items() if value is not None}


def _region(region: Region) -> dict[str, Any]:
    found = {} if region.source is None else {**_source(region.source), "blend": region.blend}
    found["style"] = _keyed([(frame, _picture(style)) for frame, style in region.style.keys], region.style.ease)
    found["strength"] = _keyed(region.strength.keys, region.strength.ease)
    if region.exposure_limit is not None:
        found["exposure_limit"] = region.exposure_limit
    return found


def _source(source: Source) -> dict[str, Any]:
    if isinstance(source, Cryptomatte):
        return {"cryptomatte": list(source.names), **({} if source.layer is None else {"layer": source.layer})}
    if isinstance(source, Channel):
        return {"channel": source.name}
    assert isinstance(source, MatteFile)
    given = source.pattern if source.channel is None else {"file": source.pattern, "channel": source.channel}
    return {"matte": given}


def _picture(style: StyleRef) -> Any:
    return style.image if style.matte is None else {"image": style.image, "matte": style.matte}


def _keyed(keys: Sequence[tuple[int, Any]], ease: Ease) -> Any:
    """Keyframes, or the one value that was written without any."""
    if [frame for frame, _ in keys] == [0] and ease == "linear":
        return keys[0][1]
    return {**dict(keys), "ease": ease}
