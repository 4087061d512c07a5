"""Colour spaces: from the plate's to linear Rec.709, and from a display through a view's inverse (OCIO).

The configuration is $OCIO, or OCIO's built-in ``ocio://default`` when that is unset; never the raw one that
OCIO hands out silently. Nothing here touches alpha.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookmatte.errors import InputError, nearest
from lookmatte.imaging.chromaticities import to_rec709

BUILT_IN = "ocio://default"
LINEAR = "linear Rec.709"

Matrix = NDArray[np.float64]
Pixels3 = NDArray[np.float32]

# How configurations call linear Rec.709: interop id, aliases of the ACES and Blender ones, older spellings.
_REC709 = (
    "lin_rec709_scene", "lin_rec709", "lin_rec709_srgb", "lin_srgb", "Linear Rec.709 (sRGB)", "Linear Rec.709",
    "Utility - Linear - sRGB", "Utility - Linear - Rec.709", "scene-linear Rec.709-sRGB",
)  # fmt: skip
# What programs write into any linear EXR without knowing its primaries: chromaticities know better.
_VAGUE = {"linear", "scene_linear", "lin_rec709", "lin_srgb", "lin_rec709_srgb"}
_NEAR_WHITE = 0.99


@dataclass(frozen=True)
class PlateColour:
    """How the plate's stored values become linear Rec.709: ``decode``, then the 3x3 ``matrix``.

    ``matrix`` (float64) acts on column vectors: rgb709 = matrix @ rgb. ``decode`` and ``encode``, inverse to
    each other, turn stored values into the linear stage and back, in place, on float32 (n, 3) contiguous;
    both are None where the plate is linear. ``source`` says who named the space: ``job``,
    ``colorInteropID``, ``oiio:ColorSpace``, ``chromaticities`` or ``assumed``. ``config_name`` is the OCIO
    configuration's real name, empty when none was needed.
    """

    space: str
    source: str
    matrix: Matrix
    config_name: str = ""
    decode: Callable[[Pixels3], None] | None = None
    encode: Callable[[Pixels3], None] | None = None
    notes: tuple[str, ...] = ()

    @property
    def inverse(self) -> Matrix:
        """The 3x3 from linear Rec.709 back to the linear stage (float64)."""
        return np.linalg.inv(self.matrix).astype(np.float64)


def plate_matrix(
    space: str | None, *, attributes: Mapping[str, Any], config: str | None = None
) -> PlateColour:
    """Find the way from a plate's space to linear Rec.709.

    ``space`` is a name, alias or role of the OCIO configuration; None asks the file's ``attributes``:
    ``colorInteropID``, ``oiio:ColorSpace``, ``chromaticities`` (Bradford-adapted to D65), and else assumes
    linear Rec.709. ``config`` is a file or ``ocio://`` address instead of $OCIO. Raises InputError for a
    space that the configuration does not know, that holds data, or that cannot be inverted.
    """
    if space is not None:
        return _from_config(space, "job", _load(config))
    notes: list[str] = []
    primaries = _chromaticities(attributes, notes)
    for key in ("colorInteropID", "oiio:ColorSpace"):
        said = str(attributes.get(key) or "").strip()
        if not said or said.casefold() == "unknown":
            continue
        if key == "oiio:ColorSpace" and said.casefold() in _VAGUE and primaries is not None:
            continue
        if said.casefold() in _VAGUE | {"lin_rec709_scene"}:
            return PlateColour(LINEAR, key, np.eye(3), notes=tuple(notes))
        for choice in (config, BUILT_IN):
            loaded = _load(choice)
            if loaded.getColorSpace(said) is not None:
                return _from_config(said, key, loaded, tuple(notes))
        notes.append(f"the file's {key}, {said!r}, is not known; name the plate's space if it matters")
    if primaries is not None:
        named = LINEAR if np.array_equal(primaries, np.eye(3)) else "linear, by its chromaticities"
        return PlateColour(named, "chromaticities", primaries, notes=tuple(notes))
    return PlateColour(LINEAR, "assumed", np.eye(3), notes=tuple(notes))


def view_inverse(display_view: str, config: str | None = None) -> Callable[[Pixels3], Pixels3]:
    """Return the inverse of an OCIO view: display-referred float32 (h, w, 3) in [0, 1] to linear Rec.709.

    ``display_view`` is ``view`` (of the default display, else of the first that has it) or
    ``display/view``, in any case. The result may lie far above 1 and, for colours outside the gamut, below
    0. A view whose curve ends steeply at white takes values above 0.99 as 0.99. Raises InputError for an
    unknown view, naming the nearest, and for one without an inverse.
    """
    import PyOpenColorIO as ocio

    loaded = _load(config)
    display, view = _find_view(loaded, display_view)
    linear = _rec709_name(loaded) or _role(loaded, "scene_linear")
    try:
        transform = ocio.DisplayViewTransform(
            src=linear, display=display, view=view, direction=ocio.TRANSFORM_DIR_INVERSE
        )
        steps = [_cpu(loaded.getProcessor(transform))]
        if _rec709_name(loaded) is None:
            steps.append(_cpu(_to_rec709(loaded, linear)))
    except (ocio.Exception, ocio.ExceptionMissingFile) as error:
        raise InputError(f"the view {display}/{view} has no inverse: {_line(error)}") from None

    def undo(picture: Pixels3, highest: float = 1.0) -> Pixels3:
        linearised: Pixels3 = np.minimum(picture, np.float32(highest), dtype=np.float32, order="C")
        for step in steps:
            step.applyRGB(linearised)
        return linearised

    # A clipped white says only "at least so bright". Where a tone curve is nearly vertical, its inverse turns
    # that into 128, or into a strong colour (374, -32, -25), and a picture's statistics with it.
    ends = undo(np.array([[[_NEAR_WHITE] * 3, [1.0] * 3]], dtype=np.float32))
    steep = bool(np.abs(ends[0, 1]).max() > 1.5 * np.abs(ends[0, 0]).max())
    return functools.partial(undo, highest=_NEAR_WHITE if steep else 1.0)


def config_name(config: str | None = None) -> str:
    """The real name of the OCIO configuration in use, for metadata (``ocio://default`` follows OCIO's release)."""
    loaded = _load(config)
    return str(loaded.getName()) or Path(_where(config)).name


def config_identity() -> str:
    """A checksum of the configuration that $OCIO names, wherever it lies; empty for those that come with OCIO. The
    tables in files of their own that it refers to are not looked at."""
    where = _where(None)
    if where.startswith("ocio://"):
        return ""
    return hashlib.sha256(str(_load(None).serialize()).encode()).hexdigest()[:16]


def _where(config: str | None) -> str:
    return config or os.environ.get("OCIO") or BUILT_IN


def _load(config: str | None) -> Any:
    return _load_from(_where(config))


@functools.lru_cache(maxsize=4)
def _load_from(where: str) -> Any:
    import PyOpenColorIO as ocio

    try:
        loaded = ocio.Config.CreateFromFile(where)
        loaded.validate()
    except (ocio.Exception, ocio.ExceptionMissingFile) as error:
        origin = " (from $OCIO)" if where == os.environ.get("OCIO") else ""
        raise InputError(f"{where}{origin}: not an OCIO configuration that can be used: {_line(error)}") from None
    return loaded


def _from_config(space: str, source: str, config: Any, notes: tuple[str, ...] = ()) -> PlateColour:
    import PyOpenColorIO as ocio

    name = str(config.getName()) or "this configuration"
    found = config.getColorSpace(space)
    if found is None:
        raise InputError(f"color space {space!r} is not in {name}{nearest(space, _spellings(config))}")
    if found.isData():
        raise InputError(f"color space {space!r} of {name} holds data, not colour; name the plate's own space")
    try:
        ops = list(_lossless(_to_rec709(config, found.getName())).createGroupTransform())
        matrix = np.eye(3)
        if ops and (last := _as_matrix(ops[-1])) is not None:
            matrix = last
            ops.pop()
        if not ops:
            return PlateColour(str(found.getName()), source, matrix, name, notes=notes)
        curve = ocio.GroupTransform()
        for op in ops:
            curve.appendTransform(op)
        decode = _cpu(config.getProcessor(curve))
        encode = _cpu(config.getProcessor(curve, ocio.TRANSFORM_DIR_INVERSE))
    except (ocio.Exception, ocio.ExceptionMissingFile) as error:
        message = f"color space {space!r} of {name} has no way to {LINEAR} and back: {_line(error)}"
        raise InputError(message) from None
    return PlateColour(
        str(found.getName()), source, matrix, name, _in_place(decode), _in_place(encode), notes
    )


def _in_place(processor: Any) -> Callable[[Pixels3], None]:
    def apply(pixels: Pixels3) -> None:
        if pixels.dtype != np.float32 or not pixels.flags.c_contiguous or pixels.shape[-1] != 3:
            raise ValueError(f"contiguous float32 (n, 3) is needed, not {pixels.dtype} {pixels.shape}")
        if pixels.size:
            processor.applyRGB(pixels)

    return apply


def _as_matrix(op: Any) -> Matrix | None:
    """The 3x3 of an OCIO operation that is a matrix without offset and without alpha; None for another."""
    import PyOpenColorIO as ocio

    if not isinstance(op, ocio.MatrixTransform) or any(op.getOffset()):
        return None
    full: Matrix = np.array(op.getMatrix(), dtype=np.float64).reshape(4, 4)
    if op.getDirection() == ocio.TRANSFORM_DIR_INVERSE:
        full = np.linalg.inv(full).astype(np.float64)
    alone = not full[:3, 3].any() and not full[3, :3].any() and full[3, 3] == 1
    return full[:3, :3] if alone else None


def _to_rec709(config: Any, space: str) -> Any:
    """A processor to linear Rec.709: the configuration's own, else through its interchange role."""
    import PyOpenColorIO as ocio

    linear = _rec709_name(config)
    if linear is not None:
        return config.getProcessor(space, linear)
    return ocio.Config.GetProcessorToBuiltinColorSpace(config, space, "lin_rec709_srgb")


def _rec709_name(config: Any) -> str | None:
    for name in _REC709:
        found = config.getColorSpace(name)
        if found is not None and not found.isData():
            return str(found.getName())
    return None


def _role(config: Any, role: str) -> str:
    found = config.getColorSpace(role)
    if found is None:
        raise InputError(f"the OCIO configuration {config.getName()!r} has neither {LINEAR} nor the role {role}")
    return str(found.getName())


def _lossless(processor: Any) -> Any:
    import PyOpenColorIO as ocio

    return processor.getOptimizedProcessor(ocio.OPTIMIZATION_LOSSLESS)


def _cpu(processor: Any) -> Any:
    """Exact arithmetic: the default allows fast approximations, with which 1 comes back as 1.00002."""
    import PyOpenColorIO as ocio

    return processor.getOptimizedCPUProcessor(ocio.OPTIMIZATION_LOSSLESS)


def _spellings(config: Any) -> list[str]:
    spellings: list[str] = []
    for found in config.getColorSpaces():
        if not found.isData():
            spellings += [str(found.getName()), *map(str, found.getAliases())]
    return spellings + [str(role) for role in config.getRoleNames()]


def _find_view(config: Any, wanted: str) -> tuple[str, str]:
    pairs = [(str(display), str(view)) for display in config.getDisplays() for view in config.getViews(display)]
    pairs.sort(key=lambda pair: pair[0] != config.getDefaultDisplay())
    asked = _folded(wanted)
    for spelling in (lambda pair: f"{pair[0]}/{pair[1]}", lambda pair: pair[1]):
        for pair in pairs:
            if _folded(spelling(pair)) == asked:
                return pair
    known = [*dict.fromkeys(view for _, view in pairs), *(f"{display}/{view}" for display, view in pairs)]
    name = config.getName() or "this configuration"
    raise InputError(f"view {wanted!r} is not in {name}{nearest(wanted, known)}")


def _folded(text: str) -> str:
    return re.sub(r"\s*/\s*", "/", " ".join(text.split())).casefold()


def _chromaticities(attributes: Mapping[str, Any], notes: list[str]) -> Matrix | None:
    stored = attributes.get("chromaticities")
    if stored is None:
        return None
    matrix = to_rec709(stored)
    if matrix is None:
        notes.append(f"the file's chromaticities, {stored!r}, are no colour space; ignored")
    return matrix


def _line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")
