"""Meshes from arrays: boxes, turned and swept shapes, height fields, pavements."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .materials import Point


def mesh(name: str, vertices: Any, faces: Any, *materials: Any, smooth: bool = False, slots: Any = None) -> Any:
    """An object from vertex and face lists; `slots` gives the material index of each face."""
    import bpy

    data = bpy.data.meshes.new(name)
    data.from_pydata([tuple(v) for v in vertices], [], [tuple(f) for f in faces])
    for material in materials:
        data.materials.append(material)
    if slots is not None:
        data.polygons.foreach_set("material_index", np.asarray(slots, np.int32))
    if smooth:
        data.polygons.foreach_set("use_smooth", np.ones(len(data.polygons), bool))
    data.update()
    thing = bpy.data.objects.new(name, data)
    bpy.context.collection.objects.link(thing)
    return thing


def box(name: str, size: Point, at: Point, material: Any, *, bevel: float = 0.0, turn: Point = (0, 0, 0)) -> Any:
    """A box of that size whose CENTRE OF THE BASE is at `at`; edges rounded by `bevel`."""
    x, y, z = size[0] / 2, size[1] / 2, size[2]
    vertices = [(sx * x, sy * y, sz * z) for sz in (0, 1) for sy in (-1, 1) for sx in (-1, 1)]
    faces = [(0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (2, 6, 7, 3), (0, 4, 6, 2), (1, 3, 7, 5)]
    thing = mesh(name, vertices, faces, material)
    thing.location, thing.rotation_euler = at, turn
    if bevel:
        modifier = thing.modifiers.new("bevel", "BEVEL")
        modifier.width, modifier.segments = bevel, 3
        modifier.harden_normals = False
    return thing


def grid(
    name: str, points: Any, material: Any, *, closed: bool = False, smooth: bool = True, slots: Any = None
) -> Any:
    """A surface from an array of points (rows, columns, 3); `closed` joins the last column to the first."""
    rows, columns = points.shape[:2]
    index = np.arange(rows * columns).reshape(rows, columns)
    right = np.roll(index, -1, axis=1)
    cells = np.stack([index[:-1], right[:-1], right[1:], index[1:]], axis=-1)
    if not closed:
        cells = cells[:, :-1]
    materials = material if isinstance(material, (list, tuple)) else [material]
    return mesh(name, points.reshape(-1, 3), cells.reshape(-1, 4), *materials, smooth=smooth, slots=slots)


def lathe(
    name: str,
    profile: Sequence[tuple[float, float]],
    material: Any,
    *,
    at: Point = (0, 0, 0),
    steps: int = 40,
    smooth: bool = True,
    slots: Any = None,
) -> Any:
    """A profile of (radius, height) pairs, from below upwards, turned around z."""
    angle = np.linspace(0, 2 * math.pi, steps, endpoint=False)
    r, z = np.array(profile, float).T
    points = np.stack(
        [r[:, None] * np.cos(angle), r[:, None] * np.sin(angle), np.repeat(z[:, None], steps, 1)], axis=-1
    )
    thing = grid(name, points, material, closed=True, smooth=smooth, slots=slots)
    thing.location = at
    return thing


def tube(
    name: str, path: Sequence[Point], radius: float | Sequence[float], material: Any, *, steps: int = 10
) -> Any:
    """A round tube along a path; one radius, or one per point."""
    points = np.array(path, float)
    radii = np.broadcast_to(np.asarray(radius, float), len(points))
    tangent = np.gradient(points, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True) + 1e-9
    helper = np.where(np.abs(tangent[:, 2:3]) > 0.9, [[1.0, 0.0, 0.0]], [[0.0, 0.0, 1.0]])
    side = np.cross(tangent, helper)
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    other = np.cross(side, tangent)
    angle = np.linspace(0, 2 * math.pi, steps, endpoint=False)
    ring = side[:, None] * np.cos(angle)[None, :, None] + other[:, None] * np.sin(angle)[None, :, None]
    return grid(name, points[:, None] + radii[:, None, None] * ring, material, closed=True)


def join(name: str, parts: Sequence[Any]) -> Any:
    """One object from many, modifiers and transforms applied, materials kept."""
    import bpy

    bpy.context.view_layer.update()
    graph = bpy.context.evaluated_depsgraph_get()
    for part in parts:
        data = bpy.data.meshes.new_from_object(part.evaluated_get(graph))
        data.transform(part.matrix_world)
        part.modifiers.clear()
        part.data = data
        part.matrix_world.identity()
    with bpy.context.temp_override(
        active_object=parts[0], object=parts[0], selected_objects=parts, selected_editable_objects=parts
    ):
        bpy.ops.object.join()
    parts[0].name = name
    return parts[0]


def stones(
    name: str,
    origin: Point,
    size: tuple[float, float],
    pitch: tuple[float, float],
    material: Any,
    *,
    gap: float = 0.025,
    height: float = 0.05,
    seed: int = 1,
) -> Any:
    """A pavement of single worn stones in shifted rows; each is a loose part of one object."""
    rng = np.random.default_rng(seed)
    vertices: list[Any] = []
    faces: list[Any] = []
    for row in range(int(size[1] / pitch[1])):
        for column in range(int(size[0] / pitch[0])):
            cx = origin[0] + (column + 0.5 * (row % 2)) * pitch[0] + rng.normal(0, 0.006)
            cy = origin[1] + row * pitch[1] + rng.normal(0, 0.006)
            cz = origin[2] + rng.normal(0, 0.006)
            hx, hy = (pitch[0] - gap) / 2 * rng.uniform(0.9, 1.0), (pitch[1] - gap) / 2 * rng.uniform(0.9, 1.0)
            tilt = rng.normal(0, 0.02, 2)
            base = len(vertices)
            for inset, z in ((0.0, -height), (0.0, -0.3 * height), (0.12, 0.1 * height), (0.35, 0.22 * height)):
                corner = 0.25 + inset
                for x, y in (
                    (-1, -1 + corner),
                    (-1 + corner, -1),
                    (1 - corner, -1),
                    (1, -1 + corner),
                    (1, 1 - corner),
                    (1 - corner, 1),
                    (-1 + corner, 1),
                    (-1, 1 - corner),
                ):
                    px, py = hx * x * (1 - 0.4 * inset), hy * y * (1 - 0.4 * inset)
                    vertices.append((cx + px, cy + py, cz + z + tilt[0] * px + tilt[1] * py))
            for level in range(3):
                for k in range(8):
                    a, b = base + 8 * level + k, base + 8 * level + (k + 1) % 8
                    faces.append((a, b, b + 8, a + 8))
            faces.append(tuple(range(base + 24, base + 32)))
    return mesh(name, vertices, faces, material, smooth=False)


def fractal(x: Any, y: Any, seed: int, octaves: int = 6) -> Any:
    """Smooth noise of about +-1 with unit wavelength in its first octave, halving upwards."""
    rng = np.random.default_rng(seed)
    total = np.zeros(np.broadcast(x, y).shape)
    for octave in range(octaves):
        for _ in range(6):
            turn, shift = rng.uniform(0, 2 * math.pi, 2)
            wave = 2 * math.pi * 2**octave * rng.uniform(0.7, 1.4)
            total += np.sin(wave * (x * math.cos(turn) + y * math.sin(turn)) + shift) * 0.5**octave / 3.5
    return total


def terrain(
    name: str,
    x: tuple[float, float],
    y: tuple[float, float],
    height: Callable[[Any, Any], Any],
    material: Any,
    cells: int = 160,
) -> Any:
    """A height field over a rectangle."""
    across, along = np.meshgrid(np.linspace(*x, cells), np.linspace(*y, cells))
    return grid(name, np.stack([across, along, height(across, along)], axis=-1), material)
