"""``lookmatte bench``: what lookmatte costs on this machine, as ratios to floors measured in the same run."""

from __future__ import annotations

import argparse
import json
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookmatte.commands.common import positive, set_threads
from lookmatte.commands.process import libraries_muted, undisturbed
from lookmatte.errors import InputError
from lookmatte.progress import printable

if TYPE_CHECKING:
    from lookmatte.benchmarks.rows import Options, Row

LETTERS = "abcdefg"
DEVICES = ("cpu", "cuda")


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "bench",
        help="measure this machine: costs as ratios to their floors",
        description="Measure what lookmatte costs here; every row is a ratio of two things timed in turns.",
        epilog="a applying, b low-resolution path, c EXR job, d memory, e the paper's tables, f growth, g peers",
        allow_abbrev=False,
    )
    parser.add_argument("--only", metavar="LETTERS", type=_letters, default=LETTERS,
                        help="groups: a,b (default: all)")  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="fewer rows, fewer rounds")
    parser.add_argument("--times", metavar="N", type=positive,
                        help="rounds a row, and as much more time for them (default: 5)")  # fmt: skip
    parser.add_argument("--frames", metavar="N", type=positive,
                        help="frames of the EXR job (default: two a thread, but at least 16)")  # fmt: skip
    parser.add_argument("--device", metavar="DEVICE", type=_device, help="cpu or cuda (default: what is there)")
    parser.add_argument("--threads", metavar="N", type=positive, help="threads on both sides (default: all cores)")
    parser.add_argument("-o", "--output", metavar="DIR", help="also write table.md, rows.json and plot.svg there")
    parser.add_argument("--json", action="store_true", help="print the rows as one JSON list and nothing else")
    parser.set_defaults(run=run, forwards=False)


def _letters(text: str) -> str:
    asked = [letter for letter in text if letter not in ", "]
    strange = [letter for letter in asked if letter not in LETTERS]
    if strange or not asked:
        raise argparse.ArgumentTypeError(f"{(strange or [text])[0]!r} is no group; there is: {', '.join(LETTERS)}")
    return "".join(asked)


def _device(text: str) -> str:
    if text not in DEVICES:
        raise argparse.ArgumentTypeError(f"must be cpu or cuda, not {text!r}")
    return text


def run(args: argparse.Namespace) -> int:
    """Measure, print and write; the exit code."""
    folder = None if args.output is None else _folder(Path(args.output))
    with libraries_muted():
        with undisturbed():
            import OpenEXR  # noqa: F401  (imported where it is used, later than this)

            from lookmatte.benchmarks.report import line
            from lookmatte.benchmarks.rows import load
            from lookmatte.benchmarks.run import measure
        options = _options(args)
        set_threads(options.threads)
        loads, groups = [load()], []
        for group, measured in measure(options, args.only):
            rows: list[Row] = []
            if not args.json:
                print(f"\n({group.letter}) {group.title}", flush=True)
            for row in measured:
                rows.append(row)
                if not args.json:
                    print(printable(line(row)), flush=True)
            groups.append((f"({group.letter}) {group.title}", rows))
        loads.append(load())
    everything = [row for _, rows in groups for row in rows]
    plain = [row.plain() for row in everything]
    if args.json:
        print(json.dumps(plain, indent=1))
    if folder is not None:
        _write(folder, groups, _facts(options, loads), plain, told=not args.json)
    return 0


def _options(args: argparse.Namespace) -> Options:
    import torch

    from lookmatte.benchmarks.rows import Options
    from lookmatte.rendering.bands import cores

    if args.device == "cuda" and not torch.cuda.is_available():
        raise InputError("--device: there is no CUDA device here that torch can use; --device cpu always works")
    devices = (args.device,) if args.device else ("cpu", *(["cuda"] if torch.cuda.is_available() else []))
    threads, usual = args.threads or cores(), 3 if args.quick else 5
    times = args.times or usual
    return Options(
        threads=threads,
        times=times,
        budget=(0.6 if args.quick else 2.0) * times / usual,
        frames=args.frames or (max(4, threads) if args.quick else max(16, 2 * threads)),
        quick=args.quick,
        devices=devices,
    )


def _facts(options: Options, loads: list[float | None]) -> list[str]:
    import torch

    from lookmatte.benchmarks.rows import cpu_name
    from lookmatte.cli import version

    facts = [
        f"{cpu_name(options.threads)}; {platform.system()}, Python {platform.python_version()}, "
        f"torch {torch.__version__}, lookmatte {version()}"
    ]
    if None not in loads:
        facts.append(f"processes that wanted a core: {loads[0]:.1f} before, {loads[1]:.1f} after")
    facts.append("every ratio is value over against, the best of several runs of both in turns")
    return facts


def _folder(path: Path) -> Path:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--output: {path}: cannot be made ({error.strerror})") from None
    return path


def _write(
    folder: Path, groups: list[tuple[str, list[Row]]], facts: list[str], plain: list[dict[str, Any]], told: bool
) -> None:
    from lookmatte.benchmarks.plot import plot
    from lookmatte.benchmarks.report import markdown, write

    rows = [row for _, rows in groups for row in rows]
    files = {
        "table.md": markdown(groups, facts),
        "rows.json": json.dumps(plain, indent=1) + "\n",
        "plot.svg": plot(rows),
    }
    try:
        paths = write(folder, files)
    except OSError as error:
        raise InputError(f"--output: {folder}: cannot be written ({error.strerror})") from None
    if told:
        print("\nwritten: " + ", ".join(printable(str(path)) for path in paths))
