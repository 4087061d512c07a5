"""PAIRS.json: what it may hold, and what is said of one that cannot be used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from scenes import halves, photo, small_set, write, write_labels, write_pairs

from lookmatte.errors import InputError
from lookmatte.evaluation import material
from lookmatte.evaluation.pairs import read_pairs
from lookmatte.evaluation.pictures import LABEL_COLOURS, read, read_bytes, read_labels, read_like


def test_the_three_kinds_of_pairs(tmp_path: Path) -> None:
    pairs = read_pairs(small_set(tmp_path))
    assert [(pair.name, pair.kind, pair.frames) for pair in pairs] == [
        ("one", "whole", (1,)), ("two", "regions", (1,)), ("moving", "clip", (0, 1, 2)),
    ]  # fmt: skip
    assert [len(pair.files) for pair in pairs] == [2, 4, 4]
    assert len(read_pairs(tmp_path / "pairs.json", limit=1)) == 1
    weights = material.weights(pairs[1], 1, (90, 120))
    assert [float(weight[:, 30].mean()) for weight in weights] == [1.0, 0.0]


def test_the_part_of_a_style_that_counts(tmp_path: Path) -> None:
    write(tmp_path / "a.png", photo(1))
    write_labels(tmp_path / "parts.png", 3 * halves())
    style = {"image": "a.png", "label": 3, "mask": "parts.png", "mask_label": 6}
    (pair,) = read_pairs(write_pairs(tmp_path, [{"name": "p", "content": "a.png", "styles": [style]}]))
    _, weight = material.style(pair.styles[0], 320)
    assert (weight[0, 0], weight[0, -1], weight.mean()) == (0.0, 1.0, 0.5)
    del style["mask_label"]
    (pair,) = read_pairs(write_pairs(tmp_path, [{"name": "p", "content": "a.png", "styles": [style]}]))
    assert pair.styles[0].mask_label == 3


def test_masks_of_a_clip_may_be_frames_or_one_picture(tmp_path: Path) -> None:
    small_set(tmp_path)
    for frame in range(3):
        labels = np.where(np.arange(120) < 20 + frame, 255, 0) * np.ones((90, 1))
        write_labels(tmp_path / "mattes" / f"m.{frame:04d}.png", labels)
    clip = {"name": "c", "content": "clip/####.png", "mask": "mattes",
            "styles": [{"image": "photo0.png", "label": 255}, {"image": "photo1.png", "label": 0}]}  # fmt: skip
    (pair,) = read_pairs(write_pairs(tmp_path, [clip]))
    assert [material.weights(pair, frame, (90, 120))[0].sum() / 90 for frame in (0, 2)] == [20, 22]
    (pair,) = read_pairs(write_pairs(tmp_path, [{**clip, "mask": "mattes/m.0001.png"}]))
    assert [material.weights(pair, frame, (90, 120))[0].sum() / 90 for frame in (0, 2)] == [21, 21]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"content": "photo9.png"}, r"two: content: .*photo9\.png: there is no such file; nearest: photo"),
        ({"content": "clop"}, r"two: content: .*clop: there is no such file"),
        ({"content": None}, "two: content must be a path, not None"),
        ({"mask": "maks.png"}, r"two: mask: .*maks\.png: there is no such file"),
        ({"mask": None}, "two: has 2 styles but no mask"),
        ({"styles": []}, "two: styles must be a list"),
        ({"styles": [{"label": 1}]}, "two: style 1: has no image"),
        ({"styles": [{"image": "photo2.png", "label": 7}]}, r"halves\.png: no pixel has label 7; there is: 1, 2"),
        ({"styles": [{"image": "photo2.png", "label": "1"}]}, "label must be a whole number .* not '1'"),
        ({"styles": [{"image": "photo2.png", "lable": 1}]}, "unknown key 'lable'; nearest: label"),
        ({"styles": [{"image": "photo2.png", "label": 1}] * 2}, "needs a label of its own"),
        ({"styles": [{"image": "photo2.png", "mask": "halves.png"}]}, "neither mask_label nor label"),
        ({"styles": [{"image": "photo2.png", "label": 1, "mask": "halves.png", "mask_label": 5}]}, "has label 5"),
        ({"styles": [{"image": "clip", "label": 1}]}, "clip: is a folder, not a picture"),
        ({"name": "one"}, "one: another pair has this name"),
        ({"name": "a/b"}, "pair 2: name 'a/b' must be a text that can name a file"),
        ({"vectors": "photo2.png"}, "two: vectors belong to a clip"),
        ({"given": "halves.png", "mask": None, "styles": [{"image": "photo2.png", "label": 1}]}, "the true one"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, change: dict[str, Any], expected: str) -> None:
    path = small_set(tmp_path)
    pairs = json.loads(path.read_text())
    pairs[1].update(change)
    write_pairs(tmp_path, pairs)
    with pytest.raises(InputError, match=expected) as caught:
        read_pairs(path)
    assert all(line.startswith("pairs.json: ") for line in str(caught.value).splitlines())


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    path = small_set(tmp_path)
    pairs = json.loads(path.read_text())
    pairs[0]["content"], pairs[2]["content"] = "gone.png", "lost"
    write_pairs(tmp_path, pairs)
    with pytest.raises(InputError) as caught:
        read_pairs(path)
    assert [line.split(":")[1] for line in str(caught.value).splitlines()] == [" one", " moving"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("{", "is no JSON"), ("{}", "must be a list of pairs"), ("[]", "must be a list"), ("[3]", "be an object")],
)
def test_files_that_are_no_pairs(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "pairs.json").write_text(text)
    with pytest.raises(InputError, match=expected):
        read_pairs(tmp_path / "pairs.json")
    with pytest.raises(InputError, match=r"there is no such file; nearest: pairs\.json"):
        read_pairs(tmp_path / "pears.json")


def test_a_mask_that_lacks_frames_is_named(tmp_path: Path) -> None:
    path = small_set(tmp_path)
    write_labels(tmp_path / "mattes" / "0000.png", halves())
    pairs = json.loads(path.read_text())
    pairs[2]["mask"] = "mattes/####.png"
    pairs[2]["styles"][0]["label"] = 1
    write_pairs(tmp_path, pairs)
    with pytest.raises(InputError, match=r"moving: mask: .*####\.png has no frame 1-2"):
        read_pairs(path)


def test_a_folder_of_two_sequences_is_no_clip(tmp_path: Path) -> None:
    path = small_set(tmp_path)
    write(tmp_path / "clip" / "other.0001.png", photo(1))
    with pytest.raises(InputError, match=r"holds 2 sequences, ####\.png, other\.####\.png; name one"):
        read_pairs(path)


# ---- label maps and pictures ------------------------------------------------------------------------------


def test_label_maps_are_values_or_the_nearest_known_colour(tmp_path: Path) -> None:
    values = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert (read_labels(write_labels(tmp_path / "grey.png", values)) == values).all()
    # Three equal channels with more than nine values are a grey picture that was saved in colour.
    assert (read_labels(write_labels(tmp_path / "rgb.png", np.repeat(values[..., None], 3, 2))) == values).all()
    colours = np.array([list(LABEL_COLOURS.values())], np.uint8)
    near = np.clip(colours.astype(int) + 20, 0, 255)
    for name, picture in (("exact.png", colours), ("near.png", near)):
        assert read_labels(write_labels(tmp_path / name, picture[..., ::-1])).tolist() == [list(range(1, 10))]
    assert cv2.imwrite(str(tmp_path / "deep.png"), np.zeros((3, 3), np.uint16))
    with pytest.raises(InputError, match="of uint16; a label map has 8 bits"):
        read_labels(tmp_path / "deep.png")
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(InputError, match="is no label map that can be read"):
        read_labels(tmp_path / "text.png")


def test_pictures_are_reduced_to_bytes(tmp_path: Path) -> None:
    path = write(tmp_path / "large.png", photo(3, 300, 640))
    reduced = read(path, 320)
    assert reduced.shape == (150, 320, 3)
    np.testing.assert_allclose(reduced * 255, np.rint(reduced * 255), atol=1e-3)
    assert read_bytes(path).shape == (300, 640, 3)
    assert (read_like(path, reduced) == reduced).all()
    with pytest.raises(InputError, match="640x300 is not the shape of its content, 120x90"):
        read_like(path, photo(1))
