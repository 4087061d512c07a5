"""A job from end to end: read, bake, apply, write. (Not `render`: `lookmatte.render` is the function.)"""

from lookmatte.rendering.apply import apply
from lookmatte.rendering.pipeline import RenderSummary, render

__all__ = ["RenderSummary", "apply", "render"]
