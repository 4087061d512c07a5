from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sample_files import fixture, grey, real_data, write_exr

from lookmatte.errors import InputError
from lookmatte.imaging import manifest
from lookmatte.imaging.cryptomatte import CryptoMatte, coverage_table, layers, select
from lookmatte.imaging.frame import Frame, Part, Window
from lookmatte.imaging.manifest import float_safe, id_of
from lookmatte.imaging.reader import read_frame, read_header
from lookmatte.imaging.selection import literal_ids

HEIGHT, WIDTH = 5, 7


def whole(matte: CryptoMatte, height: int, band: int = 3) -> NDArray[np.float32]:
    return np.concatenate([matte.rows(y, min(y + band, height)) for y in range(0, height, band)])


def of(path: Path, names: str | Sequence[str], layer: str | None = None) -> NDArray[np.float32]:
    frame = read_frame(path)
    return whole(select(frame, names, layer), frame.plate.data_window.height, band=41)


def as_float(bits: int) -> np.float32:
    return np.uint32(bits).view(np.float32)


def levels(ranks: list[dict[str, float]], pattern: str, components: Sequence[str] = "RGBA") -> dict[str, Any]:
    """Channels of constant ids: rank k covers the whole picture by ``ranks[k] = {name: coverage}``."""
    flat = [next(iter(rank.items())) for rank in ranks]
    flat += [("", 0.0)] * (len(flat) % 2)
    channels: dict[str, Any] = {}
    for level in range(len(flat) // 2):
        for half in range(2):
            name, coverage = flat[level * 2 + half]
            bits = id_of(name) if name else 0
            ids = np.full((HEIGHT, WIDTH), as_float(bits), np.float32)
            channels[pattern.format(level=level, c=components[half * 2])] = ids
            covered = np.full((HEIGHT, WIDTH), coverage, np.float32)
            channels[pattern.format(level=level, c=components[half * 2 + 1])] = covered
    return channels


def metadata(name: str, names: Sequence[str] | str | None, **more: str) -> dict[str, str]:
    key = f"{id_of(name):08x}"[:7]
    found = {f"cryptomatte/{key}/name": name, f"cryptomatte/{key}/hash": "MurmurHash3_32"}
    found[f"cryptomatte/{key}/conversion"] = "uint32_to_float32"
    if isinstance(names, str):
        found[f"cryptomatte/{key}/manifest"] = names
    elif names is not None:
        found[f"cryptomatte/{key}/manifest"] = json.dumps({one: f"{id_of(one):08x}" for one in names})
    return {**found, **{f"cryptomatte/{key}/{which}": value for which, value in more.items()}}


def crypto_file(path: Path, channels: dict[str, Any], attributes: dict[str, str]) -> Frame:
    return read_frame(write_exr(path, [{**grey(HEIGHT, WIDTH), **channels}], attributes=attributes))


# Names and ids


def test_known_hashes() -> None:
    assert id_of("bunny") == 0x13851A76
    assert id_of("равнина") == 0x9623511E
    assert id_of("lamp_post_1") == 0x00BE6D98  # its hash is 003e6d98: a denormal float
    assert id_of("") == 0x00800000


@given(st.integers(0, 2**32 - 1))
def test_float_safe_ids_are_ordinary_floats(bits: int) -> None:
    safe = float_safe(bits)
    assert 0 < (safe >> 23 & 0xFF) < 255
    assert float_safe(safe) == safe
    assert safe in (bits, bits ^ (1 << 23))


@given(st.integers(0, 2**32 - 1))
def test_literal_ids_survive_every_spelling(bits: int) -> None:
    safe = float_safe(bits)
    assert safe in literal_ids(f"<{safe:08x}>")
    assert safe in literal_ids(f"0x{safe:08X}")
    assert safe in literal_ids(f"<{float(as_float(safe))!r}>")


@pytest.mark.parametrize("text", ["hero", "<hero>", "0x12", "<>", "5e1b2c3d", "<1.2.3>", "<nan>"])
def test_names_are_no_literals(text: str) -> None:
    assert literal_ids(text) == set()


@settings(max_examples=200)
@given(st.text(max_size=60))
def test_no_text_breaks_the_manifest_parser(text: str) -> None:
    parsed = manifest.parse(text)
    assert (parsed.names is None) == bool(parsed.error)


# Layouts


@pytest.mark.parametrize(
    ("name", "pattern", "components"),
    [
        ("ViewLayer.CryptoObject", "ViewLayer.CryptoObject{level:02d}.{c}", "rgba"),
        ("crypto_object", "crypto_object{level:02d}.{c}", ["red", "green", "blue", "alpha"]),
        ("CryptoObject", "ViewLayer.CryptoObject{level:02d}.{c}", "RGBA"),
        ("ViewLayer.CryptoObject", "CryptoObject{level:02d}.{c}", "RGBA"),
        ("cryptoobject", "CryptoObject{level:02d}.{c}", "xyzw"),
        ("ViewLayer.CryptoObject", "ViewLayer_CryptoObject{level:02d}.{c}", "RGBA"),
        ("uCryptoObject_v2", "uCryptoObject_v2{level:02d}.{c}", "RGBA"),
        ("CryptoObject", "CryptoObject{level:02d}.left.{c}", "rgba"),
    ],
)
def test_every_spelling_of_a_layer(tmp_path: Path, name: str, pattern: str, components: Any) -> None:
    channels = levels([{"a": 0.5}, {"b": 0.25}, {"c": 0.125}], pattern, components)
    preview = pattern.replace("{level:02d}", "").format(c=components[0])
    channels[preview] = np.ones((HEIGHT, WIDTH), np.float32)
    frame = crypto_file(tmp_path / "plate.exr", channels, metadata(name, ["a", "b", "c"]))
    (layer,) = layers(frame)
    assert layer.name == name
    assert len(layer.ranks) == 4
    assert layer.notes == ()
    assert whole(select(frame, "c"), HEIGHT) == pytest.approx(0.125)
    assert whole(select(frame, ["a", "c"], name.upper()), HEIGHT) == pytest.approx(0.625)
    assert layers(read_header(tmp_path / "plate.exr")) == layers(frame)


def test_levels_in_parts_of_their_own_and_other_data_windows(tmp_path: Path) -> None:
    wide = Window(-1, -2, WIDTH + 4, HEIGHT + 3)
    plate = {name: np.zeros((wide.height, wide.width), np.float16) for name in "RGB"}
    every = levels([{"a": 0.5}, {"b": 0.25}, {"a": 0.125}, {"c": 0.0625}], "CryptoObject{level:02d}.{c}", "rgba")
    parts = [plate] + [{key: value for key, value in every.items() if f"0{n}." in key} for n in (0, 1)]
    path = write_exr(
        tmp_path / "parts.exr", parts, attributes=metadata("CryptoObject", ["a"]),
        names=["rgba", "CryptoObject00", "CryptoObject01"],
        data=[wide, Window(1, 0, WIDTH, HEIGHT), Window(1, 0, WIDTH, HEIGHT)], display=Window(0, 0, 10, 6),
    )  # fmt: skip
    expected = np.zeros((wide.height, wide.width), np.float32)
    expected[2 : 2 + HEIGHT, 2 : 2 + WIDTH] = 0.625
    assert np.array_equal(of(path, "a"), expected)
    ((name, bits, fraction), *_) = coverage_table(read_frame(path), layers(read_frame(path))[0])
    assert (name, bits) == ("a", id_of("a"))
    assert fraction == pytest.approx(0.625 * HEIGHT * WIDTH / 60)


def test_parts_that_carry_the_name_while_channels_are_single_letters() -> None:
    every = levels([{"a": 0.5}, {"b": 0.25}, {"c": 0.125}], "{level:02d}{c}", "rgba")
    window = Window(0, 0, WIDTH, HEIGHT)
    parts = [Part("rgba", grey(HEIGHT, WIDTH), window, window, dict(metadata("crypto_object", ["c"])))]
    for level in ("00", "01"):
        channels = {key[2:]: value for key, value in every.items() if key.startswith(level)}
        parts.append(Part(f"crypto_object{level}", channels, window, window))
    frame = Frame(Path("x.exr"), parts, ((0, "R"), (0, "G"), (0, "B")), None)
    assert whole(select(frame, "c", "object"), HEIGHT) == pytest.approx(0.125)


def test_without_metadata_the_channels_make_the_layer(tmp_path: Path) -> None:
    channels = levels([{"a": 0.5}], "crypto_material{level:02d}.{c}")
    frame = crypto_file(tmp_path / "plate.exr", channels, {})
    (layer,) = layers(frame)
    assert (layer.name, layer.manifest) == ("crypto_material", None)
    assert whole(select(frame, f"<{id_of('a'):08x}>", "material"), HEIGHT) == pytest.approx(0.5)
    assert whole(select(frame, "a"), HEIGHT) == pytest.approx(0.5)
    assert coverage_table(frame, layer) == [(f"<{id_of('a'):08x}>", id_of("a"), 0.5)]
    with pytest.raises(InputError, match="no manifest"):
        select(frame, "b")


def test_two_view_layers_keep_apart(tmp_path: Path) -> None:
    channels = {
        **levels([{"a": 0.5}], "Fore.CryptoObject{level:02d}.{c}"),
        **levels([{"a": 0.25}], "Back.CryptoObject{level:02d}.{c}"),
    }
    attributes = {**metadata("Fore.CryptoObject", ["a"]), **metadata("Back.CryptoObject", ["a"])}
    frame = crypto_file(tmp_path / "plate.exr", channels, attributes)
    assert {layer.name for layer in layers(frame)} == {"Fore.CryptoObject", "Back.CryptoObject"}
    assert whole(select(frame, "a", "fore.cryptoobject"), HEIGHT) == pytest.approx(0.5)
    assert whole(select(frame, "a", "Back.CryptoObject"), HEIGHT) == pytest.approx(0.25)


def test_kinds_find_their_layer(tmp_path: Path) -> None:
    channels = {
        **levels([{"a": 0.5}], "uCryptoObject{level:02d}.{c}"),
        **levels([{"a": 0.25}], "crypto_material{level:02d}.{c}"),
    }
    attributes = {**metadata("uCryptoObject", ["a"]), **metadata("crypto_material", ["a", "m"])}
    frame = crypto_file(tmp_path / "plate.exr", channels, attributes)
    assert select(frame, "a", "Object").layers[0].name == "uCryptoObject"
    assert select(frame, "a", "material").layers[0].name == "crypto_material"
    assert select(frame, "m").layers[0].name == "crypto_material"
    assert select(frame, ["a", "m"]).layers[0].name == "crypto_material"
    with pytest.raises(InputError, match=r"no cryptomatte layer 'asset'.*uCryptoObject"):
        select(frame, "a", "asset")


def test_half_ids_are_refused(tmp_path: Path) -> None:
    channels = {name: np.zeros((HEIGHT, WIDTH), np.float16) for name in ("CryptoObject00.R", "CryptoObject00.G")}
    frame = crypto_file(tmp_path / "plate.exr", channels, metadata("CryptoObject", ["a"]))
    with pytest.raises(InputError, match="float16"):
        select(frame, "a")


def test_no_cryptomatte(tmp_path: Path) -> None:
    frame = crypto_file(tmp_path / "plate.exr", {}, metadata("CryptoObject", ["a"]))
    with pytest.raises(InputError, match=r"no cryptomatte in this file.*CryptoObject"):
        select(frame, "a")


# Names, wildcards, errors


@pytest.fixture
def zoo(tmp_path: Path) -> Frame:
    ranks = [{"chr_01": 0.5}, {"chr_010": 0.25}, {"a [1] \"b\", c": 0.125}, {"Grüne Kugel": 0.0625}]
    names = ["chr_01", "chr_010", 'a [1] "b", c', "Grüne Kugel", "has_*", "has_x", "out of view"]
    return crypto_file(
        tmp_path / "zoo.exr", levels(ranks, "CryptoObject{level:02d}.{c}"), metadata("CryptoObject", names)
    )


@pytest.mark.parametrize(
    ("names", "coverage"),
    [
        ("chr_01", 0.5),
        ("chr_01*", 0.75),
        ("chr_0?", 0.5),
        ("chr_0[1]?", 0.25),
        (["chr_01", "chr_01*"], 0.75),
        ('a [1] "b", c', 0.125),
        ('a \\[1\\] "b", c', 0.125),
        ("Grüne Kugel", 0.0625),
        ("Gru\u0308ne Kugel", 0.0625),
        ("*", 0.9375),
        (f"<{id_of('chr_010'):08x}>", 0.25),
        ("out of view", 0.0),
        ("<00000000>", 0.0),
    ],
)
def test_selections(zoo: Frame, names: str | list[str], coverage: float) -> None:
    assert whole(select(zoo, names), HEIGHT) == pytest.approx(coverage)


def test_a_name_wins_over_its_reading_as_a_wildcard(zoo: Frame) -> None:
    assert select(zoo, "has_*").names == {"has_*": {id_of("has_*")}}
    assert select(zoo, "has_?").names == {"has_?": {id_of("has_*"), id_of("has_x")}}


def test_unknown_names_are_errors_that_help(zoo: Frame) -> None:
    with pytest.raises(InputError, match="'chr_1' in CryptoObject; nearest: chr_01") as error:
        select(zoo, "chr_1")
    assert "\n" not in str(error.value)
    with pytest.raises(InputError, match="matches 'door_"):
        select(zoo, "door_*")
    with pytest.raises(InputError, match="no cryptomatte name is given"):
        select(zoo, [])
    lenient = select(zoo, ["chr_1", "chr_01"], missing_ok=True)
    assert any("chr_1" in note for note in lenient.notes)
    assert whole(lenient, HEIGHT) == pytest.approx(0.5)


def test_a_known_name_without_a_pixel_is_told_once_the_rows_are_read(zoo: Frame) -> None:
    matte = select(zoo, ["out of view", "chr_01"])
    whole(matte, HEIGHT)
    assert matte.absent == ["out of view"]
    assert matte.peak == 0.5
    unknown_id = select(zoo, "<12345678>")
    assert any("<12345678>" in note for note in unknown_id.notes)
    assert whole(unknown_id, HEIGHT).max() == 0


def test_raw_hashes_in_the_manifest_are_adjusted(tmp_path: Path) -> None:
    channels = levels([{"lamp_post_1": 0.5}], "CryptoObject{level:02d}.{c}")
    attributes = metadata("CryptoObject", '{"lamp_post_1": "003e6d98"}')
    frame = crypto_file(tmp_path / "plate.exr", channels, attributes)
    for name in ("lamp_post_1", "lamp_*", "<003e6d98>", "<00be6d98>"):
        assert whole(select(frame, name), HEIGHT) == pytest.approx(0.5)
    assert coverage_table(frame, layers(frame)[0]) == [("lamp_post_1", 0x00BE6D98, 0.5)]


# Manifests


@pytest.mark.parametrize("broken", ["{", '["a"]', '{"a": "1234', "\x01", "[" * 5000])
def test_malformed_manifests(tmp_path: Path, broken: str) -> None:
    channels = levels([{"a": 0.5}], "CryptoObject{level:02d}.{c}")
    frame = crypto_file(tmp_path / "plate.exr", channels, metadata("CryptoObject", broken))
    (layer,) = layers(frame)
    assert layer.manifest is None
    assert any("manifest" in note for note in layer.notes)
    assert whole(select(frame, "a"), HEIGHT) == pytest.approx(0.5)
    with pytest.raises(InputError, match="malformed"):
        select(frame, "a*")
    with pytest.raises(InputError, match="malformed"):
        select(frame, "b")


def test_a_doubtful_entry_falls_back_to_its_hash(tmp_path: Path) -> None:
    channels = levels([{"a": 0.5}], "CryptoObject{level:02d}.{c}")
    frame = crypto_file(tmp_path / "plate.exr", channels, metadata("CryptoObject", '{"a": null, "b": "zz"}'))
    assert whole(select(frame, "a*"), HEIGHT) == pytest.approx(0.5)
    assert any("2 entries" in note for note in layers(frame)[0].notes)


def sidecar_frame(folder: Path, name: str, embedded: str | None = None) -> Frame:
    folder.mkdir(exist_ok=True)
    channels = levels([{"a": 0.5}], "CryptoObject{level:02d}.{c}")
    return crypto_file(folder / "plate.exr", channels, metadata("CryptoObject", embedded, manif_file=name))


def test_sidecar(tmp_path: Path) -> None:
    folder = tmp_path / "shot"
    frame = sidecar_frame(folder, "names.json")
    (folder / "names.json").write_text(json.dumps({"a": f"{id_of('a'):08x}"}), encoding="utf-8")
    (layer,) = layers(frame)
    assert layer.manifest_source == "names.json"
    assert whole(select(frame, "[a]"), HEIGHT) == pytest.approx(0.5)


def test_missing_or_broken_sidecars(tmp_path: Path) -> None:
    folder = tmp_path / "shot"
    frame = sidecar_frame(folder, "names.json")
    assert any("no such file" in note for note in layers(frame)[0].notes)
    (folder / "names.json").write_bytes(b"\xff\xfe\x00")
    assert any("UTF-8" in note for note in layers(frame)[0].notes)
    frame = sidecar_frame(folder, "names.json", embedded=json.dumps({"a": f"{id_of('a'):08x}"}))
    assert layers(frame)[0].manifest_source == "embedded"


def test_a_sidecar_name_never_becomes_a_path(tmp_path: Path) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text(json.dumps({"a": f"{id_of('a'):08x}"}), encoding="utf-8")
    for name in ("../secret.json", str(secret), "..", "sub/secret.json", "..\\secret.json", "C:secret.json"):
        (layer,) = layers(sidecar_frame(tmp_path / "shot", name))
        assert layer.manifest is None
        assert "refused" in layer.manifest_error


# Pixels


def test_ids_are_compared_as_bits(tmp_path: Path) -> None:
    """NaN ids equal themselves, and -0 is another id than 0."""
    bits = np.array([[0x7FC00001, 0xFFC00001, 0x80000000, 0x00000000]], np.uint32)
    part = Part(
        "",
        {
            **{name: np.zeros((1, 4), np.float16) for name in "RGB"},
            "crypto00.R": bits.view(np.float32),
            "crypto00.G": np.ones((1, 4), np.float32),
        },
        Window(0, 0, 4, 1),
        Window(0, 0, 4, 1),
    )
    frame = Frame(tmp_path / "plate.exr", [part], ((0, "R"), (0, "G"), (0, "B")), None)
    assert select(frame, "<7fc00001>").rows(0, 1).tolist() == [[1, 0, 0, 0]]
    assert select(frame, "<00000000>").rows(0, 1).tolist() == [[0, 0, 0, 1]]
    assert select(frame, "<80000000>").rows(0, 1).tolist() == [[0, 0, 1, 0]]


def test_broken_coverage_counts_once_as_nothing(tmp_path: Path) -> None:
    channels = levels([{"a": 0.5}], "CryptoObject{level:02d}.{c}")
    channels["CryptoObject00.G"][1, 2] = np.nan
    channels["CryptoObject00.G"][1, 3] = np.inf
    channels["CryptoObject00.G"][2, 3] = 7.0
    frame = crypto_file(tmp_path / "plate.exr", channels, metadata("CryptoObject", ["a"]))
    matte = select(frame, "a")
    first, again = whole(matte, HEIGHT), whole(matte, HEIGHT, band=1)
    assert np.array_equal(first, again)
    assert matte.nonfinite == 2
    assert first[1, 2:4].tolist() == [0, 0]
    assert first[2, 3] == 1.0


@settings(max_examples=40)
@given(st.data())
def test_rows_and_table_match_the_definition(data: st.DataObject) -> None:
    height, width, ranks = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 6)), data.draw(st.integers(1, 4))
    seed = data.draw(st.integers(0, 2**32 - 1))
    random = np.random.default_rng(seed)
    known = [f"n{index}" for index in range(12)]
    ids = np.array([id_of(name) for name in known], np.uint32)
    channels: dict[str, Any] = {name: np.zeros((height, width), np.float16) for name in "RGB"}
    at: list[NDArray[np.uint32]] = []
    amounts: list[NDArray[np.float32]] = []
    for rank in range(ranks):
        at.append(random.choice(ids, (height, width)))
        amounts.append(random.random((height, width), np.float32) / ranks)
        pair = "rg" if rank % 2 == 0 else "ba"
        channels[f"crypto{rank // 2:02d}.{pair[0]}"] = at[-1].view(np.float32)
        channels[f"crypto{rank // 2:02d}.{pair[1]}"] = amounts[-1]
    if ranks % 2:
        channels[f"crypto{ranks // 2:02d}.b"] = np.zeros((height, width), np.float32)
        channels[f"crypto{ranks // 2:02d}.a"] = np.zeros((height, width), np.float32)
    window = Window(data.draw(st.integers(-3, 3)), 0, width, height)
    display = Window(0, 0, width, height)
    listed = metadata("crypto", known)
    part = Part("", channels, window, display, dict(listed))
    frame = Frame(Path("x.exr"), [part], ((0, "R"), (0, "G"), (0, "B")), None)
    chosen = data.draw(st.lists(st.sampled_from(known), min_size=1, max_size=12, unique=True))
    wanted = [id_of(name) for name in chosen]
    expected = sum(np.where(np.isin(one, wanted), amount, 0) for one, amount in zip(at, amounts, strict=True))
    band = data.draw(st.integers(1, 6))
    assert whole(select(frame, chosen), height, band) == pytest.approx(np.clip(expected, 0, 1), abs=1e-6)
    table = {name: fraction for name, _, fraction in coverage_table(frame, layers(frame)[0])}
    inside = slice(max(0, -window.x), max(0, min(width, width - window.x)))
    for name in known:
        shares = (np.where(one == id_of(name), amount, 0) for one, amount in zip(at, amounts, strict=True))
        covered = sum(share[:, inside].sum() for share in shares)
        assert table[name] == pytest.approx(covered / (height * width), abs=1e-5)


# Files from real renderers


@pytest.mark.parametrize("name", ["blender45.exr", "blender50.exr"])
def test_blender(name: str) -> None:
    path = fixture(name)
    frame = read_frame(path)
    assert [layer.name for layer in layers(frame)] == ["ViewLayer.CryptoObject", "ViewLayer.CryptoMaterial"]
    assert all(len(layer.ranks) == 4 and not layer.notes for layer in layers(frame))
    table = {one: fraction for one, _, fraction in coverage_table(frame, layers(frame)[0])}
    height = frame.plate.data_window.height
    for one in ("hero cube", "Grüne Kugel", "lamp_post_1", "lamp_glow", "table"):
        assert table[one] > 0.005
        assert whole(select(frame, one, "object"), height).mean() == pytest.approx(table[one], abs=1e-6)
    assert table["Sun"] == 0.0
    alpha = frame.pixels(frame.alpha).astype(np.float32) if frame.alpha else None
    assert alpha is not None
    assert np.abs(whole(select(frame, "*", "object"), height) - alpha).max() < 0.02
    assert frame.plate.data_window == Window(0, 0, 96, 54)


@pytest.mark.parametrize(
    ("file", "layer", "name", "reference"),
    [
        ("arnold_three_crypto.exr", "object", "Box001", "crypto_object_Box001.exr"),
        ("arnold_three_crypto.exr", "object", "Sphere001", "crypto_object_Sphere001.exr"),
        ("arnold_three_crypto.exr", None, "Plane001", "crypto_object_Plane001.exr"),
        ("arnold_three_crypto.exr", "material", "Material_*", "crypto_material_Material__25.exr"),
        ("arnold_three_crypto.exr", "object", "<cdcdcdcd>", "crypto_object_cdcdcdcd.exr"),
        ("arnold_one_crypto_sidecar_manif.exr", None, "Plane???", "crypto_object_Plane001.exr"),
        ("arnold_one_crypto_three_levels.exr", "crypto_object", "Box001", "crypto_object_Box001.exr"),
    ],
)
def test_arnold_references(file: str, layer: str | None, name: str, reference: str) -> None:
    path = _as_plate(real_data(f"exr/arnold/{file}"))
    expected = _channel(real_data(f"exr/arnold/reference/{reference}"), "Y")
    got = whole(select(path, name, layer), expected.shape[0], 41)
    assert np.array_equal(got, expected)


def test_gaffer_keyed_reference() -> None:
    frame = _as_plate(real_data("exr/gaffer/cryptomatte.exr"))
    body = "/GAFFERBOT/C_torso_GRP"
    names = [
        f"{body}/C_head_GRP/C_head_CPT/L_ear001_REN",
        f"{body}/C_torso_CPT/C_torso002_REN",
        f"{body}/R_armUpper_GRP/R_armLower_GRP/R_clawBottom_GRP/R_clawBottom_CPT/R_clawBottom001_REN",
        f"{body}/R_legUpper_GRP/R_legLower_GRP/R_foot_GRP/R_foot_CPT/R_foot002_REN",
        "/cow1",
    ]
    expected = _channel(real_data("exr/gaffer/cryptomatteKeyed.exr"), "A")
    assert np.abs(whole(select(frame, names, "object"), 128) - expected).max() < 1e-6


def test_openimageio_colours() -> None:
    """OpenImageIO paints each id in a colour of its own, weighted by coverage: nothing else may contribute."""
    frame = _as_plate(real_data("exr/oiio/cryptoasset.exr"))
    painted = np.stack([_channel(real_data("exr/oiio/cmcolors_ref.exr"), name) for name in "RGB"], axis=-1)
    (layer,) = layers(frame)
    shown = [name for name, _, fraction in coverage_table(frame, layer) if fraction > 0]
    mattes = np.stack([whole(select(frame, name), 32).ravel() for name in shown], axis=-1)
    colours, *_ = np.linalg.lstsq(mattes.astype(np.float64), painted.reshape(-1, 3), rcond=None)
    assert np.abs(mattes @ colours - painted.reshape(-1, 3)).max() < 1e-4
    assert len({tuple(np.round(colour, 3)) for colour in colours}) == len(shown)


def test_special_characters() -> None:
    frame = read_frame(real_data("exr/psyop/debug_images/special_chars.exr"))
    for name in ('name containing a "quote"  ', "name_containing/slash", "равнина", "name, with, comma"):
        assert 0.01 < whole(select(frame, name), 64).mean() < 0.05


def test_wildcard_characters_in_names() -> None:
    frame = read_frame(real_data("exr/psyop/cornellBox_CryptoWildcard.0001.exr"))
    table = {name: fraction for name, _, fraction in coverage_table(frame, layers(frame)[0])}
    area = 960 * 540
    for name in table:
        covered = whole(select(frame, name), 540, 128).sum(dtype=np.float64)
        assert covered / area == pytest.approx(table[name], abs=1e-5)
    assert len(select(frame, "has_?_asterisk").names["has_?_asterisk"]) == 2


def test_multichannel() -> None:
    frame = read_frame(real_data("exr/psyop/debug_images/multichannel.exr"))
    assert [layer.name for layer in layers(frame)] == ["crypto_asset", "crypto_material", "crypto_object"]
    every = whole(select(frame, "/obj/*", "object"), 128)
    assert np.abs(every - whole(select(frame, "*_asset", "asset"), 128)).max() < 1e-5


def test_garden() -> None:
    frame = read_frame(real_data("shots/garden/shot_0001.exr"))
    table = {name: fraction for name, _, fraction in coverage_table(frame, layers(frame)[0])}
    crowns = sum(fraction for name, fraction in table.items() if name.startswith("Crown"))
    assert whole(select(frame, "Crown*", "object"), 360, 64).mean() == pytest.approx(crowns, abs=1e-5)


def _as_plate(path: Path) -> Frame:
    """A file of mattes alone, with its first channels standing in for colour."""
    from lookmatte.imaging.reader import read_parts

    parts = read_parts(path)
    names = list(parts[0].channels)
    return Frame(path, parts, ((0, names[0]), (0, names[1]), (0, names[2])), None)


def _channel(path: Path, name: str) -> NDArray[np.float32]:
    from lookmatte.imaging.reader import read_parts

    return np.asarray(read_parts(path)[0].channels[name], np.float32)


def test_a_file_of_a_thousand_layers_is_not_searched_a_million_times(tmp_path: Path) -> None:
    """A hundred kilobytes of names once took half a minute."""
    channels = levels([{"hero": 1.0}], "crypto{level:02d}.{c}")
    names = {f"cryptomatte/{number:07x}/name": f"crypto{number:04d}x" for number in range(1000)}
    for number in range(0, 1000, 10):
        channels |= levels([{"hero": 1.0}], f"crypto{number:04d}x" + "{level:02d}.{c}")
    colour = {name: np.zeros((HEIGHT, WIDTH), np.float16) for name in "RGB"}
    path = write_exr(tmp_path / "a.exr", [{**colour, **channels}], attributes=names)
    found = layers(read_header(path))
    assert sum(bool(layer.key) for layer in found) == 26  # of the first 256 names every tenth has channels
    assert {layer.name for layer in found if layer.key} >= {"crypto0000x", "crypto0250x"}
