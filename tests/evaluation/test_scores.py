"""The measures of single pictures: what they are for nothing done, what they must not see, what they must."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scenes import halves, photo

from lookmatte.errors import InputError
from lookmatte.evaluation import structure
from lookmatte.evaluation.colour import DIRECTIONS, cielab, scaled_oklab, signature, wasserstein
from lookmatte.evaluation.scores import MEASURES, Scene, Scores, style_layers, summary, target, value
from lookmatte.evaluation.style import load_judge
from lookmatte.evaluation.summary import jackknife

WHOLE = np.ones((90, 120), np.float32)
Rgb = NDArray[np.float32]


def pyramid(rgb: torch.Tensor) -> list[torch.Tensor]:
    """A judge of plain averages."""
    return [torch.nn.functional.avg_pool2d(rgb, 2**level) for level in range(3)]


def two_regions(content: Rgb, styles: tuple[Rgb, Rgb]) -> Scene:
    weights = [(halves() == label).astype(np.float32) for label in (1, 2)]
    targets = [target(pyramid, style, WHOLE) for style in styles]
    return Scene(pyramid, content, list(zip(weights, targets, strict=True)))


@settings(max_examples=15)
@given(st.integers(0, 10_000), st.integers(0, 10_000), st.booleans())
def test_an_untouched_picture_scores_as_nothing_done(seed: int, other: int, split: bool) -> None:
    content = photo(seed)
    styles = (photo(20_000 + other), photo(20_001 + other))
    whole = Scene(pyramid, content, [(WHOLE, target(pyramid, styles[0], WHOLE))])
    scores = (two_regions(content, styles) if split else whole).score(content)
    found = summary([scores])
    assert list(found) == list(MEASURES)
    assert found["style"] == pytest.approx(1.0, abs=1e-6)
    assert scores.swd == scores.swd_untouched
    assert found["ssim_s"] == pytest.approx(1.0, abs=1e-5)
    assert found["blotch"] == pytest.approx(0.0, abs=1e-6)
    assert (found["gain"], found["clip"]) == (1.0, 0.0)


def test_the_shipped_encoder_judges_where_no_vgg_is_named() -> None:
    judge = load_judge(None)
    assert (judge.short, len(judge.features(torch.rand(1, 3, 90, 120)))) == ("enc", 4)
    content, style = photo(1), photo(2)
    scene = Scene(judge.features, content, [(WHOLE, target(judge.features, style, WHOLE))])
    assert value("style", [scene.score(content)]) == pytest.approx(1.0)
    assert value("style", [scene.score(style)]) < 1e-3
    assert 0.02 < value("style", [scene.score(0.1 * content + 0.9 * style)]) < 0.6


def test_a_file_that_is_no_vgg_is_named() -> None:
    with pytest.raises(InputError, match=r"nowhere\.safetensors: no VGG-19 weights"):
        load_judge(Path("nowhere.safetensors"))


def test_the_style_itself_scores_best() -> None:
    content, style = photo(3), photo(4)
    scene = Scene(pyramid, content, [(WHOLE, target(pyramid, style, WHOLE))])
    scores = scene.score(style)
    assert value("style", [scores]) == pytest.approx(0.0, abs=1e-5)
    assert (scores.swd, scores.swd_ok) == (0.0, 0.0)


def test_a_region_is_scored_against_its_own_style() -> None:
    content, styles = photo(5), (photo(6), photo(7))
    scene = two_regions(content, styles)
    left = (halves() == 1)[..., None]
    right_way = np.where(left, styles[0], styles[1])
    wrong_way = np.where(left, styles[1], styles[0])
    assert scene.score(right_way).swd < 0.5 * scene.score(wrong_way).swd


def test_regions_too_small_to_measure_do_not_count() -> None:
    content, style = photo(8), target(pyramid, photo(9), WHOLE)
    speck = np.zeros_like(WHOLE)
    speck[:5, :5] = 1.0
    scene = Scene(pyramid, content, [(speck, style), (WHOLE, style)])
    assert len(scene.weights) == 1
    with pytest.raises(InputError, match="nothing to score"):
        Scene(pyramid, content, [(speck, style)])


def test_layers_are_summed_before_they_are_divided() -> None:
    def scores(style: tuple[float, ...], untouched: tuple[float, ...]) -> Scores:
        return Scores(style, untouched, *([0.0] * 7))

    many = [scores((1.0, 1.0), (2.0, 1.0)), scores((1.0, 3.0), (6.0, 3.0))]
    assert style_layers(many) == [0.25, 1.0]
    assert value("style", many) == 0.625


# ---- colours ----------------------------------------------------------------------------------------------


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.integers(0, 10_000), st.tuples(*[st.floats(-20, 20, width=32)] * 3))
def test_colour_distance_knows_no_places_and_measures_a_shift(
    seed: int, order: int, shift: tuple[float, ...]
) -> None:
    lab = cielab(photo(seed))
    own = signature(lab, WHOLE)
    mixed = np.random.default_rng(order).permutation(lab.reshape(-1, 3)).reshape(lab.shape)
    assert wasserstein(own, signature(mixed, WHOLE)) == 0.0
    # A shift moves every quantile along a direction by its own part of the shift.
    directions = np.random.RandomState(0).standard_normal((DIRECTIONS, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    moved = signature(lab + np.array(shift, np.float32), WHOLE)
    assert wasserstein(own, moved) == pytest.approx(np.abs(directions @ shift).mean(), abs=1e-3)
    assert wasserstein(moved, own) == wasserstein(own, moved)


def test_both_colour_distances_speak_in_similar_units() -> None:
    one, other = photo(10), photo(11)
    lab = wasserstein(signature(cielab(one), WHOLE), signature(cielab(other), WHOLE))
    oklab = wasserstein(signature(scaled_oklab(one), WHOLE), signature(scaled_oklab(other), WHOLE))
    assert 0.5 < oklab / lab < 2.0


def test_grey_and_white_are_where_the_two_spaces_have_them() -> None:
    white = np.ones((2, 2, 3), np.float32)
    assert cielab(white)[0, 0] == pytest.approx([100.0, 0.0, 0.0], abs=0.1)
    assert scaled_oklab(white)[0, 0] == pytest.approx([100.0, 0.0, 0.0], abs=0.1)


# ---- structure --------------------------------------------------------------------------------------------


def test_structure_is_blind_to_local_gain_and_offset_but_not_to_blur() -> None:
    content = photo(12)
    assert structure.ssim_s(content, (0.7 * content + 0.1).astype(np.float32)) > 0.99
    assert structure.ssim_s(content, np.roll(content, 6, axis=1)) < 0.9
    assert structure.ssim_s(content, cv2.GaussianBlur(content, (21, 21), 6.0)) < 0.96


@settings(max_examples=15)
@given(
    st.integers(0, 10_000),
    arrays(np.float64, (3, 3), elements=st.floats(-0.2, 0.2)),
    arrays(np.float64, 3, elements=st.floats(-0.1, 0.1)),
)
def test_an_affine_of_colours_has_no_blotches(
    seed: int, mix: NDArray[np.float64], offset: NDArray[np.float64]
) -> None:
    content = photo(seed)
    graded = (content @ (0.6 * np.eye(3) + mix) + offset).astype(np.float32)
    assert structure.blotch(content, graded, [WHOLE]) < 1e-3


def test_a_blob_is_seen_and_the_border_of_two_maps_is_not() -> None:
    content = photo(13)
    left = halves() == 1
    weights = [left.astype(np.float32), 1.0 - left.astype(np.float32)]
    two_maps = np.where(left[..., None], 0.8 * content, 0.6 * content + 0.2).astype(np.float32)
    assert structure.blotch(content, two_maps, weights) < 1e-3
    blob = two_maps.copy()
    blob[10:40, 10:40] += 0.15
    assert structure.blotch(content, blob, weights) > 1.0


def test_gain_counts_noise_in_smooth_areas_only() -> None:
    random = np.random.default_rng(1)
    flat = np.full((60, 80, 3), 0.5, np.float32)
    noisy = (flat + random.normal(0, 0.03, flat.shape)).astype(np.float32)
    assert structure.gain(flat, noisy) > 3.0
    busy = random.uniform(0, 1, flat.shape).astype(np.float32)
    assert structure.gain(busy, 1.0 - busy) == 1.0


@settings(max_examples=20)
@given(st.integers(0, 200))
def test_clip_counts_samples_that_were_not_clipped_before(count: int) -> None:
    content = np.full((10, 20, 3), 0.5, np.float32)
    content[0] = 1.0
    made = content.copy()
    made.reshape(-1)[60 : 60 + count] = 0.0
    assert structure.clip(content, made) == pytest.approx(100.0 * count / 600)


# ---- spread -----------------------------------------------------------------------------------------------


@settings(max_examples=30)
@given(st.lists(st.floats(-100, 100), min_size=2, max_size=20))
def test_the_spread_of_a_mean_is_its_standard_error(values: list[float]) -> None:
    cell = jackknife(lambda some: float(np.mean(some)), values)
    assert cell.error == pytest.approx(np.std(values, ddof=1) / np.sqrt(len(values)), abs=1e-6)
    assert (cell.value, cell.n) == (pytest.approx(np.mean(values)), len(values))


def test_a_single_pair_has_no_spread() -> None:
    assert jackknife(lambda some: some[0], [3.0]).error is None
