"""``lookmatte evaluate``: how good looks are, in numbers and on contact sheets, against baselines."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookmatte.commands.common import positive, set_threads
from lookmatte.commands.process import Terminated, ended_by_sigterm, libraries_muted, undisturbed
from lookmatte.errors import InputError
from lookmatte.progress import JsonLines, Lines, printable

if TYPE_CHECKING:
    from lookmatte.evaluation.summary import Found, Results

VGG = "LOOKMATTE_VGG"


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
    from lookmatte.cli import version
    from lookmatte.commands.lineup import keep_inputs, line_up
    from lookmatte.evaluation.methods import UNTOUCHED
    from lookmatte.evaluation.pairs import read_pairs
    from lookmatte.evaluation.program import Program
    from lookmatte.evaluation.report import markdown, terminal
    from lookmatte.evaluation.run import evaluate
    from lookmatte.evaluation.sheets import Sheets
    from lookmatte.evaluation.style import load_judge
    from lookmatte.evaluation.summary import as_json
    from lookmatte.imaging.sequence import first_collision

    source = Path(args.pairs)
    pairs = read_pairs(source, args.limit)
    written = [Path(path) for path in (args.table, args.json) if isinstance(path, str)]
    found = first_collision(written, [source])
    if found is not None:
        raise InputError(f"{found[0]}: would overwrite the pairs; name another file")
    weights = args.vgg or os.environ.get(VGG)
    try:
        judge = load_judge(Path(weights) if weights else None)
    except InputError as error:
        raise error if args.vgg else InputError(f"${VGG}: {error}") from None
    progress = JsonLines() if args.json is True else PairLines(quiet=args.quiet)
    remarks = []
    if not weights:
        remarks.append(
            f"Style was judged by {judge.name}: these numbers cannot be compared with those of VGG-19; "
            f"--vgg or ${VGG} names its weights."
        )
    with _folder(args.out) as folder, tempfile.TemporaryDirectory(prefix="lookmatte") as scratch:
        methods = line_up(args, folder, Path(scratch), progress, remarks)
        keep_inputs(pairs, methods, source)
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
        settings = [method.said() for method in methods if isinstance(method, Program)]
        facts = {"lookmatte": version(), "judge": judge.name, "remarks": [*remarks, *settings]}
        numbers = as_json(results, names, facts)
        table = markdown(results, names, (judge.short, judge.name), facts["remarks"])
        files = _write(args, numbers, table, folder)
        if sheets is not None and sheets.paths:
            first, *others = sheets.paths
            files["contact sheets"] = str(first) + (f" to {others[-1].name}" if others else "")
    if isinstance(progress, JsonLines):
        failed = len({pair for pair, _, _ in results.failures})
        progress.done(len(pairs) - failed, 0, failed)
        progress.emit("evaluate", **numbers, files=files)
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


def _nothing(results: Results) -> str:
    pair, method, why = results.failures[0]
    more = f"; and {len(results.failures) - 1} more failed" if len(results.failures) > 1 else ""
    return f"nothing could be scored: {pair}, {method}: {why}{more}"


def _write(args: argparse.Namespace, numbers: dict[str, Any], table: str, folder: Path) -> dict[str, str]:
    """Write what was asked for; what and where."""
    text = json.dumps(numbers, indent=1) + "\n"
    wanted = [("table", args.table, table), ("scores", args.json if args.json is not True else None, text)]
    if args.out:
        wanted += [("report", folder / "report.md", table), ("scores", folder / "scores.json", text)]
    files = {}
    for what, path, content in wanted:
        if path is None:
            continue
        try:
            Path(path).write_text(content, encoding="utf-8")
        except OSError as error:
            raise InputError(f"{path}: cannot be written ({error.strerror})") from None
        files[what] = str(path)
    return files
