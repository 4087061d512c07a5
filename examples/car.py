"""The hero car: a small rounded saloon of the fifties with luggage on its roof.

It points along +x and stands on z = 0; 3.4 m long. The body is lofted from superellipses; windows are faces of the
cabin that carry glass. Body and wheels are separate objects, so that the wheels can turn.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import scenery as sc

WHEEL_RADIUS = 0.29
AXLES = {"front": 1.02, "rear": -1.02}
TRACK = 0.655


def loft(x: Any, width: Any, low: Any, high: Any, power: float, steps: int) -> Any:
    """Superellipse rings along x: half width, lower and upper height per station; (stations, steps, 3)."""
    angle = np.linspace(0, 2 * math.pi, steps, endpoint=False)

    def curve(value: Any) -> Any:
        return np.sign(value) * np.abs(value) ** (2 / power)

    middle, half = (high + low) / 2, (high - low) / 2
    y = width[:, None] * curve(np.cos(angle))
    z = middle[:, None] + half[:, None] * curve(np.sin(angle))
    return np.stack([np.repeat(x[:, None], steps, 1), y, z], axis=-1)


def through(x: Any, points: list[tuple[float, float]], soft: int = 9) -> Any:
    """A smooth height over x through control points."""
    dense = np.linspace(points[0][0], points[-1][0], 200)
    value = np.interp(dense, *np.array(points).T)
    window = np.hanning(2 * soft + 3)
    padded = np.pad(value, soft + 1, mode="edge")
    return np.interp(x, dense, np.convolve(padded, window / window.sum(), "valid"))


def cabin(roof: Any, glass: Any) -> Any:
    """The upper body: a dome whose side, front and rear faces are glass between the pillars."""
    x = -0.28 - 1.06 * np.cos(np.linspace(0.02, math.pi - 0.02, 150))
    high = through(
        x,
        [
            (-1.36, 0.80),
            (-1.15, 1.08),
            (-0.8, 1.34),
            (-0.35, 1.46),
            (0.1, 1.45),
            (0.38, 1.30),
            (0.62, 1.02),
            (0.82, 0.80),
        ],
        7,
    )
    width = 0.60 * (1 - np.abs((x + 0.28) / 1.1) ** 5) ** 0.5
    points = loft(x, width, np.full_like(x, 0.45), high, 2.9, 180)
    center = (points[:-1] + points[1:]) / 2
    center = (center + np.roll(center, -1, axis=1)) / 2
    along, across = points[1:] - points[:-1], np.roll(points, -1, axis=1)[:-1] - points[:-1]
    normal = np.cross(across, along)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True) + 1e-9
    cx, cy, cz = center[..., 0], np.abs(center[..., 1]), center[..., 2]
    band = (cz > 0.98) & (cz < 1.28)
    lean = 0.35 * (cz - 0.98)
    side = band & (cy > 0.40) & (((cx > -0.92 + lean) & (cx < -0.30)) | ((cx > -0.24) & (cx < 0.40 - lean)))
    front = (cz > 0.97) & (cz < 1.30) & (cx > 0.22) & (cy < 0.43) & (np.abs(normal[..., 0]) > 0.3)
    rear = (cz > 1.05) & (cz < 1.27) & (cx < -0.75) & (cy < 0.34)
    rear &= cy > 0.015
    return sc.grid("cabin", points, [roof, glass], closed=True, slots=(side | front | rear).astype(int).ravel())


def fender(axle: float, sign: float, material: Any) -> Any:
    """A mudguard: an arch over the wheel that closes towards the outside."""
    angle = np.linspace(-0.12, math.pi + 0.12, 30)
    t = np.linspace(0, 1, 12)
    radius = 0.40 - 0.075 * t**3
    y = sign * (0.42 + 0.37 * np.sin(t * math.pi / 2))
    x = axle + radius[None] * np.cos(angle)[:, None] * 1.06
    z = 0.27 + radius[None] * np.sin(angle)[:, None]
    points = np.stack([x, np.broadcast_to(y, x.shape), z], axis=-1)
    thing = sc.grid("fender", points, material)
    thing.modifiers.new("thickness", "SOLIDIFY").thickness = 0.02
    return thing


def wheel(name: str, at: sc.Point) -> Any:
    """Tyre, rim and hubcap; turns around its own y."""
    rubber = sc.surface("rubber", (0.015, 0.015, 0.016), (0.035, 0.034, 0.033), scale=9, rough=(0.6, 0.8))
    cream = sc.paint("rim", (0.62, 0.56, 0.45), Roughness=0.35)
    chrome = sc.paint("hubcap", (0.75, 0.75, 0.74), Metallic=1.0, Roughness=0.12)
    r = WHEEL_RADIUS
    tyre = sc.lathe(
        "tyre",
        [
            (0.19, -0.07),
            (0.24, -0.075),
            (r - 0.02, -0.065),
            (r, -0.03),
            (r, 0.03),
            (r - 0.02, 0.065),
            (0.24, 0.075),
            (0.19, 0.07),
        ],
        rubber,
        steps=48,
    )
    rim = sc.lathe("rim", [(0.2, 0.062), (0.17, 0.045), (0.12, 0.04), (0.10, 0.05)], cream, steps=40)
    cap = sc.lathe("cap", [(0.115, 0.045), (0.11, 0.065), (0.08, 0.085), (0.04, 0.095), (0.001, 0.098)], chrome)
    marks = [
        sc.box("mark", (0.02, 0.05, 0.012), (0.15 * math.cos(a), 0.15 * math.sin(a), 0.044), rubber, turn=(0, 0, a))
        for a in np.linspace(0, 2 * math.pi, 8, endpoint=False)
    ]
    thing = sc.join(name, [tyre, rim, cap, *marks])
    turned = -math.pi / 2 if at[1] > 0 else math.pi / 2
    thing.data.transform(_about_x(turned))
    thing.location = at
    return thing


def _about_x(angle: float) -> Any:
    from mathutils import Matrix

    return Matrix.Rotation(angle, 4, "X")


def luggage() -> list[Any]:
    """A roof rack with two suitcases and a rolled rug."""
    wood = sc.surface("ash wood", (0.24, 0.13, 0.06), (0.46, 0.29, 0.15), scale=3, stretch=(1, 12, 12))
    leather = sc.surface("leather", (0.13, 0.05, 0.022), (0.28, 0.12, 0.055), scale=5, rough=(0.35, 0.55), bump=0.3)
    canvas = sc.surface("canvas", (0.12, 0.14, 0.08), (0.24, 0.26, 0.15), scale=6, rough=(0.7, 0.9), bump=0.4)
    rug = sc.surface("rug", (0.30, 0.06, 0.05), (0.55, 0.30, 0.18), scale=2, stretch=(1, 14, 1), rough=(0.8, 0.95))
    brass = sc.paint("brass", (0.78, 0.55, 0.24), Metallic=1.0, Roughness=0.22)
    parts = [
        sc.box("slat", (1.05, 0.05, 0.02), (-0.3, y, 1.49), wood, bevel=0.006) for y in (-0.36, -0.12, 0.12, 0.36)
    ]
    parts += [sc.box("bearer", (0.04, 0.86, 0.025), (x, 0, 1.465), wood, bevel=0.006) for x in (-0.7, 0.1)]
    cases = (
        (leather, (0.52, 0.62, 0.20), (-0.50, -0.02, 1.51), 0.06),
        (canvas, (0.40, 0.52, 0.24), (0.02, 0.06, 1.51), -0.1),
    )
    for material, size, at, turn in cases:
        parts.append(sc.box("case", size, at, material, bevel=0.03, turn=(0, 0, turn)))
        for y in (-0.16, 0.16):
            strap = (0.0 + size[0] + 0.012, 0.035, size[2] + 0.008)
            parts.append(sc.box("strap", strap, (at[0], at[1] + y, at[2]), leather, bevel=0.012, turn=(0, 0, turn)))
            parts.append(
                sc.box("lock", (0.02, 0.05, 0.05), (at[0] + size[0] / 2 + 0.006, at[1] + y, at[2] + 0.08), brass)
            )
    roll = [(-0.50, y, 1.79) for y in np.linspace(-0.36, 0.36, 8)]
    parts.append(sc.tube("rug", roll, 0.075, rug, steps=20))
    return parts


def hero_car(name: str, body_color: sc.Color, roof_color: sc.Color) -> tuple[Any, list[Any]]:
    """The car's body and its four wheels (children of the body)."""
    finish = {"rough": (0.22, 0.32), "Coat_Weight": 1.0, "Coat_Roughness": 0.05, "scale": 1.5}
    body_paint = sc.surface("body paint", tuple(0.88 * c for c in body_color), body_color, **finish)
    roof_paint = sc.surface("roof paint", tuple(0.92 * c for c in roof_color), roof_color, **finish)
    glass = sc.paint("window glass", (0.012, 0.016, 0.018), Roughness=0.03, IOR=1.6)
    chrome = sc.paint("chrome", (0.80, 0.80, 0.79), Metallic=1.0, Roughness=0.10)
    dark = sc.paint("trim", (0.02, 0.02, 0.022), Roughness=0.5)
    lens = sc.glow("headlight", (1.0, 0.86, 0.62), 24.0)
    tail = sc.glow("tail light", (0.9, 0.06, 0.03), 3.0)

    x = -1.62 * np.cos(np.linspace(0.03, math.pi - 0.03, 120))
    taper = (1 - np.abs(x / 1.63) ** 5) ** 0.42
    top = through(
        x,
        [
            (-1.63, 0.62),
            (-1.35, 0.80),
            (-1.0, 0.92),
            (-0.4, 0.95),
            (0.6, 0.94),
            (1.0, 0.89),
            (1.35, 0.80),
            (1.63, 0.62),
        ],
    )
    middle = 0.56
    body = loft(x, 0.61 * taper, middle - 0.31 * taper, middle + (top - middle) * taper, 3.2, 96)
    parts = [sc.grid("body", body, body_paint, closed=True), cabin(roof_paint, glass), *luggage()]

    for sign in (-1.0, 1.0):
        parts += [fender(axle, sign, body_paint) for axle in AXLES.values()]
        parts.append(sc.box("running board", (1.24, 0.2, 0.045), (0, sign * 0.66, 0.23), dark, bevel=0.015))
        strip = [(s, sign * (0.617 * (1 - abs(s / 1.63) ** 5) ** 0.42), 0.74) for s in np.linspace(-1.1, 1.1, 30)]
        parts.append(sc.tube("side strip", strip, 0.011, chrome, steps=6))
        for seam in (-0.29, 0.52):
            line = [
                (seam, sign * 0.60 * (1 - abs((z - 0.62) / 0.36) ** 3.2) ** (1 / 3.2), z)
                for z in np.linspace(0.36, 0.9, 12)
            ]
            parts.append(
                sc.tube("door seam", [(p[0], p[1] + sign * 0.004, p[2]) for p in line], 0.006, dark, steps=5)
            )
        parts.append(
            sc.tube(
                "handle",
                [(-0.22, sign * 0.62, 0.82), (-0.16, sign * 0.645, 0.825), (-0.06, sign * 0.62, 0.82)],
                0.012,
                chrome,
            )
        )
        parts.append(sc.tube("mirror arm", [(0.55, sign * 0.56, 0.95), (0.56, sign * 0.68, 1.02)], 0.01, chrome))
        mirror = sc.lathe(
            "mirror", [(0.001, -0.03), (0.05, -0.02), (0.065, 0.0), (0.055, 0.012), (0.001, 0.016)], chrome
        )
        mirror.location, mirror.rotation_euler = (0.56, sign * 0.70, 1.05), (0, -math.pi / 2, 0)
        parts.append(mirror)
        shell = [(0.05, -0.16), (0.10, -0.10), (0.125, -0.02), (0.125, 0.02)]
        bowl, ring, face = (
            sc.lathe("bowl", shell, body_paint),
            sc.lathe("ring", [(0.125, 0.0), (0.135, 0.015), (0.125, 0.03), (0.108, 0.03)], chrome),
            sc.lathe("lens", [(0.112, 0.022), (0.09, 0.04), (0.05, 0.052), (0.001, 0.056)], lens),
        )
        for piece in (bowl, ring, face):
            piece.location, piece.rotation_euler = (1.30, sign * 0.60, 0.64), (0, math.pi / 2 - 0.08, 0)
        parts += [bowl, ring, face]
        light = sc.lathe("tail", [(0.055, 0.0), (0.05, 0.03), (0.001, 0.05)], tail)
        light.location, light.rotation_euler = (-1.40, sign * 0.62, 0.62), (0, -math.pi / 2, 0)
        parts.append(light)
    for end in (-1.0, 1.0):
        bow = [(end * (1.74 - 0.22 * abs(s) ** 2.5), 0.74 * s, 0.36) for s in np.linspace(-1, 1, 24)]
        parts.append(sc.tube("bumper", bow, 0.04, chrome, steps=12))
        parts += [
            sc.tube("horn", [(end * 1.75, y, 0.30), (end * 1.77, y, 0.36), (end * 1.75, y, 0.43)], 0.028, chrome)
            for y in (-0.3, 0.3)
        ]
    spine = [
        (s, 0, float(through(np.array([s]), [(0.8, 0.935), (1.2, 0.86), (1.55, 0.68)], 3)[0]) + 0.012)
        for s in np.linspace(0.82, 1.5, 14)
    ]
    parts.append(sc.tube("bonnet trim", spine, 0.012, chrome, steps=6))
    parts.append(sc.box("number plate", (0.015, 0.36, 0.10), (1.70, 0, 0.42), roof_paint, bevel=0.004))
    parts += [
        sc.box(
            "grille", (0.02, 0.42 - 0.05 * k, 0.014), (1.605 - 0.012 * k, 0, 0.52 + 0.035 * k), chrome, bevel=0.004
        )
        for k in range(4)
    ]

    car = sc.join(name, parts)
    wheels = []
    for place, axle in AXLES.items():
        for side, sign in (("L", 1.0), ("R", -1.0)):
            turning = wheel(f"{name} wheel {place}_{side}", (axle, sign * TRACK, WHEEL_RADIUS))
            turning.parent = car
            wheels.append(turning)
    return car, wheels
