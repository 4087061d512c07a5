# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="valid-type"
"""Which environment runs lookmatte: choose, check, create. (No postponed annotations in here.)"""

import os
import shlex
import sys
from typing import Any

import bpy
from bpy.props import StringProperty

from . import center, environment, mapping, memory

check: environment.Commands | None = None
creation: environment.Commands | None = None
_told: set[int] = set()


class LOOKMATTE_preferences(bpy.types.AddonPreferences):
    """The add-on's preferences."""

    bl_idname = memory.package()

    python: StringProperty(
        name="Environment", subtype="FILE_PATH",
        description="The python of an environment that has lookmatte, or the environment's folder; "
        "empty: the one that Create Environment makes",
    )  # fmt: skip
    package: StringProperty(
        name="Install", subtype="FILE_PATH",
        description="What pip installs: a wheel, a folder or a requirement; empty: the lookmatte in this extension",
    )  # fmt: skip
    options: StringProperty(
        name="pip Options", description="Further options for pip, an index of your studio for example"
    )

    def draw(self, context: Any) -> None:
        """The choice, the two buttons, and what they found."""
        layout: Any = self.layout
        layout.prop(self, "python")
        row = layout.row(align=True)
        row.operator("lookmatte.check", icon="CHECKMARK")
        row.operator("lookmatte.create_environment", icon="IMPORT")
        for job, what in ((creation, "Creating the environment"), (check, "Checking")):
            if job is not None:
                _draw_job(layout, job, what)
        header, body = layout.panel("lookmatte_creation", default_closed=True)
        header.label(text="Installation")
        if body is not None:
            body.prop(self, "package")
            body.prop(self, "options")


def _draw_job(layout: bpy.types.UILayout, job: environment.Commands, what: str) -> None:
    box = layout.box()
    states: dict[int | None, tuple[Any, str]] = {None: ("SORTTIME", "..."), 0: ("CHECKMARK", ": done")}
    icon, end = states.get(job.code, ("ERROR", ": failed"))
    box.label(text=what + end, icon=icon)
    found = environment.findings(list(job.lines))
    for state, name, sentence in found:
        box.label(text=f"{name}: {sentence}", icon="CHECKMARK" if state == "ok" else "ERROR")
    if not found:
        for line in list(job.lines)[-3 if job.code in (None, 0) else -8 :]:
            box.label(text=line[:160])


class LOOKMATTE_OT_check(bpy.types.Operator):
    """Check the environment: libraries, model, disk; styles a small picture"""

    bl_idname = "lookmatte.check"
    bl_label = "Check"

    def execute(self, context: Any) -> set[Any]:
        """Start the check; its findings appear in the preferences."""
        global check
        try:
            python = center.python()
        except mapping.SettingsError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        if check is not None and check.code is None:
            check.stop()
        check = environment.doctor(python, memory.folder())
        return {"FINISHED"}


def chosen_package() -> str:
    """What is to be installed; "" when nothing is named and nothing came with the extension."""
    return str(center.preferences().package).strip() or environment.bundled(os.path.dirname(__file__))


class LOOKMATTE_OT_create_environment(bpy.types.Operator):
    """Create an environment with Blender's own Python and install lookmatte in it, after asking"""

    bl_idname = "lookmatte.create_environment"
    bl_label = "Create Environment"

    def invoke(self, context: Any, event: Any) -> set[Any]:
        """Ask first: this downloads."""
        return set(context.window_manager.invoke_props_dialog(self, width=520, confirm_text="Create"))

    def draw(self, context: Any) -> None:
        """What will happen."""
        layout: Any = self.layout
        column = layout.column()
        column.label(text="This downloads lookmatte's libraries, PyTorch among them: up to some gigabytes.")
        column.label(text=f"They go into {memory.folder('environment')}")
        column.label(text="Nothing of Blender's own Python is changed. Blender stays usable meanwhile.")

    def execute(self, context: Any) -> set[Any]:
        """Start; the progress appears in the preferences."""
        global creation
        package, options = chosen_package(), shlex.split(center.preferences().options)
        if not package:
            self.report({"ERROR"}, "this extension carries no lookmatte: name a wheel under Installation")
            return {"CANCELLED"}
        if not bpy.app.online_access and "--no-index" not in options:
            self.report({"ERROR"}, "Blender is offline: allow Online Access in Preferences > System")
            return {"CANCELLED"}
        if creation is not None and creation.code is None:
            self.report({"ERROR"}, "an environment is being created already")
            return {"CANCELLED"}
        creation = environment.create(sys.executable, memory.folder("environment"), package, options)
        return {"FINISHED"}


def watch() -> None:
    """In the timer: tell how a job ended, once, and keep the window drawing meanwhile."""
    for job, what in ((creation, "the environment"), (check, "the check")):
        if job is None or id(job) in _told:
            continue
        if job.code is not None:
            _told.add(id(job))
            kind, end = ("INFO", "done") if job.code == 0 else ("ERROR", f"failed: {job.last}")
            center.say(kind, f"{what}: {end}")
        center.redraw("PREFERENCES")


def stop() -> None:
    """End what runs; a half-made environment is made again by the next Create."""
    global check, creation
    for job in (check, creation):
        if job is not None and job.code is None:
            job.stop()
    check = creation = None
    _told.clear()


CLASSES = (LOOKMATTE_preferences, LOOKMATTE_OT_check, LOOKMATTE_OT_create_environment)
