"""Bakes and frames from anywhere: no name in them becomes a path, and nothing in them is believed unseen."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save
from shots import KEY, LAYER, Shot, Told, cryptomatte, equal, manifest, paint, write_exr

from lookmatte.cli import main
from lookmatte.errors import InputError
from lookmatte.imaging.manifest import id_of
from lookmatte.imaging.sequence import Sequence
from lookmatte.imaging.writer import new_part, write_parts_to
from lookmatte.networks.tensorfile import digest
from lookmatte.rendering import RenderSummary
from lookmatte.rendering.times import path_of

Maker = Callable[..., Shot]
ESCAPES = [
    "../../escaped", "/tmp/lookmatte-escaped", "..", "a/b", "C:\\escaped", "\x1b[31mred", "x" * 200, "$HOME/escaped"
]  # fmt: skip


def bake(made: Shot) -> Path:
    folder = made.folder / "bake"
    made.render(options={"stage": "bake", "bake_dir": folder})
    return folder


def everything(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_names_in_frames_become_no_paths(shot: Maker, capsys: pytest.CaptureFixture[str]) -> None:
    """Objects, channels, layers, parts and a sidecar, all of them called like files elsewhere."""
    made = shot()
    beside = everything(made.folder.parent)
    for frame in made.frames:
        picture = paint(32, 24, frame, background=True)
        coverage = dict(zip(ESCAPES, [picture.coverage["hero"]] * 2, strict=False))
        header = manifest()
        header[f"{KEY}/manifest"] = json.dumps({name: f"{id_of(name):08x}" for name in ESCAPES})
        header[f"{KEY}/manif_file"] = "../../../../../etc/passwd"
        colour = {name: picture.rgb[..., at].astype(np.float16) for at, name in enumerate("RGB")}
        more = {f"{name}.R": picture.alpha.astype(np.float16) for name in ESCAPES if len(name) < 100}
        write_exr(made.plate(frame), {**colour, **cryptomatte(coverage), **more}, header)
    regions = {
        "hero": {"cryptomatte": ESCAPES[0], "layer": LAYER, "style": "red.png"},
        "sky": {"channel": "../../escaped.R", "style": "green.png"},
    }
    assert made.render(regions=regions).done == [1, 2, 3]
    assert main(["inspect", str(made.plate(1))]) == 0
    assert "\x1b" not in capsys.readouterr().out
    assert main(["preview", str(made.save_job(regions=regions)), "--model", str(made.model), "--quiet"]) == 0
    new = everything(made.folder.parent) - beside
    assert all(name.startswith(("shot/out", "shot/job.")) for name in new), new


def test_a_grid_of_another_size_is_refused_unread(shot: Maker) -> None:
    made = shot()
    folder = bake(made)
    grid = folder / "00_hero.grid.0002.exr"
    with open(grid, "rb") as file:
        whole = file.read()
    plane = np.zeros((4000, 4000), np.float32)
    write_parts_to([new_part(dict.fromkeys("RGBA", plane))], grid)
    told = Told()
    options = {"stage": "apply", "bake_dir": folder, "progress": told}
    assert made.render(options=options) == RenderSummary(done=[1, 3], failed=[2])
    assert told.failures[2].endswith("grid.0002.exr: is no picture of a bake; bake the job again")
    # A bit that turned on a disk, or that somebody turned.
    at = len(whole) - 500
    grid.write_bytes(whole[:at] + bytes([whole[at] ^ 64]) + whole[at + 1 :])
    assert made.render(options=options).failed == [2]
    grid.write_bytes(whole)
    assert made.render(options=options).done == [2]


def test_a_grid_whose_numbers_were_changed_is_refused(shot: Maker) -> None:
    """By a program that writes a sound file of them, with all attributes."""
    import OpenEXR

    made = shot()
    folder = bake(made)
    grid = folder / "00_hero.grid.0002.exr"
    part = OpenEXR.File(str(grid), separate_channels=True).parts[0]
    planes = {name: channel.pixels.copy() for name, channel in part.channels.items()}
    planes["A"] += 0.25
    OpenEXR.File(part.header, planes).write(str(grid))
    told = Told()
    summary = made.render(options={"stage": "apply", "bake_dir": folder, "progress": told})
    assert summary == RenderSummary(done=[1, 3], failed=[2])
    assert told.failures[2].endswith("damaged, it is not as it was baked; delete it and bake the job again")
    grid.unlink()
    assert made.render(options={"stage": "bake", "bake_dir": folder}).failed == []
    assert made.render(options={"stage": "apply", "bake_dir": folder}).done == [2]


@pytest.mark.parametrize("change", ["shape", "number", "name", "checksum", "metadata"])
def test_a_state_that_nobody_saved_is_not_gone_on_from(shot: Maker, change: str) -> None:
    made = shot()
    made.render("whole")
    folder = bake(made)
    path = folder / "state.safetensors"
    with safe_open(str(path), "pt") as file:
        said = json.loads(file.metadata()["lookmatte"])
        tensors = {name: file.get_tensor(name).clone() for name in list(file.keys())}
    if change == "shape":
        tensors["0.0/seen"] = torch.zeros(1, 4)
    elif change == "number":
        tensors["0.0/moments.mean"][0, 0] = float("nan")
    elif change == "name":
        tensors["../../x"] = torch.zeros(1)
    elif change == "metadata":
        said["survey"] = {"x": "y"}
    said["sha256"] = "0" * 64 if change == "checksum" else digest(tensors)
    path.write_bytes(save(tensors, metadata={"lookmatte": json.dumps(said)}))
    (folder / "00_hero.grid.0003.exr").unlink()
    told = Told()
    summary = made.render(options={"stage": "bake", "bake_dir": folder, "progress": told})
    assert (summary.done, summary.failed, told.failures) == ([1, 2, 3], [], {})
    assert made.render(options={"stage": "apply", "bake_dir": folder}).done == [1, 2, 3]
    assert equal(made.written(), made.written("whole"))


def test_links_in_a_bake_are_replaced_and_not_followed(shot: Maker) -> None:
    made = shot()
    folder = bake(made)
    precious = made.folder / "precious.exr"
    precious.write_bytes(b"mine")
    for name in ("bake.json", "state.safetensors", "00_hero.grid.0002.exr"):
        (folder / name).unlink()
        (folder / name).symlink_to(precious)
    assert made.render(options={"stage": "bake", "bake_dir": folder}).failed == []
    assert precious.read_bytes() == b"mine"
    assert not any(path.is_symlink() for path in folder.iterdir())
    times = path_of(Sequence.parse("out/look.####.exr", made.folder))
    times.parent.mkdir(parents=True, exist_ok=True)
    times.unlink(missing_ok=True)
    times.symlink_to(precious)
    assert made.render(options={"stage": "apply", "bake_dir": folder}).done == [1, 2, 3]
    assert precious.read_bytes() == b"mine"


@pytest.mark.parametrize("regions", [
    [], [{"name": "sky", "blend": "pixel"}], [{"name": "hero", "blend": "grid"}],
    [{"name": "../x", "blend": "pixel"}], [{"name": "hero", "blend": "pixel"}] * 2,
])  # fmt: skip
def test_an_index_of_other_regions_is_not_applied(shot: Maker, regions: list[dict[str, str]]) -> None:
    made = shot()
    folder = bake(made)
    data: dict[str, Any] = json.loads((folder / "bake.json").read_text())
    data["regions"] = regions
    (folder / "bake.json").write_text(json.dumps(data))
    with pytest.raises(InputError, match="bake"):
        made.render(options={"stage": "apply", "bake_dir": folder})


def test_a_job_from_anywhere_runs_nothing_and_reads_no_more_than_it_must(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = tmp_path / "trace"
    jobs = {
        "tag.yaml": f"plate: !!python/object/apply:os.system ['touch {trace}']\n",
        "new.yaml": f"plate: !!python/object/new:os.system ['touch {trace}']\n",
        "laughs.yaml": "a: &a [x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
        "deep.yaml": "[" * 100_000,
        "deep.json": '{"plate":' * 100_000,
        "long.yaml": "plate: " + "x" * 2_000_000,
        "self.yaml": "plate: &a {b: *a}\n",
        "many.yaml": "\n".join(f"k{number}: v" for number in range(60_000)),
        "shell.yaml": f"plate: $(touch {trace})/a.####.exr\noutput: '`touch {trace}`'\nregions: {{}}\n",
    }
    for name, text in jobs.items():
        (tmp_path / name).write_text(text)
        assert main(["render", str(tmp_path / name)]) == 2, name
        said = capsys.readouterr().err
        assert "Traceback" not in said
        assert len(said) < 12_000, name
        assert all(line.startswith("lookmatte: error: ") for line in said.splitlines())
    assert not trace.exists()
    assert set(os.listdir(tmp_path)) == set(jobs)
