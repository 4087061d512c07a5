"""Measure what rough mattes do to edges: ``python -m lookmatte.evaluation.fringe DATA --styles DIR --out DIR``.

DATA holds ``clips/NAME/frames`` and ``masks`` (binary), and may hold ``photos/train``: then clips' objects are also
pasted over photographs with anti-aliased mattes, which are true by construction. Each picture gets two opposite
looks, with the true matte by coverage (the reference), and with mattes that are wrong in several ways: blended by
coverage, in the grid (eq. 7 of the paper), and enhanced. Writes ``fringe.md`` and ``fringe.png``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from lookmatte.bilateral.apply import Look, SoftRegion, apply_band
from lookmatte.bilateral.blend import blend_grids
from lookmatte.bilateral.encoding import decode, encode
from lookmatte.bilateral.guide import guide
from lookmatte.bilateral.slicing import apply_affine, slice_reference
from lookmatte.bilateral.softmask import soft_grid_mask
from lookmatte.errors import InputError, run_module
from lookmatte.evaluation.edges import edge_band_error, edge_line
from lookmatte.evaluation.pictures import Rgb, Weight, read_bytes, to_bytes, to_floats
from lookmatte.imaging.picture import write_png
from lookmatte.imaging.wholefile import write_bytes
from lookmatte.looks.baker import Baker, RegionLook, StylePicture
from lookmatte.looks.proxy import PROXY, FrameProxy, RegionProxy
from lookmatte.networks.model import Model

FULL_HD = 1080
WRONG = 8.0
"""Pixels by which mattes are wrong at 1080 lines; in proportion at others."""
BAND = 40
"""Pixels around the true edges that are compared, at 1080 lines."""
LOOKS = (("neon_bar", "golden_dusk"), ("desert_noon", "blue_night"))
METHODS = ("coverage", "grid, eq. 7", "enhanced")


@dataclass(frozen=True)
class Case:
    """A picture (h, w, 3) in the working encoding with the true matte (h, w) of its object."""

    name: str
    rgb: Rgb
    truth: Weight


def _distance(matte: Weight) -> Weight:
    """Signed pixels to the edge, positive inside."""
    inside = np.asarray(matte >= 0.5, np.uint8)
    within, without = (cv2.distanceTransform(part, cv2.DIST_L2, 5) for part in (inside, 1 - inside))
    return np.asarray(within - without, np.float32)


def _moved(matte: Weight, by: Weight | float) -> Weight:
    return np.asarray(np.clip(0.5 + _distance(matte) + by, 0.0, 1.0), np.float32)


def _shifted(matte: Weight, pixels: float) -> Weight:
    step = pixels / 2**0.5
    return np.asarray(
        cv2.warpAffine(
            matte, np.array([[1, 0, step], [0, 1, step]]), matte.shape[::-1], borderMode=cv2.BORDER_REPLICATE
        ),
        np.float32,
    )


def _wavering(matte: Weight, pixels: float) -> Weight:
    height, width = matte.shape
    coarse = np.random.default_rng(1).normal(0.0, 1.0, (max(2, height // 24), max(2, width // 24)))
    wave = cv2.resize(coarse.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    return _moved(matte, np.clip(wave * pixels, -pixels, pixels))


def _coarse(matte: Weight, pixels: float) -> Weight:
    """A hard matte made at a resolution whose pixels are twice ``pixels`` wide, repeated without smoothing."""
    height, width = matte.shape
    size = max(2, round(width / (2 * pixels))), max(2, round(height / (2 * pixels)))
    small = cv2.resize(matte, size, interpolation=cv2.INTER_AREA) >= 0.5
    repeated = cv2.resize(small.astype(np.float32), (width, height), interpolation=cv2.INTER_NEAREST)
    return np.asarray(repeated, np.float32)


ERRORS: dict[str, Callable[[Weight, float], Weight]] = {
    "exact": lambda matte, _: matte,
    "dilated": lambda matte, pixels: _moved(matte, pixels),
    "eroded": lambda matte, pixels: _moved(matte, -pixels),
    "shifted": _shifted,
    "blurred": lambda matte, pixels: np.asarray(cv2.GaussianBlur(matte, (0, 0), pixels), np.float32),
    "wavering": _wavering,
    "coarse": _coarse,
}


def proxy_of(rgb: Rgb, matte: Weight) -> FrameProxy:
    """The proxy of a picture with one `grid` region, ``object``, and a ``rest``."""

    def area(plane: Rgb) -> Tensor:
        small = cv2.resize(plane, (PROXY, PROXY), interpolation=cv2.INTER_AREA)
        return torch.from_numpy(np.ascontiguousarray(small))

    colour = area(rgb).permute(2, 0, 1).contiguous()
    inside = area(matte)
    grain = (area(np.square(rgb)).permute(2, 0, 1) - colour.square()).clamp_min(0.0)
    regions = {
        "object": RegionProxy(colour, inside, inside),
        "rest": RegionProxy(colour, 1.0 - inside, 1.0 - inside),
    }
    return FrameProxy(1, colour, torch.ones(PROXY, PROXY), regions, grain)


class Painter:
    """One case under two looks: grids are baked from the matte that is given, as in a render."""

    def __init__(self, model: Model, case: Case, styles: tuple[StylePicture, StylePicture]) -> None:
        self._model, self._case = model, case
        self._looks = [RegionLook("object", "grid", (styles[0],)), RegionLook("rest", "rest", (styles[1],))]

    @torch.no_grad()
    def paint(self, matte: Weight, methods: Sequence[str]) -> dict[str, Rgb]:
        """The picture with the object's matte as given, by each of ``methods``."""
        proxy = proxy_of(self._case.rgb, matte)
        inside, outside = Baker(self._model, self._looks, "frame").bake(proxy).regions
        weights = self._model.guide_weights()
        rgb = torch.from_numpy(self._case.rgb).permute(2, 0, 1).contiguous()
        rows, columns = rgb.shape[1:]
        u, v = (torch.arange(columns) + 0.5) / columns, (torch.arange(rows) + 0.5) / rows

        def applied(look: Look, cover: Tensor) -> Tensor:
            return encode(apply_band(decode(rgb), cover, u, v, look)[0])

        made: dict[str, Rgb] = {}
        for method in methods:
            if method == "coverage":
                look = Look((inside.grid,), (), outside.grid, weights)
                shown = applied(look, torch.from_numpy(matte)[None])
            elif method == "enhanced":
                assert inside.enhanced is not None
                look = Look((), (SoftRegion(inside.grid, inside.enhanced),), outside.grid, weights)
                shown = applied(look, torch.zeros(0, rows, columns))
            else:
                given = proxy.regions["object"].matte
                mask = soft_grid_mask(guide(proxy.rgb, given, weights)[None], given[None])
                blended = blend_grids(inside.grid[None, None], mask[None], outside.grid[None])
                smooth = functional.interpolate(
                    given[None, None], (rows, columns), mode="bilinear", align_corners=False
                )
                sliced = slice_reference(blended, guide(rgb, smooth[0, 0], weights)[None])[0]
                shown = apply_affine(sliced, rgb)
            made[method] = shown.clamp(0.0, 1.0).permute(1, 2, 0).contiguous().numpy()
        return made


def clip_cases(data: Path, every: int = 12) -> Iterator[Case]:
    """Frames of the clips with binary masks."""
    for folder in sorted((data / "clips").glob("*")):
        frames = sorted((folder / "frames").glob("*.jpg"))
        for frame in frames[every // 2 :: every][:2]:
            mask = folder / "masks" / f"{frame.stem}.png"
            truth = cv2.imread(str(mask), cv2.IMREAD_GRAYSCALE) if mask.is_file() else None
            if truth is not None and (truth > 0).any():
                matte = (truth > 0).astype(np.float32)
                yield Case(f"{folder.name} {frame.stem}", to_floats(read_bytes(frame)), matte)


def pasted_cases(data: Path, count: int = 6) -> Iterator[Case]:
    """Objects of the clips, in the colours of one photograph, over another: the matte is true, edges and all."""
    shapes = list(clip_cases(data))
    photos = sorted((data / "photos" / "train").glob("*.jpg"))
    random = np.random.default_rng(7)
    for index in range(count if shapes and len(photos) > 1 else 0):
        shape = shapes[index * 5 % len(shapes)].truth
        height, width = shape.shape
        inside, outside = (
            cv2.resize(to_floats(read_bytes(photos[place])), (width, height), interpolation=cv2.INTER_CUBIC)
            for place in random.integers(len(photos), size=2)
        )
        smooth = cv2.GaussianBlur(shape, (0, 0), 1.6)
        truth = cv2.GaussianBlur(np.clip(3.0 * smooth - 1.0, 0.0, 1.0), (0, 0), 0.6)
        rgb = outside + truth[..., None] * (inside - outside) + random.normal(0.0, 0.01, (height, width, 3))
        yield Case(f"pasted {index + 1}", np.clip(rgb, 0.0, 1.0).astype(np.float32), truth.astype(np.float32))


@dataclass(frozen=True)
class Row:
    """Band error and line of each method, for one kind of error of the matte."""

    error: str
    band: tuple[float, ...]
    line: tuple[float, ...]


def measure(
    model: Model, cases: Sequence[Case], looks: Sequence[tuple[StylePicture, StylePicture]], errors: Sequence[str]
) -> tuple[list[Row], list[list[Rgb]]]:
    """Means over all cases and pairs of looks, and for each case a row of crops for a sheet: plate, reference, then
    each method at the case's own kind of error."""
    found: dict[str, list[list[tuple[float, float]]]] = {error: [] for error in errors}
    crops: list[list[Rgb]] = []
    for index, case in enumerate(cases):
        scale = case.truth.shape[0] / FULL_HD
        radius = max(2, round(BAND * scale))
        for turn, styles in enumerate(looks):
            painter = Painter(model, case, styles)
            reference = painter.paint(case.truth, ("coverage",))["coverage"]
            for error in errors:
                made = painter.paint(ERRORS[error](case.truth, WRONG * scale), METHODS)
                found[error].append(
                    [
                        (
                            edge_band_error(made[method], reference, case.truth, radius),
                            edge_line(made[method], reference, case.truth, radius),
                        )
                        for method in METHODS
                    ]
                )
                if turn == index % len(looks) and error == errors[index % len(errors)]:
                    crops.append(_crop(case, [case.rgb, reference, *(made[method] for method in METHODS)]))
    rows = []
    for error in errors:
        mean = np.mean(np.array(found[error]), axis=0)
        rows.append(Row(error, tuple(mean[:, 0].tolist()), tuple(mean[:, 1].tolist())))
    return rows, crops


def _crop(case: Case, pictures: Sequence[Rgb], size: int = 96, times: int = 4) -> list[Rgb]:
    """The same window of all pictures, around the edge where coverage and reference differ most, enlarged."""
    wrong = np.abs(pictures[1] - pictures[2]).mean(-1)
    height, width = wrong.shape
    size = min(size, height, width)
    y, x = np.unravel_index(int(cv2.blur(wrong, (size // 2, size // 2)).argmax()), wrong.shape)
    top = min(max(int(y) - size // 2, 0), height - size)
    left = min(max(int(x) - size // 2, 0), width - size)
    window = slice(top, top + size), slice(left, left + size)
    return [np.repeat(np.repeat(picture[window], times, 0), times, 1) for picture in pictures]


def table(rows: Sequence[Row]) -> str:
    """Markdown: per kind of error, band error x 1000 and line x 1000 of each method."""
    heads = [f"{method}: {what}" for what in ("band", "line") for method in METHODS]
    lines = ["| matte | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
    for row in rows:
        values = [f"{1000 * value:.1f}" for value in (*row.band, *row.line)]
        lines.append(f"| {row.error} | " + " | ".join(values) + " |")
    return "\n".join(lines)


def _style(folder: Path, name: str) -> StylePicture:
    path = folder / f"{name}.jpg"
    if not path.is_file():
        raise InputError(f"{path}: no such style; --styles names a folder with {name}.jpg")
    rgb = torch.from_numpy(to_floats(read_bytes(path))).permute(2, 0, 1).contiguous()
    return StylePicture(rgb, torch.ones(rgb.shape[1:]))


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line. InputError for what cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m lookmatte.evaluation.fringe", description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--styles", type=Path, required=True, help="folder with the four styles of LOOKS")
    parser.add_argument("--model", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    looks = [(_style(options.styles, first), _style(options.styles, second)) for first, second in LOOKS]
    model = Model.load(options.model)
    told = []
    crops: list[list[Rgb]] = []
    for title, cases in (("Clips", clip_cases(options.data)), ("Pasted", pasted_cases(options.data))):
        chosen = list(cases)
        if not chosen:
            continue
        rows, shown = measure(model, chosen, looks, list(ERRORS))
        told.append(f"{title}: {len(chosen)} pictures, {len(looks)} pairs of looks\n\n{table(rows)}\n")
        crops += shown
    if not told:
        raise InputError(f"{options.data}: no clips with masks there")
    options.out.mkdir(parents=True, exist_ok=True)
    text = "\n".join(told)
    write_bytes(options.out / "fringe.md", text.encode("utf-8"))
    sheet = np.concatenate([np.concatenate(row, 1) for row in crops])
    write_png(options.out / "fringe.png", to_bytes(sheet))
    print(text)
    return 0


if __name__ == "__main__":
    run_module(main)
