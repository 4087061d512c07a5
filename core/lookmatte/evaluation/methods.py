"""What is compared: folders of results, the untouched content, the program itself, closed forms.

Whatever makes pictures writes them where a folder of results has them, DIR/NAME.png for a picture and
DIR/NAME/0001.png for the frames of a clip, so that all are scored alike, and can be scored again. For pairs with a
rough mask, DIR/true_mattes has the pictures that the same method makes with the true one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lookmatte.errors import InputError, nearest
from lookmatte.evaluation import material
from lookmatte.evaluation.baselines import Transfer, apply
from lookmatte.evaluation.pairs import Pair, in_folder
from lookmatte.evaluation.pictures import SIZE, to_bytes
from lookmatte.evaluation.temporal import SIZE as CLIP_SIZE
from lookmatte.imaging.picture import write_png
from lookmatte.imaging.sequence import describe_frames

UNTOUCHED, TRUE = "untouched", "true_mattes"
SUFFIXES = (".png", ".exr", ".jpg", ".jpeg", ".tif", ".tiff")


class Method(Protocol):
    """A row of the table."""

    @property
    def name(self) -> str: ...

    def takes(self, pair: Pair) -> bool:
        """Whether it has anything to say of such a pair."""

    def make(self, pair: Pair) -> None:
        """Make its pictures of a pair. Raises LookmatteError."""

    def paths(self, pair: Pair) -> dict[int, Path]:
        """The file of each frame. Raises InputError, with the nearest names, where one is missing."""

    def true_paths(self, pair: Pair) -> dict[int, Path]:
        """The files of what it makes of the pair with the true mask; empty where there are none."""


@dataclass(frozen=True)
class Untouched:
    """The content itself."""

    name: str = UNTOUCHED

    def takes(self, pair: Pair) -> bool:
        return True

    def make(self, pair: Pair) -> None:
        pass

    def paths(self, pair: Pair) -> dict[int, Path]:
        return {frame: pair.content.path(frame) for frame in pair.frames}

    def true_paths(self, pair: Pair) -> dict[int, Path]:
        return {}


@dataclass(frozen=True)
class Outputs:
    """A folder of results."""

    name: str
    folder: Path

    def takes(self, pair: Pair) -> bool:
        return True

    def make(self, pair: Pair) -> None:
        pass

    def paths(self, pair: Pair) -> dict[int, Path]:
        if not pair.is_clip:
            for suffix in SUFFIXES:
                path = self.folder / f"{pair.name}{suffix}"
                if path.is_file():
                    return {pair.frames[0]: path}
            raise InputError(f"{self.folder}: has no {pair.name}.png or .exr{self._near(pair.name)}")
        folder = self.folder / pair.name
        if not folder.is_dir():
            raise InputError(f"{self.folder}: has no folder {pair.name} with its frames{self._near(pair.name)}")
        sequence = in_folder(folder)
        lacking = sequence.missing(pair.frames)
        if lacking:
            raise InputError(f"{sequence} has no frame {describe_frames(lacking)}")
        return {frame: sequence.path(frame) for frame in pair.frames}

    def true_paths(self, pair: Pair) -> dict[int, Path]:
        folder = self.folder / TRUE
        return Outputs(self.name, folder).paths(pair) if pair.given is not None and folder.is_dir() else {}

    def _near(self, name: str) -> str:
        return nearest(name, sorted({entry.stem for entry in self.folder.iterdir() if entry.name[:1] != "."}))


@dataclass(frozen=True)
class Maker(Outputs):
    """A method that makes its pictures itself."""

    def target(self, pair: Pair, frame: int, *, true: bool = False) -> Path:
        """Where a made picture goes; ``true``: that of the true mask."""
        folder = self.folder / TRUE if true else self.folder
        return folder / pair.name / f"{frame:04d}.png" if pair.is_clip else folder / f"{pair.name}.png"


@dataclass(frozen=True)
class ClosedForm(Maker):
    """A baseline, on the content in the size that is scored."""

    transfer: Transfer

    def make(self, pair: Pair) -> None:
        longest = CLIP_SIZE if pair.is_clip else SIZE
        styles = [material.style(spec, longest) for spec in pair.styles]
        for frame in pair.frames:
            content = material.content(pair, frame, longest)
            for true in (False, True)[: 1 if pair.given is None else 2]:
                weights = material.weights(pair, frame, (content.shape[0], content.shape[1]), given=not true)
                regions = [(weight, *style) for weight, style in zip(weights, styles, strict=True)]
                made = apply(self.transfer, content, regions)
                write_png(self.target(pair, frame, true=true), to_bytes(made))
