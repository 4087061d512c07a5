"""The cryptomatte layers of a frame: their channels, and the manifest that names their ids.

Renderers agree on the metadata and differ in everything else: ``ViewLayer.CryptoObject00.r`` (Blender),
``crypto_object00.red`` (Arnold, Nuke), ``CryptoObject00.R`` or ``.x``, one part or one part a level, a
metadata name with another case, or with a view layer in front that the channels lack.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lookmatte.imaging import manifest
from lookmatte.imaging.frame import Frame
from lookmatte.imaging.plate import PartLike
from lookmatte.imaging.reader import FrameHeader

Key = tuple[int, str]  # (part index, channel name), as in Frame
Source = Frame | FrameHeader

_COMPONENTS = {
    "r": 0, "red": 0, "x": 0,
    "g": 1, "green": 1, "y": 1,
    "b": 2, "blue": 2, "z": 2,
    "a": 3, "alpha": 3, "w": 3,
}  # fmt: skip
_METADATA = re.compile(r"(?:exr/)?cryptomatte/([^/]+)/(name|manifest|manif_file)$")
_MOST = 256  # layers with metadata; a file of a shot has three, of everything twenty
_BARE = re.compile(r"^(.*crypto.*?)(\d\d)$", re.IGNORECASE)
_VIEW = re.compile(r"^(.*\d)\.(left|right)$", re.IGNORECASE)


@dataclass(frozen=True)
class CryptoLayer:
    """One cryptomatte layer of a frame.

    ``ranks`` holds (id channel, coverage channel) pairs, the rank that covers most first. ``manifest`` maps
    names to ids (unsigned 32 bits, float-safe), or is None; ``manifest_source`` is ``"embedded"`` or the
    sidecar's file name; ``manifest_error`` says why a manifest that is there cannot be read. ``damage`` says
    why the ids cannot be trusted, or is empty. ``key`` is the metadata's 7 hex digits, or empty.
    """

    name: str
    key: str
    ranks: tuple[tuple[Key, Key], ...]
    manifest: dict[str, int] | None
    manifest_source: str = ""
    manifest_error: str = ""
    damage: str = ""
    notes: tuple[str, ...] = ()


def layers(frame: Source) -> list[CryptoLayer]:
    """Find every cryptomatte layer of a frame, or of its header alone: those with metadata first.

    Channels that look like cryptomatte without metadata (a name with ``crypto`` and a two-digit level) make a
    layer without a manifest. Preview channels, which carry no level, are ignored. Raises FrameError for a sidecar
    that the network does not give.
    """
    metadata = _metadata(frame)
    names = [_spellings(entry["name"]) for entry in metadata]
    claims: dict[tuple[int, str, str], dict[int, dict[int, Key]]] = {}
    quality: dict[tuple[int, str, str], int] = {}
    for group, view, channels in _groups(frame):
        claim = _claim(group, names)
        if claim is None:
            continue
        index, base, level, rank = claim
        owner = (index, base, view)
        quality[owner] = min(rank, quality.get(owner, rank))
        claims.setdefault(owner, {}).setdefault(level, channels)
    owners = _prefer_view(list(claims), _plate_view(frame))
    owners.sort(key=lambda owner: owner[0] if owner[0] >= 0 else len(metadata))
    rivals: dict[int, list[int]] = {}
    for owner in owners:
        rivals.setdefault(owner[0], []).append(quality[owner])
    closest = {index: (min(ranks), ranks.count(min(ranks))) for index, ranks in rivals.items()}
    found: list[CryptoLayer] = []
    for owner in owners:
        index, base, _ = owner
        entry = metadata[index] if index >= 0 else {"name": base, "key": ""}
        named = index >= 0 and closest[index] == (quality[owner], 1)
        found.append(_layer(frame, entry, entry["name"] if named else base, claims[owner]))
    return found


def orphans(frame: Source) -> list[str]:
    """Names of cryptomattes that the metadata announces and no channel holds."""
    held = {layer.key for layer in layers(frame)}
    return [entry["name"] for entry in _metadata(frame) if entry["key"] not in held]


def _metadata(frame: Source) -> list[dict[str, str]]:
    entries: dict[str, dict[str, str]] = {}
    for part in frame.parts:
        for attribute, value in part.attributes.items():
            match = _METADATA.match(attribute)
            if match and isinstance(value, str):
                entry = entries.setdefault(match[1], {"key": match[1], "name": ""})
                if not entry.get(match[2]):
                    entry[match[2]] = value
    return [entry for entry in entries.values() if entry["name"]][:_MOST]


def sidecars(frame: Source) -> list[Path]:
    """The files beside a frame that its layers name for their manifests, there or not."""
    names = {entry["manif_file"] for entry in _metadata(frame) if entry.get("manif_file")}
    return [frame.path.parent / name for name in sorted(names) if manifest.is_plain(name)]


def _groups(frame: Source) -> Iterator[tuple[str, str, dict[int, Key]]]:
    """Yield (name without component, view, {component: channel}) for channels that could hold a level."""
    parts: Sequence[PartLike] = frame.parts
    for index, part in enumerate(parts):
        groups: dict[str, dict[int, Key]] = {}
        for channel in part.channels:
            name = channel if "." in channel else f"{part.name}.{channel}"
            group, _, component = name.rpartition(".")
            which = _COMPONENTS.get(component.casefold())
            if group and which is not None:
                groups.setdefault(group, {}).setdefault(which, (index, channel))
        for group, channels in groups.items():
            view = str(part.attributes.get("view", "")).casefold()
            match = _VIEW.match(group)
            if match:
                group, view = match[1], match[2].casefold()
            if group[-1:].isdigit():
                yield group, view, channels


def _plain(name: str) -> str:
    return re.sub(r"[^0-9a-z]+", "_", name.casefold())


def _spellings(name: str) -> tuple[str, str, str]:
    """A name as it is, without its case, and of letters, digits and _ alone: ever looser."""
    return name, name.casefold(), _plain(name)


def _claim(group: str, names: list[tuple[str, str, str]]) -> tuple[int, str, int, int] | None:
    """Match a channel group to the metadata name it belongs to: (index, base, level, how loosely)."""
    spelt = _spellings(group)
    best: tuple[int, str, int, int] | None = None
    for index, name in enumerate(names):
        looseness = _looseness(spelt, name)
        if looseness is not None and (best is None or looseness[0] < best[3]):
            digits = looseness[1]
            best = (index, group[: len(group) - digits], int(group[len(group) - digits :]), looseness[0])
    if best is not None:
        return best
    match = _BARE.match(group)
    return (-1, match[1], int(match[2]), 0) if match else None


def _looseness(group: tuple[str, str, str], name: tuple[str, str, str]) -> tuple[int, int] | None:
    """How loosely a channel group matches a metadata name, and how many digits its level has."""
    for rank, (text, start) in enumerate(zip(group, name, strict=True)):
        if text.startswith(start) and text[len(start) :].isdecimal():
            return rank, len(text) - len(start)
    plain, plain_name = group[2], name[2]
    _, behind, digits = plain.rpartition(f"_{plain_name}")
    if behind and digits.isdecimal():
        return 3, len(digits)
    bare = _BARE.match(plain)
    if bare and plain_name.endswith("_" + bare[1]):
        return 4, 2
    return None


def _plate_view(frame: Source) -> str:
    if isinstance(frame, Frame):
        return str(frame.plate.attributes.get("view", "")).casefold()
    if frame.plate is None:
        return ""
    return str(frame.parts[frame.plate.rgb[0][0]].attributes.get("view", "")).casefold()


def _prefer_view(owners: list[tuple[int, str, str]], view: str) -> list[tuple[int, str, str]]:
    """Of layers that differ in their stereo view alone, keep the plate's view, else the first."""
    kept: dict[tuple[int, str], tuple[int, str, str]] = {}
    for owner in owners:
        if owner[:2] not in kept or owner[2] == view != kept[owner[:2]][2]:
            kept[owner[:2]] = owner
    return list(kept.values())


def _layer(frame: Source, entry: dict[str, str], name: str, levels: dict[int, dict[int, Key]]) -> CryptoLayer:
    ranks: list[tuple[Key, Key]] = []
    notes: list[str] = []
    for level in sorted(levels):
        channels = levels[level]
        for pair in ((0, 1), (2, 3)):
            if pair[0] in channels and pair[1] in channels:
                ranks.append((channels[pair[0]], channels[pair[1]]))
            elif pair[0] in channels or pair[1] in channels:
                notes.append(f"cryptomatte {name}: level {level:02d} lacks an id or a coverage channel")
    if sorted(levels) != list(range(len(levels))):
        notes.append(f"cryptomatte {name}: levels {sorted(levels)} do not count from 0")
    listed = manifest.read(entry.get("manifest"), entry.get("manif_file"), frame.path.parent)
    notes.extend(f"cryptomatte {name}: {note}" for note in listed.notes)
    if listed.error:
        where = f" {listed.source}" if listed.source else ""
        notes.append(f"cryptomatte {name}: manifest{where}: {listed.error}")
    damage = _damage(frame, ranks)
    if damage:
        notes.append(f"cryptomatte {name}: {damage}")
    return CryptoLayer(
        name, entry["key"], tuple(ranks), listed.names, listed.source, listed.error, damage, tuple(notes)
    )


def _damage(frame: Source, ranks: list[tuple[Key, Key]]) -> str:
    if not ranks:
        return "no level has both ids and coverage"
    for ids, _ in ranks:
        stored = frame.parts[ids[0]].channels[ids[1]]
        dtype = stored if isinstance(stored, np.dtype) else stored.dtype
        if dtype not in (np.dtype(np.float32), np.dtype(np.uint32)):
            return f"channel {ids[1]} is stored as {dtype}; ids need 32 bits"
        if frame.parts[ids[0]].compression.startswith("pxr24"):
            return "stored with PXR24 compression, which rounds 32-bit ids"
    return ""
