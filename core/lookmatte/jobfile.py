"""The job file's keys: which there are, what each may hold, and what to say when it does not."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lookmatte.errors import InputError
from lookmatte.imaging.patience import first_bytes
from lookmatte.job import (
    Alpha,
    Blend,
    Channel,
    Color,
    Cryptomatte,
    Ease,
    Job,
    MatteFile,
    Mode,
    Region,
    Source,
    Strength,
    Style,
    StyleRef,
    Temporal,
)
from lookmatte.jobpaths import missing
from lookmatte.jobshots import JOB_KEYS, check_outputs, choose_shots, shots
from lookmatte.jobtree import MAX_BYTES, Node, Problems, Table, parse_python, parse_yaml, show
from lookmatte.jobvalues import FRAME_LIMIT, LONGEST_NAME, Values

REST_KEYS = ("style", "strength", "exposure_limit")
MATTE_KEYS = ("cryptomatte", "matte", "channel")
REGION_KEYS = (*MATTE_KEYS, "layer", *REST_KEYS, "blend")
_FORBIDDEN_IN_NAMES = '/\\:*?"<>|'
_NOWHERE = StyleRef("")


def load(path: Path, shot: str | None = None, paths: Callable[[str], str] = str) -> Job:
    """Read a job file of one shot, or one of its shots; see ``Job.load``."""
    found = load_shots(path, paths)
    if shot is None and set(found) == {None}:
        return found[None]
    return found[choose_shots(path.name, found, [] if shot is None else [shot], single=True)[0]]


def load_shots(path: Path, paths: Callable[[str], str] = str) -> dict[str | None, Job]:
    """Every shot of a job file, by name and in the file's order; a file that names none is one, under None.

    Each path of the file goes through ``paths`` first. Raises InputError with a line for every mistake.
    """
    try:
        data = first_bytes(path, MAX_BYTES + 1, pipes=True)
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"job file: {missing(str(path.absolute()))}") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"job file {show(str(path))} cannot be read: {reason}") from None
    problems = Problems(path.name)
    if len(data) > MAX_BYTES:
        raise InputError(f"{path.name}: more than {MAX_BYTES} bytes; that is no job file")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InputError(f"{path.name}:{line}: not UTF-8 text; save the job file as UTF-8") from None
    return _jobs(parse_yaml(text, problems), problems, path.absolute().parent, paths)


def from_mapping(mapping: Mapping[str, Any], base: Path, labels: Mapping[str, str] | None = None) -> Job:
    """Build a job from plain values; see ``Job.from_mapping``. ``labels`` renames keys in messages."""
    problems = Problems(None, labels)
    found = _jobs(parse_python(mapping, problems), problems, base.absolute(), str)
    if set(found) != {None}:
        raise InputError("shots: a job is one shot; make one of each, with the keys that they share")
    return found[None]


def _jobs(root: Node, problems: Problems, base: Path, paths: Callable[[str], str]) -> dict[str | None, Job]:
    """The jobs of a tree by shot, or one InputError with every mistake in any of them."""
    made: dict[str | None, Job] = {}
    for name, node, own in shots(root, problems):
        made[name] = _JobReader(own, base, paths).job(node)
    problems.raise_if_any()
    check_outputs(made, problems)
    problems.raise_if_any()
    return made


class _JobReader(Values):
    """Reads one tree of a job."""

    def _style_ref(self, node: Node, key: str) -> StyleRef:
        if not isinstance(node.value, Table):
            return StyleRef(self._picture(node, key))
        table = self._table(node, key, ("image", "matte"), "a picture")
        if "image" not in table:
            self._problems.add(node, key, "has no image; write the path of the reference picture there")
            return _NOWHERE
        matte = self._picture(table["matte"], f"{key}.matte") if "matte" in table else None
        return StyleRef(self._picture(table["image"], f"{key}.image"), matte)

    def _frames_of(self, node: Node, key: str) -> tuple[list[tuple[int, Node]], Ease]:
        """Split a table of keyframes into ascending (frame, value) pairs and its ease."""
        assert isinstance(node.value, Table)
        ease: Ease = "linear"
        frames: dict[int, Node] = {}
        for name, value in node.value.entries:
            if name.value == "ease":
                ease = self._choice(value, f"{key}.ease", Ease, ease)
                continue
            frame = self._frame_key(name, key)
            if frame in frames:
                self._problems.add(name, key, f"frame {frame} stands there twice")
            if frame is not None:
                frames[frame] = value
        if not frames and all(name.value == "ease" for name, _ in node.value.entries):
            self._problems.add(node, key, "has no keyframe; write FRAME: value")
        return sorted(frames.items()), ease

    def _style(self, node: Node, key: str) -> Style:
        if node.value is None:
            self._problems.add(node, key, "it is empty; write the path of a reference picture")
            return Style(((0, _NOWHERE),))
        keyed = isinstance(node.value, Table) and not any(
            name.value in ("image", "matte") for name, _ in node.value.entries
        )
        if not keyed:
            return Style(((0, self._style_ref(node, key)),))
        frames, ease = self._frames_of(node, key)
        pictures = tuple((frame, self._style_ref(value, f"{key}.{frame}")) for frame, value in frames)
        return Style(pictures, ease)

    def _strength(self, node: Node, key: str) -> Strength:
        wanted = "a number from 0 to 1"
        if not isinstance(node.value, Table):
            return Strength(((0, self._number(node, key, wanted, 0.0, 1.0)),))
        frames, ease = self._frames_of(node, key)
        values = ((frame, self._number(value, f"{key}.{frame}", wanted, 0.0, 1.0)) for frame, value in frames)
        return Strength(tuple(values), ease)

    def _source(self, node: Node, table: dict[str, Node], key: str) -> Source | None:
        given = [name for name in MATTE_KEYS if name in table]
        if len(given) != 1:
            count = "no matte" if not given else f"{len(given)} mattes ({', '.join(given)})"
            hint = ", or call it rest" if not given and key.casefold() == "regions.rest" else ""
            self._problems.add(node, key, f"has {count}; give one of {', '.join(MATTE_KEYS)}{hint}")
        if "layer" in table and "cryptomatte" not in table:
            self._problems.add(table["layer"], f"{key}.layer", "belongs to cryptomatte; this region has none")
        sources: list[Source] = []
        if "cryptomatte" in table:
            names = table["cryptomatte"]
            items = names.value if isinstance(names.value, tuple) else (names,)
            if not items:
                self._problems.add(names, f"{key}.cryptomatte", "is an empty list; name at least one object")
            found = tuple(self._text(item, f"{key}.cryptomatte", "a name as text") for item in items)
            layer = self._text(table["layer"], f"{key}.layer") if "layer" in table else None
            sources.append(Cryptomatte(found, layer))
        if "matte" in table:
            sources.append(self._matte_file(table["matte"], f"{key}.matte"))
        if "channel" in table:
            sources.append(Channel(self._text(table["channel"], f"{key}.channel", "a channel's name")))
        return sources[0] if sources else None

    def _matte_file(self, node: Node, key: str) -> MatteFile:
        if not isinstance(node.value, Table):
            return MatteFile(self._path(node, key, pattern=True))
        table = self._table(node, key, ("file", "channel"), "a matte")
        if "file" not in table:
            self._problems.add(node, key, "has no file; write the path of the matte there")
            return MatteFile("")
        channel = self._text(table["channel"], f"{key}.channel") if "channel" in table else None
        return MatteFile(self._path(table["file"], f"{key}.file", pattern=True), channel)

    def _plate(self, node: Node) -> tuple[str, str | None]:
        if not isinstance(node.value, Table):
            return self._path(node, "plate", pattern=True), None
        table = self._table(node, "plate", ("file", "part"), "a plate")
        if "file" not in table:
            self._problems.add(node, "plate", "has no file; write the path of the plate there")
            return "", None
        part = (
            self._text(table["part"], "plate.part", "the name of a part, layer or view")
            if "part" in table
            else None
        )
        return self._path(table["file"], "plate.file", pattern=True), part

    def _region(self, name: str, node: Node) -> Region:
        key, is_rest = f"regions.{name}", name == "rest"
        allowed = REST_KEYS if is_rest else REGION_KEYS
        table = self._table(node, key, allowed, "a table with a style" + ("" if is_rest else " and a matte"))
        source: Source | None = None
        if isinstance(node.value, Table):
            source = None if is_rest else self._source(node, table, key)
            if "style" not in table:
                self._problems.add(node, key, "has no style; write the path of a reference picture there")
        style = self._style(table["style"], f"{key}.style") if "style" in table else Style(((0, _NOWHERE),))
        strength = self._strength(table["strength"], f"{key}.strength") if "strength" in table else Strength()
        limit = table.get("exposure_limit")
        stops = None
        if limit is not None and limit.value is not None:
            stops = self._number(limit, f"{key}.exposure_limit", "a number of stops from 0 on", 0, math.inf)
        # Coverage keeps the anti-aliased edges of a matte from the same render; one from elsewhere is rough.
        blend: Blend = "pixel" if isinstance(source, Cryptomatte | Channel) else "grid"
        if "blend" in table:
            blend = self._choice(table["blend"], f"{key}.blend", Blend, blend)
        return Region(name, source, style, strength, stops, blend)

    def _regions(self, node: Node) -> list[Region]:
        table = self._table(node, "regions", None, "a table of regions")
        if isinstance(node.value, Table) and not node.value.entries:
            self._problems.add(node, "regions", "is empty; name at least one region, or rest")
        folded: dict[str, str] = {}
        regions = []
        for name, value in table.items():
            said = f"the name {show(name)}"
            if not name.isprintable() or name != name.strip() or not name or len(name) > LONGEST_NAME:
                self._problems.add(value, "regions", f"{said} must be 1 to {LONGEST_NAME} printable letters")
            elif name.startswith(".") or set(_FORBIDDEN_IN_NAMES) & set(name):
                reason = f"must not begin with . or hold one of {_FORBIDDEN_IN_NAMES}"
                self._problems.add(value, "regions", f"{said} {reason}")
            elif name.casefold() in folded:
                reason = f"differs from {folded[name.casefold()]!r} in case alone; rename one"
                self._problems.add(value, "regions", f"{said} {reason}")
            folded[name.casefold()] = name
            regions.append(self._region(name if name.isprintable() else show(name), value))
        return regions

    def _frames(self, node: Node) -> str | None:
        from lookmatte.imaging.sequence import parse_frames

        value = node.value
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str) or not value.strip():
            self._wrong(node, "frames", "a range as text, 1001-1048")
            return None
        try:
            parse_frames(value)
        except InputError as error:
            self._problems.add(node, "frames", str(error).removeprefix("frames: "))
        return value.strip()

    def _color(self, node: Node) -> Color:
        table = self._table(node, "color", ("space", "view"), "a table with space or view")
        return Color(*(self._text(table[k], f"color.{k}") if k in table else None for k in ("space", "view")))

    def _temporal(self, node: Node) -> Temporal:
        keys = ("mode", "subsample", "cuts")
        table = self._table(node, "temporal", keys, "a table with mode, subsample or cuts")
        mode: Mode = "coherent"
        step = 1
        cuts: list[int] = []
        if "mode" in table:
            mode = self._choice(table["mode"], "temporal.mode", Mode, mode)
        if "subsample" in table:
            step = self._whole(table["subsample"], "temporal.subsample", "a whole number from 1 on", 1)
        if "cuts" in table:
            if isinstance(table["cuts"].value, tuple):
                items = table["cuts"].value
                wanted = "whole frame numbers"
                cuts = [self._whole(item, "temporal.cuts", wanted, -FRAME_LIMIT) for item in items]
            else:
                self._wrong(table["cuts"], "temporal.cuts", "a list of frames, [1013, 1040]")
        return Temporal(mode, step, tuple(sorted(set(cuts))))

    def job(self, root: Node) -> Job:
        """The whole job; mistakes are noted."""
        if root.value is None:
            self._problems.add(None, "", "the job is empty; it needs plate, output and regions")
            self._problems.raise_if_any()
        table = self._table(root, "", JOB_KEYS, "a table of keys: plate, output, regions")
        if isinstance(root.value, Table):
            for name in ("plate", "output", "regions"):
                if name not in table:
                    self._problems.add(root, name, "is missing")
        regions = self._regions(table["regions"]) if "regions" in table else []
        alpha: Alpha = "premultiplied"
        if "alpha" in table:
            alpha = self._choice(table["alpha"], "alpha", Alpha, alpha)
        plate, part = self._plate(table["plate"]) if "plate" in table else ("", None)
        return Job(
            plate=plate,
            part=part,
            output=self._path(table["output"], "output", pattern=True) if "output" in table else "",
            regions=tuple(region for region in regions if region.name != "rest"),
            rest=next((region for region in regions if region.name == "rest"), None),
            frames=self._frames(table["frames"]) if "frames" in table else None,
            color=self._color(table["color"]) if "color" in table else Color(),
            alpha=alpha,
            temporal=self._temporal(table["temporal"]) if "temporal" in table else Temporal(),
        )
