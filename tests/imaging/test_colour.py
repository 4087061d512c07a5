from __future__ import annotations

from pathlib import Path

import numpy as np
import PyOpenColorIO as ocio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sample_files import fixture, grey, write_exr

from lookmatte.errors import InputError
from lookmatte.imaging import colour
from lookmatte.imaging.chromaticities import REC709, rgb_to_xyz, to_rec709
from lookmatte.imaging.colour import config_name, plate_matrix, view_inverse
from lookmatte.imaging.reader import read_frame

AP1 = (0.713, 0.293, 0.165, 0.830, 0.128, 0.044, 0.32168, 0.33767)
P3D65 = (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.3127, 0.3290)


@pytest.fixture(autouse=True)
def _no_ocio_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OCIO", raising=False)


def reference(space: str, pixels: np.ndarray) -> np.ndarray:
    """What OpenColorIO itself makes of the pixels."""
    config = ocio.Config.CreateFromFile("ocio://default")
    processor = config.getProcessor(space, "lin_rec709").getOptimizedCPUProcessor(ocio.OPTIMIZATION_NONE)
    out = np.ascontiguousarray(pixels, np.float32).copy()
    processor.applyRGB(out)
    return out


@pytest.mark.parametrize("space", ["ACEScg", "aces", "lin_rec2020", "scene_linear", "Linear P3-D65", "lin_srgb"])
def test_linear_spaces_are_a_matrix(space: str) -> None:
    plate = plate_matrix(space, attributes={})
    assert (plate.decode, plate.encode, plate.source) == (None, None, "job")
    assert plate.config_name == config_name()
    assert plate.config_name.startswith("cg-config")
    pixels = np.random.default_rng(1).normal(0, 5, (50, 3)).astype(np.float32)
    assert pixels @ plate.matrix.T == pytest.approx(reference(space, pixels), abs=2e-5)
    assert plate.inverse @ plate.matrix == pytest.approx(np.eye(3), abs=1e-12)


@pytest.mark.parametrize(
    ("space", "tolerance"),
    [("ACEScct", 2e-6), ("ACEScc", 2e-6), ("sRGB Encoded Rec.709 (sRGB)", 2e-6), ("Gamma 2.2 Encoded AP1", 2e-6)],
)
def test_curves_are_decoded_and_encoded(space: str, tolerance: float) -> None:
    plate = plate_matrix(space, attributes={})
    assert plate.decode is not None
    assert plate.encode is not None
    pixels = np.random.default_rng(2).uniform(0.3, 0.5, (500, 3)).astype(np.float32)  # ACEScc clips strong colours
    work = pixels.copy()
    plate.decode(work)
    assert work @ plate.matrix.T == pytest.approx(reference(space, pixels), rel=1e-5, abs=1e-5)
    plate.encode(work)
    assert work == pytest.approx(pixels, abs=tolerance)
    with pytest.raises(ValueError, match="contiguous float32"):
        plate.decode(pixels[::2])
    plate.decode(np.zeros((0, 3), np.float32))


def test_unknown_and_data_spaces() -> None:
    with pytest.raises(InputError, match=r"'ACESg' is not in cg-config.*ACEScg"):
        plate_matrix("ACESg", attributes={})
    with pytest.raises(InputError, match="lin_rec709"):
        plate_matrix("lin_rec70", attributes={})
    for space in ("Raw", "data"):
        with pytest.raises(InputError, match="data"):
            plate_matrix(space, attributes={})


def test_the_file_says_its_space() -> None:
    assert plate_matrix(None, attributes={}).source == "assumed"
    scene = plate_matrix(None, attributes={"colorInteropID": "lin_ap1_scene"})
    assert (scene.source, scene.space) == ("colorInteropID", "ACEScg")
    assert scene.matrix == pytest.approx(plate_matrix("ACEScg", attributes={}).matrix)
    plain = plate_matrix(None, attributes={"colorInteropID": "lin_rec709_scene", "chromaticities": AP1})
    assert np.array_equal(plain.matrix, np.eye(3))
    vague = plate_matrix(None, attributes={"oiio:ColorSpace": "Linear", "chromaticities": AP1})
    assert vague.source == "chromaticities"
    assert vague.matrix == pytest.approx(scene.matrix, abs=1e-9)
    log = plate_matrix(None, attributes={"oiio:ColorSpace": "ACEScct"})
    assert log.decode is not None
    unknown = plate_matrix(None, attributes={"colorInteropID": "house_space", "chromaticities": AP1})
    assert unknown.source == "chromaticities"
    assert any("house_space" in note for note in unknown.notes)
    with pytest.raises(InputError, match="data"):
        plate_matrix(None, attributes={"colorInteropID": "data"})


@pytest.mark.parametrize("stored", [(0.0,) * 8, (np.nan,) * 8, (1.0, 2.0), "x", b"abc", (0.3, 0.3) * 4, None])
def test_chromaticities_that_are_none(stored: object) -> None:
    plate = plate_matrix(None, attributes={"chromaticities": stored})
    assert np.array_equal(plate.matrix, np.eye(3))
    assert bool(plate.notes) == (stored is not None)


def test_chromaticities_against_opencolorio() -> None:
    assert np.array_equal(to_rec709(REC709), np.eye(3))
    assert np.array_equal(to_rec709(np.float32(REC709)), np.eye(3))
    for primaries, space in ((AP1, "ACEScg"), (P3D65, "Linear P3-D65")):
        assert to_rec709(primaries) == pytest.approx(plate_matrix(space, attributes={}).matrix, abs=1e-6)


@given(arrays.arrays(np.float64, 8, elements=st.floats(-1, 1)))
def test_white_stays_white(values: np.ndarray) -> None:
    matrix = to_rec709(values)
    if matrix is not None:
        assert np.isfinite(matrix).all()
        assert matrix @ np.ones(3) == pytest.approx(np.ones(3), abs=1e-5)


def test_luminance_of_white_is_one() -> None:
    assert rgb_to_xyz(REC709)[1] == pytest.approx([0.2126, 0.7152, 0.0722], abs=1e-4)


def test_attributes_of_real_files(tmp_path: Path) -> None:
    path = write_exr(tmp_path / "ap1.exr", [grey(2, 2)], attributes={"chromaticities": AP1})
    plate = plate_matrix(None, attributes=read_frame(path).plate.attributes)
    assert plate.source == "chromaticities"
    assert plate.matrix == pytest.approx(plate_matrix("ACEScg", attributes={}).matrix, abs=1e-6)
    blender = read_frame(fixture("blender50.exr")).plate.attributes
    assert plate_matrix(None, attributes=blender).source == "colorInteropID"


# Views


@pytest.mark.parametrize(
    ("view", "display"),
    [
        ("ACES 2.0 - SDR 100 nits (Rec.709)", "sRGB - Display"),
        ("Un-tone-mapped", "sRGB - Display"),
        ("srgb - display / un-tone-mapped", "sRGB - Display"),
        ("Display P3 - Display/Video (colorimetric)", "Display P3 - Display"),
    ],
)
def test_the_view_shows_what_was_inverted(view: str, display: str) -> None:
    shown = np.random.default_rng(3).uniform(0.05, 0.85, (8, 9, 3)).astype(np.float32)
    kept = shown.copy()
    scene = view_inverse(view)(shown)
    assert np.array_equal(shown, kept)
    assert scene.shape == shown.shape
    config = ocio.Config.CreateFromFile("ocio://default")
    name = view.rpartition("/")[2].strip()
    proper = next(one for one in config.getViews(display) if one.casefold() == name.casefold())
    forward = config.getProcessor(ocio.DisplayViewTransform("lin_rec709", display, proper)).getDefaultCPUProcessor()
    forward.applyRGB(scene)
    assert scene == pytest.approx(shown, abs=2e-3)


def test_a_clipped_white_does_not_explode() -> None:
    white = np.ones((1, 1, 3), np.float32)
    tone_mapped = view_inverse("ACES 2.0 - SDR 100 nits (Rec.709)")(white)
    assert 10 < tone_mapped.max() < 50
    assert tone_mapped.max() - tone_mapped.min() < 0.1
    assert view_inverse("Un-tone-mapped")(white) == pytest.approx(1.0, abs=1e-4)
    assert view_inverse("sRGB - Display/Raw")(white) == pytest.approx(1.0)


def test_unknown_views_name_the_nearest() -> None:
    with pytest.raises(InputError, match=r"nearest: .*ACES 2\.0 - SDR 100 nits"):
        view_inverse("ACES 2.0 SDR 100 nits")


# Configurations


CONFIG = """ocio_profile_version: 2
name: {name}
roles: {{default: work, scene_linear: work{roles}}}
displays:
  screen:
    - !<View> {{name: Plain, colorspace: shown}}
active_displays: []
active_views: []
colorspaces:
  - !<ColorSpace>
    name: work
    isdata: false
  - !<ColorSpace>
    name: {second}
    isdata: false
    to_scene_reference: !<MatrixTransform> {{matrix: [0.5, 0, 0, 0, 0, 0.25, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1]}}
  - !<ColorSpace>
    name: shown
    isdata: false
    from_scene_reference: !<ExponentTransform> {{value: [2, 2, 2, 1], direction: inverse}}
"""


def test_the_variable_chooses_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "house.ocio"
    path.write_text(CONFIG.format(name="house-v1", second="lin_rec709", roles=""), encoding="utf-8")
    monkeypatch.setenv("OCIO", str(path))
    plate = plate_matrix("work", attributes={})
    assert plate.config_name == "house-v1"
    assert plate.matrix == pytest.approx(np.diag([2, 4, 0.5]))
    assert view_inverse("plain")(np.full((1, 1, 3), 0.5, np.float32)) == pytest.approx(
        np.array([[[0.5, 1.0, 0.125]]]), abs=1e-5
    )
    scene = plate_matrix(None, attributes={"colorInteropID": "lin_ap1_scene"})
    assert scene.config_name.startswith("cg-config"), "the built-in one knows what the house does not"
    assert plate_matrix("ACEScg", attributes={}, config=colour.BUILT_IN).space == "ACEScg"


def test_a_configuration_without_rec709_goes_through_its_interchange_role(tmp_path: Path) -> None:
    path = tmp_path / "aces.ocio"
    text = CONFIG.format(name="aces-v1", second="half", roles=", aces_interchange: work")
    path.write_text(text, encoding="utf-8")
    plate = plate_matrix("work", attributes={}, config=str(path))
    assert plate.matrix == pytest.approx(plate_matrix("ACES2065-1", attributes={}).matrix, abs=1e-6)
    shown = view_inverse("Plain", str(path))(np.full((1, 1, 3), 0.5, np.float32))
    assert shown[0, 0] == pytest.approx(plate.matrix @ np.full(3, 0.25), abs=1e-5)


def test_configurations_that_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCIO", str(tmp_path / "absent.ocio"))
    with pytest.raises(InputError, match=r"absent\.ocio \(from \$OCIO\)"):
        plate_matrix("ACEScg", attributes={})
    assert plate_matrix(None, attributes={}).source == "assumed"
    monkeypatch.setenv("OCIO", "")
    assert plate_matrix("ACEScg", attributes={}).space == "ACEScg"
    bad = tmp_path / "bad.ocio"
    bad.write_text("this is no configuration")
    with pytest.raises(InputError) as error:
        plate_matrix("ACEScg", attributes={}, config=str(bad))
    assert "\n" not in str(error.value)
