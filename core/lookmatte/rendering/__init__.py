"""A job from end to end: read, bake, apply, write. (Not `render`: `lookmatte.render` is the function.)"""

from lookmatte.rendering.apply import apply
from lookmatte.rendering.pipeline import RenderSummary, Run, render
from lookmatte.rendering.plan import FramePlan, Plan

__all__ = ["FramePlan", "Plan", "RenderSummary", "Run", "apply", "render"]
