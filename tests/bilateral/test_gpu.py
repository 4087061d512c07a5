"""The fused GPU kernel against the definition in plain torch.

Without a CUDA device it runs in Triton's interpreter (tests/conftest.py asks for it), which shows that its
arithmetic is right, and it is compiled for a device that is not here, which shows that it can be; how fast it is,
only a device can tell.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from bands import compare, grids, scene_linear, shared_weights
from hypothesis import given, settings
from hypothesis import strategies as st
from natural import centres, random_guide
from torch import Tensor

from lookmatte.bilateral.apply import Look, apply_band
from lookmatte.bilateral.encoding import encode
from lookmatte.bilateral.grid import identity
from lookmatte.bilateral.guide import GuideWeights
from lookmatte.bilateral.kernels import _triton_works, find_device, kernel_on
from lookmatte.bilateral.kernels.plain import PlainLook

pytest.importorskip("triton", reason="Triton is not installed: the GPU kernel is not tested here")

from lookmatte.bilateral.kernels.gpu import GpuLook
from lookmatte.bilateral.kernels.triton_gpu import INTERPRETED

CUDA = torch.cuda.is_available()
DEVICE = torch.device("cuda" if CUDA else "cpu")
EXAMPLES, ROWS, COLUMNS = (150, 40, 1500) if CUDA else (20, 5, 70)
SHAPE = None if CUDA else (32, 1)
seeds = st.integers(0, 2**31 - 1)
# The interpreter's numpy tells of every NaN.
pytestmark = pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")


def _by_triton(look: Look, u: Tensor, v: Tensor, linear: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    styled = linear.to(DEVICE)
    kernel = GpuLook(look, u, v, device=DEVICE, shape=SHAPE)
    touched = kernel.style_linear(styled, weights.to(DEVICE))
    return styled.cpu(), touched.cpu()


def _by_plain(look: Look, u: Tensor, v: Tensor, linear: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    touched = PlainLook(look, u, v, device=torch.device("cpu")).style_linear(linear, weights)
    return linear, touched


shapes = st.tuples(st.sampled_from([8, 8, 8, 1, 2, 5, 9]), st.sampled_from([16, 1, 3]), st.sampled_from([16, 1, 7]))


@given(
    seeds, st.integers(1, ROWS), st.integers(1, COLUMNS), st.integers(0, 3), st.integers(0, 2), st.booleans(),
    shapes, st.booleans(),
)  # fmt: skip
@settings(max_examples=EXAMPLES)
def test_it_agrees_with_the_definition(
    seed: int, rows: int, columns: int, named: int, softs: int, rest: bool, shape: tuple[int, int, int], plain: bool
) -> None:
    compare(_by_triton, seed, rows, columns, named, softs, rest, shape, plain)


@given(seeds, st.integers(1, 9), st.integers(1, 99), st.integers(0, 3), st.integers(0, 2), st.booleans(), shapes)
@settings(max_examples=15)
def test_plain_torch_agrees_with_the_definition(
    seed: int, rows: int, columns: int, named: int, softs: int, rest: bool, shape: tuple[int, int, int]
) -> None:
    compare(_by_plain, seed, rows, columns, named, softs, rest, shape, False)


def test_many_regions_share_the_last_bit() -> None:
    count, rows, columns = 33, 2, 40
    look = Look(tuple(grids(count, 1, (8, 4, 4))), (), None, random_guide(1))
    weights = torch.zeros(count, rows, columns)
    for k in range(count):
        weights[k, :, k] = 1.0 - 0.01 * k
    linear, u, v = scene_linear(1, rows, columns), centres(columns), centres(rows)
    with torch.no_grad():
        expected, active = apply_band(linear, weights, u, v, look)
    styled, touched = _by_triton(look, u, v, linear.clone(), weights)
    assert torch.equal(touched, active)
    assert float((encode(styled) - encode(expected)).abs()[:, active].max()) < 1e-4


def test_rows_do_not_depend_on_their_band() -> None:
    rows, columns, cut = 5, 70, 2
    look = Look(tuple(grids(2, 4, (8, 16, 16))), (), None, random_guide(4))
    kernel = GpuLook(look, centres(columns), centres(rows), device=DEVICE, shape=SHAPE)
    whole, weights = scene_linear(4, rows, columns).to(DEVICE), shared_weights(2, 4, rows, columns).to(DEVICE)
    parts = whole.clone()
    kernel.style_linear(whole, weights)
    for y0, y1 in ((cut, rows), (0, cut)):
        kernel.style_linear(parts[:, y0:y1], weights[:, y0:y1], y0)
    assert torch.equal(whole.view(torch.int32), parts.view(torch.int32))


@pytest.mark.parametrize("kind", [torch.float16, torch.float32])
@pytest.mark.parametrize("make", [GpuLook, PlainLook])
def test_it_styles_planes_and_interleaved_pixels_alike(kind: torch.dtype, make: type) -> None:
    rows, columns = 3, 37
    look = Look(tuple(grids(1, 2, (8, 16, 16))), (), None, random_guide(2))
    alpha = torch.rand(rows, columns, generator=torch.Generator().manual_seed(2))
    alpha[0, :5] = 0.0
    pixels = torch.cat([scene_linear(2, rows, columns) * alpha, alpha[None]]).to(kind)
    pixels[1, 1, 3] = float("nan")
    matte = (alpha * 0.7)[None].to(DEVICE)
    planar, together = pixels.clone().to(DEVICE), pixels.permute(1, 2, 0).contiguous().to(DEVICE)
    kernel = make(look, centres(columns), centres(rows), device=DEVICE)
    told = [kernel.style(one[:3], one[3], matte, [True]) for one in (planar, together.permute(2, 0, 1))]
    bits = torch.int16 if kind == torch.float16 else torch.int32
    assert torch.equal(planar.view(bits), together.permute(2, 0, 1).contiguous().view(bits))
    assert [one.broken.tolist() for one in told] == [[0, 1, 0]] * 2
    assert all(bool(one.opaque) for one in told)
    kept = (alpha == 0.0).to(DEVICE)
    assert torch.equal(planar.view(bits)[:, kept], pixels.to(DEVICE).view(bits)[:, kept])
    assert bool((planar[:3] != pixels[:3].to(DEVICE))[:, 2].any())


def test_planes_that_lie_differently_are_styled_too() -> None:
    look = Look(tuple(grids(1, 2, (8, 16, 16))), (), None, random_guide(2))
    colours = scene_linear(5, 4, 30).to(DEVICE)
    expected, matte = colours.clone(), torch.ones(1, 4, 30, device=DEVICE)
    kernel = GpuLook(look, centres(30), centres(4), device=DEVICE, shape=SHAPE)
    kernel.style(expected.unbind(0), None, matte, [False])
    planes = [colours[0].clone(), colours[1].T.contiguous().T, colours[2].clone()]
    kernel.style(planes, None, matte, [False])
    assert torch.equal(torch.stack(planes).view(torch.int32), expected.view(torch.int32))


@pytest.mark.parametrize("make", [GpuLook, PlainLook])
def test_a_look_of_nothing_keeps_every_bit(make: type) -> None:
    colours = torch.full((3, 2, 3), 0x7FA0BEE, dtype=torch.int32, device=DEVICE)
    colours[0] = 0x7FA0BEEF
    before = colours.clone()
    kernel = make(Look((None,), (), None, GuideWeights.luma_only()), centres(3), centres(2), device=DEVICE)
    told = kernel.style(colours.view(torch.float32), None, torch.ones(1, 2, 3, device=DEVICE), [True])
    assert told.broken.tolist() == [3, 3]
    assert bool(told.opaque)
    assert torch.equal(colours, before)


def test_a_frame_without_alpha_says_so() -> None:
    look = Look(tuple(grids(1, 2, (8, 16, 16))), (), None, random_guide(2))
    colours, alpha = scene_linear(5, 2, 9).to(DEVICE), torch.zeros(2, 9, device=DEVICE)
    for make in (GpuLook, PlainLook):
        kernel = make(look, centres(9), centres(2), device=DEVICE)
        assert not bool(kernel.style(colours, alpha, torch.ones(1, 2, 9, device=DEVICE), [False]).opaque)


def test_the_definition_makes_its_tensors_where_its_input_is() -> None:
    look = Look(tuple(grids(2, 1, (8, 16, 16))), (), grids(1, 9, (8, 16, 16))[0], random_guide(1))
    linear, weights = scene_linear(1, 3, 40), shared_weights(2, 1, 3, 40)
    expected = apply_band(linear, weights, centres(40), centres(3), look)
    u, v = centres(40), centres(3)
    # What is made without a device goes to one that holds no numbers.
    with torch.device("meta"):
        made = apply_band(linear, weights, u, v, look)
    for one, other in zip(made, expected, strict=True):
        assert torch.equal(one, other)


_COMPILE = """
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from lookmatte.bilateral.kernels.triton_gpu import style_rows

names = style_rows.arg_names
pointers = dict.fromkeys(names[: names.index("width")], "*fp32")
pointers |= {"red": "*fp16", "green": "*fp16", "blue": "*fp16", "touched": "*u8"}
pointers |= dict.fromkeys(("broken", "solid", "plan"), "*i32")
numbers = dict.fromkeys(names[names.index("width") : names.index("forth")], "i32") | {"matte_step": "i64"}
floats = {"forth": 9, "back": 9, "w1": 48, "bias": 16, "bare": 16, "w2": 16}
known = dict(
    BLOCK=256, DEPTH=8, WIDTH=16, SOFT_HEIGHT=256, SOFT_WIDTH=256, ALPHA=True, CONVERT=True, FLAT=False, SOFT=True,
    REST=True, TOUCHED=False, SINGLE=False, COVERAGE=0, NATIVE=True, column_step=1, alpha_column=1, matte_column=1,
)
signature = pointers | numbers | {name: ("fp32",) * size for name, size in floats.items()}
signature |= {"b2": "fp32", "limit": "fp32"} | dict.fromkeys(known, "constexpr")
source = ASTSource(
    fn=style_rows,
    signature={name: signature[name] for name in names},
    constexprs={(names.index(name),): value for name, value in known.items()},
    attrs={(names.index(name),): [["tt.divisibility", 16]] for name in pointers},
)
options = {"num_warps": 4, "enable_fp_fusion": True}
made = triton.compile(source, target=GPUTarget("cuda", 90, 32), options=options)
print(len(made.asm["cubin"]) > 0, made.asm["ptx"].count("ld.global.v4.b32"), made.asm["ptx"].count("lg2.approx"))
"""


def test_it_compiles_for_a_device_that_is_not_here(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    environment |= {"TRITON_CACHE_DIR": str(tmp_path)}
    environment |= {"PYTHONPATH": os.pathsep.join(one for one in sys.path if one)}
    command = [sys.executable, "-c", _COMPILE]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    whole, gathers, logarithms = ran.stdout.split()
    assert whole == "True"
    # Each of three regions' loops gathers 12 coefficients at 4 corners, four at a time.
    assert int(gathers) >= 3 * 12
    assert int(logarithms) > 0


@pytest.mark.skipif(CUDA, reason="there is a CUDA device")
def test_without_a_device_plain_torch_is_chosen() -> None:
    assert INTERPRETED
    assert not _triton_works(torch.device("cuda"))
    look = Look((identity(),), (), None, GuideWeights.luma_only())
    assert isinstance(kernel_on(find_device("cpu"), look, centres(3), centres(3)), PlainLook)


@pytest.mark.skipif(not CUDA, reason="no CUDA device here: the GPU kernel has only been interpreted, and compiled")
def test_twelve_million_pixels_agree_with_the_cpu_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    from lookmatte.bilateral.kernels.cpu import FusedLook

    monkeypatch.delenv("LOOKMATTE_KERNEL", raising=False)
    rows, columns = 3000, 4000
    look = Look(tuple(grids(1, 3, (8, 16, 16))), (), None, random_guide(3))
    colours = scene_linear(3, rows, columns).clamp(-1e3, 1e3)
    matte = shared_weights(1, 3, rows, columns)
    kernel = kernel_on(DEVICE, look, centres(columns), centres(rows))
    assert isinstance(kernel, GpuLook)
    made = colours.to(DEVICE)
    kernel.style(made.unbind(0), None, matte.to(DEVICE), [False])
    expected = colours.clone()
    FusedLook(look, centres(columns), centres(rows)).style(
        [np.asarray(one) for one in expected.numpy()], None, matte.numpy(), [False]
    )
    assert float((encode(made.cpu()) - encode(expected)).abs().max()) < 1e-3
