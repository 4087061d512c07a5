"""The compiled kernel, and bakes of wild plates by the weights that ship; each made when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from blink_compiled import FAST, Blink, compiler
from blink_shots import Baked, write_shot


@pytest.fixture(scope="session")
def cxx() -> list[str]:
    found = compiler()
    if found is None:
        pytest.skip(
            "NOT PROVED: the Blink kernel, for there is no C++ compiler here; `pip install ziglang` brings one"
        )
    return found


@pytest.fixture(scope="session")
def blink(cxx: list[str], tmp_path_factory: pytest.TempPathFactory) -> Blink:
    return Blink.build(tmp_path_factory.mktemp("kernel"), cxx)


@pytest.fixture(scope="session")
def fast_blink(cxx: list[str], tmp_path_factory: pytest.TempPathFactory) -> Blink:
    """As compilers for GPUs may read it."""
    return Blink.build(tmp_path_factory.mktemp("kernel"), cxx, FAST)


@pytest.fixture(scope="session")
def baked(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Baked]:
    """``baked(kind)``: a bake of one region, by kind."""
    folder = tmp_path_factory.mktemp("shot")
    made: dict[str, Baked] = {}

    def bake(kind: str) -> Baked:
        if not made:
            write_shot(folder)
        if kind not in made:
            made[kind] = _kinds(folder)[kind].make()
        return made[kind]

    return bake


def _kinds(folder: Path) -> dict[str, Baked]:
    between = {"temporal": {"subsample": 2}}
    rough = {"matte": "rough.####.exr"}
    acescg = {"color": {"space": "ACEScg"}, "frames": "1002"}
    all_kinds = (
        Baked(folder, "cryptomatte", "car", {"cryptomatte": ["hero car*"]}, between),
        Baked(folder, "matte", "rough", {**rough, "blend": "pixel"}, {"frames": "1001"}),
        Baked(folder, "grid", "soft", {**rough, "blend": "grid"}, between),
        Baked(folder, "rest", "rest", {}, {"frames": "1001"}),
        Baked(folder, "acescg", "balloon", {"cryptomatte": ["balloon"]}, acescg),
        Baked(folder, "opaque", "rest", {}, {"alpha": "ignore", "frames": "1003"}),
        Baked(folder, "second", "balloon", {"cryptomatte": ["balloon"]}, {"frames": "1001"}, "first.####.exr"),
    )
    return {one.kind: one for one in all_kinds}
