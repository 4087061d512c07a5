"""How statistics are followed over time: by how much of a region is seen, past flashes and slips of a matte."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from proxies import disc, looks, picture, proxy
from torch import Tensor

from lookmatte.bilateral.grid import identity
from lookmatte.bilateral.guide import guide
from lookmatte.bilateral.slicing import apply_affine, slice_reference
from lookmatte.bilateral.transport import Moments
from lookmatte.looks.baker import Baker, Mode
from lookmatte.looks.memory import JUMP, Remembered, follow
from lookmatte.looks.proxy import FrameProxy
from lookmatte.networks.model import Model, shipped_path

ALPHA = 0.6


def _seen(level: float, mass: float) -> Moments:
    """A region of one grey and a size."""
    return Moments(torch.tensor([[level, 0.0, 0.0]]), torch.eye(3)[None] * level * 0.1, torch.tensor([mass]))


def _followed(frames: list[tuple[float, float]], step: int = 1) -> list[float]:
    """The mean that is used at each of (level, mass)."""
    before: Remembered | None = None
    used = []
    for index, (level, mass) in enumerate(frames):
        taken = follow(_seen(level, mass), before, ALPHA, 1 + step * index)
        before = taken.kept
        used.append(float(taken.moments.mean[0, 0]))
    return used


def test_a_region_that_keeps_its_size_follows_eq_5_and_6() -> None:
    levels = [0.5, 0.52, 0.49, 0.51, 0.5]
    expected, mean = [], None
    for level in levels:
        mean = level if mean is None else (1 - ALPHA) * level + ALPHA * mean
        expected.append(mean)
    assert _followed([(level, 900.0) for level in levels]) == pytest.approx(expected, abs=1e-6)


def test_what_changes_its_size_is_a_quotient_of_smoothed_sums() -> None:
    frames = [(0.5, 100.0), (0.51, 400.0), (0.53, 3000.0), (0.55, 2000.0), (0.54, 60.0)]
    total = size = None
    expected = []
    for level, mass in frames:
        total = level * mass if total is None else (1 - ALPHA) * level * mass + ALPHA * total
        size = mass if size is None else (1 - ALPHA) * mass + ALPHA * size
        expected.append(total / size)
    assert _followed(frames) == pytest.approx(expected, abs=1e-6)


def test_the_little_that_was_seen_of_an_object_counts_for_little_once_it_is_there() -> None:
    """A dark sliver, then the bright whole; and the other way round when it leaves."""
    assert _followed([(0.5, 2.0), (0.1, 20.0), (0.5, 4000.0)])[-1] > 0.49
    leaves = _followed([(0.5, 4000.0), (0.47, 1500.0), (0.44, 400.0), (0.41, 100.0), (0.38, 30.0)])
    assert leaves[-1] > 0.45


@pytest.mark.parametrize("step", [1, 4, 16])
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_a_flash_is_waited_out_and_a_change_that_lasts_is_caught_up_with(step: int, sign: float) -> None:
    far = 0.5 + sign * 1.2 * JUMP * (2 * step) ** 0.5
    assert _followed([(0.5, 900.0)] * 3 + [(far, 900.0)] + [(0.5, 900.0)] * 3, step) == pytest.approx([0.5] * 7)
    lasting = _followed([(0.5, 900.0)] * 3 + [(far, 900.0)] * 4, step)
    gone = [(level - 0.5) / (far - 0.5) for level in lasting[3:]]
    assert gone == pytest.approx([0.0, 1 - ALPHA**2, 1 - ALPHA**3, 1 - ALPHA**4], abs=1e-5)


def test_every_second_frame_lit_otherwise_leaves_the_look_alone() -> None:
    used = _followed([(0.5, 900.0)] + [(0.7, 900.0), (0.5, 900.0)] * 4)
    assert used == pytest.approx([0.5] * 9)


def test_a_ramp_that_is_too_fast_to_be_none_is_followed() -> None:
    levels = [0.2 + 0.06 * n for n in range(10)]
    used = _followed([(0.2, 900.0)] * 2 + [(level, 900.0) for level in levels])[2:]
    assert all(b >= a for a, b in pairwise(used))
    assert used[-1] > levels[-4]


def test_a_matte_that_covers_everything_for_one_frame_leaves_nothing_behind() -> None:
    assert _followed([(0.5, 500.0)] * 3 + [(0.3, 60000.0)] + [(0.5, 500.0)] * 3) == pytest.approx([0.5] * 7)


def test_an_object_that_comes_in_with_jumps_is_not_waited_for() -> None:
    """Mid-shot, every part of it that appears changes its mean."""
    used = _followed([(0.5, 0.0)] * 3 + [(0.1, 40.0), (0.3, 900.0), (0.5, 5000.0)])
    assert used[3] == pytest.approx(0.1)
    assert used[4] > 0.28
    assert used[5] > 0.47


@pytest.fixture(scope="module")
def model() -> Model:
    return Model.load(shipped_path())


def _styled(grid: Tensor, rgb: Tensor, baker: Baker) -> Tensor:
    z = guide(rgb, 1.0, baker.guide)
    return apply_affine(slice_reference(grid[None], z[None])[0], rgb).clamp(0, 1)


def test_grain_hardly_moves_the_look(model: Model) -> None:
    """A still plate with new grain: what the looks of neighbouring frames do to the clean plate differs by little,
    and by less where statistics are smoothed."""
    matte, still = disc(60.0), picture(3)
    random = torch.Generator().manual_seed(1)
    noisy = [(still + 0.05 * torch.randn(3, 256, 256, generator=random)).clamp(0, 1) for _ in range(10)]
    moved = {}
    for mode in ("frame", "coherent"):
        baker = Baker(model, looks(hero="pixel"), mode)  # type: ignore[arg-type]
        bakes = [baker.bake(proxy(n, rgb, {"hero": matte})) for n, rgb in enumerate(noisy)]
        made = [_styled(bake.regions[0].grid, still, baker) for bake in bakes[3:]]
        steps = [float(((a - b).abs() * matte).sum() / matte.sum() / 3) for a, b in pairwise(made)]
        moved[mode] = sum(steps) / len(steps)
    assert moved["frame"] < 0.004
    assert moved["coherent"] < 0.7 * moved["frame"]


@pytest.mark.parametrize("mode", ["coherent", "shot"])
def test_an_object_that_no_sample_of_the_shot_has_takes_its_look_where_it_is_seen(model: Model, mode: Mode) -> None:
    """`shot` mode samples the shot; what comes in between has a look all the same, and a steady one."""

    def frame(number: int) -> FrameProxy:
        return proxy(number, picture(46), {"hero": disc(50.0) if number > 2 else torch.zeros(256, 256)})

    baker = Baker(model, looks(hero="pixel"), mode)
    if mode == "shot":
        baker.survey([frame(1)])
    made = [baker.bake(frame(number), cut=False).regions[0].grid for number in range(1, 6)]
    alone = Baker(model, looks(hero="pixel"), "frame").bake(frame(3)).regions[0].grid
    torch.testing.assert_close(made[1], identity(), atol=1e-5, rtol=0)
    torch.testing.assert_close(made[2], alone)
    torch.testing.assert_close(made[4], alone, atol=1e-4, rtol=1e-3)


def test_samples_without_the_object_do_not_thin_it_out(model: Model) -> None:
    """One sample of four has it, and little of it: 40 pixels are enough to be measured."""
    small = disc(3.57)
    frames = [proxy(n, picture(46), {"hero": small if n == 2 else torch.zeros(256, 256)}) for n in range(4)]
    every, one = (Baker(model, looks(hero="pixel"), "shot") for _ in range(2))
    every.survey(frames)
    one.survey(frames[2:3])
    grids = [baker.bake(frames[2]).regions[0].grid for baker in (every, one)]
    assert torch.equal(*grids)
    assert float((grids[0] - identity()).abs().max()) > 0.05
