"""The job file: what it means, and that every mistake in it is named in one line."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lookmatte.errors import InputError
from lookmatte.job import Channel, Cryptomatte, Job, MatteFile, Strength, Style, StyleRef, span
from lookmatte.jobhash import bake_hash, job_hash
from lookmatte.jobpaths import check_paths, expand

EXAMPLE = """\
plate: plates/sh010.####.exr
frames: 1001-1048            # also 1001-1100x2; default: all on disk
output: out/sh010_look.####.exr
color: {space: ACEScg}                # view: optional
regions:
  hero: {cryptomatte: ["chr_*", "hero sword"], layer: object, style: styles/gold.jpg,
         strength: {1001: 0, 1012: 0.8}, exposure_limit: 2}
  car:  {matte: roto/car.####.exr, style: styles/teal.exr, blend: grid}
  sky:  {channel: mask_sky.R, style: {1001: styles/day.jpg, 1048: styles/dusk.jpg, ease: smooth}}
  door: {cryptomatte: [door], style: {image: refs/street.png, matte: refs/street_door.png}}
  rest: {style: styles/night.jpg}
temporal: {mode: coherent, subsample: 4}
"""
PICTURES = (
    "styles/gold.jpg", "styles/teal.exr", "styles/day.jpg", "styles/dusk.jpg", "styles/night.jpg",
    "refs/street.png", "refs/street_door.png",
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in PICTURES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


def load(folder: Path, text: str) -> Job:
    (folder / "job.yaml").write_text(text, encoding="utf-8")
    return Job.load(folder / "job.yaml")


def complaint(folder: Path, text: str) -> str:
    with pytest.raises(InputError) as caught:
        load(folder, text)
    return str(caught.value)


def with_region(text: str) -> str:
    return f"plate: p.####.exr\noutput: o.####.exr\nregions:\n  hero: {text}\n"


def test_the_documented_example_loads(folder: Path) -> None:
    job = load(folder, EXAMPLE)
    assert job.plate == str(folder / "plates/sh010.####.exr")
    assert job.frames == "1001-1048"
    assert job.color.space == "ACEScg"
    assert job.alpha == "premultiplied"
    hero, car, sky, door = job.regions
    assert hero.source == Cryptomatte(("chr_*", "hero sword"), "object")
    assert (hero.blend, hero.exposure_limit) == ("pixel", 2.0)
    assert car.source == MatteFile(str(folder / "roto/car.####.exr"))
    assert car.blend == "grid"
    assert sky.source == Channel("mask_sky.R")
    assert sky.blend == "pixel"
    assert door.style.pictures == (StyleRef(str(folder / "refs/street.png"), str(folder / "refs/street_door.png")),)
    assert job.rest is not None
    assert job.rest.source is None
    assert job.everything == (hero, car, sky, door, job.rest)
    assert (job.temporal.mode, job.temporal.subsample) == ("coherent", 4)


def test_the_documents_show_the_example_that_is_tested() -> None:
    text = (Path(__file__).parent.parent / "docs/td.md").read_text(encoding="utf-8")
    block = text.split("```yaml\n")[1].split("```")[0]
    plain = [" ".join(line.split("#  ")[0].split("  #")[0].split()) for line in EXAMPLE.splitlines()]
    assert [" ".join(line.split()) for line in block.splitlines()] == plain


def test_a_mapping_means_the_same_as_the_file(folder: Path) -> None:
    mapping = {
        "plate": Path("p.####.exr"),
        "output": "o.####.exr",
        "regions": {"hero": {"cryptomatte": "door", "style": {"1001": "styles/day.jpg", 1010: "styles/gold.jpg"}}},
        "temporal": {"cuts": [1005, 1003, 1005]},
    }
    text = (
        "plate: p.####.exr\noutput: o.####.exr\ntemporal: {cuts: [1003, 1005]}\n"
        "regions: {hero: {cryptomatte: [door], style: {1010: styles/gold.jpg, 1001: styles/day.jpg}}}\n"
    )
    assert Job.from_mapping(mapping, folder) == load(folder, text)


def test_a_json_job_loads(folder: Path) -> None:
    region = '{"channel": "m.R", "style": "styles/gold.jpg", "strength": {"0010": 0, "20": 1}}'
    job = load(folder, f'{{"plate": "p.####.exr", "output": "o.####.exr", "regions": {{"hero": {region}}}}}')
    assert job.regions[0].strength.keys == ((10, 0.0), (20, 1.0))


# ---- time ---------------------------------------------------------------------------------------------------


def test_strength_is_exact_on_keys_linear_between_and_held_outside() -> None:
    strength = Strength(((1001, 0.0), (1012, 0.8)))
    assert [strength.at(f) for f in (1, 1001, 1012, 5000)] == [0.0, 0.0, 0.8, 0.8]
    assert strength.at(1006.5) == pytest.approx(0.4)
    assert replace(strength, ease="smooth").at(1001 + 11 * 0.25) == pytest.approx(0.8 * (3 / 16 - 2 / 64))


def test_styles_mix_between_neighbouring_keys() -> None:
    style = Style(tuple((frame, StyleRef(str(frame))) for frame in (10, 20, 40)))
    assert style.mix_at(5) == (0, 0, 0.0)
    assert style.mix_at(20) == (1, 1, 0.0)
    assert style.mix_at(25) == (1, 2, 0.25)
    assert style.mix_at(41) == (2, 2, 0.0)


@given(
    st.lists(st.integers(-1000, 1000), min_size=1, max_size=8, unique=True).map(sorted),
    st.integers(-2000, 2000),
    st.sampled_from(["linear", "smooth"]),
)
def test_a_span_brackets_its_frame(keys: list[int], frame: int, ease: str) -> None:
    before, after, t = span(tuple(keys), frame, ease)  # type: ignore[arg-type]
    assert 0.0 <= t < 1.0
    if keys[0] <= frame <= keys[-1]:
        assert keys[before] <= frame <= keys[after]
        assert after - before == (0 if frame in keys else 1)
    else:
        assert before == after == (0 if frame < keys[0] else len(keys) - 1)
        assert t == 0.0


# ---- mistakes -----------------------------------------------------------------------------------------------

STYLE = "style: styles/gold.jpg"
MISTAKES = [
    (with_region("{cryptomatte: [a], stile: styles/gold.jpg}"), ["job.yaml:4", "unknown key 'stile'", "style"]),
    (with_region("{cryptomatte: [a]}"), ["regions.hero", "has no style"]),
    (with_region("{style: styles/gold.jpg}"), ["no matte", "cryptomatte, matte, channel"]),
    (with_region(f"{{cryptomatte: [a], channel: b.R, {STYLE}}}"), ["2 mattes (cryptomatte, channel)"]),
    (with_region(f"{{cryptomatte: [], {STYLE}}}"), ["regions.hero.cryptomatte", "empty list"]),
    (with_region(f"{{cryptomatte: [10], {STYLE}}}"), ["must be a name as text", "10", "quotes"]),
    (with_region(f"{{channel: m.R, layer: object, {STYLE}}}"), ["regions.hero.layer", "belongs to cryptomatte"]),
    (with_region("{channel: m.R, style: styles/golf.jpg}"), ["hero.style", "golf.jpg", "nearest: gold.jpg"]),
    (with_region("{channel: m.R, style: stiles/gold.jpg}"), ["no folder", "nearest: styles"]),
    (with_region("{channel: m.R, style: styles}"), ["regions.hero.style", "is a folder"]),
    (with_region("{channel: m.R, style: }"), ["regions.hero.style", "empty"]),
    (with_region("{channel: m.R, style: {}}"), ["regions.hero.style", "has no keyframe"]),
    (with_region("{channel: m.R, style: {imgae: styles/gold.jpg}}"), ["regions.hero.style", "'imgae'"]),
    (with_region("{channel: m.R, style: {matte: styles/gold.jpg}}"), ["regions.hero.style", "has no image"]),
    (with_region(f"{{channel: m.R, {STYLE}, strength: 1.5}}"), ["strength", "from 0 to 1", "1.5"]),
    (with_region(f"{{channel: m.R, {STYLE}, strength: -0.1}}"), ["strength", "from 0 to 1", "-0.1"]),
    (with_region(f"{{channel: m.R, {STYLE}, strength: .nan}}"), ["strength", "from 0 to 1", "nan"]),
    (with_region(f"{{channel: m.R, {STYLE}, strength: .inf}}"), ["strength", "from 0 to 1", "inf"]),
    (with_region(f"{{channel: m.R, {STYLE}, strength: true}}"), ["strength", "from 0 to 1", "not true"]),
    (with_region(f"{{channel: m.R, {STYLE}, strength: on}}"), ["strength", "from 0 to 1", "the text 'on'"]),
    (with_region(f"{{channel: m.R, {STYLE}, strength: '0.5'}}"), ["strength", "the text '0.5'"]),
    (with_region(f"{{channel: m.R, {STYLE}, strength: 1:30}}"), ["strength", "the text '1:30'"]),
    (with_region(f"{{channel: m.R, {STYLE}, strength: {{1.5: 1}}}}"), ["strength", "1.5 is no frame"]),
    (with_region(f"{{channel: m.R, {STYLE}, strength: {{1: 1, esae: linear}}}}"), ["'esae'", "nearest: ease"]),
    (with_region(f"{{channel: m.R, {STYLE}, strength: {{1: 1, '1': 0}}}}"), ["frame 1 stands there twice"]),
    (with_region(f"{{channel: m.R, {STYLE}, strength: {{1: 1, ease: cubic}}}}"), ["linear, smooth", "'cubic'"]),
    (with_region(f"{{channel: m.R, {STYLE}, exposure_limit: -1}}"), ["exposure_limit", "-1"]),
    (with_region(f"{{channel: m.R, {STYLE}, exposure_limit: .inf}}"), ["exposure_limit", "inf"]),
    (with_region(f"{{channel: m.R, {STYLE}, blend: pixle}}"), ["blend", "pixel, grid", "'pixle'"]),
    (with_region(f"{{matte: {{channel: R}}, {STYLE}}}"), ["regions.hero.matte", "has no file"]),
    (with_region(f"{{matte: $NO_SUCH_VARIABLE/a.exr, {STYLE}}}"), ["matte", "$NO_SUCH_VARIABLE", "not set"]),
    (with_region("styles/gold.jpg"), ["regions.hero", "must be a table"]),
    (with_region(f"{{channel: m.R, {STYLE}}}\n  hero: {{}}"), ["job.yaml:5", "duplicate key 'hero'", "line 4"]),
    (with_region(f"{{channel: m.R, {STYLE}}}\n  Hero: {{channel: m.R, {STYLE}}}"), ["'Hero'", "case alone"]),
    (with_region(f"{{channel: m.R, {STYLE}}}\n  ../x: {{channel: m.R, {STYLE}}}"), ["'../x'", "must not"]),
    (with_region(f"{{channel: m.R, {STYLE}}}\n  rest: {{blend: grid, {STYLE}}}"), ["regions.rest", "'blend'"]),
    (with_region(f"{{channel: m.R, {STYLE}}}\ncolour: {{}}"), ["job.yaml:5", "'colour'", "nearest: color"]),
    (with_region(f"{{channel: m.R, {STYLE}}}\ncolor: ACEScg"), ["color", "must be a table", "'ACEScg'"]),
    (with_region(f"{{channel: m.R, {STYLE}}}\nalpha: straight"), ["alpha", "premultiplied, ignore", "'straight'"]),
    (with_region(f"{{channel: m.R, {STYLE}}}\ntemporal: {{subsample: 0}}"), ["temporal.subsample", "not 0"]),
    (with_region(f"{{channel: m.R, {STYLE}}}\ntemporal: {{subsample: 2.5}}"), ["temporal.subsample", "not 2.5"]),
    (with_region(f"{{channel: m.R, {STYLE}}}\ntemporal: {{subsample: yes}}"), ["temporal.subsample", "'yes'"]),
    (with_region(f"{{channel: m.R, {STYLE}}}\ntemporal: {{mode: shots}}"), ["mode", "frame, coherent, shot"]),
    (with_region(f"{{channel: m.R, {STYLE}}}\ntemporal: {{cuts: 5}}"), ["temporal.cuts", "a list"]),
    (with_region(f"{{channel: m.R, {STYLE}}}\nframes: true"), ["frames", "not true"]),
    (with_region(f"{{channel: m.R, {STYLE}}}\nframes: ten"), ["job.yaml:5", "frames", "ten"]),
    ("plate: p.####.exr\noutput: o.####.exr\n", ["regions: is missing"]),
    ("plate: p.####.exr\noutput: o.####.exr\nregions: {}\n", ["regions: is empty"]),
    ("plate: ####.exr\noutput: o.####.exr\nregions: {}\n", ["job.yaml:1: plate", "empty", "quotes"]),
    ("plate: @@@@.exr\n", ["job.yaml:1", "not valid YAML", "quotes"]),
    ("", ["job.yaml", "empty"]),
    ("- plate\n", ["must be a table of keys"]),
    ("plate: a\n---\nplate: b\n", ["job.yaml:2", "not valid YAML", "one document, without a line ---"]),
    ("!!python/object/apply:os.system [echo]\n", ["tag", "not allowed"]),
    ("plate: !!int x\n", ["'x' is not a value of type int"]),
    ("&a [*a]\n", ["more than 20 levels"]),
    ("[" * 5000, ["more than 20 levels"]),
    ('plate: "\\0"\n', ["control character"]),
    ("plate: a\0b\n", ["not valid YAML"]),
    ('a: "\\UFFFFFFFF"\n', ["not valid YAML"]),
]


@pytest.mark.parametrize(("text", "expected"), MISTAKES)
def test_a_mistake_is_named(folder: Path, text: str, expected: list[str]) -> None:
    message = complaint(folder, text)
    for part in expected:
        assert part in message
    for line in message.splitlines():
        assert line.startswith("job.yaml")


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(folder: Path) -> None:
    text = (
        "plate: p.####.exr\nbogus: 1\nregions:\n"
        "  a: {channel: m.R, style: styles/nine.jpg, strength: 2}\n"
        "  b: {style: styles/gold.jpg}\n"
    )
    lines = complaint(folder, text).splitlines()
    starts = [line.split(": ")[:2] for line in lines]
    assert starts == [
        ["job.yaml:1", "output"],
        ["job.yaml:2", "unknown key 'bogus'; there is"],
        ["job.yaml:4", "regions.a.style"],
        ["job.yaml:4", "regions.a.strength"],
        ["job.yaml:5", "regions.b"],
    ]


def test_aliases_share_settings_and_cannot_explode(folder: Path) -> None:
    job = load(folder, with_region("{channel: a.R, style: &s styles/gold.jpg}\n  car: {channel: b.R, style: *s}"))
    assert job.regions[0].style == job.regions[1].style
    rows = ["a0: &a0 [x, x]"] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 9)]
    assert "more than 20000 values" in complaint(folder, "\n".join(rows))
    # Each of these is short, and what it stands for would be read to its end.
    long = f"a: &a {'x' * 300_000}\nb: [{', '.join(['*a'] * 10)}]"
    assert "more than 20000 values" in complaint(folder, long)


def test_yaml_1_2_reads_texts_as_texts_and_frames_as_decimal(folder: Path) -> None:
    job = load(
        folder, with_region("{cryptomatte: [on, yes, 1:30], style: styles/gold.jpg, strength: {0010: 0, 0011: 1}}")
    )
    assert job.regions[0].source == Cryptomatte(("on", "yes", "1:30"))
    assert job.regions[0].strength.keys == ((10, 0.0), (11, 1.0))


def test_a_file_that_is_no_job_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_bytes(b"plate: a\nx: \xff\xfe")
    with pytest.raises(InputError, match=r"job\.yaml:2: not UTF-8"):
        Job.load(tmp_path / "job.yaml")
    (tmp_path / "job.yaml").write_bytes(b" " * (1 << 21))
    with pytest.raises(InputError, match="more than 1048576 bytes"):
        Job.load(tmp_path / "job.yaml")
    with pytest.raises(InputError, match=r"no file .*jop\.yaml; nearest: job\.yaml"):
        Job.load(tmp_path / "jop.yaml")
    with pytest.raises(InputError, match="cannot be read"):
        Job.load(tmp_path)
    with pytest.raises(InputError, match="no file"):
        Job.load(tmp_path / "job.yaml" / "x.yaml")
    with pytest.raises(InputError, match="cannot be read"):
        Job.load("a\0b.yaml")


def test_a_mapping_of_odd_values_is_an_error(tmp_path: Path) -> None:
    endless: list[object] = []
    endless.append(endless)
    for mapping in ({"plate": object()}, {"plate": endless}, {"regions": {3: {}}}, [], None, {"plate": math.nan}):
        with pytest.raises(InputError):
            Job.from_mapping(mapping, tmp_path)  # type: ignore[arg-type]
    for key in ("frames", "exposure_limit", "strength"):
        rest = {"style": "gold.jpg", **({} if key == "frames" else {key: 10**5000})}
        mapping = {"plate": "p.exr", "output": "o.exr", "regions": {"rest": rest}}
        with pytest.raises(InputError, match="a number of more than 300 digits is too long"):
            Job.from_mapping({**mapping, "frames": 10**5000 if key == "frames" else "1"}, tmp_path)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from(["styles/gold.jpg", "1-5", "linear", "a.####.exr", "$F4", "${X", "~", "~zz/x",
         "\ud800", "a\u2028b"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["plate", "output", "frames", "regions", "rest", "hero", "style", "image", "matte", "file", "channel",
             "cryptomatte", "layer", "strength", "ease", "blend", "exposure_limit", "color", "space", "temporal",
             "mode", "subsample", "cuts", "alpha"]
        ) | st.integers(-5, 2000) | st.text(max_size=4) | st.none() | st.booleans(),
        inner, max_size=6,
    ),
    max_leaves=25,
)  # fmt: skip
FRAGMENTS = st.lists(
    st.sampled_from(
        ["plate", "regions", "hero", "style", "strength", ": ", "\n", "  ", "- ", "{", "}", "[", "]", ",", "&a ",
         "*a", "!!int ", "!x ", "? ", "| ", "> ", "<<", "%YAML 1.2", "---", "...", "#", "'", '"', "\\", "\\u", "\t",
         "0x1F", "1e999", ".nan", "~", "@", "`", "\u2028", "\x85", "\ufeff", "1:30", "\U0001f600"]
    ) | st.text(max_size=3),
    max_size=40,
).map("".join)  # fmt: skip
FUZZ = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


def job_or_mistakes(make: Callable[[], Job]) -> Job | list[str]:
    """A job with at least one region, or the lines of its InputError; any other exception escapes."""
    try:
        job = make()
    except InputError as error:
        lines = str(error).split("\n")
    else:
        assert job.everything
        return job
    assert all(line and line.isprintable() for line in lines)
    return lines


def fuzz(folder: Path, data: bytes) -> None:
    (folder / "job.yaml").write_bytes(data)
    outcome = job_or_mistakes(lambda: Job.load(folder / "job.yaml"))
    assert isinstance(outcome, Job) or all(line.startswith("job.yaml") for line in outcome)


@FUZZ
@given(FRAGMENTS)
def test_any_text_is_a_job_or_a_named_mistake(folder: Path, text: str) -> None:
    fuzz(folder, text.encode("utf-8", "replace"))


@FUZZ
@given(st.binary(max_size=80))
def test_any_bytes_are_a_job_or_a_named_mistake(folder: Path, data: bytes) -> None:
    fuzz(folder, data)


@FUZZ
@given(st.dictionaries(st.sampled_from(["plate", "output", "frames", "color", "temporal", "alpha"]), PLAIN),
       st.dictionaries(st.sampled_from(["hero", "rest"]) | st.text(max_size=3), PLAIN))  # fmt: skip
def test_any_structure_is_a_job_or_a_named_mistake(
    folder: Path, top: dict[str, object], regions: dict[str, object]
) -> None:
    mapping = {"plate": "p.exr", "output": "o.exr", **top, "regions": regions}
    outcome = job_or_mistakes(lambda: Job.from_mapping(mapping, folder))
    if isinstance(outcome, Job):
        assert all(0.0 <= region.strength_at(1001) <= 1.0 for region in outcome.everything)


# ---- paths --------------------------------------------------------------------------------------------------


def test_variables_and_home_expand_and_paddings_stay(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SHOW", "/shows/kite")
    monkeypatch.setenv("HOME", "/home/td")
    assert expand("$SHOW/a.$F4.exr", tmp_path, pattern=True) == "/shows/kite/a.$F4.exr"
    assert expand("${SHOW}/a.$F.exr", tmp_path, pattern=True) == "/shows/kite/a.$F.exr"
    assert expand("~/a.exr", tmp_path, pattern=True) == "/home/td/a.exr"
    assert expand("../b.%04d.exr", tmp_path, pattern=True) == f"{tmp_path}/../b.%04d.exr"
    assert expand("cost_$5.png", tmp_path, pattern=False) == f"{tmp_path}/cost_$5.png"
    with pytest.raises(ValueError, match=r"\$F4 is not set"):
        expand("a.$F4.png", tmp_path, pattern=False)
    with pytest.raises(ValueError, match=r"\$SHOWS is not set; nearest: SHOW"):
        expand("$SHOWS/a.exr", tmp_path, pattern=True)


def on_disk(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def test_a_job_whose_files_are_there_passes(folder: Path) -> None:
    on_disk(folder, "plates/sh010.1001.exr", "plates/sh010.1002.exr", "roto/car.1001.exr")
    check_paths(load(folder, EXAMPLE))


def test_missing_plates_and_mattes_are_named_with_the_nearest(folder: Path) -> None:
    on_disk(folder, "plates/sh011.1001.exr", "rot/car.1001.exr")
    with pytest.raises(InputError) as caught:
        check_paths(load(folder, EXAMPLE))
    plate, matte = str(caught.value).splitlines()
    assert plate.startswith("plate: ")
    assert "sh011.####.exr" in plate
    assert matte.startswith("regions.car.matte: ")
    assert matte.endswith("nearest: rot")


def test_frames_that_are_not_there_at_all_are_a_mistake(folder: Path) -> None:
    on_disk(folder, "plates/sh010.0007.exr", "roto/car.1001.exr")
    with pytest.raises(InputError, match="frames: none of 1001-1048 is on disk; the plate has 7"):
        check_paths(load(folder, EXAMPLE))


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("plates/sh010.####.exr", "is an input"),
        ("plates/../plates/./SH010.%04d.exr", "is an input"),
        ("linked/sh010.@@@@.exr", "is an input"),
        ("roto/car.####.exr", "is an input"),
        ("out/o.exr", "no padding for 2 frames"),
        ("out/o.####.png", "must end in .exr"),
        ("styles/gold.jpg/o.####.exr", "is a file"),
    ],
)
def test_an_output_that_cannot_be_is_a_mistake(folder: Path, output: str, expected: str) -> None:
    on_disk(folder, "plates/sh010.1001.exr", "plates/sh010.1002.exr", "roto/car.1001.exr")
    (folder / "linked").symlink_to(folder / "plates")
    job = load(folder, EXAMPLE.replace("out/sh010_look.####.exr", output))
    with pytest.raises(InputError) as caught:
        check_paths(job)
    (line,) = str(caught.value).splitlines()
    assert line.startswith("output: ")
    assert expected in line


# ---- checksums ----------------------------------------------------------------------------------------------


def test_checksums_tell_a_new_look_from_a_new_strength(folder: Path) -> None:
    job = load(folder, EXAMPLE)
    hero = job.regions[0]
    stronger = replace(job, regions=(replace(hero, strength=Strength(((0, 0.3),))), *job.regions[1:]))
    bounded = replace(job, regions=(replace(hero, exposure_limit=None), *job.regions[1:]))
    for other in (stronger, bounded):
        assert bake_hash(other, "m") == bake_hash(job, "m")
        assert job_hash(other, "m") != job_hash(job, "m")
    elsewhere = replace(job, frames="1-2", output="/o.####.exr", regions=job.regions[::-1])
    assert bake_hash(elsewhere, "m") == bake_hash(job, "m")
    assert job_hash(elsewhere, "m") == job_hash(job, "m")
    (folder / "copy.jpg").write_bytes((folder / "styles/gold.jpg").read_bytes())
    copy = Style(((0, StyleRef(str(folder / "copy.jpg"))),))
    copied = replace(job, regions=(replace(hero, style=copy), *job.regions[1:]))
    assert bake_hash(copied, "m") == bake_hash(job, "m")
    for other, model in (
        (job, "n"),
        (replace(job, rest=None), "m"),
        (replace(job, alpha="ignore"), "m"),
        (replace(job, plate="/other.####.exr"), "m"),
        (replace(job, temporal=replace(job.temporal, subsample=2)), "m"),
        (replace(job, regions=(replace(hero, blend="grid"), *job.regions[1:])), "m"),
        (replace(job, regions=(replace(hero, source=Channel("x")), *job.regions[1:])), "m"),
    ):
        assert bake_hash(other, model) != bake_hash(job, "m")
    before = bake_hash(job, "m")
    (folder / "styles/gold.jpg").write_bytes(b"another picture")
    assert bake_hash(job, "m") != before


def test_checksums_are_the_same_in_every_process(folder: Path) -> None:
    job = load(folder, EXAMPLE)
    script = (
        "import sys; from lookmatte.job import Job; from lookmatte.jobhash import job_hash;"
        "print(job_hash(Job.load(sys.argv[1]), 'm'))"
    )
    for seed in ("1", "2"):
        ran = subprocess.run(
            [sys.executable, "-c", script, str(folder / "job.yaml")],
            env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert ran.stdout.strip() == job_hash(job, "m")


def test_a_style_that_vanished_is_an_error(folder: Path) -> None:
    job = load(folder, EXAMPLE)
    (folder / "styles/gold.jpg").unlink()
    with pytest.raises(InputError, match=r"gold\.jpg cannot be read"):
        bake_hash(job, "m")


def test_a_plate_may_name_its_part(tmp_path: Path) -> None:
    (tmp_path / "s.png").write_bytes(b"picture")
    mapping = {
        "plate": {"file": "p.####.exr", "part": "left"},
        "output": "o.####.exr",
        "regions": {"rest": {"style": "s.png"}},
    }
    job = Job.from_mapping(mapping, tmp_path)
    assert (job.plate, job.part) == (str(tmp_path / "p.####.exr"), "left")
    with pytest.raises(InputError, match="plate: has no file"):
        Job.from_mapping({**mapping, "plate": {"part": "left"}}, tmp_path)
    with pytest.raises(InputError, match=r"unknown key 'prt'; nearest: part"):
        Job.from_mapping({**mapping, "plate": {"file": "p.exr", "prt": "left"}}, tmp_path)


def test_hints_fit_the_mistake(tmp_path: Path) -> None:
    (tmp_path / "s.png").write_bytes(b"picture")
    with pytest.raises(InputError, match="or call it rest"):
        Job.from_mapping({"plate": "p.exr", "output": "o.exr", "regions": {"Rest": {"style": "s.png"}}}, tmp_path)
    tabbed = tmp_path / "job.yaml"
    tabbed.write_text("plate: p.exr\nregions:\n\thero: 1\n")
    with pytest.raises(InputError, match="spaces, not tabs"):
        Job.load(tabbed)
    with pytest.raises(InputError, match="more than 9 digits"):
        Job.from_mapping(
            {
                "plate": "p.exr",
                "output": "o.exr",
                "frames": "1-99999999999",
                "regions": {"rest": {"style": "s.png"}},
            },
            tmp_path,
        )
    still = {"plate": str(tmp_path), "output": "o.exr", "regions": {"rest": {"style": "s.png"}}}
    with pytest.raises(InputError, match="is a folder; name a file in it"):
        check_paths(Job.from_mapping(still, tmp_path))
