"""Score every method on every pair, one pair at a time; nothing of a pair is kept but its numbers."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import cv2

from lookmatte.errors import InputError, LookmatteError
from lookmatte.evaluation import material, temporal
from lookmatte.evaluation.edges import edge_band, edge_band_error, edge_line
from lookmatte.evaluation.methods import Method
from lookmatte.evaluation.motion import flow_and_visibility, given_flow, scaled_flow, visibility
from lookmatte.evaluation.pairs import Pair
from lookmatte.evaluation.pictures import SIZE, Rgb, read_bytes, read_like, to_floats, to_tensor
from lookmatte.evaluation.scores import Scene, Scores, Target, mean_scores, scorable, target
from lookmatte.evaluation.sheets import Sheets
from lookmatte.evaluation.style import Judge
from lookmatte.evaluation.summary import EdgeScores, Found, Results
from lookmatte.evaluation.temporal import Steadiness, TemporalScores
from lookmatte.rendering.flow import BROKEN, internal_error

FAULTS = (LookmatteError, OSError, cv2.error, *BROKEN)
"""What one pair may raise: it must not take the pairs behind it along."""
BAND = 40
"""How far the band around the mattes' edges reaches, in pixels of a picture of 1920."""
CLIP_FRAMES = 8
"""How many frames of a clip, evenly spread, are scored as pictures."""


class Told(Protocol):
    """What hears how far the evaluation is."""

    def pair_done(self, pair: str, found: dict[str, Found], seconds: float) -> None: ...
    def failed(self, pair: str, method: str, message: str) -> None: ...


def evaluate(
    pairs: Sequence[Pair], methods: Sequence[Method], judge: Judge, told: Told, sheets: Sheets | None = None
) -> Results:
    """Make and score all pictures. What fails is told, kept in the results, and the others go on."""
    results = Results()
    for pair in pairs:
        began = time.perf_counter()
        one = _PairRun(pair, [method for method in methods if method.takes(pair)], judge, results, told)
        results.kinds[pair.name] = pair.kind
        results.found[pair.name] = one.run(sheets)
        told.pair_done(pair.name, results.found[pair.name], time.perf_counter() - began)
    if sheets is not None:
        sheets.flush()
    return results


def spread(frames: Sequence[int], count: int = CLIP_FRAMES) -> list[int]:
    """``count`` of the frames, or all if there are fewer, the first and the last among them."""
    if len(frames) <= count:
        return list(frames)
    return [frames[round(index * (len(frames) - 1) / (count - 1))] for index in range(count)]


class _PairRun:
    """One pair: ``files`` holds the files of the methods that have not failed."""

    def __init__(
        self, pair: Pair, methods: Sequence[Method], judge: Judge, results: Results, told: Told
    ) -> None:
        self.pair, self.judge, self._results, self._told = pair, judge, results, told
        self.methods = methods
        self.files: dict[str, dict[int, Path]] = {}

    def _fail(self, method: str, error: Exception) -> None:
        """Keep and tell one line; an error that is no person's is raised again where LOOKMATTE_DEBUG asks so."""
        where = self.pair.content.path(self.pair.frames[0])
        message = str(error) if isinstance(error, LookmatteError) else internal_error(where, error)
        self.files.pop(method, None)
        self._results.failures.append((self.pair.name, method, message))
        self._told.failed(self.pair.name, method, message)

    def run(self, sheets: Sheets | None) -> dict[str, Found]:
        """Everything of this pair, by method; a method that fails is left out."""
        for method in self.methods:
            try:
                method.make(self.pair)
                self.files[method.name] = method.paths(self.pair)
            except FAULTS as error:
                self._fail(method.name, error)
        try:
            pictures = self._pictures(sheets)
            edges = self._edges() if self.pair.given is not None else {}
            steadiness = self._over_time() if self.pair.is_clip else {}
        except FAULTS as error:  # of the pair itself
            for method in self.methods:
                if method.name in self.files:
                    self._fail(method.name, error)
            return {}
        return {
            name: Found(pictures[name], edges.get(name), steadiness.get(name))
            for name in (method.name for method in self.methods)
            if name in self.files and name in pictures
        }

    def _pictures(self, sheets: Sheets | None) -> dict[str, Scores]:
        """The scores of single pictures; those of a clip are the mean over some of its frames."""
        styles = [material.style(spec, SIZE) for spec in self.pair.styles]
        targets: list[Target | None] = [
            target(self.judge.features, *style) if scorable(style[1]) else None for style in styles
        ]
        frames = spread(self.pair.frames)
        found: dict[str, list[Scores]] = {name: [] for name in self.files}
        last: LookmatteError | None = None
        for frame in frames:
            content = material.content(self.pair, frame, SIZE)
            weights = material.weights(self.pair, frame, (content.shape[0], content.shape[1]))
            regions = [(weight, one) for weight, one in zip(weights, targets, strict=True) if one is not None]
            try:
                scene = Scene(self.judge.features, content, regions)
            except InputError as error:  # an object may leave the picture for some frames of a clip
                last = error
                continue
            made = self._read(frame, content)
            for name, picture in made.items():
                found[name].append(scene.score(picture))
            if sheets is not None and frame == frames[len(frames) // 2]:
                sheets.add(self.pair.name, content, weights, [rgb for rgb, _ in styles], made)
        if last is not None and not any(found.values()):
            raise last
        return {name: mean_scores(many) for name, many in found.items() if many}

    def _read(self, frame: int, like: Rgb) -> dict[str, Rgb]:
        """A frame of every method, in the content's size."""
        made = {}
        for name in list(self.files):
            try:
                made[name] = read_like(self.files[name][frame], like)
            except LookmatteError as error:
                self._fail(name, error)
        return made

    def _edges(self) -> dict[str, EdgeScores]:
        """What the rough mask did, for the methods that also have pictures made with the true one; at full size,
        since a fringe is narrow."""
        found = {}
        for method in self.methods:
            true = method.true_paths(self.pair) if method.name in self.files else {}
            rows = []
            for frame in spread(self.pair.frames) if true else ():
                reference = to_floats(read_bytes(true[frame]))
                result = read_like(self.files[method.name][frame], reference)
                size = (reference.shape[0], reference.shape[1])
                radius = max(2, round(BAND * max(size) / 1920))
                for matte in material.weights(self.pair, frame, size):
                    if edge_band(matte, 1).any():
                        error = edge_band_error(result, reference, matte, radius)
                        rows.append((error, edge_line(result, reference, matte, radius)))
            if rows:
                found[method.name] = EdgeScores(*(sum(column) / len(rows) for column in zip(*rows, strict=True)))
        return found

    def _over_time(self) -> dict[str, TemporalScores]:
        gathered = {name: Steadiness() for name in self.files}
        plate = material.content(self.pair, self.pair.frames[0], temporal.SIZE)
        before = self._read(self.pair.frames[0], plate)
        for frame, following in itertools.pairwise(self.pair.frames):
            next_plate = material.content(self.pair, following, temporal.SIZE)
            after = self._read(following, next_plate)
            here, there = to_tensor(plate), to_tensor(next_plate)
            if self.pair.vectors is None:
                flow, visible = flow_and_visibility(here, there, temporal.COLOURS)
            else:
                last = following == self.pair.frames[-1] and self.pair.vectors.missing([following])
                second = None if last else self.pair.vectors.path(following)
                given, returning = given_flow(self.pair.vectors.path(frame), second)
                size = (plate.shape[0], plate.shape[1])
                flow = scaled_flow(given, size)
                coming = None if returning is None else scaled_flow(returning, size)
                visible = visibility(here, there, flow, coming, temporal.COLOURS)
            for name, picture in after.items():
                gathered[name].add((plate, next_plate), (before[name], picture), flow, visible)
            plate, before = next_plate, after
        return {name: steadiness.scores() for name, steadiness in gathered.items() if name in self.files}
