"""What is recalled of a reference is what would be computed, to the bit, or nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from exr_files import write_exr
from lookmatte.errors import InputError
from lookmatte.imaging.picture import write_png
from lookmatte.job import StyleRef
from lookmatte.looks.baker import Baker, RegionLook
from lookmatte.looks.proxy import PROXY, FrameProxy, RegionProxy
from lookmatte.looks.style import Style
from lookmatte.networks.model import Model
from lookmatte.rendering import stylecache, styles
from lookmatte.rendering.styles import load_style


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own, and no colour configuration of the machine's."""
    monkeypatch.setenv("LOOKMATTE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("OCIO", raising=False)
    return tmp_path / "cache" / "styles"


@pytest.fixture(scope="module")
def network() -> Model:
    return Model.load()


def _photo(path: Path, seed: int = 1) -> StyleRef:
    coarse = torch.rand(1, 3, 7, 9, generator=torch.Generator().manual_seed(seed))
    rgb = torch.nn.functional.interpolate(coarse, (140, 180), mode="bicubic").clamp(0, 1)[0]
    write_png(path, (rgb.permute(1, 2, 0) * 255).round().to(torch.uint8).numpy())
    return StyleRef(str(path))


def _bake(network: Model, style: StyleRef, view: str | None = None) -> torch.Tensor:
    rgb = torch.rand(3, PROXY, PROXY, generator=torch.Generator().manual_seed(3))
    whole = torch.ones(PROXY, PROXY)
    baker = Baker(network, [RegionLook("all", "pixel", (load_style(style, view),))], "frame")
    return baker.bake(FrameProxy(1, rgb, whole, {"all": RegionProxy(rgb, whole, whole)})).regions[0].grid


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.safetensors"))


def _refuse(*_: object) -> None:
    raise AssertionError("decoded again")


def test_a_reference_is_decoded_once_and_bakes_the_same_bits(
    folder: Path, tmp_path: Path, network: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    style = _photo(tmp_path / "style.png")
    first = _bake(network, style)
    assert len(_entries(folder)) == 1
    with monkeypatch.context() as patched:
        patched.setattr(styles, "read_picture", _refuse)
        assert torch.equal(_bake(network, style), first)
        moved = tmp_path / "elsewhere" / "renamed.png"
        moved.parent.mkdir()
        Path(style.image).rename(moved)
        assert torch.equal(_bake(network, StyleRef(str(moved))), first)
    monkeypatch.setenv("LOOKMATTE_CACHE", "off")
    assert torch.equal(_bake(network, StyleRef(str(moved))), first)
    assert len(_entries(folder)) == 1


def test_its_pixels_are_still_there_for_who_asks(folder: Path, tmp_path: Path, network: Model) -> None:
    style = _photo(tmp_path / "style.png")
    _bake(network, style)
    again = load_style(style, None)
    assert again.name == "style.png"
    assert torch.equal(again.rgb, styles.read_style(style, None).rgb)
    assert torch.equal(again.weight, styles.read_style(style, None).weight)


def test_whatever_it_depends_on_makes_another_entry(
    folder: Path, tmp_path: Path, network: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    style = _photo(tmp_path / "style.png")
    made = [_bake(network, style), _bake(network, style, "Un-tone-mapped")]
    half = np.zeros((20, 20, 3), np.uint8)
    half[:, :10] = 255
    write_png(tmp_path / "matte.png", half)
    matted = StyleRef(style.image, str(tmp_path / "matte.png"))
    made.append(_bake(network, matted))
    write_png(tmp_path / "matte.png", half[:, ::-1].copy())
    made.append(_bake(network, matted))
    made.append(_bake(network, _photo(tmp_path / "style.png", seed=2)))
    made.append(_bake(Model().eval().requires_grad_(False), _photo(tmp_path / "style.png")))
    monkeypatch.setattr(stylecache, "_build", lambda: "another build")
    _bake(network, style)
    assert len(_entries(folder)) == len(made) + 1
    assert not any(torch.equal(a, b) for index, a in enumerate(made) for b in made[:index])


@pytest.mark.parametrize("damage", ["cut", "emptied", "text", "folder", "another's", "bits"])
def test_a_broken_or_foreign_entry_is_replaced(damage: str, folder: Path, tmp_path: Path, network: Model) -> None:
    style = _photo(tmp_path / "style.png")
    first = _bake(network, style)
    (entry,) = _entries(folder)
    whole = entry.read_bytes()
    if damage == "cut":
        entry.write_bytes(whole[:-40])
    elif damage == "emptied":
        entry.write_bytes(b"")
    elif damage == "text":
        entry.write_text("no tensors at all\n" * 50, encoding="utf-8")
    elif damage == "folder":
        entry.unlink()
        entry.mkdir()
    elif damage == "another's":
        _bake(network, _photo(tmp_path / "other.png", seed=9))
        (other,) = (one for one in _entries(folder) if one != entry)
        entry.write_bytes(other.read_bytes())
    else:
        entry.write_bytes(whole[:-40] + bytes(byte ^ 1 for byte in whole[-40:]))
    assert torch.equal(_bake(network, style), first)
    if damage != "folder":
        assert entry.read_bytes() == whole


@given(st.binary(max_size=300))
@settings(max_examples=60)
def test_no_file_is_an_entry_but_a_kept_one(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    cache = stylecache.StyleCache(tmp_path_factory.mktemp("cache"), "0" * 32)
    tensors = {"a": torch.arange(4.0)}
    cache.keep("model", tensors)
    kept = cache.recall("model")
    assert kept is not None
    assert torch.equal(kept["a"], tensors["a"])
    assert cache.recall("another model") is None
    (entry,) = cache.folder.iterdir()
    entry.write_bytes(content)
    assert cache.recall("model") is None


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs a user whom a folder can refuse")
def test_a_folder_that_refuses_is_not_used(folder: Path, tmp_path: Path, network: Model) -> None:
    folder.mkdir(parents=True)
    folder.chmod(0o500)
    try:
        _bake(network, _photo(tmp_path / "style.png"))
    finally:
        folder.chmod(0o700)
    assert not _entries(folder)


def test_a_file_in_the_place_of_the_folder_is_not_used(folder: Path, tmp_path: Path, network: Model) -> None:
    folder.parent.write_text("a file", encoding="utf-8")
    expected = Style.of(styles.read_style(_photo(tmp_path / "style.png"), None), network, "")
    assert torch.equal(
        Style.of(load_style(_photo(tmp_path / "style.png"), None), network, "").moments.mean, expected.moments.mean
    )
    assert folder.parent.read_text(encoding="utf-8") == "a file"


def test_the_entries_used_longest_ago_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stylecache, "MOST", 3)
    left = tmp_path / ".style.safetensors.17.0123abcd.tmp"
    left.write_bytes(b"half")
    os.utime(left, (1.0, 1.0))
    caches = [stylecache.StyleCache(tmp_path, f"{number:032d}") for number in range(5)]
    for number, cache in enumerate(caches):
        cache.keep("m", {"a": torch.tensor([float(number)])})
        for path in tmp_path.glob(f"{cache.origin}*"):
            os.utime(path, (1000.0 + number, 1000.0 + number))
        if number == 2:
            assert caches[0].recall("m") is not None  # used again, so it stays
    assert [cache.recall("m") is not None for cache in caches] == [True, False, False, True, True]
    assert not left.exists()


def test_what_is_wrong_with_a_picture_is_said_at_once(folder: Path, tmp_path: Path) -> None:
    broken = tmp_path / "style.png"
    broken.write_bytes(b"\x89PNG and nothing more")
    for _ in range(2):
        with pytest.raises(InputError, match=r"style\.png"):
            load_style(StyleRef(str(broken)), None)
    with pytest.raises(InputError, match="there is no such picture"):
        load_style(StyleRef(str(tmp_path / "none.png")), None)
    assert not folder.exists()


def test_a_configuration_of_ones_own_is_not_relied_on(
    folder: Path, tmp_path: Path, network: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its files may change behind its name; pictures that ask nothing of it are kept all the same."""
    linear = write_exr(tmp_path / "linear.exr", ({name: np.full((6, 8), 0.4, np.float32) for name in "RGB"}, {}))
    monkeypatch.setenv("OCIO", str(tmp_path / "studio.ocio"))
    Style.of(load_style(_photo(tmp_path / "style.png"), None), network, "m")
    assert len(_entries(folder)) == 1
    assert styles._origin(StyleRef(str(linear)), None) is None
    assert styles._origin(_photo(tmp_path / "style.png"), "AgX") is None


def test_where_it_lies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LOOKMATTE_CACHE", str(tmp_path))
    assert stylecache.cache_folder() == tmp_path / "styles"
    monkeypatch.setenv("LOOKMATTE_CACHE", "OFF")
    assert stylecache.cache_folder() is None
    monkeypatch.delenv("LOOKMATTE_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    expected = {
        "linux": tmp_path / "xdg" / "lookmatte" / "styles",
        "darwin": tmp_path / "home" / "Library" / "Caches" / "lookmatte" / "styles",
        "win32": tmp_path / "local" / "lookmatte" / "Cache" / "styles",
    }
    for system, place in expected.items():
        monkeypatch.setattr(sys, "platform", system)
        assert stylecache.cache_folder() == place
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert stylecache.cache_folder() == tmp_path / "home" / ".cache" / "lookmatte" / "styles"


def test_two_processes_agree_on_the_entry(folder: Path, tmp_path: Path, network: Model) -> None:
    style = _photo(tmp_path / "style.png")
    code = (
        "import sys; from lookmatte.job import StyleRef; from lookmatte.networks.model import Model\n"
        "from lookmatte.looks.style import Style; from lookmatte.rendering.styles import load_style\n"
        "model = Model.load(); Style.of(load_style(StyleRef(sys.argv[1]), None), model, model.checksum)\n"
    )
    subprocess.run([sys.executable, "-c", code, style.image], check=True)
    entries = {path: path.read_bytes() for path in _entries(folder)}
    _bake(network, style)
    assert len(entries) == 1
    assert {path: path.read_bytes() for path in _entries(folder)} == entries
