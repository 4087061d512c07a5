# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="valid-type"
"""Which environment runs lookmatte: choose, check, create. (No postponed annotations in here.)"""

import os
import shlex
import sys
from typing import Any

import bpy
from bpy.props import StringProperty

from . import center, environment, faces, installation, mapping, memory
from .session import PREFERENCES

check: environment.Commands | None = None
creation: installation.Creation | None = None
_told: set[int] = set()

_HERE = os.path.dirname(__file__)
_DIALOG, _COLUMNS, _SAID = 520, 76, 8
_SIZE = "up to 6 GB, most of it for NVIDIA" if sys.platform == "linux" else "0.2 GB, unpacked 1 GB"


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
        description="Another lookmatte than the one in this extension: a .whl file, a folder, or what else pip "
        "installs; empty: the one in this extension",
    )  # fmt: skip
    options: StringProperty(
        name="pip Options",
        description="Further options for pip, --index-url with the address of your studio's own server for example",
    )

    def draw(self, context: Any) -> None:
        """The choice, the two buttons, and what they found."""
        layout: Any = self.layout
        layout.prop(self, "python")
        row = layout.row(align=True)
        row.operator("lookmatte.check", icon="CHECKMARK")
        row.operator("lookmatte.create_environment", icon="IMPORT")
        if creation is not None:
            _draw_job(layout, creation, "Creating the environment", _about_creation(creation))
        if check is not None:
            _draw_job(layout, check, "Checking", _about_check(check))
        header, body = layout.panel("lookmatte_creation", default_closed=True)
        header.label(text="Installation")
        if body is not None:
            body.prop(self, "package")
            body.prop(self, "options")


def _draw_job(layout: Any, job: environment.Commands, what: str, sentences: list[tuple[str, str]]) -> None:
    box = layout.box()
    states = {None: ("SORTTIME", "..."), 0: ("CHECKMARK", ": done")}
    icon, end = states.get(job.code, ("ERROR", ": failed"))
    box.label(text=what + end, icon=icon)
    for icon, sentence in sentences:
        faces.draw_text(box, icon, sentence, _COLUMNS)
    if job.code:
        # A panel needs the full width: not in the box.
        header, body = layout.panel(f"lookmatte_{what.partition(' ')[0].lower()}", default_closed=True)
        header.label(text="What was said last")
        for line in list(job.lines)[-_SAID:] if body is not None else ():
            faces.draw_text(body, "NONE", line, _COLUMNS)


def _about_creation(job: installation.Creation) -> list[tuple[str, str]]:
    """(icon, sentence) of what there is to say of a creation."""
    if job.code is None:
        return [("BLANK1", job.doing)]
    said = [("INFO", job.remark)] if job.remark else []
    return [*said, ("ERROR", job.trouble) if job.code else ("BLANK1", "Now press Check")]


def _about_check(job: environment.Commands) -> list[tuple[str, str]]:
    """(icon, sentence) of what a check found."""
    found = environment.findings(list(job.lines))
    if job.code and not found:
        return [("ERROR", "this environment has no lookmatte that runs: choose another one, or create one")]
    return [("CHECKMARK" if state == "ok" else "ERROR", f"{name}: {sentence}") for state, name, sentence in found]


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
    return str(center.preferences().package).strip() or installation.bundled(_HERE)


def chosen_options() -> list[str]:
    """pip's further options. Raises SettingsError where a quotation mark is not closed."""
    given = str(center.preferences().options)
    try:
        # A shell takes the backslashes of Windows' paths for something else.
        return shlex.split(given.replace("\\", "\\\\") if os.name == "nt" else given)
    except ValueError:
        raise mapping.SettingsError("a quotation mark in pip Options is not closed") from None


class LOOKMATTE_OT_create_environment(bpy.types.Operator):
    """Create an environment with Blender's own Python and install lookmatte in it, after asking"""

    bl_idname = "lookmatte.create_environment"
    bl_label = "Create Environment"

    @classmethod
    def poll(cls, context: Any) -> bool:
        """One at a time."""
        if creation is not None and creation.code is None:
            cls.poll_message_set("an environment is being created already")
            return False
        return True

    def invoke(self, context: Any, event: Any) -> set[Any]:
        """Ask first: this downloads."""
        return set(context.window_manager.invoke_props_dialog(self, width=_DIALOG, confirm_text="Create"))

    def draw(self, context: Any) -> None:
        """What will happen."""
        layout: Any = self.layout
        column = layout.column()
        for text in (
            f"This downloads lookmatte's libraries, PyTorch among them: {_SIZE}.",
            f"They go into {memory.folder('environment')}",
            "Nothing of Blender's own Python is changed. Blender stays usable meanwhile.",
        ):
            faces.draw_text(column, "NONE", text, _COLUMNS)

    def execute(self, context: Any) -> set[Any]:
        """Start; the progress appears in the preferences."""
        global creation
        package = chosen_package()
        if not package:
            self.report({"ERROR"}, "this extension carries no lookmatte: choose its .whl file under Installation")
            return {"CANCELLED"}
        try:
            options = chosen_options()
        except mapping.SettingsError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        if not bpy.app.online_access and "--no-index" not in options:
            self.report({"ERROR"}, "Blender is offline: allow Online Access in Preferences > System")
            return {"CANCELLED"}
        folder, constraints = memory.folder("environment"), installation.tested(_HERE)
        creation = installation.Creation(sys.executable, folder, package, options, constraints)
        return {"FINISHED"}


def watch() -> None:
    """In the timer: tell how a job ended, once, and keep the window drawing meanwhile."""
    for job in (creation, check):
        if job is None or id(job) in _told:
            continue
        if job.code is not None:
            _told.add(id(job))
            center.say("ERROR" if job.code else "INFO", _ended(job))
        center.redraw("PREFERENCES")


def _ended(job: environment.Commands) -> str:
    if not isinstance(job, installation.Creation):
        return f"the check found something to mend: see {PREFERENCES}" if job.code else "the check found all well"
    if job.code:
        return f"no environment was created: {job.trouble}"
    return "the environment is there" + (f"; {job.remark}" if job.remark else "")


def stop() -> None:
    """End what runs; a half-made environment is made again by the next Create."""
    global check, creation
    for job in (check, creation):
        if job is not None and job.code is None:
            job.stop()
    check = creation = None
    _told.clear()


CLASSES = (LOOKMATTE_preferences, LOOKMATTE_OT_check, LOOKMATTE_OT_create_environment)
