"""What the fake has in place of a running Nuke: its mode, its threads, and what a person or a test does to it."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .node import Node, Root


class World:
    """One Nuke. ``gui`` False is ``nuke -t``."""

    def __init__(self) -> None:
        self.gui = True
        self.frame = 1
        self.root: Root | None = None
        self.groups: list[Any] = []
        self.messages: list[str] = []
        self.progress: list[tuple[int, str]] = []
        self.callbacks: dict[str, list[tuple[Callable[[], None], str]]] = {
            "knobChanged": [], "onCreate": [], "updateUI": [],
        }  # fmt: skip
        self.this: list[tuple[Any, Any]] = []
        self.executed: list[tuple[str, int, int]] = []
        self.executing = False
        self.pasting = False
        self.views = ["main"]
        self.plugin_path: list[str] = []
        self.psyop = False
        self.cancel_task = False
        self.cancel_execute_at: int | None = None
        self.compile_kernel: Callable[[str], Any] | None = None
        self.broken_kernel = False
        self.nukex = True
        self.undo = 0
        self._main = threading.main_thread()
        self._waiting: queue.Queue[tuple[Callable[..., Any], tuple[Any, ...]]] = queue.Queue()

    def here(self, what: str) -> None:
        """Nodes and knobs belong to the main thread; real Nuke crashes, or worse, goes on."""
        if threading.current_thread() is not self._main:
            raise RuntimeError(f"{what} outside the main thread ({threading.current_thread().name})")

    def later(self, call: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self._waiting.put((call, args))

    def pump(self, done: Callable[[], bool], seconds: float = 90.0) -> None:
        """Be Nuke's event loop until something is so. What a call raises is raised here; Nuke would lose it."""
        until = time.monotonic() + seconds
        while not done():
            if time.monotonic() > until:
                raise AssertionError(f"not done after {seconds} seconds; messages: {self.messages}")
            try:
                call, args = self._waiting.get(timeout=0.02)
            except queue.Empty:
                continue
            call(*args)

    def call(self, event: str, node: Node, knob: Any = None) -> None:
        """Call what is registered for an event of a node."""
        for callback, kind in list(self.callbacks[event]):
            if kind in ("*", node.Class()):
                self.this.append((node, knob))
                try:
                    callback()
                finally:
                    self.this.pop()


world = World()


def reset() -> World:
    """Another Nuke, in place."""
    world.__init__()  # type: ignore[misc]
    from .node import Root

    world.root = Root()
    world.groups = [world.root]
    return world
