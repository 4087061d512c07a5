"""Reading and writing frames: bits, windows, attributes, and files that must be refused."""

from __future__ import annotations

import os
import resource
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import OpenImageIO as oiio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sample_files import fixture, real_data

import lookmatte
from exr_files import raw_headers, write_exr
from lookmatte.errors import FrameError
from lookmatte.imaging.exr_bits import threads_in_files
from lookmatte.imaging.exr_header import COMPRESSIONS
from lookmatte.imaging.frame import Part, Window
from lookmatte.imaging.reader import read_frame, read_header, read_parts
from lookmatte.imaging.wholefile import whole_file
from lookmatte.imaging.writer import lossy_parts, new_part, write_frame, write_parts_to

Make = Callable[..., Path]
REAL = (
    "exr/arnold/arnold_one_crypto_sidecar_manif.exr",
    "exr/beachball/multipart.0001.exr",
    "exr/beachball/singlepart.0001.exr",
    "exr/gaffer/channelTestPartPerLayer.exr",
    "exr/gaffer/multipart.exr",
    "exr/oiio/cryptoasset.exr",
    "exr/psyop/cornellBox_CryptoWildcard.0001.exr",
    "exr/psyop/debug_images/multichannel.exr",
    "exr/psyop/debug_images/special_chars.exr",
    "shots/garden/shot_0001.exr",
)


def half(height: int = 6, width: int = 8, seed: int = 0) -> Any:
    return np.random.default_rng(seed).random((height, width)).astype(np.float16)


def rgb(prefix: str = "", seed: int = 0, names: str = "RGB") -> dict[str, Any]:
    return {f"{prefix}{name}": half(seed=seed + at) for at, name in enumerate(names)}


def run_python(program: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a process of its own, with this lookmatte."""
    home = {**os.environ, "PYTHONPATH": str(Path(lookmatte.__file__).parents[1])}
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=home)


def same(a: list[Part], b: list[Part]) -> None:
    assert len(a) == len(b)
    for one, other in zip(a, b, strict=True):
        assert one.name == other.name
        assert list(one.channels) == list(other.channels)
        assert (one.data_window, one.display_window) == (other.data_window, other.display_window)
        for name, pixels in one.channels.items():
            assert pixels.dtype == other.channels[name].dtype
            assert pixels.tobytes() == other.channels[name].tobytes(), name


# --- bits ---------------------------------------------------------------------------------------------------

NAME = st.text("abXYZ019_-: #()", min_size=1, max_size=6)
LOSSLESS = ("none", "rle", "zips", "zip", "piz")


@st.composite
def parts(draw: st.DrawFn) -> list[Part]:
    display = Window(draw(st.integers(-3, 3)), draw(st.integers(-3, 3)), draw(st.integers(1, 40)), 20)
    made = []
    for index in range(draw(st.integers(1, 3))):
        width, height = draw(st.integers(1, 37)), draw(st.integers(1, 40))
        rng = np.random.default_rng(draw(st.integers(0, 2**32)))
        layers = st.one_of(NAME, st.builds("{}.{}".format, NAME, st.sampled_from("RGBAxyz")))
        channels = {}
        for name in draw(st.lists(layers, min_size=1, max_size=6, unique=True)):
            kind = draw(st.sampled_from([np.float16, np.float32, np.uint32]))
            # Random bits: NaN with payloads, infinities and denormals included.
            channels[name] = np.frombuffer(rng.bytes(width * height * 4), np.uint32)
            channels[name] = channels[name].view(kind)[: width * height].reshape(height, width).copy()
        window = Window(draw(st.integers(-50, 50)), draw(st.integers(-50, 50)), width, height)
        made.append(Part(f"p{index}", channels, window, display, {}, draw(st.sampled_from(LOSSLESS))))
    return made


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(parts())
def test_any_bits_come_back_through_our_files_and_through_the_openexr_module(made: list[Part]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.exr"
        write_parts_to(made, path)
        again = read_parts(path)
        judge = OpenEXR.File(str(path), separate_channels=True).parts
        for part, read, judged in zip(made, again, judge, strict=True):
            assert set(part.channels) == set(read.channels)
            assert (part.data_window, part.display_window) == (read.data_window, read.display_window)
            assert (part.name, part.compression) == (read.name, read.compression)
            for name, pixels in part.channels.items():
                assert read.channels[name].dtype == pixels.dtype
                assert read.channels[name].tobytes() == pixels.tobytes()
                assert judged.channels[name].pixels.tobytes() == pixels.tobytes()


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(parts(), st.data())
def test_a_selection_has_the_same_bits_as_the_whole(made: list[Part], data: st.DataObject) -> None:
    every = [(index, name) for index, part in enumerate(made) for name in part.channels]
    wanted = data.draw(st.sets(st.sampled_from(every)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.exr"
        write_parts_to(made, path)
        chosen = read_parts(path, only=wanted)
    assert {(i, name) for i, part in enumerate(chosen) for name in part.channels} == wanted
    for index, name in wanted:
        assert chosen[index].channels[name].tobytes() == made[index].channels[name].tobytes()


def test_opens_what_most_of_the_file_can_be_skipped_for(make_exr: Make) -> None:
    """One small part of many: OpenImageIO decodes it alone, tiles and overscan included."""
    small = rgb("", seed=9)
    tiles = OpenEXR.TileDescription()
    tiles.xSize, tiles.ySize = 5, 3
    window = {"window": (-3, -2, 8, 6), "display": (0, 0, 4, 4)}
    tiled = {"type": OpenEXR.tiledimage, "tiles": tiles, **window}
    path = make_exr(
        ({f"n.{at}": half(seed=at) for at in range(30)}, {"name": "big", **window}),
        (small, {"name": "scan", **window}),
        (small, {"name": "tiled", **tiled}),
    )
    for part in (1, 2):
        frame = read_frame(path, plate_part=("scan", "tiled")[part - 1], only=set())
        assert [len(one.channels) for one in frame.parts] == [0, 3 * (part == 1), 3 * (part == 2)]
        for key in frame.rgb:
            assert frame.pixels(key).tobytes() == small[key[1]].tobytes()


def test_integers_beside_floats_keep_their_bits(make_exr: Make, tmp_path: Path) -> None:
    ids = np.full((6, 8), 4000000001, np.uint32)
    path = make_exr(({**rgb(), "id.object": ids, "depth.Z": np.ones((6, 8), np.float32)}, {}))
    for only in (None, {"id.object"}):
        assert (read_frame(path, only=only).parts[0].channels["id.object"] == 4000000001).all()
    write_frame(read_frame(path), tmp_path / "out.exr")
    judged = OpenEXR.File(str(tmp_path / "out.exr"), separate_channels=True).channels()["id.object"].pixels
    assert judged.dtype == np.uint32
    assert (judged == 4000000001).all()


def test_integers_keep_their_bits_beside_text_that_the_openexr_module_refuses(make_exr: Make) -> None:
    ids = np.full((6, 8), 4000000001, np.uint32)
    path = make_exr(({**rgb(), "id.a": ids, "id.b": half(), "id.c": ids}, {"owner": "M\u00fcller"}))
    path.write_bytes(path.read_bytes().replace("M\u00fcller".encode(), b"M\xfcllers"))
    with pytest.raises(UnicodeDecodeError):
        OpenEXR.File(str(path))
    read = read_frame(path).parts[0].channels
    assert (read["id.a"] == 4000000001).all()
    assert (read["id.c"] == 4000000001).all()
    assert read["id.a"].dtype == np.uint32


def test_arrays_are_contiguous_and_a_change_in_place_is_written(make_exr: Make, tmp_path: Path) -> None:
    frame = read_frame(make_exr((rgb(names="RGBA"), {})))
    for part in frame.parts:
        assert all(pixels.flags.c_contiguous and pixels.flags.writeable for pixels in part.channels.values())
    frame.pixels(frame.rgb[1])[2, 3] = 7
    write_frame(frame, tmp_path / "out.exr")
    again = read_frame(tmp_path / "out.exr")
    assert again.pixels(again.rgb[1])[2, 3] == 7
    assert (again.pixels(again.rgb[0]) == frame.pixels(frame.rgb[0])).all()


def test_strided_arrays_are_written_right(tmp_path: Path) -> None:
    block = np.random.default_rng(0).random((5, 7, 3)).astype(np.float32)
    write_parts_to([new_part({name: block[..., at] for at, name in enumerate("RGB")})], tmp_path / "a.exr")
    read = read_parts(tmp_path / "a.exr")[0].channels
    assert all((read[name] == block[..., at]).all() for at, name in enumerate("RGB"))


# --- windows, attributes, structure -------------------------------------------------------------------------


def test_every_attribute_survives_byte_for_byte(make_exr: Make, tmp_path: Path) -> None:
    opaque = OpenEXR.OpaqueAttribute
    header = {
        "capDate": "2018:04:17 19:15:01",
        "comments": "zwölf, 十二",
        "chromaticities": (0.713, 0.293, 0.165, 0.83, 0.128, 0.044, 0.32168, 0.33767),
        "colorInteropID": "lin_ap1_scene",
        "cryptomatte/f834d0a/manifest": '{"hero sword":"3e0a1b2c"}' * 400,
        "exposure": np.array([0.1], np.float64),
        "fps": opaque(struct.pack("<iI", 24000, 1001), "rational"),
        "frame": 1001,
        "gain": 0.1,
        "limits": np.array([np.nan, 1], np.float64),
        "pixelAspectRatio": 2.0,
        "renderer": opaque(b"\x01\x02\x03", "studioType"),
        "screenWindowCenter": np.array([0.25, -0.5], np.float32),
        "screenWindowWidth": 1.5,
        "timeCode": opaque(struct.pack("<II", 0x01020304, 7), "timecode"),
        "views": opaque(struct.pack("<i", 4) + b"left", "stringvector"),
        "worldToCamera": np.arange(16, dtype=np.float32).reshape(4, 4),
        "an attribute with a name of more than thirty-one characters": "x",
        "window": (-10, -20, 8, 6),
        "display": (5, 6, 100, 50),
    }
    path = make_exr((rgb(), header))
    # OpenEXR takes bytes that are no UTF-8 from other programs; here they are patched into the file.
    data = path.read_bytes().replace("zwölf, 十二".encode(), b"zw\xf6lf, \xff\xfe\xfd\xfc\xfb..")
    path.write_bytes(data)
    frame = read_frame(path)
    part = frame.parts[0]
    assert part.data_window == Window(-10, -20, 8, 6)
    assert part.display_window == Window(5, 6, 100, 50)
    assert part.attributes["timeCode"] == "01:02:03:04"
    assert part.attributes["views"] == ("left",)
    assert part.attributes["fps"] == (24000, 1001)
    assert part.attributes["exposure"] == 0.1
    write_frame(frame, tmp_path / "out.exr")
    assert raw_headers(tmp_path / "out.exr") == raw_headers(path)


@pytest.mark.parametrize("order", ["INCREASING_Y", "DECREASING_Y"])
@pytest.mark.parametrize("tiled", [False, True])
def test_line_order_tiles_and_compression_stay(make_exr: Make, tmp_path: Path, order: str, tiled: bool) -> None:
    header = {"lineOrder": getattr(OpenEXR.LineOrder, order), "compression": OpenEXR.PIZ_COMPRESSION}
    if tiled:
        header["tiles"] = tiles = OpenEXR.TileDescription()
        tiles.xSize, tiles.ySize = 32, 16
        header["type"] = OpenEXR.tiledimage
    channels = {name: half(70, 90, at) for at, name in enumerate("RGB")}
    path = make_exr((channels, header))
    write_frame(read_frame(path), tmp_path / "out.exr")
    assert raw_headers(tmp_path / "out.exr") == raw_headers(path)
    judged = OpenEXR.File(str(tmp_path / "out.exr"), separate_channels=True).channels()
    assert all((judged[name].pixels == channels[name]).all() for name in "RGB")


def test_mip_levels_become_one_level_of_the_same_pixels(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).random((40, 50, 3)).astype(np.float32)
    source = oiio.ImageBuf(np.ascontiguousarray(pixels))
    assert oiio.ImageBufAlgo.make_texture(oiio.MakeTxTexture, source, str(tmp_path / "mip.exr"))
    frame = read_frame(tmp_path / "mip.exr")
    write_frame(frame, tmp_path / "out.exr")
    same(read_frame(tmp_path / "out.exr").parts, frame.parts)
    assert raw_headers(tmp_path / "out.exr")[0]["tiles"][1][8] == 0


def test_attributes_can_be_added_and_changed(make_exr: Make, tmp_path: Path) -> None:
    frame = read_frame(make_exr((rgb(), {"frame": 7, "gone": "x"})))
    frame.parts[0].attributes["frame"] = 8
    del frame.parts[0].attributes["gone"]
    write_frame(frame, tmp_path / "out.exr", attributes={"lookmatte/job": "abc", "lookmatte/strength": 0.5})
    kept = read_frame(tmp_path / "out.exr").parts[0].attributes
    assert (kept["frame"], kept["lookmatte/job"], kept["lookmatte/strength"]) == (8, "abc", 0.5)
    assert "gone" not in kept


@pytest.mark.parametrize(
    ("compression", "kind", "stays"),
    [
        ("dwaa", np.float16, False), ("dwab", np.float32, False), ("b44", np.float16, False),
        ("b44a", np.float32, True), ("pxr24", np.float32, False), ("pxr24", np.float16, True),
    ],
)  # fmt: skip
def test_lossy_compressions_become_zip_and_decoded_pixels_stay(
    tmp_path: Path, compression: str, kind: Any, stays: bool
) -> None:
    channels = {name: half(64, 64, at).astype(kind) for at, name in enumerate("RGB")}
    path = write_exr(
        tmp_path / "lossy.exr",
        (channels, {"compression": getattr(OpenEXR, f"{compression.upper()}_COMPRESSION")}),
    )
    frame = read_frame(path)
    assert lossy_parts(frame.parts) == ({} if stays else {0: compression})
    write_frame(frame, tmp_path / "out.exr")
    again = read_frame(tmp_path / "out.exr")
    assert again.parts[0].compression == (compression if stays else "zip")
    same(again.parts, frame.parts)


@pytest.mark.parametrize("name", REAL)
def test_real_files_come_back_whole(name: str, tmp_path: Path) -> None:
    path = real_data(name)
    before = read_parts(path)
    write_parts_to(before, tmp_path / "out.exr")
    same(read_parts(tmp_path / "out.exr"), before)
    old, new = raw_headers(path), raw_headers(tmp_path / "out.exr")
    for one, other in zip(old, new, strict=True):
        # Old files leave the storage type out, and some have an empty part name; the library does neither.
        if "type" not in one:
            del other["type"]
        if one.get("name") == ("string", b""):
            del one["name"]
        assert other == one


@pytest.mark.parametrize("name", ["blender45.exr", "blender50.exr"])
def test_blender_files_come_back_whole(name: str, tmp_path: Path) -> None:
    frame = read_frame(fixture(name))
    assert [key[1] for key in frame.rgb] == [f"ViewLayer.Combined.{c}" for c in "RGB"]
    assert frame.alpha == (0, "ViewLayer.Combined.A")
    assert frame.notes == []
    write_frame(frame, tmp_path / "out.exr")
    same(read_frame(tmp_path / "out.exr").parts, frame.parts)
    assert [one["compression"] for one in raw_headers(tmp_path / "out.exr")] == [
        one["compression"] for one in raw_headers(fixture(name))
    ]


# --- the plate ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channels", "expected"),
    [
        (rgb(names="RGBA"), ("R", "G", "B")),
        (rgb(names="rgba"), ("r", "g", "b")),
        (dict(zip(("red", "green", "blue"), rgb().values(), strict=True)), ("red", "green", "blue")),
        ({**rgb("diffuse."), **rgb("Scene Layer.Combined.")}, tuple(f"Scene Layer.Combined.{c}" for c in "RGB")),
        ({**rgb("a_diffuse."), **rgb("beauty.")}, ("beauty.R", "beauty.G", "beauty.B")),
        ({**rgb("a_diffuse."), **rgb("rgba.")}, ("rgba.R", "rgba.G", "rgba.B")),
        ({**rgb("diffuse."), **rgb()}, ("R", "G", "B")),
        ({**rgb("crypto_object00."), **rgb("light.")}, ("light.R", "light.G", "light.B")),
        ({**rgb("uCryptoAsset01."), **rgb("light.", names=("R", "G", "B"))}, ("light.R", "light.G", "light.B")),
    ],
)
def test_the_plate_is_found(make_exr: Make, channels: dict[str, Any], expected: tuple[str, ...]) -> None:
    frame = read_frame(make_exr((channels, {})))
    assert tuple(name for _, name in frame.rgb) == expected
    assert frame.notes == []


def test_of_several_colours_the_first_is_taken_and_noted(make_exr: Make) -> None:
    path = make_exr(({**rgb("key."), **rgb("fill.")}, {}))
    frame = read_frame(path)
    assert frame.rgb[0] == (0, "fill.R")
    assert "key" in frame.notes[0]
    assert read_frame(path, plate_part="key").rgb[0] == (0, "key.R")
    with pytest.raises(FrameError, match=r"'kye'.*nearest: key"):
        read_frame(path, plate_part="kye")


def test_stereo_takes_the_default_view_and_a_name_chooses_another(make_exr: Make) -> None:
    views = OpenEXR.OpaqueAttribute(struct.pack("<i4si5s", 4, b"left", 5, b"right"), "stringvector")
    right = ({**rgb(seed=1)}, {"name": "rgba_right", "view": "right", "multiView": views})
    left = ({**rgb(seed=2)}, {"name": "rgba_left", "view": "left", "multiView": views})
    path = make_exr(right, left)
    assert read_frame(path).rgb[0] == (1, "R")
    assert read_frame(path, plate_part="right").rgb[0] == (0, "R")
    assert read_frame(path, plate_part="rgba_left").rgb[0] == (1, "R")


def test_a_named_cryptomatte_layer_is_no_plate(make_exr: Make) -> None:
    path = make_exr((rgb("special_chars00."), {"cryptomatte/fbb35e3/name": "special_chars"}))
    with pytest.raises(FrameError, match=r"no red, green and blue.*special_chars00\.R"):
        read_frame(path)
    header = read_header(path)
    assert header.plate is None
    assert header.parts[0].channels["special_chars00.R"] == np.float16


def test_greyscale_is_no_plate(make_exr: Make) -> None:
    with pytest.raises(FrameError, match="only the channel 'Y'"):
        read_frame(make_exr(({"Y": half()}, {})))


# --- files that must be refused -----------------------------------------------------------------------------


def refused(path: Path, what: str) -> None:
    for read in (read_frame, read_parts):
        with pytest.raises(FrameError, match=what) as caught:
            read(path)
        assert "\n" not in str(caught.value)
        assert path.name in str(caught.value)


def test_bad_files_are_refused_in_one_line(make_exr: Make, tmp_path: Path, capfd: Any) -> None:
    whole = make_exr(({**rgb(), "z": np.ones((6, 8), np.float32)}, {})).read_bytes()
    cases = {
        "empty.exr": (b"", "empty file"),
        "text.exr": (b"hello, this is no picture", "no OpenEXR"),
        "header.exr": (whole[:200], "cut off"),
        "magic.exr": (whole[:4], "cut off"),
        "byte.exr": (whole[:-1], "not whole"),
        "table.exr": (whole[: len(whole) - 300], "not whole"),
    }
    for name, (data, what) in cases.items():
        (tmp_path / name).write_bytes(data)
        refused(tmp_path / name, what)
    refused(tmp_path / "nope.exr", "no such file")
    (tmp_path / "folder.exr").mkdir()
    refused(tmp_path / "folder.exr", "folder")
    for kind in ("png", "jpeg"):
        output = oiio.ImageOutput.create(f"x.{kind}")
        output.open(str(tmp_path / f"{kind}.exr"), oiio.ImageSpec(4, 4, 3, "uint8"))
        output.write_image(np.zeros((4, 4, 3), np.uint8))
        output.close()
        refused(tmp_path / f"{kind}.exr", f"{kind.upper()} file")
    assert capfd.readouterr() == ("", "")


def test_a_file_whose_render_has_not_ended_is_refused(make_exr: Make) -> None:
    """A renderer fills the chunk table last: until then its entries are 0, and libraries read zeros."""
    channels = {name: half(64, 64, at) for at, name in enumerate("RGB")}
    path = make_exr((channels, {}))
    data = bytearray(path.read_bytes())
    header_end = data.index(b"screenWindowWidth") + len(b"screenWindowWidth\0float\0") + 8
    table = data.index(struct.pack("<Q", min(struct.unpack_from("<4Q", data, data.index(b"\0", header_end) + 1))))
    assert table > header_end
    data[table + 8 : table + 16] = bytes(8)
    path.write_bytes(data)
    refused(path, "not whole")


def test_a_damaged_block_is_refused(make_exr: Make, capsys: Any) -> None:
    path = make_exr(({name: half(64, 64, at) for at, name in enumerate("RGB")}, {}))
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 400] = b"\xff" * 400
    path.write_bytes(data)
    refused(path, "corrupt|damaged")
    assert capsys.readouterr().out == ""


def test_reading_in_threads_mutes_nobody_else(make_exr: Make, capsys: Any) -> None:
    path = make_exr(({name: half(300, 400, at) for at, name in enumerate("RGB")}, {}))
    before = sys.stdout
    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read_frame, path) for _ in range(24)]
        while not all(reader.done() for reader in readers):
            print("x", end="")
        list(pool.map(lambda _: print("y", end=""), range(24)))
    assert sys.stdout is before
    assert capsys.readouterr().out.endswith("y" * 24)


@pytest.mark.parametrize("size", [(2**31 - 1, 2**31 - 1), (200_000, 200_000), (0, 5), (2**20, 2**20)])
def test_a_header_that_lies_about_its_size_is_refused_without_allocating(make_exr: Make, size: Any) -> None:
    path = make_exr((rgb(), {}))
    old = struct.pack("<4i", 0, 0, 7, 5)
    data = path.read_bytes().replace(old, struct.pack("<4i", 0, 0, size[0] - 1, size[1] - 1), 1)
    path.write_bytes(data)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused(path, "damaged|GiB|not whole")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10


def test_deep_files_are_refused(tmp_path: Path) -> None:
    spec = oiio.ImageSpec(2, 2, 4, "half")
    spec.deep = True
    deep = oiio.DeepData()
    deep.init(spec)
    deep.set_samples(0, 1)
    output = oiio.ImageOutput.create("x.exr")
    assert output.open(str(tmp_path / "deep.exr"), spec)
    output.write_deep_image(deep)
    output.close()
    refused(tmp_path / "deep.exr", "flatten it first")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_refused(make_exr: Make) -> None:
    path = make_exr((rgb(), {}))
    path.chmod(0)
    refused(path, "permissions")


# --- writing ------------------------------------------------------------------------------------------------


def write_half(path: Path, error: type[BaseException]) -> None:
    with whole_file(path) as temporary:
        temporary.write_text("half")
        raise error


def test_a_failed_write_leaves_nothing_and_keeps_what_was_there(make_exr: Make, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.exr").write_text("before")
    for error in (KeyboardInterrupt, RuntimeError):
        with pytest.raises(error):
            write_half(out / "a.exr", error)
    frame = read_frame(make_exr((rgb(), {})))
    frame.parts[0].channels["G"] = half(3, 3)  # sizes that do not fit
    with pytest.raises(FrameError, match=r"a\.exr"):
        write_frame(frame, out / "a.exr")
    assert [path.name for path in out.iterdir()] == ["a.exr"]
    assert (out / "a.exr").read_text() == "before"


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    program = f"""
import resource, numpy as np
from pathlib import Path
from lookmatte.imaging.writer import new_part, write_parts_to
from lookmatte.errors import FrameError
noise = np.random.default_rng(0).random((500, 500)).astype(np.float32)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    write_parts_to([new_part({{"R": noise}})], Path({str(tmp_path)!r}) / "out.exr")
except FrameError as error:
    print(error)
"""
    done = run_python(program)
    assert done.stdout.startswith(f"{tmp_path}/out.exr: cannot be written")
    assert done.stdout.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_selection_cannot_be_written_back(make_exr: Make, tmp_path: Path) -> None:
    frame = read_frame(make_exr(({**rgb(), "Z": half()}, {})), only=set())
    with pytest.raises(ValueError, match="lose its other channels"):
        write_frame(frame, tmp_path / "out.exr")


def test_a_folder_that_cannot_be_made_is_a_frame_error(make_exr: Make, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FrameError, match="cannot be written"):
        write_frame(read_frame(make_exr((rgb(), {}))), tmp_path / "file" / "out.exr")


def test_memory_stays_near_the_decoded_size(tmp_path: Path) -> None:
    width, height = 3840, 2160
    pixels = np.zeros((height, width), np.float16)
    write_exr(tmp_path / "big.exr", ({name: pixels for name in "RGBA"}, {}))
    program = f"""
import resource, numpy, OpenEXR, OpenImageIO
from pathlib import Path
from lookmatte.imaging import reader, writer
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
idle = peak()
frame = reader.read_frame(Path({str(tmp_path)!r}) / "big.exr")
writer.write_frame(frame, Path({str(tmp_path)!r}) / "out.exr")
print(peak() - idle)
"""
    done = run_python(program)
    assert int(done.stdout) < width * height * 8 / 2**20 * 1.3 + 32


def test_compression_names_are_those_of_the_library() -> None:
    named = {int(value): name for name, value in OpenEXR.Compression.__members__.items()}
    for number, (name, _) in COMPRESSIONS.items():
        assert named[number] == f"{'no' if name == 'none' else name}_compression".upper()


def test_files_are_the_same_by_one_thread_and_by_several(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    planes = {name: random.random((200, 150)).astype(np.float16) for name in "RGB"}
    window = Window(0, 0, 150, 200)
    for compression in ("zip", "piz"):
        written = []
        for threads in (1, 3):
            path = tmp_path / f"{compression}.{threads}.exr"
            with threads_in_files(threads):
                assert OpenEXR.global_thread_count() == (threads if threads > 1 else 0)
                write_parts_to([Part("", planes, window, window, {}, compression)], path)
                read = read_frame(path)
            assert all(np.array_equal(read.parts[0].channels[name], planes[name]) for name in "RGB")
            written.append(path.read_bytes())
        assert written[0] == written[1]
    assert OpenEXR.global_thread_count() == 0
