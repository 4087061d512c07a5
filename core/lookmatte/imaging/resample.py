"""Resampling along one axis between two display windows, in taps: any band of rows can be made alone."""

from __future__ import annotations

import numpy as np

from lookmatte.imaging.frame import Weight

Span = tuple[int, int]  # (first pixel, count)


class Axis:
    """Maps ``count`` target pixels from ``start`` to weighted source pixels, along one axis.

    ``target`` and ``source`` are the display windows' spans that are laid over each other, ``data`` the
    source's data window. Bilinear when the source is enlarged or shrunk by up to 2, else an area average;
    equal sizes copy. Beyond display and data window the border continues; inside, absent pixels count 0.
    """

    def __init__(self, target: Span, source: Span, data: Span, start: int, count: int) -> None:
        scale = source[1] / target[1]
        place = np.arange(start, start + count, dtype=np.float64) - target[0]
        low = min(source[0], data[0])
        high = max(source[0] + source[1], data[0] + data[1])
        if source[1] == target[1]:
            index = (place.astype(np.int64) + source[0])[None]
            weight = np.ones(index.shape)
        elif scale <= 2:
            centre = (place + 0.5) * scale - 0.5 + source[0]
            floor = np.floor(centre).astype(np.int64)
            part = centre - floor
            index = np.stack([floor, floor + 1])
            weight = np.stack([1 - part, part])
        else:
            begin = place * scale + source[0]
            end = begin + scale
            taps = np.arange(int(np.ceil(scale)) + 1)[:, None]
            index = np.floor(begin).astype(np.int64)[None] + taps
            weight = np.clip(np.minimum(index + 1, end) - np.maximum(index, begin), 0, None) / scale
        index = np.clip(index, low, high - 1) - data[0]
        absent = (index < 0) | (index >= data[1])
        self._weight = np.where(absent, 0.0, weight).astype(np.float32)
        self._index = np.clip(index, 0, data[1] - 1)

    def span(self, begin: int, end: int) -> Span:
        """The source pixels that targets ``begin:end`` need: (first, one past the last)."""
        used = self._index[:, begin:end]
        if not used.size:
            return 0, 0
        return int(used.min()), int(used.max()) + 1

    def apply(
        self, values: Weight, *, axis: int, begin: int = 0, end: int | None = None, first: int = 0
    ) -> Weight:
        """Resample along ``axis`` to targets ``begin:end``; ``values`` begins at ``first``."""
        index = self._index[:, begin:end] - first
        weight = self._weight[:, begin:end]
        if len(index) == 1 and (weight == 1).all():
            copied: Weight = np.take(values, index[0], axis=axis)
            return copied
        shape = (1, -1) if axis == 1 else (-1, 1)
        total: Weight | None = None
        for places, amount in zip(index, weight, strict=True):
            part = np.take(values, places, axis=axis)
            part *= amount.reshape(shape)
            total = part if total is None else np.add(total, part, out=total)
        assert total is not None  # there is always a tap
        return total
