"""OKLab: published values, and the way back."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lookmatte.bilateral.encoding import encode
from lookmatte.bilateral.oklab import from_oklab, to_oklab

unit = st.floats(0.0, 1.0, width=32)

# Ottosson's transform of linear sRGB, evaluated in double precision.
KNOWN = {
    (1.0, 1.0, 1.0): (1.0, 0.0, 0.0),
    (1.0, 0.0, 0.0): (0.627955, 0.224863, 0.125846),
    (0.0, 1.0, 0.0): (0.866440, -0.233888, 0.179498),
    (0.0, 0.0, 1.0): (0.452014, -0.032457, -0.311528),
    (1.0, 1.0, 0.0): (0.967983, -0.071369, 0.198570),
}


@pytest.mark.parametrize("rgb", KNOWN)
def test_known_values(rgb: tuple[float, float, float]) -> None:
    lab = to_oklab(torch.tensor(rgb).view(3, 1))
    torch.testing.assert_close(lab.flatten(), torch.tensor(KNOWN[rgb]), atol=2e-3, rtol=0)


def test_greys_have_no_colour_and_grow_lighter() -> None:
    grey = torch.linspace(0.0, 1.0, 101).expand(3, -1)
    lab = to_oklab(grey)
    assert float(lab[1:].abs().max()) < 1e-4
    assert bool((lab[0].diff() > 0).all())
    torch.testing.assert_close(lab[0, 20:], encode_cube_root(grey[0, 20:]), atol=1e-4, rtol=0)


def encode_cube_root(encoded: torch.Tensor) -> torch.Tensor:
    """Lightness of a grey: the cube root of its linear value, by sRGB's own formula."""
    return ((encoded + 0.055) / 1.055).pow(2.4).pow(1.0 / 3.0)


@given(st.lists(st.tuples(unit, unit, unit), min_size=1, max_size=20))
@settings(max_examples=60)
def test_round_trip_in_gamut(colours: list[tuple[float, float, float]]) -> None:
    encoded = torch.tensor(colours).T.contiguous()
    torch.testing.assert_close(from_oklab(to_oklab(encoded)), encoded, atol=4e-4, rtol=0)


def test_what_lies_beyond_is_clamped_on_the_way_in_and_kept_on_the_way_out() -> None:
    outside = torch.tensor([[1.7], [-0.3], [0.5]])
    assert torch.equal(to_oklab(outside), to_oklab(outside.clamp(0.0, 1.0)))
    vivid = from_oklab(torch.tensor([[0.7], [0.3], [0.2]]))
    assert float(vivid.max()) > 1.0
    assert float(vivid.min()) < 0.0
    bright = from_oklab(torch.tensor([[1.2], [0.0], [0.0]]))
    torch.testing.assert_close(bright, encode(torch.full((3, 1), 1.2**3)), atol=1e-3, rtol=0)


def test_leading_axes_are_kept() -> None:
    many = torch.rand(2, 4, 3, 7, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(to_oklab(many)[1, 2], to_oklab(many[1, 2]))
