"""Where a job's bake lies, what it must say of itself to be this job's, and how one that is there is taken over."""

from __future__ import annotations

import hashlib
from pathlib import Path

from lookmatte.errors import InputError
from lookmatte.jobhash import bake_hash, places_hash
from lookmatte.networks.model import Model
from lookmatte.rendering.bakeindex import BakeHeader
from lookmatte.rendering.shot import Shot
from lookmatte.rendering.store import BakeStore


def own_folder(shot: Shot, identity: str) -> Path:
    """The hidden folder beside the output where a render keeps its bake. Its name depends on where plate and mattes
    lie, too: two plates of one name, rendered at the same time, must not write into one bake."""
    own = hashlib.sha256(f"{identity} {places_hash(shot.job)}".encode()).hexdigest()[:16]
    return shot.output.folder / ".lookmatte" / own


def new_store(shot: Shot, model: Model, folder: Path | None) -> BakeStore:
    """The bake that a job makes with a model; nothing is written yet. ``folder`` None: its own one."""
    identity = bake_hash(shot.job, model.checksum, shot.config)
    header = BakeHeader(
        identity,
        model.checksum,
        shot.colour.space,
        tuple(tuple(float(value) for value in row) for row in shot.colour.matrix),
        model.guide_weights(),
        shot.regions,
        shot.job.temporal.mode,
        shot.job.temporal.subsample,
    )
    return BakeStore(folder or own_folder(shot, identity), header)


def made_store(shot: Shot, folder: Path, model: Model | None) -> BakeStore:
    """The bake to apply: what made it is what it says of itself. Raises InputError for that of another job, or of
    another model than ``model``."""
    store = BakeStore.open(folder)
    strange = model is not None and model.checksum != store.header.model
    if strange or store.header.bake != bake_hash(shot.job, store.header.model, shot.config):
        raise InputError(f"{folder}: this bake was made by another job, style or model; run lookmatte bake again")
    return store


def earlier_store(store: BakeStore) -> BakeStore | None:
    """What lies where a bake is to be made, if it is a bake."""
    try:
        return BakeStore.open(store.folder)
    except InputError:
        return None


def take_over(store: BakeStore, earlier: BakeStore | None) -> bool:
    """Go on with an earlier bake, if it is the same."""
    if earlier is None or earlier.header.bake != store.header.bake:
        return False
    store.keys, store.cuts, store.complete = earlier.keys, earlier.cuts, earlier.complete
    return True
