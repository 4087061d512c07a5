"""Mattes: where a region's weight comes from. A new source of mattes is a new class with these members."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from lookmatte.imaging.align import overlap
from lookmatte.imaging.frame import Frame, Pixels, Weight, Window
from lookmatte.imaging.mattefile import MatteFile
from lookmatte.imaging.resample import Axis


def as_float(pixels: Pixels) -> Weight:
    """Stored values as float32: the same array where they are."""
    if pixels.dtype != np.float16:
        return np.asarray(pixels, dtype=np.float32)
    import torch  # ten times as fast as numpy, which converts halves one at a time

    wide: Weight = torch.from_numpy(np.ascontiguousarray(pixels)).float().numpy()
    return wide


class Matte(Protocol):
    """A matte over the plate's data window, read in bands so that an 8K frame never lies there whole.

    ``coverage`` is True when the values are coverage of the pixel from the same render, alpha included, so
    that the weight on un-premultiplied colour is min(1, coverage / alpha); False when they are the weight
    itself (files, roto). ``peak`` (the largest value) and ``nonfinite`` (NaN or infinite pixels, read as 0)
    cover the rows read so far: after all rows, a peak of 0 is an empty matte. ``notes`` are for a person.
    """

    @property
    def coverage(self) -> bool: ...
    @property
    def peak(self) -> float: ...
    @property
    def nonfinite(self) -> int: ...
    @property
    def notes(self) -> list[str]: ...

    def rows(self, y0: int, y1: int) -> Weight:
        """Rows ``y0:y1``, 0 the first of the plate's data window: float32 (y1 - y0, width), in [0, 1]. They may be
        the frame's own: nobody writes to them."""
        ...


class _Gathering:
    """What every matte learns while its rows are read: in any order, however often, by several threads."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._nonfinite = np.zeros(window.height, dtype=np.int64)
        self._peaks = np.zeros(window.height, dtype=np.float32)
        self.notes: list[str] = []

    @property
    def nonfinite(self) -> int:
        return int(self._nonfinite.sum())

    @property
    def peak(self) -> float:
        return float(self._peaks.max(initial=0.0))

    def _clean(self, y0: int, y1: int, values: Weight) -> Weight:
        """Clamp to [0, 1], where that changes anything in a copy; NaN and infinities become 0 and are counted."""
        peaks = values.max(axis=1, initial=0.0)
        # NaN is in no order, so that this holds for values which need no cleaning alone.
        if not (values.min(initial=0.0) >= 0.0 and peaks.max(initial=0.0) <= 1.0):
            finite = np.isfinite(values)
            self._nonfinite[y0:y1] = (~finite).sum(axis=1)
            values = np.clip(np.where(finite, values, np.float32(0.0)), 0.0, 1.0)
            peaks = values.max(axis=1, initial=0.0)
        self._peaks[y0:y1] = peaks
        return values


class ChannelMatte(_Gathering):
    """A channel of the plate's own file (an AOV) as coverage; 0 where its part's data window ends."""

    coverage = True

    def __init__(self, frame: Frame, channel: str) -> None:
        """``channel`` as in Frame.find. Raises FrameError when there is none, naming the nearest."""
        super().__init__(frame.plate.data_window)
        key = frame.find(channel)
        self.name = key[1]
        self._pixels = frame.pixels(key)
        self._other = frame.parts[key[0]].data_window

    def rows(self, y0: int, y1: int) -> Weight:
        """Rows ``y0:y1`` of the plate's data window: float32 (y1 - y0, width), in [0, 1]."""
        if self._other == self._window:
            return self._clean(y0, y1, as_float(self._pixels[y0:y1]))
        values = np.zeros((y1 - y0, self._window.width), dtype=np.float32)
        found = overlap(self._window, self._other, y0, y1)
        if found is not None:
            values[found[0]] = self._pixels[found[1]]
        return self._clean(y0, y1, values)


class FileMatte(_Gathering):
    """A matte picture (PNG, TIFF, JPEG, EXR) of any resolution, laid over the plate's display window.

    The matte's display window is mapped onto the plate's: bilinear when it is enlarged or shrunk by up to
    2, an exact area average when it is shrunk by more; the same size is copied. Beyond its display window
    (a plate with overscan) the border continues, unless the matte's own data window goes on.
    """

    coverage = False

    def __init__(self, frame: Frame | Window, picture: MatteFile) -> None:
        """``frame`` is the plate, or the window of a picture without one (a style that has a matte)."""
        plate = frame if isinstance(frame, Window) else frame.plate.data_window
        display = frame if isinstance(frame, Window) else frame.plate.display_window
        super().__init__(plate)
        own = picture.display_window
        self._picture = picture
        data = picture.data_window
        self._across = Axis(
            (display.x, display.width), (own.x, own.width), (data.x, data.width), plate.x, plate.width
        )
        self._down = Axis(
            (display.y, display.height), (own.y, own.height), (data.y, data.height), plate.y, plate.height
        )
        plate_shape, own_shape = display.width / display.height, own.width / own.height
        if abs(plate_shape / own_shape - 1) > 0.01:
            self.notes.append(
                f"{picture.path.name}: {own.width}x{own.height} is stretched to the plate's shape, "
                f"{display.width}x{display.height}"
            )
        self.notes.extend(picture.notes)

    def rows(self, y0: int, y1: int) -> Weight:
        """Rows ``y0:y1`` of the plate's data window: float32 (y1 - y0, width), in [0, 1]."""
        values = np.zeros((y1 - y0, self._window.width), dtype=np.float32)
        bad = np.zeros(y1 - y0, dtype=np.int64)
        first, last = self._down.span(y0, y1)
        if first < last:
            source = self._picture.values(first, last)
            finite = np.isfinite(source)
            if not finite.all():
                broken = self._across.apply((~finite).astype(np.float32), axis=1)
                broken = self._down.apply(broken, axis=0, begin=y0, end=y1, first=first)
                bad += (broken > 0).sum(axis=1)
                source[~finite] = 0.0
            np.clip(source, 0.0, 1.0, out=source)
            across = self._across.apply(source, axis=1)
            values = self._down.apply(across, axis=0, begin=y0, end=y1, first=first)
        values = self._clean(y0, y1, values)
        self._nonfinite[y0:y1] = bad
        return values
