"""What a benchmark tells: rows, each a ratio within one run."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Options:
    """How to measure: ``times`` rounds at least, ``budget`` seconds a row (:func:`~.timing.in_turns`), ``threads``
    on both sides of a ratio, ``frames`` of the EXR job, ``devices`` out of "cpu" and "cuda". ``quick`` leaves out
    what takes long; ``shrink`` divides the sides of every picture: 1, but for tests."""

    threads: int
    times: int = 5
    budget: float = 2.0
    frames: int = 16
    quick: bool = False
    devices: tuple[str, ...] = ("cpu",)
    shrink: int = 1

    def size(self, width: int, height: int) -> tuple[int, int]:
        """The size that a picture really gets."""
        return max(width // self.shrink, 16), max(height // self.shrink, 16)


@dataclass(frozen=True)
class Row:
    """One measurement: ``value`` in ``unit``, and what it is measured ``against``, in the same unit from the same
    run. None where it could not be measured; the ``note`` says why. ``floor``: in words, what ``against`` is."""

    id: str
    value: float | None
    unit: str
    against: float | None
    floor: str
    device: str
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """``value / against``."""
        return self.value / self.against if self.value is not None and self.against else None

    def plain(self) -> dict[str, Any]:
        """As JSON has it: id, ratio, value, unit, against, device, note, which begins with what against is."""
        return {
            "id": self.id,
            "ratio": _short(self.ratio),
            "value": _short(self.value),
            "unit": self.unit,
            "against": _short(self.against),
            "device": self.device,
            "note": "; ".join(part for part in (f"against {self.floor}" if self.floor else "", self.note) if part),
        }


def _short(number: float | None) -> float | None:
    return None if number is None else float(f"{number:.6g}")


def cpu_name(threads: int) -> str:
    """The processor and the threads that were used: ``cpu: AMD EPYC, 2 threads``."""
    name = platform.processor() or platform.machine()
    listed = Path("/proc/cpuinfo")
    if listed.is_file():
        for line in listed.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                name = line.partition(":")[2].strip()
                break
    return f"cpu: {name}, {count(threads, 'thread')}"


def count(number: int, what: str) -> str:
    """``1 thread``, ``2 threads``."""
    return f"{number} {what}" + ("" if number == 1 else "s")


def load() -> float | None:
    """Processes that want a core, averaged over the last minute; None where the system does not tell."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None
