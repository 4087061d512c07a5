"""apply() on a device: the frame that comes back is the one that main memory's kernels make.

Without a CUDA device the fused kernel runs in Triton's interpreter, in main memory; what only a device can tell is
skipped, and says so.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from stored_frames import FLOAT, HALF, Case, case, cases, check, mattes_of

from lookmatte.bilateral.apply import Look
from lookmatte.bilateral.kernels.plain import DeviceLook, PlainLook
from lookmatte.errors import InputError
from lookmatte.imaging.frame import Frame
from lookmatte.rendering import devices
from lookmatte.rendering.apply import apply, style_there
from lookmatte.rendering.pixels import PlatePixels

# The interpreter's numpy tells of every NaN.
pytestmark = pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
HERE = torch.device("cpu")
needs_cuda = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="no CUDA device here: the GPU kernel has only been interpreted"
)


def _in_memory(case: Case) -> tuple[PlatePixels, Frame]:
    frame = case.frame()
    return apply(frame, case.look, mattes_of(frame), colour=case.colour), frame


def _styled_by(case: Case, make: type, rows: int) -> tuple[PlatePixels, Frame]:
    """By a kernel, in bands of so many rows."""
    frame = case.frame()
    pixels = PlatePixels(frame, case.colour)
    kernel: DeviceLook = make(case.look, pixels.u, pixels.v, pixels._to, pixels._from, device=HERE)
    for y0 in range(0, pixels.height, rows):
        pixels.style_on(y0, min(y0 + rows, pixels.height), kernel, mattes_of(frame))
    return pixels, frame


@given(cases(20, 120))
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
def test_plain_torch_makes_the_same_frame(case: Case) -> None:
    check(case, *_styled_by(case, PlainLook, 7), *_in_memory(case))


@given(cases(6, 70))
@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@pytest.mark.skipif(torch.cuda.is_available(), reason="Triton compiles here instead")
def test_the_interpreted_kernel_makes_the_same_frame(case: Case) -> None:
    pytest.importorskip("triton", reason="Triton is not installed: the GPU kernel is not tested here")
    from lookmatte.bilateral.kernels.gpu import GpuLook

    check(case, *_styled_by(case, GpuLook, 4), *_in_memory(case))


def test_a_frame_goes_there_in_bands_where_it_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    one = case(3, 70, 50, [HALF] * 6, True, True, True, True, "ACEScg")
    monkeypatch.setattr(devices, "TILE", 50 * 35)
    monkeypatch.setenv("LOOKMATTE_KERNEL", "torch")
    assert devices.rows_that_fit(HERE, 50, 2, one.look) == 32
    frame = one.frame()
    pixels = PlatePixels(frame, one.colour)
    style_there(pixels, one.look, mattes_of(frame), HERE)
    check(one, pixels, frame, *_in_memory(one))


def test_a_frame_wider_than_a_band_goes_row_by_row() -> None:
    look = Look((), (), None, case(1, 1, 1, [HALF] * 6, False, False, False, False, "ACEScg").look.guide)
    assert devices.rows_that_fit(HERE, devices.TILE * 2, 0, look) == 1


def test_every_bit_comes_back() -> None:
    wild = np.arange(1 << 16, dtype=np.uint16).view(np.float16).reshape(256, 256)
    there = devices.to_device([wild, wild.T], HERE)
    assert np.array_equal(there.view(torch.int16).numpy().view(np.uint16), np.stack([wild, wild.T]).view(np.uint16))
    targets = [np.zeros((256, 256, 3), np.float16)[..., 1], np.zeros((256, 256), np.float16)]
    devices.from_device(there, targets)
    assert np.array_equal(targets[0].copy().view(np.uint16), wild.view(np.uint16))
    assert np.array_equal(targets[1].view(np.uint16), wild.T.copy().view(np.uint16))


@pytest.mark.parametrize("name", ["gpu", "meta", "cuda:77"])
def test_a_device_that_is_not_there_is_an_error_of_one_line(name: str) -> None:
    one = case(3, 2, 2, [FLOAT] * 6, False, True, False, False, "ACEScg")
    frame = one.frame()
    with pytest.raises(InputError, match=rf"^device: '{name}' cannot be used here .*there is cpu") as caught:
        apply(frame, one.look, mattes_of(frame), colour=one.colour, device=name)
    assert "\n" not in str(caught.value)


def test_the_device_may_be_main_memory() -> None:
    one = case(5, 9, 33, [FLOAT] * 6, False, True, True, False, "ACEScg")
    frame = one.frame()
    pixels = apply(frame, one.look, mattes_of(frame), colour=one.colour, device="cpu")
    check(one, pixels, frame, *_in_memory(one))


@needs_cuda
@pytest.mark.parametrize("kernel", ["numba", "torch"])
@given(cases(300, 700))
@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
def test_cuda_makes_the_same_frame(kernel: str, case: Case) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("LOOKMATTE_KERNEL", kernel)
        frame = case.frame()
        pixels = apply(frame, case.look, mattes_of(frame), colour=case.colour, device="cuda")
    check(case, pixels, frame, *_in_memory(case))
