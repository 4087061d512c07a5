"""What the gizmo makes of a bake on disk, against the bake's own reader: key frames, limits, names, errors."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from nuke_gizmo.lookmatte_nuke import exposure, exr, live

from lookmatte.bilateral.grid import identity
from lookmatte.bilateral.guide import GuideWeights
from lookmatte.errors import FrameError
from lookmatte.looks.bake import FrameBake, RegionBake
from lookmatte.looks.exposure import AMOUNTS, Exposure, take_back
from lookmatte.rendering.bakeindex import FORMAT, BakeHeader
from lookmatte.rendering.store import BakeStore

REPOSITORY = Path(__file__).resolve().parents[2]
IDENTITY = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
ACESCG = ((1.705, -0.621, -0.083), (-0.13, 1.14, -0.01), (-0.024, -0.128, 1.153))
REGIONS = (("hero / left", "pixel"), ("sky", "grid"), ("rest", "rest"))
AFTER = tuple(0.5 - 0.02 * k for k in range(len(AMOUNTS)))


def _guide() -> GuideWeights:
    random = torch.Generator().manual_seed(1)
    return GuideWeights(*(torch.randn(size, generator=random) for size in ((16, 4), (16,), (16,), ())))


@pytest.fixture
def store(tmp_path: Path) -> BakeStore:
    """A bake of three regions with key frames 8, 12 and 20, and a cut at 15."""
    made = BakeStore(tmp_path / "a.bake", BakeHeader("b", "m", "ACEScg", ACESCG, _guide(), REGIONS, "frame", 4))
    made.create()
    for key in (8, 12, 20):
        regions = [
            RegionBake(name, blend, identity(), Exposure(0.2 + 0.01 * key, AFTER, 0.7), _enhanced(blend))
            for name, blend in REGIONS
        ]
        made.add(FrameBake(key, tuple(regions), _guide()), "")
    made.cuts, made.complete = [15], True
    made.save_index()
    return made


def _enhanced(blend: str) -> torch.Tensor | None:
    return torch.zeros(4, 256, 256) if blend == "grid" else None


def test_it_names_the_files_that_are_there(store: BakeStore) -> None:
    bake = live.Bake.open(str(store.folder))
    assert (bake.keys, bake.cuts, bake.complete, bake.space) == ([8, 12, 20], [15], True, "ACEScg")
    assert [(one.name, one.blend) for one in bake.regions] == list(REGIONS)
    for region in bake.regions:
        assert all(Path(bake.grid_pattern(region) % key).is_file() for key in bake.keys)
        assert bake.missing(region) == []
    sky = bake.region("sky")
    pattern = bake.matte_pattern(sky)
    assert pattern is not None
    assert bake.matte_frames(sky) == [8, 12, 20]
    assert all(Path(pattern % frame).is_file() for frame in bake.matte_frames(sky))
    assert bake.matte_pattern(bake.region("rest")) is None


def test_negative_frames_have_the_names_that_lookmatte_gives(tmp_path: Path) -> None:
    header = BakeHeader("b", "m", "", IDENTITY, _guide(), (("one", "pixel"),), "frame", 1)
    store = BakeStore(tmp_path / "bake", header)
    store.create()
    for key in (-12, -1, 0, 123456):
        store.add(FrameBake(key, (RegionBake("one", "pixel", identity(), Exposure(0.0, AFTER)),), _guide()), "")
    store.save_index()
    bake = live.Bake.open(str(store.folder))
    assert all(Path(bake.grid_pattern(bake.region()) % key).is_file() for key in bake.keys)
    assert bake.missing(bake.region()) == []


def test_the_guide_sees_a_region_or_none(store: BakeStore) -> None:
    bake, guide = live.Bake.open(str(store.folder)), _guide()
    for name, matte, weighing in (("hero / left", 1.0, 2), ("sky", 1.0, 3), ("rest", 0.0, 0)):
        made = bake.parameters(bake.region(name), coverage=False)
        rows = torch.tensor([made[f"guide_{k:02d}"] for k in range(16)])
        torch.testing.assert_close(rows[:, :3], guide.w1[:, :3])
        torch.testing.assert_close(rows[:, 3], guide.b1 + matte * guide.w1[:, 3])
        assert made["weighing"] == weighing
    assert bake.parameters(bake.region("hero / left"), coverage=True)["weighing"] == 1
    outs = torch.tensor([made[f"guide_out_{k}"] for k in range(4)])
    torch.testing.assert_close(outs.flatten(), guide.w2)
    there, back = (
        torch.tensor([made[f"{way}_rec709_{channel}"] for channel in "rgb"]).double() for way in ("to", "from")
    )
    torch.testing.assert_close(there, torch.tensor(ACESCG).double())
    torch.testing.assert_close(there @ back, torch.eye(3).double(), atol=1e-6, rtol=0)


frames = st.lists(st.integers(-30, 60), unique=True, min_size=1, max_size=9)


@given(frames, st.lists(st.integers(-20, 50), unique=True, max_size=3))
@settings(max_examples=200)
def test_key_frames_are_those_that_apply_takes(keys: list[int], cuts: list[int]) -> None:
    header = BakeHeader("b", "m", "", IDENTITY, _guide(), (("one", "pixel"),), "frame", 1)
    store = BakeStore(Path("none.bake"), header)
    store.keys, store.cuts = sorted(keys), sorted(cuts)
    bake = live.Bake("none.bake", _index(keys=keys, cuts=cuts))
    curves = bake.curves(bake.region())
    for frame in range(-40, 70):
        here = bake.at(bake.region(), frame)
        assert here == tuple(_stepped(curves[name][0], frame) for name in ("key_a", "key_b")) + here[2:]
        try:
            before, after, share = store.around(frame)
        except FrameError:
            continue
        # Where one key has all, it does not matter what the other one is.
        mine = {here.key_a: 1.0 - here.later} if here.later < 1.0 else {}
        mine[here.key_b] = mine.get(here.key_b, 0.0) + here.later
        theirs = {before: 1.0 - share, after: share} if share else {before: 1.0}
        for key in mine.keys() | theirs.keys():
            assert mine.get(key, 0.0) == pytest.approx(theirs.get(key, 0.0))


def _stepped(curve: str, frame: int) -> float:
    """The value of a curve of steps on a frame: the last one that has begun, or the first."""
    assert re.fullmatch(r"curve K( x-?\d+ \S+)+", curve)
    steps = [(int(at), float(value)) for at, value in re.findall(r"x(-?\d+) (\S+)", curve)]
    assert [at for at, _ in steps] == sorted({at for at, _ in steps})
    return next((value for at, value in reversed(steps) if at <= frame), steps[0][1])


def test_between_frames_the_share_goes_on(store: BakeStore) -> None:
    bake = live.Bake.open(str(store.folder))
    assert bake.at(bake.region("sky"), 9.5).later == pytest.approx(0.375)
    assert bake.at(bake.region("sky"), 14.99)[:3] == (12, 12, 0.0)
    assert bake.at(bake.region("sky"), 15.0)[:3] == (20, 20, 0.0)


positive = st.floats(0.0, 100.0)


@given(positive, st.floats(0.0, 1.0), st.lists(positive, min_size=17, max_size=17), st.floats(0.0, 6.0))
@settings(max_examples=300)
def test_an_exposure_limit_takes_back_what_lookmatte_takes(
    before: float, chroma: float, after: list[float], stops: float
) -> None:
    theirs = Exposure(before, tuple(after), chroma)
    mine = exposure.Exposure.parse(json.dumps([before, chroma, *after]))
    assert mine.amount(stops) == pytest.approx(theirs.amount(stops), abs=1e-12)
    toned, kept, whole = mine.take(stops)
    grid = identity(2, 1, 1) + 0.3 * torch.randn(12, 2, 1, 1, generator=torch.Generator().manual_seed(1))
    colour = torch.tensor([0.2, 0.5, 0.9, 1.0]).view(4, 1)
    luma = torch.tensor([0.2126, 0.7152, 0.0722])
    expected = take_back(grid, theirs.amount(stops), chroma).flatten(1)[:, :1].view(3, 4) @ colour
    p, c = (grid.flatten(1)[:, :1].view(3, 4) @ colour)[:, 0], colour[:3, 0]
    made = torch.lerp(luma @ p, luma @ c, toned) + kept * (p - luma @ p)
    torch.testing.assert_close(torch.lerp(c, made, whole), expected[:, 0], atol=1e-5, rtol=0)


def test_limits_are_read_from_the_grids(store: BakeStore) -> None:
    bake = live.Bake.open(str(store.folder))
    region = bake.region("hero / left")
    assert bake.at(region, 10).take_a == live.WHOLE
    assert bake.curves(region)["take_a"] == ("curve K x8 0", "curve K x8 1", "curve K x8 1")
    here = bake.at(region, 10, 0.1)
    expected = [exposure.Exposure(0.2 + 0.01 * key, 0.7, AFTER).take(0.1) for key in (8, 12)]
    assert [here.take_a, here.take_b] == [pytest.approx(one, abs=1e-6) for one in expected]
    curves = bake.curves(region, 0.1)
    for name, key in (("take_a", 8), ("take_b", 12)):
        values = [_stepped(curve, 10) for curve in curves[name]]
        assert values == pytest.approx(exposure.Exposure(0.2 + 0.01 * key, 0.7, AFTER).take(0.1), abs=1e-6)


def _index(**changes: Any) -> dict[str, Any]:
    guide = {"w1": [[0.0] * 4] * 16, "b1": [0.0] * 16, "w2": [0.0] * 16, "b2": 0.0}
    color = {"space": "", "to_rec709": [list(row) for row in IDENTITY]}
    index: dict[str, Any] = {
        "format": FORMAT, "bake": "b", "model": "m", "color": color, "guide": guide,
        "grid": {"depth": 8, "height": 16, "width": 16}, **_region(), "keys": [1], "cuts": [], "complete": True,
    }  # fmt: skip
    return {**index, **changes}


def _region(**changes: str) -> dict[str, Any]:
    return {"regions": [{"name": "one", "blend": "pixel", "files": "00_one", **changes}]}


BAD: list[tuple[dict[str, Any], str]] = [
    ({"format": 1}, "bake format 1; this gizmo reads format 2"),
    ({"format": "2"}, "bake format 2"),
    ({"grid": {"depth": 8, "height": 32, "width": 32}}, "its grids are 8x32x32, not 8x16x16"),
    ({"grid": {}}, "no 'depth'"),
    ({"guide": {"w1": [[0.0] * 4] * 15, "b1": [0.0] * 16, "w2": [0.0] * 16, "b2": 0.0}}, "have another shape"),
    ({"guide": {"w1": [[0.0] * 4] * 16, "b1": [0.0] * 16, "w2": ["a"] * 16, "b2": 0.0}}, "'a' is no number"),
    ({"guide": {"w1": [[0.0] * 4] * 16, "b1": [0.0] * 16, "w2": [0.0] * 16, "b2": True}}, "True is no number"),
    ({"color": {"space": "", "to_rec709": [[1, 0, 0], [0, 1, 0]]}}, "have another shape"),
    ({"color": {"space": "", "to_rec709": [[1, 0, 0], [0, 1, 0], [1, 0, 0]]}}, "no invertible 3x3 matrix"),
    ({"color": {"space": "", "to_rec709": [[1e400, 0, 0], [0, 1, 0], [0, 0, 1]]}}, "inf is no number"),
    ({"keys": ["1"]}, "'1' is no frame"),
    ({"keys": [1.5]}, "1.5 is no frame"),
    ({"cuts": None}, "damaged"),
    ({"regions": []}, "the bake has no regions"),
    ({"regions": 7}, "damaged"),
    (_region(blend="both"), "region 'one' has blend 'both'; there is: pixel, grid, rest"),
    (_region(files="../../etc/passwd"), "'../../etc/passwd', which is no name in a bake"),
    (_region(files="00_%s"), "which is no name in a bake"),
]


@pytest.mark.parametrize(("changes", "says"), BAD, ids=[says for _, says in BAD])
def test_a_bad_index_gets_one_line(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    (tmp_path / "bake.json").write_text(json.dumps(_index(**changes)))
    with pytest.raises(live.LiveError) as caught:
        live.Bake.open(str(tmp_path))
    assert says in str(caught.value)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "[1]", "{", '"a"', "[" * 100000, "\x00\xff"])
def test_what_is_no_index_gets_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "bake.json").write_text(text)
    with pytest.raises(live.LiveError, match="bake again"):
        live.Bake.open(str(tmp_path))


def test_where_no_bake_is(tmp_path: Path) -> None:
    with pytest.raises(live.LiveError, match=r"there is no bake here .*; bake first"):
        live.Bake.open(str(tmp_path / "nothing"))
    (tmp_path / "bake.json").write_text(json.dumps(_index(keys=[])))
    with pytest.raises(live.LiveError, match="nothing is baked yet"):
        live.Bake.open(str(tmp_path)).segments()


@pytest.mark.parametrize("letter", ["%", "[", "$"])
def test_a_folder_that_nuke_would_misread_is_refused(tmp_path: Path, letter: str) -> None:
    folder = tmp_path / f"a{letter}b"
    folder.mkdir()
    (folder / "bake.json").write_text(json.dumps(_index()))
    with pytest.raises(live.LiveError, match="Nuke reads"):
        live.Bake.open(str(folder))


def test_an_unknown_region_is_told_which_there_are(store: BakeStore) -> None:
    bake = live.Bake.open(str(store.folder))
    with pytest.raises(live.LiveError, match="region 'hero' is not in the bake; there is: hero / left, sky, rest"):
        bake.region("hero")
    with pytest.raises(live.LiveError, match="the bake has several regions; there is: hero / left, sky, rest"):
        bake.region()


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:90])


def _nothing(path: Path) -> None:
    path.write_bytes(b"no picture")


def _matte(path: Path) -> None:
    path.write_bytes(next(path.parent.glob("*.matte.0008.exr")).read_bytes())


DAMAGE: list[tuple[Callable[[Path], object], str]] = [
    (Path.unlink, "missing from the bake; bake again"),
    (_cut, "its header ends early"),
    (_nothing, "no OpenEXR file"),
    (_matte, "is 256x256, and so no grid of a bake"),
]


@pytest.mark.parametrize(("damage", "says"), DAMAGE, ids=[says for _, says in DAMAGE])
def test_a_damaged_grid_is_named(store: BakeStore, damage: Callable[[Path], object], says: str) -> None:
    bake = live.Bake.open(str(store.folder))
    region = bake.region("hero / left")
    path = Path(bake.grid_pattern(region) % 12)
    damage(path)
    with pytest.raises(live.LiveError) as caught:
        bake.curves(region, 0.1)
    assert says in str(caught.value)
    assert path.name in str(caught.value)
    assert bake.missing(region) == ([path.name] if not path.exists() else [])


@given(st.binary(max_size=300), st.booleans())
@settings(max_examples=200)
def test_any_bytes_are_a_header_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, whole: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.exr"
    path.write_bytes((b"\x76\x2f\x31\x01\x02\0\0\0" if whole else b"") + data)
    with contextlib.suppress(exr.HeaderError):
        exr.read_header(str(path)).text("lookmatte:exposure")


def _python37() -> str | None:
    found = sorted((Path.home() / ".pyenv" / "versions").glob("3.7.*/bin/python3.7"))
    return os.environ.get("LOOKMATTE_PYTHON37") or (str(found[0]) if found else None)


def test_it_says_the_same_in_python_3_7(store: BakeStore) -> None:
    python = _python37()
    if python is None:
        pytest.skip("no Python 3.7 here; LOOKMATTE_PYTHON37 names one")
    script = (
        "import json, sys; from lookmatte_nuke.live import Bake; bake = Bake.open(sys.argv[1]); "
        "sky = bake.region('sky'); "
        "print(json.dumps([bake.parameters(sky, True), bake.at(sky, 9, 0.1), bake.curves(sky, 0.1)]))"
    )
    said = [
        subprocess.run(
            [command, "-c", script, str(store.folder)], env={"PYTHONPATH": str(REPOSITORY / "nuke_gizmo")},
            capture_output=True, text=True, check=True,
        ).stdout
        for command in (python, sys.executable)
    ]  # fmt: skip
    assert json.loads(said[0]) == json.loads(said[1])
