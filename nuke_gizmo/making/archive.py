"""The zip for NUKE_PATH: the gizmo, the package, what Nuke runs when it starts, examples, and a package for rez."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
REPOSITORY = HERE.parent
_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the same bytes from the same sources
_PAPER = (0x2B, 0x2B, 0x33, 0xFF)


def contents(version: str) -> Iterator[tuple[str, bytes]]:
    """What the zip holds, in order: (name, bytes)."""
    for name in ("init.py", "menu.py", "lookmatte.gizmo", "README.txt", "rez_package.txt"):
        text = (HERE / name).read_text(encoding="utf-8").replace("@VERSION@", version)
        yield "package.py" if name == "rez_package.txt" else name, text.encode()
    yield "LICENSE", (REPOSITORY / "LICENSE").read_bytes()
    yield "lookmatte.png", icon()
    for path in sorted((HERE / "lookmatte_nuke").glob("*.py")):
        yield f"lookmatte_nuke/{path.name}", path.read_bytes()
    yield "kernel/lookmatte_apply.blink", (HERE / "kernel" / "lookmatte_apply.blink").read_bytes()
    examples = REPOSITORY / "examples"
    for pattern in ("*.nk", "shot/*.exr", "styles/*.jpg"):
        for path in sorted(examples.glob(pattern)):
            yield f"examples/{path.relative_to(examples).as_posix()}", path.read_bytes()


def write_zip(target: Path, version: str) -> None:
    """Write the zip; it appears whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.tmp")
    with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in contents(version):
            entry = zipfile.ZipInfo(name, _LONG_AGO)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            made.writestr(entry, data)
    temporary.replace(target)


def icon(size: int = 24) -> bytes:
    """A PNG of two looks that overlap: a warm disc and a cool one, each kept where the other is not."""
    rows = bytearray()
    for y in range(size):
        rows.append(0)
        for x in range(size):
            rows += bytes(_smooth(x, y, size))
    chunks = [
        (b"IHDR", struct.pack(">2I5B", size, size, 8, 6, 0, 0, 0)),
        (b"IDAT", zlib.compress(bytes(rows), 9)),
        (b"IEND", b""),
    ]
    made = b"\x89PNG\r\n\x1a\n"
    for kind, data in chunks:
        made += struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return made


def _smooth(x: int, y: int, size: int) -> list[int]:
    """A pixel, averaged over 16 places in it."""
    places = [((x + (i + 0.5) / 4) / size, (y + (j + 0.5) / 4) / size) for i in range(4) for j in range(4)]
    found = [_colour(u, v) for u, v in places]
    return [round(sum(one[k] for one in found) / len(found)) for k in range(4)]


def _colour(u: float, v: float) -> tuple[int, int, int, int]:
    warm = (u - 0.38) ** 2 + (v - 0.42) ** 2 < 0.3**2
    cool = (u - 0.62) ** 2 + (v - 0.58) ** 2 < 0.3**2
    if warm and cool:
        return (0xF4, 0xEC, 0xE0, 0xFF)
    if warm:
        return (0xE8, 0x9A, 0x3C, 0xFF)
    return (0x3F, 0x74, 0xC6, 0xFF) if cool else _PAPER
