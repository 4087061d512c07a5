"""Runs inside a real Blender module: the cases that tests ask for by name."""

from __future__ import annotations

import glob
import os
import signal
import time

import bpy
from stage import MODULE, add_node, composite, main, part, picture, render_animation, scene, tell


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


def menus() -> int:
    """How often Add shows us."""
    drawn = getattr(bpy.types.NODE_MT_add.draw, "_draw_funcs", [])
    return sum(getattr(one, "__module__", "").startswith(MODULE) for one in drawn)


def enabling(folder: str) -> None:
    """Disable and enable several times; what is there afterwards is there once."""
    import addon_utils

    tell(at="enabled", handlers=handlers(), classes=classes(), menus=menus())
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


def rendering(folder: str) -> None:
    """Set up, render an animation, and see the look in the composite."""
    temporal = os.environ["CASE_TEMPORAL"]
    made = scene(folder, frames=3)
    tree, node = add_node(folder, temporal)
    node.strengths[0] = 0.8
    words = [change.words for change in part("setup").changes(made)]
    bpy.ops.lookmatte.setup()
    tell(changes=words, left=[change.words for change in part("setup").changes(made)])
    render_animation()
    tell(messages=part("center").messages, note=part("memory").notes.get(part("memory").key_of(tree, node)))
    known = part("settings").settings_of(tree, node, made, part("looks").scene_frames(made))
    job = part("mapping").job_mapping(known, part("host").plate_pattern(made), "OUT", "1-3")
    tell(
        job=job,
        files=sorted(os.path.relpath(one, folder) for one in glob.glob(f"{folder}/**/*.exr", recursive=True)),
    )
    bpy.ops.wm.save_as_mainfile(filepath=os.path.join(folder, "done.blend"))
    for frame in (1, 3):
        composite(os.path.join(folder, f"composite{frame}.exr"), frame)
    made.frame_set(2)
    part("looks").refresh(made)
    tell(fresh=part("memory").notes[part("memory").key_of(tree, node)])
    node.strengths[0] = 0.3
    part("looks").refresh(made)
    tell(stale=part("memory").notes[part("memory").key_of(tree, node)])
    made.frame_set(9)
    part("looks").refresh(made)
    tell(beyond=part("memory").notes[part("memory").key_of(tree, node)])
    composite(os.path.join(folder, "beyond.exr"), 9)
    node.mute = True
    composite(os.path.join(folder, "plain.exr"), 9)
    node.mute = False
    bpy.ops.wm.open_mainfile(filepath=os.path.join(folder, "done.blend"))
    composite(os.path.join(folder, "reopened.exr"), 3)


def previewing(folder: str) -> None:
    """A render that was never written, its preview, and what a change of strength or style costs."""
    made = scene(folder)
    tree, node = add_node(folder)
    bpy.ops.lookmatte.setup()
    bpy.ops.render.render()
    tell(written=os.listdir(folder))
    cache = part("memory").folder("preview")

    def bakes() -> list[str]:
        found = glob.glob(
            os.path.join(cache, "**", ".lookmatte", "**", "*.exr"), recursive=True, include_hidden=True
        )
        return sorted(f"{one} {os.stat(one).st_mtime_ns}" for one in found)

    before = [
        (one, getattr(made.render.image_settings, one)) for one in ("file_format", "color_depth", "exr_codec")
    ]
    for step, (strength, style) in enumerate([(1.0, None), (0.4, None), (0.4, "blue"), (0.0, "blue")]):
        node.strengths[0] = strength
        if style:
            node.regions[0].style = picture(os.path.join(folder, f"{style}.png"), (40, 90, 250), (0, 10, 60))
        assert bpy.ops.lookmatte.preview() == {"FINISHED"}
        os.replace(node.preview, os.path.join(folder, f"preview{step}.exr"))
        tell(step=step, bakes=bakes(), note=part("memory").notes[part("memory").key_of(tree, node)])
    node.live, node.strengths[0] = True, 0.7
    for _ in range(2):  # a second time, nothing is left to do
        part("center").tick()
        tell(live=part("center").busy())
        part("center").drain()
    tell(live_note=part("memory").notes[part("memory").key_of(tree, node)])
    node.live = False
    after = [(one, getattr(made.render.image_settings, one)) for one in ("file_format", "color_depth", "exr_codec")]
    tell(same_settings=before == after, plate=node.preview_plate)
    node.strengths[0] = 1.0
    bpy.ops.lookmatte.preview()
    tell(preview=node.preview)
    composite(os.path.join(folder, "composite.exr"), 1)


def refusing(folder: str) -> None:
    """What cannot be done is said in a sentence."""
    made = scene(folder)
    _, node = add_node(folder)

    def attempt(what: str, act) -> None:
        part("center").messages.clear()
        try:
            act()
            tell(attempt=what, error="", messages=part("center").messages)
        except RuntimeError as error:
            tell(attempt=what, error=str(error), messages=part("center").messages)

    attempt("nothing rendered", bpy.ops.lookmatte.preview)
    part("host").set_multilayer(made.render.image_settings)
    made.render.image_settings.color_depth = "16"
    bpy.ops.render.render(animation=True)
    attempt("no cryptomatte", bpy.ops.lookmatte.preview)
    bpy.ops.lookmatte.setup()
    bpy.ops.render.render(animation=True)
    node.regions[0].target = "Cubo"
    attempt("unknown object", bpy.ops.lookmatte.preview)
    node.regions[0].target = ""
    attempt("no object", bpy.ops.lookmatte.preview)
    node.regions[0].target = "Cube"
    style, node.regions[0].style = node.regions[0].style, None
    attempt("no style", bpy.ops.lookmatte.preview)
    node.regions[0].style = style
    node.view_layer = "elsewhere"
    attempt("view layer that has gone", bpy.ops.lookmatte.preview)
    attempt("names", bpy.ops.lookmatte.read_names)
    tell(names={kind: sorted(found) for kind, found in part("memory").names.items()})
    preferences = bpy.context.preferences.addons[MODULE].preferences
    right = preferences.python
    preferences.python = os.path.join(folder, "nowhere", "python")
    attempt("environment that is not there", bpy.ops.lookmatte.preview)
    preferences.python = ""
    attempt("no environment", bpy.ops.lookmatte.preview)
    bpy.ops.render.render(animation=True)
    tell(rendered_without=os.path.exists(os.path.join(folder, "shot.0001.exr")), messages=part("center").messages)
    preferences.python = bpy.app.binary_path or __import__("sys").executable
    attempt("environment without lookmatte", bpy.ops.lookmatte.preview)
    preferences.python = right
    attempt("all well", bpy.ops.lookmatte.preview)


def dying(folder: str) -> None:
    """The worker is killed in the middle of a frame."""
    made = scene(folder, frames=2)
    tree, node = add_node(folder)
    bpy.ops.lookmatte.setup()
    render_animation()
    center = part("center")
    pid = center.session.pid
    os.rename(os.path.join(folder, "look"), os.path.join(folder, "look_before"))
    part("looks").style_frames(tree, node, made)
    center.session.tick()
    time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    tell(
        drained=center.drain(120),
        messages=center.messages,
        other=center.session.pid != pid,
        files=sorted(os.listdir(os.path.join(folder, "look"))),
    )
    os.rename(os.path.join(folder, "look"), os.path.join(folder, "look_restarted"))
    part("looks").style_frames(tree, node, made)
    bpy.ops.lookmatte.cancel()
    tell(drained=center.drain(120), busy=center.busy(), messages=center.messages)


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
    preferences.options = "--no-index --no-deps"
    bpy.ops.lookmatte.create_environment()
    tell(created_at_once=module.creation.code is not None)
    module.creation.wait(200)
    tell(creation=module.creation.code, lines=list(module.creation.lines), python=part("center").python())
    preferences.options = ""
    bpy.context.preferences.system.use_online_access = False
    try:
        bpy.ops.lookmatte.create_environment()
        tell(offline="")
    except RuntimeError as error:
        tell(offline=str(error))


def large(folder: str) -> None:
    """A frame of 4K, with as little light as a picture needs."""
    made = scene(folder, size=(3840, 2160))
    made.cycles.max_bounces = 0
    bpy.data.objects["ground plane"].hide_render = True
    bpy.data.objects["Cube"].scale = (0.5, 0.5, 0.5)
    tree, node = add_node(folder)
    bpy.ops.lookmatte.setup()
    bpy.ops.render.render(animation=True)
    tell(messages=part("center").messages, note=part("memory").notes.get(part("memory").key_of(tree, node)))
    for one in made.objects:
        one.hide_render = one.type == "MESH"  # the styled picture covers what is rendered
    composite(os.path.join(folder, "composite1.exr"), 1)


CASES = {
    "enabling": enabling, "keeping": keeping, "rendering": rendering, "previewing": previewing,
    "refusing": refusing, "dying": dying, "environment": environment, "large": large,
}  # fmt: skip

if __name__ == "__main__":
    main(CASES)
