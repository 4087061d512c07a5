"""Generated shots for the tests of rendering: real OpenEXR files, written by the OpenEXR module alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import OpenImageIO as oiio
import torch
from numpy.typing import NDArray

from lookmatte.imaging.manifest import id_of
from lookmatte.job import Job
from lookmatte.networks.model import Model
from lookmatte.progress import Silent
from lookmatte.rendering import RenderSummary, render

Plane = NDArray[Any]
REPOSITORY = Path(__file__).resolve().parents[2]
OBJECTS = ("hero", "car")
LAYER = "ViewLayer.CryptoObject"
KEY = "cryptomatte/f834d0a"
RED, BLUE = (0.95, 0.25, 0.15), (0.05, 0.10, 0.45)


def environment() -> dict[str, str]:
    path = os.pathsep.join(filter(None, [str(REPOSITORY / "core"), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


@dataclass
class Picture:
    """What a generated frame holds: premultiplied ``rgb`` (h, w, 3) and ``alpha``, coverage by object, straight
    colour by object."""

    rgb: Plane
    alpha: Plane
    coverage: dict[str, Plane]
    straight: dict[str, Plane]


def paint(
    width: int, height: int, frame: int, *, background: bool = False, inverted: bool = False, seed: int = 0
) -> Picture:
    """A disc that moves to the right over a box. Edges are anti-aliased; the colours have texture and grain."""
    over = 8
    y, x = (np.mgrid[0 : height * over, 0 : width * over] + 0.5) / over
    disc = (x - (0.22 * width + 0.6 * frame)) ** 2 + (y - 0.45 * height) ** 2 < (0.2 * height) ** 2
    box = (np.abs(x - 0.6 * width) < 0.26 * width) & (np.abs(y - 0.6 * height) < 0.22 * height) & ~disc

    def shrink(mask: Plane) -> Plane:
        return mask.reshape(height, over, width, over).mean((1, 3)).astype(np.float32)

    coverage = {"hero": shrink(disc), "car": shrink(box)}
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) + 0.5
    rng = np.random.default_rng([seed, frame])
    grain = 1 + 0.1 * rng.standard_normal((height, width, 1)).astype(np.float32)
    level = (0.25 + 0.5 * x / width + 0.15 * np.sin(y * 0.7))[..., None]
    straight = {
        "hero": (level * [0.5, 0.4, 0.3] * grain).astype(np.float32),
        "car": ((1 - level) * [0.2, 0.5, 0.6] * grain).astype(np.float32),
    }
    behind = np.abs((0.05 + 0.4 * y / height)[..., None] * [0.6, 0.7, 1.0] * grain).astype(np.float32)
    if inverted:
        behind = (np.where((x + y)[..., None] % 30 < 15, 2.0, 0.02) * behind[::-1]).astype(np.float32)
    rgb = sum(coverage[name][..., None] * np.abs(straight[name]) for name in OBJECTS)
    covered = sum(coverage.values())
    alpha = np.minimum(covered, 1).astype(np.float32)
    if background:
        rgb = rgb + (1 - alpha[..., None]) * behind
        alpha = np.ones_like(alpha)
    return Picture(np.asarray(rgb, np.float32), alpha, coverage, straight)


def cryptomatte(coverage: dict[str, Plane]) -> dict[str, Plane]:
    """Two ranks, the larger coverage first: LAYER00.r, g, b, a."""
    names = list(coverage)
    ids = np.array([id_of(name) for name in names], np.uint32).view(np.float32)
    stack = np.stack([coverage[name] for name in names])
    order = np.argsort(-stack, axis=0, kind="stable")
    channels = {}
    for rank, (ids_to, cover_to) in enumerate((("r", "g"), ("b", "a"))):
        if rank >= len(names):
            channels[f"{LAYER}00.{ids_to}"] = np.zeros(stack.shape[1:], np.float32)
            channels[f"{LAYER}00.{cover_to}"] = np.zeros(stack.shape[1:], np.float32)
            continue
        cover = np.take_along_axis(stack, order[rank : rank + 1], 0)[0].astype(np.float32)
        channels[f"{LAYER}00.{ids_to}"] = np.where(cover > 0, ids[order[rank]], np.float32(0))
        channels[f"{LAYER}00.{cover_to}"] = cover
    return channels


def manifest(names: tuple[str, ...] = OBJECTS) -> dict[str, Any]:
    listed = json.dumps({name: f"{id_of(name):08x}" for name in names})
    return {
        f"{KEY}/name": LAYER, f"{KEY}/hash": "MurmurHash3_32",
        f"{KEY}/conversion": "uint32_to_float32", f"{KEY}/manifest": listed,
    }  # fmt: skip


def write_exr(path: Path, channels: dict[str, Plane], header: dict[str, Any] | None = None) -> Path:
    """One part; header keys are OpenEXR's own, ``window`` and ``display`` are (x, y, width, height)."""
    made: dict[str, Any] = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage, **(header or {})}
    for short, long in (("window", "dataWindow"), ("display", "displayWindow")):
        if short in made:
            x, y, width, height = made.pop(short)
            made[long] = (np.array([x, y], np.int32), np.array([x + width - 1, y + height - 1], np.int32))
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {name: np.ascontiguousarray(pixels) for name, pixels in channels.items()}
    OpenEXR.File(made, arrays).write(str(path))
    return path


def write_plate(
    path: Path,
    picture: Picture,
    *,
    dtype: type = np.float16,
    names: tuple[str, ...] = OBJECTS,
    header: dict[str, Any] | None = None,
    more: dict[str, Plane] | None = None,
) -> Path:
    """A plate with colour, a float cryptomatte with its manifest, and whatever ``more`` there is."""
    channels: dict[str, Plane] = {name: picture.rgb[..., i].astype(dtype) for i, name in enumerate("RGB")}
    channels["A"] = picture.alpha.astype(dtype)
    channels.update(cryptomatte(picture.coverage))
    return write_exr(path, {**channels, **(more or {})}, {**manifest(names), **(header or {})})


def read_exr(path: Path) -> dict[str, Plane]:
    """All channels of the first part."""
    return {
        name: one.pixels for name, one in OpenEXR.File(str(path), separate_channels=True).parts[0].channels.items()
    }


def read_rgba(path: Path) -> tuple[Plane, Plane]:
    channels = read_exr(path)
    rgb = np.stack([channels[name].astype(np.float32) for name in "RGB"], -1)
    return rgb, channels["A"].astype(np.float32) if "A" in channels else np.ones(rgb.shape[:2], np.float32)


def bits(pixels: Plane) -> Plane:
    return pixels.view({2: np.uint16, 4: np.uint32}[pixels.dtype.itemsize])


def same_bits(one: Plane, other: Plane) -> bool:
    return one.dtype == other.dtype and np.array_equal(bits(one), bits(other))


def write_style(path: Path, colour: tuple[float, float, float], spread: float = 0.25) -> Path:
    """A PNG around one colour, with contrast."""
    y, x = np.mgrid[0:48, 0:48] / 48.0
    wave = 1 + spread * np.sin(9 * x + 5 * y)[..., None] + 0.1 * np.cos(23 * y)[..., None]
    pixels = (np.clip(np.array(colour) * wave, 0, 1) * 255).astype(np.uint8)
    return write_picture(path, pixels)


def write_picture(path: Path, pixels: Plane) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = pixels if pixels.ndim == 3 else pixels[..., None]
    out = oiio.ImageOutput.create(str(path))
    assert out.open(str(path), oiio.ImageSpec(pixels.shape[1], pixels.shape[0], pixels.shape[2], str(pixels.dtype)))
    assert out.write_image(np.ascontiguousarray(pixels))
    out.close()
    return path


class Told(Silent):
    """A progress that keeps what it is told."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.notes: list[str] = []
        self.failures: dict[int, str] = {}

    def warning(self, message: str) -> None:
        self.warnings.append(message)

    def note(self, message: str) -> None:
        self.notes.append(message)

    def frame_failed(self, frame: int, message: str) -> None:
        self.failures[frame] = message


@dataclass
class Shot:
    """A folder with a plate, styles, mattes, and a job that styles ``hero`` red and ``car`` blue."""

    folder: Path
    model: Path
    frames: tuple[int, ...]
    objects: tuple[str, ...] = OBJECTS

    def plate(self, frame: int) -> Path:
        return self.folder / f"plate/sh.{frame:04d}.exr"

    def output(self, frame: int, name: str = "out") -> Path:
        return self.folder / f"{name}/look.{frame:04d}.exr"

    def mapping(self, name: str = "out", **keys: Any) -> dict[str, Any]:
        styles = {"hero": "red.png", "car": "blue.png"}
        regions = {one: {"cryptomatte": one, "style": styles[one]} for one in self.objects}
        return {"plate": "plate/sh.####.exr", "output": f"{name}/look.####.exr", "regions": regions, **keys}

    def job(self, name: str = "out", **keys: Any) -> Job:
        return Job.from_mapping(self.mapping(name, **keys), self.folder)

    def render(self, name: str = "out", *, options: dict[str, Any] | None = None, **keys: Any) -> RenderSummary:
        return render(self.job(name, **keys), model=self.model, **(options or {}))

    def written(self, name: str = "out") -> dict[int, dict[str, Plane]]:
        """The channels of every frame that is there."""
        return {
            frame: read_exr(self.output(frame, name)) for frame in self.frames if self.output(frame, name).exists()
        }

    def save_job(self, file: str = "job.yaml", name: str = "out", **keys: Any) -> Path:
        """As a job file (JSON is YAML)."""
        path = self.folder / file
        path.write_text(json.dumps(self.mapping(name, **keys)), encoding="utf-8")
        return path

    def leftovers(self) -> list[Path]:
        return [path for path in self.folder.rglob("*") if ".tmp" in path.name]


def make_model(path: Path) -> Path:
    """Weights: untrained, but with a residual and a guide that do something."""
    torch.manual_seed(7)
    model = Model()
    with torch.no_grad():
        for head in (model.predictor.local, model.predictor.overall):
            head.weight.mul_(20.0)
        model.guide.w2.normal_(std=0.2)
    model.save(path)
    return path


def make_shot(
    folder: Path,
    model: Path,
    frames: range,
    *,
    size: tuple[int, int] = (64, 48),
    cut: int | None = None,
    objects: tuple[str, ...] = OBJECTS,
    **paint_as: Any,
) -> Shot:
    """Plates of ``frames`` and both styles, and a PNG matte sequence over the sky. From ``cut`` on the background
    is another."""
    shot = Shot(folder, model, tuple(frames), objects)
    paint_as = {"background": True, **paint_as}
    for frame in frames:
        other = cut is not None and frame >= cut
        picture = paint(*size, frame - frames[0], inverted=other, seed=int(other), **paint_as)
        write_plate(shot.plate(frame), picture)
        y, x = np.mgrid[0 : size[1] // 2, 0 : size[0] // 2]
        sky = ((y < size[1] // 8) & (x < size[0] // 3 + frame - frames[0])) * np.uint8(255)
        write_picture(folder / f"sky/sky.{frame:04d}.png", sky.astype(np.uint8))
    write_style(folder / "red.png", RED)
    write_style(folder / "blue.png", BLUE)
    write_style(folder / "green.png", (0.2, 0.7, 0.2))
    return shot


def equal(one: dict[int, dict[str, Plane]], other: dict[int, dict[str, Plane]]) -> bool:
    """The same frames with the same channels, bit for bit."""
    return one.keys() == other.keys() and all(
        one[frame].keys() == other[frame].keys()
        and all(same_bits(one[frame][name], other[frame][name]) for name in one[frame])
        for frame in one
    )


def lookmatte(*words: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The real command, as a process of its own."""
    command = [sys.executable, "-m", "lookmatte.cli", *map(str, words)]
    return subprocess.run(
        command, cwd=cwd, env=environment(), capture_output=True, text=True, check=False, timeout=300
    )


# Importing takes longer than most tests: a process that has imported everything, and run nothing, forks for each.
_NURSERY = """
import json, os, sys
import lookmatte.rendering, OpenEXR, OpenImageIO, PyOpenColorIO, fileseq
from lookmatte import cli

for line in sys.stdin:
    words, folder, out, err = json.loads(line)
    child = os.fork()
    if child == 0:
        os.chdir(folder)
        for path, handle in ((out, 1), (err, 2)):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), handle)
        code = cli.main(words)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Nursery:
    """Runs the command in processes forked from one that has its imports behind it."""

    def __init__(self, folder: Path) -> None:
        self._files = folder / "out.txt", folder / "err.txt"
        self._process = subprocess.Popen(
            [sys.executable, "-c", _NURSERY],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(), text=True,
        )  # fmt: skip

    def run(self, *words: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        request = [[str(word) for word in words], str(cwd or Path.cwd()), *map(str, self._files)]
        print(json.dumps(request), file=self._process.stdin, flush=True)
        code = int(self._process.stdout.readline())
        out, err = (path.read_text(encoding="utf-8") for path in self._files)
        return subprocess.CompletedProcess(request[0], code, out, err)

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)


def has_begun(pid: int) -> bool:
    """Is a command past Python's own start, where nobody can take a signal as it wants? It loads libraries then."""
    maps = Path(f"/proc/{pid}/maps")
    return "numpy" in maps.read_text() if maps.exists() else True


def stopped(
    words: list[object], cwd: Path, sign: signal.Signals, ready: Path | Callable[[int], bool], delay: float
) -> tuple[int, str]:
    """Start the command, send it a signal ``delay`` seconds after ``ready``: a file that is there, or what is asked
    with the process; exit code and errors."""
    process = subprocess.Popen(
        [sys.executable, "-m", "lookmatte.cli", *map(str, words)],
        cwd=cwd, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    is_ready = ready.exists if isinstance(ready, Path) else partial(ready, process.pid)
    while not is_ready() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(delay)
    process.send_signal(sign)
    _, errors = process.communicate(timeout=120)
    return process.returncode, errors


def whole_frames(made: Shot) -> list[int]:
    """Frames that are there; each must be readable to its last pixel."""
    found = []
    for frame in made.frames:
        if made.output(frame).exists():
            read_exr(made.output(frame))
            found.append(frame)
    return found
