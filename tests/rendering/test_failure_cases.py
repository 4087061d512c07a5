"""Pairs of plate and style that break looks: rendered to files at full strength, none explodes, bands or
posterises.

The bounds are wide enough for any weights worth shipping; they hold for the bare transport and for what ships.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from shots import Told, read_rgba, write_exr, write_picture

from lookmatte.bilateral.apply import Look, apply_band
from lookmatte.bilateral.encoding import decode, encode
from lookmatte.job import Job
from lookmatte.looks.bake import resolve
from lookmatte.networks.model import shipped_path
from lookmatte.rendering import render
from lookmatte.rendering.settings import settings
from lookmatte.rendering.store import BakeStore

Plane = NDArray[Any]
W, H = 128, 72
LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


def encoded(linear: Plane) -> Plane:
    return encode(torch.from_numpy(np.ascontiguousarray(linear, np.float32))).numpy()


def linear(working: Plane) -> Plane:
    return decode(torch.from_numpy(np.ascontiguousarray(working, np.float32))).numpy()


def clouds(seed: int, *cells: int) -> Plane:
    """A smooth field (H, W, 1), at most 1 from 0."""
    random = np.random.default_rng(seed)
    fields = []
    for count in cells:
        coarse = torch.from_numpy(random.standard_normal((1, 1, count, 2 * count)).astype(np.float32))
        fields.append(torch.nn.functional.interpolate(coarse, (H, W), mode="bicubic")[0, 0].numpy())
    field = sum(fields)
    return np.asarray(field / np.abs(field).max(), np.float32)[..., None]


Y, X = (np.mgrid[0:H, 0:W] + 0.5).astype(np.float32)
U, V = (X / W)[..., None], (Y / H)[..., None]
GREY = np.ones(3, np.float32)
BLUE, HAZE = np.array([0.12, 0.3, 0.75]), np.array([0.75, 0.7, 0.62])


def garden() -> Plane:
    """Everything that a picture has: shade and light, colours, texture."""
    hues = np.concatenate([0.5 + 0.5 * clouds(seed, 3, 7, 13) for seed in (1, 2, 3)], -1)
    return linear(np.clip(0.1 + 0.6 * (0.5 + 0.5 * clouds(4, 3, 9, 20)) + 0.25 * (hues - 0.5), 0.01, 0.98))


def suns() -> Plane:
    made = 0.5 * ((1 - V) * BLUE + V * HAZE)
    for x, y, radius, value in ((0.7, 0.3, 5.0, 200.0), (0.25, 0.5, 2.0, 40.0), (0.5, 0.8, 7.0, 4.0)):
        distance = np.hypot(X - x * W, Y - y * H)[..., None] / radius
        made = made + value * np.clip(1.3 - distance, 0.0, 0.3) / 0.3
    return np.asarray(made, np.float32)


PLATES: dict[str, Callable[[], Plane]] = {
    "garden": garden,
    "white": lambda: linear((0.9 + 0.05 * clouds(5, 2, 5, 11)) * GREY),
    "black": lambda: linear((0.04 + 0.02 * clouds(6, 2, 5, 11)) * GREY),
    "dark": lambda: garden() / 128.0,
    "grey": lambda: linear((0.5 + 0.15 * clouds(7, 2, 5)) * GREY),
    "fog": lambda: linear(0.55 + 0.06 * (encoded(garden()) - 0.5)),
    "flat": lambda: np.full((H, W, 3), 0.18, np.float32) * np.array([0.5, 0.9, 1.2], np.float32),
    "1-bit": lambda: (((X // 8 + Y // 8) % 2)[..., None] * GREY).astype(np.float32),
    "sky": lambda: np.asarray((1 - V) * BLUE + V * HAZE, np.float32),
    "ramp": lambda: linear(U * GREY + 0 * V),
    "suns": suns,
}


def night() -> Plane:
    """A dark blue picture with a few warm windows."""
    picture = linear(0.14 + 0.1 * clouds(8, 3, 8)) * np.array([0.45, 0.75, 1.6])
    picture[30:36, 40:52] = picture[20:26, 80:90] = (0.9, 0.55, 0.15)
    return encoded(picture)


def neon() -> Plane:
    """Saturated signs in the dark."""
    picture = np.full((H, W, 3), 0.04) + 0.03 * clouds(9, 3, 8)
    picture[10:30, 10:50], picture[30:60, 70:80], picture[40:50, 20:60] = (1, 0, 0.7), (0, 0.9, 1), (0.5, 0, 1)
    return picture


STYLES: dict[str, Callable[[], Plane]] = {
    "noon": lambda: np.clip(0.72 + 0.25 * clouds(10, 3, 8) * [1, 0.95, 0.8] + [0.05, 0.0, -0.1], 0, 1),
    "dusk": lambda: np.clip((0.5 + 0.4 * clouds(11, 3, 8)) * [1.0, 0.7, 0.4], 0, 1),
    "night": night,
    "neon": neon,
    "black and white": lambda: np.repeat(0.6 + 0.35 * clouds(12, 3, 8), 3, -1),
    "ink": lambda: np.repeat((clouds(13, 3, 8) > 0.1) * 1.0, 3, -1),
    "red": lambda: np.ones((H, W, 3)) * [0.8, 0.2, 0.1],
    "white card": lambda: np.ones((H, W, 3)),
    "black card": lambda: np.zeros((H, W, 3)),
    "two colours": lambda: np.where(X[..., None] < W / 2, [1.0, 0.0, 0.9], [0.0, 1.0, 0.2]),
    "a pixel": lambda: np.full((1, 1, 3), 0.4),
}
PAIRS = [
    ("white", "night"), ("white", "neon"), ("white", "black card"), ("white", "black and white"),
    ("black", "noon"), ("black", "neon"), ("dark", "noon"), ("dark", "dusk"),
    ("grey", "neon"), ("grey", "two colours"), ("grey", "dusk"), ("fog", "night"), ("fog", "ink"),
    ("flat", "neon"), ("flat", "red"), ("1-bit", "dusk"), ("1-bit", "neon"),
    ("sky", "night"), ("sky", "dusk"), ("sky", "black and white"), ("sky", "red"),
    ("ramp", "night"), ("ramp", "neon"), ("suns", "night"), ("suns", "noon"),
    ("garden", "night"), ("garden", "black and white"), ("garden", "red"), ("garden", "white card"),
    ("garden", "two colours"), ("garden", "a pixel"),
]  # fmt: skip


@dataclass
class Case:
    """A plate and what came of it, (h, w, 3) linear; the look, and what was told."""

    plate: Plane
    result: Plane
    look: Look
    told: Told

    def styled(self, pixels: Plane) -> Plane:
        """Other pixels (h, w, 3) by the same look, laid over the whole display."""
        planar = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1), np.float32))
        rows, columns = planar.shape[1:]
        u, v = ((torch.arange(count) + 0.5) / count for count in (columns, rows))
        return apply_band(planar, torch.zeros(0, rows, columns), u, v, self.look)[0].numpy().transpose(1, 2, 0)

    @property
    def stops(self) -> float:
        """How far the mean luminance has travelled in the files."""
        return float(np.log2(max((self.result @ LUMA).mean(), 1e-9) / (self.plate @ LUMA).mean()))

    @property
    def grain(self) -> float:
        """How much a faint noise on the plate grows, in the working encoding."""
        working = encoded(self.plate)
        noise = 0.004 * np.random.default_rng(1).standard_normal(self.plate.shape).astype(np.float32)
        open_ = (working > 0.03) & (working < 0.97)
        if not open_.any():
            return 0.0
        change = encoded(self.styled(linear(working + noise))) - encoded(self.styled(self.plate))
        return float(change[open_].std() / noise[open_].std())


Make = Callable[..., Case]


@pytest.fixture(params=["transport", "shipped"])
def make(request: pytest.FixtureRequest, tmp_path: Path, model: Path) -> Make:
    """``make(plate, style, **region keys)`` renders one frame to a file and reads it again."""
    weights = shipped_path() if request.param == "shipped" else model

    def made(plate: str, style: str, **keys: Any) -> Case:
        rgb = PLATES[plate]()
        channels = {name: rgb[..., index].astype(np.float32) for index, name in enumerate("RGB")}
        write_exr(tmp_path / "p.1.exr", channels)
        write_picture(tmp_path / "style.png", np.round(np.clip(STYLES[style](), 0, 1) * 255).astype(np.uint8))
        region = {"style": "style.png", **keys}
        job = Job.from_mapping({"plate": "p.#.exr", "output": "o.#.exr", "regions": {"rest": region}}, tmp_path)
        told = Told()
        bake = tmp_path / "bake"
        render(job, model=weights, overwrite=True, bake_dir=bake, progress=told)
        result, _ = read_rgba(tmp_path / "o.1.exr")
        look = resolve(BakeStore.open(bake).load(1), settings=settings(job, 1))
        return Case(rgb, result, look, told)

    return made


def ramp(case: Case, colour: tuple[float, float, float]) -> tuple[Plane, Plane]:
    """A ramp of one hue, sent through the look in columns: values (n,) and results (n, 16, 3), working encoding."""
    values = np.linspace(0, 1, 513, dtype=np.float32)
    column = linear(values[:, None, None] * np.array(colour, np.float32))
    planar = torch.from_numpy(np.repeat(column, 16, 1).transpose(2, 0, 1).copy())
    u = (torch.arange(16) + 0.5) / 16
    # All at one height: what changes along a column is the colour alone.
    styled, _ = apply_band(planar, torch.zeros(0, 513, 16), u, torch.full((513,), 0.4), case.look)
    return values, encoded(styled.numpy().transpose(1, 2, 0))


@pytest.mark.parametrize(("plate", "style"), PAIRS)
def test_no_pair_explodes_bands_or_posterises(make: Make, plate: str, style: str) -> None:
    case = make(plate, style)
    assert np.isfinite(case.result).all()
    assert case.result.min() >= 0.0
    inside = case.plate.max(-1) <= 1.0
    assert case.result[inside].max() < 5.0

    # Grain: as much as contrast that the style has and the plate lacks; no more where the plate is flat.
    lifted = plate in ("black", "dark")
    assert case.grain < (5.0 if lifted else 1.8 if plate == "flat" else 3.0)

    # Tones: no jump, and nothing that turns round. Coloured ramps leave the region's colours far behind.
    for colour, turn in (((1.0, 1.0, 1.0), 0.03), ((1.0, 0.8, 0.6), 0.15), ((0.6, 0.8, 1.0), 0.15)):
        values, out = ramp(case, colour)
        assert np.abs(np.diff(out, axis=0)).max() < 12.0 * (values[1] - values[0])
        brightness = out @ LUMA
        assert (np.maximum.accumulate(brightness, 0) - brightness).max() < turn


GRADIENTS = [("sky", "night"), ("sky", "neon"), ("sky", "dusk"), ("ramp", "night")]
TAMED = [
    ("white", "night"), ("white", "neon"), ("white", "black card"), ("black", "noon"), ("dark", "noon"),
    ("dark", "dusk"), ("fog", "neon"), ("1-bit", "neon"), ("sky", "neon"), ("garden", "white card"),
    ("garden", "dusk"),
]  # fmt: skip


@pytest.mark.parametrize(("plate", "style"), GRADIENTS)
def test_gradients_stay_gradients(make: Make, plate: str, style: str) -> None:
    """Every step of the plate that is not crushed to black is a step of the result, in its own direction."""
    case = make(plate, style)
    along = 0 if plate == "sky" else 1
    before, after = (encoded(one).mean(1 - along) @ LUMA for one in (case.plate, case.result))
    steps = np.diff(after) * np.sign(np.diff(before))
    # The darkest tones may meet at black.
    assert steps.min() > -0.004
    assert (steps > 0)[after[1:] > 0.02].mean() > 0.95
    # No band: next to each other, steps are alike.
    assert np.abs(np.diff(steps)).max() < 0.6 * np.abs(steps).max() + 1e-3


@pytest.mark.parametrize("plate", ["garden", "sky", "white", "suns", "dark"])
@pytest.mark.parametrize("style", ["black and white", "ink"])
def test_a_style_without_colour_leaves_none(make: Make, plate: str, style: str) -> None:
    case = make(plate, style)
    working = encoded(case.result)[case.plate.max(-1) <= 1.0]
    assert np.ptp(working, axis=-1).max() < 0.003


def test_a_little_colour_is_kept(make: Make) -> None:
    case = make("garden", "red")
    assert encoded(case.result)[..., 0].mean() > encoded(case.result)[..., 2].mean() + 0.3


@pytest.mark.parametrize(("plate", "style"), TAMED)
def test_the_exposure_limit_tames(make: Make, plate: str, style: str) -> None:
    free, held = make(plate, style), make(plate, style, exposure_limit=1.5)
    assert abs(held.stops) <= max(1.5, min(abs(free.stops), 1.5)) + 0.15
    assert held.grain <= max(free.grain, 1.0) + 0.1
    if abs(free.stops) < 1.4:
        assert np.array_equal(held.result, free.result)
    else:
        assert abs(held.stops) > 1.0
    _, out = ramp(held, (1.0, 1.0, 1.0))
    brightness = out @ LUMA
    assert (np.maximum.accumulate(brightness, 0) - brightness).max() < 0.03


@pytest.mark.parametrize(("plate", "style"), [TAMED[0], TAMED[4], TAMED[8]])
def test_strength_tames(make: Make, plate: str, style: str) -> None:
    cases = [make(plate, style, strength=strength) for strength in (1.0, 0.5, 0.0)]
    travel = [abs(case.stops) for case in cases]
    assert np.array_equal(cases[2].result, cases[2].plate)
    assert travel[0] > travel[1] or travel[0] < 0.2
    assert cases[1].grain <= 0.5 * (1.0 + cases[0].grain) + 0.05


@pytest.mark.parametrize("style", ["night", "noon", "neon", "black card", "white card", "ink"])
def test_lights_stay_lights(make: Make, style: str) -> None:
    case = make("suns", style)
    lights = case.plate > 100.0
    assert lights.sum() > 30
    assert np.abs(np.log2(case.result[lights] / case.plate[lights])).max() <= 3.0


@pytest.mark.parametrize("pixels", [1, 20, 400])
@pytest.mark.parametrize("style", ["night", "neon", "red"])
def test_a_region_of_few_pixels(tmp_path: Path, style: str, pixels: int) -> None:
    """It keeps its colours, or takes on a sane look; nothing beside it changes."""
    rng = np.random.default_rng(2)
    rgb = (0.18 * (1 + 0.1 * rng.standard_normal((270, 480, 3)))).astype(np.float32)
    matte = np.zeros((270, 480), np.float32)
    matte[100 : 100 + max(pixels // 20, 1), 50 : 50 + min(pixels, 20)] = 1.0
    channels = {name: rgb[..., index] for index, name in enumerate("RGB")}
    write_exr(tmp_path / "p.1.exr", {**channels, "mask.R": matte})
    write_picture(tmp_path / "style.png", np.round(np.clip(STYLES[style](), 0, 1) * 255).astype(np.uint8))
    regions = {"hero": {"channel": "mask.R", "style": "style.png"}}
    job = Job.from_mapping({"plate": "p.#.exr", "output": "o.#.exr", "regions": regions}, tmp_path)
    told = Told()
    render(job, model=shipped_path(), progress=told)
    result, _ = read_rgba(tmp_path / "o.1.exr")
    inside = matte > 0
    assert np.array_equal(result[~inside], rgb[~inside])
    assert np.isfinite(result).all()
    assert result.min() >= 0.0
    assert result[inside].max() < 2.0
    small = [line for line in told.warnings if "256x256" in line]
    assert len(small) == (1 if pixels <= 20 else 0)
    if pixels == 1:
        assert np.abs(result - rgb).max() < 1e-5
