"""The folder of a farm's job: its template, the job itself, and what AWS Deadline Cloud asks beside these."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from lookmatte.errors import InputError, LookmatteError
from lookmatte.farm.frames import from_openjd, to_openjd
from lookmatte.farm.template import MAX_CHUNKS, MAX_TEXT, Order, template
from lookmatte.imaging.cryptolayers import layers
from lookmatte.imaging.manifest import EMBEDDED
from lookmatte.imaging.patience import patiently
from lookmatte.imaging.reader import read_header
from lookmatte.imaging.sequence import Sequence, describe_frames, parse_frames
from lookmatte.imaging.wholefile import remove, why, write_bytes, write_whole
from lookmatte.job import Cryptomatte, Job, MatteFile
from lookmatte.jobmapping import as_mapping
from lookmatte.jobtree import dump_yaml

TEMPLATE, JOB, MODEL = "template.yaml", "job.yaml", "model.safetensors"
VALUES, ASSETS = "parameter_values.yaml", "asset_references.yaml"
_OWN = (TEMPLATE, JOB, MODEL, VALUES, ASSETS, "bake")


def frames_of(job: Job, asked: str | None) -> tuple[int, ...]:
    """The frames that a farm is to write: of the job those that are ``asked`` for, else all. Raises InputError."""
    plate = Sequence.parse(job.plate, Path())
    whole = plate.on_disk() if job.frames is None else sorted(parse_frames(job.frames))
    if not whole:
        raise InputError(f"{plate}: no frame is there yet; write `frames` in the job")
    if asked is None:
        return tuple(whole)
    chosen = set(parse_frames(asked))
    strange = sorted(chosen - set(whole))
    if strange:
        raise InputError(f"--frames: {describe_frames(strange)} not in the job; it has {describe_frames(whole)}")
    return tuple(sorted(chosen))


def check_order(order: Order) -> None:
    """Raise InputError for an order that no engine takes."""
    if not order.extension and order.tasks - 1 > MAX_CHUNKS:
        least = -(-len(order.frames) // MAX_CHUNKS)
        raise InputError(f"--chunk: {order.tasks - 1} chunks, and engines take {MAX_CHUNKS}; write {least} or more")
    if order.extension and len(to_openjd(order.frames)) > MAX_TEXT:
        raise InputError(
            f"the frames {describe_frames(order.frames)} are more than an engine takes in a line; "
            "use --fixed-chunks, or write a whole range as `frames` in the job"
        )


def check_folder(folder: Path) -> None:
    """Raise InputError when a folder holds what no bundle does: it would be mixed with it, and sent with it."""
    try:
        there = patiently(lambda: os.listdir(folder), folder)
    except FileNotFoundError:
        return
    except NotADirectoryError:
        raise InputError(f"-o: {folder} is a file; name a folder") from None
    except OSError as error:
        raise InputError(f"-o: {folder} cannot be listed ({why(error)})") from None
    strange = sorted(name for name in there if name not in _OWN and not name.startswith("."))
    if strange:
        raise InputError(f"-o: {folder} holds other files ({strange[0]}); name an empty or a new folder")


def write_bundle(folder: Path, job: Job, order: Order, model: Path | None) -> None:
    """Write the folder. The job is written with its paths as they are on this machine: workers map them. Raises
    FrameError when it cannot be written."""
    # What is on disk by the time may be more: the bake is of what is there now.
    resolved = replace(job, frames=job.frames or from_openjd(to_openjd(frames_of(job, None))))
    # First and last: a folder with a template is complete, and all of it is of one job.
    remove(folder / TEMPLATE)
    note = f"# Written by lookmatte farm for {TEMPLATE}; made again with it.\n"
    write_bytes(folder / JOB, (note + dump_yaml(as_mapping(resolved))).encode("utf-8"))
    if model is not None:
        write_whole(folder / MODEL, partial(shutil.copyfile, model))
    output = str(Path(job.output).parent)
    _write(folder / VALUES, {"parameterValues": [{"name": "OutputFolder", "value": output}]})
    _write(folder / ASSETS, {"assetReferences": _assets(resolved)})
    _write(folder / TEMPLATE, template(order))


def _assets(job: Job) -> dict[str, Any]:
    """The files that workers read, and the folder that they write to, for farms that send files along: those of all
    the job's frames, since all are baked, whichever are written."""
    frames = frames_of(job, None)
    patterns = [job.plate, *(one.source.pattern for one in job.regions if isinstance(one.source, MatteFile))]
    names: dict[str, None] = {}
    for pattern in patterns:
        sequence = Sequence.parse(pattern, Path())
        names.update((str(sequence.path(frame)), None) for frame in frames)
    names.update((str(path), None) for path in _sidecars(job, frames))
    for region in job.everything:
        for picture in region.style.pictures:
            names.update((name, None) for name in (picture.image, picture.matte) if name is not None)
    return {
        "inputs": {"filenames": list(names), "directories": []},
        "outputs": {"directories": [str(Path(job.output).parent)]},
        "referencedPaths": [],
    }


def _sidecars(job: Job, frames: Iterable[int]) -> Iterator[Path]:
    """The manifests beside the plate in which names of cryptomattes are looked up, as far as these are there."""
    if not any(isinstance(region.source, Cryptomatte) for region in job.regions):
        return
    plate = Sequence.parse(job.plate, Path())
    known = False
    for path in map(plate.path, frames):
        try:
            found = layers(read_header(path, plate_part=job.part))
        except LookmatteError:
            continue  # its task will say what is wrong with it
        read = {layer.manifest_source for layer in found if layer.manifest is not None}
        beside = sorted(read - {EMBEDDED})
        yield from (path.parent / name for name in beside)
        if not beside and not known:
            return  # a renderer writes them for all frames or for none
        known = True


def _write(path: Path, content: dict[str, Any]) -> None:
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110)
    write_bytes(path, text.encode("utf-8"))
