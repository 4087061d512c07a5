"""Frame sequences as people write them: a path with a padding, and ranges of frames.

>>> plate = Sequence.parse("plates/sh010.####.exr", Path("/shots"))
>>> plate.path(1001)
PosixPath('/shots/plates/sh010.1001.exr')
>>> list(parse_frames("1001-1007x3, 1200"))
[1001, 1004, 1007, 1200]
"""

from __future__ import annotations

import difflib
import itertools
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lookmatte.errors import FrameError, InputError, nearest, short
from lookmatte.imaging.filenames import impossible
from lookmatte.imaging.patience import is_file, patiently

MAX_FRAMES = 1_000_000
_TOKEN = re.compile(r"#+|@+|%0?\d{0,2}d|\$F\d?")
_STILL_NUMBER = re.compile(r"(?:^|[._])(-?\d{1,9})\.[^.]+$")
_RANGE = re.compile(r"(-?\d{1,9})(?:\s*-\s*(-?\d{1,9})(?:\s*x\s*(-?\d{1,9}))?)?")
_EXAMPLE = "write them like 1001-1100, 1001-1100x2 (every second) or 1001,1005,1010-1020"


@dataclass(frozen=True)
class FrameRange:
    """Frames in the order they were written, each once."""

    ranges: tuple[range, ...]

    def __iter__(self) -> Iterator[int]:
        return iter(dict.fromkeys(itertools.chain(*self.ranges)))

    def __len__(self) -> int:
        return len(self.ranges[0]) if len(self.ranges) == 1 else sum(1 for _ in self)

    def __contains__(self, frame: object) -> bool:
        return any(frame in span for span in self.ranges)

    def __str__(self) -> str:
        return describe_frames(self)


def parse_frames(text: str) -> FrameRange:
    """Read ``1001``, ``1001-1100``, ``1001-1100x2``, ``-5--1``, ``10-1`` and lists of them with commas.

    Raises InputError, with an example, for anything else and for more than ``MAX_FRAMES`` frames.
    """
    spans = []
    total = 0
    for item in str(text).replace("–", "-").replace("−", "-").split(","):
        match = _RANGE.fullmatch(item.strip())
        if match is None:
            what = f"{item.strip()!r} in {text!r}" if item.strip() != str(text) else f"{text!r}"
            long = re.search(r"\d{10}", item) is not None
            wrong = "has a frame number of more than 9 digits" if long else "is no frame range"
            raise InputError(f"frames: {what[:120]} {wrong}; {_EXAMPLE}")
        first = int(match[1])
        last = first if match[2] is None else int(match[2])
        step = abs(int(match[3])) if match[3] else 1
        if step == 0:
            raise InputError(f"frames: the step in {item.strip()!r} is 0; {_EXAMPLE}")
        span = range(first, last + 1, step) if last >= first else range(first, last - 1, -step)
        total += len(span)
        if total > MAX_FRAMES:
            raise InputError(
                f"frames: {str(text)[:120]!r} asks for more than {MAX_FRAMES:,} frames; check its numbers"
            )
        spans.append(span)
    return FrameRange(tuple(spans))


def describe_frames(frames: Iterable[int]) -> str:
    """Frames as a person would write them: ``1001-1003,1007``; long lists end with a count."""
    import fileseq

    return _first_spans(str(fileseq.framesToFrameRange(sorted(set(frames)))).split(","))


def describe_holes(frames: Iterable[int]) -> str:
    """What lacks between the first and the last of ``frames``, written likewise; empty when nothing does."""
    there = sorted(frames)
    gaps = [(one + 1, other - 1) for one, other in itertools.pairwise(there) if other - one > 1]
    return _first_spans([str(first) if first == last else f"{first}-{last}" for first, last in gaps])


def _first_spans(spans: list[str]) -> str:
    return ",".join(spans[:8]) + (f" and {len(spans) - 8} more ranges" if len(spans) > 8 else "")


@dataclass(frozen=True)
class Sequence:
    """Files that differ in a frame number, or one still that serves every frame.

    Paddings are ``####``, ``@@@@``, ``%04d``, ``%d``, ``$F4`` and ``$F``; each ``#`` or ``@`` is one digit,
    and longer numbers grow. The last padding in the file's name is the frame; any other one, and all in
    folders, are plain text. ``token`` is empty for a still: a path without a padding.
    """

    folder: Path
    prefix: str
    token: str
    suffix: str

    @classmethod
    def parse(cls, pattern: str, base: Path) -> Sequence:
        """Read a pattern; a relative one starts at ``base``. Raises InputError when it names no file."""
        path = Path(base) / pattern
        if not str(pattern).strip() or str(pattern).endswith(("/", os.sep)) or path.name in ("", ".."):
            raise InputError(f"{short(repr(pattern))} names no file; write one like plates/sh010.####.exr")
        if wrong := impossible(path):
            raise InputError(f"{short(repr(pattern))}: {wrong}")
        tokens = list(_TOKEN.finditer(path.name))
        if not tokens:
            return cls(path.parent, path.name, "", "")
        last = tokens[-1]
        return cls(path.parent, path.name[: last.start()], last.group(), path.name[last.end() :])

    @property
    def is_still(self) -> bool:
        """Whether this is one file for every frame."""
        return not self.token

    @property
    def width(self) -> int:
        """Digits to which frame numbers are padded."""
        if self.token[:1] in "#@":
            return len(self.token)
        return int(re.sub(r"\D", "", self.token) or 1)

    def __str__(self) -> str:
        return str(self.folder / f"{self.prefix}{self.token}{self.suffix}")

    def path(self, frame: int) -> Path:
        """The file of ``frame``, whether it exists or not.

        Programs differ in the padding of negative numbers (-0005, -005): the spelling that is on disk wins.
        """
        if self.is_still:
            return self.folder / self.prefix
        spellings = self._spellings(frame)
        paths = [self.folder / f"{self.prefix}{number}{self.suffix}" for number in spellings]
        return next((path for path in paths[1:] if _exists(path) and not _exists(paths[0])), paths[0])

    def _spellings(self, frame: int) -> list[str]:
        sign, digits = ("-", str(-frame)) if frame < 0 else ("", str(frame))
        whole = sign + digits.zfill(self.width)
        printf = sign + digits.zfill(self.width - len(sign))
        pair = [printf, whole] if self.token.startswith("%") else [whole, printf]
        return list(dict.fromkeys(pair))

    def on_disk(self) -> list[int]:
        """Frames whose files exist, ascending; a still that exists has the frame in its name, or 1. InputError
        for a folder that is there and cannot be listed."""
        if self.is_still:
            number = _STILL_NUMBER.search(self.prefix)
            return [int(number[1]) if number else 1] if self._has_still() else []
        name = re.compile(re.escape(self.prefix) + r"(-?\d{1,9})" + re.escape(self.suffix))
        try:
            names = patiently(lambda: os.listdir(self.folder), self.folder)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise InputError(f"{self.folder}: the folder cannot be listed ({error.strerror or error})") from None
        found = {
            int(match[1])
            for match in map(name.fullmatch, names)
            if match and match[1] in self._spellings(int(match[1]))
        }
        return sorted(found)

    def _has_still(self) -> bool:
        try:
            return is_file(self.folder / self.prefix)
        except FrameError as error:
            raise InputError(str(error)) from None

    def missing(self, frames: Iterable[int]) -> list[int]:
        """Those of ``frames`` whose files do not exist, in the given order."""
        if self.is_still:
            return [] if self._has_still() else list(frames)
        there = set(self.on_disk())
        return [frame for frame in frames if frame not in there]

    def require(self) -> list[int]:
        """``on_disk``, or InputError that names the nearest sequence in the folder when no file matches."""
        if self.is_still and os.path.isdir(self.folder / self.prefix):
            raise InputError(f"{self}: is a folder; name a file in it, or a sequence like {self}/NAME.####.exr")
        frames = self.on_disk()
        if frames:
            return frames
        if not os.path.isdir(self.folder):
            raise InputError(f"{self}: there is no folder {self.folder}{_nearest_folder(self.folder)}")
        what = "there is no such file" if self.is_still else "no file matches"
        raise InputError(f"{self}: {what}{self._nearest_sequence()}")

    def _nearest_sequence(self) -> str:
        """``; nearest: name.####.exr (1001-1010)``, from what lies in the folder."""
        import fileseq

        there = {}
        try:
            listed = fileseq.findSequencesOnDisk(str(self.folder))
        except (OSError, ValueError, ArithmeticError, fileseq.FileSeqException):
            return ""  # it reads any digits as a number, and stumbles over thirty
        for found in listed:
            pattern = f"{found.basename()}{'#' * found.zfill()}{found.extension()}"
            frames = found.frameRange()
            there[pattern] = f"{pattern} ({frames})" if frames else pattern
        if not there:
            return f"; {self.folder} holds no files"
        wanted = f"{self.prefix}{'#' * self.width}{self.suffix}"
        close = difflib.get_close_matches(wanted, there, n=3, cutoff=0.4)
        return f"; nearest: {', '.join(there[name] for name in close)}" if close else nearest(wanted, there)


def _exists(path: Path) -> bool:
    """Whether it is there; a name that no file can have is not."""
    try:
        return path.exists()
    except OSError:
        return False


def _nearest_folder(folder: Path) -> str:
    try:
        return nearest(folder.name, [entry.name for entry in os.scandir(folder.parent) if entry.is_dir()])
    except OSError:
        return ""


def collides(output: Path, inputs: Iterable[Path]) -> Path | None:
    """Return the input that ``output`` would overwrite, however either is spelt, or None.

    Relative parts, ``..``, symbolic and hard links, case and Unicode composition make no difference: names that
    differ in case alone are one file on many systems that would share the shot.
    """
    found = first_collision([output], inputs)
    return found[1] if found else None


def first_collision(outputs: Iterable[Path], inputs: Iterable[Path]) -> tuple[Path, Path] | None:
    """The first (output, input) pair that is one file, in the sense of ``collides``, or None."""
    known: dict[object, Path] = {}
    for source in inputs:
        for key in _identities(source):
            known.setdefault(key, source)
    for output in outputs:
        for key in _identities(output):
            if key in known:
                return output, known[key]
    return None


def _identities(path: Path) -> Iterator[object]:
    yield unicodedata.normalize("NFC", os.path.realpath(path)).casefold()
    try:
        status = os.stat(path)
    except OSError:
        return
    if status.st_ino:  # some file systems number nothing
        yield status.st_dev, status.st_ino
