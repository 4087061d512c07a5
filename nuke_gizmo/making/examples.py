"""Scripts to begin with, for the shot of ``examples/``: they lie beside it, in the repository and in the zip."""

from __future__ import annotations

from nuke_gizmo.lookmatte_nuke import knobs
from nuke_gizmo.making.script import KnobValue, Ref, Script, Verbatim, words

FIRST, LAST = 1001, 1010
_HERE = "\\[file dirname \\[value root.name]]"
_FORMAT = "576 324 0 0 576 324 1 lookmatte_shot"


def _beside(path: str) -> Verbatim:
    return Verbatim(f'"{_HERE}/{path}"')


class _Comp:
    """A script that begins with the plate."""

    def __init__(self) -> None:
        self.script = Script()
        self.read = self.script.node(
            "Read", "Plate", [], file_type="exr", file=_beside("shot/plate.####.exr"), format=_FORMAT, first=FIRST,
            last=LAST, origfirst=FIRST, origlast=LAST, origset=True, raw=True, xpos=0, ypos=0,
        )  # fmt: skip
        # The picture of a Blender render is in a layer of its own.
        channels: dict[str, KnobValue] = {}
        for number, name in enumerate(("red", "green", "blue", "alpha")):
            channels[f"from{number}"] = f"ViewLayer_Combined.{name}"
            channels[f"to{number}"] = f"rgba.{name}"
        self.plate = self.script.node("Copy", "Combined", [self.read, self.read], **channels, xpos=0, ypos=100)

    def crypto(self, name: str, names: str, row: int) -> Ref:
        return self.script.node(
            "Cryptomatte", name, [self.read], lastSelectedCryptoLayerName="ViewLayer.CryptoObject", matteList=names,
            xpos=-220, ypos=200 + 100 * row,
        )  # fmt: skip

    def look(self, name: str, src: Ref, mask: Ref | None, style: str, row: int, **more: KnobValue) -> Ref:
        inputs = [src] if mask is None else [src, mask]
        return self.script.node(
            knobs.NODE_CLASS, name, inputs, style=_beside(f"styles/{style}.jpg"), **more,
            xpos=0, ypos=200 + 100 * row,
        )  # fmt: skip

    def text(self, note: str, shown: Ref) -> str:
        self.script.node("Viewer", "Viewer1", [shown], frame_range=f"{FIRST}-{LAST}", xpos=0, ypos=500)
        self.script.node("StickyNote", "Note", [], label=note, note_font_size=14, xpos=-560, ypos=0)
        root = (
            f"version 13.0 v1\nRoot {{\n inputs 0\n first_frame {FIRST}\n last_frame {LAST}\n"
            f' format "{_FORMAT}"\n colorManagement Nuke\n workingSpaceLUT linear\n}}\n'
        )
        return root + self.script.text()


def one_object() -> str:
    """One object by its name in a cryptomatte."""
    comp = _Comp()
    car = comp.look("Car", comp.plate, comp.crypto("CarMatte", "hero car*", 0), "golden_dusk", 0)
    note = "Press Bake in Car, then play.\nStrength is live."
    return comp.text(note, car)


def several_objects() -> str:
    """Two objects, a node each; the order is that of the looks."""
    comp = _Comp()
    car = comp.look("Car", comp.plate, comp.crypto("CarMatte", "hero car*", 0), "golden_dusk", 0)
    mask = comp.crypto("BalloonMatte", "balloon", 1)
    balloon = comp.look("Balloon", car, mask, "neon_bar", 1, subsample=3)
    note = "Bake Car first, then Balloon, whose plate is what Car shows.\nBalloon bakes every third frame."
    return comp.text(note, balloon)


def drawn_mask() -> str:
    """A mask that is drawn: its edge follows the plate's colours."""
    comp = _Comp()
    area = Verbatim(words((40.0, 10.0, 285.0, 150.0)))
    mask = comp.script.node("Radial", "Mask", [], area=area, output="rgba", xpos=-220, ypos=200)
    look = comp.look("Night", comp.plate, mask, "blue_night", 0)
    return comp.text("A rough mask: press Bake in Night, then play.", look)


SCRIPTS = {
    "nuke_one_object.nk": one_object,
    "nuke_several_objects.nk": several_objects,
    "nuke_drawn_mask.nk": drawn_mask,
}
