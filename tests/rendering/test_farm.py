"""A shot on a farm, through the real engine: the same pixels as at home, whatever the chunks and the mounts."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import OpenEXR
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from openjd.model import decode_job_template
from shots import Nursery, Shot, environment, equal, make_shot

import lookmatte
from lookmatte.errors import FrameError
from lookmatte.farm.bundle import write_bundle
from lookmatte.farm.desk import Desk
from lookmatte.farm.template import Order
from lookmatte.farm.template import template as content_of

SCHEMA = json.loads((Path(lookmatte.__file__).parent / "events.json").read_text(encoding="utf-8"))
FRAMES = range(1001, 1011)
REGIONS = {
    "hero": {"cryptomatte": "hero", "style": "red.png", "strength": {1001: 0.5, 1010: 1}, "exposure_limit": 0.5},
    "sky": {"matte": "sky/sky.####.png", "style": {1001: "green.png", 1004: "blue.png"}},
}


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory, model_file: Path) -> Shot:
    """A shot with a cut inside, and a command that runs this tree. Tests take copies."""
    folder = tmp_path_factory.mktemp("field")
    made = make_shot(folder, model_file, FRAMES, cut=1007, size=(32, 24))
    command = folder / "lookmatte.sh"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m lookmatte.cli "$@"\n')
    command.chmod(0o755)
    return made


@pytest.fixture
def farm(field: Shot, tmp_path: Path) -> Shot:
    folder = tmp_path / "here"
    shutil.copytree(field.folder, folder)  # times of files too
    return Shot(folder, field.model, field.frames)


def engine(bundle: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a bundle's template whole: sessions, environments, steps in their order, chunks."""
    given = ["-p", f"Lookmatte={bundle.parent / 'lookmatte.sh'}"]
    return subprocess.run(
        [Path(sys.executable).with_name("openjd"), "run", bundle / "template.yaml", *given, *words],
        env=environment(), capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip


def rules(folder: Path, source: Path, destination: Path) -> list[str]:
    rule = {"source_path_format": "POSIX", "source_path": str(source), "destination_path": str(destination)}
    path = folder / "rules.json"
    path.write_text(json.dumps({"version": "pathmapping-1.0", "path_mapping_rules": [rule]}))
    return ["--path-mapping-rules", f"file://{path}"]


@pytest.mark.parametrize(
    ("temporal", "options", "parameters", "tasks"),
    [
        ({"mode": "coherent"}, ["--chunk", "4"], [], 4),
        ({"mode": "shot", "subsample": 4}, [], ["-p", "ChunkSize=1", "-p", "Frames=1010-1001:-3"], 5),
    ],
)
def test_what_an_engine_runs_is_a_render(
    farm: Shot,
    nursery: Nursery,
    tmp_path: Path,
    temporal: dict[str, Any],
    options: list[str],
    parameters: list[str],
    tasks: int,
) -> None:
    keys = {"regions": REGIONS, "temporal": temporal}
    job = farm.save_job(**keys)
    words = ["farm", job, "-o", farm.folder / "bundle", "--model", farm.model, "--json", *options]
    ran = nursery.run(*words)
    assert (ran.returncode, ran.stderr) == (0, "")
    event = json.loads(ran.stdout)
    jsonschema.validate(event, SCHEMA)
    if not parameters:
        assert event["tasks"] == tasks
    # The workers have it all mounted elsewhere.
    there = tmp_path / "there"
    farm.folder.rename(there)
    mapped = rules(tmp_path, farm.folder, there)
    if parameters:
        parameters = [*parameters, "-p", f"OutputFolder={there / 'other'}", "-p", f"BakeFolder={there / 'grids'}"]
    ran = engine(there / "bundle", *mapped, *parameters)
    assert ran.returncode == 0, ran.stdout
    assert f"Chunks run: {tasks}" in ran.stdout
    moved = Shot(there, farm.model, farm.frames)
    made = moved.written("other" if parameters else "out")
    moved.render("home", **keys)
    expected = moved.written("home")
    assert list(expected) == list(FRAMES)
    if parameters:
        expected = {frame: expected[frame] for frame in (1001, 1004, 1007, 1010)}
        assert (there / "grids/bake.json").is_file()
        assert not (there / "out").exists()
    assert equal(made, expected)
    assert not list(there.glob("**/*.tmp*"))


def test_a_frame_that_fails_is_its_tasks_failure_and_is_made_by_a_rerun(farm: Shot, nursery: Nursery) -> None:
    keys = {"regions": REGIONS, "temporal": {"mode": "frame"}, "frames": "1001-1010x2"}
    job = farm.save_job(**keys)
    bundle = farm.folder / "bundle"
    words = ["farm", job, "-o", bundle, "--model", farm.model, "--fixed-chunks", "--chunk", "3"]
    assert nursery.run(*words).returncode == 0
    plate = farm.plate(1003)
    whole = plate.read_bytes()
    plate.write_bytes(whole[:-2000])
    ran = engine(bundle)
    assert ran.returncode != 0
    assert "Frames(STRING) = 1001-1005:2" in ran.stdout
    assert f"openjd_fail: frame 1003: {plate}: " in ran.stdout
    assert "exited with code: 1 " in ran.stdout
    assert sorted(farm.written()) == [1001, 1005]

    plate.write_bytes(whole)
    words = [bundle / "job.yaml", "--bake", bundle / "bake", "--openjd"]
    alone = nursery.run("apply", *words, "--frames", "1001-1005:2")
    assert alone.returncode == 1
    assert "has no grids of its own; run lookmatte bake again" in alone.stderr
    again = engine(bundle)
    assert again.returncode == 0, again.stdout
    there = [f"frame {frame} is there already" in again.stdout for frame in (1001, 1003, 1005)]
    assert there == [True, False, True]
    farm.render("home", **keys)
    assert sorted(farm.written()) == [1001, 1003, 1005, 1007, 1009]
    assert equal(farm.written(), farm.written("home"))


def template(bundle: Path, *extensions: str) -> Any:
    content = yaml.safe_load((bundle / "template.yaml").read_text(encoding="utf-8"))
    return decode_job_template(template=content, supported_extensions=list(extensions))


def test_templates_are_valid_with_and_without_the_extension(farm: Shot, nursery: Nursery) -> None:
    shots = {
        "a {{b}}": {"plate": "plate/sh.####.exr", "output": "out/a.####.exr"},
        "sh010": {"plate": "plate/sh.####.exr", "output": "out/a.####.exr"},
        "sh020": {"plate": "sky/sky.####.png", "output": "out/b.####.exr", "frames": "1002,1005"},
    }
    path = farm.folder / "seq.yaml"
    path.write_text(json.dumps({"regions": {"rest": {"style": "red.png"}}, "shots": shots}))
    assert "'a {{b}}' must be" in nursery.run("farm", path, "-o", farm.folder / "x").stderr
    del shots["a {{b}}"]
    path.write_text(json.dumps({"regions": {"rest": {"style": "red.png"}}, "shots": shots}))
    out = farm.folder / "farm"
    ran = nursery.run("farm", path, "-o", out, "--json")
    assert (ran.returncode, ran.stderr) == (0, "")
    told = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [(one["shot"], one["frames"], one["tasks"]) for one in told] == [("sh010", 10, 2), ("sh020", 2, 2)]
    for shot in ("sh010", "sh020"):
        made = template(out / shot, "TASK_CHUNKING")
        assert [step.name for step in made.steps] == ["Bake", "Apply"]
    assert nursery.run("farm", path, "--shot", "sh020", "-o", out, "--fixed-chunks", "--chunk", "1").returncode == 0
    made = template(out / "sh020")
    assert made.steps[1].parameterSpace.taskParameterDefinitions[0].range == ["1002", "1005"]
    assets = yaml.safe_load((out / "sh010/asset_references.yaml").read_text())["assetReferences"]
    reads = [farm.folder / "red.png", *map(farm.plate, FRAMES)]
    assert sorted(assets["inputs"]["filenames"]) == sorted(map(str, reads))
    assert assets["outputs"]["directories"] == [str(farm.folder / "out")]


@given(st.text(max_size=150) | st.text("{} ax", max_size=150))
def test_whatever_a_job_is_called_its_template_is_valid(name: str) -> None:
    order = Order(f"lookmatte {name}", (1, 2))
    decode_job_template(template=content_of(order), supported_extensions=["TASK_CHUNKING"])


def test_a_hole_is_told_and_all_that_is_baked_is_sent_along(farm: Shot, nursery: Nursery) -> None:
    job = farm.save_job(regions={"rest": {"style": "red.png"}})
    farm.plate(1004).unlink()
    bundle = farm.folder / "bundle"
    ran = nursery.run("farm", job, "-o", bundle, "--frames", "1009-1010")
    plate = farm.folder / "plate/sh.####.exr"
    assert (ran.returncode, ran.stderr) == (
        0, f"warning: the sequence has holes: 1004 missing from {plate}, so the farm's job has none\n",
    )  # fmt: skip
    sent = yaml.safe_load((bundle / "asset_references.yaml").read_text())["assetReferences"]["inputs"]["filenames"]
    assert {str(farm.plate(frame)) for frame in FRAMES if frame != 1004} == {*sent} - {str(farm.folder / "red.png")}


def test_manifests_beside_the_plate_are_sent_along(farm: Shot, nursery: Nursery) -> None:
    names = []
    for frame in FRAMES:
        file = OpenEXR.File(str(farm.plate(frame)), separate_channels=True)
        (key,) = [key for key in file.parts[0].header if key.endswith("/manifest")]
        name = f"names.{frame}.json" if frame % 2 else "../secret.json"
        (farm.plate(frame).parent / name).write_text(file.parts[0].header.pop(key))
        file.parts[0].header[key.replace("/manifest", "/manif_file")] = name
        file.write(str(farm.plate(frame)))
        names += [str(farm.plate(frame).parent / name)] if frame % 2 else []
    for regions, sent in ((REGIONS, names), ({"rest": {"style": "red.png"}}, [])):
        bundle = farm.folder / f"bundle{bool(sent)}"
        assert nursery.run("farm", farm.save_job(regions=regions), "-o", bundle).returncode == 0
        assets = yaml.safe_load((bundle / "asset_references.yaml").read_text())["assetReferences"]
        there = [name for name in assets["inputs"]["filenames"] if name.endswith(".json")]
        assert there == sent


def test_what_cannot_go_to_a_farm_is_told_before_anything_is_written(farm: Shot, nursery: Nursery) -> None:
    job = farm.save_job(regions={"rest": {"style": "red.png"}})
    far = farm.save_job("far.yaml", regions={"rest": {"style": "red.png"}}, frames="1-2000")
    (farm.folder / "full").mkdir()
    (farm.folder / "full/notes.txt").write_text("mine")
    out = farm.folder / "farm"
    for words, said in (
        ([job, "-o", "full"], "-o: full holds other files (notes.txt); name an empty or a new folder"),
        ([job, "-o", "red.png"], "-o: red.png is a file"),
        ([job, "-o", out, "--frames", "1009-1012"], "--frames: 1011-1012 not in the job; it has 1001-1010"),
        ([far, "-o", out, "--fixed-chunks", "--chunk", "1"], "2000 chunks, and engines take 1024; write 2 or more"),
        ([job, "-o", out, "--model", "red.png"], "red.png: not a safetensors file"),
        ([job], "-o/--output"),
    ):
        ran = nursery.run("farm", *words, cwd=farm.folder)
        assert (ran.returncode, ran.stderr.count("\n")) == (2, 1)
        assert said in ran.stderr
        assert not out.exists()
    shutil.rmtree(farm.folder / "plate")
    assert "there is no folder" in nursery.run("farm", far, "-o", out).stderr
    assert nursery.run("farm", far, "-o", out, "--unchecked").returncode == 0
    assert "no frame is there yet; write `frames`" in nursery.run("farm", job, "-o", out, "--unchecked").stderr


def test_a_folder_whose_template_is_there_is_whole(farm: Shot, monkeypatch: pytest.MonkeyPatch) -> None:
    """So nobody submits the weights of a job, or half of them, with the template of another."""
    bundle, order = farm.folder / "farm", Order("seq", tuple(FRAMES), model=True)
    write_bundle(bundle, farm.job(), order, farm.model)
    weights = (bundle / "model.safetensors").read_bytes()

    def fill_the_disk(_: object, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))

    monkeypatch.setattr(shutil, "copyfile", fill_the_disk)
    with pytest.raises(FrameError, match=r"model\.safetensors: cannot be written \(the disk is full\)"):
        write_bundle(bundle, farm.job(), order, farm.model)
    assert not (bundle / "template.yaml").exists()
    assert (bundle / "model.safetensors").read_bytes() == weights


def test_without_a_session_of_its_own_a_task_uses_its_own_process(farm: Shot, nursery: Nursery) -> None:
    """Where no process can be kept the frames are made all the same."""
    session = farm.folder / "session"
    session.mkdir()
    (session / "lookmatte").write_text("in the way")
    job = farm.save_job(regions={"rest": {"style": "red.png"}}, frames="1001-1002")
    words = ["bake", job, "--model", farm.model, "--session", session]
    ran = nursery.run(*words)
    assert ran.returncode == 0
    assert "this task goes on in a process of its own" in ran.stderr
    assert "2 done, 0 skipped, 0 failed" in ran.stderr
    ran = nursery.run(*words, "--threads", "1")
    assert (ran.returncode, "--threads: the session's process has its own" in ran.stderr) == (2, True)
    assert not Desk(session).alive.exists()
