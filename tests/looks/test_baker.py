"""The Baker over time: what it remembers, what it forgets, and regions that have nothing to be measured by."""

from __future__ import annotations

import logging
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from proxies import disc, looks, picture, proxy, specks, style
from torch import Tensor

from lookmatte.bilateral.enhance import enhance
from lookmatte.bilateral.grid import identity, strengthen
from lookmatte.bilateral.guide import GuideWeights, guide
from lookmatte.bilateral.slicing import apply_affine, slice_reference
from lookmatte.bilateral.tone import keep_order
from lookmatte.bilateral.transport import Moments, base_grid, level, moments
from lookmatte.looks.bake import FrameBake
from lookmatte.looks.baker import Baker, RegionLook
from lookmatte.looks.memory import Memory
from lookmatte.looks.proxy import FrameProxy, RegionProxy
from lookmatte.networks.adain import FEWEST_PIXELS
from lookmatte.networks.model import Model, ModelConfig, shipped_path

ALPHA = 0.6


def _untrained(**config: object) -> Model:
    """A model whose heads and guide are set at random: it predicts something, though nothing useful."""
    torch.manual_seed(11)
    model = Model(ModelConfig(**config))  # type: ignore[arg-type]
    with torch.no_grad():
        for head in (model.predictor.local, model.predictor.overall):
            head.weight.normal_(std=0.02)
        model.guide.w2.normal_(std=0.4)
    return model.eval().requires_grad_(False)


@pytest.fixture(scope="module", params=["untrained", "shipped"])
def model(request: pytest.FixtureRequest) -> Model:
    if request.param == "untrained":
        return _untrained(alpha=ALPHA)
    return Model.load(shipped_path())


def _frame(number: int, seed: int | None = None) -> FrameProxy:
    """A slowly changing shot: light that breathes, a disc that travels."""
    drift = 0.08 * torch.sin(torch.tensor(number * 0.9))
    rgb = (picture(40 if seed is None else seed) * (1.0 + drift) + 0.02 * drift).clamp(0, 1)
    matte = disc(50.0, 90.0 + 6.0 * number, 120.0)
    return proxy(number, rgb, {"hero": matte, "rest": 1.0 - matte})


REGIONS = looks(hero="pixel", rest="rest")


def _grids(bake: FrameBake) -> list[Tensor]:
    return [region.grid for region in bake.regions]


def _base(colours: Moments, target: Moments, weights: GuideWeights) -> Tensor:
    """The whole look where there is no residual: the transport, its tones in order."""
    return keep_order(base_grid(colours, target, weights)[0], float(level(colours)), weights)


def _same(one: FrameBake, other: FrameBake) -> bool:
    return one.frame == other.frame and all(
        torch.equal(a, b) for a, b in zip(_grids(one), _grids(other), strict=True)
    )


def test_frame_mode_knows_no_other_frame(model: Model) -> None:
    forwards = [Baker(model, REGIONS, "frame")] * 4
    made = [baker.bake(_frame(n)) for n, baker in enumerate(forwards)]
    again = Baker(model, REGIONS, "frame")
    for n in (3, 0, 2, 1):
        assert _same(again.bake(_frame(n)), made[n])
    assert not again.memory.entries


def test_alpha_0_is_frame_mode() -> None:
    still = _untrained(alpha=0.0)
    coherent, frame = Baker(still, REGIONS, "coherent"), Baker(still, REGIONS, "frame")
    for n in range(3):
        assert _same(coherent.bake(_frame(n)), frame.bake(_frame(n)))


def test_a_still_shot_stands_still(model: Model) -> None:
    baker = Baker(model, REGIONS, "coherent")
    first = baker.bake(_frame(1))
    for n in range(2, 5):
        again = baker.bake(FrameProxy(n, *list(vars(_frame(1)).values())[1:]))
        for a, b in zip(_grids(first), _grids(again), strict=True):
            torch.testing.assert_close(a, b, atol=2e-5, rtol=1e-4)


def test_coherent_is_the_recursion_of_eq_5_and_6(model: Model) -> None:
    """Colours and the first features follow mu_t = (1 - alpha) mu(x_t) + alpha mu_(t-1), and the grid is made
    from what comes out."""
    alpha = model.config.alpha
    baker = Baker(model, REGIONS, "coherent")
    target = moments(REGIONS[0].styles[0].rgb[None], REGIONS[0].styles[0].weight[None, None])
    code = model.encode_style(REGIONS[0].styles[0].rgb[None], REGIONS[0].styles[0].weight[None, None])
    mean = covariance = layer = None
    for n in range(5):
        frame = _frame(n)
        own = frame.regions["hero"]
        baked = baker.bake(frame, cut=False)
        now = moments(own.rgb[None], own.weight[None, None])
        mean = now.mean if mean is None else (1 - alpha) * now.mean + alpha * mean
        covariance = now.covariance if covariance is None else (1 - alpha) * now.covariance + alpha * covariance
        kept = baker.memory.entries[0, 0]
        torch.testing.assert_close(kept.moments.mean, mean, atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(kept.moments.covariance, covariance, atol=1e-7, rtol=1e-4)

        base = base_grid(kept.moments, target, baker.guide)
        z = guide(frame.rgb[None], 1.0, baker.guide, dim=1)
        moved = apply_affine(slice_reference(base, z), frame.rgb[None]).clamp(0, 1)
        with torch.no_grad():
            _, measured = model.predict(moved, own.weight[None, None], code)
        # Layer 1 is the encoder's first tap: no transfer has touched it yet.
        fresh = measured.layers[1]
        layer = (
            [fresh.mean, fresh.deviation]
            if layer is None
            else [(1 - alpha) * a + alpha * b for a, b in zip((fresh.mean, fresh.deviation), layer, strict=True)]
        )
        assert kept.features is not None
        torch.testing.assert_close(kept.features.layers[1].mean, layer[0], atol=1e-4, rtol=1e-3)
        torch.testing.assert_close(kept.features.layers[1].deviation, layer[1], atol=1e-4, rtol=1e-3)
        assert bool(baked.regions[0].grid.isfinite().all())


def test_without_a_residual_the_grid_is_the_base_of_the_smoothed_moments() -> None:
    baker = Baker(_untrained(alpha=ALPHA, residual=0.0), REGIONS, "coherent")
    target = moments(REGIONS[0].styles[0].rgb[None], REGIONS[0].styles[0].weight[None, None])
    for n in range(4):
        baked = baker.bake(_frame(n), cut=False)
        expected = _base(baker.memory.entries[0, 0].moments, target, baker.guide)
        torch.testing.assert_close(baked.regions[0].grid, expected, atol=1e-6, rtol=1e-6)


def test_coherent_is_steadier_than_frame_mode_under_flicker(model: Model) -> None:
    """A light that flickers: the grids of `coherent` change less from frame to frame."""
    random = torch.Generator().manual_seed(3)
    levels = 1.0 + 0.15 * torch.randn(8, generator=random)
    frames = [proxy(n, (picture(41) * float(k)).clamp(0, 1), {"all": disc(200.0)}) for n, k in enumerate(levels)]
    steps = {}
    for mode in ("frame", "coherent", "shot"):
        baker = Baker(model, looks(all="pixel"), mode)  # type: ignore[arg-type]
        if mode == "shot":
            baker.survey(frames[::3])
        grids = [baker.bake(frame).regions[0].grid for frame in frames]
        steps[mode] = sum(float((b - a).abs().mean()) for a, b in pairwise(grids))
    assert steps["coherent"] < 0.7 * steps["frame"]
    assert steps["shot"] < 0.5 * steps["frame"]


def test_the_paper_without_a_base_starts_at_the_identity() -> None:
    plain = _untrained(base="none", residual=0.0)
    for region in Baker(plain, REGIONS, "frame").bake(_frame(1)).regions:
        assert torch.equal(region.grid, identity())


def test_a_cut_resets_what_was_remembered(model: Model) -> None:
    fresh = Baker(model, REGIONS, "coherent").bake(_frame(9, seed=77))
    for told in (True, None):
        baker = Baker(model, REGIONS, "coherent")
        for n in range(3):
            baker.bake(_frame(n))
        assert baker.starts_shot(_frame(9, seed=77))
        assert not baker.starts_shot(_frame(3))
        assert _same(baker.bake(_frame(9, seed=77), cut=told), fresh)
    kept = Baker(model, REGIONS, "coherent")
    kept.bake(_frame(2))
    assert not _same(kept.bake(_frame(9, seed=77), cut=False), fresh)


def test_memory_survives_its_tensors_to_the_bit(model: Model) -> None:
    baker = Baker(model, looks(hero="grid", rest="rest"), "coherent")
    for n in range(2):
        baker.bake(_frame(n))
    saved = baker.memory.tensors()
    back = Memory.from_tensors(saved).tensors()
    assert saved.keys() == back.keys()
    assert all(torch.equal(saved[name], back[name]) and saved[name].dtype == back[name].dtype for name in saved)
    assert Memory.from_tensors({}).tensors() == {}


def test_a_resumed_baker_bakes_the_same_bits(model: Model) -> None:
    through, first = Baker(model, REGIONS, "coherent"), Baker(model, REGIONS, "coherent")
    for n in range(3):
        through.bake(_frame(n))
        first.bake(_frame(n))
    resumed = Baker(model, REGIONS, "coherent")
    resumed.memory = Memory.from_tensors(first.memory.tensors())
    for n in range(3, 5):
        assert _same(resumed.bake(_frame(n)), through.bake(_frame(n)))


def test_what_is_saved_does_not_follow_the_baker() -> None:
    baker = Baker(_untrained(alpha=ALPHA), REGIONS, "coherent")
    baker.bake(_frame(0))
    saved = baker.memory.tensors()
    before = {name: value.clone() for name, value in saved.items()}
    baker.bake(_frame(1))
    assert all(torch.equal(saved[name], before[name]) for name in saved)


@pytest.mark.parametrize("tensors", [{"0.0/x": torch.zeros(1)}, {"a.b/moments.mean": torch.zeros(1, 3)}])
def test_tensors_of_another_kind_are_refused(tensors: dict[str, Tensor]) -> None:
    with pytest.raises((KeyError, ValueError)):
        Memory.from_tensors(tensors)


def test_shot_mode_shares_the_statistics_of_its_samples(model: Model) -> None:
    frames = [_frame(n) for n in range(6)]
    baker = Baker(model, REGIONS, "shot")
    with pytest.raises(ValueError, match="survey"):
        Baker(model, REGIONS, "shot").bake(frames[0])
    with pytest.raises(ValueError, match="sample"):
        baker.survey([])
    baker.survey(frames[::2])
    kept = baker.memory.tensors()
    made = [baker.bake(frame) for frame in frames]
    again = [baker.bake(frame) for frame in reversed(frames)][::-1]
    assert all(_same(a, b) for a, b in zip(made, again, strict=True))
    after = baker.memory.tensors()
    assert all(torch.equal(kept[name], after[name]) for name in kept)

    # The colours are those of all samples' pixels side by side.
    rgb = torch.cat([frame.regions["hero"].rgb for frame in frames[::2]], -1)
    weight = torch.cat([frame.regions["hero"].weight for frame in frames[::2]], -1)
    together = moments(rgb[None], weight[None, None])
    pooled = baker.memory.entries[0, 0].moments
    torch.testing.assert_close(pooled.mean, together.mean, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(pooled.covariance, together.covariance, atol=1e-6, rtol=1e-3)


AWKWARD = {
    "nothing": torch.zeros(256, 256),
    "a speck": specks(1),
    "eleven pixels": specks(11),
    "thirteen pixels": specks(13),
    "a veil": torch.full((256, 256), 1e-4),
    "a hard edge": (torch.arange(256) < 128).float().expand(256, 256),
}


@pytest.mark.parametrize("mode", ["coherent", "shot"])
@pytest.mark.parametrize("blend", ["pixel", "grid"])
@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_regions_bake_finite_grids(
    model: Model, name: str, blend: str, mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    flat = torch.full((3, 256, 256), 0.3)
    baker = Baker(model, looks(odd=blend), mode)  # type: ignore[arg-type]
    pictures = (picture(45), torch.zeros_like(flat), flat)
    frames = [proxy(n, rgb, {"odd": AWKWARD[name]}) for n, rgb in enumerate(pictures)]
    with caplog.at_level(logging.WARNING, "lookmatte"):
        if mode == "shot":
            baker.survey(frames[:1])
        for frame in frames:
            region = baker.bake(frame, cut=False).regions[0]
            assert bool(region.grid.isfinite().all())
            z = guide(frame.rgb, 1.0, baker.guide)
            styled = apply_affine(slice_reference(region.grid[None], z[None])[0], frame.rgb)
            assert float(styled.min()) > -2.0
            assert float(styled.max()) < 3.0
            if float(AWKWARD[name].sum()) < FEWEST_PIXELS:
                torch.testing.assert_close(region.grid, identity(), atol=1e-5, rtol=0)
    small = float(AWKWARD[name].sum()) < 2 * FEWEST_PIXELS
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == (1 if small else 0)
    assert all("'odd'" in line and "256x256" in line and "\n" not in line for line in said)


def test_a_flat_style_and_a_style_of_one_pixel_bake_finite_grids(model: Model) -> None:
    for rgb in (torch.full((3, 40, 40), 0.7), torch.rand(3, 1, 1), torch.full((3, 5, 2), 1.8)):
        picture_of_it = style(1)
        odd = type(picture_of_it)(rgb, torch.ones(rgb.shape[1:]))
        baked = Baker(model, [RegionLook("hero", "pixel", (odd,))], "frame").bake(_frame(1))
        assert bool(baked.regions[0].grid.isfinite().all())


def test_an_object_that_enters_late_starts_afresh_and_does_not_pop(model: Model) -> None:
    """It comes in at frame 11: nothing of the frames before it is in its statistics, and its look fades in
    with its size."""

    def frame(number: int) -> FrameProxy:
        pixels = max(0, number - 10) * 4
        grown = disc(60.0) if pixels > 40 else specks(pixels)
        return proxy(number, picture(46), {"hero": grown})

    baker = Baker(model, looks(hero="pixel"), "coherent")
    alone = Baker(model, looks(hero="pixel"), "frame")
    sizes = {}
    for number in range(1, 20):
        baked = baker.bake(frame(number)).regions[0].grid
        sizes[number] = float((baked - identity()).abs().max())
        pixels = float(frame(number).regions["hero"].weight.sum())
        if pixels < FEWEST_PIXELS:
            torch.testing.assert_close(baked, identity(), atol=1e-5, rtol=0)
        elif pixels < FEWEST_PIXELS + 4:
            # The first frame that can be measured: as if there had been none before.
            torch.testing.assert_close(baked, alone.bake(frame(number)).regions[0].grid)
    assert sizes[12] < 1e-5
    full = sizes[19]
    assert full > 0.05
    assert sizes[14] < 0.6 * sizes[16]


def test_an_object_that_leaves_keeps_what_it_was(model: Model) -> None:
    baker = Baker(model, looks(hero="pixel"), "coherent")
    there = [proxy(n, picture(46), {"hero": disc(60.0)}) for n in range(3)]
    for frame in there:
        baked = baker.bake(frame)
    kept = baker.memory.entries[0, 0].moments
    gone = baker.bake(proxy(3, picture(46), {"hero": specks(2)}))
    assert torch.equal(baker.memory.entries[0, 0].moments.mean, kept.mean)
    torch.testing.assert_close(gone.regions[0].grid, baked.regions[0].grid, atol=0.05, rtol=0)
    assert float((gone.regions[0].grid - identity()).abs().max()) > 0.05


def test_a_grid_region_carries_its_mattes(model: Model) -> None:
    regions = looks(one="grid", other="grid", hero="pixel", rest="rest")
    mattes = {"one": disc(50.0, 80.0), "other": disc(40.0, 170.0), "hero": disc(20.0), "rest": torch.ones(256, 256)}
    baker = Baker(model, regions, "frame")
    frame = proxy(1, picture(47), mattes)
    baked = baker.bake(frame)
    assert [region.enhanced is None for region in baked.regions] == [False, False, True, True]
    enhanced = baker.enhance(frame)
    assert list(enhanced) == ["one", "other"]
    for region in baked.regions[:2]:
        assert region.enhanced is not None
        assert torch.equal(region.enhanced, enhanced[region.name])
        expected = enhance(frame.rgb[None], mattes[region.name][None, None])[0]
        assert torch.equal(region.enhanced, expected)
    grainy = replace(frame, grain=torch.full((3, 256, 256), 0.04))
    assert not torch.equal(baker.enhance(grainy)["one"], enhanced["one"])


def test_style_keyframes_fade_by_grids(model: Model) -> None:
    pair = (style(1), style(2))
    fading = [RegionLook("hero", "pixel", pair, lambda n: (0, 1, n / 4.0) if n < 4 else (1, 1, 0.0))]
    baker = Baker(model, fading, "frame")
    ends = [
        Baker(model, [RegionLook("hero", "pixel", (one,))], "frame").bake(_frame(1)).regions[0].grid for one in pair
    ]
    for n in (0, 1, 3, 4):
        frame = FrameProxy(n, *list(vars(_frame(1)).values())[1:])
        expected = torch.lerp(*ends, n / 4.0)
        torch.testing.assert_close(baker.bake(frame).regions[0].grid, expected, atol=1e-6, rtol=1e-6)


def test_a_regions_own_colours_are_what_counts() -> None:
    """A region's proxy may differ from the frame's under it: its average is weighted by its own matte."""
    matte = disc(50.0)
    own, around = picture(48), picture(49)
    rgb = torch.lerp(around, own, matte)
    baker = Baker(_untrained(residual=0.0), looks(hero="pixel"), "frame")
    apart = FrameProxy(1, rgb, torch.ones(256, 256), {"hero": RegionProxy(own, matte, matte)})
    target = moments(looks(hero="pixel")[0].styles[0].rgb[None], torch.ones(1, 1, 96, 96))
    expected = _base(moments(own[None], matte[None, None]), target, baker.guide)
    torch.testing.assert_close(baker.bake(apart).regions[0].grid, expected, atol=1e-6, rtol=1e-6)
    assert not torch.allclose(expected, strengthen(expected, 0.5))


def test_a_bake_leaves_the_number_of_threads_as_it_was(model: Model) -> None:
    before = torch.get_num_threads()
    seen: list[int] = []
    baker = Baker(model, looks(hero="pixel"), listen=lambda _: seen.append(torch.get_num_threads()))
    try:
        for count in (3, 1):
            torch.set_num_threads(count)
            baker.bake(proxy(1, picture(3), {"hero": specks(1)}))
            assert torch.get_num_threads() == count
    finally:
        torch.set_num_threads(before)
    assert set(seen) == {1}
