"""A script as Nuke saves it."""

from __future__ import annotations

from typing import Any

from nuke_gizmo.making.script import Ref, Script, Verbatim

from .knob import Link_Knob, PyScript_Knob, Tab_Knob
from .world import world


def script_text() -> str:
    """The script as Nuke saves it: every node's knobs that are not as they were made."""

    script = Script()
    root = world.root
    assert root is not None
    first, last = (int(root[name].value()) for name in ("first_frame", "last_frame"))
    lines = [f"Root {{\n inputs 0\n first_frame {first}\n last_frame {last}\n}}"]
    made: dict[str, Ref] = {}
    waiting = list(root.nodes())
    while waiting:
        node = waiting.pop(0)
        above = [node.input(index) for index in range(node.inputs())]
        if any(one is not None and one.name() not in made for one in above):
            waiting.append(node)
            continue
        values: dict[str, Any] = {}
        for name, knob in node.knobs().items():
            if name != "name" and not isinstance(knob, (PyScript_Knob, Tab_Knob)):
                text = knob.toScript()
                if text not in (knob._default, '""') or isinstance(knob, Link_Knob):
                    values[name] = Verbatim(text)
        made[node.name()] = script.node(
            node.Class(), node.name(), [made[one.name()] if one is not None else None for one in above], **values
        )
    return "\n".join([*lines, script.text()])
