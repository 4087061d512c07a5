"""What is compared: folders of results, the untouched content, the program itself, closed forms.

Whatever makes pictures writes them where a folder of results has them, DIR/NAME.png for a picture and
DIR/NAME/0001.png for the frames of a clip, so that all are scored alike, and can be scored again.
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

UNTOUCHED = "untouched"
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

    def _near(self, name: str) -> str:
        return nearest(name, sorted(entry.name for entry in self.folder.iterdir() if entry.name[:1] != "."))


@dataclass(frozen=True)
class Maker(Outputs):
    """A method that makes its pictures itself."""

    def target(self, pair: Pair, frame: int) -> Path:
        """Where a made picture goes."""
        if pair.is_clip:
            return self.folder / pair.name / f"{frame:04d}.png"
        return self.folder / f"{pair.name}.png"


@dataclass(frozen=True)
class ClosedForm(Maker):
    """A baseline, on the content in the size that is scored."""

    transfer: Transfer

    def make(self, pair: Pair) -> None:
        longest = CLIP_SIZE if pair.is_clip else SIZE
        styles = [material.style(spec, longest) for spec in pair.styles]
        for frame in pair.frames:
            content = material.content(pair, frame, longest)
            weights = material.weights(pair, frame, (content.shape[0], content.shape[1]))
            regions = [(weight, *style) for weight, style in zip(weights, styles, strict=True)]
            write_png(self.target(pair, frame), to_bytes(apply(self.transfer, content, regions)))
