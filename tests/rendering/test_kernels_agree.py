"""apply(): the fused kernel and plain torch make the same frame of whatever lies in memory."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from stored_frames import Case, cases, check, mattes_of

from lookmatte.imaging.frame import Frame
from lookmatte.rendering.apply import apply
from lookmatte.rendering.pixels import PlatePixels


def _applied(case: Case, kernel: str) -> tuple[PlatePixels, Frame]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("LOOKMATTE_KERNEL", kernel)
        frame = case.frame()
        return apply(frame, case.look, mattes_of(frame), colour=case.colour), frame


@given(cases(40, 300))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_frames_agree(case: Case) -> None:
    check(case, *_applied(case, "numba"), *_applied(case, "torch"))
