"""Mattes from a cryptomatte: names, wildcards and ids to coverage, a band of rows at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lookmatte.errors import InputError, nearest
from lookmatte.imaging.align import overlap
from lookmatte.imaging.cryptolayers import CryptoLayer, Key, layers
from lookmatte.imaging.frame import Frame, Weight, Window
from lookmatte.imaging.manifest import id_of
from lookmatte.imaging.selection import listed_ids, literal_ids, match_layers

__all__ = ["CryptoLayer", "CryptoMatte", "coverage_table", "layers", "select"]

_BAND = 256  # rows; bounds the memory of a scan over a whole frame
_FEW = 6  # up to so many ids, comparing with each beats a sorted search


class CryptoMatte:
    """Coverage of the selected names in one frame, over the plate's data window.

    ``coverage`` is True: the values are coverage of the pixel, alpha included. ``names`` maps what was asked
    for to the ids it stands for. ``peak``, ``nonfinite`` and ``absent`` gather while rows are read.
    """

    coverage = True

    def __init__(self, frame: Frame, picked: Sequence[tuple[CryptoLayer, dict[str, set[int]]]],
                 notes: Sequence[str] = ()) -> None:  # fmt: skip
        self._frame = frame
        self._window = frame.plate.data_window
        self._picked = [(layer, _sorted(names)) for layer, names in picked]
        self._met = [np.zeros(len(ids), dtype=bool) for _, ids in self._picked]
        self._nonfinite = np.zeros(self._window.height, dtype=np.int64)
        self.layers: list[CryptoLayer] = [layer for layer, _ in picked]
        self.names: dict[str, set[int]] = {}
        for _, names in picked:
            for name, ids in names.items():
                self.names.setdefault(name, set()).update(ids)
        self.notes: list[str] = list(notes)
        self._peaks = np.zeros(self._window.height, dtype=np.float32)

    def rows(self, y0: int, y1: int) -> Weight:
        """Coverage of rows ``y0:y1``, 0 the first of the plate's data window: (y1 - y0, width) in [0, 1].

        The sum over all ranks of the coverage whose id, compared as bits, is selected; 0 where the
        cryptomatte's data window ends. A coverage that is not finite counts as 0.
        """
        total = np.zeros((y1 - y0, self._window.width), dtype=np.float32)
        bad = np.zeros(y1 - y0, dtype=np.int64)
        for (layer, wanted), met in zip(self._picked, self._met, strict=True):
            for id_key, coverage_key in layer.ranks:
                found = overlap(self._window, self._frame.parts[id_key[0]].data_window, y0, y1)
                if found is None or not len(wanted):
                    continue
                inside, source = found
                ids = _bits(self._frame, id_key, source)
                chosen = _chosen(ids, wanted, met)
                if chosen is None:
                    continue
                coverage = self._frame.pixels(coverage_key)[source].astype(np.float32)
                broken = chosen & ~np.isfinite(coverage)
                if broken.any():
                    bad[inside[0]] += broken.sum(axis=1)
                    chosen &= ~broken
                np.add(total[inside], coverage, out=total[inside], where=chosen)
        np.clip(total, 0.0, 1.0, out=total)
        self._nonfinite[y0:y1] = bad
        self._peaks[y0:y1] = total.max(axis=1, initial=0.0)
        return total

    @property
    def peak(self) -> float:
        """The largest coverage in the rows read so far."""
        return float(self._peaks.max(initial=0.0))

    @property
    def nonfinite(self) -> int:
        """How many selected coverages were NaN or infinite, in the rows read so far."""
        return int(self._nonfinite.sum())

    @property
    def absent(self) -> list[str]:
        """The names asked for that no pixel shows, in the rows read so far."""
        met: set[int] = set()
        for (_, ids), seen in zip(self._picked, self._met, strict=True):
            met.update(int(one) for one in ids[seen])
        return [name for name, ids in self.names.items() if not ids & met]


def select(
    frame: Frame, names: str | Sequence[str], layer: str | None = None, *, missing_ok: bool = False
) -> CryptoMatte:
    """Build the matte of ``names``: exact names, wildcards (``* ? [..]``), ids (``<5e1b2c3d>``,
    ``0x5e1b2c3d``, or ``<float>`` as Nuke writes them). A literal name wins over its reading as a wildcard.

    ``layer`` is ``object``, ``material``, ``asset`` or a layer's name in any case; without it the first layer
    that has all the names is taken, else for each name the first that has it. A name that no manifest lists
    is accepted when its hash has pixels. Raises InputError for an unknown name or layer (with
    ``missing_ok`` an unknown name is a note instead: manifests may list only what a frame shows).
    """
    asked = [names] if isinstance(names, str) else list(names)
    if not asked:
        raise InputError(f"{frame.path.name}: no cryptomatte name is given")
    searched = match_layers(frame, layers(frame), layer)
    table = {name: [_ids(frame, one, name) for one in searched] for name in asked}
    complete = [index for index in range(len(searched)) if all(table[name][index] for name in asked)]
    picked: dict[int, dict[str, set[int]]] = {}
    notes: list[str] = []
    for name in asked:
        having = complete[:1] or [index for index, ids in enumerate(table[name]) if ids]
        if having:
            picked.setdefault(having[0], {})[name] = table[name][having[0]]
        elif literal_ids(name):
            notes.append(f"{frame.path.name}: no pixel has the cryptomatte id {name}")
            picked.setdefault(0, {})[name] = literal_ids(name)
        elif missing_ok:
            notes.append(_unknown(frame, name, searched))
            picked.setdefault(0, {})[name] = set()
        else:
            raise InputError(_unknown(frame, name, searched))
    if len(picked) > 1:
        spread = ", ".join(searched[index].name for index in sorted(picked))
        notes.append(f"{frame.path.name}: no cryptomatte layer has all the names; added up from {spread}")
    return CryptoMatte(frame, [(searched[index], picked[index]) for index in sorted(picked)], notes)


def _ids(frame: Frame, layer: CryptoLayer, name: str) -> set[int]:
    ids = listed_ids(layer, name)
    if ids:
        return ids
    literal = literal_ids(name)
    if literal & set((layer.manifest or {}).values()):
        return literal
    ids = literal or {id_of(name)}
    return ids if any(_has_pixels(frame, layer, one) for one in ids) else set()


def _sorted(names: dict[str, set[int]]) -> NDArray[np.uint32]:
    return np.array(sorted(set().union(*names.values())), dtype=np.uint32)


def _unknown(frame: Frame, name: str, searched: list[CryptoLayer]) -> str:
    where = ", ".join(layer.name for layer in searched)
    broken = [layer for layer in searched if layer.manifest_error]
    known = [listed for layer in searched for listed in layer.manifest or {}]
    wildcard = any(sign in name for sign in "*?[")
    start = f"{frame.path.name}: no cryptomatte name {'matches' if wildcard else 'is'} {name!r} in {where}"
    if broken:
        one = broken[0]
        source = f" {one.manifest_source}" if one.manifest_source else ""
        hint = "; a wildcard needs the names" if wildcard else ""
        return f"{start}: the manifest{source} of {one.name} is malformed: {one.manifest_error}{hint}"
    if not known:
        hint = "a wildcard needs a manifest" if wildcard else "and its hash has no pixel"
        return f"{start}: there is no manifest, {hint}; an id such as <5e1b2c3d> can be given instead"
    return start + nearest(name, known)


def _bits(frame: Frame, key: Key, box: tuple[slice, slice]) -> NDArray[np.uint32]:
    pixels = frame.pixels(key)[box]
    return pixels if pixels.dtype == np.uint32 else pixels.view(np.uint32)


def _chosen(
    ids: NDArray[np.uint32], wanted: NDArray[np.uint32], met: NDArray[np.bool_]
) -> NDArray[np.bool_] | None:
    """Where an id is one of ``wanted`` (sorted); marks those seen in ``met``; None where none is."""
    if len(wanted) <= _FEW:
        chosen: NDArray[np.bool_] | None = None
        for index, one in enumerate(wanted):
            same = ids == one
            if same.any():
                met[index] = True
                chosen = same if chosen is None else chosen | same
        return chosen
    # Neighbours mostly share their id: look up the first of each run, then spread the answer over the run.
    flat = np.ascontiguousarray(ids).ravel()
    starts = _run_starts(flat)
    heads = flat[starts]
    place = np.minimum(np.searchsorted(wanted, heads), len(wanted) - 1)
    found = wanted[place] == heads
    if not found.any():
        return None
    met[place[found]] = True
    return np.repeat(found, np.diff(starts, append=len(flat))).reshape(ids.shape)


def _run_starts(flat: NDArray[np.uint32]) -> NDArray[np.intp]:
    return np.concatenate(([0], np.flatnonzero(flat[1:] != flat[:-1]) + 1))


def _has_pixels(frame: Frame, layer: CryptoLayer, one: int) -> bool:
    for id_key, coverage_key in layer.ranks:
        height = frame.pixels(id_key).shape[0]
        for y in range(0, height, _BAND):
            box = (slice(y, y + _BAND), slice(None))
            same = _bits(frame, id_key, box) == np.uint32(one)
            if same.any() and (frame.pixels(coverage_key)[box][same] > 0).any():
                return True
    return False


def coverage_table(frame: Frame, layer: CryptoLayer) -> list[tuple[str, int, float]]:
    """List what a layer shows: (name, id, covered fraction of the display window), the largest first.

    An id that the manifest does not name is written ``<8 hex digits>``; names without a pixel end the list
    with 0. The id 0, which means that nothing was hit, and pixels outside the display window are not counted.
    """
    totals: dict[int, float] = {}
    if not layer.damage:
        for id_key, coverage_key in layer.ranks:
            part = frame.parts[id_key[0]]
            display: Window = part.display_window
            for y in range(0, display.height, _BAND):
                found = overlap(display, part.data_window, y, min(y + _BAND, display.height))
                if found is not None:
                    _add_runs(_bits(frame, id_key, found[1]), frame.pixels(coverage_key)[found[1]], totals)
    names = {bits: name for name, bits in reversed((layer.manifest or {}).items())}
    area = frame.plate.display_window.width * frame.plate.display_window.height
    shown = [(names.get(bits, f"<{bits:08x}>"), bits, total / area) for bits, total in totals.items()]
    shown.sort(key=lambda row: (-row[2], row[0]))
    return shown + [(name, bits, 0.0) for name, bits in (layer.manifest or {}).items() if bits not in totals]


def _add_runs(ids: NDArray[np.uint32], coverage: NDArray[np.generic], totals: dict[int, float]) -> None:
    """Add up coverage per id. Runs of equal ids are summed first: sorting them is what costs."""
    flat = np.ascontiguousarray(ids).ravel()
    amount = np.nan_to_num(coverage.astype(np.float64).ravel(), nan=0.0, posinf=0.0, neginf=0.0)
    starts = _run_starts(flat)
    sums = np.add.reduceat(np.clip(amount, 0.0, 1.0), starts)
    unique, inverse = np.unique(flat[starts], return_inverse=True)
    for bits, total in zip(unique.tolist(), np.bincount(inverse, weights=sums).tolist(), strict=True):
        if total > 0 and bits:
            totals[bits] = totals.get(bits, 0.0) + total
