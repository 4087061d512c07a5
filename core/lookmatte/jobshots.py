"""Several shots in one job file: ``shots`` names them, and what a shot says goes before what all of them share.

A shot replaces a shared key as a whole; where it wants a part of it, YAML's own ``<<`` says so::

    regions: &day
      hero: {cryptomatte: [hero], style: gold.jpg}
      rest: {style: day.jpg}
    shots:
      sh010: {plate: sh010/p.####.exr, output: out/sh010.####.exr}
      sh020: {plate: sh020/p.####.exr, output: out/sh020.####.exr, regions: {<<: *day, rest: {style: dusk.jpg}}}
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from lookmatte.errors import InputError, nearest
from lookmatte.job import Job
from lookmatte.jobtree import Node, Problems, Table, show, weight

JOB_KEYS = ("plate", "frames", "output", "color", "alpha", "regions", "temporal", "shots")
MAX_VALUES = 1_000_000  # of all shots together, each with what it shares
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")


def shots(root: Node, problems: Problems) -> list[tuple[str | None, Node, Problems]]:
    """The shots of a job's tree: name, keys, and where its mistakes go. One without a name when there are none."""
    if not isinstance(root.value, Table):
        return [(None, root, problems)]
    given = next((value for key, value in root.value.entries if key.value == "shots"), None)
    if given is None:
        return [(None, root, problems)]
    shared = []
    for key, value in root.value.entries:
        if key.value in JOB_KEYS:
            shared.append((key, value))
        else:
            problems.add(key, "", f"unknown key {show(key.value)}{nearest(str(key.value), JOB_KEYS)}")
    shared = [(key, value) for key, value in shared if key.value != "shots"]
    if not isinstance(given.value, Table) or not given.value.entries:
        problems.add(given, "shots", "must be a table of shots, NAME: {plate: ..., output: ...}")
        problems.raise_if_any()
    assert isinstance(given.value, Table)
    found: list[tuple[str | None, Node, Problems]] = []
    weights = {id(node): weight(node) for _, node in shared}
    left_over = MAX_VALUES
    names: dict[str, str] = {}
    for key, value in given.value.entries:
        wrong = _wrong_name(key, names)
        if wrong:
            problems.add(key, "shots", f"the name {show(key.value)} {wrong}")
            continue
        name = str(key.value)
        if not isinstance(value.value, Table):
            problems.add(value, f"shots.{name}", "must be a table of a job's keys: plate, output")
            continue
        own = {one.value for one, _ in value.value.entries}
        if "shots" in own:
            problems.add(value, f"shots.{name}.shots", "a shot has no shots")
        left = [(one, node) for one, node in shared if one.value not in own]
        left_over -= weight(value) + sum(weights[id(node)] for _, node in left)
        if left_over < 0:
            problems.add(value, "shots", f"more than {MAX_VALUES:,} values in all shots together; split the file")
            problems.raise_if_any()
        entries = (*left, *((one, node) for one, node in value.value.entries if one.value != "shots"))
        its_own = problems.of(f"shots.{name}", [str(one.value) for one, _ in left])
        found.append((name, Node(Table(entries), value.line), its_own))
    return found


def _wrong_name(key: Node, names: dict[str, str]) -> str:
    """What is wrong with a shot's name, which is to be a folder's; ``names`` are those before it, folded."""
    name = key.value
    if not isinstance(name, str):
        return "is not a text; put it in quotes"
    if not _NAME.fullmatch(name) or name.endswith("."):
        return "must be 1 to 64 of the letters A-Z a-z 0-9 _ . -; it names a folder"
    before = names.setdefault(name.casefold(), name)
    return "" if before == name else f"differs from {before!r} in case alone; rename one"


def choose_shots(
    file: str, there: Collection[str | None], names: Iterable[str], *, single: bool = False
) -> list[str | None]:
    """Which of a file's shots are meant by ``names``, in the file's order; all of them when none is given.

    Raises InputError for a name that is not there, and when it must be a ``single`` one and is not.
    """
    wanted = list(names)
    known = [name for name in there if name is not None]
    for name in wanted:
        if not known:
            raise InputError(f"{file} has no shots, so none is called {name!r}")
        if name not in known:
            raise InputError(f"{file} has no shot {show(name)}{nearest(name, known)}")
    chosen = [name for name in there if not wanted or name in wanted]
    if single and len(chosen) != 1:
        listed = ", ".join(str(name) for name in chosen[:6]) + (", ..." if len(chosen) > 6 else "")
        raise InputError(f"{file} holds {len(chosen)} shots ({listed}); name one of them")
    return chosen


def check_outputs(jobs: Mapping[str | None, Job], problems: Problems) -> None:
    """Note the shots that would write files of one before them."""
    from lookmatte.imaging.sequence import Sequence

    places: dict[tuple[str, str, int, str], list[str | None]] = {}
    for name, job in jobs.items():
        try:
            output = Sequence.parse(job.output, Path())
        except InputError:
            continue  # told by itself when the job is run
        place = os.path.normcase(os.path.normpath(output.folder))
        places.setdefault((place, output.prefix, output.width, output.suffix), []).append(name)
    for names in places.values():
        if len(names) > 1:
            _check_one_output({name: jobs[name] for name in names}, problems)


def _check_one_output(jobs: Mapping[str | None, Job], problems: Problems) -> None:
    """Note which of the shots that write one sequence take frames of another."""
    from lookmatte.imaging.sequence import MAX_FRAMES, parse_frames

    takes_all: str | None = None
    taken: dict[int, str | None] = {}
    for name, job in jobs.items():
        frames = None if job.frames is None else parse_frames(job.frames)
        other = takes_all
        if other is None:
            other = next((taken[frame] for frame in (taken if frames is None else frames) if frame in taken), None)
        key = f"shots.{name}.output"
        if other is not None:
            problems.add(None, key, f"{job.output} is the output of shot {other} too; write somewhere else")
        elif frames is None:
            takes_all = name
        elif len(taken) + len(frames) > MAX_FRAMES:
            problems.add(None, key, f"{job.output} would be more than {MAX_FRAMES:,} frames; check their numbers")
        else:
            taken.update(dict.fromkeys(frames, name))
