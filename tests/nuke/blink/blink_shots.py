"""Wild plates made of the example shot's own frames, their bakes, and the kernel in apply's place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
from blink_compiled import Blink, Picture, Pixels
from nuke_gizmo.lookmatte_nuke import live
from numpy.typing import NDArray

from exr_files import write_exr
from lookmatte.imaging.colour import plate_matrix
from lookmatte.job import Job
from lookmatte.rendering import render
from lookmatte.rendering.shot import Shot

REPOSITORY = Path(__file__).resolve().parents[3]
FRAMES = (1001, 1002, 1003)
# Odd, not where its display window is, and going on beyond it on two sides.
WINDOW, DISPLAY = (-5, 3, 401, 257), (0, 0, 389, 263)
"""x, y, width, height."""

Planes = dict[str, NDArray[Any]]


def read_planes(path: Path) -> Planes:
    """All channels of a file's first part."""
    part = OpenEXR.File(str(path), separate_channels=True).parts[0]
    return {name: one.pixels for name, one in part.channels.items()}


def rgba(planes: Planes, start: str = "") -> Pixels:
    """(h, w, 4) float32."""
    return np.stack([planes[f"{start}{name}"].astype(np.float32) for name in "RGBA"], -1)


def wild(frame: int) -> tuple[Planes, dict[str, Any]]:
    """A frame of the example shot in float, as compositing meets it: highlights up to 20000, negative and broken
    pixels, partial alpha, additive light; and its cryptomatte's channels and header."""
    source = OpenEXR.File(str(REPOSITORY / f"examples/shot/plate.{frame}.exr"), separate_channels=True).parts[0]
    _, _, columns, rows = WINDOW
    part = (slice(30, 30 + rows), slice(130, 130 + columns))
    planes: Planes = {name: np.array(one.pixels[part]) for name, one in source.channels.items()}
    colour = rgba(planes, "ViewLayer.Combined.")
    random = np.random.default_rng(frame)

    def some(share: float) -> NDArray[np.bool_]:
        return random.random((rows, columns)) < share

    bright = some(0.02)
    colour[bright, :3] *= np.exp(random.uniform(0.0, 11.0, (int(bright.sum()), 3)))
    colour[some(0.01), :3] = (20000.0, 300.0, 0.02)
    colour[some(0.02), :3] *= -1.0
    colour[some(0.01), 1] = -0.3
    thin = some(0.05)
    colour[thin] *= random.uniform(0.02, 1.0, (int(thin.sum()), 1))
    colour[:20, 100:160, 3] = 0.0
    colour[:, 200:210] *= np.linspace(0.0, 1.0, 10)[:, None]
    np.clip(colour, -20000.0, 20000.0, colour)
    for value in (np.nan, np.inf, -np.inf):
        for channel in range(4):
            colour[random.integers(rows), random.integers(columns), channel] = value
    colour[5, 5] = np.float32([1e38, 1e38, 1e38, 1e-4])
    made = {name: np.ascontiguousarray(colour[..., k]) for k, name in enumerate("RGBA")}
    made |= {name: plane for name, plane in planes.items() if "Crypto" in name}
    attributes = {name: value for name, value in source.header.items() if name.startswith("cryptomatte/")}
    return made, attributes


def write_shot(folder: Path) -> None:
    """Wild plates, and a rough matte for each: the car's, wrong by some pixels, of another size."""
    import cv2

    for frame in FRAMES:
        planes, attributes = wild(frame)
        header = {**attributes, "window": WINDOW, "display": DISPLAY}
        plate = write_exr(folder / f"plate.{frame}.exr", (planes, header))
        job = job_of(folder, {"car": {"cryptomatte": ["hero car*"]}})
        cover = Shot(job).load(frame).mattes[0].matte.rows(0, WINDOW[3])
        rough = cv2.dilate(cv2.resize(np.float32(cover), (161, 107)), np.ones((3, 3), np.uint8))
        write_exr(folder / f"rough.{frame}.exr", ({"Y": rough.astype(np.float32)}, {}))
        assert plate.is_file()


def job_of(folder: Path, regions: Mapping[str, Mapping[str, Any]], **more: Any) -> Job:
    """A job on the shot in a folder; a region without a style takes one from the examples."""
    styles = {"car": "golden_dusk", "rough": "neon_bar", "rest": "blue_night", "balloon": "autumn_lake"}
    full = {
        name: {"style": str(REPOSITORY / f"examples/styles/{styles.get(name, 'desert_noon')}.jpg"), **region}
        for name, region in regions.items()
    }
    mapping = {"plate": "plate.####.exr", "output": "out/look.####.exr", "regions": full, **more}
    return Job.from_mapping(mapping, base=folder)


@dataclass
class Baked:
    """A shot, one region's job without settings, and its bake. ``region``: its keys in a job's file."""

    folder: Path
    kind: str
    name: str
    region: Mapping[str, Any]
    more: dict[str, Any] = field(default_factory=dict)
    plates: str = "plate.####.exr"

    @property
    def bake(self) -> Path:
        """Its folder."""
        return self.folder / f"{self.kind}.bake"

    def job(self, output: str = "out/look.####.exr", **settings: Any) -> Job:
        """With a strength, an exposure limit, or both."""
        regions = {self.name: {**self.region, **settings}}
        return job_of(self.folder, regions, plate=self.plates, output=output, **self.more)

    def make(self) -> Baked:
        """Bake with the weights that ship."""
        summary = render(self.job(), stage="bake", bake_dir=self.bake)
        assert summary.done
        assert not summary.failed
        return self

    def render(self, frame: int, **settings: Any) -> Path:
        """The file that ``lookmatte apply`` writes."""
        job = self.job(f"out/{self.kind}_{len(list(self.folder.glob('out/*')))}.####.exr", **settings)
        summary = render(job, stage="apply", bake_dir=self.bake, frames=str(frame))
        assert summary.done == [frame]
        return Path(job.output.replace("####", str(frame)))

    def apply(self, frame: int, **settings: Any) -> Pixels:
        """Its colour and alpha: (h, w, 4)."""
        return rgba(read_planes(self.render(frame, **settings)))

    def plate(self, frame: int) -> Pixels:
        """The plate itself."""
        return rgba(read_planes(self.folder / self.plates.replace("####", str(frame))))

    def matte(self, frame: int) -> Pixels:
        """The region's matte as the mask input has it: the alpha of an RGBA picture; 0 where there is none."""
        made = np.zeros_like(self.plate(frame))
        for one in Shot(self.job()).load(frame).mattes:
            made[..., 3] = one.matte.rows(0, len(made))
        return made

    def live(self, blink: Blink, frame: float, plate: Pixels, matte: Pixels, **settings: Any) -> Pixels:
        """What the gizmo shows of the bake on the whole plate."""
        coverage = "cryptomatte" in self.region
        return show(blink, self.bake, frame, placed(plate), placed(matte), coverage, **settings)


def placed(pixels: Pixels) -> Picture:
    """A plate of the shot, where it lies."""
    return Picture(pixels, WINDOW[0], WINDOW[1], DISPLAY[3])


def show(
    blink: Blink,
    folder: Path,
    frame: float,
    plate: Picture,
    matte: Picture,
    coverage: bool,
    strength: float = 1.0,
    exposure_limit: float | None = None,
    full: tuple[int, int] = DISPLAY[2:],
    scale: Callable[[Pixels], Pixels] = np.ascontiguousarray,
    **more: Any,
) -> Pixels:
    """What the gizmo shows of a bake of one region: the kernel with what ``live`` says, over the plate, whose
    format is ``full``. ``scale`` is what is done to the bake's pictures on their way."""
    bake = live.Bake.open(str(folder))
    region = bake.region()
    now = bake.at(region, frame, exposure_limit)
    pattern, rough = bake.grid_pattern(region), bake.matte_pattern(region)
    grids = [Picture(scale(rgba(read_planes(Path(pattern % key))))) for key in (now.key_a, now.key_b)]
    coefficients = Picture(scale(rgba(read_planes(Path(rough % frame))))) if rough else grids[0]
    parameters: dict[str, Any] = {
        **bake.parameters(region, coverage),
        "strength": strength, "later": now.later, "take_a": now.take_a, "take_b": now.take_b,
        "format_width": full[0], "format_height": full[1], "ignore_alpha": 0, **more,
    }  # fmt: skip
    return blink.run(parameters, [plate, matte, *grids, coefficients])


def apart(one: Pixels, other: Pixels, space: str = "lin_rec709_srgb") -> Pixels:
    """How far two (h, w, 4) plates in a colour space are apart in the working encoding: the largest channel of each
    pixel (h, w), and infinity where one of them is not finite; 0 where both have the same bits."""
    import torch

    from lookmatte.bilateral.encoding import encode

    matrix = plate_matrix(space, attributes={}).matrix
    alpha = np.where(one[..., 3:] > 0, one[..., 3:], np.float32(1.0))
    with np.errstate(invalid="ignore", over="ignore"):
        first, second = (
            encode(torch.from_numpy((pixels[..., :3] / alpha).astype(np.float64) @ matrix.T)).numpy()
            for pixels in (one, other)
        )
        far = np.abs(first - second)
    far[same_bits(one, other)] = 0.0
    largest: Pixels = np.where(np.isfinite(far), far, np.inf).max(-1).astype(np.float32)
    return largest


def same_bits(one: Pixels, other: Pixels) -> NDArray[np.bool_]:
    """Where all four channels of two plates have the same bits: (h, w)."""
    same: NDArray[np.bool_] = (one.view(np.uint32) == other.view(np.uint32)).all(-1)
    return same
