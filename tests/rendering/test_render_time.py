"""A look over time, in rendered frames: grain, fades, flashes, objects that come, go and hide.

The shipped weights render them. Bounds are relative to the plate and to what the look does to contrast, so that
they hold for any sane weights.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from shots import Shot, read_rgba, write_exr, write_style

from lookmatte.bilateral.encoding import decode, encode
from lookmatte.networks.model import shipped_path

Plane = NDArray[Any]
W, H = 96, 64
MODES = ("frame", "coherent", "shot")
STYLES = {"hero.png": (0.75, 0.3, 0.15), "rest.png": (0.12, 0.2, 0.45)}


def texture(seed: int, low: float = 0.25, high: float = 0.65) -> Plane:
    """A smooth coloured picture (H, W, 3) in the working encoding."""
    rng = np.random.default_rng(seed)
    total = sum(
        cv2.resize(rng.standard_normal((n, n, 3)).astype(np.float32), (W, H), interpolation=cv2.INTER_CUBIC)
        / n**0.5
        for n in (3, 7, 15)
    )
    total = 0.6 * total.mean(2, keepdims=True) + 0.4 * total
    return np.asarray(low + (high - low) * (total - total.min()) / np.ptp(total), np.float32)


def disc(y: float = 32.0, x: float = 48.0, radius: float = 17.0) -> Plane:
    """An anti-aliased matte (H, W)."""
    v, u = np.mgrid[0:H, 0:W] + 0.5
    return np.clip(radius - np.hypot(u - x, v - y) + 0.5, 0, 1).astype(np.float32)


def shot_of(folder: Path, frames: list[tuple[Plane, Plane]]) -> Shot:
    """Plates 1, 2, ... of (picture in the working encoding, matte of ``hero``)."""
    made = Shot(folder, shipped_path(), tuple(range(1, len(frames) + 1)))
    for number, (picture, matte) in enumerate(frames, 1):
        linear = decode(torch.from_numpy(picture)).numpy()
        channels = {name: np.ascontiguousarray(linear[..., k]) for k, name in enumerate("RGB")}
        write_exr(made.plate(number), {**channels, "mask.hero": matte})
    for name, colour in STYLES.items():
        write_style(folder / name, colour)
    return made


def rendered(made: Shot, mode: str = "coherent", subsample: int = 1, **options: Any) -> list[Plane]:
    """The frames as rendered with both regions, in the working encoding."""
    name = f"{mode}-{subsample}"
    hero = {"channel": "mask.hero", "style": "hero.png"}
    summary = made.render(
        name,
        options=options,
        regions={"hero": hero, "rest": {"style": "rest.png"}},
        temporal={"mode": mode, "subsample": subsample},
    )
    assert not summary.failed
    return [
        encode(torch.from_numpy(np.ascontiguousarray(read_rgba(made.output(frame, name))[0]))).numpy()
        for frame in made.frames
    ]


def mean(picture: Plane, inside: Plane) -> Plane:
    """The mean colour (3,) of the pixels that are wholly inside."""
    return np.asarray(picture[inside].mean(0))


def apart(one: Plane, other: Plane, inside: Plane) -> float:
    return float(np.abs(one - other)[inside].mean())


def contrast(styled: Plane, plate: Plane, inside: Plane) -> float:
    """How much the look multiplies differences: the largest of three channels, at least 1."""
    return max(1.0, float((styled[inside].std(0) / plate[inside].std(0)).max()))


REGIONS = (disc() == 1, disc() == 0)


@pytest.fixture(scope="module")
def grainy(tmp_path_factory: pytest.TempPathFactory) -> tuple[Shot, list[Plane]]:
    rng = np.random.default_rng(5)
    still = texture(1)
    plates = [np.clip(still + 0.05 * rng.standard_normal(still.shape), 0, 1).astype(np.float32) for _ in range(9)]
    return shot_of(tmp_path_factory.mktemp("grain"), [(plate, disc()) for plate in plates]), plates


@pytest.mark.parametrize(("mode", "subsample"), [*((mode, 1) for mode in MODES), ("coherent", 4)])
def test_fresh_grain_does_not_make_the_look_pump(
    grainy: tuple[Shot, list[Plane]], mode: str, subsample: int
) -> None:
    """On a still plate with new grain in every frame a region's mean is as steady as the plate's own, times what
    the look does to contrast, and so is each pixel."""
    made, plates = grainy
    styled = rendered(made, mode, subsample)
    for inside in REGIONS:
        gain = contrast(styled[0], plates[0], inside)
        ours = np.std([mean(picture, inside) for picture in styled], axis=0)
        theirs = np.std([mean(picture, inside) for picture in plates], axis=0)
        assert ours.max() < 1.3 * gain * theirs.max() + 5e-4
        pixels = [np.std([picture[inside] for picture in clip], axis=0).mean() for clip in (styled, plates)]
        assert pixels[0] < 1.15 * gain * pixels[1]


@pytest.fixture(scope="module")
def fading(tmp_path_factory: pytest.TempPathFactory) -> tuple[Shot, list[Plane]]:
    plates = [np.asarray(texture(2) * (1 - 0.02 * n), np.float32) for n in range(17)]
    return shot_of(tmp_path_factory.mktemp("fade"), [(plate, disc()) for plate in plates]), plates


@pytest.mark.parametrize(
    ("mode", "subsample"), [*((mode, 1) for mode in MODES), *(("coherent", n) for n in (4, 8, 16)), ("frame", 8)]
)
def test_a_slow_fade_has_neither_steps_nor_turns(
    fading: tuple[Shot, list[Plane]], mode: str, subsample: int
) -> None:
    """No frame's mean goes further than the plate's does, times the contrast, at key frames as elsewhere; and the
    look never brightens what is fading by more than it had darkened it."""
    made, plates = fading
    styled = rendered(made, mode, subsample)
    for inside in REGIONS:
        gain = contrast(styled[0], plates[0], inside)
        steps = np.diff([mean(picture, inside) for picture in styled], axis=0)
        plate = np.abs(np.diff([mean(picture, inside) for picture in plates], axis=0)).max()
        assert np.abs(steps).max() < 1.3 * gain * plate + 5e-4
        second = np.abs(np.diff(steps, axis=0)).max()
        assert second < 0.9 * gain * plate + 5e-4


@pytest.mark.parametrize(
    ("mode", "subsample", "stops"),
    [(mode, 1, stops) for mode in MODES for stops in (-1.0, 0.6, 1.5)]
    + [("coherent", 4, -1.0), ("coherent", 4, 1.5)],
)
def test_a_flash_of_one_frame_leaves_nothing_behind(
    tmp_path: Path, mode: str, subsample: int, stops: float
) -> None:
    """Frame 5 is lit otherwise; with sub-sampling by 4 it is a key frame, and only a stronger flash is told from a
    change of four frames. Before and behind it the look is what it is without a flash, and where statistics are
    smoothed the flash remains one."""
    still = texture(3)
    lit = encode(decode(torch.from_numpy(still)) * 2.0**stops).clamp(0, 1).numpy()
    made = shot_of(tmp_path, [(lit if number == 5 else still, disc()) for number in range(1, 10)])
    styled = rendered(made, mode, subsample)
    for inside in REGIONS:
        for index in (*range(4), *range(5, 9)):
            assert apart(styled[index], styled[0], inside) < (1e-3 if subsample == 1 else 5e-3), index + 1
        went = (mean(styled[4], inside) - mean(styled[0], inside)).mean()
        plate = (mean(lit, inside) - mean(still, inside)).mean()
        if mode != "frame":
            assert went / plate > 0.4


def test_a_light_that_stays_on_is_caught_up_with(tmp_path: Path) -> None:
    """After a change of a stop that lasts, nine tenths of the way to its own look are gone in six frames."""
    still = texture(3)
    lit = encode(decode(torch.from_numpy(still)) * 2.0).clamp(0, 1).numpy()
    made = shot_of(tmp_path, [(still if number < 3 else lit, disc()) for number in range(1, 10)])
    styled, own = rendered(made), rendered(made, "frame")[-1]
    for inside in REGIONS:
        ways = [apart(picture, own, inside) for picture in styled[2:]]
        assert ways[6] < 0.1 * ways[0]
        assert all(late < early for early, late in itertools.pairwise(ways))


def thing(y: float, x: float) -> tuple[Plane, Plane]:
    """A plate and the matte of an object with a dark top and a bright body, at a place."""
    matte = disc(y, x)
    v = np.mgrid[0:H, 0:W][0] + 0.5
    grey = texture(7, 0.0, 0.2)
    colour = np.where((v < y - 8)[..., None], 0.05 + 0.3 * grey, np.array([0.6, 0.45, 0.35], np.float32) + grey)
    picture = texture(4) * (1 - matte[..., None]) + colour * matte[..., None]
    return picture.astype(np.float32), matte


FIRST = 11
AWAY = [(H + 40.0, 48.0)]


@pytest.mark.parametrize("mode", MODES)
def test_an_object_that_enters_at_frame_11_has_its_look_at_once(tmp_path: Path, mode: str) -> None:
    """It comes in over four frames, its dark top first, and stands still from frame 15 on: there its look is its
    own within little, and does not drift (Xia et al. 2021, Figure 7)."""
    places = AWAY * (FIRST - 1) + [(74.0, 48.0), (60.0, 48.0), (48.0, 48.0), (38.0, 48.0)] + [(32.0, 48.0)] * 9
    frames = [thing(*place) for place in places]
    made = shot_of(tmp_path, frames)
    styled = rendered(made, mode)
    own = styled if mode == "frame" else rendered(made, "frame")
    plates = [picture for picture, _ in frames]
    for index in range(FIRST - 1, len(frames)):
        inside = frames[index][1] == 1
        assert inside.any()
        assert apart(styled[index], plates[index], inside) > 0.3 * apart(own[index], plates[index], inside)
    inside = frames[-1][1] == 1
    still = styled[FIRST + 3 :]
    if mode != "shot":
        assert apart(still[0], own[-1], inside) < 0.05
    assert apart(still[0], still[8], inside) < 0.05
    drift = [apart(a, b, inside) for a, b in itertools.pairwise(still)]
    assert max(drift[3:]) < 0.008
    assert max(drift) < 0.025


@pytest.mark.parametrize("mode", MODES)
def test_an_object_that_hides_and_returns_has_its_look_at_once(tmp_path: Path, mode: str) -> None:
    """It leaves through the border, stays away for four frames, and comes back."""
    out = [(40.0, 48.0), (48.0, 48.0), (56.0, 48.0), (64.0, 48.0), (72.0, 48.0), (78.0, 48.0)]
    places = [(32.0, 48.0)] * 3 + out + AWAY * 4 + out[-2::-2] + [(32.0, 48.0)] * 5
    frames = [thing(*place) for place in places]
    styled = rendered(shot_of(tmp_path, frames), mode)
    inside = frames[0][1] == 1
    back = styled[-5:]
    assert apart(back[0], styled[0], inside) < 0.05
    assert apart(back[-1], styled[0], inside) < 0.02
    assert max(apart(a, b, inside) for a, b in itertools.pairwise(back)) < 0.025


@pytest.mark.parametrize(("mode", "subsample"), [("frame", 1), ("coherent", 1), ("coherent", 8), ("shot", 1)])
def test_behind_a_hard_cut_every_frame_has_its_own_shots_look(tmp_path: Path, mode: str, subsample: int) -> None:
    """From the first frame behind the cut on, the pixels are those of a render that begins there."""
    one = [(texture(1), disc())] * 5
    other = [(texture(9, 0.1, 0.85), disc(30, 30))] * 4
    whole = rendered(shot_of(tmp_path / "whole", [*one, *other]), mode, subsample)
    alone = rendered(shot_of(tmp_path / "alone", other), mode, subsample)
    before = rendered(shot_of(tmp_path / "before", one), mode, subsample)
    for ours, theirs in zip(whole, [*before, *alone], strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
