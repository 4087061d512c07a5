"""The worker as Nuke's package starts it: the suite that any host can run, with the client that the zip carries.

LOOKMATTE_CONFORMANCE=1 runs all of it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "worker"))

from conformance import Conformance, Worker
from lookmatte_nuke import client

REPOSITORY = Path(__file__).resolve().parents[2]


class TestNuke(Conformance):
    @pytest.fixture(scope="module")
    @classmethod
    def worker(cls) -> Worker:
        environment: dict[str, str | None] = {
            "PYTHONPATH": os.pathsep.join(filter(None, [str(REPOSITORY / "core"), os.environ.get("PYTHONPATH")])),
            "OMP_NUM_THREADS": "1",
        }
        return Worker(client, sys.executable, environment)


# The client is core's, byte by byte, whose own tests run all of the suite; here it is what a host leans on most.
KEPT = {
    "test_says_hello", "test_a_host_of_another_protocol_is_told_what_to_update", "test_events_come_in_order",
    "test_a_python_without_lookmatte_is_named", "test_cancel_ends_a_render_and_leaves_whole_frames",
    "test_cancel_takes_a_request_out_of_the_queue", "test_an_unknown_object_is_an_error_with_the_nearest",
    "test_a_host_that_is_killed_takes_its_worker_along",
}  # fmt: skip
for _name in dir(Conformance):
    if _name.startswith("test_") and _name not in KEPT and not os.environ.get("LOOKMATTE_CONFORMANCE"):
        setattr(TestNuke, _name, None)
