"""Job files with several shots, paths of other machines, and jobs written down again."""

from __future__ import annotations

import json
import os
import re
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openjd.sessions import PathFormat, PathMappingRule

import lookmatte
from lookmatte.errors import InputError
from lookmatte.job import (
    Channel,
    Color,
    Cryptomatte,
    Job,
    MatteFile,
    Region,
    Strength,
    Style,
    StyleRef,
    Temporal,
)
from lookmatte.jobfile import load_shots
from lookmatte.jobhash import bake_hash, job_hash, places_hash
from lookmatte.jobmapping import as_mapping
from lookmatte.jobtree import Node, Problems, Table, dump_yaml, parse_yaml
from lookmatte.pathmap import PathMap, Rule

Write = Callable[[str], Path]
LOOK = """\
color: {space: ACEScg}
regions: &day
  hero: &hero {cryptomatte: [hero], style: gold.jpg, strength: 0.5}
  rest: {style: gold.jpg}
"""
SHOTS = f"""{LOOK}
shots:
  sh010: {{plate: sh010/p.####.exr, output: out/sh010.####.exr, frames: 1001-1010}}
  sh020:
    plate: sh020/p.####.exr
    output: out/sh020.####.exr
    color: {{space: ACES2065-1}}
    regions: {{<<: *day, hero: {{<<: *hero, style: dusk.jpg}}}}
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    for name in ("gold.jpg", "dusk.jpg"):
        (tmp_path / name).write_bytes(b"picture")

    def written(text: str) -> Path:
        path = tmp_path / "seq.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return written


def complaint(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        load_shots(path)
    return str(caught.value)


# ---- shots --------------------------------------------------------------------------------------------------


def test_what_a_shot_says_goes_before_what_all_share(write: Write, tmp_path: Path) -> None:
    found = lookmatte.load_shots(write(SHOTS))
    assert list(found) == ["sh010", "sh020"]
    one, other = found.values()
    assert (one.plate, one.frames) == (str(tmp_path / "sh010/p.####.exr"), "1001-1010")
    assert (other.plate, other.frames) == (str(tmp_path / "sh020/p.####.exr"), None)
    assert (one.color.space, other.color.space) == ("ACEScg", "ACES2065-1")
    pictures = [[Path(region.style.pictures[0].image).name for region in job.everything] for job in (one, other)]
    assert pictures == [["gold.jpg", "gold.jpg"], ["dusk.jpg", "gold.jpg"]]
    assert [job.regions[0].strength_at(1) for job in (one, other)] == [0.5, 0.5]
    assert Job.load(tmp_path / "seq.yaml", "sh020") == other


def test_a_file_without_shots_is_one_under_its_own_name(write: Write) -> None:
    path = write(f"{LOOK}plate: p.####.exr\noutput: o.####.exr\n")
    assert lookmatte.load_shots(path) == {"seq": Job.load(path)}
    with pytest.raises(InputError, match=r"seq\.yaml has no shots, so none is called 'sh010'"):
        Job.load(path, "sh010")


def test_a_shot_is_asked_for_by_its_name(write: Write) -> None:
    path = write(SHOTS)
    with pytest.raises(InputError, match=r"seq\.yaml holds 2 shots \(sh010, sh020\); name one of them"):
        Job.load(path)
    with pytest.raises(InputError, match=r"seq\.yaml has no shot 'sh01'; nearest: sh010"):
        Job.load(path, "sh01")


TWO = LOOK + "shots:\n  a: {plate: p.####.exr, output: o.####.exr}\n  b: "
MISTAKES = [
    (TWO + "{plate: q.####.exr, output: x.####.exr, frame: 1-2}", ["seq.yaml:7: shots.b: unknown key 'frame'"]),
    (TWO + "{plate: q.####.exr}", ["seq.yaml:7: shots.b.output: is missing"]),
    (TWO + "{plate: q.####.exr, output: x.####.exr, alpha: on}", ["seq.yaml:7: shots.b.alpha: must be one of"]),
    (TWO + "{plate: q.####.exr, output: ./o.%04d.exr}", ["shots.b.output", "is the output of shot a too"]),
    (TWO + "{plate: q.####.exr, output: x.####.exr, shots: {}}", ["shots.b.shots: a shot has no shots"]),
    (TWO + "[1, 2]", ["seq.yaml:7: shots.b: must be a table"]),
    (LOOK + "shots: {}", ["shots: must be a table of shots"]),
    (LOOK + "shots: [a]", ["shots: must be a table of shots"]),
    (LOOK + "shots: {../a: {}}", ["shots: the name '../a' must be"]),
    (LOOK + "shots: {010: {}}", ["shots: the name 10 is not a text; put it in quotes"]),
    (LOOK + "shots: {a: {plate: a, output: b}, A: {plate: a, output: c}}", ["'A' differs from 'a' in case"]),
    (LOOK + "colour: {}\nshots: {a: {plate: a, output: b}}", ["seq.yaml:5: unknown key 'colour'; nearest: color"]),
    (LOOK + "plate: p.exr\noutput: o.exr\ntemporal: {<<: gold}", ["seq.yaml:7: << takes a table"]),
]


@pytest.mark.parametrize(("text", "expected"), MISTAKES)
def test_a_mistake_names_its_shot(write: Write, text: str, expected: list[str]) -> None:
    (line,) = complaint(write(text)).splitlines()
    for part in expected:
        assert part in line


def test_a_mistake_that_shots_share_is_told_once(write: Write) -> None:
    lines = complaint(write(SHOTS.replace("gold.jpg, strength: 0.5", "golf.jpg, strength: 5"))).splitlines()
    assert [line.split(": ")[:2] for line in lines] == [
        ["seq.yaml:3", "regions.hero.style"],
        ["seq.yaml:3", "regions.hero.strength"],
        ["seq.yaml:3", "shots.sh020.regions.hero.strength"],
    ]


def test_two_looks_of_one_plate_may_share_a_sequence_when_their_frames_differ(write: Write) -> None:
    both = "plate: p.####.exr, output: o.####.exr"
    apart = f"{LOOK}shots:\n  a: {{{both}, frames: 1-5}}\n  b: {{{both}, frames: 6-9}}\n"
    assert list(load_shots(write(apart))) == ["a", "b"]
    assert "is the output of shot a too" in complaint(write(apart.replace("6-9", "5-9")))
    assert "is the output of shot a too" in complaint(write(apart.replace(", frames: 6-9", "")))
    assert "is the output of shot a too" in complaint(write(apart.replace(", frames: 1-5", "")))
    many = apart.replace("1-5", "1-600000").replace("6-9", "600001-1200000")
    assert "shots.b.output: " in complaint(write(many))
    assert "would be more than 1,000,000 frames" in complaint(write(many))


def test_many_shots_of_many_frames_take_little_memory(write: Write) -> None:
    shots = "".join(f"  s{number}: {{plate: p.####.exr, output: o{number}.####.exr}}\n" for number in range(30))
    path = write(f"{LOOK}frames: 1-1000000\nshots:\n{shots}")
    tracemalloc.start()
    try:
        assert len(load_shots(path)) == 30
        assert tracemalloc.get_traced_memory()[1] < 10 << 20
    finally:
        tracemalloc.stop()


def test_shots_cannot_multiply_what_they_share(write: Write) -> None:
    """Three thousand lines would be two million regions."""
    regions = "".join(f"  r{number}: {{channel: a, style: gold.jpg}}\n" for number in range(1500))
    shots = "".join(f"  s{number}: {{plate: p.exr}}\n" for number in range(1500))
    said = complaint(write(f"output: o.exr\nregions:\n{regions}shots:\n{shots}"))
    assert re.fullmatch(r"seq\.yaml:\d+: shots: more than 1,000,000 values in all shots together; .*", said)


# ---- the merge key ------------------------------------------------------------------------------------------


def test_a_merge_brings_what_is_not_said_and_the_first_of_a_list_counts(write: Write) -> None:
    text = (
        "plate: p.####.exr\noutput: o.####.exr\nregions:\n"
        "  a: &a {channel: a.R, style: gold.jpg, strength: 0.1}\n"
        "  b: &b {<<: *a, strength: 0.2, exposure_limit: 3}\n"
        "  c: {<<: [*a, *b], channel: c.R}\n"
    )
    a, b, c = Job.load(write(text)).regions
    assert [one.source for one in (a, b, c)] == [Channel("a.R"), Channel("a.R"), Channel("c.R")]
    assert [one.strength_at(1) for one in (a, b, c)] == [0.1, 0.2, 0.1]
    assert [one.exposure_limit for one in (a, b, c)] == [None, 3.0, 3.0]


def test_a_merge_of_merges_cannot_explode(write: Write) -> None:
    rows = ["a0: &a0 {x: 1}"] + [f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 9)}]}}" for i in range(1, 9)]
    assert "more than 20000 values" in complaint(write("\n".join(rows)))


# ---- a job written down -------------------------------------------------------------------------------------

_frames = st.lists(st.integers(-9999, 9999), min_size=1, max_size=3, unique=True).map(sorted)
_words = st.text("abcdefgh ÄÖ#:'\"{}[]&*!?|>%@`,-_.0123456789", min_size=1, max_size=12).filter(
    lambda text: text.strip() == text
)
_ease = st.sampled_from(["linear", "smooth"])


@st.composite
def _jobs(draw: st.DrawFn) -> Job:
    picture = st.sampled_from(["/pictures/gold.jpg", "/pictures/ein Bild #1.jpg"])
    sources = st.one_of(
        st.builds(Cryptomatte, st.lists(_words, min_size=1, max_size=3).map(tuple), st.none() | _words),
        st.builds(Channel, _words),
        st.builds(MatteFile, _words.map(lambda name: f"/mattes/{name}.####.exr"), st.none() | _words),
    )

    def keyed(values: st.SearchStrategy[Any]) -> Any:
        return tuple((frame, draw(values)) for frame in draw(_frames))

    def region(name: str) -> Region:
        rest = name == "rest"
        source = None if rest else draw(sources)
        styles = keyed(st.builds(StyleRef, picture, st.none() | picture))
        strength = keyed(st.floats(0, 1))
        limit = draw(st.none() | st.floats(0, 8))
        blend = "grid" if rest else draw(st.sampled_from(["pixel", "grid"]))
        return Region(name, source, Style(styles, draw(_ease)), Strength(strength, draw(_ease)), limit, blend)

    names = draw(st.lists(st.sampled_from(["hero", "car", "door"]), unique=True))
    return Job(
        plate=f"/plates/{draw(_words)}.####.exr",
        output="/out/look.####.exr",
        regions=tuple(region(name) for name in names),
        rest=region("rest") if draw(st.booleans()) or not names else None,
        frames=draw(st.sampled_from([None, "1001-1010", "-5-20x3,40"])),
        color=Color(draw(st.none() | _words), draw(st.none() | _words)),
        alpha=draw(st.sampled_from(["premultiplied", "ignore"])),
        temporal=Temporal(
            draw(st.sampled_from(["frame", "coherent", "shot"])), draw(st.integers(1, 9)), tuple(draw(_frames))
        ),
        part=draw(st.none() | _words),
    )


@given(_jobs())
def test_a_job_written_down_is_the_same_job(job: Job) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("lookmatte.jobvalues.is_file", lambda path: path.parts[1] == "pictures")
        mapping = as_mapping(job)
        assert Job.from_mapping(mapping, "/elsewhere") == job
        assert Job.from_mapping(json.loads(json.dumps(mapping)), "/elsewhere") == job
        problems = Problems()
        written = parse_yaml(dump_yaml(mapping), problems)
        problems.raise_if_any()
        assert plain(written) == json.loads(json.dumps(mapping))


def plain(node: Node) -> Any:
    """A tree as JSON would hold it."""
    if isinstance(node.value, Table):
        return {str(key.value): plain(value) for key, value in node.value.entries}
    return [plain(one) for one in node.value] if isinstance(node.value, tuple) else node.value


@given(st.text(st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="\ufeff"), min_size=1))
def test_a_text_written_down_is_the_same_text(text: str) -> None:
    value = {"name": text, "names": [text]}
    assert plain(parse_yaml(dump_yaml(value), Problems())) == value


@pytest.mark.parametrize("text", ["1e3", "1.5E4", "on", "yes", "010", "1:30", "~", "null", ".inf", "<<", "0x1"])
def test_a_text_that_looks_like_something_else_stays_a_text(text: str) -> None:
    assert plain(parse_yaml(dump_yaml([text]), Problems())) == [text]


# ---- paths of other machines --------------------------------------------------------------------------------

_part = st.sampled_from(["shows", "Shows", "kite", "a b", "..", "p.####.exr", "K"])
_parts = st.lists(_part, max_size=5)


@st.composite
def _rules(draw: st.DrawFn) -> list[tuple[str, str, str]]:
    made = []
    for _ in range(draw(st.integers(0, 3))):
        posix = draw(st.booleans())
        source = "/" + "/".join(draw(_parts)) if posix else "S:\\" + "\\".join(draw(_parts))
        made.append(("POSIX" if posix else "WINDOWS", source, "/" + "/".join(draw(_parts))))
    return made


@given(_rules(), st.lists(_part, min_size=1, max_size=5), st.sampled_from(["/", "S:\\", "s:/", ""]))
def test_paths_are_mapped_as_open_job_description_does(
    rules: list[tuple[str, str, str]], parts: list[str], root: str
) -> None:
    path = root + ("\\" if "\\" in root else "/").join(parts)
    document = [
        {"source_path_format": kind, "source_path": source, "destination_path": to} for kind, source, to in rules
    ]
    expected = path
    theirs = [PathMappingRule.from_dict(rule) for rule in document]
    for rule in sorted(theirs, key=lambda rule: -len(rule.source_path.parts)):  # type: ignore[union-attr]
        fits, mapped = rule.apply(path=path)
        if fits:
            expected = mapped
            break
    formats = {"POSIX": PurePosixPath, "WINDOWS": PureWindowsPath}
    ours = PathMap(tuple(Rule(formats[kind](source), to) for kind, source, to in rules))
    assert ours(path) == expected
    assert {PathFormat.POSIX.value, PathFormat.WINDOWS.value} == set(formats)


def test_a_file_of_rules_maps_every_path_of_a_job(write: Write, tmp_path: Path) -> None:
    text = (
        "plate: 'S:\\shows\\p.####.exr'\noutput: S:/out/o.####.exr\nregions:\n"
        "  hero: {matte: {file: 'S:\\roto\\m.####.exr'}, style: {1: S:/gold.jpg, 2: {image: S:/dusk.jpg}}}\n"
        "  rest: {style: gold.jpg}\n"
    )
    rules = tmp_path / "rules.json"
    rule = {"source_path_format": "WINDOWS", "source_path": "s:\\", "destination_path": str(tmp_path)}
    rules.write_text(json.dumps({"version": "pathmapping-1.0", "path_mapping_rules": [rule]}))
    job = load_shots(write(text), PathMap.load(rules))[None]
    assert job.plate == str(tmp_path / "shows/p.####.exr")
    assert job.output == str(tmp_path / "out/o.####.exr")
    assert job.regions[0].source == MatteFile(str(tmp_path / "roto/m.####.exr"))
    pictures = [one.image for one in job.regions[0].style.pictures]
    assert pictures == [str(tmp_path / name) for name in ("gold.jpg", "dusk.jpg")]


@pytest.mark.skipif(os.name != "posix", reason="where such a path is one")
@pytest.mark.parametrize("plate", [r"S:\shows\p.####.exr", "s:/shows/p.####.exr", r"\\server\shows\p.####.exr"])
def test_a_path_of_windows_is_not_looked_for_beside_the_job(write: Write, plate: str) -> None:
    path = write(LOOK + f"plate: '{plate}'\noutput: o.####.exr\n")
    said = f"plate: {plate!r}: a path of Windows; --path-map turns those of a job into this machine's"
    assert said in complaint(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "cannot be read"),
        ("[1]", "no path mapping rules (a table with version and path_mapping_rules is needed)"),
        ('{"version": "pathmapping-1.0", "path_mapping_rules": [7]}', "(a rule must be a table)"),
        ('{"version": "pathmapping-2.0", "path_mapping_rules": []}', "version 'pathmapping-2.0'"),
        ('{"version": "pathmapping-1.0"}', "(there is no 'path_mapping_rules')"),
        ('{"version": "pathmapping-1.0", "path_mapping_rules": [{}]}', "(a rule has no 'source_path_format')"),
        (
            '{"version": "pathmapping-1.0", "path_mapping_rules": [{"source_path_format": "POSX", '
            '"source_path": "/", "destination_path": "/"}]}',
            "unknown source_path_format 'POSX'; nearest: POSIX",
        ),
    ],
)
def test_a_file_that_holds_no_rules_is_an_error(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "rules.json").write_text(text)
    with pytest.raises(InputError) as caught:
        PathMap.load(tmp_path / "rules.json")
    assert "rules.json" in str(caught.value)
    assert said in str(caught.value)


def test_no_rules_map_nothing(tmp_path: Path) -> None:
    (tmp_path / "rules.json").write_text("{}")
    assert PathMap.load(tmp_path / "rules.json")("/a/b") == "/a/b"


def test_a_shot_that_lies_elsewhere_is_the_same_job(write: Write) -> None:
    text = LOOK + "plate: here/p.####.exr\noutput: o.####.exr\n"
    job = Job.load(write(text.replace("cryptomatte: [hero]", "matte: roto/m.####.exr")))
    matte = job.regions[0]
    moved = replace(
        job, plate="/mnt/p.####.exr", regions=(replace(matte, source=MatteFile("/mnt/m.####.exr")),)
    )
    assert bake_hash(moved, "m") == bake_hash(job, "m")
    assert job_hash(moved, "m") == job_hash(job, "m")
    assert places_hash(moved) != places_hash(job)
