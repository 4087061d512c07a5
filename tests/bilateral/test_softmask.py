"""The soft grid mask: Algorithm 1 in two spellings, and the form that bakes use (decision 3)."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from natural import clips, disc, generator, load_proxy, picture

from lookmatte.bilateral.encoding import luma
from lookmatte.bilateral.slicing import slice_reference
from lookmatte.bilateral.softmask import algorithm_1, algorithm_1_fast, soft_grid_mask

sizes = st.integers(1, 40)
cells = st.integers(1, 6)


def _spread(mask: torch.Tensor, guide: torch.Tensor) -> torch.Tensor:
    """What the mask says of every pixel: (D, H, W) and (h, w) -> (h, w)."""
    return slice_reference(mask[None, None], guide[None])[0, 0]


def _well_posed(guide: torch.Tensor, matte: torch.Tensor) -> torch.Tensor:
    return soft_grid_mask(guide[None], matte[None])[0]


@given(sizes, sizes, st.integers(1, 8), cells, cells, st.integers(0, 2**31 - 1))
@settings(max_examples=60)
def test_the_fast_form_is_algorithm_1_to_the_bit(
    rows: int, columns: int, depth: int, height: int, width: int, seed: int
) -> None:
    random = generator(seed)
    guide = torch.rand(rows, columns, generator=random)
    matte = (torch.rand(rows, columns, generator=random) * 1.6 - 0.3).clamp(0.0, 1.0)
    literal = algorithm_1(guide, matte, depth, height, width)
    assert torch.equal(algorithm_1_fast(guide, matte, depth, height, width), literal)


def test_algorithm_1_by_hand() -> None:
    """One cell of four pixels, four bins: bins 0 and 3 hold what fell there, the others all above bin 0."""
    guide, matte = torch.tensor([[0.1, 0.9], [0.8, 0.9]]), torch.tensor([[1.0, 1.0], [1.0, 0.0]])
    mask = algorithm_1(guide, matte, 4, 1, 1).flatten()
    assert mask.tolist() == [0.5, 0.5, 0.5, 0.5]
    mask = algorithm_1(torch.tensor([[0.3, 0.9], [0.8, 0.9]]), torch.ones(2, 2), 4, 1, 1).flatten()
    assert mask.tolist() == [1.0, 0.25, 1.0, 0.75]


@given(st.integers(1, 3), sizes, sizes, st.integers(1, 8), cells, cells, st.integers(0, 2**31 - 1))
@settings(max_examples=60)
def test_the_well_posed_form_is_the_mean_matte_of_each_bin(
    batch: int, rows: int, columns: int, depth: int, height: int, width: int, seed: int
) -> None:
    random = generator(seed)
    guide = torch.rand(batch, rows, columns, generator=random)
    matte = torch.rand(batch, rows, columns, generator=random)
    mask = soft_grid_mask(guide, matte, depth, height, width)
    assert mask.shape == (batch, depth, height, width)
    assert float(mask.min()) >= 0.0
    assert float(mask.max()) <= 1.0
    ys = [round(i * rows / height) for i in range(height + 1)]
    xs = [round(i * columns / width) for i in range(width + 1)]
    i, j = int(torch.randint(height, (), generator=random)), int(torch.randint(width, (), generator=random))
    own = (slice(None), slice(ys[i], ys[i + 1]), slice(xs[j], xs[j + 1]))
    for b in range(batch):
        z, m = guide[own][b].flatten(), matte[own][b].flatten()
        for d in range(depth):
            inside = (z * depth).long().clamp_max(depth - 1) == d
            chosen = m[inside] if bool(inside.any()) else m
            expected = float(chosen.mean()) if chosen.numel() else 0.0
            assert float(mask[b, d, i, j]) == pytest.approx(expected, abs=1e-6)


def test_full_cells_are_1_and_empty_ones_exactly_0_in_every_bin() -> None:
    guide = luma(picture(3, 128, 128))
    matte = torch.zeros(128, 128)
    matte[32:96, 40:100] = 1.0
    mask = _well_posed(guide, matte)
    assert bool((mask[:, 4:12, 5:12] == 1.0).all())
    outside = torch.ones(16, 16, dtype=torch.bool)
    outside[4:12, 5:13] = False
    assert bool((mask[:, outside] == 0.0).all())
    # Algorithm 1 divides by the cell's area: no bin of a full cell reaches 1 unless all pixels share it.
    assert float(algorithm_1_fast(guide, matte)[:, 4:12, 5:12].mean()) < 0.9


def test_no_matte_is_exactly_0_and_a_full_one_exactly_1() -> None:
    guide = luma(picture(4, 77, 130))
    assert bool((_well_posed(guide, torch.zeros(77, 130)) == 0.0).all())
    assert bool((_well_posed(guide, torch.ones(77, 130)) == 1.0).all())


def test_differentiable_in_the_matte() -> None:
    guide = luma(picture(5, 32, 32))[None]
    matte = disc(32, 32)[None].clone().requires_grad_()
    soft_grid_mask(guide, matte, 8, 4, 4).sum().backward()
    assert matte.grad is not None
    assert bool((matte.grad > 0).all())


@pytest.mark.parametrize("seed", range(6))
def test_nearer_to_the_matte_than_algorithm_1_on_made_pictures(seed: int) -> None:
    guide, matte = luma(picture(seed, 256, 256)), disc(256, 256, 0.15 + 0.05 * seed)
    printed = (_spread(algorithm_1_fast(guide, matte), guide) - matte).abs().mean()
    used = (_spread(_well_posed(guide, matte), guide) - matte).abs().mean()
    assert float(used) < 0.6 * float(printed)


def test_nearer_to_the_matte_than_algorithm_1_on_clips() -> None:
    """The table of decision 3: nearer on every clip, and half as far over all of them."""
    errors = []
    for clip in clips():
        own = []
        for mask in sorted((clip / "masks").glob("*.png"))[::4]:
            rgb, matte = load_proxy(clip, mask.stem)
            guide = luma(rgb)
            forms = (algorithm_1_fast(guide, matte), _well_posed(guide, matte))
            own.append(torch.stack([(_spread(form, guide) - matte).abs().mean() for form in forms]))
        errors.append(torch.stack(own).mean(0))
        assert float(errors[-1][1]) < float(errors[-1][0]), clip.name
    printed, used = torch.stack(errors).mean(0).tolist()
    assert used < 0.5 * printed
