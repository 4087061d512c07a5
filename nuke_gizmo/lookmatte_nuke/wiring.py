"""Is the kernel in the gizmo as it should be? Nuke makes its knobs when a script is opened; should one of them be
missing, the kernel is compiled again and its knobs are bound anew."""

from __future__ import annotations

import nuke

from . import knobs, live

APPLY = "Apply"
"""The BlinkScript node in the gizmo."""


def check(node: nuke.Node) -> str:
    """Look at a gizmo's kernel and mend it; what is wrong, empty if nothing is."""
    if not isinstance(node, nuke.Group):
        return ""
    apply = node.node(APPLY)
    if apply is None:
        return "this gizmo has no kernel: install it again"
    wanted = {f"{live.KERNEL}_{label}": bound for label, bound in knobs.bindings().items()}
    if all(apply.knob(name) is not None for name in wanted):
        return ""
    compile_it = apply.knob("recompile")
    if isinstance(compile_it, nuke.PyScript_Knob):
        compile_it.execute()
    for name, expressions in wanted.items():
        knob = apply.knob(name)
        if knob is None:
            place = f"{node.name()}.{APPLY}"
            return f"this Nuke made no knob {name} of the kernel: press Recompile in {place}, once, in NukeX"
        for index, expression in enumerate(expressions):
            knob.setExpression(expression, index)
    return ""
