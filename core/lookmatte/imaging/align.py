"""Two data windows of one frame, laid over each other by their display coordinates."""

from __future__ import annotations

from lookmatte.imaging.frame import Window

Box = tuple[slice, slice]


def overlap(plate: Window, other: Window, y0: int, y1: int) -> tuple[Box, Box] | None:
    """Where rows ``y0:y1`` of the plate's data window meet another part's data window.

    Rows count from the top of the plate's data window. Returns the (rows, columns) slices inside a block of
    shape (y1 - y0, plate.width), and the same pixels' slices inside the other part's arrays; None where the
    two do not meet.
    """
    top = max(plate.y + y0, other.y)
    bottom = min(plate.y + y1, other.y + other.height)
    left = max(plate.x, other.x)
    right = min(plate.x + plate.width, other.x + other.width)
    if top >= bottom or left >= right:
        return None
    inside = (
        slice(top - plate.y - y0, bottom - plate.y - y0),
        slice(left - plate.x, right - plate.x),
    )
    return inside, (slice(top - other.y, bottom - other.y), slice(left - other.x, right - other.x))
