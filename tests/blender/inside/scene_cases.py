"""Runs inside a real Blender module: cases about scenes as artists have them, and about what goes wrong in them."""

from __future__ import annotations

import contextlib
import glob
import json
import math
import os
import time

import bpy
from drawing import Layout, drawn, in_editor
from stage import (
    FIVE,
    MODULE,
    add_node,
    composite,
    part,
    picture,
    render_animation,
    scene,
    start_over,
    tell,
)


def notes() -> dict[str, tuple[str, str]]:
    """What the nodes of the scene say, by their names."""
    part("display").refresh(bpy.context.scene)
    found = part("host").lookmatte_nodes(bpy.context.scene)
    return {node.name: part("memory").notes[part("memory").key_of(tree, node)] for tree, node in found}


def files(folder: str) -> list[str]:
    """Pictures below a folder."""
    found = glob.glob(f"{glob.escape(folder)}/**/*.*", recursive=True)
    return sorted(os.path.relpath(one, folder) for one in found)


def job(name: str, animation: bool = True) -> dict:
    """The job of a node, as the worker gets it."""
    made = bpy.context.scene
    tree, node = next(pair for pair in part("host").lookmatte_nodes(made) if pair[1].name == name)
    render = part("host").plate_pattern(made, animation)
    frames = part("jobs").scene_frames(made)
    known = part("jobs").frames_settings(tree, node, made, render, frames)
    return part("jobs").frames_job(node, known, render, frames)


def series(folder: str) -> None:
    """Two looks over each other, in a folder with an awkward name, every second frame; then the final frames."""
    folder = os.path.join(folder, "süß und #2 ")
    os.makedirs(folder)
    made = scene(folder)
    bpy.ops.wm.save_as_mainfile(filepath=os.path.join(folder, "Szene ä.blend"))
    made.render.filepath = "//rend er/sh_"
    made.frame_start, made.frame_end, made.frame_step = 2, 6, 2
    _, first = add_node(folder)
    first.strengths[0] = 0.2
    first.keyframe_insert("strengths", index=0, frame=2)
    first.strengths[0] = 1.0
    first.keyframe_insert("strengths", index=0, frame=6)
    bpy.ops.lookmatte.add_node()
    first, second = (node for _, node in part("host").lookmatte_nodes(made))
    second.regions[0].kind, second.temporal = "MATERIAL", "shot"
    second.regions[0].target = "paint"
    second.regions[0].style = picture(os.path.join(folder, "blue.png"), (40, 90, 250), (0, 10, 60))
    tell(order=[first.name, second.name], above=part("host").upstream(second).name)
    bpy.ops.lookmatte.setup()
    render_animation()
    tell(messages=part("center").messages, files=files(folder), first=job(first.name), second=job(second.name))
    made.frame_set(4)
    tell(notes=notes())
    before = sorted(one.name for kind in (bpy.data.scenes, bpy.data.node_groups, bpy.data.images) for one in kind)
    assert bpy.ops.lookmatte.final_frames(file_format="OPEN_EXR") == {"FINISHED"}
    after = sorted(one.name for kind in (bpy.data.scenes, bpy.data.node_groups, bpy.data.images) for one in kind)
    tell(finals=files(os.path.join(folder, "rend er", "final")), left=sorted(set(after) - set(before)))
    tell(rendered_again=[part("memory").last_render.frame], format=made.render.image_settings.file_format)
    first.strengths[0] = 0.5
    first.id_data.animation_data_clear()
    tell(stale=notes())
    bpy.ops.lookmatte.style_frames(node_name=first.name)
    tell(above_is_newer=notes())
    first.strengths[0] = 0.6
    bpy.ops.lookmatte.style_frames(all_nodes=True)
    tell(again=notes())
    bpy.ops.lookmatte.preview(node_name=second.name)
    tell(previews=[first.preview, second.preview], previewed=notes())
    first.mute = True
    tell(muted=part("host").upstream(second), source=job(second.name)["plate"]["file"])
    made.frame_end = 10
    try:
        bpy.ops.lookmatte.final_frames()
    except RuntimeError as error:
        tell(lacking=str(error))


def finals(folder: str) -> None:
    """Final frames of two looks, with nodes behind them that need a pass, an alpha and a cryptomatte."""
    made = scene(folder, frames=2)
    made.render.film_transparent = True
    made.view_layers[0].use_pass_z = True
    tree, _ = add_node(folder)
    bpy.ops.lookmatte.add_node()
    first, second = (node for _, node in part("host").lookmatte_nodes(made))
    second.regions[0].kind, second.regions[0].style = "REST", first.regions[0].style
    second.strengths[0] = 0.5
    rendered = tree.nodes["Render Layers"]
    picked = tree.nodes.new("CompositorNodeCryptomatteV2")
    picked.source, picked.scene = "RENDER", made
    picked.matte_id = "Cube"
    # A sum of what must not be lost, times nothing, so that the picture stays as it is.
    total = None
    for socket in (rendered.outputs["Depth"], rendered.outputs["Alpha"], picked.outputs["Matte"]):
        sum_of = tree.nodes.new("ShaderNodeMath")
        tree.links.new(socket, sum_of.inputs[0])
        if total is not None:
            tree.links.new(total, sum_of.inputs[1])
        total = sum_of.outputs[0]
    bpy.ops.lookmatte.setup()
    render_animation()
    tell(messages=part("center").messages, jobs=[job(first.name), job(second.name)])
    kinds = (bpy.data.scenes, bpy.data.node_groups, bpy.data.images)
    before = {one.name for kind in kinds for one in kind}
    assert bpy.ops.lookmatte.final_frames(file_format="OPEN_EXR") == {"FINISHED"}
    made.view_layers[0].use_pass_normal = True
    tree.links.new(rendered.outputs["Normal"], tree.nodes.new("ShaderNodeMath").inputs[0])
    try:
        bpy.ops.lookmatte.final_frames(file_format="OPEN_EXR", folder="other")
    except RuntimeError as error:
        tell(lacking=str(error))
    tell(left=sorted({one.name for kind in kinds for one in kind} - before))


def handling(folder: str) -> None:
    """What an artist does with a node: duplicate it, undo, read it."""
    made = scene(folder)
    tree, node = add_node(folder)
    bpy.ops.lookmatte.setup()
    bpy.ops.render.render()
    bpy.ops.lookmatte.preview()
    shown = node.node_tree.nodes["Preview"].image.filepath
    with in_editor(tree):
        for one in tree.nodes:
            one.select = one == node
        bpy.ops.node.duplicate()
        assert bpy.ops.lookmatte.add_node("INVOKE_DEFAULT") == {"FINISHED"}
        words: list[str] = []
        menu = type("Menu", (), {"layout": Layout(words)})()
        part("node").menu(menu, bpy.context)
        tell(menu=words)
    twin, third = (tree.nodes[f"lookmatte.{n:03d}"] for n in (1, 2))
    tell(folders=[one.folder for one in (node, twin, third)], target=twin.regions[0].target)
    tell(made=[[one.preview, one.styled] for one in (twin, third)], kept=node.preview)
    part("display").refresh(made)
    tell(gates=[one.node_tree.nodes["Preview Gate"].inputs[1].default_value for one in (node, twin)])
    for one in (twin, third):
        tree.nodes.remove(one)

    # Undone is what the artist did, not what was made meanwhile.
    bpy.ops.ed.undo_push(message="before")
    node.regions[0].blend = "grid"
    bpy.ops.ed.undo_push(message="after")
    blue = picture(os.path.join(folder, "blue.png"), (40, 90, 250), (0, 10, 60))
    node.regions[0].style = blue
    bpy.ops.lookmatte.preview()
    fingerprint = part("records").made_by(node.preview)
    bpy.ops.ed.undo()
    tree, node = part("host").lookmatte_nodes(bpy.context.scene)[0]
    holder = node.node_tree.nodes["Preview"]
    tell(undone=node.regions[0].blend, note=notes()["lookmatte"])
    tell(same=part("records").made_by(node.preview) == fingerprint)
    tell(still_shown=holder.image is not None and holder.image.filepath == shown)

    # What there is to read.
    node.regions[0].target = "Cubo"
    with contextlib.suppress(RuntimeError):
        bpy.ops.lookmatte.preview()
    words = []
    part("faces").draw_sidebar(node, bpy.context.scene, Layout(words))
    tell(face=face(node), sidebar=words)
    for kind in ("MATERIAL", "FILE", "PASS", "REST"):
        node.regions[0].kind = kind
        face(node)
    operators, preferences = part("operators"), part("preferences")
    bpy.context.scene.render.image_settings.file_format = "PNG" if not FIVE else "OPEN_EXR_MULTILAYER"
    bpy.context.scene.frame_end = 5
    setup = operators.LOOKMATTE_OT_setup
    tell(setup=drawn(setup))
    bpy.context.scene.render.use_motion_blur = True
    tell(setup_with_blur=drawn(setup))
    bpy.context.scene.render.use_motion_blur = False
    final = operators.LOOKMATTE_OT_final_frames
    tell(final=drawn(final, folder="final", file_format="PNG"))
    create = preferences.LOOKMATTE_OT_create_environment
    tell(create=drawn(create))
    bpy.ops.lookmatte.check()
    preferences.check.wait(200)
    tell(preferences=drawn(preferences.LOOKMATTE_preferences))
    names = part("settings")._names(node.regions[0], bpy.context, "")
    listing = part("faces").LOOKMATTE_UL_regions
    listing.draw_item(None, bpy.context, Layout(words), node, node.regions[0], 0, node, "active")
    tell(listed=words, names=names)

    # Something before the node.
    blur = tree.nodes.new("CompositorNodeBlur")
    tree.links.new(tree.nodes["Render Layers"].outputs["Image"], blur.inputs[0])
    tree.links.new(blur.outputs[0], node.inputs["Image"])
    tell(bypassed=notes()["lookmatte"][1])


def face(node) -> list[str]:
    """The words on a node."""
    words: list[str] = []
    part("faces").draw_face(node, Layout(words))
    return words


def window(folder: str) -> None:
    """As in Blender's window, where nothing may wait and a timer collects."""
    center = part("center")
    center.waits = lambda: False
    made = scene(folder, frames=2)
    tree, node = add_node(folder)
    bpy.ops.lookmatte.setup()
    bpy.ops.render.render()
    center.tick()
    began = time.monotonic()
    bpy.ops.lookmatte.preview()
    tell(preview_at_once=center.busy() and not node.preview, seconds=time.monotonic() - began)
    tell(status=center.session.status())
    ticks(lambda: not center.busy())
    tell(preview=os.path.basename(node.preview), note=notes()["lookmatte"])

    # A fault of the add-on's own, at every tick.
    center.messages.clear()
    center.watchers.append(lambda: 1 / 0)
    center.tick()
    center.tick()
    center.watchers.pop()
    tell(fault=center.messages)
    center.messages.clear()

    # Rendered again in memory: stale, and made again where that is wanted.
    bpy.ops.render.render()
    center.tick()
    tell(rendered_again=notes()["lookmatte"])
    node.live = True
    part("memory").touched = True
    ticks(lambda: not center.busy() and notes()["lookmatte"][0] == "CHECKMARK")
    tell(live=notes()["lookmatte"])
    node.live = False

    # An animation: frames are asked for as they are written, and come while nobody waits.
    render_animation()
    tell(nothing_yet=not center.busy())
    center.tick()
    tell(open_after_render=center.busy())
    ticks(lambda: not center.busy())
    tell(messages=center.messages, styled=files(os.path.join(folder, "look")))

    # Another environment in the middle of a run: nobody waits for the old worker.
    old = center.session.pid
    part("looks").style_frames(made, [(tree, node)])
    preferences = bpy.context.preferences.addons[MODULE].preferences
    os.symlink(preferences.python, os.path.join(folder, "other python"))
    preferences.python = os.path.join(folder, "other python")
    node.strengths[0] = 0.5
    part("looks").style_frames(made, [(tree, node)])
    ticks(lambda: not center.busy())
    tell(new_worker=center.session.pid != old, after=notes()["lookmatte"], old_ended=gone(old))


def ticks(done) -> None:
    """Let Blender's timer go on until it is done."""
    until = time.monotonic() + 120
    while not done():
        assert time.monotonic() < until, part("center").messages
        part("center").tick()
        time.sleep(0.05)


def gone(pid: int) -> bool:
    """Has a process ended, within a while?"""
    for _ in range(300):
        try:
            os.kill(pid, 0)
        except OSError:
            return True
        time.sleep(0.1)
    return False


def awkward(folder: str) -> None:
    """Scenes that are set up in other ways than one would think of."""
    center, host = part("center"), part("host")

    def outcome(what: str) -> None:
        made = files(os.path.join(folder, what))
        tell(outcome=what, messages=center.messages, note=notes()["lookmatte"], files=made)
        center.messages.clear()
        start_over()

    def begin(what: str, **how):
        made = scene(folder, **how)
        _, node = add_node(folder)
        made.render.filepath = os.path.join(folder, what, "s_")
        return made, node

    made, node = begin("no extension")
    bpy.ops.lookmatte.setup()
    made.render.use_file_extension = False
    tell(offered=[change.words for change in part("setup").changes(made)])
    render_animation()
    outcome("no extension")

    made, node = begin("blur", frames=2, samples=2)
    made.render.use_motion_blur = made.render.film_transparent = made.cycles.use_denoising = True
    made.view_layers[0].use_pass_vector = True
    bpy.ops.lookmatte.setup()
    render_animation()
    outcome("blur")

    made, node = begin("layers")
    node.view_layer = made.view_layers.new("Second. layer").name
    made.view_layers["ViewLayer"].use_pass_z = True
    tell(layers=[change.words for change in part("setup").changes(made)])
    bpy.ops.lookmatte.setup()
    render_animation()
    tell(job=job(node.name))
    without_its_layer(folder, node)
    outcome("layers")

    # A picture inside the .blend, one that is nowhere, and one beside a library.
    made, node = begin("packed")
    node.regions[0].style.pack()
    os.remove(os.path.join(folder, "gold.png"))
    bpy.ops.lookmatte.setup()
    render_animation()
    tell(packed=os.path.basename(job(node.name)["regions"]["1 Cube"]["style"]))
    node.regions[0].style = bpy.data.images.new("nowhere", 8, 8)
    tell(nowhere=notes()["lookmatte"])
    outcome("packed")

    library = os.path.join(folder, "library")
    os.makedirs(library)
    bpy.ops.wm.save_as_mainfile(filepath=os.path.join(library, "library.blend"))
    kept = picture(os.path.join(library, "warm.png"), (250, 190, 60), (60, 20, 0))
    kept.filepath, kept.use_fake_user = "//warm.png", True
    bpy.ops.wm.save_mainfile()
    start_over()
    made, node = begin("linked")
    bpy.ops.wm.save_as_mainfile(filepath=os.path.join(folder, "linked.blend"))
    with bpy.data.libraries.load(os.path.join(library, "library.blend"), link=True) as (_, wanted):
        wanted.images = ["warm.png"]
    node.regions[0].style = wanted.images[0]
    tell(linked=job(node.name)["regions"]["1 Cube"]["style"] == os.path.join(library, "warm.png"))
    start_over()

    # Not saved anywhere: where Blender itself would write.
    made, node = begin("unsaved")
    made.render.filepath = "/tmp/"
    default = host.plate_pattern(made)
    made.render.filepath = "//beside"
    tell(unsaved=[default, host.plate_pattern(made)], cwd=os.getcwd())

    made.render.filepath = os.path.join(folder, "still", "pic.####")
    bpy.ops.lookmatte.setup()
    bpy.ops.render.render(write_still=True)
    outcome("still")

    # A part of the frame, and the Matte socket.
    made, node = begin("crop")
    render = made.render
    render.use_border = render.use_crop_to_border = True
    render.border_min_x, render.border_max_x, render.border_min_y, render.border_max_y = 0.25, 0.75, 0.25, 0.75
    matte = node.id_data.nodes.new("CompositorNodeRGBToBW")
    matte.inputs[0].default_value = (0.25, 0.25, 0.25, 1)
    bpy.ops.lookmatte.setup()
    render_animation()
    composite(os.path.join(folder, "crop", "composite.exr"), 1)
    node.id_data.links.new(matte.outputs[0], node.inputs["Matte"])
    composite(os.path.join(folder, "crop", "quarter.exr"), 1)
    node.mute = True
    composite(os.path.join(folder, "crop", "plain.exr"), 1)
    node.mute = False
    made.render.filepath = os.path.join(folder, "crop", "s_")
    bpy.ops.lookmatte.setup()
    bpy.ops.lookmatte.final_frames(file_format="OPEN_EXR")
    outcome("crop")


def without_its_layer(folder: str, node) -> None:
    """The view layer of a node that has its look is renamed, and the file opened again; then it is deleted."""
    made = bpy.context.scene
    made.view_layers[node.view_layer].name = "Second"
    tell(renamed=notes()[node.name], dialog=drawn(part("operators").LOOKMATTE_OT_setup))
    node.view_layer = "Second"
    path = os.path.join(folder, "layers.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    made = bpy.context.scene
    _, node = part("host").lookmatte_nodes(made)[0]
    tell(followed=notes()[node.name], shown=node.node_tree.nodes["Styled"].layer)
    with contextlib.suppress(RuntimeError):
        bpy.ops.lookmatte.preview()
    tell(not_in_render=face(node))
    node.view_layer = "Second. layer"
    made.view_layers.remove(made.view_layers["Second"])
    for act in (bpy.ops.lookmatte.style_frames, bpy.ops.lookmatte.preview, bpy.ops.lookmatte.final_frames):
        try:
            act()
        except RuntimeError as error:
            tell(without_layer=str(error))
    center = part("center")
    center.messages.clear()
    made.render.filepath = os.path.join(folder, "gone", "s_")
    render_animation()
    tell(gone=center.messages, gone_files=files(os.path.join(folder, "gone")))
    made.render.filepath = os.path.join(folder, "layers", "s_")


def motion(folder: str) -> None:
    """A camera that whips around amid things: with vectors, and with motion blur, which empties them."""
    made = scene(folder, frames=4, samples=2)
    for number in range(24):
        angle, level = number * 2.4, number % 5 - 2
        bpy.ops.mesh.primitive_cube_add(size=2.2, location=(6 * math.cos(angle), 6 * math.sin(angle), 1.5 * level))
        glow = bpy.data.materials.new("glow")
        glow.use_nodes = True
        shader = glow.node_tree.nodes["Principled BSDF"]
        shader.inputs["Emission Color"].default_value = (number % 2, number % 3 / 2, number % 7 / 6, 1)
        shader.inputs["Emission Strength"].default_value = 0.8
        bpy.context.object.data.materials.append(glow)
    camera = made.camera
    camera.location = (0, 0, 0)
    for frame, turn in enumerate((0.0, 0.3, 0.6, 0.9), 1):
        camera.rotation_euler = (math.pi / 2, 0, turn)
        camera.keyframe_insert("rotation_euler", frame=frame)
    bpy.data.objects["Cube"].hide_render = True  # the camera is inside
    tree, node = add_node(folder)
    node.regions[0].kind = "REST"
    bpy.ops.lookmatte.setup(vector=True)
    memory = part("memory")
    for what in ("vectors", "blurred"):
        made.render.use_motion_blur = what == "blurred"
        made.render.filepath = os.path.join(folder, what, "s_")
        render_animation()
        indices = glob.glob(os.path.join(folder, what, "look", ".lookmatte", "*", "bake.json"))
        with open(indices[0], encoding="utf-8") as file:
            cuts = json.load(file)["cuts"]
        tell(motion=what, cuts=cuts, said=memory.remarks.get(memory.key_of(tree, node), []))


def reopening(folder: str) -> None:
    """Each frame knows what it was made with, in a .blend too that was not saved after the render."""
    made = scene(folder, frames=2)
    _, node = add_node(folder)
    bpy.ops.lookmatte.setup()
    path = os.path.join(folder, "shot.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)

    def both() -> list[tuple[str, str]]:
        found = []
        for frame in (1, 2):
            bpy.context.scene.frame_set(frame)
            found.append(notes()["lookmatte"])
        return found

    render_animation()
    node.strengths[0], made.frame_start = 0.5, 2
    render_animation()
    tell(one_again=both())
    bpy.ops.wm.open_mainfile(filepath=path)
    tell(reopened=both())
    _, node = part("host").lookmatte_nodes(bpy.context.scene)[0]
    node.temporal = "shot"
    os.remove(os.path.join(folder, "look", ".lookmatte", "frames.json"))
    tell(nobody_knows=both())


def failing(folder: str) -> None:
    """A matte file lacks for one frame: the others have their look, and it is said which has none."""
    scene(folder, frames=3)
    _, node = add_node(folder)
    for frame in (1, 3):
        picture(os.path.join(folder, f"roto.{frame:04d}.png"), (255, 255, 255), (0, 0, 0))
    node.regions[0].kind, node.regions[0].file = "FILE", os.path.join(folder, "roto.####.png")
    bpy.ops.lookmatte.setup()
    render_animation()
    tell(messages=part("center").messages, styled=files(os.path.join(folder, "look")))
    tell(face=face(node))
    for act in (bpy.ops.lookmatte.style_frames, bpy.ops.lookmatte.final_frames):
        try:
            act()
        except RuntimeError as error:
            tell(refused=str(error))
    tell(finals=files(os.path.join(folder, "final")))


def quitting(folder: str) -> None:
    """Blender ends while the worker is busy."""
    made = scene(folder, frames=3)
    tree, node = add_node(folder)
    bpy.ops.lookmatte.setup()
    render_animation()
    node.strengths[0] = 0.5
    part("looks").style_frames(made, [(tree, node)])
    tell(pid=part("center").session.pid, busy=part("center").busy())
