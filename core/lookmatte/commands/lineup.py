"""Which rows the table of ``lookmatte evaluate`` has, from its options."""

from __future__ import annotations

import argparse
import itertools
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from lookmatte.errors import InputError, nearest
from lookmatte.job import Mode
from lookmatte.progress import Progress

if TYPE_CHECKING:
    from lookmatte.evaluation.methods import Method
    from lookmatte.evaluation.pairs import Pair

PROGRAM = "lookmatte"


def line_up(
    args: argparse.Namespace, folder: Path, scratch: Path, progress: Progress, remarks: list[str]
) -> list[Method]:
    """The rows of the table, in order; what they make goes under ``folder``, what they need meanwhile into
    ``scratch``. Adds to the remarks what is missing, and raises InputError for what cannot be a row."""
    from lookmatte.evaluation.baselines import PACKAGE, closed_forms
    from lookmatte.evaluation.methods import ClosedForm, Outputs, Untouched
    from lookmatte.evaluation.program import Program, base_alone, temporal
    from lookmatte.networks.model import Model

    runs = args.itself or not args.outputs
    modes = args.mode or ["coherent"]
    for mode in modes:
        if mode not in get_args(Mode):
            raise InputError(f"--mode: {mode!r} is unknown{nearest(mode, get_args(Mode))}")
    for flag in ("model", "mode", "subsample"):
        if getattr(args, flag) and not (runs or args.baselines):
            raise InputError(f"--{flag} is for lookmatte itself; add --run")
    settings = list(dict.fromkeys(itertools.product(modes, args.subsample or [1])))
    models: list[Path | None] = [Path(model) for model in dict.fromkeys(args.model)] or [None]
    for model in models:
        Model.load(model)  # what is wrong with it is told once, before anything is made
    methods: list[Method] = []
    if args.baselines:
        methods.append(Untouched())
        forms = closed_forms()
        methods += [ClosedForm(name, folder / _file_name(name), form) for name, form in forms.items()]
        if len(forms) == 1:
            remarks.append(f"{PACKAGE} is not installed, so its rows are missing: pip install {PACKAGE}")
        alone = base_alone(models[0], scratch)
        methods.append(Program("transport", folder / "transport", alone, temporal(*settings[0]), progress))
    folders = list(dict.fromkeys(_existing(given) for given in args.outputs))
    methods += [Outputs(_short_name(given, folders), given) for given in folders]
    if runs:
        for model, (index, (mode, step)) in itertools.product(models, enumerate(settings)):
            name = PROGRAM if model is None else model.stem
            if len(settings) > 1:
                name += f" {mode}" + (f" {step}" if args.subsample else "")
            place = folder / _file_name(name)
            methods.append(Program(name, place, model, temporal(mode, step), progress, stills=index == 0))
    names = [method.name for method in methods]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"two rows would be called {twice!r}; rename a folder or a model")
    return methods


def keep_inputs(pairs: Sequence[Pair], methods: Sequence[Method], source: Path) -> None:
    """Raise InputError where a picture that is made would overwrite one that is read."""
    from lookmatte.evaluation.methods import Maker
    from lookmatte.imaging.sequence import first_collision

    inputs = [source, *(path for pair in pairs for path in pair.files)]
    made = (
        method.target(pair, frame)
        for method in methods
        if isinstance(method, Maker)
        for pair in pairs
        for frame in pair.frames
    )
    found = first_collision(made, inputs)
    if found is not None:
        raise InputError(f"--out: {found[0]} would overwrite an input; name another folder")


def _existing(text: str) -> Path:
    folder = Path(text).resolve()
    if not folder.is_dir():
        above = folder.parent
        there = sorted(entry.name for entry in os.scandir(above) if entry.is_dir()) if above.is_dir() else []
        raise InputError(f"--outputs: {text}: there is no such folder{nearest(folder.name, there)}")
    return folder


def _short_name(folder: Path, every: Sequence[Path]) -> str:
    """The folder's own name; with its parent's where another has the same."""
    alone = sum(other.name == folder.name for other in every) == 1
    return folder.name if alone else f"{folder.parent.name}/{folder.name}"


def _file_name(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name)
