"""``lookmatte evaluate``: how good looks are, in numbers and on contact sheets, against baselines."""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from lookmatte.commands.common import positive, set_threads
from lookmatte.commands.process import Terminated, ended_by_sigterm, libraries_muted, undisturbed
from lookmatte.errors import InputError, nearest
from lookmatte.job import Mode
from lookmatte.progress import JsonLines, Lines, Progress, printable

if TYPE_CHECKING:
    from lookmatte.evaluation.methods import Method
    from lookmatte.evaluation.pairs import Pair
    from lookmatte.evaluation.style import Judge
    from lookmatte.evaluation.summary import Found, Results

VGG = "LOOKMATTE_VGG"
PROGRAM = "lookmatte"


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "evaluate",
        help="score results, or lookmatte itself, against baselines",
        description="Score folders of results, or lookmatte itself, on pairs of contents and styles.",
        allow_abbrev=False,
    )
    parser.add_argument("pairs", metavar="PAIRS.json", help="what is styled with what (see docs/evaluate.md)")
    what = parser.add_argument_group("what is scored")
    what.add_argument("--outputs", metavar="DIR", action="append", default=[],
                      help="a folder of results, NAME.png or NAME/0001.png; may be given again")  # fmt: skip
    what.add_argument("--run", dest="itself", action="store_true",
                      help="lookmatte itself (default when there is no --outputs)")  # fmt: skip
    what.add_argument("--model", metavar="FILE", action="append", default=[],
                      help="other weights than the shipped ones; may be given again")  # fmt: skip
    what.add_argument("--mode", metavar="MODE", action="append", default=[],
                      help="for clips: frame, coherent (default) or shot; may be given again")  # fmt: skip
    what.add_argument("--subsample", metavar="N", action="append", default=[], type=positive,
                      help="for clips: predict every N-th frame (default: 1); may be given again")  # fmt: skip
    what.add_argument("--baselines", action="store_true", help="also untouched, Reinhard, transport, color-matcher")
    what.add_argument("--limit", metavar="N", type=positive, help="the first N pairs alone")
    parser.add_argument("--vgg", metavar="FILE", help=f"VGG-19's weights, the judge of style (default: ${VGG})")
    parser.add_argument("--out", metavar="DIR", help="report, scores, contact sheets and what was made")
    parser.add_argument("--table", metavar="FILE.md", help="the tables as Markdown")
    parser.add_argument("--json", metavar="FILE", nargs="?", const=True, default=None,
                        help="print JSON for programs; with FILE, write the scores there")  # fmt: skip
    parser.add_argument("--quiet", action="store_true", help="tell warnings, failures and the tables alone")
    parser.add_argument("--threads", metavar="N", type=positive, help="processor threads (default: all)")
    parser.set_defaults(run=run, forwards=False)


def run(args: argparse.Namespace) -> int:
    """Score, tell and write; 1 when something failed, 143 after SIGTERM, else 0."""
    try:
        with ended_by_sigterm(), libraries_muted():
            with undisturbed():
                try:
                    import cv2
                except ModuleNotFoundError:
                    raise InputError("evaluation needs: pip install 'lookmatte[train]'") from None
                import OpenEXR  # noqa: F401  (imported where it is used, later than this)

                import lookmatte.evaluation.program  # noqa: F401
            set_threads(args.threads)
            if args.threads is not None:
                cv2.setNumThreads(args.threads)
            return _evaluate(args)
    except Terminated:
        print("lookmatte: terminated; the pictures that are there are whole", file=sys.stderr)
        return 143


class PairLines(Lines):
    """A bar of pairs on a terminal, one plain line a pair elsewhere."""

    unit = "pair"

    def pair_done(self, pair: str, seconds: float) -> None:
        """A pair has been scored."""
        with self._lock:
            plain = self._bar is None and not self._quiet
            self._step(f"{pair} ({seconds:.2f} s)" if plain else None)


class _Told:
    """Hands on how far the run is."""

    def __init__(self, progress: PairLines | JsonLines) -> None:
        self._progress = progress

    def pair_done(self, pair: str, found: dict[str, Found], seconds: float) -> None:
        if isinstance(self._progress, JsonLines):
            plain = {method: one.plain() for method, one in found.items()}
            self._progress.emit("pair_done", pair=pair, methods=plain, seconds=round(seconds, 4))
        else:
            self._progress.pair_done(pair, seconds)

    def failed(self, pair: str, method: str, message: str) -> None:
        if isinstance(self._progress, JsonLines):
            self._progress.emit("pair_failed", pair=pair, method=method, message=message)
        else:
            self._progress.warning(f"{pair}, {method} FAILED: {message}")


def _evaluate(args: argparse.Namespace) -> int:
    from lookmatte.evaluation.methods import UNTOUCHED
    from lookmatte.evaluation.pairs import read_pairs
    from lookmatte.evaluation.report import terminal
    from lookmatte.evaluation.run import evaluate
    from lookmatte.evaluation.sheets import Sheets
    from lookmatte.evaluation.style import load_judge
    from lookmatte.imaging.sequence import first_collision

    source = Path(args.pairs)
    pairs = read_pairs(source, args.limit)
    written = [Path(path) for path in (args.table, args.json) if isinstance(path, str)]
    found = first_collision(written, [source])
    if found is not None:
        raise InputError(f"{found[0]}: would overwrite the pairs; name another file")
    weights = args.vgg or os.environ.get(VGG)
    judge = load_judge(Path(weights) if weights else None)
    progress = JsonLines() if args.json is True else PairLines(quiet=args.quiet)
    remarks = []
    if not weights:
        remarks.append(
            f"Style was judged by {judge.name}: these numbers cannot be compared with those of VGG-19; "
            f"--vgg or ${VGG} names its weights."
        )
    with _folder(args.out) as folder, tempfile.TemporaryDirectory(prefix="lookmatte") as scratch:
        methods = _methods(args, folder, Path(scratch), progress, remarks)
        _keep_inputs(pairs, methods, source)
        if isinstance(progress, JsonLines):
            for remark in remarks:
                progress.note(remark)
        names = [method.name for method in methods]
        sheets = Sheets(folder, [name for name in names if name != UNTOUCHED]) if args.out else None
        progress.start(len(pairs), stage="evaluate", output=str(folder) if args.out else "the terminal")
        try:
            results = evaluate(pairs, methods, judge, _Told(progress), sheets)
        finally:
            if isinstance(progress, Lines):
                progress.close()
        if not any(results.found.values()):
            raise InputError(_nothing(results))
        files = _write(args, results, names, judge, remarks, folder)
        if sheets is not None and sheets.paths:
            first, *others = sheets.paths
            files["contact sheets"] = str(first) + (f" to {others[-1].name}" if others else "")
    if isinstance(progress, JsonLines):
        failed = len({pair for pair, _, _ in results.failures})
        progress.done(len(pairs) - failed, 0, failed)
        progress.emit("evaluate", **_numbers(results, names, judge.name), files=files)
    else:
        said = remarks or [f"Style was judged by {judge.name}."]
        lines = [*terminal(results, names, judge.short).splitlines(), "", *said]
        lines += ["", *(f"{what:<14} {path}" for what, path in files.items())] if files else []
        print("\n".join(map(printable, lines)))
    return 1 if results.failures else 0


@contextlib.contextmanager
def _folder(out: str | None) -> Iterator[Path]:
    """Where pictures go: what was asked for, or a place that goes away."""
    if out is None:
        with tempfile.TemporaryDirectory(prefix="lookmatte") as name:
            yield Path(name)
        return
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out: {out}: cannot be made ({error.strerror})") from None
    yield folder


def _methods(
    args: argparse.Namespace, folder: Path, scratch: Path, progress: Progress, remarks: list[str]
) -> list[Method]:
    """The rows of the table, in order. Raises InputError for what cannot be one."""
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


def _keep_inputs(pairs: Sequence[Pair], methods: Sequence[Method], source: Path) -> None:
    """Raises InputError where a picture that is made would overwrite one that is read."""
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


def _nothing(results: Results) -> str:
    pair, method, why = results.failures[0]
    more = f"; and {len(results.failures) - 1} more failed" if len(results.failures) > 1 else ""
    return f"nothing could be scored: {pair}, {method}: {why}{more}"


def _numbers(results: Results, names: Sequence[str], judge: str) -> dict[str, Any]:
    from lookmatte.evaluation.summary import as_json

    return as_json(results, names, {"judge": judge})


def _write(
    args: argparse.Namespace,
    results: Results,
    names: Sequence[str],
    judge: Judge,
    remarks: Sequence[str],
    folder: Path,
) -> dict[str, str]:
    """Write what was asked for; what and where."""
    from lookmatte.evaluation.report import markdown

    numbers = json.dumps(_numbers(results, names, judge.name), indent=1) + "\n"
    table = markdown(results, names, (judge.short, judge.name), remarks)
    wanted = [("table", args.table, table), ("scores", args.json if args.json is not True else None, numbers)]
    if args.out:
        wanted += [("report", folder / "report.md", table), ("scores", folder / "scores.json", numbers)]
    files = {}
    for what, path, text in wanted:
        if path is None:
            continue
        try:
            Path(path).write_text(text, encoding="utf-8")
        except OSError as error:
            raise InputError(f"{path}: cannot be written ({error.strerror})") from None
        files[what] = str(path)
    return files
