"""A look exported as TorchScript: the definition's pixels, in every torch at hand, and what goes to Nuke."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import OpenEXR
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import lookmatte
from lookmatte.bilateral.apply import Look, apply_band
from lookmatte.bilateral.encoding import encode
from lookmatte.bilateral.grid import identity
from lookmatte.bilateral.guide import GuideWeights
from lookmatte.cli import main
from lookmatte.errors import InputError
from lookmatte.export import archive
from lookmatte.export.torchscript import find_still, write_still
from lookmatte.job import Job
from lookmatte.looks.bake import Blend, FrameBake, RegionBake, Setting, resolve
from lookmatte.looks.exposure import AMOUNTS, Exposure
from lookmatte.rendering import render
from lookmatte.rendering.bakeindex import BakeHeader
from lookmatte.rendering.store import BakeStore

REC709 = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
ACESCG = ((1.70505, -0.62179, -0.08326), (-0.13026, 1.1408, -0.01055), (-0.024, -0.12897, 1.15297))
TORCHES = "LOOKMATTE_TORCHES"


def _bake(
    folder: Path, *, blend: Blend = "pixel", matrix: Any = REC709, seed: int = 1, size: float = 0.3
) -> BakeStore:
    """A bake with random grids on frames 1 and 5."""
    random = torch.Generator().manual_seed(seed)
    guide = GuideWeights(*(torch.randn(shape, generator=random) for shape in ((16, 4), (16,), (16,), ())))
    store = BakeStore(folder, BakeHeader("b", "m", "", matrix, guide, (("hero", blend),), "frame", 4))
    store.create()
    after = tuple(0.6 - 0.02 * k for k in range(len(AMOUNTS)))
    for key in (1, 5):
        grid = identity() + size * torch.randn(12, 8, 16, 16, generator=random)
        region = RegionBake("hero", blend, grid, Exposure(0.2, after, 0.8))
        store.add(FrameBake(key, (region,), guide), "")
    store.complete = True
    store.save_index()
    return BakeStore.open(folder)


def _plate(seed: int, rows: int, columns: int) -> torch.Tensor:
    """Straight colours up to 20000, some of them negative, and a matte: (1, 4, rows, columns)."""
    random = torch.Generator().manual_seed(seed)
    plate = torch.exp(2.0 * torch.randn(1, 4, rows, columns, generator=random) - 1.0)
    plate[:, :3, torch.rand(rows, columns, generator=random) < 0.05] *= 3e3
    plate[:, :3, torch.rand(rows, columns, generator=random) < 0.1] *= -1.0
    plate = plate.clamp(-2e4, 2e4)
    plate[:, 3] = (2.0 * torch.rand(rows, columns, generator=random) - 0.5).clamp(0.0, 1.0)
    return plate


def _expected(store: BakeStore, frame: int, plate: torch.Tensor, setting: Setting) -> torch.Tensor:
    """The definition's colours, (3, rows, columns)."""
    before, after, share = store.around(frame)
    look = resolve(store.load(before), store.load(after), share, {"hero": setting})
    grid = look.rest if look.rest is not None else look.pixel_grids[0]
    matrix = torch.tensor(store.header.matrix)
    rows, columns = plate.shape[2:]
    u, v = ((torch.arange(size) + 0.5) / size for size in (columns, rows))
    linear = torch.einsum("ij,jnw->inw", matrix, plate[0, :3])
    if store.header.regions[0][1] == "rest":
        assert bool((plate[0, 3] == 1.0).all())
        styled, active = apply_band(linear, torch.zeros(0, rows, columns), u, v, Look((), (), grid, look.guide))
    else:
        styled, active = apply_band(linear, plate[:, 3], u, v, Look((grid,), (), None, look.guide))
    styled = torch.einsum("ij,jnw->inw", torch.linalg.inv(matrix), styled)
    styled = torch.where(plate[0, :3] >= 0.0, styled.clamp_min(0.0), styled).clamp(-65504.0, 65504.0)
    return torch.where(active, styled, plate[0, :3])


def _apart(store: BakeStore, one: torch.Tensor, other: torch.Tensor) -> float:
    """How far two (3, rows, columns) pictures are apart in the working encoding."""
    matrix = torch.tensor(store.header.matrix, dtype=torch.float64)
    first, second = (encode(torch.einsum("ij,jnw->inw", matrix, picture.double())) for picture in (one, other))
    return float((first - second).abs().max())


def _model(store: BakeStore, folder: Path, frame: int, limit: float | None = None) -> torch.jit.ScriptModule:
    path = folder / "look.pt"
    write_still(find_still(store, frame, None, limit), path)
    return torch.jit.load(str(path))


seeds = st.integers(0, 2**31 - 1)


@given(
    seeds, st.integers(1, 40), st.integers(1, 60), st.sampled_from([1, 3, 5]), st.sampled_from([1.0, 0.3]),
    st.sampled_from([None, 0.1, 1.0]),
)  # fmt: skip
@settings(max_examples=25)
def test_it_is_the_definition(
    tmp_path_factory: pytest.TempPathFactory, seed: int, rows: int, columns: int, frame: int, strength: float,
    limit: float | None,
) -> None:  # fmt: skip
    folder = tmp_path_factory.mktemp("still")
    store = _bake(folder / "bake", seed=seed)
    model = _model(store, folder, frame, limit)
    model.strength = strength
    plate = _plate(seed, rows, columns)
    with torch.no_grad():
        made = model(plate)
    assert torch.equal(made[:, 3], plate[:, 3])
    assert _apart(store, made[0, :3], _expected(store, frame, plate, Setting(strength, limit))) < 1e-4


def test_a_plate_in_another_space(tmp_path: Path) -> None:
    store = _bake(tmp_path / "bake", matrix=ACESCG, size=0.1)
    plate = _plate(3, 50, 70).clamp(0.0, 4.0)
    made = _model(store, tmp_path, 1)(plate)
    assert _apart(store, made[0, :3], _expected(store, 1, plate, Setting())) < 1e-4


def test_the_look_of_the_rest(tmp_path: Path) -> None:
    store = _bake(tmp_path / "bake", blend="rest")
    plate = _plate(4, 30, 20)
    plate[:, 3] = 1.0
    model = _model(store, tmp_path, 1)
    expected = _expected(store, 1, plate, Setting())
    assert _apart(store, model(plate)[0, :3], expected) < 1e-4
    assert torch.equal(model(plate[:, :3])[0], model(plate)[0, :3])


def test_bands_do_not_show(tmp_path: Path) -> None:
    store = _bake(tmp_path / "bake")
    from lookmatte.export.still import StillLook

    one, two = StillLook(), StillLook()
    two.pixels = 50
    tensors = find_still(store, 3, None, None).tensors()
    for module in (one, two):
        for name, buffer in module.named_buffers():
            buffer.copy_(torch.tensor(tensors[name]).view_as(buffer))
    plate = _plate(5, 37, 41)
    assert _apart(store, one(plate)[0, :3], two(plate)[0, :3]) < 5e-6
    assert _apart(store, one(plate)[0, :3], _model(store, tmp_path, 3)(plate)[0, :3]) < 5e-6


def test_what_is_not_to_change_keeps_its_bits(tmp_path: Path) -> None:
    model = _model(_bake(tmp_path / "bake"), tmp_path, 1)
    plate = _plate(6, 20, 30)
    plate[0, 1, 3, 4], plate[0, 2, 5, 6], plate[0, 0, 7, 8] = float("nan"), float("inf"), -float("inf")
    plate[0, 3, 9, 10] = float("nan")
    made = model(plate)
    still = (plate[0, 3] == 0.0) | ~plate[0].isfinite().all(0)
    assert int(still.sum()) > 50
    assert torch.equal(made[0][:, still].view(torch.int32), plate[0][:, still].view(torch.int32))
    assert float((made[0, :3] != plate[0, :3]).any(0)[~still].float().mean()) > 0.99
    model.strength = 0.0
    assert torch.equal(model(plate).view(torch.int32), plate.view(torch.int32))


def test_half_precision_is_that_of_input_and_output_alone(tmp_path: Path) -> None:
    """As Nuke's Optimize for Speed and Memory has it."""
    store = _bake(tmp_path / "bake", size=0.05)
    plate = _plate(7, 20, 30).clamp(0.0, 100.0).half()
    whole = _model(store, tmp_path, 1)(plate.float())
    made = _model(store, tmp_path, 1).half()(plate)
    assert made.dtype == torch.half
    assert _apart(store, made[0, :3].float(), whole[0, :3]) < 0.02


def test_further_channels_are_handed_through(tmp_path: Path) -> None:
    model = _model(_bake(tmp_path / "bake"), tmp_path, 1)
    plate = torch.cat([_plate(8, 9, 7), torch.rand(1, 2, 9, 7)], 1)
    made = model(plate)
    assert made.shape == plate.shape
    assert torch.equal(made[:, 3:], plate[:, 3:])


RUN = """
import sys
import numpy as np
import torch
model = torch.jit.load(sys.argv[1])
model.strength = 0.7
plate = torch.from_numpy(np.load(sys.argv[2]))
with torch.no_grad():
    made = model(plate)
np.save(sys.argv[3], made.numpy())
print(torch.__version__)
"""


def test_it_loads_in_every_torch_at_hand(tmp_path: Path) -> None:
    pythons = [one for one in os.environ.get(TORCHES, "").split(os.pathsep) if one]
    if not pythons:
        pytest.skip(f"{TORCHES} names no Pythons that have other torches, and numpy; by hand: 1.6, 1.12, 2.1, 2.7")
    store = _bake(tmp_path / "bake")
    path, plate = tmp_path / "look.pt", _plate(9, 61, 83)
    write_still(find_still(store, 3, None, None), path)
    np.save(tmp_path / "plate.npy", plate.numpy())
    expected = _expected(store, 3, plate, Setting(0.7))
    for python in pythons:
        command = [python, "-c", RUN, str(path), str(tmp_path / "plate.npy"), str(tmp_path / "made.npy")]
        ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert ran.returncode == 0, ran.stderr
        made = torch.from_numpy(np.load(tmp_path / "made.npy"))
        assert _apart(store, made[0, :3], expected) < 1e-4
        print(f"torch {ran.stdout.strip()}: {_apart(store, made[0, :3], expected):.1e}")


def test_the_template_is_what_torch_1_6_made() -> None:
    records = archive.read_records(archive.TEMPLATE)
    notes = archive.read_notes(records)
    assert notes["torch"] == "1.6.0"
    version = next(content for name, content in records.items() if name.endswith("/version"))
    assert int(version) <= 4  # what torch 1.6 reads
    text = archive.TEMPLATE.read_bytes()
    assert not any(word in text for word in (b"/tmp", b"/root", b"/home", b"debug_pkl"))


def test_the_template_is_scripted_from_the_source(tmp_path: Path) -> None:
    """By what both do: the text that TorchScript makes of a source differs from torch to torch."""
    from lookmatte.export.still import StillLook

    store = _bake(tmp_path / "bake", matrix=ACESCG)
    tensors = find_still(store, 1, None, None).tensors()
    source = torch.jit.script(StillLook())
    for name, buffer in source.named_buffers():
        buffer.copy_(torch.tensor(tensors[name]).view_as(buffer))
    template = _model(store, tmp_path, 1)
    assert {name for name, _ in template.named_buffers()} == set(tensors)
    for seed in range(3):
        plate = _plate(seed, 33, 21)
        assert torch.equal(source(plate), template(plate))


def test_records_are_aligned_and_equal_looks_make_equal_files(tmp_path: Path) -> None:
    store = _bake(tmp_path / "bake")
    still = find_still(store, 1, None, None)
    for name in ("a.pt", "b.pt"):
        write_still(still, tmp_path / name)
    data = (tmp_path / "a.pt").read_bytes()
    assert data == (tmp_path / "b.pt").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.pt") as opened:
        assert opened.testzip() is None
        for info in opened.infolist():
            assert info.compress_type == zipfile.ZIP_STORED
            name, extra = struct.unpack_from("<HH", data, info.header_offset + 26)
            start = info.header_offset + 30 + name + extra
            assert start % 64 == 0
            assert data[start : start + info.file_size] == opened.read(info)
    notes = archive.read_notes(archive.read_records(tmp_path / "a.pt"))
    assert (notes["frame"], notes["region"], notes["bake"]) == (1, "hero", "b")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda tensors: tensors.pop("b2"), "the tensors are"),
        (lambda tensors: tensors.update(more=[1.0]), "the tensors are"),
        (lambda tensors: tensors.update(b1=[0.0] * 15), "b1 holds 16 numbers, not 15"),
    ],
)
def test_numbers_that_do_not_fit_the_template(
    tmp_path: Path, change: Callable[[dict[str, Sequence[float]]], object], says: str
) -> None:
    tensors: dict[str, Sequence[float]] = dict(find_still(_bake(tmp_path / "bake"), 1, None, None).tensors())
    change(tensors)
    with pytest.raises(archive.ArchiveError, match=says):
        archive.filled(archive.read_records(archive.TEMPLATE), tensors, {})


def _combined(path: Path) -> torch.Tensor:
    """Colour of the example shot's frame: (3, rows, columns)."""
    channels = OpenEXR.File(str(path), separate_channels=True).parts[0].channels
    planes = [channels[f"ViewLayer.Combined.{name}"].pixels.astype(np.float32) for name in "RGB"]
    return torch.from_numpy(np.stack(planes))


def test_a_real_frame_is_that_of_apply(tmp_path: Path) -> None:
    """By the weights that ship. What apply writes is half, like the plate."""
    examples = Path(__file__).resolve().parents[2] / "examples"
    job = Job.from_mapping(
        {
            "plate": str(examples / "shot/plate.####.exr"), "frames": "1004", "output": "look.####.exr",
            "alpha": "ignore", "regions": {"rest": {"style": str(examples / "styles/blue_night.jpg")}},
        },
        base=tmp_path,
    )  # fmt: skip
    assert render(job, bake_dir=tmp_path / "bake").done == [1004]
    plate, expected = _combined(examples / "shot/plate.1004.exr"), _combined(tmp_path / "look.1004.exr")
    store = BakeStore.open(tmp_path / "bake")
    made = _model(store, tmp_path, 1004)(torch.cat([plate, torch.ones_like(plate[:1])])[None])
    assert float((encode(plate) - encode(expected)).abs().mean()) > 0.05
    assert _apart(store, made[0, :3], expected) < 1e-3


# The command


def test_the_command_writes_a_model_and_its_node(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = _bake(tmp_path / "bake")
    path = tmp_path / "out" / "look.pt"
    assert main(["export", str(store.folder), "--torchscript", str(path), "--frame", "3", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    jsonschema.validate(said, json.loads((Path(lookmatte.__file__).parent / "events.json").read_text()))
    assert said == {
        "event": "exported", "path": str(path), "node": str(path.with_suffix(".nk")), "region": "hero", "frame": 3,
    }  # fmt: skip
    golden = Path(__file__).with_name("look.nk").read_text(encoding="utf-8")
    assert path.with_suffix(".nk").read_text(encoding="utf-8").replace(str(path.parent), "FOLDER") == golden
    plate = _plate(1, 8, 8)
    expected = _expected(store, 3, plate, Setting())
    assert _apart(store, torch.jit.load(str(path))(plate)[0, :3], expected) < 1e-4
    assert sorted(one.name for one in path.parent.iterdir()) == ["look.nk", "look.pt"]

    assert main(["export", str(store.folder), "--torchscript", str(path), "--frame", "3"]) == 2
    assert "look.pt is there; use --overwrite" in capsys.readouterr().err
    again = ["export", str(store.folder), "--torchscript", str(path), "--frame", "5", "--overwrite"]
    assert main(again) == 0
    assert "hero, frame 5" in capsys.readouterr().out
    assert main([*again, "--quiet", "--exposure-limit", "0.1"]) == 0
    assert capsys.readouterr().out == ""
    limited = _expected(store, 5, plate, Setting(1.0, 0.1))
    assert _apart(store, torch.jit.load(str(path))(plate)[0, :3], limited) < 1e-4


def test_a_job_stands_for_the_bake_beside_it(tmp_path: Path) -> None:
    _bake(tmp_path / "shot.bake")
    made = ["export", str(tmp_path / "shot.yaml"), "--torchscript", str(tmp_path / "a.pt"), "--frame", "1"]
    assert main(made) == 0
    assert (tmp_path / "a.pt").is_file()


def test_of_several_shots_one_is_chosen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("sh010", "sh020"):
        _bake(tmp_path / "seq.bake" / name)
    words = ["export", str(tmp_path / "seq.yaml"), "--torchscript", str(tmp_path / "a.pt"), "--frame", "1"]
    assert main([*words, "--shot", "sh020"]) == 0
    assert (tmp_path / "a.pt").is_file()
    assert main([*words, "--overwrite"]) == 2
    assert "holds 2 shots (sh010, sh020); name one of them" in capsys.readouterr().err
    assert main([*words, "--overwrite", "--shot", "sh01"]) == 2
    assert "has no shot 'sh01'; nearest: sh010" in capsys.readouterr().err
    # A bake without shots is of none of them.
    _bake(tmp_path / "one.bake")
    words[1] = str(tmp_path / "one.bake")
    assert main([*words, "--overwrite", "--shot", "sh010"]) == 2
    assert "has no shots" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["BAKE", "--torchscript", "a.pt"], "--frame: name one; the bake has key frames 1,5"),
        (["BAKE", "--torchscript", "a.pt", "--frame", "x"], "must be one frame number, not 'x'"),
        (["BAKE", "--torchscript", "a.pth", "--frame", "1"], "a.pth must end in .pt"),
        (["BAKE", "--torchscript", "is.pt", "--frame", "1"], "is.pt is a folder"),
        (["BAKE", "--torchscript", "a%04d.pt", "--frame", "1"], "Nuke reads % in"),
        (["BAKE", "--torchscript", "a.pt", "--frame", "1", "--region", "her"], "'her' is not in the bake; nearest"),
        (["BAKE", "--torchscript", "a.pt", "--frame", "1", "--exposure-limit", "-1"], "number from 0 on, not '-1'"),
        (["BAKE", "--torchscript", "a.pt", "--frame", "1", "--exposure-limit", "nan"], "a number from 0 on"),
        (["BAKE", "--frame", "1"], "--torchscript"),
        (["none", "--torchscript", "a.pt", "--frame", "1"], "there is no bake here"),
        (["BAKE", "--torchscript", "file/a.pt", "--frame", "1"], "cannot be written"),
        (["BAKE", "--torchscript", "a.pt", "--frame", "6"], "--frame: 6 is not in the bake; it has 1-5"),
        (["BAKE", "--torchscript", "a.pt", "--frame", "-1"], "--frame: -1 is not in the bake; it has 1-5"),
        (["CUT", "--torchscript", "a.pt", "--frame", "3"], "has no key frame"),
        (["LACKING", "--torchscript", "a.pt", "--frame", "1"], "missing from the bake"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    _bake(tmp_path / "BAKE")
    cut = _bake(tmp_path / "CUT")
    cut.cuts = [2, 4]
    cut.save_index()
    next(_bake(tmp_path / "LACKING").folder.glob("*.grid.0001.exr")).unlink()
    (tmp_path / "is.pt").mkdir()
    (tmp_path / "file").write_text("")
    assert main(["export", *words]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1
    assert not list(tmp_path.glob("*.nk"))
    assert [one.name for one in tmp_path.glob("*.pt")] == ["is.pt"]


def test_several_regions_must_be_told_apart(tmp_path: Path) -> None:
    store = _bake(tmp_path / "bake")
    header = BakeHeader("b", "m", "", REC709, store.header.guide, (("hero", "pixel"), ("sky", "rest")), "frame", 4)
    both = BakeStore(tmp_path / "both", header)
    both.create()
    region = store.load(1).regions[0]
    other = RegionBake("sky", "rest", identity(), region.exposure)
    both.add(FrameBake(1, (region, other), store.header.guide), "")
    both.save_index()
    with pytest.raises(InputError, match="--region: the bake has several; there is: hero, sky"):
        find_still(both, 1, None, None)
    assert torch.equal(find_still(both, 1, "sky", None).grid, identity())
