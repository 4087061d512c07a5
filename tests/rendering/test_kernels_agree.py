"""apply(): the fused kernel and plain torch make the same frame of whatever lies in memory."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from stored_frames import FLOAT, HALF, Case, cases, check, frame_of, look_of, mattes_of

from lookmatte.imaging.colour import plate_matrix
from lookmatte.imaging.frame import Frame
from lookmatte.rendering.apply import apply
from lookmatte.rendering.pixels import PlatePixels


def _applied(case: Case, kernel: str) -> tuple[PlatePixels, Frame]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("LOOKMATTE_KERNEL", kernel)
        frame = case.frame()
        return apply(frame, case.look, mattes_of(frame), colour=case.colour), frame


@given(cases(40, 300))
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_frames_agree(case: Case) -> None:
    check(case, *_applied(case, "numba"), *_applied(case, "torch"))


def test_alpha_may_be_stored_as_integers() -> None:
    made = {}
    for kernel in ("numba", "torch"):
        frame = frame_of(np.full((3, 50, 6), 0.5, np.float32), [HALF] * 3 + [FLOAT] * 3, False, True)
        frame.plate.channels["A"] = np.ones((3, 50), np.uint32)
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv("LOOKMATTE_KERNEL", kernel)
            colour = plate_matrix("lin_rec709_srgb", attributes={})
            apply(frame, look_of(3, False, False), mattes_of(frame), colour=colour)
        made[kernel] = np.stack([frame.plate.channels[name] for name in "RGB"])
    assert not np.array_equal(made["numba"], np.full((3, 3, 50), 0.5, np.float16))
    assert np.allclose(made["numba"], made["torch"], atol=1e-3)
