"""The fused CPU kernel against the definition in plain torch, and its arithmetic against numpy's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from bands import TOLERANCE, compare, grids, scene_linear, shared_weights
from hypothesis import given, settings
from hypothesis import strategies as st
from natural import centres, random_guide
from numba import njit
from torch import Tensor

from lookmatte.bilateral.apply import Look, reference_transform
from lookmatte.bilateral.encoding import encode
from lookmatte.bilateral.guide import GuideWeights
from lookmatte.bilateral.kernels import cpu_kernel, kernel_for
from lookmatte.bilateral.kernels.cpu import FusedLook
from lookmatte.bilateral.kernels.scalars import narrow, widen
from lookmatte.errors import InputError

seeds = st.integers(0, 2**31 - 1)


def _by_numba(look: Look, u: Tensor, v: Tensor, linear: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    styled = linear.numpy()
    touched = FusedLook(look, u, v).style_linear(styled, weights.numpy())
    return torch.from_numpy(styled), torch.from_numpy(touched)


def compare_numba(
    seed: int, rows: int, columns: int, named: int, softs: int, rest: bool, shape: tuple[int, int, int], plain: bool
) -> None:
    compare(_by_numba, seed, rows, columns, named, softs, rest, shape, plain)


@given(
    seeds, st.integers(1, 9), st.integers(1, 700), st.integers(0, 4), st.integers(0, 2), st.booleans(),
    st.tuples(st.sampled_from([8, 8, 8, 1, 2, 5, 9]), st.sampled_from([16, 1, 3]), st.sampled_from([16, 1, 7])),
    st.booleans(),
)  # fmt: skip
@settings(max_examples=150)
def test_it_agrees_with_the_definition(
    seed: int, rows: int, columns: int, named: int, softs: int, rest: bool, shape: tuple[int, int, int], plain: bool
) -> None:
    compare_numba(seed, rows, columns, named, softs, rest, shape, plain)


@given(seeds, st.integers(1, 40), st.integers(1, 300))
@settings(max_examples=40)
def test_it_agrees_with_the_five_dimensional_reference(seed: int, rows: int, columns: int) -> None:
    (grid,), weights, linear = grids(1, seed, (8, 16, 16)), random_guide(seed), scene_linear(seed, rows, columns)
    with torch.no_grad():
        expected = reference_transform(grid[None], linear[None], 1.0, weights)[0]
    styled = linear.clone().numpy()
    kernel = FusedLook(Look((grid,), (), None, weights), centres(columns), centres(rows))
    kernel.style_linear(styled, np.ones((1, rows, columns), np.float32))
    assert float((encode(torch.from_numpy(styled)) - encode(expected)).abs().max()) < TOLERANCE


def test_it_agrees_where_the_processor_has_no_lookup() -> None:
    tests = Path(__file__).parent
    script = (
        "from lookmatte.bilateral.kernels import lookup\n"
        "assert not lookup.is_there()\n"
        "from test_fused import compare_numba\n"
        "for seed in range(12):\n"
        "    rest, plain = seed % 2 == 0, seed % 5 == 0\n"
        "    compare_numba(seed, 5, 97 + 83 * seed, seed % 4, seed % 3, rest, (8, 16, 16), plain)\n"
        "compare_numba(7, 3, 300, 2, 1, True, (9, 4, 5), False)\n"
        "print('agreed')\n"
    )
    path = os.pathsep.join([str(tests), *(one for one in sys.path if one)])
    environment = {**os.environ, "NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": "", "PYTHONPATH": path}
    command = [sys.executable, "-c", script]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.stdout.strip() == "agreed", ran.stderr


@given(seeds, st.integers(2, 40), st.integers(1, 39))
@settings(max_examples=20)
def test_rows_do_not_depend_on_their_band(seed: int, rows: int, cut: int) -> None:
    cut, columns = min(cut, rows - 1), 130
    look = Look(tuple(grids(2, seed, (8, 16, 16))), (), None, random_guide(seed))
    kernel = FusedLook(look, centres(columns), centres(rows))
    linear, weights = scene_linear(seed, rows, columns).numpy(), shared_weights(2, seed, rows, columns).numpy()
    whole, parts = linear.copy(), linear.copy()
    kernel.style_linear(whole, weights)
    for y0, y1 in ((cut, rows), (0, cut)):
        part = np.ascontiguousarray(parts[:, y0:y1])
        kernel.style_linear(part, np.ascontiguousarray(weights[:, y0:y1]), y0)
        parts[:, y0:y1] = part
    assert np.array_equal(whole.view(np.uint32), parts.view(np.uint32))


def test_a_look_of_nothing_keeps_every_bit() -> None:
    colours = [np.full((2, 3), np.nan, np.float32) for _ in range(3)]
    colours[0].view(np.uint32)[...] = 0x7FA0BEEF
    before = [colour.copy() for colour in colours]
    kernel = FusedLook(Look((None,), (), None, GuideWeights.luma_only()), centres(3), centres(2))
    told = kernel.style(colours, None, np.ones((1, 2, 3), np.float32), [True])
    assert told.broken.tolist() == [3, 3]
    assert told.opaque
    for colour, old in zip(colours, before, strict=True):
        assert np.array_equal(colour.view(np.uint32), old.view(np.uint32))


@njit
def _widen_all(stored: np.ndarray, wide: np.ndarray) -> None:
    for i in range(stored.size):
        wide[i] = widen(stored[i])


@njit
def _narrow_all(wide: np.ndarray, stored: np.ndarray) -> None:
    for i in range(wide.size):
        stored[i] = narrow(wide[i], stored[i])


def test_every_half_is_read_as_what_it_is() -> None:
    stored = np.arange(1 << 16, dtype=np.uint16)
    wide = np.empty(stored.size, np.float32)
    _widen_all(stored, wide)
    expected = stored.view(np.float16).astype(np.float32)
    numbers = ~np.isnan(expected)
    assert np.array_equal(wide[numbers].view(np.uint32), expected[numbers].view(np.uint32))
    assert np.isnan(wide[~numbers]).all()


def test_halves_are_rounded_to_the_nearest_even() -> None:
    halves = np.arange(0x7C00, dtype=np.uint16).view(np.float16).astype(np.float32)
    between = (halves[:-1] + halves[1:]) / 2
    beside = [np.nextafter(between, np.float32(0)), np.nextafter(between, halves[1:])]
    wide = np.concatenate([halves, between, *beside])
    wide = np.concatenate([wide, -wide, np.random.default_rng(1).normal(0, 1e3, 1 << 16).astype(np.float32)])
    stored = np.empty(wide.size, np.uint16)
    _narrow_all(wide, stored)
    assert np.array_equal(stored, wide.astype(np.float16).view(np.uint16))


def test_the_kernel_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    look, place = Look((), (), None, GuideWeights.luma_only()), centres(3)
    monkeypatch.setenv("LOOKMATTE_KERNEL", "torch")
    assert cpu_kernel() == "torch"
    assert kernel_for(look, place, place) is None
    monkeypatch.setenv("LOOKMATTE_KERNEL", "numba")
    assert isinstance(kernel_for(look, place, place), FusedLook)
    monkeypatch.setenv("LOOKMATTE_KERNEL", "numbra")
    with pytest.raises(InputError, match=r"LOOKMATTE_KERNEL: 'numbra' .*numba"):
        cpu_kernel()
