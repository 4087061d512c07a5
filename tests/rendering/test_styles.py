"""Reference pictures as the Baker takes them: which of their pixels count, and in which colours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from exr_files import write_exr
from lookmatte.errors import InputError
from lookmatte.imaging.picture import write_png
from lookmatte.job import StyleRef
from lookmatte.rendering.styles import load_style


def test_a_matte_with_a_cropped_data_window_selects_what_it_covers(tmp_path: Path) -> None:
    write_png(tmp_path / "style.png", np.full((48, 48, 3), 90, np.uint8))
    matte = write_exr(
        tmp_path / "matte.exr",
        ({"A": np.ones((12, 12), np.float16)}, {"window": (30, 4, 12, 12), "display": (0, 0, 48, 48)}),
    )
    weight = load_style(StyleRef(str(tmp_path / "style.png"), str(matte)), None).weight
    expected = torch.zeros(48, 48)
    expected[4:16, 30:42] = 1.0
    assert torch.equal(weight, expected)


@pytest.mark.parametrize("size", [24, 480])
def test_a_matte_of_another_size_covers_the_same_share(size: int, tmp_path: Path) -> None:
    write_png(tmp_path / "style.png", np.full((48, 48, 3), 90, np.uint8))
    mask = np.zeros((size, size, 3), np.uint8)
    mask[:, : size // 2] = 255
    write_png(tmp_path / "matte.png", mask)
    weight = load_style(StyleRef(str(tmp_path / "style.png"), str(tmp_path / "matte.png")), None).weight
    assert weight.shape == (48, 48)
    assert float(weight.mean()) == pytest.approx(0.5, abs=0.02)


def plain(value: float, kind: Any = np.float32) -> dict[str, Any]:
    return {name: np.full((6, 8), value, kind) for name in "RGB"}


def encoded(path: Path) -> Any:
    return load_style(StyleRef(str(path)), None).rgb.amax((1, 2))


def test_an_exr_style_in_a_curved_space_is_decoded(tmp_path: Path) -> None:
    """0.18 in ACEScct is the code value 0.4135884, and neutral in every space."""
    log = write_exr(tmp_path / "log.exr", (plain(0.4135884), {"oiio:ColorSpace": "ACEScct"}))
    linear = write_exr(tmp_path / "linear.exr", (plain(0.18), {}))
    assert encoded(log).tolist() == pytest.approx(encoded(linear).tolist(), abs=1e-3)


def test_an_exr_style_under_another_suffix_keeps_its_space(tmp_path: Path) -> None:
    log = write_exr(tmp_path / "log.exr", (plain(0.4135884), {"oiio:ColorSpace": "ACEScct"}))
    renamed = log.rename(tmp_path / "log.png")
    linear = write_exr(tmp_path / "linear.exr", (plain(0.18), {}))
    assert encoded(renamed).tolist() == pytest.approx(encoded(linear).tolist(), abs=1e-3)


@pytest.mark.parametrize("at", [0, 1])
def test_the_space_is_named_by_the_first_part_or_by_the_picture_s(at: int, tmp_path: Path) -> None:
    said = {"oiio:ColorSpace": "ACEScct"}
    write_exr(
        tmp_path / "two.exr",
        ({"Z": np.ones((6, 8), np.float32)}, {"name": "depth", **(said if at == 0 else {})}),
        (plain(0.4135884), {"name": "rgba", **(said if at == 1 else {})}),
    )
    linear = write_exr(tmp_path / "linear.exr", (plain(0.18), {}))
    assert encoded(tmp_path / "two.exr").tolist() == pytest.approx(encoded(linear).tolist(), abs=1e-3)


def test_a_style_whose_space_holds_data_is_named(tmp_path: Path) -> None:
    path = write_exr(tmp_path / "data.exr", (plain(0.5), {"oiio:ColorSpace": "Raw"}))
    with pytest.raises(InputError, match=r"data\.exr.*Raw"):
        load_style(StyleRef(str(path)), None)
