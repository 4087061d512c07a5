# SPDX-License-Identifier: GPL-3.0-or-later
"""lookmatte in Blender's compositor.

The pixels are made by a lookmatte worker in another process; ``client`` talks to it, ``session`` owns it. What
needs no Blender (``mapping``, ``paths``, ``environment``) is imported without it too, so nothing is imported here.
"""

from __future__ import annotations


def register() -> None:
    """Called by Blender when the extension is enabled."""
    from . import registration

    registration.register()


def unregister() -> None:
    """Called by Blender when the extension is disabled, and as it quits."""
    from . import registration

    registration.unregister()
