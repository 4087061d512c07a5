"""The Blink kernel's text: nothing that Blink lacks, single precision alone, and the parameters of live.py."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from blink_compiled import KERNEL, Blink
from blink_text import bare, mistakes
from nuke_gizmo.lookmatte_nuke import live

from lookmatte.bilateral import apply, encoding, enhance, guide

TEXT = KERNEL.read_text(encoding="ascii")

GIZMO = {"strength", "later", "take_a", "take_b", "format_width", "format_height", "ignore_alpha"}
"""Parameters that the gizmo has knobs for, or curves."""


def test_the_text_is_blink() -> None:
    assert mistakes(TEXT) == []


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        ("min(size, 1.0f)", "min(size, 1.0)", "single precision: 1.0"),
        ("(cells) - 0.5f", "(cells) - .5", "single precision: .5"),
        ("1.0e-12f", "1e-12", "single precision: 1e-12"),
        ("fx = x - float(x0)", "fx = x - 1f", "single precision: 1f"),
        ("fabs(w)", "std::fabs(w)", "not of Blink: ::"),
        ("float encoded(float x)", "float encoded(float* x)", "a pointer"),
        ("float encoded(float x)", "float encoded(float &x)", "not of Blink"),
        ("float size", "double size", "a word that Blink may not have: double"),
        ("float size", "auto size", "a word that Blink may not have: auto"),
        ("float4 result = stored;", "for (int k = 0; k < cells_x; k++) {}", "a loop whose end is not known"),
        ("float4 result = stored;", "while (true)", "a word that Blink may not have: while"),
        ("float guide_bias;", "float guide_bias[1];", "an array: guide_bias"),
        ("float size = fabs(x);", "float size = encoded(fabs(x));", "encoded calls encoded"),
        ("log(size)", "log1p(size)", "a word that Blink may not have: log1p"),
        ("later", "mix", "a name that a device's language has: mix"),
        ("// Its inverse", "#define F 1\n  // Its inverse", "not of Blink: #"),
        ("// Its inverse", "// Its inverse \N{EM DASH}", "not ASCII"),
    ],
)
def test_what_is_not_blink_is_refused(right: str, wrong: str, says: str) -> None:
    assert right in TEXT
    assert any(says in one for one in mistakes(TEXT.replace(right, wrong)))


def test_a_double_does_not_compile(cxx: list[str], tmp_path: Path) -> None:
    """The header refuses what the reading of the text cannot see."""
    for right, wrong in (("log(size)", "log(1)"), ("1.0f + slope", "1.0 + slope"), ("grid_b(x, y)", "grid_b()")):
        assert right in TEXT
        changed = tmp_path / "changed.blink"
        changed.write_text(TEXT.replace(right, wrong))
        with pytest.raises(RuntimeError, match="error:"):
            Blink.build(tmp_path, cxx, text=changed)


def test_its_parameters_are_those_that_live_has(blink: Blink) -> None:
    data = {
        "bake": "", "model": "", "color": {"space": "", "to_rec709": [[1, 0, 0], [0, 1, 0], [0, 0, 1]]},
        "guide": {"w1": [[0.0] * 4] * 16, "b1": [0.0] * 16, "w2": [0.0] * 16, "b2": 0.0},
        "regions": [{"name": "one", "blend": "pixel", "files": "00_one"}], "keys": [], "cuts": [], "complete": True,
    }  # fmt: skip
    bake = live.Bake("/", data)
    made = bake.parameters(bake.region(), coverage=True)
    assert set(made) | GIZMO == set(blink.parameters)
    sizes = {name: len(value) if isinstance(value, tuple) else 1 for name, value in made.items()}
    assert sizes == {name: blink.parameters[name] for name in made}
    assert blink.inputs == len(live.INPUTS)
    inputs = re.findall(r"Image<eRead[^>]*> (\w+);", bare(TEXT))
    assert tuple(inputs) == live.INPUTS
    assert f"kernel {live.KERNEL} :" in TEXT


def test_labels_are_the_names_of_the_parameters() -> None:
    """A knob is called after the label, an expression in the kernel's text after the variable."""
    pairs = re.findall(r'defineParam\((\w+), "([^"]*)"', TEXT)
    assert pairs
    assert all(name == label for name, label in pairs)


def test_its_constants_are_the_definitions() -> None:
    knee, slope, offset, power = live.CONSTANTS["encoding"]
    assert (1.0 + offset) / power == encoding.SLOPE
    assert (knee, slope) == (0.0031308, 12.92)
    assert live.CONSTANTS["highlight_stops"] == apply.HIGHLIGHT_STOPS
    assert live.CONSTANTS["guide_reach"] == guide.REACH
    assert live.CONSTANTS["largest"] == encoding.LARGEST_HALF
    assert live.CONSTANTS["rounding"] == apply.ROUNDING == enhance.ROUNDING
    defaults = dict(re.findall(r'defineParam\((\w+), "\w+", (.+)\);', TEXT))
    for name, value in live.CONSTANTS.items():
        numbers = [float(one) for one in re.findall(r"[\d.]+\.\d+(?:e\d+)?(?=f)", defaults[name])]
        assert numbers == pytest.approx(list(value) if isinstance(value, tuple) else [value], rel=1e-6)
