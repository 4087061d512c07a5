"""What an Open Job Description engine reads of a task's output: lines that begin with ``openjd_``."""

from __future__ import annotations

from pathlib import Path

from lookmatte.progress import Silent, printable

_LONGEST = 1000  # characters of a message that engines show


class EngineLines(Silent):
    """A run's progress as a percentage, and a line of what it is doing, on standard output."""

    def __init__(self) -> None:
        self._total = 0
        self._met = 0

    def start(self, total: int, *, stage: str, output: str) -> None:
        self._total, self._met = total, 0
        _line("openjd_status", f"{stage}: {total} frames")

    def _step(self) -> None:
        self._met += 1
        _line("openjd_progress", f"{100.0 * self._met / max(self._total, self._met):.1f}")

    def frame_done(self, frame: int, path: Path | None, seconds: float) -> None:
        self._step()

    def frame_skipped(self, frame: int, path: Path | None) -> None:
        self._step()

    def frame_failed(self, frame: int, message: str) -> None:
        self._step()
        tell_failure(f"frame {frame}: {message}")


def tell_failure(message: str) -> None:
    """Why the task fails; of several the engine shows the last."""
    _line("openjd_fail", message)


def _line(kind: str, text: str) -> None:
    print(f"{kind}: {printable(text)[:_LONGEST]}", flush=True)
