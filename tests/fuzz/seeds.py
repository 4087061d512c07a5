"""Sound inputs to begin with, one of a kind: ``python -m tests.fuzz.seeds`` writes them into the corpus."""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import torch
from safetensors.torch import save

from lookmatte.bilateral.transport import Moments
from lookmatte.imaging.frame import Frame
from lookmatte.imaging.manifest import id_of
from lookmatte.imaging.writer import new_part, write_frame, write_parts_to
from lookmatte.looks.exposure import AMOUNTS
from lookmatte.looks.memory import Memory, Remembered
from lookmatte.networks.tensorfile import digest

CORPUS = Path(__file__).resolve().parent / "corpus"

JOBS = [
    """plate: plates/sh010.####.exr
frames: 1001-1048x2
output: out/sh010_look.####.exr
color: {space: ACEScg, view: AgX}
alpha: ignore
regions:
  hero: {cryptomatte: ["chr_*", "hero sword"], layer: object, style: gold.png,
         strength: {1001: 0, 1012: 0.8}, exposure_limit: 2}
  car:  {matte: {file: roto/car.####.exr, channel: R}, style: {image: gold.png, matte: day.png}, blend: grid}
  sky:  {channel: mask_sky.R, style: {1001: gold.png, 1048: day.png, ease: smooth}}
  rest: {style: day.png}
temporal: {mode: coherent, subsample: 4, cuts: [1013, 1040]}
""",
    """look: &look
  hero: &hero {cryptomatte: hero, style: gold.png}
regions: *look
""",
    """regions: {rest: {style: gold.png}}
shots:
  sh010: {plate: a.####.exr, output: out/a.####.exr}
  sh020: {plate: {file: b.%04d.exr, part: left}, output: $HOME/b.$F4.exr, regions: {rest: {style: day.png}}}
""",
    '{"plate": "p.#.exr", "output": "o.#.exr", "regions": {"rest": {"style": "gold.png", "strength": 0.5}}}',
    "plate: &a [*a]\n",
    "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n",
]  # fmt: skip

FRAMES = [
    "1001-1100x2", "1,5,9-12", "-5--1", "10-1", "1001-1001", "1-10x-2", "1 - 2 x 3", "–5", "1-1000000", "١-٣",
    "plates/sh010.####.exr\0sh.%04d.exr\0a.$F4.exr\0a@@@.exr", "../x.%d.exr", "a/b/", "~", "",
]  # fmt: skip

MANIFESTS = [
    json.dumps({"hero": f"{id_of('hero'):08x}", "lamp_post_1": "003e6d98", "Grüne Kugel": "x"}),
    "manifest.json\n{}", "../../etc/passwd\n", "/etc/passwd", "a\\b", '{"a": {"b": [1, null]}}', "[[[[",
    '{"a": 1e999}',
]  # fmt: skip

MESSAGES = [
    {"id": 1, "command": "hello", "arguments": {"protocol": 1, "host": 4711}},
    {"id": 2, "command": "inspect", "arguments": {"file": "a.exr", "base": "/shots", "layer": "object"}},
    {"id": 3, "command": "preview", "arguments": {"job": {"plate": "p"}, "frame": 5, "output": "o.png"}},
    {"id": 4, "command": "render", "arguments": {"job": "job.yaml", "frames": "1-2", "overwrite": True}},
    {"id": 5, "command": "cancel", "arguments": {"request": 4}},
    {"id": 6, "command": "shutdown"},
]

RULES: list[Any] = [
    {},
    {
        "version": "pathmapping-1.0",
        "path_mapping_rules": [
            {"source_path_format": "WINDOWS", "source_path": "S:\\shows", "destination_path": "/mnt/shows"},
            {"source_path_format": "POSIX", "source_path": "/shots", "destination_path": "/mnt/shots"},
            {"source_path_format": "URI", "source_path": "s3://x", "destination_path": "/x"},
        ],
    },
]


def index() -> dict[str, Any]:
    """A bake.json with every key."""
    guide = {"w1": [[0.1] * 4] * 16, "b1": [0.0] * 16, "w2": [0.0] * 16, "b2": 0.0}
    regions = [{"name": "hero", "blend": "pixel", "files": "00_hero"}, {"name": "rest", "blend": "rest"}]
    return {
        "format": 2, "bake": "b" * 64, "model": "m" * 64,
        "color": {"space": "ACEScg", "to_rec709": [[1, 0, 0], [0, 1, 0], [0, 0, 1]]},
        "guide": guide, "grid": {"depth": 8, "height": 16, "width": 16}, "regions": regions,
        "temporal": {"mode": "coherent", "subsample": 4}, "keys": [1001, 1005], "cuts": [1003], "complete": True,
    }  # fmt: skip


def state() -> bytes:
    """A state.safetensors that is taken for one's own."""
    moments = Moments(torch.zeros(1, 3), torch.zeros(1, 3, 3), torch.ones(1))
    memory = Memory({(0, 0): Remembered(moments, None, 20.0, torch.zeros(1, 3), 1001)}, torch.zeros(3, 16, 16))
    tensors = memory.tensors()
    said = {"frame": 1001, "bake": "b" * 64, "failed": {"1002": "s"}, "survey": {}, "sha256": digest(tensors)}
    return save(tensors, metadata={"lookmatte": json.dumps(said)})


def exrs(folder: Path) -> list[bytes]:
    """Small OpenEXR files: a sealed frame, a bake's grid would be too large, tiles, parts, a cryptomatte."""
    plane = np.arange(12, dtype=np.float16).reshape(3, 4)
    path = folder / "a.exr"
    found: list[bytes] = []
    attributes: dict[str, Any] = {
        "cryptomatte/f834d0a/name": "CryptoObject", "cryptomatte/f834d0a/hash": "MurmurHash3_32",
        "cryptomatte/f834d0a/manifest": '{"hero":"5e1b2c3d"}', "view": "left", "fps": (24, 1), "n": 1.5,
    }  # fmt: skip
    crypto = {f"CryptoObject00.{name}": plane.astype(np.float32) for name in "rgba"}
    part = new_part({**dict.fromkeys("RGBA", plane), **crypto}, attributes=attributes)
    write_frame(Frame(path, [part], ((0, "R"), (0, "G"), (0, "B")), (0, "A")), path, sealed=True)
    found.append(path.read_bytes())
    for compression in ("none", "rle", "zips", "piz", "pxr24", "b44", "dwaa"):
        write_parts_to([new_part(dict.fromkeys("RGB", plane), compression=compression)], path)
        found.append(path.read_bytes())
    parts = [new_part({"R": plane, "G": plane, "B": plane}, name=name) for name in ("left", "right")]
    write_parts_to([*parts, new_part({"Y": plane.astype(np.uint32)}, name="id")], path)
    found.append(path.read_bytes())
    tiles = OpenEXR.TileDescription()
    tiles.xSize = tiles.ySize = 2
    tiles.mode, tiles.roundingMode = OpenEXR.LevelMode.ONE_LEVEL, OpenEXR.LevelRoundingMode.ROUND_DOWN
    OpenEXR.File({"type": OpenEXR.tiledimage, "tiles": tiles}, dict.fromkeys("RGB", plane)).write(str(path))
    found.append(path.read_bytes())
    return found


def seeds() -> dict[str, list[bytes]]:
    """By target."""
    with tempfile.TemporaryDirectory() as folder:
        pictures = exrs(Path(folder))
    small = save({"w": torch.zeros(2)}, metadata={"lookmatte": "{}", "sha256": digest({"w": torch.zeros(2)})})
    return {
        "frames": [text.encode() for text in FRAMES],
        "job": [text.encode() for text in JOBS],
        "crypto_manifest": [text.encode() for text in MANIFESTS],
        "bake_index": [json.dumps(index()).encode()],
        "bake_exposure": [json.dumps([0.1] * (2 + len(AMOUNTS))).encode()],
        "bake_state": [state()],
        "weights": [small, b""],
        "message": [json.dumps(one).encode() for one in MESSAGES],
        "path_rules": [json.dumps(one).encode() for one in RULES],
        "exr": pictures,
    }


def keep(target: str, data: bytes) -> None:
    """Put an input into the corpus, under a name that is its checksum."""
    path = CORPUS / target / hashlib.sha256(data).hexdigest()[:16]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def main() -> None:
    """Write all seeds."""
    for target, inputs in seeds().items():
        for data in inputs:
            keep(target, data)


if __name__ == "__main__":
    main()
