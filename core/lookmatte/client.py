"""What a host imports to talk to lookmatte: a worker process, and requests to it.

The standard library alone, and Python 3.7 syntax: a host carries this one file, and nothing else of lookmatte,
inside its own interpreter. The worker runs in another one, which has lookmatte.

>>> client = Client.start("/opt/lookmatte/bin/python", log="/tmp/lookmatte.log")
>>> job = {"plate": "sh.####.exr", "output": "look.####.exr", "regions": {"rest": {"style": "dusk.jpg"}}}
>>> request = client.request("render", {"job": job, "base": "/shots/sh010"})    # returns at once
>>> while not request.done:                           # or client.poll() from a timer
...     for event in request.poll():
...         print(event["event"], event.get("frame"))
...     time.sleep(0.1)
>>> request.result()                                  # raises WorkerError(code, message, hint)
{'done': [1001, 1002], 'skipped': [], 'failed': []}
>>> client.close()

No call blocks but those that say so (``result``, ``wait_ready``, ``close``). Two threads move the lines; events
reach the host, its callbacks included, only inside ``poll`` and ``result``, in the thread that calls them.

A worker that dies is started again once, and every open request is sent to the new one, after an event
``restarted`` whose ``message`` is for the user: frames that are there already are skipped, so nothing is lost. When
that one dies as well before it has answered anything, the open requests fail with the code ``worker_died``.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any

PROTOCOL = 1
"""The version of the messages that this client speaks; the worker names its own in the answer to hello."""

START_SECONDS = 120.0
"""How long a worker may take to say hello; a cold environment on a network disk is slow."""

_LONGEST = 64 << 20  # bytes in one line from the worker
_LOG_BYTES = 4 << 20
_ENDINGS = ("result", "error")

# What a host sets for its own interpreter and the worker's would stumble over.
_HOSTS_OWN = ("PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONEXECUTABLE", "__PYVENV_LAUNCHER__")

# Python looks for modules in the current folder first, and a host's may hold anything.
_STARTER = (
    "import sys; sys.path[:] = [entry for entry in sys.path if entry]; "
    "from lookmatte.cli import main; sys.exit(main(sys.argv[1:]))"
)


class WorkerError(Exception):
    """Why a request, or the worker itself, failed.

    ``code``: ``input`` (what was asked cannot be done), ``frame`` (a frame cannot be read), ``cancelled``,
    ``internal`` (a fault of lookmatte's; the log has the traceback), ``malformed`` (not a message of the protocol),
    ``protocol`` (worker and host are of different versions), ``not_started``, ``worker_died``, ``closed``,
    ``timeout``. ``message`` is for the user, one line for each thing that is wrong; ``hint`` says what to do, or is
    empty.
    """

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(f"{message}; {hint}" if hint else message)
        self.code = code
        self.message = message
        self.hint = hint


class Request:
    """One request on its way; made by :meth:`Client.request`."""

    def __init__(
        self,
        client: Client,
        number: int,
        command: str,
        arguments: dict[str, Any],
        on_event: Callable[[dict[str, Any]], None] | None,
    ) -> None:
        self._client = client
        self._on_event = on_event
        self._events: deque[dict[str, Any]] = deque()
        self._result: dict[str, Any] | None = None
        self._error: WorkerError | None = None
        self._cancelled = False
        self._met = 0
        self._total = 0
        self.id = number
        self.command = command
        self.arguments = arguments
        # Made here, so that what is no JSON raises in the host's own call.
        self._line = _line({"id": number, "command": command, "arguments": arguments})

    @property
    def done(self) -> bool:
        """Has it ended, well or not? Its last events may still be waiting for ``poll``."""
        return self._result is not None or self._error is not None

    @property
    def progress(self) -> tuple[int, int]:
        """(frames met so far, frames in all); (0, 0) before the worker knows."""
        return self._met, self._total

    def poll(self) -> list[dict[str, Any]]:
        """The events that have arrived since the last call, in order; ``on_event`` is called with each. Never
        blocks.

        Each is a dict with ``event``: ``start`` (total, stage, output), ``frame_done`` (frame, path, seconds),
        ``frame_skipped``, ``frame_failed`` (frame, message), ``warning`` and ``note`` (message), ``done`` (done,
        skipped, failed), ``restarted`` (message); and as the last one either ``result`` (result) or ``error``
        (code, message, hint).
        """
        with self._client._news:
            events = list(self._events)
            self._events.clear()
            if self.done:
                self._client._requests.pop(self.id, None)
        if self._on_event is not None:
            for event in events:
                self._on_event(event)
        return events

    def result(self, timeout: float | None = None) -> dict[str, Any]:
        """Wait for the end and return what the worker answered; ``on_event`` is called meanwhile, in this thread.

        Raises WorkerError, with the code ``timeout`` after ``timeout`` seconds (the request goes on).
        """
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            with self._client._news:
                while not self._events and not self.done:
                    left = None if until is None else until - time.monotonic()
                    if left is not None and left <= 0:
                        raise WorkerError("timeout", f"{self.command}: no answer within {timeout:g} seconds")
                    # In slices: on Windows, Ctrl-C does not end a wait.
                    self._client._news.wait(1.0 if left is None else min(left, 1.0))
            self.poll()
            if self._error is not None:
                raise self._error
            if self._result is not None:
                return self._result

    def cancel(self) -> None:
        """Ask for its end, which comes within a frame as the error ``cancelled``; what is on disk stays whole."""
        self._client._cancel(self)

    def _take(self, event: dict[str, Any]) -> None:
        """Keep an event; called with the client's lock held."""
        name = event.get("event")
        if name == "start":
            self._met, self._total = 0, int(event["total"])
        elif name in ("frame_done", "frame_skipped", "frame_failed"):
            self._met += 1
        elif name == "result":
            self._result = event["result"]
        elif name == "error":
            self._error = _error(event)
        self._events.append(event)


class Client:
    """A worker process and the requests to it. Make one with :meth:`start`; it may be used from any thread.

    ``on_message(direction, message)``, for tests and for tracing, sees every message as it is ``"sent"`` or
    ``"received"``, in whatever thread that happens.
    """

    def __init__(
        self,
        command: list[str],
        log: str,
        environment: Mapping[str, str | None] | None = None,
        on_message: Callable[[str, dict[str, Any]], None] | None = None,
    ) -> None:
        self.command = command
        """The worker's command line."""
        self.log = os.path.abspath(log)
        """The file that keeps what the worker, and the libraries in it, write to standard error."""
        self.hello: dict[str, Any] | None = None
        """What the worker says of itself once it is up: version, protocol, commands, python, pid; None before."""
        self.error: WorkerError | None = None
        """Why there is no worker any more; None while there is one."""
        self.restarted = 0
        """How often a worker has died and was replaced."""
        self._environment = _environment(environment)
        self._on_message = on_message
        self._news = threading.Condition(threading.RLock())
        self._requests: dict[int, Request] = {}
        self._numbers = 0
        self._spare = 1  # restarts that are left
        self._process: subprocess.Popen[bytes] | None = None
        self._outbox: queue.Queue[bytes | None] = queue.Queue()

    @classmethod
    def start(
        cls,
        python: str,
        log: str,
        environment: Mapping[str, str | None] | None = None,
        on_message: Callable[[str, dict[str, Any]], None] | None = None,
    ) -> Client:
        """Start a worker with the interpreter ``python``, which has lookmatte, and return at once.

        ``log`` is a file for what the worker has to say besides; its folder is made. ``environment`` is laid over
        the host's own; None as a value removes a variable. The host's PYTHONHOME and PYTHONPATH are not passed on.
        Never raises for a worker that cannot start: ``error`` tells, and so does each request.
        """
        command = [str(python), "-c", _STARTER, "serve", "--log", os.path.abspath(log)]
        client = cls(command, log, environment, on_message)
        client.restart()
        return client

    @property
    def alive(self) -> bool:
        """Is there a worker, or one about to be?"""
        return self.error is None

    def restart(self) -> None:
        """Start the worker again after it ended for good, as when a person asks for it. Open requests go on."""
        with self._news:
            if self._process is not None and self.error is None:
                return
            self.error = None
            self._spare = 1
            self._launch()

    def wait_ready(self, timeout: float = START_SECONDS) -> dict[str, Any]:
        """Block until the worker has said hello, and return that. Raises WorkerError when it cannot start."""
        until = time.monotonic() + timeout
        with self._news:
            while self.hello is None and self.error is None:
                left = until - time.monotonic()
                if left <= 0:
                    raise WorkerError("timeout", f"the worker has not said hello within {timeout:g} seconds")
                self._news.wait(left)
            if self.error is not None:
                raise self.error
            assert self.hello is not None
            return self.hello

    def request(
        self,
        command: str,
        arguments: dict[str, Any] | None = None,
        on_event: Callable[[dict[str, Any]], None] | None = None,
    ) -> Request:
        """Ask the worker for something, and return at once. Requests are run one at a time, in order.

        ``inspect`` (file, layer), ``preview`` (job, frame, output), ``bake``, ``render`` and ``apply`` (job,
        frames, overwrite, bake, model, device): see docs/worker.md. A job is a mapping as a job file holds it,
        whose relative paths start at ``base``, or the path of a job file. ``on_event`` is called inside ``poll``
        and ``result``, never from another thread. Raises TypeError or ValueError for arguments that are no JSON
        (paths may be Paths).
        """
        with self._news:
            self._numbers += 1
            request = Request(self, self._numbers, command, dict(arguments or {}), on_event)
            self._requests[request.id] = request
            if self.error is not None:
                self._end(request, self.error)
            elif self.hello is not None:
                self._begin(request)
            return request

    def poll(self) -> list[tuple[Request, dict[str, Any]]]:
        """What has arrived for all requests, as (request, event), in the order of the requests; ``on_event`` is
        called with each. For a host's timer: never blocks."""
        with self._news:
            requests = list(self._requests.values())
        return [(request, event) for request in requests for event in request.poll()]

    def close(self, timeout: float = 5.0) -> None:
        """End the worker; open requests fail with the code ``closed``. Blocks up to ``timeout`` seconds for frames
        that are being written, then kills it."""
        with self._news:
            process, self._process = self._process, None
            self._fail(WorkerError("closed", "the worker was shut down"))
            if process is not None:
                self._tell("shutdown", {})
                self._outbox.put(None)
        if process is None:
            return
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def log_tail(self, lines: int = 20) -> list[str]:
        """The last lines of the log, for a message or a window."""
        try:
            with open(self.log, "rb") as file:
                file.seek(max(0, os.path.getsize(self.log) - 16384))
                text = file.read().decode("utf-8", "replace")
        except OSError:
            return []
        return [line for line in text.splitlines() if line.strip()][-lines:]

    # The process. All with the lock held, but what threads run.

    def _launch(self) -> None:
        self.hello = None
        self._outbox = queue.Queue()
        flags = getattr(subprocess, "CREATE_NO_WINDOW", 0) | getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
        try:
            with _open_log(self.log) as log:
                self._process = subprocess.Popen(
                    self.command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    bufsize=0,
                    env=self._environment,
                    creationflags=flags,
                    start_new_session=os.name == "posix",  # Ctrl-C in the host's terminal is the host's
                )
        except (OSError, ValueError) as error:
            self._process = None
            reason = getattr(error, "strerror", None) or str(error)
            culprit = getattr(error, "filename", None) or self.command[0]
            self._fail(WorkerError("not_started", f"lookmatte cannot be started: {culprit}: {reason}", _CHOOSE))
            return
        self._send(_line({"id": 0, "command": "hello", "arguments": {"protocol": PROTOCOL, "host": os.getpid()}}))
        process, outbox = self._process, self._outbox
        threading.Thread(target=self._write, args=(process, outbox), name="lookmatte-write", daemon=True).start()
        threading.Thread(target=self._read, args=(process,), name="lookmatte-read", daemon=True).start()
        watch = threading.Timer(START_SECONDS, self._give_up, (process,))
        watch.daemon = True
        watch.start()

    def _give_up(self, process: subprocess.Popen[bytes]) -> None:
        with self._news:
            if self._process is process and self.hello is None:
                process.kill()

    @staticmethod
    def _write(process: subprocess.Popen[bytes], outbox: queue.Queue[bytes | None]) -> None:
        stream = process.stdin
        assert stream is not None
        try:
            while True:
                line = outbox.get()
                if line is None:
                    return
                left = memoryview(line)
                while left:
                    left = left[stream.write(left) :]
        except (OSError, ValueError):
            pass  # the worker has gone: who reads from it sees that, and says so
        finally:
            stream.close()

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        stream = process.stdout
        assert stream is not None
        for line in _lines(stream):
            try:
                message = json.loads(line.decode("utf-8"))
            except (ValueError, RecursionError):
                continue  # some interpreters greet on standard output before the worker takes it over
            if isinstance(message, dict):
                with self._news:
                    if self._process is process:
                        try:
                            self._receive(message)
                        except (KeyError, TypeError, ValueError):
                            what = f"the worker sent what no worker sends: {line[:200]!r}"
                            self._stop(WorkerError("protocol", what, f"update lookmatte in {self.command[0]}"))
                        self._news.notify_all()
        stream.close()
        try:
            code = process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        with self._news:
            if self._process is process:
                self._outbox.put(None)
                self._died(code)
                self._news.notify_all()

    def _receive(self, message: dict[str, Any]) -> None:
        if self._on_message is not None:
            self._on_message("received", message)
        number = message.get("id")
        if number == 0:
            self._greeted(message)
            return
        request = self._requests.get(number) if isinstance(number, int) else None
        if request is None or request.done:
            return
        ends = message.get("event") in _ENDINGS
        if ends:
            self._spare = 1
        request._take(message)

    def _greeted(self, message: dict[str, Any]) -> None:
        if message.get("event") == "error":
            self._stop(_error(message))
            return
        hello = message["result"]
        if hello["protocol"] != PROTOCOL:
            older = f"lookmatte in {self.command[0]}" if hello["protocol"] < PROTOCOL else "the host's add-on"
            what = f"worker {hello['version']} speaks protocol {hello['protocol']}, this host {PROTOCOL}"
            self._stop(WorkerError("protocol", what, f"update {older}"))
            return
        self.hello = hello
        for request in list(self._requests.values()):
            if not request.done:
                self._begin(request)

    def _died(self, code: int) -> None:
        how = f"exit code {code}" if code >= 0 else f"signal {-code}"
        if self.hello is None:
            said = self.log_tail(1)
            what = f"lookmatte did not start ({how})" + (f": {said[0]}" if said else "")
            self._fail(WorkerError("not_started", what, f"{_CHOOSE}; log: {self.log}"))
            return
        if self._spare == 0:
            what = f"the worker died twice ({how})"
            self._fail(WorkerError("worker_died", what, f"what it said is in {self.log}"))
            return
        self._spare -= 1
        self.restarted += 1
        message = f"the worker died ({how}) and was started again; what it said is in {self.log}"
        for request in list(self._requests.values()):
            if not request.done and not request._cancelled:
                request._take({"id": request.id, "event": "restarted", "message": message})
        self._launch()

    def _stop(self, error: WorkerError) -> None:
        process, self._process = self._process, None
        self._outbox.put(None)
        if process is not None:
            process.kill()
        self._fail(error)

    def _fail(self, error: WorkerError) -> None:
        self.error = error
        self.hello = None
        for request in list(self._requests.values()):
            if not request.done:
                self._end(request, error)
        self._news.notify_all()

    # Requests. All with the lock held.

    def _begin(self, request: Request) -> None:
        """Send a request to a worker that is up."""
        if request._cancelled:
            self._end(request, WorkerError("cancelled", f"{request.command}: cancelled"))
        else:
            self._send(request._line)

    def _send(self, line: bytes) -> None:
        if self._on_message is not None:
            self._on_message("sent", json.loads(line))
        self._outbox.put(line)

    def _tell(self, command: str, arguments: dict[str, Any]) -> None:
        """Send what needs no answer."""
        self._numbers += 1
        self._send(_line({"id": self._numbers, "command": command, "arguments": arguments}))

    def _end(self, request: Request, error: WorkerError) -> None:
        event = {"event": "error", "code": error.code, "message": error.message, "hint": error.hint}
        request._take({"id": request.id, **event})
        self._news.notify_all()

    def _cancel(self, request: Request) -> None:
        with self._news:
            if request.done or request._cancelled:
                return
            request._cancelled = True
            if self.hello is not None:
                self._tell("cancel", {"request": request.id})
            else:
                self._end(request, WorkerError("cancelled", f"{request.command}: cancelled"))


_CHOOSE = "choose a Python that has lookmatte installed"


def _line(message: dict[str, Any]) -> bytes:
    """A message as it travels; paths become texts. Raises TypeError or ValueError for what is no JSON."""
    return json.dumps(message, allow_nan=False, default=os.fspath).encode("ascii") + b"\n"


def _error(event: dict[str, Any]) -> WorkerError:
    return WorkerError(str(event["code"]), str(event["message"]), str(event.get("hint", "")))


def _environment(over: Mapping[str, str | None] | None) -> dict[str, str]:
    found = {name: value for name, value in os.environ.items() if name not in _HOSTS_OWN}
    for name, value in (over or {}).items():
        if value is None:
            found.pop(name, None)
        else:
            found[name] = value
    return found


def _open_log(path: str) -> IO[bytes]:
    """Open the log to append; one that has grown large makes room first."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    try:
        if os.path.getsize(path) > _LOG_BYTES:
            os.replace(path, path + ".1")
    except OSError:
        pass  # there is none yet, or another worker has it open (Windows)
    return open(path, "ab")


def _lines(stream: IO[bytes]) -> Iterator[bytes]:
    """The lines of an unbuffered pipe until its end; one that is too long is dropped."""
    kept = bytearray()
    dropping = False
    while True:
        try:
            piece = stream.read(65536)
        except (OSError, ValueError):
            return
        if not piece:
            return
        *whole, rest = piece.split(b"\n")
        for part in whole:
            if not dropping:
                yield bytes(kept) + part
            kept, dropping = bytearray(), False
        kept += rest
        if len(kept) > _LONGEST:
            kept, dropping = bytearray(), True
