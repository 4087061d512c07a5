"""Building blocks of the example scenes: meshes, materials, plants and light, all made by script.

Blender is imported where it is used, so that a script can parse its arguments (and explain itself) without it.
Lengths are metres, z is up, colours are linear Rec.709. Every random choice comes from a numbered seed.
"""

from .materials import Color, Point, foliage, glow, paint, surface
from .meshes import box, fractal, grid, join, lathe, mesh, stones, terrain, tube
from .plants import blades, conifer, leaves, tree
from .stage import animate, camera, gradient, haze, light, render_picture, sky, start, sun

__all__ = [
    "Color", "Point", "animate", "blades", "box", "camera", "conifer", "foliage", "fractal", "glow", "gradient",
    "grid", "haze", "join", "lathe", "leaves", "light", "mesh", "paint", "render_picture", "sky", "start", "stones",
    "sun", "surface", "terrain", "tree", "tube",
]  # fmt: skip
