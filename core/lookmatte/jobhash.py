"""What a bake and a frame depend on, as one checksum: equal on every machine and in every process."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path, PurePath
from typing import Any

from lookmatte.errors import InputError
from lookmatte.imaging.memory import too_large
from lookmatte.imaging.patience import patiently
from lookmatte.job import Cryptomatte, Job, MatteFile, Region, StyleRef

FORMAT = 2  # raise it when the same job would bake other grids


def checksum(path: str | Path) -> str:
    """SHA-256 of a file's contents in hexadecimal. Raises InputError when it cannot be read."""
    try:
        return patiently(lambda: _checksum(path), path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _checksum(path: str | Path) -> str:
    if said := too_large(Path(path)):
        raise InputError(said)
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _picture(style: StyleRef) -> list[str | None]:
    return [checksum(style.image), None if style.matte is None else checksum(style.matte)]


def _region(region: Region, adjustments: bool) -> dict[str, Any]:
    source = None
    if region.source is not None:
        source = {"kind": type(region.source).__name__, **asdict(region.source)}
        if isinstance(region.source, Cryptomatte):
            source["names"] = sorted(set(region.source.names))
        elif isinstance(region.source, MatteFile):
            source["pattern"] = PurePath(region.source.pattern).name
    content: dict[str, Any] = {
        "name": region.name,
        "source": source,
        "style": [[frame, *_picture(picture)] for frame, picture in region.style.keys],
        "ease": region.style.ease,
        "blend": region.blend,
    }
    if adjustments:
        content["strength"] = asdict(region.strength)
        content["exposure_limit"] = region.exposure_limit
    return content


def _digest(job: Job, model_checksum: str, config: str, *, adjustments: bool) -> str:
    content: dict[str, Any] = {
        "format": FORMAT,
        "model": model_checksum,
        "plate": PurePath(job.plate).name,
        "part": job.part,
        "color": asdict(job.color),
        "alpha": job.alpha,
        "temporal": asdict(job.temporal),
        # The order of regions never matters to the picture.
        "regions": [_region(region, adjustments) for region in sorted(job.regions, key=lambda r: r.name)],
        "rest": None if job.rest is None else _region(job.rest, adjustments),
    }
    if config:
        content["config"] = config
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def bake_hash(job: Job, model_checksum: str, config: str = "") -> str:
    """SHA-256 (hexadecimal) of what a job's grids depend on.

    That is the resolved job without frames, output, strength and exposure limit, the model, the colour ``config``
    that the job asks for its spaces (see ``Shot.config``), and the contents of the styles, so that a copied or
    renamed reference picture bakes nothing anew. Plate and mattes enter by the names of their files and not by
    their folders, which differ among the machines of a farm; whether the files changed is for the caller to
    compare. Raises InputError for a style that cannot be read.
    """
    return _digest(job, model_checksum, config, adjustments=False)


def job_hash(job: Job, model_checksum: str, config: str = "") -> str:
    """SHA-256 of what a job's frames depend on: what ``bake_hash`` covers, strength and exposure limit."""
    return _digest(job, model_checksum, config, adjustments=True)


def places_hash(job: Job) -> str:
    """SHA-256 of where plate and mattes lie on this machine: two plates of one name are two shots."""
    mattes = sorted(one.source.pattern for one in job.regions if isinstance(one.source, MatteFile))
    places = [job.plate, *mattes]
    return hashlib.sha256("\n".join(places).encode("utf-8", "surrogateescape")).hexdigest()
