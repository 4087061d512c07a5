"""Cuts are found where shots meet, and nowhere inside a shot."""

from __future__ import annotations

import os
from itertools import pairwise, permutations
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from proxies import disc, picture, proxy
from torch import Tensor

from lookmatte.looks.motion import SIZE, explains
from lookmatte.looks.proxy import is_cut


def _thumb(rgb: Tensor) -> Tensor:
    return proxy(1, rgb, {}).thumbnail()


def _scene(seed: int) -> Tensor:
    return _thumb(picture(seed))


SEEDS = range(12)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_same_picture_is_no_cut(seed: int) -> None:
    assert not is_cut(_scene(seed), _scene(seed))


@pytest.mark.parametrize("seed", SEEDS)
def test_another_picture_is_a_cut(seed: int) -> None:
    assert is_cut(_scene(seed), _scene(seed + 100))
    assert is_cut(_scene(seed), _scene(seed).flip(-1, -2))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("gain", [0.05, 0.3, 1.5, 3.0])
def test_a_flash_is_no_cut(seed: int, gain: float) -> None:
    """Light that changes in one frame, in linear light and clipped as a camera clips."""
    lit = _thumb((picture(seed).pow(2.2) * gain).clamp(0, 1).pow(1 / 2.2))
    assert not is_cut(_scene(seed), lit)
    assert not is_cut(lit, _scene(seed))


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_nothing_starts_at_black_or_white_but_the_picture_after_does(level: float) -> None:
    empty = torch.full((3, 16, 16), level)
    assert not is_cut(_scene(1), empty)
    assert not is_cut(empty, empty)
    assert is_cut(empty, _scene(1))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_fade_to_black_is_no_cut_at_any_step(seed: int) -> None:
    frames = [_scene(seed) * (1.0 - step / 12.0) for step in range(13)]
    assert not any(is_cut(a, b) for a, b in pairwise(frames))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_dissolve_is_no_cut_at_any_step(seed: int) -> None:
    frames = [torch.lerp(_scene(seed), _scene(seed + 100), step / 12.0) for step in range(13)]
    assert not any(is_cut(a, b) for a, b in pairwise(frames))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_pan_of_a_twentieth_of_the_frame_is_no_cut(seed: int) -> None:
    wide = picture(seed, 512)
    frames = [_thumb(wide[:, 100:356, x : x + 256]) for x in range(0, 240, 13)]
    assert not any(is_cut(a, b) for a, b in pairwise(frames))


@pytest.mark.parametrize("seed", SEEDS)
def test_grain_is_no_cut(seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    grain = [(picture(seed) + 0.3 * torch.randn(3, 256, 256, generator=random)).clamp(0, 1) for _ in range(2)]
    assert not is_cut(_thumb(grain[0]), _thumb(grain[1]))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_large_object_that_enters_is_no_cut(seed: int) -> None:
    matte = disc(60.0)
    assert not is_cut(_scene(seed), _thumb(torch.lerp(picture(seed), picture(seed + 50), matte)))


def _clips() -> dict[str, list[Tensor]]:
    root = Path(os.environ.get("LOOKMATTE_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")) / "clips"
    found: dict[str, list[Tensor]] = {}
    for folder in sorted(root.glob("*/frames")):
        frames = []
        for path in sorted(folder.glob("*.jpg")):
            small = cv2.resize(cv2.imread(str(path)), (256, 256), interpolation=cv2.INTER_AREA)
            frames.append(_thumb(torch.from_numpy(small[..., ::-1].astype(np.float32) / 255.0).permute(2, 0, 1)))
        if len(frames) >= 20:
            found[folder.parent.name] = frames
    if len(found) < 2:
        pytest.skip(f"fewer than two clips under {root}; set LOOKMATTE_DATA")
    return found


def test_real_clips_have_no_cut_inside_and_one_at_every_junction() -> None:
    clips = _clips()
    for name, frames in clips.items():
        assert not any(is_cut(a, b) for a, b in pairwise(frames)), name
    for one, other in permutations(clips, 2):
        assert is_cut(clips[one][-1], clips[other][0]), (one, other)
        assert is_cut(clips[one][0], clips[other][-1]), (one, other)


def _small(rgb: Tensor) -> Tensor:
    return proxy(1, rgb, {}).thumbnail(SIZE)


def _shift(cells: float) -> Tensor:
    """Everything was so many cells further to the right."""
    return torch.stack([torch.full((SIZE, SIZE), cells), torch.zeros(SIZE, SIZE)])


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("pixels", [40, 100, 180])
def test_motion_explains_a_whip_pan_and_no_other_does(seed: int, pixels: int) -> None:
    wide = picture(seed, 512)[:, 100:356]
    before, after = _small(wide[..., pixels : pixels + 256]), _small(wide[..., :256])
    back = -pixels / 256 * SIZE
    assert explains(_shift(back), before, after)
    assert not explains(_shift(-back), before, after)
    assert not explains(_shift(0.0), before, after)


@pytest.mark.parametrize("seed", SEEDS)
def test_motion_explains_no_cut(seed: int) -> None:
    before, after = _small(picture(seed)), _small(picture(seed + 100))
    assert not any(explains(_shift(cells), before, after) for cells in range(-48, 49, 8))


def test_the_less_was_in_view_the_better_it_must_fit() -> None:
    wide = picture(3, 512)[:, 100:356]
    before, after = _small(wide[..., :256]), _small(wide[..., 200:456])
    blurred = (before + 0.5 * (_small(picture(9)) - before).clamp(-0.3, 0.3)).clamp(0, 1)
    some, little = _shift(200 / 256 * SIZE), _shift(200 / 256 * SIZE)
    little[:, : SIZE - 8] = torch.nan
    assert explains(some, before, after)
    assert explains(little, before, after)
    assert not explains(little, blurred, after)


def test_what_is_unknown_explains_nothing() -> None:
    same = _small(picture(1))
    assert not explains(_shift(torch.nan), same, same)
    assert not explains(_shift(torch.inf), same, same)
