"""Runs inside a real Blender module: cases about looks, from the render to the composite."""

from __future__ import annotations

import glob
import os
import signal
import time

import bpy
from stage import MODULE, add_node, composite, part, picture, render_animation, scene, tell


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
    known = part("settings").settings_of(tree, node, made, part("jobs").scene_frames(made))
    job = part("mapping").job_mapping(known, part("host").plate_pattern(made), "OUT", "1-3")
    tell(
        job=job,
        files=sorted(os.path.relpath(one, folder) for one in glob.glob(f"{folder}/**/*.exr", recursive=True)),
    )
    bpy.ops.wm.save_as_mainfile(filepath=os.path.join(folder, "done.blend"))
    for frame in (1, 3):
        composite(os.path.join(folder, f"composite{frame}.exr"), frame)
    made.frame_set(2)
    part("display").refresh(made)
    tell(fresh=part("memory").notes[part("memory").key_of(tree, node)])
    node.strengths[0] = 0.3
    part("display").refresh(made)
    tell(stale=part("memory").notes[part("memory").key_of(tree, node)])
    made.frame_set(9)
    part("display").refresh(made)
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
    node.view_layer = "VeiwLayer"
    attempt("view layer that has gone", bpy.ops.lookmatte.preview)
    node.view_layer = "ViewLayer"
    attempt("names", bpy.ops.lookmatte.read_names)
    attempt("nothing to stop", bpy.ops.lookmatte.cancel)
    tell(names={kind: sorted(found) for kind, found in part("memory").names.items()})
    preferences = bpy.context.preferences.addons[MODULE].preferences
    right = preferences.python
    preferences.python = os.path.join(folder, "nowhere", "python")
    attempt("environment that is not there", bpy.ops.lookmatte.preview)
    preferences.python = ""
    attempt("no environment", bpy.ops.lookmatte.preview)
    bpy.ops.render.render(animation=True)
    tell(rendered_without=os.path.exists(os.path.join(folder, "shot.0001.exr")))
    tell(told_without=part("center").messages[-2:])
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
    part("looks").style_frames(made, [(tree, node)])
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
    part("looks").style_frames(made, [(tree, node)])
    bpy.ops.lookmatte.cancel()
    tell(drained=center.drain(120), busy=center.busy(), messages=center.messages)


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
