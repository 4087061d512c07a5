"""What a person asks of a cryptomatte: the layer that is meant, and the ids that a name stands for."""

from __future__ import annotations

import fnmatch
import re
import unicodedata

import numpy as np

from lookmatte.errors import InputError, nearest
from lookmatte.imaging.cryptolayers import CryptoLayer, Source, orphans
from lookmatte.imaging.manifest import float_safe

KINDS = ("object", "material", "asset")

_HEX = re.compile(r"^(?:<([0-9a-fA-F]{8})>|0[xX]([0-9a-fA-F]{8}))$")
_FLOAT = re.compile(r"^<([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)>$")


def match_layers(frame: Source, there: list[CryptoLayer], wanted: str | None) -> list[CryptoLayer]:
    """Return the layers that ``wanted`` means, all of them when it is None.

    ``object`` finds ``CryptoObject``, ``crypto_object``, ``ViewLayer.CryptoObject``, ``uCryptoObject``: a
    kind, or a name in any case and with or without its view layer. Raises InputError when there is no such
    layer, no layer at all, or only damaged ones.
    """
    if not there:
        hint = ", ".join(orphans(frame))
        hint = f" (the metadata names {hint}, but no channel holds it)" if hint else ""
        raise InputError(f"{frame.path.name}: there is no cryptomatte in this file{hint}")
    found = there if wanted is None else _named(there, wanted)
    if not found:
        known = nearest(str(wanted), [layer.name for layer in there])
        raise InputError(f"{frame.path.name}: no cryptomatte layer {wanted!r}{known}")
    sound = [layer for layer in found if not layer.damage]
    if not sound:
        raise InputError(f"{frame.path.name}: cryptomatte {found[0].name} cannot be used: {found[0].damage}")
    return sound


def _named(there: list[CryptoLayer], wanted: str) -> list[CryptoLayer]:
    asked = _letters(wanted)
    tests = (
        lambda layer: layer.name == wanted,
        lambda layer: layer.name.casefold() == wanted.casefold(),
        lambda layer: _letters(layer.name) == asked,
        lambda layer: _letters(layer.name.rpartition(".")[2]) == asked,
        lambda layer: asked in KINDS and _letters(layer.name).endswith("crypto" + asked),
        lambda layer: asked in KINDS and _letters(layer.name).endswith(asked),
    )
    for test in tests:
        found = [layer for layer in there if test(layer)]
        if found and asked:
            return found
    return []


def _letters(name: str) -> str:
    return re.sub(r"[^\w]|_", "", name.casefold())


def literal_ids(text: str) -> set[int]:
    """Read an id written as ``<8 hex digits>``, ``0x8 hex digits`` or Nuke's ``<float>``; empty for a name.

    Hexadecimal wins where both readings fit: a float is printed with a point or an exponent. An id copied
    from a manifest that forgot the exponent rule stands for the adjusted one too; 0 is the background.
    """
    bits = _literal(text)
    if bits is None:
        return set()
    return {bits, float_safe(bits)} if bits else {0}


def _literal(text: str) -> int | None:
    match = _HEX.match(text)
    if match:
        return int(match[1] or match[2], 16)
    match = _FLOAT.match(text)
    if not match:
        return None
    with np.errstate(over="ignore", under="ignore"):
        return int(np.float32(float(match[1])).view(np.uint32))


def listed_ids(layer: CryptoLayer, name: str) -> set[int]:
    """Ids that the layer's manifest gives for a name or a wildcard; empty when it lists none.

    In this order: the literal name; the same characters composed otherwise (``é`` as one code point or two);
    a wildcard; a name whose wildcard signs are escaped with a backslash, as Nuke's matte lists have them.
    """
    listed = layer.manifest or {}
    if name in listed:
        return {listed[name]}
    composed = unicodedata.normalize("NFC", name)
    if not composed.isascii():
        same = {bits for other, bits in listed.items() if unicodedata.normalize("NFC", other) == composed}
        if same:
            return same
    if any(sign in name for sign in "*?["):
        if "\\" in name:
            plain = re.sub(r"\\([*?\[\]\\\"])", r"\1", name)
            if plain in listed:
                return {listed[plain]}
        pattern = re.compile(fnmatch.translate(name))
        return {bits for other, bits in listed.items() if pattern.match(other)}
    return set()
