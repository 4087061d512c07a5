"""The fringe of rough mattes: what band and line mean, and that enhancement lowers both on pasted objects."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from lookmatte.evaluation.edges import edge_band, edge_band_error, edge_line
from lookmatte.evaluation.fringe import BAND, ERRORS, FULL_HD, WRONG, Case, Painter, measure, table
from lookmatte.evaluation.pictures import Rgb, Weight, read_bytes, to_floats
from lookmatte.looks.baker import StylePicture
from lookmatte.networks.model import Model

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def _step(width: int = 100, at: int = 50) -> Weight:
    matte = np.zeros((60, width), np.float32)
    matte[:, :at] = 1.0
    return matte


def _grey(values: Weight) -> Rgb:
    return np.repeat(values[..., None], 3, -1).astype(np.float32)


def test_the_band_lies_on_both_sides_of_the_edge() -> None:
    band = edge_band(_step(), 5)
    assert band[30].nonzero()[0].tolist() == list(range(45, 55))
    assert not edge_band(np.ones((9, 9), np.float32), 3).any()


def test_the_band_error_counts_the_band_alone() -> None:
    reference = _grey(_step())
    result = reference.copy()
    result[:, :40] = 0.0
    assert edge_band_error(result, reference, _step(), 5) == 0.0
    result[:, 50:55] = 0.2
    assert edge_band_error(result, reference, _step(), 5) == pytest.approx(0.1)
    assert edge_band_error(result, reference, np.zeros((60, 100), np.float32), 5) == 0.0


@pytest.mark.parametrize(("value", "height"), [(0.9, 0.2), (0.1, 0.2), (0.5, 0.0), (0.7, 0.0)])
def test_a_line_is_what_neither_side_has(value: float, height: float) -> None:
    """Between the sides' .3 and .7 everything is an edge; beyond them it is a line, light or dark."""
    reference = _grey(0.3 + 0.4 * _step())
    result = reference.copy()
    result[:, 48:53] = value
    assert edge_line(result, reference, _step(), 8) == pytest.approx(height, abs=1e-5)
    assert edge_line(reference, reference, _step(), 8) == 0.0


def test_half_a_line_is_half_as_visible_and_a_speck_is_little() -> None:
    reference = _grey(0.3 + 0.4 * _step())
    half, speck = reference.copy(), reference.copy()
    half[:30, 48:53] = 0.9
    assert edge_line(half, reference, _step(), 4) == pytest.approx(0.1, abs=0.02)
    speck[30, 50] = 0.9
    assert edge_line(speck, reference, _step(), 4) < 0.01


def _style(name: str) -> StylePicture:
    rgb = torch.from_numpy(to_floats(read_bytes(EXAMPLES / "styles" / f"{name}.jpg"))).permute(2, 0, 1).contiguous()
    return StylePicture(rgb, torch.ones(rgb.shape[1:]))


OPPOSITE = ("desert_noon", "blue_night")


@pytest.fixture(scope="module")
def scene() -> Case:
    """An object cut from one picture, before another, of the same mean luminance: the matte is true by making."""
    inside, outside = (
        cv2.resize(to_floats(read_bytes(EXAMPLES / "styles" / f"{name}.jpg")), (640, 360))
        for name in ("autumn_lake", "misty_forest")
    )
    luma = np.array([0.2126, 0.7152, 0.0722], np.float32)
    outside = outside + (inside.mean((0, 1)) - outside.mean((0, 1))) @ luma
    y, x = np.mgrid[0:360, 0:640].astype(np.float32)
    angle = np.arctan2(y - 180, x - 320)
    distance = 110 + 25 * np.sin(5 * angle) - np.hypot(y - 180, x - 320)
    truth = np.clip(distance + 0.5, 0.0, 1.0)
    rgb = outside + truth[..., None] * (inside - outside)
    return Case("pasted", np.clip(rgb, 0.0, 1.0).astype(np.float32), truth.astype(np.float32))


@pytest.mark.parametrize("error", ["dilated", "eroded", "shifted", "wavering", "coarse"])
def test_opposite_looks_on_a_wrong_matte_come_nearer_to_the_truth(scene: Case, error: str) -> None:
    painter = Painter(Model(), scene, (_style(OPPOSITE[0]), _style(OPPOSITE[1])))
    scale = 360 / FULL_HD
    radius = round(BAND * scale)
    reference = painter.paint(scene.truth, ("coverage",))["coverage"]
    made = painter.paint(ERRORS[error](scene.truth, WRONG * scale), ("coverage", "grid, eq. 7", "enhanced"))
    band = {name: edge_band_error(one, reference, scene.truth, radius) for name, one in made.items()}
    line = {name: edge_line(one, reference, scene.truth, radius) for name, one in made.items()}
    assert band["enhanced"] < 0.8 * band["coverage"]
    assert band["enhanced"] < 0.5 * band["grid, eq. 7"]
    assert line["enhanced"] < line["coverage"]
    assert line["enhanced"] < 0.02


def test_the_table_has_a_row_for_each_error(scene: Case) -> None:
    small = Case("small", cv2.resize(scene.rgb, (160, 90)), cv2.resize(scene.truth, (160, 90)))
    rows, crops = measure(Model(), [small], [(_style(OPPOSITE[0]), _style(OPPOSITE[1]))], ["exact", "dilated"])
    assert [row.error for row in rows] == ["exact", "dilated"]
    assert rows[0].band[0] == 0.0
    assert rows[0].line[0] == 0.0
    assert len(crops) == 1
    assert len({tile.shape for tile in crops[0]}) == 1
    assert table(rows).count("\n") == 3
