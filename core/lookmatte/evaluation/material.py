"""A pair's pictures and masks, read when they are needed and kept by nobody."""

from __future__ import annotations

import numpy as np

from lookmatte.evaluation.pairs import Pair, StyleSpec
from lookmatte.evaluation.pictures import Labels, Rgb, Weight, read, read_labels, resize_labels


def content(pair: Pair, frame: int, longest: int) -> Rgb:
    """A frame of the content, its longer side at most ``longest``. Raises InputError."""
    return read(pair.content.path(frame), longest)


def style(spec: StyleSpec, longest: int) -> tuple[Rgb, Weight]:
    """A style and the weight (h, w) of the part of it that counts. Raises InputError."""
    picture = read(spec.image, longest)
    if spec.mask is None or spec.mask_label is None:
        return picture, np.ones(picture.shape[:2], np.float32)
    return picture, _chosen(read_labels(spec.mask), spec.mask_label, (picture.shape[0], picture.shape[1]))


def weights(pair: Pair, frame: int, size: tuple[int, int], *, given: bool = False) -> list[Weight]:
    """Each style's region of a frame at (height, width), 0 or 1; ``given``: as the pair's rough mask has it, where
    there is one. Raises InputError."""
    mask = pair.given if given and pair.given is not None else pair.mask
    if mask is None:
        return [np.ones(size, np.float32) for _ in pair.styles]
    labels = read_labels(mask.path(frame))
    return [
        np.ones(size, np.float32) if spec.label is None else _chosen(labels, spec.label, size)
        for spec in pair.styles
    ]


def _chosen(labels: Labels, label: int, size: tuple[int, int]) -> Weight:
    """Where the nearest label at (height, width) is this one."""
    return np.asarray(resize_labels(labels, size) == label, np.float32)
