"""The worker that ``lookmatte serve`` is, by the suite that any host can run; every message by the schema."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from conformance import Check, Conformance, Worker, job
from hypothesis import given, settings
from hypothesis import strategies as st
from shots import read_exr, same_bits

import lookmatte
from lookmatte import client
from lookmatte.worker.requests import COMMANDS, PROTOCOL, REQUIRED, Refused, parse

CORE = Path(lookmatte.__file__).resolve().parents[1]
SCHEMA: dict[str, Any] = json.loads((CORE / "lookmatte" / "protocol.json").read_text(encoding="utf-8"))


def part(name: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": SCHEMA["$defs"]})


class Messages:
    """Makes checkers, one for each worker, of what either end sends. The worker must find those requests malformed
    that are none by the schema, and no other."""

    def __init__(self) -> None:
        self._request, self._event, self._results = part("request"), part("event"), part("results")
        self.trouble: list[str] = []

    def __call__(self) -> Check:
        asked: dict[int, dict[str, Any]] = {}

        def check(direction: str, message: dict[str, Any]) -> None:
            try:
                self._check(asked, direction, message)
            except jsonschema.ValidationError as error:
                self.trouble.append(f"{direction} {message}: {error.message}")

        return check

    def _check(self, asked: dict[int, dict[str, Any]], direction: str, message: dict[str, Any]) -> None:
        if direction == "sent":
            asked[message["id"]] = message
            return
        self._event.validate(message)
        request = asked.get(message["id"])
        if message["event"] == "result":
            assert request is not None
            self._request.validate(request)
            self._results.validate({request["command"]: message["result"]})
        elif message["event"] == "error" and request is not None:
            if message["code"] != "malformed":
                self._request.validate(request)
            elif self._request.is_valid(request):
                self.trouble.append(f"refused, and well formed by the schema: {request}")


class TestServe(Conformance):
    @pytest.fixture(scope="module")
    @classmethod
    def messages(cls) -> Messages:
        return Messages()

    @pytest.fixture(scope="module")
    @classmethod
    def worker(cls, messages: Messages) -> Worker:
        environment: dict[str, str | None] = {
            "PYTHONPATH": os.pathsep.join(filter(None, [str(CORE), os.environ.get("PYTHONPATH")])),
            "OMP_NUM_THREADS": "1",
        }
        return Worker(client, sys.executable, environment, messages)

    @pytest.fixture(autouse=True)
    def _all_by_the_schema(self, messages: Messages) -> Iterator[None]:
        yield
        trouble, messages.trouble = messages.trouble, []
        assert trouble == []

    @pytest.mark.parametrize("blend", ["pixel", "grid"])
    def test_a_preview_has_the_pixels_of_a_render(
        self, host: client.Client, shot: Path, tmp_path: Path, blend: str
    ) -> None:
        one = job(tmp_path, frames="5", temporal={"mode": "frame"}, color={"space": "ACEScg"})
        one["regions"]["hero"] |= {"blend": blend, "strength": 0.7}
        one["regions"]["rest"] = {"style": "green.png", "exposure_limit": 1}
        path = tmp_path / "one.exr"
        host.request("preview", self.ask(shot, tmp_path, job=one, output=str(path), frame=5)).result()
        host.request("render", self.ask(shot, tmp_path, job=one)).result()
        shown, rendered = read_exr(path), read_exr(tmp_path / "out" / "look.0005.exr")
        assert list(shown) == ["A", "B", "G", "R"]
        for name, pixels in shown.items():
            assert same_bits(pixels, rendered[name])

    def test_a_preview_overwrites_nothing_that_it_reads(
        self, worker: Worker, host: client.Client, shot: Path, tmp_path: Path
    ) -> None:
        for name in ("plate/sh.0001.exr", "red.png"):
            before = (shot / name).read_bytes()
            error = self.failure(worker, host.request("preview", self.ask(shot, tmp_path, output=str(shot / name))))
            assert error.code == "input"
            assert "is an input" in error.message
            assert (shot / name).read_bytes() == before
        for name, why in (("one.jpg", "must end in .exr or .png"), ("none.exr", "frame: 999 is not in the job")):
            asked = self.ask(shot, tmp_path, output=str(tmp_path / name), frame=999)
            assert why in self.failure(worker, host.request("preview", asked)).message


SCALARS = st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8)
VALUES = st.recursive(SCALARS, lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(), one, max_size=3))
KEYS = st.sampled_from(sorted({name for known in COMMANDS.values() for name in known})) | st.text(max_size=4)


@st.composite
def nearly_requests(draw: st.DrawFn) -> bytes:
    """Requests in which nothing is wrong, or a little."""
    command = draw(st.sampled_from(list(COMMANDS)))
    names = draw(st.lists(st.sampled_from([*COMMANDS[command], "odd"]), max_size=3)) + list(
        REQUIRED.get(command, ())
    )
    likely = st.sampled_from(["x.exr", 1, {}, True])
    message = {
        "id": draw(st.integers(0, 9) | VALUES),
        "command": command,
        "arguments": {name: draw(likely | VALUES) for name in names},
        **draw(st.just({}) | st.dictionaries(KEYS, VALUES, max_size=1)),
    }
    return json.dumps(message).encode()


@settings(max_examples=300)
@given(st.binary() | VALUES.map(lambda value: json.dumps(value).encode()) | nearly_requests())
def test_any_line_is_a_request_of_the_schema_or_refused_in_a_line(line: bytes) -> None:
    try:
        request = parse(line)
    except Refused as refused:
        said = str(refused)
    else:
        said = "accepted"
        sent = {"id": request.number, "command": request.command, "arguments": request.arguments}
        part("request").validate(sent)
    assert len(said.splitlines()) == 1
    assert len(said) < 400


def test_the_schema_is_a_schema_and_its_commands_are_the_worker_s() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    told = {one["properties"]["command"]["const"]: one for one in SCHEMA["$defs"]["request"]["oneOf"]}
    assert list(told) == list(COMMANDS)
    assert list(SCHEMA["$defs"]["results"]["properties"]) == list(COMMANDS)
    for command, one in told.items():
        arguments = one["properties"]["arguments"]
        assert list(arguments["properties"]) == list(COMMANDS[command])
        assert arguments["required"] == list(REQUIRED.get(command, ()))
    assert SCHEMA["title"].endswith(f"protocol {PROTOCOL}")
    assert client.PROTOCOL == PROTOCOL
