"""``lookmatte evaluate`` as a person and a program meet it: real pictures, the shipped model, every exit code."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scenes import DATA, REPOSITORY, photo, shared, small_set, write, write_labels, write_pairs

from lookmatte import cli
from lookmatte.evaluation import run as running
from lookmatte.evaluation.baselines import closed_forms, reinhard
from lookmatte.evaluation.colour import cielab
from lookmatte.evaluation.pictures import read, read_bytes
from lookmatte.imaging.cryptomatte import layers
from lookmatte.imaging.reader import read_header
from lookmatte.networks.model import Model, shipped_path

STYLES = REPOSITORY / "examples" / "styles"


def evaluate(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = cli.main(["evaluate", *map(str, words)])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small set, scored once with everything: the folder of the set; the results lie in its ``out``."""
    folder = tmp_path_factory.mktemp("set")
    pairs = small_set(folder)
    words = ["--baselines", "--mode", "frame", "--mode", "shot", "--out", folder / "out"]
    assert cli.main(["evaluate", str(pairs), *map(str, words), "--json", str(folder / "scores.json")]) == 0
    return folder


def test_every_method_is_scored_on_every_pair(made: Path) -> None:
    found = json.loads((made / "scores.json").read_text())
    assert found == json.loads((made / "out" / "scores.json").read_text())
    assert [pair["kind"] for pair in found["pairs"]] == ["whole", "regions", "clip"]
    rows = {"untouched", "reinhard", "transport", "lookmatte frame", "lookmatte shot"}
    assert rows <= set(found["summary"]["clip"])
    assert set(found["summary"]["whole"]) == set(found["summary"]["clip"]) - {"lookmatte shot"}
    untouched, program = (found["summary"]["all"][name] for name in ("untouched", "lookmatte frame"))
    assert untouched["n"] == program["n"] == 3
    assert untouched["style"] == {"value": pytest.approx(1.0), "error": pytest.approx(0.0, abs=1e-9)}
    assert found["summary"]["clip"]["untouched"]["warp"] == {"value": pytest.approx(1.0), "error": None}
    assert program["style"]["value"] < 0.9
    assert program["swd"]["value"] < 0.6 * untouched["swd"]["value"]
    assert "encoder" in found["judge"]
    assert found["failed"] == []


def test_the_report_says_who_judged_and_what_the_columns_mean(made: Path) -> None:
    text = (made / "out" / "report.md").read_text()
    assert "| method | n | enc | swd | swd_ok | ssim_s | blotch | gain | clip | warp | tcc | e_temporal |" in text
    assert "these numbers cannot be compared with those of VGG-19" in text
    assert "`warp`: warping error relative to the plate's own" in text
    assert text.count("\n| untouched |") == 4
    said = next(line for line in text.splitlines() if line.startswith("lookmatte shot: "))
    model = f"model {shipped_path().stem}, checksum {Model.load().checksum[:12]}"
    assert said.endswith(f"{model}, mode shot, subsample 1.")


def test_pictures_and_sheets_are_kept(made: Path) -> None:
    out = made / "out"
    assert read_bytes(out / "reinhard" / "two.png").shape == (90, 120, 3)
    assert read_bytes(out / "lookmatte-shot" / "moving" / "0002.png").shape == (90, 120, 3)
    sheet = read_bytes(out / "sheet_001.png")
    assert sheet.shape[0] > 3 * 200
    assert sheet.std() > 20  # not an empty ground
    assert sorted(path.name for path in out.iterdir() if path.is_file()) == [
        "report.md", "scores.json", "sheet_001.png",
    ]  # fmt: skip


def test_results_score_again_as_the_run_that_made_them(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = json.loads((made / "scores.json").read_text())
    results = made / "out" / "lookmatte-frame"
    words = ["--outputs", results, "--table", made / "t.md", "--quiet"]
    code, out, err = evaluate(capsys, made / "pairs.json", *words)
    assert (code, err) == (0, "")
    assert "whole pictures" in out
    assert (made / "t.md").read_text().startswith("**Whole pictures**")
    code, out, _ = evaluate(capsys, made / "pairs.json", "--outputs", results, "--json")
    events = [json.loads(line) for line in out.splitlines()]
    assert [event["event"] for event in events if event["event"] != "note"] == [
        "start", *["pair_done"] * 3, "done", "evaluate",
    ]  # fmt: skip
    for kind in ("whole", "regions", "clip"):
        assert events[-1]["summary"][kind]["lookmatte-frame"] == first["summary"][kind]["lookmatte frame"]


def test_what_fails_is_told_and_the_rest_is_scored(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "mine"
    write(results / "one.png", photo(1))
    write(results / "tow.png", photo(2))
    for frame in range(2):
        write(results / "moving" / f"{frame:04d}.png", photo(3))
    code, out, err = evaluate(capsys, made / "pairs.json", "--outputs", results, "--json", tmp_path / "s.json")
    assert code == 1
    assert "two, mine FAILED: " in err
    assert "has no two.png or .exr; nearest: tow" in err
    assert "has no frame 2" in err
    assert "whole pictures" in out
    found = json.loads((tmp_path / "s.json").read_text())
    assert [one["pair"] for one in found["failed"]] == ["two", "moving"]
    assert found["summary"]["whole"]["mine"]["n"] == 1


def test_a_result_of_another_shape_is_a_failure(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "mine" / "one.png", photo(1, 120, 90))
    code, _, err = evaluate(capsys, made / "pairs.json", "--outputs", tmp_path / "mine", "--limit", 1)
    assert code == 2
    assert "nothing could be scored: one, mine: " in err
    assert "90x120 is not the shape of its content, 120x90" in err


def test_one_pair_takes_no_other_along(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A content of a few pixels, a style that is no picture, a frame that is cut off."""
    small_set(tmp_path)
    write(tmp_path / "tiny.png", photo(1, 9, 12))
    (tmp_path / "text.png").write_text("no picture")
    cut = tmp_path / "clip" / "0001.png"
    cut.write_bytes(cut.read_bytes()[:400])
    style = [{"image": "photo1.png"}]
    pairs = [
        {"name": "tiny", "content": "tiny.png", "styles": style},
        {"name": "text", "content": "photo0.png", "styles": [{"image": "text.png"}]},
        {"name": "cut", "content": "clip", "styles": style},
        {"name": "sound", "content": "photo0.png", "styles": style},
    ]
    code, _, err = evaluate(capsys, write_pairs(tmp_path, pairs), "--json", tmp_path / "s.json", "--baselines")
    found = json.loads((tmp_path / "s.json").read_text())
    assert code == 1
    assert "internal error" not in err
    assert {one["pair"] for one in found["failed"]} == {"tiny", "text", "cut"}
    assert {pair["name"] for pair in found["pairs"] if pair["methods"]} == {"sound"}
    assert "12x9 pixels are too few" in err
    assert "text.png: is no picture" in err
    assert "0001.png: is damaged or cut off" in err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["pears.json"], "there is no such file; nearest: pairs.json"),
        (["pairs.json", "--outputs", "cilp"], "--outputs: cilp: there is no such folder; nearest: clip"),
        (["pairs.json", "--outputs", "clip", "--mode", "shot"], "--mode is for lookmatte itself; add --run"),
        (["pairs.json", "--mode", "coherant"], "--mode: 'coherant' is unknown; nearest: coherent"),
        (["pairs.json", "--subsample", "0"], "from 1 on"),
        (["pairs.json", "--vgg", "vgg.safetensors"], "vgg.safetensors: no VGG-19 weights"),
        (["pairs.json", "--vgg", "pairs.json"], "pairs.json: no VGG-19 weights"),
        (["pairs.json", "--model", "m.safetensors"], "m.safetensors: no such model file"),
        (["pairs.json", "--table", "pairs.json"], "would overwrite the pairs"),
        (["pairs.json", "--outputs", "lookmatte", "--run"], "two rows would be called 'lookmatte'"),
        (["--json", "pairs.json"], "PAIRS.json"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    expected: str,
) -> None:
    small_set(tmp_path)
    (tmp_path / "lookmatte").mkdir()
    before = (tmp_path / "pairs.json").read_bytes()
    monkeypatch.chdir(tmp_path)
    code, _, err = evaluate(capsys, *words)
    lines = [line for line in err.splitlines() if line.startswith("lookmatte: error:")]
    assert code == 2
    assert len(lines) == 1
    assert expected in lines[0]
    assert (tmp_path / "pairs.json").read_bytes() == before


def test_the_environment_may_name_the_judge(
    made: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOOKMATTE_VGG", "gone.safetensors")
    code, _, err = evaluate(capsys, made / "pairs.json")
    assert code == 2
    assert "error: $LOOKMATTE_VGG: gone.safetensors: no VGG-19 weights" in err


def test_what_is_made_never_overwrites_what_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = write(tmp_path / "out" / "lookmatte" / "one.png", photo(1))
    before = content.read_bytes()
    pair = {"name": "one", "content": "out/lookmatte/one.png", "styles": [{"image": "out/lookmatte/one.png"}]}
    code, _, err = evaluate(capsys, write_pairs(tmp_path, [pair]), "--out", tmp_path / "out")
    assert code == 2
    assert "would overwrite an input; name another folder" in err
    assert content.read_bytes() == before


def test_interrupting_ends_with_130(
    made: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(running.material, "content", interrupted)
    assert evaluate(capsys, made / "pairs.json")[0] == 130


def test_without_opencv_it_says_what_to_install(
    made: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    code, _, err = evaluate(capsys, made / "pairs.json")
    assert (code, "pip install 'lookmatte[train]'" in err) == (2, True)


# ---- baselines --------------------------------------------------------------------------------------------


def test_reinhard_carries_mean_and_deviation() -> None:
    content, style = (photo(seed).reshape(-1, 3) for seed in (1, 2))
    moved = cielab(np.clip(reinhard(content, style), 0, 1)[None])[0]
    wanted = cielab(style[None])[0]
    np.testing.assert_allclose(moved.mean(0), wanted.mean(0), atol=1.0)
    np.testing.assert_allclose(moved.std(0), wanted.std(0), atol=1.0)


def test_color_matcher_joins_where_it_is_installed(made: Path) -> None:
    forms = closed_forms()
    installed = importlib.util.find_spec("color_matcher") is not None
    assert ("cm mkl" in forms) == installed
    assert ("color-matcher is not installed" in (made / "out" / "report.md").read_text()) != installed
    content, style = (photo(seed).reshape(-1, 3) for seed in (1, 2))
    for form in forms.values():
        assert np.abs(form(content, style).mean(0) - style.mean(0)).max() < 0.06


# ---- the program, on plates -------------------------------------------------------------------------------


def test_the_shipped_shot_is_its_own_plate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shot = REPOSITORY / "examples" / "shot"
    for frame in (1001, 1002):
        (tmp_path / "shot").mkdir(exist_ok=True)
        (tmp_path / "shot" / f"plate.{frame}.exr").write_bytes((shot / f"plate.{frame}.exr").read_bytes())
    assert layers(read_header(shot / "plate.1001.exr"))  # a plate with more than colour
    pair = {"name": "shot", "content": "shot/plate.####.exr", "styles": [{"image": str(STYLES / "blue_night.jpg")}]}
    words = ["--subsample", 2, "--json", tmp_path / "s.json", "--out", tmp_path / "o"]
    code, _, _ = evaluate(capsys, write_pairs(tmp_path, [pair]), *words)
    assert code == 0
    found = json.loads((tmp_path / "s.json").read_text())["summary"]["clip"]["lookmatte"]
    assert found["style"]["value"] < 0.9
    assert 0.5 < found["warp"]["value"] < 1.6
    assert read_bytes(tmp_path / "o" / "lookmatte" / "shot" / "1002.png").shape == (324, 576, 3)


def test_regions_keep_to_their_masks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A style on one half leaves the pixels of the other as they are, to the byte; a rough mask reaches further."""
    write(tmp_path / "a.png", photo(1))
    write(tmp_path / "s.png", photo(2))
    columns = np.arange(120) * np.ones((90, 1))
    write_labels(tmp_path / "true.png", np.where(columns < 60, 1, 0))
    write_labels(tmp_path / "rough.png", np.where(columns < 66, 1, 0))
    pair = {"name": "p", "content": "a.png", "mask": "true.png", "styles": [{"image": "s.png", "label": 1}]}
    rough = {**pair, "name": "r", "given": "rough.png"}
    code, _, _ = evaluate(capsys, write_pairs(tmp_path, [pair, rough]), "--out", tmp_path / "out")
    assert code == 0
    before = read_bytes(tmp_path / "a.png")
    styled = read_bytes(tmp_path / "out" / "lookmatte" / "p.png")
    assert (styled[:, 60:] == before[:, 60:]).all()
    assert np.abs(styled[:, :60].astype(int) - before[:, :60]).mean() > 5
    assert (read_bytes(tmp_path / "out" / "lookmatte" / "true_mattes" / "r.png") == styled).all()
    assert (read_bytes(tmp_path / "out" / "lookmatte" / "r.png")[:, 60:66] != before[:, 60:66]).any()
    found = json.loads((tmp_path / "out" / "scores.json").read_text())
    scores = {one["name"]: one["methods"]["lookmatte"] for one in found["pairs"]}
    assert "edge" not in scores["p"]
    assert 0.005 < scores["r"]["edge"] < 0.5
    # A folder of results has its own pictures with true masks, or has none.
    words = ["--outputs", tmp_path / "out" / "lookmatte", "--json"]
    again = json.loads(evaluate(capsys, tmp_path / "pairs.json", *words)[1].splitlines()[-1])
    assert again["pairs"][1]["methods"]["lookmatte"] == scores["r"]
    (tmp_path / "out" / "lookmatte" / "true_mattes").rename(tmp_path / "elsewhere")
    again = json.loads(evaluate(capsys, tmp_path / "pairs.json", *words)[1].splitlines()[-1])
    assert "edge" not in again["pairs"][1]["methods"]["lookmatte"]


# ---- the same meanings ------------------------------------------------------------------------------------


def test_the_numbers_mean_what_others_measure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Against another implementation of the same definitions, with VGG-19 as the judge, on real photographs."""
    tool, vgg = shared("tools/quality/metrics.py", DATA.parent), shared("vgg19/vgg19_to_relu4_1.safetensors")
    photos = sorted(shared("photos/train").glob("bsds_*.jpg"))[:4]
    labelled = shared("photos/masks") / f"{photos[0].stem}.png"
    values, counts = np.unique(read_bytes(labelled)[..., 0], return_counts=True)
    first, second = (int(value) for value in values[np.argsort(-counts)][:2])
    # One content larger than what is scored, the others small, so that it takes no longer than it must.
    for index, path in enumerate(photos[1:], 1):
        write(tmp_path / f"{index}.png", read(path, 160))
    pairs = write_pairs(
        tmp_path,
        [
            {"name": "w", "content": "1.png", "styles": [{"image": "2.png"}]},
            {"name": "r", "content": str(photos[0]), "mask": str(labelled),
             "styles": [{"image": "3.png", "label": first}, {"image": "2.png", "label": second}]},
        ],
    )  # fmt: skip
    code, out, _ = evaluate(capsys, pairs, "--vgg", vgg, "--out", tmp_path / "out", "--json")
    assert code == 0
    ours: dict[str, Any] = json.loads(out.splitlines()[-1])
    monkeypatch.syspath_prepend(str(tool.parent))
    metrics = importlib.import_module("metrics")
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "out" / "lookmatte"
    rows = [
        metrics.Pair(pair).score(metrics.imread(str(folder / f"{pair['name']}.png")))
        for pair in json.loads(pairs.read_text())
    ]
    theirs, found = metrics.summarize(rows), ours["summary"]["all"]["lookmatte"]
    assert ours["judge"].startswith("VGG-19")
    assert found["style_layers"] == pytest.approx(theirs["vgg_layers"], abs=0.003)
    for name, close in (("swd", 0.02), ("ssim_s", 0.002), ("blotch", 0.02), ("gain", 0.03), ("clip", 0.05)):
        assert found[name]["value"] == pytest.approx(theirs[name], abs=close), name
    assert found["style"]["value"] == pytest.approx(theirs["vgg"], abs=0.002)
