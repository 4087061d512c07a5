"""Everything that lookmatte parses, as functions of bytes: each may refuse in a line, and do nothing else.

A target raises when it finds a bug: any error that nobody raised on purpose, a refusal of several lines or of a
page, or an input that takes seconds.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from lookmatte.errors import LookmatteError
from lookmatte.imaging import manifest
from lookmatte.imaging.cryptolayers import layers, orphans
from lookmatte.imaging.exr_seal import has_its_pixels, is_sealed
from lookmatte.imaging.reader import read_header, read_parts
from lookmatte.imaging.sequence import Sequence, parse_frames
from lookmatte.jobfile import load_shots
from lookmatte.jobhash import job_hash
from lookmatte.jobmapping import as_mapping
from lookmatte.jobpaths import check_paths
from lookmatte.networks.model import Model
from lookmatte.pathmap import PathMap
from lookmatte.rendering.bakeindex import INDEX
from lookmatte.rendering.bakestate import read_state
from lookmatte.rendering.store import BakeStore, read_exposure
from lookmatte.worker.requests import Refused, parse

SLOWEST = 5.0
"""Seconds in which any input must be refused or taken."""

LONGEST_LINE = 1500

Target = Callable[[bytes], None]


class Bug(AssertionError):
    """An input that was not refused as it should be."""


# Files are tried in memory where the system has a folder there.
_FOLDER = Path(tempfile.mkdtemp(prefix="lookmatte-fuzz-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None))


def _file(name: str, data: bytes) -> Path:
    path = _FOLDER / name
    path.write_bytes(data)
    return path


def frames(data: bytes) -> None:
    """A frame range, and a path's padding."""
    text = data.decode("utf-8", "surrogateescape")
    for part in text.split("\0")[:4]:
        try:
            found = parse_frames(part)
        except LookmatteError as error:
            _is_a_line(error)
        else:
            told = str(found) if len(found) < 50 else "more ranges"
            if "more ranges" not in told and sorted(parse_frames(told)) != sorted(found):
                raise Bug(f"{part!r} is said to be {told}")
        try:
            sequence = Sequence.parse(part, _FOLDER)
        except LookmatteError as error:
            _is_a_line(error)
        else:
            for number in (-7, 0, 1001, 10**9):
                str(sequence.path(number) if "\0" not in part else sequence)


def job(data: bytes) -> None:
    """A job file, of one shot or of several."""
    for name in ("gold.png", "day.png"):
        if not (_FOLDER / name).exists():
            _file(name, b"picture")
    try:
        found = load_shots(_file("job.yaml", data))
    except LookmatteError as error:
        _is_a_line(error, lines=60)
        return
    for one in found.values():
        as_mapping(one)
        for region in one.everything:
            if set("/\\\0") & set(region.name) or region.name.startswith("."):
                raise Bug(f"a region is called {region.name!r}")
        for check in (check_paths, lambda one: job_hash(one, "0" * 64)):
            try:
                check(one)
            except LookmatteError as error:
                _is_a_line(error, lines=60)


def crypto_manifest(data: bytes) -> None:
    """A cryptomatte's manifest, and the name of a sidecar."""
    text = data.decode("utf-8", "surrogateescape")
    found = manifest.parse(text)
    if any(not 0 <= one <= 0xFFFFFFFF for one in (found.names or {}).values()):
        raise Bug("an id is no 32-bit number")
    sidecar, _, embedded = text.partition("\n")
    manifest.read(embedded or None, sidecar, _FOLDER)


def bake_index(data: bytes) -> None:
    """A bake's bake.json."""
    folder = _FOLDER / "bake"
    folder.mkdir(exist_ok=True)
    (folder / INDEX).write_bytes(data)
    try:
        store = BakeStore.open(folder)
    except LookmatteError as error:
        _is_a_line(error)
        return
    for index in range(len(store.header.regions)):
        if store._path(index, "grid", 1001).parent != folder:
            raise Bug(f"{store.header.regions[index]} leaves the folder")
    for frame in (*store.keys[:3], 1001):
        try:
            store.around(frame)
            store.load(frame)
        except LookmatteError as error:
            _is_a_line(error)
        store.fingerprint(frame)


def bake_exposure(data: bytes) -> None:
    """What a bake's grid says of its exposure."""
    try:
        read_exposure(_FOLDER / "grid.exr", data.decode("utf-8", "replace"))
    except LookmatteError as error:
        _is_a_line(error)


def bake_state(data: bytes) -> None:
    """A bake's state.safetensors."""
    read_state(_file("state.safetensors", data), "b" * 64)


def weights(data: bytes) -> None:
    """A file of weights."""
    try:
        Model.load(_file("model.safetensors", data))
    except LookmatteError as error:
        _is_a_line(error)


def message(data: bytes) -> None:
    """A line of a worker's host."""
    try:
        request = parse(data)
    except Refused as refused:
        _is_a_line(refused)
    else:
        if not isinstance(request.arguments, dict):
            raise Bug("arguments are no mapping")


def path_rules(data: bytes) -> None:
    """A farm's path mapping rules."""
    try:
        paths = PathMap.load(_file("rules.json", data))
    except LookmatteError as error:
        _is_a_line(error)
    else:
        paths("/shots/a.####.exr")
        paths("S:\\shots\\a.exr")


def exr(data: bytes) -> None:
    """An OpenEXR file: its header, its cryptomattes, its seal, and the pixels of a small one."""
    path = _file("plate.exr", data)
    try:
        header = read_header(path)
    except LookmatteError as error:
        _is_a_line(error)
        return
    for layer in layers(header):
        str(layer)
    orphans(header)
    try:
        is_sealed(path)
        has_its_pixels(path)
        if header.decoded_bytes < 1 << 16:
            read_parts(path)
    except LookmatteError as error:
        _is_a_line(error)


TARGETS: dict[str, Target] = {
    one.__name__: one
    for one in (
        frames, job, crypto_manifest, bake_index, bake_exposure, bake_state, weights, message, path_rules, exr
    )
}  # fmt: skip


def _is_a_line(error: Exception, *, lines: int = 1) -> None:
    text = str(error)
    if not text or text.count("\n") >= lines or any(len(line) > LONGEST_LINE for line in text.splitlines()):
        raise Bug(f"no line: {text[:3000]!r}")


def run(target: Target, data: bytes) -> None:
    """Try an input. Raises what is wrong with it."""
    began = time.process_time()
    target(data)
    taken = time.process_time() - began
    if taken > SLOWEST:
        raise Bug(f"took {taken:.1f} s")
