"""One matte from a picture file: the channel that is the matte, as the file stores it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookmatte.errors import FrameError, InputError, nearest
from lookmatte.imaging.frame import Pixels, Weight, Window
from lookmatte.imaging.memory import too_large
from lookmatte.imaging.patience import at_second_glance, is_file
from lookmatte.imaging.reader import read_header, read_parts

LARGEST = 1 << 30  # samples; beyond any plate (16K RGBA has 566 million), below what exhausts a machine

_LUMINANCE = (0.2126, 0.7152, 0.0722)
_RANGE = {np.dtype(np.uint8): 255.0, np.dtype(np.uint16): 65535.0}


@dataclass
class MatteFile:
    """A matte as a file holds it: one plane, or three whose luminance is the matte (Rec.709 weights).

    The planes are (height, width) over ``data_window`` in the stored type, so that an 8K matte of bytes
    stays 33 MB; ``values`` converts a band.
    """

    path: Path
    planes: list[Pixels]
    data_window: Window
    display_window: Window
    notes: list[str] = field(default_factory=list)

    def values(self, first: int, last: int) -> Weight:
        """Rows ``first:last`` of the data window, float32: bytes / 255, 16 bits / 65535, floats as is."""
        weights = (1.0,) if len(self.planes) == 1 else _LUMINANCE
        total: Weight = np.zeros((last - first, self.data_window.width), dtype=np.float32)
        for plane, weight in zip(self.planes, weights, strict=True):
            scale = np.float32(weight / _RANGE.get(plane.dtype, 1.0))
            total += plane[first:last].astype(np.float32) * scale
        return total


def load_matte(path: Path, channel: str | None = None) -> MatteFile:
    """Read the matte in a picture: PNG, TIFF, JPEG, EXR or what else OpenImageIO reads.

    ``channel`` names one (case is ignored where that is unambiguous). Without it: alpha where it is there
    and not the same everywhere, else the luminance of RGB, else the only channel. No colour space applies: a
    matte is data. Raises FrameError for a file that cannot be read, InputError for an unknown channel.
    """
    path = Path(path)
    if not is_file(path):
        raise FrameError(f"{path}: there is no such matte file")
    if path.suffix.casefold() == ".exr":
        return _load_exr(path, channel)
    try:
        if said := too_large(path):
            raise FrameError(said)
        return at_second_glance(lambda: _load_picture(path, channel), path)
    except OSError as error:
        raise FrameError(f"{path}: cannot be read ({error.strerror or error})") from None


def _load_exr(path: Path, channel: str | None) -> MatteFile:
    header = read_header(path)
    names = [(index, name) for index, part in enumerate(header.parts) for name in part.channels]
    if channel is not None:
        spellings = {key: {key[1], f"{header.parts[key[0]].name}.{key[1]}"} for key in names}
        wanted = [_find(path, channel, spellings)]
    elif header.plate is not None:
        wanted = list(header.plate.rgb)
        if header.plate.alpha is not None:
            wanted.append(header.plate.alpha)
    elif len(names) == 1:
        wanted = names
    else:
        wanted = [key for key in names if key[1].casefold() in ("y", "a", "alpha", "mask", "matte")][:1]
        if not wanted:
            shown = ", ".join(name for _, name in names[:8])
            raise InputError(f"{path}: name the matte's channel, as {path.name}:CHANNEL; there is: {shown}")
    parts = read_parts(path, only=set(wanted))
    first = parts[wanted[0][0]]
    planes = _choose([parts[index].channels[name] for index, name in wanted])
    return MatteFile(path, planes, first.data_window, first.display_window)


def _load_picture(path: Path, channel: str | None) -> MatteFile:
    import OpenImageIO as oiio

    hints = oiio.ImageSpec()
    hints.attribute("oiio:UnassociatedAlpha", 1)
    oiio.attribute("oiio:print_uncaught_errors", 0)
    source = oiio.ImageInput.open(str(path), hints)
    if source is None:
        raise FrameError(f"{path}: not a picture that can be read ({_line(oiio.geterror())})")
    try:
        spec = source.spec()
        if spec.deep or spec.depth > 1:
            raise FrameError(f"{path}: a deep or volume file is no matte")
        if spec.width * spec.height * spec.nchannels > LARGEST:
            size = f"{spec.width}x{spec.height} pixels of {spec.nchannels} channels"
            raise FrameError(f"{path}: {size} are no matte; save the matte alone, as one channel")
        if source.format_name() == "jpeg" and not _is_whole_jpeg(path):
            raise FrameError(f"{path}: the JPEG is cut off; export it again")
        dtype = str(spec.format)
        stored: Any = source.read_image(0, 0, 0, spec.nchannels, dtype)
        if stored is None or source.has_error:
            raise FrameError(f"{path}: cannot be decoded ({_line(source.geterror())}); export it again")
        names = list(spec.channelnames)
        data = Window(spec.x, spec.y, spec.width, spec.height)
        display = Window(spec.full_x, spec.full_y, spec.full_width, spec.full_height)
    except MemoryError:
        raise FrameError(f"{path}: does not fit into this machine's memory; save the matte smaller") from None
    finally:
        source.close()
    pixels: NDArray[Any] = np.asarray(stored).reshape(data.height, data.width, len(names))
    if channel is not None:
        index, _ = _find(path, channel, {(at, name): {name} for at, name in enumerate(names)})
        return MatteFile(path, [np.ascontiguousarray(pixels[..., index])], data, display)
    plain = [pixels[..., at] for at, name in enumerate(names) if name.casefold() not in ("a", "alpha")]
    alpha = [pixels[..., at] for at, name in enumerate(names) if name.casefold() in ("a", "alpha")]
    colour = plain[:3] if len(plain) >= 3 else plain[:1]
    return MatteFile(path, [np.ascontiguousarray(one) for one in _choose(colour + alpha[:1])], data, display)


def _choose(planes: list[Pixels]) -> list[Pixels]:
    """Of [R, G, B, A], [Y, A], [R, G, B] or [Y]: alpha when it varies, else the colour."""
    if len(planes) in (1, 3):
        return planes
    alpha = planes[-1]
    if alpha.size and (alpha != alpha.flat[0]).any():
        return [alpha]
    return planes[:-1]


def _find(path: Path, channel: str, spellings: dict[tuple[int, str], set[str]]) -> tuple[int, str]:
    for key, written in spellings.items():
        if channel in written:
            return key
    folded = channel.casefold()
    loose = [key for key, written in spellings.items() if folded in {one.casefold() for one in written}]
    if len(loose) == 1:
        return loose[0]
    raise InputError(f"{path}: no channel {channel!r}{nearest(channel, [name for _, name in spellings])}")


def _is_whole_jpeg(path: Path) -> bool:
    """Whether an end marker follows the last scan's start; OpenImageIO reads half a JPEG without complaint."""
    data = path.read_bytes()
    return data.rfind(b"\xff\xd9") > data.rfind(b"\xff\xda")


def _line(message: str) -> str:
    return (message.strip().splitlines() or ["no reason is given"])[0].rstrip(".: ")
