"""Render the example style pictures: six scenes, each with a look of its own.

    .venv-bpy45/bin/python examples/render_styles.py                        # all of them
    .venv-bpy45/bin/python examples/render_styles.py --only neon_bar --samples 16

The pictures are display-referred (AgX), 512x340, JPEG.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import scenery as sc
import style_scenes

HERE = Path(__file__).resolve().parent
WIDTH, HEIGHT = 512, 340


SCENES: dict[str, Callable[[], dict[str, Any]]] = {
    name: getattr(style_scenes, name) for name in style_scenes.__all__
}


def print_curves(scene: Any, lift: sc.Color, gain: sc.Color) -> None:
    """A faded print: each channel runs from its lifted black to its dulled white, with an S between."""
    settings = scene.view_settings
    settings.use_curve_mapping = True
    mapping = settings.curve_mapping
    for curve, low, high in zip(mapping.curves, lift, gain, strict=False):
        curve.points[0].location, curve.points[-1].location = (0.0, low), (1.0, high)
        for x, push in ((0.25, -0.02), (0.75, 0.025)):
            curve.points.new(x, low + (high - low) * x + push)
    mapping.update()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=sorted(SCENES), help="one picture")
    parser.add_argument("--samples", type=int, default=64)
    parser.add_argument("--output", type=Path, default=HERE / "styles", help="the folder to write to")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    for name in [arguments.only] if arguments.only else SCENES:
        scene = sc.start(WIDTH, HEIGHT, arguments.samples, view="AgX")
        settings = SCENES[name]()
        scene.view_settings.exposure = settings["exposure"]
        if "curves" in settings:
            print_curves(scene, **settings["curves"])
        sc.render_picture(scene, arguments.output / f"{name}.jpg", look=settings["look"])


if __name__ == "__main__":
    main()
