"""What one training step sees: contents with regions, and a style for each. All of it follows from seed and
step."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from lookmatte.errors import InputError
from lookmatte.networks.model import PROXY_SIZE
from lookmatte.training.augment import colour, plate, uniform
from lookmatte.training.mattes import Labels, pick_region, read_labels, roughen
from lookmatte.training.photos import photo_paths, read_rgb

HELD_OUT_CLIPS = ("goat",)
"""Clips that are never trained on."""

CLIP_FRAMES = 5
STYLES = 1200
"""Number of styles, drawn and graded once per run, so that the judge needs to look at each only once."""


@dataclass(frozen=True)
class Photo:
    """A photograph (3, h, w) uint8 with a label map, where there is one; ``look`` names its look, where it
    has a strong one."""

    name: str
    rgb: Tensor
    labels: Labels | None
    look: str


@dataclass(frozen=True)
class Clip:
    """Consecutive frames (3, h, w) uint8 with a mask (h, w) each."""

    name: str
    frames: list[Tensor]
    masks: list[Labels]


@dataclass(frozen=True)
class Material:
    """All pictures of one side of the split."""

    photos: list[Photo]
    clips: list[Clip]

    @property
    def labelled(self) -> list[Photo]:
        """The photographs that have label maps."""
        return [photo for photo in self.photos if photo.labels is not None]


@dataclass(frozen=True)
class Scene:
    """One step's worth.

    ``content`` (N, 3, 256, 256) in the working encoding, above 1 in highlights; ``truth`` and ``given`` (N, 1,
    256, 256), the true and the rough matte of the first region, the rest of the picture being the second one, or
    None where the whole frame is the one region; ``styles`` and ``weights`` hold per region (N, 3, s, s) and (N,
    1, s, s), ``names`` the styles' numbers (one, for all frames, in a ``clip``: consecutive frames).
    """

    content: Tensor
    truth: Tensor | None
    given: Tensor | None
    styles: list[Tensor]
    weights: list[Tensor]
    names: list[list[int]]
    clip: bool = False


def load(data: Path, held: bool, short_side: int = 288) -> Material:
    """Read the photographs, label maps and clips of one side of the split into memory."""
    looks = data / "photos" / "looks.txt"
    named: dict[str, str] = {}
    if looks.is_file():
        lines = [line.split(maxsplit=1) for line in looks.read_text(encoding="utf-8").splitlines() if line.strip()]
        named = {line[0]: line[-1] for line in lines}
    photos = []
    for path in photo_paths(data, held):
        labels = read_labels(data / "photos" / "masks" / f"{path.stem}.png")
        photos.append(Photo(path.stem, read_rgb(path, short_side), labels, named.get(path.name, "")))
    clips = []
    for folder in sorted((data / "clips").glob("*")):
        pairs = [
            (frame, folder / "masks" / f"{frame.stem}.png")
            for frame in sorted((folder / "frames").glob("*.jpg"))
            if (folder / "masks" / f"{frame.stem}.png").is_file()
        ]
        if pairs and (folder.name in HELD_OUT_CLIPS) == held:
            masks = [labels for _, mask in pairs if (labels := read_labels(mask)) is not None]
            clips.append(Clip(folder.name, [read_rgb(frame, short_side) for frame, _ in pairs], masks))
    if not photos:
        raise InputError(f"{data}: no photographs for {'measuring' if held else 'training'}")
    return Material(photos, clips)


def fit(picture: Tensor, size: int) -> Tensor:
    """(C, h, w), uint8 or mask, -> (C, size, size) float in [0, 1], squashed by area."""
    x = picture.float()[None] / 255.0
    small = functional.interpolate(x, (size, size), mode="bilinear", align_corners=False, antialias=True)
    return small[0].clamp(0.0, 1.0)


class Sampler:
    """Draws scenes from a material. ``size`` is the side at which styles are judged."""

    def __init__(self, material: Material, size: int, seed: int, batch: int, clip_frames: int = 3) -> None:
        self.material, self.size, self.seed, self.batch = material, size, seed, batch
        self.clip_frames = min(clip_frames, CLIP_FRAMES)
        self._labelled = material.labelled
        self._styles: dict[int, tuple[Tensor, Tensor]] = {}
        self._looks: dict[str, list[Photo]] = {}
        for photo in material.photos:
            if photo.look:
                self._looks.setdefault(photo.look, []).append(photo)

    def generator(self, step: int) -> torch.Generator:
        """Randomness of one step."""
        return torch.Generator().manual_seed(zlib.crc32(f"{self.seed} {step}".encode()))

    def style(self, name: int) -> tuple[Tensor, Tensor]:
        """Style number ``name``, (3, s, s), with its weight (1, s, s): half of the styles have a strong look,
        some are only a part of their picture."""
        if name not in self._styles:
            self._styles[name] = self._make_style(torch.Generator().manual_seed(self.seed * 1_000_003 + name))
        return self._styles[name]

    def _make_style(self, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        pool = self.material.photos
        if float(torch.rand((), generator=generator)) < 0.5 and self._looks:
            # Night and fog shall be as common as noon, as far as there are photographs of them.
            rare = torch.tensor([len(photos) ** 0.5 for photos in self._looks.values()])
            pool = list(self._looks.values())[int(torch.multinomial(rare, 1, generator=generator))]
        part = self._labelled and float(torch.rand((), generator=generator)) < 0.15
        if part:
            pool = self._labelled
        photo = pool[int(torch.randint(0, len(pool), (), generator=generator))]
        rgb, weight = _crop(photo, generator, 0.75, part=bool(part))
        picture = fit(rgb, self.size)
        if float(torch.rand((), generator=generator)) < 0.4:
            picture = colour(picture[None], generator, 0.6)[0]
        return picture, fit(weight, self.size)

    def scene(self, step: int, kind: str) -> Scene:
        """The scene of a step; ``kind`` is "whole", "split" (two regions) or "clip" (consecutive frames,
        split).

        A split without labelled photographs, or a clip without clips, becomes whole.
        """
        generator = self.generator(step)
        if kind == "clip" and self.material.clips:
            return self._clip(generator)
        split = kind == "split" and bool(self._labelled)
        pool = self._labelled if split else self.material.photos
        contents, truths, given = [], [], []
        for _ in range(self.batch):
            photo = pool[int(torch.randint(0, len(pool), (), generator=generator))]
            rgb, mask = _crop(photo, generator, 0.7, part=split)
            contents.append(fit(rgb, PROXY_SIZE))
            if split:
                truths.append(fit(mask, PROXY_SIZE))
                given.append(roughen(truths[-1], generator))
        content = plate(colour(torch.stack(contents), generator, 0.6), generator)
        names = torch.randint(0, STYLES, (2 if split else 1, self.batch), generator=generator).tolist()
        drawn = [[self.style(name) for name in row] for row in names]
        return Scene(
            content,
            torch.stack(truths) if split else None,
            torch.stack(given) if split else None,
            [torch.stack([style for style, _ in row]) for row in drawn],
            [torch.stack([weight for _, weight in row]) for row in drawn],
            names,
        )

    def _clip(self, generator: torch.Generator) -> Scene:
        clips = self.material.clips
        clip = clips[int(torch.randint(0, len(clips), (), generator=generator))]
        count = min(self.clip_frames, len(clip.frames), len(clip.masks))
        first = int(torch.randint(0, min(len(clip.frames), len(clip.masks)) - count + 1, (), generator=generator))
        chosen = range(first, first + count)
        flip = float(torch.rand((), generator=generator)) < 0.5
        content = torch.stack([fit(clip.frames[i], PROXY_SIZE) for i in chosen])
        truth = torch.stack([fit(torch.from_numpy(clip.masks[i])[None], PROXY_SIZE) for i in chosen])
        if flip:
            content, truth = content.flip(-1), truth.flip(-1)
        given = torch.stack([roughen(matte, generator, 3) for matte in truth])
        names = torch.randint(0, STYLES, (2, 1), generator=generator).tolist()
        regions = [self.style(row[0]) for row in names]
        return Scene(
            content,
            truth,
            given,
            [style.expand(count, -1, -1, -1) for style, _ in regions],
            [weight.expand(count, -1, -1, -1) for _, weight in regions],
            names,
            clip=True,
        )


def _crop(photo: Photo, generator: torch.Generator, full: float, part: bool) -> tuple[Tensor, Tensor]:
    """A crop (or all) of a photograph with a mask, both uint8 (C, h, w); all 255 unless ``part``."""
    rgb = photo.rgb
    mask = torch.full_like(rgb[:1], 255)
    if part and photo.labels is not None:
        region = pick_region(photo.labels, generator)
        if region is not None:
            resized = functional.interpolate(
                torch.from_numpy(region)[None, None].float(), rgb.shape[1:], mode="nearest"
            )
            mask = resized[0].to(torch.uint8)
    if float(torch.rand((), generator=generator)) >= full:
        share = float(uniform(generator, 0.6, 0.95))
        h, w = max(16, int(rgb.shape[1] * share)), max(16, int(rgb.shape[2] * share))
        y = int(torch.randint(0, rgb.shape[1] - h + 1, (), generator=generator))
        x = int(torch.randint(0, rgb.shape[2] - w + 1, (), generator=generator))
        cut = mask[:, y : y + h, x : x + w]
        # A crop that lost its region, or has nothing else, is no use as a split.
        if not part or 0.04 < float(cut.float().mean()) / 255.0 < 0.9:
            rgb, mask = rgb[:, y : y + h, x : x + w], cut
    if float(torch.rand((), generator=generator)) < 0.5:
        rgb, mask = rgb.flip(-1), mask.flip(-1)
    return rgb, mask
