"""The worker's loop: requests in order in the main thread; hello, cancel and mistakes at once in another."""

from __future__ import annotations

import contextlib
import os
import platform
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NoReturn

from lookmatte.errors import LookmatteError
from lookmatte.imaging.wholefile import discard_unfinished
from lookmatte.progress import JsonLines
from lookmatte.worker import life
from lookmatte.worker.channel import Channel, HostGone
from lookmatte.worker.log import Log
from lookmatte.worker.requests import COMMANDS, PROTOCOL, Refused, Request, parse
from lookmatte.worker.tasks import Workshop

GRACE = 3.0
"""Seconds in which a request that was cancelled, or whose host has ended, may end by itself."""

PATIENCE = 1.0
"""Seconds in which a cancelled request must tell of a frame; then it is interrupted wherever it is."""


class Cancelled(KeyboardInterrupt):
    """The host wants no more of the request. Runs end on it as on Ctrl-C: what is on disk is whole."""


def serve(log_path: Path | None = None) -> int:
    """Answer requests until standard input ends, the host does, or it asks for the end; returns an exit code."""
    channel = Channel.take_over_standard_streams()
    return Server(channel, Log(log_path)).run()


class _Events(JsonLines):
    """A run's events as messages of its request; tells the run to end when the host has cancelled it."""

    def __init__(self, server: Server, request: Request) -> None:
        super().__init__()
        self._server, self._request = server, request

    def emit(self, event: str, **values: object) -> None:
        self._server.tell(self._request.number, event, **values)
        self._server.check(self._request.number)


class Server:
    """One worker: its queue, the request that is running, and those that were cancelled."""

    def __init__(self, channel: Channel, log: Log) -> None:
        self._channel = channel
        self._log = log
        self._workshop = Workshop()
        self._queue: SimpleQueue[Request | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._open: set[int] = set()
        self._cancelled: set[int] = set()
        self._greeted = False
        self._ending = False
        self._begun: int | None = None  # the request that was taken from the queue
        self._running: int | None = None  # the same, while it may be interrupted
        self._writing = False  # the main thread is inside a message, which must stay whole
        self._calling = False  # the next interrupt is one of our own

    # The main thread.

    def run(self) -> int:
        """Serve until the end. Call it in the main thread."""
        with self._signals():
            self._log.write(f"worker up: Python {platform.python_version()}, {sys.executable}")
            threading.Thread(target=self._listen, name="lookmatte-listen", daemon=True).start()
            try:
                while (request := self._queue.get()) is not None:
                    self._do(request)
            except HostGone:
                self._log.write("the host reads no more")
            self._log.write("worker ends")
        return 0

    def _do(self, request: Request) -> None:
        number, began = request.number, time.perf_counter()
        if not self._claim(number):
            return  # it was cancelled while it waited
        try:
            self._workshop.prepare(request)
            answer = self._perform(request)
        except Cancelled:
            discard_unfinished()
            self._finish(number, "error", code="cancelled", message=f"{request.command}: cancelled", hint="")
        except LookmatteError as error:
            code = "input" if error.exit_code == 2 else "frame"
            self._finish(number, "error", code=code, message=str(error), hint="")
        except HostGone:
            raise
        except Exception as error:
            self._log.write(f"{request.command} #{number}: internal error\n{traceback.format_exc()}")
            what = " ".join(f"{type(error).__name__}: {error}".split())
            hint = f"the traceback is in {self._log.name}"
            self._finish(number, "error", code="internal", message=f"internal error: {what}", hint=hint)
        else:
            self._finish(number, "result", result=answer)
        self._log.write(f"{request.command} #{number}: {time.perf_counter() - began:.2f} s")
        self._log.bound()

    def _perform(self, request: Request) -> dict[str, Any]:
        """Do it. Meanwhile, and no longer, it may be interrupted."""
        try:
            self._running = request.number
            self.check(request.number)
            return self._workshop.perform(request, _Events(self, request))
        finally:
            self._running = None

    def _claim(self, number: int) -> bool:
        with self._lock:
            self._begun = number if number in self._open else None
        return self._begun is not None

    def _finish(self, number: int, event: str, **values: object) -> None:
        with self._lock:
            self._begun = None
            self._open.discard(number)
            self._cancelled.discard(number)
        self.tell(number, event, **values)

    def tell(self, number: int | None, event: str, **values: object) -> None:
        """Send an event of a request. Raises HostGone."""
        main = threading.current_thread() is threading.main_thread()
        if main:
            self._writing = True
        try:
            self._channel.send({"id": number, "event": event, **values})
        finally:
            if main:
                self._writing = False

    def check(self, number: int) -> None:
        """In the main thread, and once: raise Cancelled when the host has cancelled the request, or has ended."""
        if threading.current_thread() is threading.main_thread() and self._unwanted(number):
            self._running = None
            raise Cancelled

    def _unwanted(self, number: int | None) -> bool:
        return number is not None and self._running == number and (number in self._cancelled or self._ending)

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """Interrupt what is cancelled by the signal of Ctrl-C, the one that every system can raise."""
        before = {sign: signal.getsignal(sign) for sign in (signal.SIGINT, signal.SIGTERM)}
        signal.signal(signal.SIGINT, self._interrupted)
        signal.signal(signal.SIGTERM, self._terminated)
        try:
            yield
        finally:
            for sign, handler in before.items():
                signal.signal(sign, handler)

    def _interrupted(self, *_: object) -> None:
        own, self._calling = self._calling, False
        if not self._unwanted(self._running):
            if not own:  # of one that we raised the request has ended in between
                self._end("interrupted")
        elif not self._writing:  # whoever writes looks by itself, behind a message that is whole
            self._running = None
            raise Cancelled

    def _terminated(self, *_: object) -> None:
        self._end("terminated")

    # The listening thread.

    def _listen(self) -> None:
        try:
            for line in self._channel.lines():
                self._hear(line)
            self._end("standard input has ended")
        except HostGone:
            self._end("the host reads no more")
        except Exception:  # deaf, it would keep its host waiting
            self._log.write(f"internal error\n{traceback.format_exc()}")
            self._end("it cannot listen any more")

    def _hear(self, line: bytes | None) -> None:
        if line is not None and not line.strip():
            return
        try:
            request = parse(line)
            self._admit(request)
        except Refused as refused:
            self._log.write(f"refused: {refused.message}")
            values = {"code": refused.code, "message": refused.message, "hint": refused.hint}
            with self._lock:
                number = None if refused.number in self._open else refused.number
            self.tell(number, "error", **values)

    def _admit(self, request: Request) -> None:
        number, command = request.number, request.command
        if command == "hello":
            self._greet(request)
            return
        if not self._greeted:
            raise Refused(f"{command}: say hello first", "name the protocol in it", number, "protocol")
        if command == "cancel":
            found = self._cancel(int(request.arguments["request"]))
            self.tell(number, "result", result={"found": found})
            return
        if command == "shutdown":
            self.tell(number, "result", result={})
            self._end("the host asked for it")
            return
        with self._lock:
            if number in self._open:
                raise Refused(f"{command}: id {number} is that of an open request", "count up", number)
            self._open.add(number)
        self._queue.put(request)

    def _greet(self, request: Request) -> None:
        from lookmatte.cli import version

        asked = request.arguments["protocol"]
        if asked != PROTOCOL:
            older = "the host's add-on" if asked < PROTOCOL else f"lookmatte in {sys.executable}"
            what = f"the host speaks protocol {asked}, lookmatte {version()} speaks {PROTOCOL}"
            raise Refused(what, f"update {older}", request.number, "protocol")
        if not self._greeted:
            self._greeted = True
            life.watch_host(int(request.arguments.get("host", 0)), lambda: self._end("the host has ended"))
        answer = {
            "version": version(),
            "protocol": PROTOCOL,
            "commands": list(COMMANDS),
            "python": platform.python_version(),
            "pid": os.getpid(),
            "log": self._log.name,
        }
        self.tell(request.number, "result", result=answer)

    def _cancel(self, number: int) -> bool:
        """Mark a request as cancelled; True when it is open."""
        with self._lock:
            if number not in self._open:
                return False
            waits = number != self._begun
            if waits:
                self._open.discard(number)
            else:
                self._cancelled.add(number)
        if waits:
            self.tell(number, "error", code="cancelled", message="cancelled before it began", hint="")
        else:
            self._later(PATIENCE, lambda: self._interrupt(number))
        return True

    def _interrupt(self, number: int) -> None:
        if self._running == number:
            self._calling = True
            _raise_in_main_thread(signal.SIGINT)

    def _end(self, why: str) -> None:
        """Begin the end: no new request, the running one is cancelled; whatever hangs is left behind."""
        with self._lock:
            if self._ending:
                return
            self._ending = True
        self._log.write(f"ending: {why}")
        self._queue.put(None)
        number = self._running
        if number is not None:
            self._later(PATIENCE, lambda: self._interrupt(number))
        self._later(GRACE, self._leave)

    def _leave(self) -> NoReturn:
        self._log.write("what was running did not end in time; files that it had not finished are left as .tmp")
        os._exit(1)

    @staticmethod
    def _later(seconds: float, act: Any) -> None:
        timer = threading.Timer(seconds, act)
        timer.daemon = True
        timer.start()


def _raise_in_main_thread(sign: signal.Signals) -> None:
    if hasattr(signal, "pthread_kill"):
        ident = threading.main_thread().ident
        assert ident is not None
        signal.pthread_kill(ident, sign)  # ends what it waits for, too
    else:
        import _thread

        _thread.interrupt_main(sign)
