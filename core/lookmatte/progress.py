"""What a run tells while it works: a bar or plain lines for a person, JSON lines for a program."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path
from typing import Any, Protocol, TextIO

from lookmatte.errors import FrameError


class Progress(Protocol):
    """The events of a run, in order: start, then one per frame, warnings and notes in between, then done.

    Events may come from several threads. A warning or note that repeats word for word is told once.
    """

    def start(self, total: int, *, stage: str, output: str) -> None:
        """``total`` frames are about to pass ``stage`` (render, bake, apply); results go to ``output``."""

    def frame_done(self, frame: int, path: Path | None, seconds: float) -> None:
        """A frame stands under its final name; ``path`` None when the stage writes no file of it."""

    def frame_skipped(self, frame: int, path: Path | None) -> None:
        """A frame was there already, made by the same job."""

    def frame_failed(self, frame: int, message: str) -> None:
        """A frame cannot be read, styled or written; the others go on."""

    def warning(self, message: str) -> None:
        """Something that a person should look at; the run goes on."""

    def note(self, message: str) -> None:
        """Something worth knowing."""

    def done(self, done: int, skipped: int, failed: int) -> None:
        """The run has ended; the three counts add up to the frames that were met."""


def printable(text: str) -> str:
    """The text with control characters escaped: names from files must not steer a terminal or break a line."""
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


class Silent:
    """Tells nothing; what Python callers get unless they ask."""

    def start(self, total: int, *, stage: str, output: str) -> None:
        pass

    def frame_done(self, frame: int, path: Path | None, seconds: float) -> None:
        pass

    def frame_skipped(self, frame: int, path: Path | None) -> None:
        pass

    def frame_failed(self, frame: int, message: str) -> None:
        pass

    def warning(self, message: str) -> None:
        pass

    def note(self, message: str) -> None:
        pass

    def done(self, done: int, skipped: int, failed: int) -> None:
        pass


class Lines:
    """A tqdm bar on a terminal, one plain line an event elsewhere; all on standard error.

    ``quiet`` leaves warnings and failed frames alone, and nothing else. ``shot`` is named where a job has several.
    """

    unit = "frame"
    """What the run counts."""

    def __init__(self, stream: TextIO | None = None, *, quiet: bool = False, shot: str | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._quiet = quiet
        self._of = "" if shot is None else f"{shot}: "
        self._lock = threading.Lock()
        self._told: set[str] = set()
        self._bar: Any = None
        self._total = 0
        self._met = 0

    def _say(self, text: str) -> None:
        try:
            if self._bar is None:
                print(printable(text), file=self._stream, flush=True)
            else:
                self._bar.write(printable(text), file=self._stream)
        except BrokenPipeError:
            raise
        except OSError:
            pass  # the disk that the lines go to is full: frames matter more

    def _once(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._say(text)

    def _step(self, text: str | None) -> None:
        self._met += 1
        if text is not None:
            self._say(f"[{self._met}/{self._total}] {self._of}{text}")
        if self._bar is not None:
            self._bar.update(1)

    def start(self, total: int, *, stage: str, output: str) -> None:
        with self._lock:
            self._total, self._met = total, 0
            if self._quiet:
                return
            if self._stream.isatty():
                from tqdm import tqdm

                title = f"{self._of}{stage}"
                self._bar = tqdm(total=total, desc=title, unit=self.unit, file=self._stream, leave=False)
            else:
                self._say(f"{self._of}{stage}: {total} {self.unit}s -> {output}")

    def frame_done(self, frame: int, path: Path | None, seconds: float) -> None:
        with self._lock:
            plain = self._bar is None and not self._quiet
            target = "" if path is None else f" -> {path}"
            self._step(f"frame {frame}{target} ({seconds:.2f} s)" if plain else None)

    def frame_skipped(self, frame: int, path: Path | None) -> None:
        with self._lock:
            plain = self._bar is None and not self._quiet
            target = "" if path is None else f": {path}"
            self._step(f"frame {frame} is there already{target}" if plain else None)

    def frame_failed(self, frame: int, message: str) -> None:
        with self._lock:
            self._step(f"frame {frame} FAILED: {message}")

    def warning(self, message: str) -> None:
        with self._lock:
            self._once(f"warning: {self._of}{message}")

    def note(self, message: str) -> None:
        with self._lock:
            if not self._quiet:
                self._once(f"{self._of}{message}")

    def done(self, done: int, skipped: int, failed: int) -> None:
        with self._lock:
            self.close()
            if failed or not self._quiet:
                self._say(f"{self._of}{done} done, {skipped} skipped, {failed} failed")

    def close(self) -> None:
        """Take the bar off the terminal, so that what follows starts on a clean line."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class JsonLines:
    """One JSON object a line on standard output, flushed at once: ``event`` and that event's values, and the
    ``shot`` where a job has several. ``events.json`` is the schema of them all.

    When they cannot be written, on a full disk, the run goes on without them, and :meth:`done` and :meth:`end`
    raise FrameError.
    """

    def __init__(self, stream: TextIO | None = None, *, shot: str | None = None) -> None:
        self._stream = sys.stdout if stream is None else stream
        self._shot = {} if shot is None else {"shot": shot}
        self._lock = threading.Lock()
        self._told: set[tuple[str, str]] = set()
        self._lost: str | None = None

    def emit(self, event: str, **values: object) -> None:
        """Write one event; paths become texts."""
        text = json.dumps({"event": event, **self._shot, **values}, default=str)
        with self._lock:
            if self._lost is not None:
                return
            try:
                self._stream.write(text + "\n")
                self._stream.flush()
            except BrokenPipeError:
                raise
            except OSError as error:
                self._lost = error.strerror or str(error)

    def _once(self, event: str, message: str) -> None:
        if (event, message) not in self._told:
            self._told.add((event, message))
            self.emit(event, message=message)

    def start(self, total: int, *, stage: str, output: str) -> None:
        self.emit("start", total=total, stage=stage, output=output)

    def frame_done(self, frame: int, path: Path | None, seconds: float) -> None:
        self.emit("frame_done", frame=frame, path=path, seconds=round(seconds, 4))

    def frame_skipped(self, frame: int, path: Path | None) -> None:
        self.emit("frame_skipped", frame=frame, path=path)

    def frame_failed(self, frame: int, message: str) -> None:
        self.emit("frame_failed", frame=frame, message=message)

    def warning(self, message: str) -> None:
        self._once("warning", message)

    def note(self, message: str) -> None:
        self._once("note", message)

    def done(self, done: int, skipped: int, failed: int) -> None:
        self.emit("done", done=done, skipped=skipped, failed=failed)
        self.end(f"{done} done, {skipped} skipped, {failed} failed")

    def end(self, became: str) -> None:
        """Say what became of the work, as FrameError, when not all events could be written."""
        if self._lost is not None:
            what = f"{became}, and not all events were told"
            raise FrameError(f"standard output: cannot be written ({self._lost}); {what}")
