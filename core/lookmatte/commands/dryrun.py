"""``--dry-run``: what a run would read and write, told frame by frame."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from lookmatte.progress import JsonLines, printable

if TYPE_CHECKING:
    from lookmatte.rendering.plan import File, FramePlan, Plan

_UNITS = ("B", "KB", "MB", "GB", "TB")


def tell_plans(plans: Mapping[str | None, Plan], *, as_json: bool) -> None:
    """Print the plans of one or several shots on standard output: for a person, or as JSON lines."""
    for shot, plan in plans.items():
        if as_json:
            _emit(JsonLines(shot=shot), plan)
        else:
            print("\n".join(printable(line) for line in _lines(plan, "" if shot is None else f"{shot}: ")))
    if len(plans) > 1 and not as_json:
        print(f"{len(plans)} shots: {_counts(plans.values())}")


def size(count: float) -> str:
    """Bytes as a person reads them: ``12.4 MB``."""
    for unit in _UNITS:
        if count < 1000 or unit == _UNITS[-1]:
            break
        count /= 1000
    return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"


def _lines(plan: Plan, of: str) -> list[str]:
    lines = [f"{of}{plan.stage}: {len(plan.frames)} frames -> {plan.output}"]
    lines += [f"{of}reads {file.path}, {size(file.bytes)}, once" for file in plan.once]
    lines += [f"{of}{_frame(one)}" for one in plan.frames]
    return [*lines, f"{of}{_counts([plan])}, {size(plan.free)} are free"]


def _counts(plans: Collection[Plan]) -> str:
    from lookmatte.rendering.plan import REPLACES, UNSURE

    there = Counter(one.why for plan in plans for one in plan.frames if one.action == "make" and one.why)
    kinds = {REPLACES: "in place of what is there", UNSURE: "only if their grids change"}
    some = ", ".join(f"{there[why]} {kind}" for why, kind in kinds.items() if there[why])
    words = {
        "make": "to make" + (f" ({some})" if some else ""),
        "bake": "to bake",
        "skip": "there already",
        "fail": "that would fail",
    }
    counts: Counter[str] = Counter(one.action for plan in plans for one in plan.frames)
    told = ", ".join(f"{counts[action]} {what}" for action, what in words.items() if counts[action])
    reading, writing = sum(plan.reading for plan in plans), sum(plan.writing for plan in plans)
    return f"{told or 'nothing to do'}; reads {size(reading)}, writes about {size(writing)}"


def _frame(one: FramePlan) -> str:
    if one.action in ("skip", "fail"):
        return f"frame {one.frame} {'skipped' if one.action == 'skip' else 'FAILS'}: {one.why}"
    reads = ", ".join(f"{file.path} {size(file.bytes)}" for file in one.reads)
    if one.action == "bake":
        return f"frame {one.frame} baked: {reads} -> its grids, about {size(_sum(one.writes))}"
    grids = " and its grids" if len(one.writes) > 1 else ""
    maybe = f" ({one.why})" if one.why else ""
    return f"frame {one.frame} made{maybe}: {reads} -> {one.writes[0].path}{grids}, about {size(_sum(one.writes))}"


def _sum(files: tuple[File, ...]) -> int:
    return sum(file.bytes for file in files)


def _emit(told: JsonLines, plan: Plan) -> None:
    told.emit("plan", stage=plan.stage, output=plan.output, total=len(plan.frames), reads=_files(plan.once))
    for one in plan.frames:
        told.emit(
            "plan_frame",
            frame=one.frame,
            action=one.action,
            reads=_files(one.reads),
            writes=_files(one.writes),
            why=one.why,
        )
    actions: tuple[Any, ...] = ("make", "bake", "skip", "fail")
    counts = {action: plan.count(action) for action in actions}
    told.emit("plan_done", **counts, read_bytes=plan.reading, write_bytes=plan.writing, free_bytes=plan.free)


def _files(files: tuple[File, ...]) -> list[dict[str, object]]:
    return [{"path": str(file.path), "bytes": file.bytes} for file in files]
