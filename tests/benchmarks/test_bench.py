"""What ``lookmatte bench`` tells: rows whose ratios are of one run, however small the pictures are."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterator
from xml.etree import ElementTree

import numpy as np
import pytest

from lookmatte import cli
from lookmatte.benchmarks import applying, exr_job, footprint, gpu, growth, lowres, paper, peers, run, timing
from lookmatte.benchmarks.growth import Line
from lookmatte.benchmarks.plot import PANELS, Panel, plot
from lookmatte.benchmarks.report import line, markdown, number
from lookmatte.benchmarks.rows import Options, Row
from lookmatte.benchmarks.scenes import Layout, hard_plate, linear, scene
from lookmatte.benchmarks.timing import Copy, Work, in_turns
from lookmatte.rendering.apply import apply

SMALL = Options(threads=1, times=1, budget=0.0, frames=2, quick=True, shrink=40)
KEYS = ["id", "ratio", "value", "unit", "against", "device", "note"]


def plain(rows: Iterator[Row]) -> dict[str, dict[str, object]]:
    """Rows as JSON has them, by id; each is checked for what every row promises."""
    found = {}
    for row in rows:
        assert row.id not in found
        found[row.id] = one = json.loads(json.dumps(row.plain()))
        assert list(one) == KEYS
        assert one["device"]
        if one["value"] is not None:
            assert one["against"] > 0
            assert one["value"] >= 0
            assert one["ratio"] == pytest.approx(one["value"] / one["against"], rel=1e-4, abs=1e-6)
            assert one["note"].startswith("against ")
        else:
            assert one["ratio"] is None
            assert one["note"]
    return found


# ---- each group -------------------------------------------------------------------------------------------


def test_applying_has_a_row_a_size_and_number_of_regions() -> None:
    rows = plain(applying.measure(SMALL))
    assert rows.keys() >= {"apply_4k_r1", "apply_4k_r4", "apply_4k_r4_overlap", "apply_4k_r1_half"}
    assert "14 bytes a pixel on 1 thread;" in str(rows["apply_4k_r1_half"]["note"])
    assert "28 bytes a pixel on 1 thread;" in str(rows["apply_4k_r4"]["note"])
    assert "may be skipped" in str(rows["apply_4k_r4"]["note"])


def test_all_sizes_and_regions_are_measured_unless_in_a_hurry() -> None:
    options = Options(threads=1, times=1, budget=0.0, shrink=80)
    expected = {f"apply_{size}_r{regions}" for size in ("1080p", "4k", "8k") for regions in (1, 2, 4, 8)}
    assert plain(applying.measure(options)).keys() >= expected


def test_the_low_resolution_path_is_a_fraction_of_vgg_a_region() -> None:
    rows = plain(lowres.measure(SMALL))
    assert rows.keys() == {"lowres_vs_vgg19", "lowres_vs_vgg19_r4"}
    assert rows["lowres_vs_vgg19"]["against"] == rows["lowres_vs_vgg19_r4"]["against"]


def test_the_vgg_that_is_timed_is_vgg_19() -> None:
    assert [tuple(p.shape) for p in lowres.vgg19().parameters() if p.ndim == 4] == [
        (64, 3, 3, 3), (64, 64, 3, 3), (128, 64, 3, 3), (128, 128, 3, 3), (256, 128, 3, 3),
        *[(256, 256, 3, 3)] * 3, (512, 256, 3, 3),
    ]  # fmt: skip


@pytest.mark.parametrize("quick", [True, False])
def test_the_job_reads_and_writes_real_files(quick: bool) -> None:
    rows = plain(exr_job.measure(Options(threads=2, times=1, budget=0.0, frames=2, quick=quick, shrink=40)))
    assert rows.keys() == ({"job_4k_vs_io"} if quick else {"job_4k_vs_io", "job_4k_vs_io_piz"})
    assert "reading and writing 2 frames with 2 workers" in str(rows["job_4k_vs_io"]["note"])


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="peaks of memory are told on Linux alone")
def test_memory_is_measured_beside_the_frames_buffers() -> None:
    rows = plain(footprint.measure(SMALL))
    width, height = SMALL.size(7680, 4320)
    assert rows["extra_mib_8k"]["against"] == pytest.approx(width * height * 20 / 2**20, rel=1e-4)


def test_memory_is_null_where_the_system_does_not_tell_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(footprint, "_STATUS", footprint._STATUS / "missing")
    assert plain(footprint.measure(SMALL))["extra_mib_8k"]["value"] is None


def test_the_papers_tables_have_a_frame_and_its_stages() -> None:
    rows = plain(paper.measure(SMALL))
    expected = {f"paper_{size}_{what}" for size in ("512x512", "1024x1024")
                for what in ("r1", "r8", "proxy", "bake", "apply")}  # fmt: skip
    assert rows.keys() == expected
    stages = [rows[f"paper_512x512_{stage}"]["value"] for stage in ("proxy", "bake", "apply")]
    assert rows["paper_512x512_r1"]["value"] == pytest.approx(sum(map(float, map(str, stages))), rel=0.02)


def test_subsampling_divides_neither_applying_nor_what_a_rough_matte_needs() -> None:
    found = paper.Stages(floor=1.0, proxy=2.0, enhance=3.0, bake=11.0, apply=5.0)
    assert (found.frame(1), found.frame(8)) == (18.0, 11.0)


def test_growth_is_a_line_and_its_largest_deviation() -> None:
    rows = plain(growth.measure(dataclasses.replace(SMALL, quick=False)))
    assert rows.keys() == {"growth_pixels", "growth_regions", "growth_regions_baked", "growth_frames"}
    assert "ms a frame +" in str(rows["growth_frames"]["note"])


def test_a_line_is_fitted_through_points_on_it_and_names_the_one_that_is_not() -> None:
    exact = Line.through([1, 2, 4, 8], [5.0, 7.0, 11.0, 19.0])
    assert (exact.slope, exact.offset) == (pytest.approx(2.0), pytest.approx(3.0))
    assert exact.found == pytest.approx(exact.fitted)
    off = Line.through([1, 2, 3, 4, 5], [1.0, 2.0, 6.0, 4.0, 5.0])
    assert (off.worst, off.found) == (2, 6.0)
    assert off.fitted < 5.0


def test_a_peer_that_is_not_installed_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "PEERS", (("no-peer", "no_such_module", peers._colortrans, ("x",)),))
    rows = plain(peers.measure(SMALL))
    assert rows.keys() == {"peer_no_peer_x"}
    assert "pip install 'lookmatte[bench]'" in str(rows["peer_no_peer_x"]["note"])


def test_a_peer_is_timed_against_lookmatte(monkeypatch: pytest.MonkeyPatch) -> None:
    def paste(content: peers.Picture, style: peers.Picture) -> peers.Picture:
        return content + style[:1, :1]

    monkeypatch.setattr(peers, "PEERS", (("numpy", "numpy", lambda _: paste, ("add",)),))
    row = plain(peers.measure(SMALL))["peer_numpy_add"]
    assert f"numpy {np.__version__}" in str(row["note"])
    assert row["value"] is not None


def test_the_rows_of_a_gpu_are_measured_by_code_that_runs_anywhere() -> None:
    assert plain(gpu.measure(SMALL, "cpu")).keys() == {
        "apply_3000x4000_r1_gpu",
        "look_3000x4000_r1_gpu",
        "apply_3000x4000_r1_half_gpu",
        "apply_3000x4000_r4_gpu",
        "reference_3000x4000_r1_gpu",
    }


# ---- timing -----------------------------------------------------------------------------------------------


class Clock:
    """Time that passes when a work says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.told = 0.0, list[str]()
        monkeypatch.setattr(timing.time, "perf_counter", lambda: self.now)

    def work(self, name: str, *seconds: float, before: float = 0.0) -> Work:
        left = list(seconds)

        def spend() -> None:
            self.told.append(name)
            self.now += left.pop(0) if len(left) > 1 else left[0]

        def prepare() -> None:
            self.now += before

        return Work(spend, prepare)


def test_works_take_turns_and_the_fastest_run_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    works = [clock.work("floor", 3.0, 2.0, 2.0), clock.work("work", 9.0, 7.0, 8.0, before=100.0)]
    assert in_turns(works, times=4, budget=100.0) == [2.0, 7.0]
    assert clock.told == ["floor", "work", "floor"] * 3  # the budget was spent, so no fourth round


def test_four_budgets_end_it_after_any_round(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    assert in_turns([clock.work("floor", 1.0), clock.work("work", 50.0)], times=4, budget=10.0) == [1.0, 50.0]
    assert clock.told.count("work") == 1


def test_rounds_go_on_until_the_floor_is_steady(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    falling = [float(seconds) for seconds in range(20, 5, -1)]
    floor, _ = in_turns([clock.work("floor", *falling), clock.work("work", 1.0)], times=1, budget=1e9)
    assert floor == 6.0
    assert clock.told.count("work") >= 8


def test_times_is_the_least_number_of_rounds_within_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    in_turns([clock.work("floor", 1.0), clock.work("work", 1.0)], times=12, budget=1e9)
    assert clock.told.count("work") == 12


@pytest.mark.parametrize(("size", "threads"), [(1, 1), (1000, 3), ((9 << 20) + 7, 2)])
def test_a_copy_copies_every_byte(size: int, threads: int) -> None:
    with Copy(size, threads) as copy:
        assert not copy._target.any()
        copy()
        assert copy._target.all()


# ---- scenes -----------------------------------------------------------------------------------------------


def test_a_plate_is_hard() -> None:
    plate = hard_plate(200, 300)
    colours = np.stack([plate[name] for name in "RGB"])
    assert colours.max() > 5.0
    assert colours.min() < 0.0
    assert (plate["A"] == 0.0).any()
    assert 0.3 < np.median(plate["A"]) < 0.9


@pytest.mark.parametrize("regions", [1, 2, 4, 8])
@pytest.mark.parametrize("layout", ["disjoint", "overlap"])
def test_mattes_lie_as_their_rows_say(regions: int, layout: Layout) -> None:
    made = scene(hard_plate(240, 160), regions, layout)
    alpha = made.frame.pixels((0, "A"))
    weights = np.stack([matte.matte.rows(0, 160) for matte in made.mattes])[:, alpha > 0] / alpha[alpha > 0]
    if layout == "overlap":
        assert weights.min() > 0.0
    else:
        assert weights.sum(0).min() > 0.79
        assert weights.sum(0).max() < 1.0 + 1e-5
        assert (weights > 0).sum(0).mean() < 1.5


@pytest.mark.parametrize("layout", ["disjoint", "overlap", "grid"])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_applying_changes_a_scene_and_restoring_brings_it_back(layout: Layout, dtype: type) -> None:
    made = scene(hard_plate(96, 64, dtype), 2, layout)
    assert made.moved == 96 * 64 * (28 if dtype is np.float32 else 14)
    apply(made.frame, made.look, made.mattes, colour=linear())
    for key, kept in zip(made.frame.rgb, made.stored, strict=True):
        assert np.mean(made.frame.pixels(key) != kept) > 0.5
    made.restore()
    for key, kept in zip(made.frame.rgb, made.stored, strict=True):
        np.testing.assert_array_equal(made.frame.pixels(key), kept)


# ---- what is shown ----------------------------------------------------------------------------------------

ROWS = [
    Row("apply_4k_r1", 50.0, "ms", 10.0, "memcpy", "cpu: one", "a | b"),
    Row("apply_4k_r4", 100.0, "ms", 10.0, "memcpy", "cpu: one"),
    Row("extra_mib_8k", None, "MiB", None, "buffers", "cpu: one", "not told here"),
]


def test_the_plot_has_a_bar_for_each_row_in_proportion() -> None:
    bars = (("apply_4k_r1", "one"), ("apply_4k_r4", "four"), ("apply_8k_r1", "8K"))
    panel = Panel("Title & more", "memcpy", bars)
    root = ElementTree.fromstring(plot(ROWS, [panel]))
    space = "{http://www.w3.org/2000/svg}"
    wide = [float(rect.attrib["width"]) for rect in root.iter(f"{space}rect") if rect.attrib["class"] == "b"]
    assert len(wide) == 2
    assert wide[1] == pytest.approx(2.0 * wide[0], abs=0.2)
    texts = [text.text for text in root.iter(f"{space}text")]
    assert {"Title & more", "one", "5.00", "four", "10.0", "1 = memcpy", "cpu: one"} <= set(texts)


def test_the_plot_knows_every_row_that_it_names() -> None:
    measured = plain(applying.measure(Options(threads=1, times=1, budget=0.0, shrink=200))).keys() | {
        "lowres_vs_vgg19", "lowres_vs_vgg19_r4", "job_4k_vs_io", "job_4k_vs_io_piz"
    }  # fmt: skip
    assert {name for panel in PANELS for name, _ in panel.bars} <= measured


def test_a_table_holds_every_row() -> None:
    page = markdown([("(a) Applying", ROWS)], ["a machine"])
    assert "| `apply_4k_r1` | 5.00 | 50.0 ms | 10.0 ms | memcpy | a \\| b |" in page
    assert "| `extra_mib_8k` | - | - | - | buffers | not told here |" in page
    assert line(ROWS[0]).split() == ["apply_4k_r1", "5.00", "50.0", "ms", ":", "10.0", "ms", "memcpy"]
    assert line(ROWS[2]).split() == ["extra_mib_8k", "-", "not", "told", "here"]


@pytest.mark.parametrize(
    ("value", "shown"), [(0.0931, "0.093"), (1.0, "1.00"), (9.996, "10.0"), (12.34, "12.3"), (1651.6, "1652")]
)
def test_numbers_have_three_digits(value: float, shown: str) -> None:
    assert number(value) == shown


# ---- the command ------------------------------------------------------------------------------------------


@pytest.fixture
def canned(monkeypatch: pytest.MonkeyPatch) -> None:
    """One group whose rows are known."""
    monkeypatch.setattr(run, "GROUPS", (run.Group("a", "Applying", lambda _: iter(ROWS)),))


@pytest.mark.usefixtures("canned")
def test_json_is_a_list_of_rows_and_nothing_else(capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "--json", "--device", "cpu"]) == 0
    out, err = capfd.readouterr()
    assert [list(row) for row in json.loads(out)] == [KEYS] * 3
    assert json.loads(out)[0]["ratio"] == 5.0
    assert err == ""


@pytest.mark.usefixtures("canned")
def test_a_table_is_printed_and_written(tmp_path: object, capsys: pytest.CaptureFixture[str]) -> None:
    folder = f"{tmp_path}/results/here"
    assert cli.main(["bench", "-o", folder]) == 0
    out = capsys.readouterr().out
    assert "(a) Applying" in out
    assert "apply_4k_r1 " in out
    assert f"{folder}/plot.svg" in out
    with open(f"{folder}/rows.json", encoding="utf-8") as file:
        assert [row["id"] for row in json.load(file)] == [row.id for row in ROWS]
    with open(f"{folder}/table.md", encoding="utf-8") as file:
        assert "lookmatte" in file.read()


@pytest.mark.usefixtures("canned")
def test_groups_that_were_not_asked_for_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "--json", "--only", "b,c"]) == 0
    assert json.loads(capsys.readouterr().out) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--only", "a,z"], "'z' is no group; there is: a, b, c, d, e, f, g"),
        (["--only", ","], "',' is no group"),
        (["--device", "gpu"], "must be cpu or cuda, not 'gpu'"),
        (["--times", "0"], "must be a whole number from 1 on, not '0'"),
        (["--quik"], "nearest: --quick"),
        (["-o", __file__], "cannot be made"),
    ],
)
def test_bad_options_get_one_line(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", *words]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert said in err


@pytest.mark.usefixtures("canned")
def test_a_device_that_is_not_there_is_bad_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert cli.main(["bench", "--device", "cuda"]) == 2
    assert "there is no CUDA device" in capsys.readouterr().err
