"""A job that runs again makes what is lacking or out of date, and nothing else."""

from __future__ import annotations

import errno
import json
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import OpenImageIO as oiio
import pytest
from shots import (
    KEY,
    LAYER,
    Nursery,
    Shot,
    Told,
    cryptomatte,
    equal,
    paint,
    write_exr,
    write_plate,
    write_style,
)

from lookmatte import rendering
from lookmatte.errors import FrameError, InputError
from lookmatte.imaging import patience
from lookmatte.imaging.exr_seal import has_its_pixels, is_sealed
from lookmatte.imaging.manifest import id_of
from lookmatte.imaging.reader import read_header
from lookmatte.rendering import RenderSummary
from lookmatte.rendering.store import BakeStore

Maker = Callable[..., Shot]
SMALL: dict[str, Any] = {"size": (32, 24), "objects": ("hero",)}


def bake_of(made: Shot) -> Path:
    (folder,) = (one for one in (made.folder / "out/.lookmatte").iterdir() if one.is_dir())
    return folder


def grids(made: Shot) -> dict[str, int]:
    """When each of the bake's pictures was written."""
    return {path.name: path.stat().st_mtime_ns for path in bake_of(made).glob("*.exr")}


def repaint(made: Shot, frame: int) -> None:
    picture = paint(*SMALL["size"], frame, background=True, seed=99)
    write_plate(made.plate(frame), picture)


def fresh(made: Shot, **keys: Any) -> dict[int, Any]:
    """What a render in one go, with a bake of its own, makes of the shot as it is now."""
    for name in ("fresh", "fresh-bake"):
        shutil.rmtree(made.folder / name, ignore_errors=True)
    made.render("fresh", options={"bake_dir": made.folder / "fresh-bake"}, **keys)
    return made.written("fresh")


def test_nothing_is_made_twice(shot: Maker) -> None:
    made = shot(range(1, 4), **SMALL)
    assert made.render() == RenderSummary(done=[1, 2, 3])
    before = grids(made), [made.output(frame).stat().st_mtime_ns for frame in made.frames]
    assert made.render() == RenderSummary(skipped=[1, 2, 3])
    assert before == (grids(made), [made.output(frame).stat().st_mtime_ns for frame in made.frames])
    assert made.render(options={"overwrite": True}).done == [1, 2, 3]
    assert grids(made) == before[0]


def test_a_lost_frame_alone_is_made_again(shot: Maker) -> None:
    made = shot(range(1, 4), **SMALL)
    made.render()
    before = made.written()
    made.output(2).unlink()
    assert made.render() == RenderSummary(done=[2], skipped=[1, 3])
    assert equal(before, made.written())


def test_another_strength_bakes_nothing(shot: Maker) -> None:
    made = shot(range(1, 4), **SMALL)
    made.render()
    before = grids(made)
    weaker = made.mapping()["regions"]
    weaker["hero"]["strength"] = 0.5
    assert made.render(regions=weaker).done == [1, 2, 3]
    limited = made.mapping()["regions"]
    limited["hero"]["exposure_limit"] = 0.25
    assert made.render(regions=limited).done == [1, 2, 3]
    assert grids(made) == before
    assert equal(made.written(), fresh(made, regions=limited))


def test_another_style_under_the_same_name_is_another_job(shot: Maker) -> None:
    made = shot(range(1, 3), **SMALL)
    made.render()
    before = made.written()
    write_style(made.folder / "red.png", (0.1, 0.8, 0.1))
    assert made.render().done == [1, 2]
    assert not equal(before, made.written())
    assert equal(made.written(), fresh(made))
    write_style(made.folder / "copy.png", (0.1, 0.8, 0.1))
    regions = made.mapping()["regions"]
    regions["hero"]["style"] = "copy.png"
    assert made.render(regions=regions).skipped == [1, 2]


@pytest.mark.parametrize(
    ("temporal", "expected"),
    [
        ({"mode": "frame"}, [4]),
        ({"mode": "coherent"}, [4, 5, 6, 7]),
        ({"mode": "coherent", "cuts": [6]}, [4, 5]),
        ({"mode": "frame", "subsample": 3}, [2, 3, 4, 5, 6]),
        ({"mode": "shot", "subsample": 3}, [2, 3, 4, 5, 6]),
    ],
)
def test_a_new_plate_frame_renews_what_depends_on_it(
    shot: Maker, temporal: dict[str, Any], expected: list[int]
) -> None:
    made = shot(range(1, 8), **SMALL)
    made.render(temporal=temporal)
    repaint(made, 4)
    # Smoothed statistics carry a frame on into all that follow, up to the next cut.
    assert made.render(temporal=temporal).done == expected
    assert equal(made.written(), fresh(made, temporal=temporal))


def test_a_new_frame_between_keys_renews_itself_alone(shot: Maker) -> None:
    made = shot(range(1, 8), **SMALL)
    temporal = {"mode": "coherent", "subsample": 3}
    made.render(temporal=temporal)
    before = grids(made)
    repaint(made, 3)
    assert made.render(temporal=temporal).done == [3]
    assert grids(made) == before
    assert equal(made.written(), fresh(made, temporal=temporal))


def test_a_shot_that_grows_goes_on_where_it_was(shot: Maker) -> None:
    made = shot(range(1, 8), **SMALL)
    for frame in (6, 7):
        made.plate(frame).rename(made.plate(frame).with_suffix(".later"))
    made.render()
    before = grids(made)
    for frame in (6, 7):
        made.plate(frame).with_suffix(".later").rename(made.plate(frame))
    assert made.render() == RenderSummary(done=[6, 7], skipped=[1, 2, 3, 4, 5])
    assert before.items() <= grids(made).items()
    assert equal(made.written(), fresh(made))


def test_the_frames_of_a_grown_shot_are_keys_of_one_history(shot: Maker) -> None:
    """The last frame is a key; once it is not the last it is none, and what was remembered with it is void."""
    made = shot(range(1, 9), **SMALL)
    temporal = {"mode": "coherent", "subsample": 3}
    made.render(frames="1-6", temporal=temporal)
    made.render(frames="1-8", temporal=temporal)
    assert equal(made.written(), fresh(made, frames="1-8", temporal=temporal))


def test_a_foreign_file_is_kept_unless_told(shot: Maker) -> None:
    made = shot(range(1, 4), **SMALL)
    for frame, data in ((1, b"not an image"), (2, made.plate(1).read_bytes())):
        made.output(frame).parent.mkdir(exist_ok=True)
        made.output(frame).write_bytes(data)
    told = Told()
    assert made.render(options={"progress": told}) == RenderSummary(done=[3], failed=[1, 2])
    assert made.output(1).read_bytes() == b"not an image"
    assert (
        told.failures[1] == f"{made.output(1)}: is there and was not made by lookmatte; use --overwrite, or move it"
    )
    assert made.render(options={"overwrite": True}).done == [1, 2, 3]
    assert equal(made.written(), fresh(made))


def edited(path: Path) -> None:
    """Another program opens a frame, paints on it and saves it under its name, with all its attributes."""
    picture = oiio.ImageBuf(str(path))
    oiio.ImageBufAlgo.fill(picture, (0.5,) * picture.nchannels, roi=oiio.ROI(2, 9, 2, 9, 0, 1, 0, 3))
    assert picture.write(str(path)), picture.geterror()


def test_a_frame_that_somebody_has_worked_on_is_kept_unless_told(shot: Maker) -> None:
    made = shot(range(1, 4), **SMALL)
    made.render()
    edited(made.output(2))
    attributes = read_header(made.output(2)).parts[0].attributes
    assert {"lookmatte:job", "lookmatte:bake", "lookmatte:model", "lookmatte:seal"} <= attributes.keys()
    painted = made.output(2).read_bytes()
    weaker = made.mapping()["regions"]
    weaker["hero"]["strength"] = 0.5
    # The frame that the same job made is the other's now, too: nobody may take it for what the job makes.
    for keys, others in (({}, "skipped"), ({"regions": weaker}, "done")):
        told = Told()
        summary = made.render(options={"progress": told}, **keys)
        assert (summary.failed, getattr(summary, others)) == ([2], [1, 3])
        assert made.output(2).read_bytes() == painted
        said = "is there and was changed since lookmatte made it; use --overwrite, or move it"
        assert told.failures == {2: f"{made.output(2)}: {said}"}
    assert made.render(options={"overwrite": True}, regions=weaker).done == [1, 2, 3]
    assert equal(made.written(), fresh(made, regions=weaker))


def test_where_pixels_are_stored_as_they_are_they_are_looked_at_before_a_frame_is_made_again(shot: Maker) -> None:
    """A program that changes such pixels, and nothing else, leaves header and table of chunks as they were."""
    made = shot(range(1, 4), **SMALL)
    for frame in made.frames:
        part = OpenEXR.File(str(made.plate(frame)), separate_channels=True).parts[0]
        planes = {name: channel.pixels for name, channel in part.channels.items()}
        cryptomatte = {key: value for key, value in part.header.items() if key.startswith("cryptomatte/")}
        write_exr(made.plate(frame), planes, {**cryptomatte, "compression": OpenEXR.NO_COMPRESSION})
    made.render()
    file = OpenEXR.File(str(made.output(2)), separate_channels=True)
    file.parts[0].channels["G"].pixels[3:6, 4:9] *= 0.5
    file.write(str(made.output(2)))
    assert is_sealed(made.output(2))
    assert [has_its_pixels(made.output(frame)) for frame in made.frames] == [True, False, True]
    painted = made.output(2).read_bytes()
    weaker = made.mapping()["regions"]
    weaker["hero"]["strength"] = 0.5
    assert made.render(regions=weaker) == RenderSummary(done=[1, 3], failed=[2])
    assert made.output(2).read_bytes() == painted
    # What was styled is a plate as well, and its own pixels are what counts then.
    assert made.render("again", plate="out/look.####.exr", frames="3").done == [3]
    assert has_its_pixels(made.output(3, "again"))


def test_a_frame_that_was_cut_off_is_made_again(shot: Maker) -> None:
    made = shot(range(1, 4), **SMALL)
    made.render()
    before = made.written()
    whole = made.output(2).read_bytes()
    made.output(2).write_bytes(whole[:-100])
    assert made.render() == RenderSummary(done=[2], skipped=[1, 3])
    assert equal(before, made.written())
    assert made.output(2).read_bytes() == whole


@pytest.mark.parametrize(
    ("temporal", "broken"),
    [
        ({"mode": "frame", "subsample": 2}, 3),
        ({"mode": "coherent"}, 1),
        ({"mode": "coherent"}, 3),
        ({"mode": "coherent"}, 5),
        ({"mode": "shot", "subsample": 2}, 1),
    ],
)
def test_a_frame_that_stays_broken_bakes_nothing_again(shot: Maker, temporal: dict[str, Any], broken: int) -> None:
    made = shot(range(1, 6), **SMALL)
    sound = made.plate(broken).read_bytes()
    made.plate(broken).write_bytes(sound[: len(sound) // 2])
    good = [frame for frame in made.frames if frame != broken]
    told = Told()
    assert made.render(options={"progress": told}, temporal=temporal) == RenderSummary(done=good, failed=[broken])
    assert "is not whole" in told.failures[broken]
    before = grids(made), bake_of(made).joinpath("state.safetensors").stat().st_mtime_ns
    again = Told()
    summary = made.render(options={"progress": again}, temporal=temporal)
    assert summary == RenderSummary(skipped=good, failed=[broken])
    assert again.failures == told.failures
    assert grids(made) == before[0]
    assert equal(made.written(), fresh(made, temporal=temporal))
    # Once it is whole, all is as if it had always been.
    made.plate(broken).write_bytes(sound)
    assert broken in made.render(temporal=temporal).done
    assert equal(made.written(), fresh(made, temporal=temporal))


def test_a_frame_that_fails_for_its_matte_fails_again_with_the_same_words(shot: Maker) -> None:
    made = shot(range(1, 5), **SMALL)
    regions = {"sky": {"matte": "sky/sky.####.png", "style": "green.png"}}
    (made.folder / "sky/sky.0002.png").unlink()
    first, second = Told(), Told()
    assert made.render(options={"progress": first}, regions=regions) == RenderSummary(done=[1, 3, 4], failed=[2])
    assert made.render(options={"progress": second}, regions=regions) == RenderSummary(
        skipped=[1, 3, 4], failed=[2]
    )
    assert first.failures == second.failures
    assert "sky.0002.png: there is no such matte file" in first.failures[2]


def test_a_bake_is_kept_and_on_demand_made_anew(shot: Maker) -> None:
    made = shot(range(1, 4), **SMALL)
    bake = made.folder / "grids"
    options: dict[str, Any] = {"stage": "bake", "bake_dir": bake}
    assert made.render(options=options).done == [1, 2, 3]
    times = {path.name: path.stat().st_mtime_ns for path in bake.glob("*.grid.*")}
    assert made.render(options=options) == RenderSummary(skipped=[1, 2, 3])
    assert times == {path.name: path.stat().st_mtime_ns for path in bake.glob("*.grid.*")}
    assert made.render(options={**options, "overwrite": True}).done == [1, 2, 3]
    assert all(times[path.name] != path.stat().st_mtime_ns for path in bake.glob("*.grid.*"))
    assert BakeStore.open(bake).complete


def test_a_folder_with_other_files_is_no_bake_folder(shot: Maker, nursery: Nursery) -> None:
    made = shot(range(1, 2), **SMALL)
    job = made.save_job()
    for content in ({"notes.txt": "mine"}, {"notes.txt": "mine", "bake.json": "{}"}):
        for name, text in content.items():
            (made.folder / "mine").mkdir(exist_ok=True)
            (made.folder / "mine" / name).write_text(text)
        ran = nursery.run("bake", job, "--bake", made.folder / "mine", "--model", made.model, cwd=made.folder)
        assert ran.returncode == 2
        assert ran.stderr == (
            f"lookmatte: error: {made.folder / 'mine'}: the bake's folder holds other files (notes.txt); "
            "name an empty or a new one\n"
        )
        for name, text in content.items():
            assert (made.folder / "mine" / name).read_text() == text


def test_a_damaged_bake_is_baked_again(shot: Maker) -> None:
    made = shot(range(1, 5), **SMALL)
    made.render()
    before = made.written()
    folder = bake_of(made)
    grid = folder / "00_hero.grid.0002.exr"
    grid.write_bytes(grid.read_bytes()[:-40])
    (folder / "bake.json").write_text("{half")
    for frame in made.frames:
        made.output(frame).unlink()
    assert made.render().done == [1, 2, 3, 4]
    assert equal(before, made.written())


def test_a_touched_plate_is_looked_at_again_and_found_the_same(shot: Maker) -> None:
    made = shot(range(1, 4), **SMALL)
    made.render(temporal={"mode": "frame"})
    before = made.written()
    os.utime(made.plate(2), (1, 1))
    assert made.render(temporal={"mode": "frame"}) == RenderSummary(done=[2], skipped=[1, 3])
    assert equal(before, made.written())


def test_a_frame_without_mattes_between_good_ones(shot: Maker) -> None:
    """A plate frame that lacks the cryptomatte fails alone, in words that name region and file."""
    made = shot(range(1, 4), **SMALL)
    picture = paint(*SMALL["size"], 1, background=True)
    write_exr(made.plate(2), {name: picture.rgb[..., i].astype(np.float16) for i, name in enumerate("RGB")})
    told = Told()
    assert made.render(options={"progress": told}) == RenderSummary(done=[1, 3], failed=[2])
    assert told.failures[2] == "region 'hero': sh.0002.exr: there is no cryptomatte in this file"


def test_the_order_of_regions_makes_nothing_again(shot: Maker) -> None:
    made = shot(range(1, 4), **SMALL)
    sky = {"matte": "sky/sky.####.png", "style": "green.png"}
    low = {"matte": "sky/sky.0001.png", "style": "red.png"}
    assert made.render(regions={"sky": sky, "low": low}).done == [1, 2, 3]
    assert made.render(regions={"low": low, "sky": sky}) == RenderSummary(skipped=[1, 2, 3])


def test_a_still_matte_that_is_replaced_on_the_way_is_not_taken_for_the_new_one(shot: Maker) -> None:
    """A frame that was made with the old one must not say of itself that it was made with the new one."""
    made = shot(range(1, 11), **SMALL)
    regions = {"sky": {"matte": "still.png", "style": "green.png", "blend": "pixel"}}
    shutil.copy(made.folder / "sky/sky.0001.png", made.folder / "still.png")

    class Replacing(Told):
        def frame_done(self, frame: int, path: Path | None, seconds: float) -> None:
            if frame == 1:
                shutil.copy(made.folder / "sky/sky.0010.png", made.folder / "still.new")
                os.replace(made.folder / "still.new", made.folder / "still.png")

    keys: dict[str, Any] = {"regions": regions, "temporal": {"mode": "frame"}}
    assert made.render(options={"progress": Replacing()}, **keys).failed == []
    again = made.render(**keys)
    assert 1 in again.done
    assert 10 in again.skipped
    assert equal(made.written(), fresh(made, **keys))


@pytest.mark.parametrize("temporal", [{"mode": "coherent"}, {"mode": "shot", "subsample": 2}])
def test_a_frame_that_breaks_in_an_unexpected_way_fails_alone_again(
    shot: Maker, monkeypatch: pytest.MonkeyPatch, temporal: dict[str, Any]
) -> None:
    """Whatever goes wrong with it, and whether it is looked at in its turn or before."""
    made = shot(range(1, 6), **SMALL)
    real = rendering.shot.Shot.proxy

    def proxy(self: rendering.shot.Shot, loaded: rendering.shot.LoadedFrame) -> Any:
        if loaded.number == 3:
            raise MemoryError
        return real(self, loaded)

    with monkeypatch.context() as patch:
        patch.setattr(rendering.shot.Shot, "proxy", proxy)
        first, second = Told(), Told()
        summary = made.render(options={"progress": first}, temporal=temporal)
        assert summary == RenderSummary(done=[1, 2, 4, 5], failed=[3])
        assert f"{made.plate(3)}: not enough memory for a frame of" in first.failures[3]
        summary = made.render(options={"progress": second}, temporal=temporal)
        assert summary == RenderSummary(skipped=[1, 2, 4, 5], failed=[3])
        assert first.failures == second.failures
    assert 3 in made.render(temporal=temporal).done
    assert equal(made.written(), fresh(made, temporal=temporal))


def test_an_old_bake_that_cannot_be_removed_for_a_moment_costs_no_frame(
    shot: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = shot(range(1, 4), **SMALL)
    made.render()
    repaint(made, 1)  # the history begins anew
    failing, lists = {"state.safetensors": 1, "listing": 0}, os.listdir
    unlink = Path.unlink

    def remove(self: Path, missing_ok: bool = False) -> None:
        if failing.get(self.name, 0):
            failing[self.name] -= 1
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(self))
        unlink(self, missing_ok)

    def listing(path: Any = ".") -> list[str]:
        if failing["listing"] and Path(path).name == "grids":
            failing["listing"] -= 1
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
        return lists(path)

    monkeypatch.setattr(patience, "WAITS", (0.0, 0.0))
    monkeypatch.setattr(Path, "unlink", remove)
    monkeypatch.setattr(os, "listdir", listing)
    assert made.render() == RenderSummary(done=[1, 2, 3])
    assert failing["state.safetensors"] == 0
    assert equal(made.written(), fresh(made))
    options: dict[str, Any] = {"stage": "bake", "bake_dir": made.folder / "grids", "overwrite": True}
    made.render(options=options)
    failing["listing"] = 2
    assert made.render(options=options).done == [1, 2, 3]
    failing["listing"] = 99
    with pytest.raises(InputError, match="the bake's folder cannot be"):
        made.render(options=options)


def test_a_manifest_beside_the_plate_is_one_of_its_files(shot: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    """A frame whose names nobody knew is not current when they are known, and nobody takes them for unknown who
    could not read them."""
    made = shot(range(1, 4), **SMALL)
    regions = {"hero": {"cryptomatte": "he*", "style": "red.png"}}
    named = {f"{KEY}/name": LAYER, f"{KEY}/conversion": "uint32_to_float32"}
    for frame in made.frames:
        picture = paint(*SMALL["size"], frame, background=True)
        channels = {name: picture.rgb[..., at] for at, name in enumerate("RGB")} | cryptomatte(picture.coverage)
        write_exr(made.plate(frame), channels, {**named, f"{KEY}/manif_file": f"names.{frame}.json"})
        (made.folder / f"plate/names.{frame}.json").write_text(json.dumps({"hero": f"{id_of('hero'):08x}"}))
    late = made.folder / "plate/names.2.json"
    late.rename(made.folder / "late.json")
    told = Told()
    assert made.render(regions=regions, options={"progress": told}).done == [1, 2, 3]
    assert "manifest names.2.json: there is no such file beside the EXR in frame 2" in told.warnings[0]
    (made.folder / "late.json").rename(late)
    assert 2 in made.render(regions=regions).done
    assert equal(made.written(), fresh(made, regions=regions))
    assert made.render(regions=regions) == RenderSummary(skipped=[1, 2, 3])

    def lost(self: Path, *rest: Any, **keys: Any) -> Any:
        if self.name == late.name:
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(self))
        return opened(self, *rest, **keys)

    opened = Path.open
    monkeypatch.setattr(patience, "WAITS", (0.0, 0.0))
    monkeypatch.setattr(Path, "open", lost)
    made.output(2).unlink()
    again = Told()
    summary = made.render(regions=regions, options={"progress": again, "overwrite": True})
    assert summary.failed == [2]
    assert again.failures[2].endswith("names.2.json: cannot be read (Input/output error)")
    assert not made.output(2).exists()


CONFIG = """ocio_profile_version: 2
name: house
roles: {{default: lin_rec709, scene_linear: lin_rec709}}
displays:
  screen:
    - !<View> {{name: Plain, colorspace: lin_rec709}}
colorspaces:
  - !<ColorSpace>
    name: lin_rec709
    isdata: false
  - !<ColorSpace>
    name: studio
    isdata: false
    to_scene_reference: !<MatrixTransform> {{matrix: [{red}, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]}}
"""


def test_another_colour_configuration_is_another_job(shot: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rerun on a machine of another studio must not leave half a shot in each of two colours."""
    made = shot(range(1, 3), **SMALL)
    paths = {}
    for name, red in (("ours", 0.5), ("copied", 0.5), ("theirs", 0.25)):
        paths[name] = made.folder / f"{name}.ocio"
        paths[name].write_text(CONFIG.format(red=red), encoding="utf-8")
    keys: dict[str, Any] = {"color": {"space": "studio"}}
    monkeypatch.setenv("OCIO", str(paths["ours"]))
    assert made.render(**keys).done == [1, 2]
    options: dict[str, Any] = {"bake_dir": made.folder / "bake"}
    made.render(options={**options, "stage": "bake"}, **keys)
    monkeypatch.setenv("OCIO", str(paths["copied"]))
    assert made.render(**keys) == RenderSummary(skipped=[1, 2])
    monkeypatch.setenv("OCIO", str(paths["theirs"]))
    with pytest.raises(InputError, match="made by another job, style or model"):
        made.render(options={**options, "stage": "apply"}, **keys)
    assert made.render(**keys).done == [1, 2]
    assert equal(made.written(), fresh(made, **keys))
    # Who asks nothing of it does not mind.
    made.render("plain")
    monkeypatch.delenv("OCIO")
    assert made.render("plain") == RenderSummary(skipped=[1, 2])


@pytest.mark.parametrize("mode", ["coherent", "frame"])
def test_a_cut_is_not_looked_for_in_frames_that_the_network_keeps_back(
    shot: Maker, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """It would be found where it is not, and for good: nothing of the bake would be out of date."""
    made = shot(range(1, 10), cut=6, **SMALL)
    temporal = {"mode": mode, "subsample": 4}
    real, failing = rendering.shot.Shot.load, True

    def load(self: rendering.shot.Shot, number: int, **keys: Any) -> rendering.shot.LoadedFrame:
        if failing and number == 6 and threading.current_thread() is threading.main_thread():
            try:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            except OSError as error:
                raise FrameError(f"{made.plate(6)}: cannot be read ({error.strerror})") from None
        return real(self, number, **keys)

    monkeypatch.setattr(rendering.shot.Shot, "load", load)
    told = Told()
    made.render(options={"progress": told}, temporal=temporal)
    assert told.failures[9] == f"{made.plate(6)}: cannot be read (Input/output error)"
    failing = False
    assert made.render(temporal=temporal).failed == []
    assert equal(made.written(), fresh(made, temporal=temporal))
