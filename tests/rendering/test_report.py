"""The report: what is wrong with a rendered shot stands on it, and nothing else."""

from __future__ import annotations

import errno
import json
import os
import re
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import OpenEXR
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shots import Nursery, Shot

from lookmatte.imaging.picture import jpeg_bytes, read_picture
from lookmatte.imaging.sequence import Sequence
from lookmatte.progress import Silent
from lookmatte.rendering.times import STAGES, Times, path_of, recall
from lookmatte.reporting.charts import Axis, Line, chart, strip
from lookmatte.reporting.judge import GAIN, JUMP, flicker, judge
from lookmatte.reporting.measures import FrameMeasures, Inspector, RegionMeasures
from lookmatte.reporting.page import page
from lookmatte.reporting.report import Report
from lookmatte.reporting.section import LEAST, PICTURED, SHEET
from lookmatte.reporting.survey import Survey

SMALL = jpeg_bytes(np.zeros((4, 6, 3), np.uint8))


def frame(number: int, look: float, plate: float = 0.5, **counts: int) -> FrameMeasures:
    """A frame of one region whose mean is grey."""
    region = RegionMeasures(1.0, (plate, plate, plate), (look, look, look))
    known = {"broken": 0, "clipped": 0, "crushed": 0, **counts}
    path = Path(f"/x/{number}.exr")
    return FrameMeasures(number, path, {"hero": region}, 10_000, doubts=(), before=SMALL, after=SMALL, **known)


def edit(path: Path, change: Callable[[np.ndarray], None]) -> None:
    """Change the colour of an EXR, and nothing else."""
    file = OpenEXR.File(str(path), separate_channels=True)
    for name in "RGB":
        change(file.parts[0].channels[name].pixels)
    file.write(str(path))


# What is judged


def test_a_calm_shot_has_nothing_to_complain_of() -> None:
    assert judge([frame(n, 0.3 + 0.01 * n) for n in range(20)], {}) == []


@given(at=st.integers(1, 18), jump=st.floats(JUMP * 1.01, 0.5))
def test_a_single_jump_is_found_once_and_where_it_is(at: int, jump: float) -> None:
    shot = [frame(n, 0.3 + (jump if n == at else 0.0)) for n in range(20)]
    (found,) = judge(shot, {})
    assert (found.frame, found.severity) == (at, "look")


@given(st.lists(st.floats(0.0, 1.0), min_size=3, max_size=30), st.floats(0.0, GAIN))
def test_a_look_that_only_follows_its_plate_is_never_complained_of(plate: list[float], gain: float) -> None:
    assert judge([frame(n, gain * value, value) for n, value in enumerate(plate)], {}) == []


def test_flicker_leaves_out_frames_without_their_neighbours() -> None:
    shot = [frame(n, 0.3) for n in (1, 2, 3, 5, 6)]
    assert [number for number, _, _ in flicker(shot, "hero")] == [2]
    assert flicker(shot, "nobody") == []


def test_what_is_worse_comes_first() -> None:
    found = judge([frame(2, 0.3, broken=3, clipped=500)], {1: "not rendered"})
    assert [(one.frame, one.severity) for one in found] == [(1, "bad"), (2, "bad"), (2, "look")]
    assert "3 pixels NaN" in found[1].text


def test_frames_that_took_far_longer_are_named() -> None:
    seconds = {n: {"read": 0.1, "write": 0.4} for n in range(10)} | {4: {"read": 0.1, "write": 9.0}}
    (found,) = judge([frame(n, 0.3) for n in range(10)], {}, seconds)
    assert (found.frame, found.text) == (4, "took 9.1 s, 18 times as long as usual")


# What is measured, through the real command


def test_every_fault_of_a_shot_stands_on_its_page(made: Shot, nursery: Nursery) -> None:
    job = made.save_job()
    assert nursery.run("render", job, "--model", made.model, "--quiet").returncode == 0
    good = nursery.run("report", job, "--json")
    assert good.returncode == 0
    last = json.loads(good.stdout.splitlines()[-1])
    assert (last["event"], last["bad"], last["frames"]) == ("report", [], 5)
    assert "finding" not in good.stdout

    def break_some(pixels: np.ndarray) -> None:
        pixels[3:5, 4] = np.nan
        pixels[0, 0] = np.inf

    made.output(1).unlink()
    edit(made.output(2), break_some)
    edit(made.output(4), lambda pixels: np.multiply(pixels, 2.0, out=pixels))
    made.plate(5).touch()
    ran = nursery.run("report", job, "--json")
    assert ran.returncode == 1
    assert ran.stderr == ""
    events = [json.loads(line) for line in ran.stdout.splitlines()]
    said = {(one["frame"], one["severity"]): one["message"] for one in events if one["event"] == "finding"}
    assert said[1, "bad"] == f"{made.output(1)}: not rendered"
    assert said[2, "bad"] == "3 pixels NaN or infinite that the plate has not"
    assert "jumps by" in said[4, "look"]
    changed = "another program has changed this file since lookmatte made it"
    assert said[4, "bad"] == f"{changed}; keep it, or render with --overwrite"
    assert said[5, "bad"] == "the plate or a matte has changed since it was made; render it again"
    assert 3 not in {number for number, _ in said}
    assert events[-1]["bad"] == [1, 2, 4, 5]
    html = (made.folder / "job.report.html").read_text(encoding="utf-8")
    assert "4 of 5 frames are bad (1-2,4-5)" in html
    assert "http" not in html.replace("http://www.w3.org", "")
    anchors = set(re.findall(r'id="(f-?\d+)"', html))
    assert {target for target in re.findall(r'href="#(f-?\d+)"', html)} <= anchors
    assert made.output(4).as_uri() in html


def test_holes_of_the_plate_stand_in_the_verdict(made: Shot, nursery: Nursery) -> None:
    made.plate(3).unlink()
    job = made.save_job()
    assert nursery.run("render", job, "--model", made.model, "--quiet").returncode == 0
    ran = nursery.run("report", job, "--quiet")
    verdict = "4 frames, nothing to complain of; the plate has holes (3)"
    assert (ran.returncode, ran.stdout.splitlines()[1:]) == (0, [verdict])
    assert ran.stderr == f"warning: the sequence has holes: 3 missing from {made.folder}/plate/sh.####.exr\n"
    html = (made.folder / "job.report.html").read_text(encoding="utf-8")
    assert f'<p class="verdict worse">{verdict}</p>' in html
    named = made.save_job(frames="1-5")
    ran = nursery.run("report", named, "--quiet")
    assert (ran.returncode, ran.stdout.splitlines()[1:]) == (1, ["1 of 5 frames is bad (3)"])


def test_another_job_and_a_foreign_file_are_told_apart(made: Shot, nursery: Nursery) -> None:
    job = made.save_job()
    assert nursery.run("render", job, "--model", made.model, "--quiet").returncode == 0
    edit(made.output(3), lambda pixels: None)
    made.output(2).write_bytes(made.plate(2).read_bytes())
    made.save_job(regions={"hero": {"cryptomatte": "hero", "style": "red.png", "strength": 0.5}})
    ran = nursery.run("report", job, "--frames", "2-3", "-o", made.folder / "pages/one.html", "--quiet")
    assert ran.returncode == 1
    html = (made.folder / "pages/one.html").read_text(encoding="utf-8")
    assert "lookmatte did not make this file" in html
    assert "made by other settings than the job has now" in html


def test_means_are_those_of_the_regions(made: Shot) -> None:
    made.render()
    found = Inspector(made.job()).measure(2)
    assert set(found.regions) == {"whole frame", "hero", "car"}
    hero = found.regions["hero"]
    assert 0.0 < hero.share < 0.5
    assert hero.look[0] - hero.look[2] > hero.plate[0] - hero.plate[2], "the red style made nothing redder"
    for picture in (found.before, found.after):
        (made.folder / "small.jpg").write_bytes(picture)
        assert read_picture(made.folder / "small.jpg").rgb.shape == (192, 256, 3)
    assert (found.broken, found.clipped, found.doubts) == (0, 0, ())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("report", "job.yaml"), "look.####.exr: no frame is there; run lookmatte render first"),
        (("report", "job.yaml", "-o", "page.txt"), "page.txt must end in .html"),
        (("report", "job.yaml", "-o", "job.yaml/page.html"), "job.yaml is a file; a folder is needed there"),
        (("report", "plate.exr"), "plate.exr is no job file"),
    ],
)
def test_what_cannot_be_reported_is_one_line(
    made: Shot, nursery: Nursery, words: tuple[str, ...], said: str
) -> None:
    made.save_job()
    ran = nursery.run(*words, cwd=made.folder)
    assert ran.returncode == 2
    (line,) = ran.stderr.splitlines()
    assert said in line


def test_what_is_no_frame_of_the_job_is_bad_however_many_there_are(made: Shot, nursery: Nursery) -> None:
    """Nothing of the output can be read, or it is of something else: the page says so of every frame."""
    job = made.save_job()
    made.output(1).parent.mkdir()
    for number in made.frames:
        made.output(number).write_bytes(b"no picture")
    ran = nursery.run("report", job, "--json")
    assert (ran.returncode, ran.stderr) == (1, "")
    assert json.loads(ran.stdout.splitlines()[-1])["bad"] == list(made.frames)
    for number in made.frames:
        file = OpenEXR.File(str(made.plate(number)), separate_channels=True)
        kept = {name: file.parts[0].channels[name].pixels for name in "RGB"}
        OpenEXR.File({"type": OpenEXR.scanlineimage}, kept).write(str(made.output(number)))
    ran = nursery.run("report", job, "--json")
    assert ran.returncode == 1
    said = [event["message"] for event in map(json.loads, ran.stdout.splitlines()) if event["event"] == "finding"]
    assert len(said) == len(made.frames)
    assert all("is no frame of this job" in one for one in said)


# Of several shots


def save_batch(made: Shot) -> Path:
    """``day``, ``late`` and ``none``: the same plate into three outputs."""
    shared = made.mapping()
    shots = {name: {"output": f"{name}/look.####.exr"} for name in ("day", "late", "none")}
    path = made.folder / "seq.yaml"
    path.write_text(json.dumps({**{key: shared[key] for key in shared if key != "output"}, "shots": shots}))
    return path


def test_shots_share_a_page_and_the_worst_come_first(made: Shot, nursery: Nursery) -> None:
    job = save_batch(made)
    before = nursery.run("report", job)
    assert before.returncode == 2
    assert [line.split(": ")[2] for line in before.stderr.splitlines()] == ["shot day", "shot late", "shot none"]
    chosen = ["--shot", "day", "--shot", "late"]
    assert nursery.run("render", job, "--model", made.model, "--quiet", *chosen).returncode == 0
    (made.folder / "late/look.0004.exr").unlink()
    assert nursery.run("report", job, "--shot", "day", "--quiet").returncode == 0
    assert "<h1>seq day</h1>" in (made.folder / "seq.day.report.html").read_text(encoding="utf-8")
    ran = nursery.run("report", job, "--json")
    assert ran.returncode == 1
    events = [json.loads(line) for line in ran.stdout.splitlines()]
    bad = {one["shot"]: one["bad"] for one in events if one["event"] == "report"}
    assert bad == {"day": [], "late": [4], "none": list(made.frames)}
    html = (made.folder / "seq.report.html").read_text(encoding="utf-8")
    assert "2 of 3 shots have bad frames (6 bad frames)" in html
    assert re.findall(r'id="s\dtop">(\w+)<', html) == ["late", "none", "day"]
    marks = re.findall(r'id="(\w+)"', html)
    assert len(marks) == len(set(marks))
    assert set(re.findall(r'href="#([^"]+)"', html)) <= set(marks)
    # Frames that are said the same of are one line.
    assert "<b>1-5</b> not rendered" in html


@settings(max_examples=25)
@given(
    count=st.integers(0, 3 * SHEET),
    bad=st.sets(st.integers(0, 3 * SHEET), max_size=2 * PICTURED),
    lost=st.sets(st.integers(0, 3 * SHEET), max_size=40),
    shots=st.integers(1, 40),
)
def test_a_page_stays_small_and_every_frame_leads_somewhere(
    count: int, bad: set[int], lost: set[int], shots: int
) -> None:
    there = [frame(number, 0.3, broken=int(number in bad)) for number in range(count) if number not in lost]
    gone = {number: f"/x/a.{number:04d}.exr: not rendered" for number in lost if number < count}
    files = Sequence.parse("/x/a.####.exr", Path())
    report = Report("one", files, range(count), there, judge(there, gone), {})
    html = page("job", [report] * shots)
    marks = re.findall(r'id="(\w+)"', html)
    assert len(marks) == len(set(marks))
    led = re.findall(r'href="#(\w+)" title', html)
    assert set(led) <= set(marks)
    assert len(led) == shots * count * (2 if shots > 1 else 1)
    assert html.count("<img") <= shots * (2 * PICTURED + max(SHEET // shots, LEAST))


# How long it took


def test_a_report_says_where_there_is_no_room(made: Shot, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its small pictures pass through a folder for temporary files."""
    made.render()

    def fill_the_disk(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/tmp/lookmatte0815")

    monkeypatch.setattr(tempfile, "TemporaryDirectory", fill_the_disk)
    report = Survey(made.job()).report(Silent())
    assert {one.text for one in report.findings} == {"/tmp/lookmatte0815: No space left on device"}
    assert report.bad == list(made.frames)


def test_a_run_notes_its_stages(made: Shot) -> None:
    made.render()
    noted = recall(Sequence.parse(str(made.folder / "out/look.####.exr"), Path()))
    assert sorted(noted) == list(made.frames)
    assert all(set(stages) == set(STAGES) for stages in noted.values())
    assert all(seconds >= 0.0 for stages in noted.values() for seconds in stages.values())


@given(st.lists(st.binary(max_size=60), max_size=8))
def test_damaged_times_are_passed_over(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]) -> None:
    sequence = Sequence.parse(str(tmp_path_factory.mktemp("times") / "a.####.exr"), Path())
    Times(sequence).note(7, {"read": 0.5, "write": 1.0})
    path = path_of(sequence)
    path.write_bytes(b"\n".join([*lines, b"", path.read_bytes()]))
    assert recall(sequence)[7] == {"read": 0.5, "write": 1.0}


def test_times_that_cannot_be_kept_fail_nothing(tmp_path: Path) -> None:
    (tmp_path / ".lookmatte").write_text("a file in the folder's place")
    sequence = Sequence.parse(str(tmp_path / "a.####.exr"), Path())
    Times(sequence).note(7, {"read": 0.5})
    assert recall(sequence) == {}


# How it is drawn


class _Checker(HTMLParser):
    """Counts tags that are opened and not closed."""

    EMPTY = ("meta", "img", "rect", "path", "!doctype")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.EMPTY:
            assert self.open.pop() == tag


@given(
    st.dictionaries(st.integers(-5, 5000), st.floats(0.0, 1e6), max_size=20),
    st.dictionaries(st.integers(-5, 5000), st.floats(0.0, 1e6), max_size=20),
    st.text(max_size=8),
)
def test_charts_are_drawings_whatever_the_numbers(
    one: dict[int, float], other: dict[int, float], name: str
) -> None:
    axis = Axis(sorted({*one, *other}))
    printable = "".join(sign for sign in name if sign.isprintable())
    ET.fromstring(chart(axis, [Line(one, "#123456"), Line(other, "#654321")], sorted(one), printable))
    ET.fromstring(strip(axis, [(printable, {number: "#000000" for number in one})]))


def test_names_from_files_cannot_write_the_page(made: Shot) -> None:
    evil = RegionMeasures(1.0, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    one = FrameMeasures(1, Path("/x/<b>.exr"), {"<script>alert(1)</script>": evil}, 10, 0, 0, 0, (), SMALL, SMALL)
    files = Sequence.parse("/x/&<.####.exr", Path())
    shot = Report("<b>", files, [1, 2], [one], judge([one], {2: "<img src=x>"}), {})
    html = page("<i>", [shot, shot])
    assert "<script" not in html
    assert "<img src=x>" not in html
    checker = _Checker()
    checker.feed(html)
    assert checker.open == ["html"]
