"""The status line of a node."""

from __future__ import annotations

import nuke

from . import landing, plan, session
from .job import SettingsError
from .state import status


def refresh(node: nuke.Node) -> None:
    """Bring the line up to date. Reads knobs and looks at files; never raises for what a person may have set."""
    then = landing.state(node)
    try:
        now = plan.state_of(node, None if then is None else then.still)
    except SettingsError as error:
        say(node, str(error).splitlines()[0])
        return
    say(node, status(then, now, landing.gone(node), str(node["names"].value())))
    say(node, session.log_path(), "log")


def say(node: nuke.Node, text: str, name: str = "status") -> None:
    """Show a line. One that is there already changes nothing, for the script would count as modified."""
    knob = node[name]
    if knob.value() != text:
        knob.setValue(text)
