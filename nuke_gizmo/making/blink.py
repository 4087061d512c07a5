"""A Blink kernel's text, read for what a BlinkScript node must say of it: inputs, parameters, and its description.

The description is what Nuke makes a node's knobs from when a script is opened, before it compiles anything. Its
form is read off scripts that Nuke saved, for numbers and vectors; what its checksum is of is not known, and here it
is of the text. ``capture.py`` has Nuke itself write it, and the build takes that one where it belongs to the text.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import struct
from dataclasses import dataclass
from pathlib import Path

_KERNEL = re.compile(r"\bkernel\s+(\w+)\s*:\s*ImageComputationKernel<ePixelWise>")
_IMAGE = re.compile(r"\bImage<(eRead|eWrite)(?:,\s*(eAccess\w+))?(?:,\s*\w+)?>\s*(\w+)\s*;")
_PARAM = re.compile(r"\b(int|float|float3|float4)\s+(\w+)\s*;")
_DEFINE = re.compile(r"defineParam\(\s*(\w+)\s*,\s*\"([^\"]+)\"\s*(?:,\s*(.+?))?\s*\)\s*;")
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d*)?(?:e-?\d+)?")
_SIZES = {"int": 1, "float": 1, "float3": 3, "float4": 4}
_ACCESS = {"eAccessPoint": "Point", "eAccessRandom": "Random", "eAccessRanged2D": "Ranged2D", "": "Point"}


class KernelError(ValueError):
    """A kernel that is written otherwise than this reads it."""


@dataclass(frozen=True)
class Image:
    """An input or the output."""

    name: str
    writes: bool
    access: str


@dataclass(frozen=True)
class Parameter:
    """A parameter: ``count`` numbers. ``type`` is the kernel's word for it; ``default`` holds zeros where there is
    none."""

    name: str
    label: str
    type: str
    default: tuple[float, ...]

    @property
    def count(self) -> int:
        """How many numbers it holds."""
        return len(self.default)

    @property
    def kind(self) -> str:
        """int or float."""
        return "int" if self.type == "int" else "float"


@dataclass(frozen=True)
class Kernel:
    """A kernel as its text has it."""

    name: str
    text: str
    images: tuple[Image, ...]
    parameters: tuple[Parameter, ...]
    locals: tuple[Parameter, ...]

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of its inputs, in order."""
        return tuple(image.name for image in self.images if not image.writes)

    @property
    def checksum(self) -> str:
        """SHA-256 of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def knob(self, parameter: Parameter) -> str:
        """What a BlinkScript node calls a parameter's knob."""
        return f"{self.name}_{parameter.label}"

    def description(self) -> str:
        """The knob KernelDescription, in the form that Nuke 13 writes and later ones read."""
        said = ["2", _text(self.name), "iterate", "pixelWise", self.checksum, str(len(self.images))]
        for image in self.images:
            said += [_text(image.name), "Write" if image.writes else "Read", image.access]
        said.append(str(len(self.parameters)))
        for one in self.parameters:
            said += [_text(one.label), one.kind.title(), str(one.count), _packed(one)]
        said.append(str(len(self.parameters)))
        for one in self.parameters:
            said += [_text(one.name), str(one.count), "1"]
        said.append(str(len(self.locals)))
        for one in self.locals:
            said += [_text(one.name), one.kind.title(), str(one.count), "1", _packed(one)]
        return " ".join(said)


def read_kernel(text: str) -> Kernel:
    """Read a kernel's text. Raises KernelError for what has no kernel, or a parameter without a label."""
    bare = re.sub(r"//[^\n]*", "", text)
    named = _KERNEL.search(bare)
    if named is None:
        raise KernelError("the text has no pixelwise kernel")
    sections = re.search(r"\bparam:(.*?)(?:\blocal:(.*?))?\bvoid\s+define\s*\(", bare, re.DOTALL)
    if sections is None:
        raise KernelError("the kernel has no parameters, or no define()")
    labels: dict[str, tuple[str, str]] = {name: (label, value) for name, label, value in _DEFINE.findall(bare)}
    parameters = []
    for kind, name in _PARAM.findall(sections[1]):
        if name not in labels:
            raise KernelError(f"the parameter {name} has no defineParam")
        label, value = labels.pop(name)
        parameters.append(_parameter(name, label, kind, value))
    if labels:
        raise KernelError(f"defineParam of {', '.join(labels)}, which is no parameter of a kind that is known here")
    own = [_parameter(name, name, kind, "") for kind, name in _PARAM.findall(sections[2] or "")]
    images = tuple(
        Image(name, role == "eWrite", _ACCESS[access]) for role, access, name in _IMAGE.findall(bare)
    )
    return Kernel(named[1], text, images, tuple(parameters), tuple(own))


def _parameter(name: str, label: str, kind: str, value: str) -> Parameter:
    count = _SIZES[kind]
    inside = re.sub(r"^float\d", "", value)
    given = tuple(float(number) for number in _NUMBER.findall(inside))
    if len(given) not in (0, 1, count):
        raise KernelError(f"the default of {name}, {value}, has {len(given)} numbers; it takes {count}")
    return Parameter(name, label, kind, given * count if len(given) == 1 else given or (0.0,) * count)


def _text(name: str) -> str:
    return f'"{name}"'


def _packed(one: Parameter) -> str:
    """A default's bytes in base 64; three floats take the room of four."""
    if one.kind == "int":
        data = struct.pack(f"<{one.count}i", *(int(value) for value in one.default))
    else:
        padded = one.default + (0.0,) * (one.type == "float3")
        data = struct.pack(f"<{len(padded)}f", *padded)
    return base64.b64encode(data).decode("ascii")


def description_of(kernel: Kernel, captured: Path) -> str:
    """Nuke's own description where one was captured for this very text, else ours."""
    try:
        data = json.loads(captured.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return kernel.description()
    return str(data["description"]) if data["kernel"] == kernel.checksum else kernel.description()
