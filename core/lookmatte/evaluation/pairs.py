"""PAIRS.json: what is to be styled with what. A list of

    {"name": "p01", "content": PATH, "mask": PATH, "given": PATH, "vectors": PATH,
     "styles": [{"image": PATH, "label": 1, "mask": PATH, "mask_label": 1}, ...]}

Paths are relative to the file. ``content`` is a picture, or, for a clip, a folder of frames or a pattern
(``plate.####.exr``). ``mask`` is a label map of the content: one for all frames of a clip, or a folder or
pattern. A style's ``label`` chooses its region there, its ``mask`` and ``mask_label`` the part of the style that
counts; without them the whole picture counts. ``given`` is a rough label map, which a method gets instead of
``mask``, by which it is scored all the same. ``vectors``, for clips, is a pattern of EXRs with a Vector pass or
of .flo files; without it motion is estimated.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lookmatte.errors import InputError, nearest
from lookmatte.evaluation.pictures import read_labels
from lookmatte.imaging.sequence import Sequence, describe_frames

KEYS = ("name", "content", "mask", "given", "vectors", "styles")
STYLE_KEYS = ("image", "label", "mask", "mask_label")
FRAMES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".exr", ".hdr", ".bmp", ".webp", ".ppm", ".flo")
_REPORTED = 12
_NAME = re.compile(r"[^/\\:*?\"<>|\x00-\x1f]{1,100}")


@dataclass(frozen=True)
class StyleSpec:
    """A style of a pair: its picture, and the labels of its region in the content and of the part of it that
    counts; None: the whole."""

    image: Path
    label: int | None = None
    mask: Path | None = None
    mask_label: int | None = None


@dataclass(frozen=True)
class Pair:
    """A content with its styles; ``frames`` of a still is the one number that its file stands for."""

    name: str
    content: Sequence
    frames: tuple[int, ...]
    styles: tuple[StyleSpec, ...]
    mask: Sequence | None = None
    vectors: Sequence | None = None
    given: Sequence | None = None

    @property
    def is_clip(self) -> bool:
        """Whether it has frames."""
        return not self.content.is_still

    @property
    def kind(self) -> str:
        """``clip``, ``regions`` or ``whole``."""
        if self.is_clip:
            return "clip"
        return "whole" if self.mask is None else "regions"

    @property
    def files(self) -> list[Path]:
        """Every file that it names."""
        sequences = [one for one in (self.content, self.mask, self.given, self.vectors) if one is not None]
        found = [one.path(frame) for one in sequences for frame in self.frames]
        return found + [path for one in self.styles for path in (one.image, one.mask) if path is not None]


def read_pairs(path: Path, limit: int | None = None) -> list[Pair]:
    """Read and check the file, or its first ``limit`` pairs. Raises InputError with a line for every mistake."""
    try:
        items = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file{_near(path)}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from None
    except ValueError as error:
        raise InputError(f"{path}: is no JSON ({error})") from None
    if not isinstance(items, list) or not items:
        raise InputError(f'{path}: must be a list of pairs, [{{"name": ..., "content": ..., "styles": [...]}}]')
    reader = _Reader(path.absolute().parent)
    pairs = [reader.pair(item, number) for number, item in enumerate(items[:limit], 1)]
    if reader.problems:
        shown = reader.problems[:_REPORTED]
        if len(reader.problems) > _REPORTED:
            shown.append(f"and {len(reader.problems) - _REPORTED} more mistakes")
        raise InputError("\n".join(f"{path.name}: {problem}" for problem in shown))
    return [pair for pair in pairs if pair is not None]


def _near(path: Path) -> str:
    """The nearest names in a missing file's folder."""
    folder = path.parent
    if not folder.is_dir():
        return f"; there is no folder {folder}"
    return nearest(path.name, sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith(".")))


class _Reader:
    """Reads pairs and gathers what is wrong with them."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.problems: list[str] = []
        self._names: set[str] = set()
        self._labels: dict[Path, frozenset[int]] = {}

    def _add(self, where: str, what: object) -> None:
        self.problems.append(f"{where}: {what}")

    def pair(self, item: Any, number: int) -> Pair | None:
        before = len(self.problems)
        if not isinstance(item, dict):
            self._add(f"pair {number}", f"must be an object with {', '.join(KEYS)}")
            return None
        name = item.get("name")
        if not isinstance(name, str) or not _NAME.fullmatch(name) or name.strip(". ") != name:
            self._add(f"pair {number}", f"name {name!r} must be a text that can name a file")
            name = f"pair {number}"
        elif name.casefold() in self._names:
            self._add(name, "another pair has this name; rename one")
        self._names.add(name.casefold())
        self._known(item, KEYS, name)
        content = self._sequence(item, "content", name, needed=True)
        mask, given, vectors = (self._sequence(item, key, name) for key in ("mask", "given", "vectors"))
        frames = tuple(content.on_disk()) if content is not None else ()
        if content is not None and not content.is_still and len(frames) < 2:
            self._add(f"{name}: content", f"{content}: a clip has two frames or more")
        styles = self._styles(item.get("styles"), name)
        if [style.label for style in styles] == [None]:
            mask = given = None
        if len(self.problems) > before or content is None:
            return None
        pair = Pair(name, content, frames, styles, mask, vectors, given)
        self._check(pair)
        return pair

    def _known(self, item: Mapping[str, Any], keys: tuple[str, ...], where: str) -> None:
        """A misspelt key would silently choose the whole picture; what is near to none is somebody's note."""
        for key in item:
            if key not in keys and difflib.get_close_matches(str(key).casefold(), keys, cutoff=0.7):
                self._add(where, f"unknown key {key!r}{nearest(str(key), keys)}")

    def _styles(self, found: Any, name: str) -> tuple[StyleSpec, ...]:
        if not isinstance(found, list) or not found:
            self._add(name, 'styles must be a list with at least one {"image": PATH}')
            return ()
        styles = []
        for number, item in enumerate(found, 1):
            where = f"{name}: style {number}"
            if not isinstance(item, dict):
                self._add(where, f"must be an object with {', '.join(STYLE_KEYS)}")
                continue
            self._known(item, STYLE_KEYS, where)
            image, mask = self._file(item, "image", where, needed=True), self._file(item, "mask", where)
            label, mask_label = self._label(item, "label", where), self._label(item, "mask_label", where)
            if mask is not None and mask_label is None:
                mask_label = label
                if label is None:
                    self._add(where, "has a mask but neither mask_label nor label to choose in it")
            if image is not None:
                styles.append(StyleSpec(image, label, mask, mask_label if mask is not None else None))
        return tuple(styles)

    def _label(self, item: Mapping[str, Any], key: str, where: str) -> int | None:
        value = item.get(key)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 255:
            self._add(where, f"{key} must be a whole number from 0 to 255, not {value!r}")
            return None
        return value

    def _text(self, item: Mapping[str, Any], key: str, where: str, needed: bool) -> str | None:
        value = item.get(key)
        if value is None and not needed:
            return None
        if not isinstance(value, str) or not value.strip():
            self._add(where, f"{key} must be a path, not {value!r}" if key in item else f"has no {key}")
            return None
        return value

    def _file(self, item: Mapping[str, Any], key: str, where: str, needed: bool = False) -> Path | None:
        text = self._text(item, key, where, needed)
        if text is None:
            return None
        path = self.base / text
        if path.is_file():
            return path
        what = "is a folder, not a picture" if path.is_dir() else f"there is no such file{_near(path)}"
        self._add(f"{where}: {key}", f"{path}: {what}")
        return None

    def _sequence(self, item: Mapping[str, Any], key: str, where: str, needed: bool = False) -> Sequence | None:
        text = self._text(item, key, where, needed)
        if text is None:
            return None
        path = self.base / text
        try:
            if path.is_file():  # a still's name may hold what looks like a padding
                return Sequence(path.parent, path.name, "", "")
            found = in_folder(path) if path.is_dir() else Sequence.parse(text, self.base)
            if found.is_still:
                raise InputError(f"{path}: there is no such file{_near(path)}")
            found.require()
        except InputError as error:
            self._add(f"{where}: {key}", error)
            return None
        return found

    def _check(self, pair: Pair) -> None:
        """What only the whole pair tells: one region a style, frames for all frames, labels that are there."""
        if pair.vectors is not None and not pair.is_clip:
            self._add(pair.name, "vectors belong to a clip; content is a single picture")
            return
        if pair.vectors is not None and len(pair.frames) != pair.frames[-1] - pair.frames[0] + 1:
            self._add(f"{pair.name}: content", f"{pair.content}: has holes, over which no vectors lead")
        labels = [style.label for style in pair.styles]
        if pair.mask is None and len(labels) > 1:
            self._add(pair.name, f"has {len(labels)} styles but no mask that says where each belongs")
        if pair.mask is not None and (None in labels or len(set(labels)) < len(labels)):
            self._add(pair.name, "has a mask, so each of its styles needs a label of its own")
        if pair.given is not None and pair.mask is None:
            self._add(pair.name, "given, a rough mask, needs the true one as mask")
        for what, sequence, frames in (
            ("mask", pair.mask, pair.frames),
            ("given", pair.given, pair.frames),
            ("vectors", pair.vectors, pair.frames[:-1]),
        ):
            if sequence is None or sequence.is_still:
                continue
            lacking = sequence.missing(frames)
            if lacking:
                self._add(f"{pair.name}: {what}", f"{sequence} has no frame {describe_frames(lacking)}")
                return
        wanted = {label for label in labels if label is not None}
        for what, sequence in (("mask", pair.mask), ("given", pair.given)):
            if sequence is not None:
                paths = list(dict.fromkeys(sequence.path(frame) for frame in pair.frames))
                self._check_labels(f"{pair.name}: {what}", paths, wanted)
        for style in pair.styles:
            if style.mask is not None and style.mask_label is not None:
                self._check_labels(f"{pair.name}: mask of {style.image.name}", [style.mask], {style.mask_label})

    def _check_labels(self, where: str, paths: list[Path], wanted: set[int]) -> None:
        there: set[int] = set()
        for path in paths:
            try:
                there |= self._values(path)
            except InputError as error:
                self._add(where, error)
                return
            if wanted <= there:
                return
        lacking = sorted(wanted - there)
        more = f" and {len(there) - 20} more" if len(there) > 20 else ""
        listed = ", ".join(map(str, sorted(there)[:20])) + more
        self._add(where, f"{paths[0]}: no pixel has label {', '.join(map(str, lacking))}; there is: {listed}")

    def _values(self, path: Path) -> frozenset[int]:
        if path not in self._labels:
            seen = read_labels(path)
            self._labels[path] = frozenset(value for value in range(256) if (seen == value).any())
        return self._labels[path]


def in_folder(folder: Path) -> Sequence:
    """The one sequence of pictures in a folder. Raises InputError when there is none, or more than one."""
    widths: dict[tuple[str, str], int] = {}
    for entry in folder.iterdir():
        number = re.search(r"(\d{1,9})(?=\.[^.]+$)", entry.name)
        if number is not None and entry.suffix.casefold() in FRAMES and not entry.name.startswith("."):
            key = (entry.name[: number.start()], entry.name[number.end() :])
            widths[key] = min(len(number[1]), widths.get(key, 9))
    patterns = [f"{prefix}{'#' * width}{suffix}" for (prefix, suffix), width in sorted(widths.items())]
    if len(patterns) != 1:
        what = f"holds {len(patterns)} sequences, {', '.join(patterns[:4])}" if patterns else "holds no frames"
        raise InputError(f"{folder}: {what}; name one like {folder}/NAME.####.png")
    return Sequence.parse(patterns[0], folder)
