"""Still pictures: the style references that a person gives, and the PNGs that lookmatte shows."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookmatte.errors import FrameError, InputError
from lookmatte.imaging.colour import plate_matrix
from lookmatte.imaging.memory import machine_bytes, too_large
from lookmatte.imaging.patience import at_second_glance, patiently
from lookmatte.imaging.reader import read_frame, read_header, read_parts
from lookmatte.imaging.wholefile import write_whole

_MAX_PIXELS = 1 << 28
_BYTES_A_PIXEL = 48  # while a reference is read and reduced
_FILTER_SUB = 16  # libpng's number for "each byte less the one of the pixel before"
_EXR_MAGIC = b"\x76\x2f\x31\x01"


@dataclass(frozen=True)
class Picture:
    """A picture in memory.

    ``rgb`` is (height, width, 3) float32, straight (not premultiplied): [0, 1] as displayed when
    ``display_referred``, else as the file stores it, without bound: scene-linear in the file's own primaries,
    or in the space that the ``attributes`` of an OpenEXR file name (those of its first part and of the part
    that holds the picture; empty for other files). ``valid`` is (height, width) bool: False where the file
    holds NaN or infinity (``rgb`` is 0 there) and where it is fully transparent, unless it is so everywhere.
    """

    path: Path
    rgb: NDArray[np.float32]
    valid: NDArray[np.bool_]
    display_referred: bool
    attributes: Mapping[str, Any] = field(default_factory=dict)


def read_picture(path: Path) -> Picture:
    """Read a PNG, JPEG, TIFF, HDR or OpenEXR picture.

    Integers are display-referred, floats scene-linear. Grey becomes RGB, the orientation that a camera wrote is
    applied, embedded ICC profiles are ignored. Raises InputError for a file that is missing, empty, damaged,
    cut off, CMYK, or no picture.
    """
    path = Path(path)
    try:
        magic = patiently(lambda: _magic(path), path)
        if magic not in (b"", _EXR_MAGIC):
            return at_second_glance(lambda: _read_other(path), path)
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such picture") from None
    except IsADirectoryError:
        raise InputError(f"{path}: is a folder, not a picture; name a file in it") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    if not magic:
        raise InputError(f"{path}: is an empty file")
    rgb, alpha, attributes = _read_exr(path)
    found = _picture(path, rgb, alpha, premultiplied=True, display_referred=False)
    return dataclasses.replace(found, attributes=attributes)


def _magic(path: Path) -> bytes:
    if said := too_large(path):
        raise InputError(said)
    with path.open("rb") as stream:
        return stream.read(4)


def linear_rec709(picture: Picture) -> NDArray[np.float32]:
    """A scene-linear picture's colour in linear Rec.709, from the space that its file names: (height, width, 3).

    A curve may end in infinity. Raises InputError for a space that is not known.
    """
    try:
        colour = plate_matrix(None, attributes=picture.attributes)
    except InputError as error:
        raise InputError(f"{picture.path}: {error}") from None
    stored = picture.rgb.reshape(-1, 3)
    if colour.decode is not None:
        colour.decode(stored)
    with np.errstate(over="ignore", invalid="ignore"):
        return (stored @ colour.matrix.T.astype(np.float32)).reshape(picture.rgb.shape)


def write_png(path: Path, rgb: NDArray[np.uint8]) -> None:
    """Write an (height, width, 3) array as an 8-bit PNG, whole or not at all. Raises FrameError."""
    import OpenImageIO as oiio

    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3:
        raise ValueError(f"write_png takes (height, width, 3) uint8, not {rgb.dtype} {rgb.shape}")
    height, width, _ = rgb.shape

    def write(temporary: Path) -> None:
        output: Any = oiio.ImageOutput.create(str(temporary))
        spec = oiio.ImageSpec(width, height, 3, "uint8")
        # A seventh of the default's time for a tenth more bytes.
        spec.attribute("png:compressionLevel", 1)
        spec.attribute("png:filter", _FILTER_SUB)
        done = output.open(str(temporary), spec)
        done = done and output.write_image(np.ascontiguousarray(rgb))
        if not (output.close() and done):
            reason = (output.geterror().strip().splitlines() or ["unknown reason"])[0]
            raise FrameError(f"{path}: cannot be written ({reason})")

    write_whole(path, write, suffix=".png")


def jpeg_bytes(rgb: NDArray[np.uint8], quality: int = 82) -> bytes:
    """An (height, width, 3) array as a JPEG file in memory."""
    import OpenImageIO as oiio

    height, width, _ = rgb.shape
    # OpenImageIO's Python writes to files alone.
    with tempfile.TemporaryDirectory(prefix="lookmatte") as folder:
        path = Path(folder, "picture.jpg")
        output: Any = oiio.ImageOutput.create(str(path))
        spec = oiio.ImageSpec(width, height, 3, "uint8")
        spec.attribute("Compression", f"jpeg:{quality}")
        if not (output.open(str(path), spec) and output.write_image(np.ascontiguousarray(rgb)) and output.close()):
            raise FrameError(f"{path}: cannot be written ({output.geterror().strip()})")
        return path.read_bytes()


def _read_exr(path: Path) -> tuple[NDArray[np.float32], NDArray[np.float32] | None, dict[str, Any]]:
    """Colour as stored, alpha, and the attributes that say what the colour is."""
    try:
        header = read_header(path)
        grey = next((index for index, part in enumerate(header.parts) if "Y" in part.channels), None)
        if header.plate is None and grey is not None:
            parts = read_parts(path, only={(grey, "Y")})
            repeated = np.repeat(parts[grey].channels["Y"][..., None], 3, axis=2).astype(np.float32)
            return repeated, None, {**parts[0].attributes, **parts[grey].attributes}
        frame = read_frame(path, only=set())
    except FrameError as error:
        raise InputError(str(error)) from None
    rgb = np.stack([frame.pixels(key).astype(np.float32) for key in frame.rgb], axis=2)
    alpha = None if frame.alpha is None else frame.pixels(frame.alpha).astype(np.float32)
    return rgb, alpha, {**frame.parts[0].attributes, **frame.plate.attributes}


def _read_other(path: Path) -> Picture:
    import OpenImageIO as oiio

    oiio.attribute("oiio:print_uncaught_errors", 0)
    wish = oiio.ImageSpec()
    wish.attribute("oiio:UnassociatedAlpha", 1)
    source = oiio.ImageInput.open(str(path), wish)
    if source is None:
        oiio.geterror()  # names libraries and search paths, which help nobody here
        raise InputError(f"{path}: is no picture that can be read; PNG, JPEG, TIFF, HDR and OpenEXR can")
    try:
        spec = source.spec()
        if "color separated" in _colour_space(spec) or "cmyk" in _colour_space(spec):
            raise InputError(f"{path}: is a CMYK picture; convert it to RGB")
        count = spec.width * spec.height
        if count > _MAX_PIXELS or spec.depth > 1 or count * _BYTES_A_PIXEL > machine_bytes():
            size = f"{spec.width}x{spec.height} pixels"
            raise InputError(f"{path}: is {size}, too large for a reference; save it smaller, 2048 are plenty")
        read = source.read_image(0, 0, 0, min(spec.nchannels, 4), "float")
        if read is None or source.has_error:
            reason = (source.geterror().strip().splitlines() or ["it is damaged"])[0]
            raise InputError(f"{path}: is damaged or cut off ({reason.rstrip('.')})")
    except MemoryError:
        raise InputError(f"{path}: does not fit into this machine's memory; save it smaller") from None
    finally:
        source.close()
    pixels = np.asarray(read, np.float32).reshape(spec.height, spec.width, -1)
    at = spec.alpha_channel if 0 <= spec.alpha_channel < pixels.shape[2] else None
    colours = [index for index in range(pixels.shape[2]) if index != at]
    if not colours:
        raise InputError(f"{path}: has no colour channel")
    chosen = colours[:3] if len(colours) >= 3 else colours[:1] * 3
    turn = int(spec.get_int_attribute("Orientation", 1))
    return _picture(
        path,
        _upright(pixels[..., chosen], turn),
        None if at is None else _upright(pixels[..., at], turn),
        premultiplied=spec.get_int_attribute("oiio:UnassociatedAlpha") != 1,
        display_referred=str(spec.format) not in ("half", "float", "double"),
    )


def _colour_space(spec: Any) -> str:
    names = ("tiff:ColorSpace", "jpeg:ColorSpace", "oiio:ColorSpace")
    return " ".join(spec.get_string_attribute(name) for name in names).casefold()


def _upright(pixels: NDArray[np.float32], orientation: int) -> NDArray[np.float32]:
    """Undo the EXIF orientation (1 to 8)."""
    if orientation in (5, 6, 7, 8):
        pixels = np.swapaxes(pixels, 0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels


def _picture(
    path: Path,
    rgb: NDArray[np.float32],
    alpha: NDArray[np.float32] | None,
    *,
    premultiplied: bool,
    display_referred: bool,
) -> Picture:
    rgb = np.array(rgb, np.float32, order="C")
    valid: NDArray[np.bool_] = np.asarray(np.isfinite(rgb).all(axis=2))
    if alpha is not None:
        valid = valid & np.isfinite(alpha)
        seen = valid & (alpha > 0)
        if premultiplied:
            with np.errstate(over="ignore"):
                np.divide(rgb, alpha[..., None], out=rgb, where=seen[..., None])
            seen &= np.isfinite(rgb).all(axis=2)
        if seen.any():
            valid = seen
    rgb[~np.isfinite(rgb).all(axis=2)] = 0
    return Picture(path, rgb, valid, display_referred)
