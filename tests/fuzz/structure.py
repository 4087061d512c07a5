"""Changes to JSON that keep it JSON: what a mutator of bytes hardly ever finds."""

from __future__ import annotations

import json
import random
from typing import Any

STRANGE: list[Any] = [
    None, True, False, 0, 1, -1, 2**31, 2**63, 10**30, -(10**400), 0.5, 1e308, float("inf"), float("nan"), "", "x",
    "0", "../../x", "/etc/passwd", "a\0b", "\ud800", "é" * 70, "x" * 600, [], {}, [[]], [{}], {"": None}, [0] * 20,
    [[1.0, 0.0, 0.0]] * 3, {"name": "../x"}, {"ease": "smooth"},
]  # fmt: skip


def changed(value: Any, moments: random.Random) -> Any:
    """The value with one thing in it replaced, doubled, moved or gone."""
    if isinstance(value, dict) and value and moments.random() < 0.9:
        key = moments.choice(list(value))
        copy = dict(value)
        what = moments.random()
        if what < 0.6:
            copy[key] = changed(value[key], moments)
        elif what < 0.75:
            del copy[key]
        elif what < 0.9:
            copy[moments.choice(list(value))] = value[key]
        else:
            copy[str(moments.choice(STRANGE))] = value[key]
        return copy
    if isinstance(value, list) and value and moments.random() < 0.9:
        at = moments.randrange(len(value))
        what = moments.random()
        if what < 0.7:
            return [*value[:at], changed(value[at], moments), *value[at + 1 :]]
        if what < 0.85:
            return value[:at] + value[at + 1 :]
        return value[: at + 1] + [value[at]] * moments.choice((1, 2, 3)) + value[at + 1 :]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**64 and moments.random() < 0.5:
        return moments.choice((value + 1, -value, value * 2, float(value), str(value), value + 0.5))
    return moments.choice(STRANGE)


def mutate(data: bytes, seed: int) -> bytes | None:
    """JSON with a few changes; None for what is no JSON."""
    moments = random.Random(seed)
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    for _ in range(moments.choice((1, 1, 2, 5))):
        value = changed(value, moments)
    try:
        return json.dumps(value).encode()
    except (ValueError, RecursionError, OverflowError):
        return None
