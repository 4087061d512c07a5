"""Runs inside a real Blender module: the cases that tests ask for by name."""

from __future__ import annotations

import os
import sys
import time

import bpy
from drawing import drawn
from looks_cases import dying, large, previewing, refusing, rendering
from scene_cases import awkward, failing, finals, handling, motion, quitting, reopening, series, window
from stage import MODULE, add_node, main, part, scene, tell


def handlers() -> list[str]:
    """Our handlers that Blender holds."""
    found = []
    for name in dir(bpy.app.handlers):
        listed = getattr(bpy.app.handlers, name)
        if isinstance(listed, list):
            found += [name for one in listed if getattr(one, "__module__", "").startswith(MODULE)]
    return sorted(found)


def classes() -> list[str]:
    """Our types that Blender knows."""
    return sorted(name for name in dir(bpy.types) if name.startswith("LOOKMATTE_"))


def undescribed() -> list[str]:
    """What an artist may see of ours that has no tooltip."""
    found = []
    for kind in part("registration").CLASSES:
        operator = kind.__name__.partition("_OT_")[2]
        rna = getattr(bpy.ops.lookmatte, operator).get_rna_type() if operator else kind.bl_rna
        shown = [one for one in rna.properties if one.is_runtime and not one.is_hidden] + [rna] * bool(operator)
        found += [f"{kind.__name__}.{one.identifier}" for one in shown if not one.description]
    return found


def menus() -> int:
    """How often Add shows us."""
    drawn = getattr(bpy.types.NODE_MT_add.draw, "_draw_funcs", [])
    return sum(getattr(one, "__module__", "").startswith(MODULE) for one in drawn)


def enabling(folder: str) -> None:
    """Disable and enable several times; what is there afterwards is there once."""
    import addon_utils

    tell(at="enabled", handlers=handlers(), classes=classes(), menus=menus())
    tell(undescribed=undescribed())
    for _ in range(3):
        addon_utils.disable(MODULE, default_set=False)
        tell(
            at="disabled",
            handlers=handlers(),
            classes=classes(),
            menus=menus(),
            timer=bpy.app.timers.is_registered(part("center").tick),
        )
        addon_utils.enable(MODULE, default_set=False)
        tell(at="enabled", handlers=handlers(), classes=classes(), menus=menus())


def keeping(folder: str) -> None:
    """Settings: animation, copies, undo, saving, and a file opened while the add-on is off."""
    import addon_utils

    scene(folder)
    tree, node = add_node(folder, "shot")
    node.strengths[0] = 0.0
    node.keyframe_insert("strengths", index=0, frame=1)
    node.strengths[0] = 1.0
    node.keyframe_insert("strengths", index=0, frame=11)
    bpy.ops.lookmatte.region_add(node_name=node.name)
    node.regions[1].kind = "REST"
    node.regions[1].blend = "grid"
    bpy.context.scene.frame_set(6)
    tell(
        strength=node.strengths[0],
        sockets=[[one.name for one in side] for side in (node.inputs, node.outputs)],
        matte=node.inputs["Matte"].default_value,
    )

    twin = tree.copy()
    other = next(one for one in twin.nodes if one.bl_idname == node.bl_idname)
    tell(copied=[one.target for one in other.regions], style=other.regions[0].style.name)
    nodes = part("node")
    nodes.gate(other, nodes.STYLED, True)
    gates = [one.node_tree.nodes["Styled Gate"].inputs[1].default_value for one in (node, other)]
    tell(gates=gates)

    bpy.ops.ed.undo_push(message="before")
    bpy.ops.lookmatte.region_remove(node_name=node.name, index=0)
    tell(removed=[one.kind for one in node.regions], curves=len(part("host").fcurves(tree)))
    bpy.ops.ed.undo_push(message="after")
    bpy.ops.ed.undo()
    tree, node = part("host").lookmatte_nodes(bpy.context.scene)[0]
    tell(
        undone=[one.kind for one in node.regions],
        target=node.regions[0].target,
        curves=len(part("host").fcurves(tree)),
    )

    path = os.path.join(folder, "kept.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    addon_utils.disable(MODULE, default_set=False)
    bpy.ops.wm.open_mainfile(filepath=path)
    tree = bpy.context.scene.node_tree if bpy.app.version < (5, 0) else bpy.context.scene.compositing_node_group
    tell(
        without=[
            one.bl_idname
            for one in tree.nodes
            if "LOOKMATTE" in one.bl_idname.upper() or one.bl_idname == "NodeUndefined"
        ]
    )
    bpy.ops.wm.save_as_mainfile(filepath=path)
    addon_utils.enable(MODULE, default_set=False)
    bpy.ops.wm.open_mainfile(filepath=path)
    _, node = part("host").lookmatte_nodes(bpy.context.scene)[0]
    bpy.context.scene.frame_set(6)
    tell(
        kept=[one.kind for one in node.regions],
        target=node.regions[0].target,
        temporal=node.temporal,
        style=node.regions[0].style.name,
        blend=node.regions[1].blend,
        strength=node.strengths[0],
        inner=sorted(one.bl_idname for one in node.node_tree.nodes),
    )


def environment(folder: str) -> None:
    """Check the environment, and make one from a wheel, without waiting."""
    preferences = bpy.context.preferences.addons[MODULE].preferences
    module = part("preferences")
    began = time.monotonic()
    bpy.ops.lookmatte.check()
    tell(blocked=module.check.code is not None, seconds=time.monotonic() - began)
    module.check.wait(200)
    tell(check=module.check.code, findings=part("environment").findings(list(module.check.lines)))
    preferences.python = ""
    preferences.package = os.environ["CASE_WHEEL"]
    preferences.options = "--no-index"
    bpy.ops.lookmatte.create_environment()
    tell(created_at_once=module.creation.code is not None)
    module.creation.wait(200)
    tell(creation=module.creation.code, lines=list(module.creation.lines), python=part("center").python())
    part("center").messages.clear()
    module.watch()
    tell(announced=part("center").messages, drawn=drawn(module.LOOKMATTE_preferences))
    preferences.python = sys.executable
    bpy.ops.lookmatte.check()
    module.check.wait(200)
    tell(without=drawn(module.LOOKMATTE_preferences))
    preferences.options = "'"
    try:
        bpy.ops.lookmatte.create_environment()
    except RuntimeError as error:
        tell(unclosed=str(error))
    preferences.options = ""
    bpy.context.preferences.system.use_online_access = False
    try:
        bpy.ops.lookmatte.create_environment()
        tell(offline="")
    except RuntimeError as error:
        tell(offline=str(error))


CASES = {
    "enabling": enabling, "keeping": keeping, "rendering": rendering, "previewing": previewing,
    "refusing": refusing, "dying": dying, "environment": environment, "large": large, "series": series,
    "handling": handling, "window": window, "awkward": awkward, "failing": failing, "quitting": quitting,
    "finals": finals, "motion": motion, "reopening": reopening,
}  # fmt: skip

if __name__ == "__main__":
    main(CASES)
