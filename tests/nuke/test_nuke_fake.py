"""The fake Nuke is Nuke's: its names and signatures are held to types-nuke, and it refuses what Nuke refuses."""

from __future__ import annotations

import ast
import inspect
import threading
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import fakenuke
import pytest
from fakenuke.node import open_script
from fakenuke.world import World

Signature = ast.FunctionDef

_PYTHONS = ("__getitem__", "__enter__")


class Stubs:
    """The classes and functions of types-nuke."""

    def __init__(self) -> None:
        self.classes: dict[str, ast.ClassDef] = {}
        self.functions: dict[str, list[Signature]] = {}
        self.values: set[str] = set()
        for path in _files():
            for one in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(one, ast.ClassDef):
                    self.classes[one.name] = one
                elif isinstance(one, ast.FunctionDef):
                    self.functions.setdefault(one.name, []).append(one)
                elif isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name):
                    self.values.add(one.target.id)

    def bases(self, name: str) -> list[str]:
        """A class and all that it is made of, the nearest first."""
        found = [name]
        for base in self.classes[name].bases:
            if isinstance(base, ast.Name) and base.id in self.classes:
                found += self.bases(base.id)
        return found

    def methods(self, kind: str, name: str) -> list[Signature]:
        """The signatures of a method, those of the nearest class that has it."""
        for base in self.bases(kind):
            body = self.classes[base].body
            found = [one for one in body if isinstance(one, ast.FunctionDef) and one.name == name]
            if found:
                return found
        return []


def _files() -> Iterator[Path]:
    try:
        listed = metadata.files("types-nuke") or []
    except metadata.PackageNotFoundError:
        pytest.skip("NOT PROVED: that the fake is Nuke's; types-nuke is not installed")
    for one in listed:
        if one.suffix == ".pyi":
            yield Path(str(one.locate()))


@pytest.fixture(scope="module")
def stubs() -> Stubs:
    return Stubs()


def takes(theirs: Signature, ours: inspect.Signature, method: bool) -> str:
    """Why a call that ours takes might not be one that theirs takes; empty if each is."""
    if theirs.args.vararg is not None or theirs.args.kwarg is not None:
        return ""
    names = [one.arg for one in theirs.args.args][method:]
    required = len(names) - len(theirs.args.defaults)
    mine = [one for one in list(ours.parameters.values())[method:] if one.kind is not one.VAR_POSITIONAL]
    if [one.name for one in mine] != names[: len(mine)]:
        return f"has ({', '.join(one.name for one in mine)}), not ({', '.join(names)})"
    if sum(one.default is one.empty for one in mine) < min(required, len(names)):
        return f"wants fewer than {required} arguments"
    return ""


def fits(theirs: list[Signature], ours: Callable[..., Any], method: bool) -> str:
    wrong = [takes(one, inspect.signature(ours), method) for one in theirs]
    return "" if "" in wrong else "; ".join(wrong)


def test_every_function_is_nukes(stubs: Stubs) -> None:
    for name in fakenuke.__all__:
        one = getattr(fakenuke, name)
        if inspect.isfunction(one):
            assert name in stubs.functions, name
            assert fits(stubs.functions[name], one, False) == "", name
        elif not inspect.isclass(one):
            assert name in stubs.values, name
    assert "GUI" in stubs.values


def test_every_class_and_method_is_nukes(stubs: Stubs) -> None:
    checked = 0
    for name in fakenuke.__all__:
        kind = getattr(fakenuke, name)
        if not inspect.isclass(kind):
            continue
        assert name in stubs.classes, name
        bases = [base.__name__ for base in kind.__mro__ if base.__module__.startswith("fakenuke")]
        bases = [base for base in bases if not base.startswith("_")]
        assert bases == [base for base in stubs.bases(name) if base in bases], name
        for method, act in vars(kind).items():
            if not inspect.isfunction(act) or (method.startswith("_") and method not in _PYTHONS):
                continue
            theirs = stubs.methods(name, method)
            assert theirs, f"{name}.{method} is none of Nuke's"
            assert fits(theirs, act, True) == "", f"{name}.{method}"
            checked += 1
    assert checked > 60


def test_there_is_nothing_else(nuke: World) -> None:
    with pytest.raises(AttributeError, match="the fake has none"):
        fakenuke.frozen  # noqa: B018
    with pytest.raises(AttributeError):
        fakenuke.root().opHashes()  # type: ignore[attr-defined]


def test_it_refuses_what_nuke_refuses(nuke: World, tmp_path: Path) -> None:
    grade = fakenuke.nodes.Grade()
    refused: list[tuple[Callable[[], object], type[Exception], str]] = [
        (lambda: grade["nothing"], NameError, "nothing does not exist"),
        (lambda: fakenuke.nodes.Grade(nothing=1), NameError, "nothing does not exist"),
        (lambda: fakenuke.nodes.Nothing(), RuntimeError, "Unknown command"),
        (lambda: fakenuke.createNode("lookmat"), RuntimeError, "Unknown command"),
        (lambda: grade["multiply"].setValue("much"), TypeError, "a number is wanted"),
        (lambda: grade["label"].setValue(3), TypeError, "a text is wanted"),
        (lambda: grade["multiply"].setValue(1.0, 4), IndexError, "no number 4"),
        (lambda: fakenuke.nodes.Write()["datatype"].setValue("8 bit"), TypeError, "is none of"),
        (lambda: fakenuke.nodes.Copy()["from0"].setValue("sky"), ValueError, "is no channel"),
        (lambda: fakenuke.execute(grade, 1, 1), RuntimeError, "nothing to execute"),
        (lambda: fakenuke.execute(fakenuke.nodes.Write(), 1, 1), RuntimeError, "input 0 is not connected"),
        (lambda: fakenuke.execute(fakenuke.nodes.Write(), 1, 1, 1, ["left"]), RuntimeError, "no view"),
        (lambda: fakenuke.ProgressTask("here"), RuntimeError, "in the main thread"),
        (lambda: open_script("Grade {\n inputs 0\n colour 1\n}\n"), RuntimeError, "has no knob colour"),
        (lambda: open_script("Read {\n inputs 0\n addUserKnob {99 a}\n}\n"), RuntimeError, "no type 99"),
    ]
    for act, error, what in refused:
        with pytest.raises(error, match=what):
            act()
    assert not grade.setInput(7, grade)
    inside = fakenuke.nodes.Group()
    with inside:  # type: ignore[attr-defined]
        dot = fakenuke.nodes.Dot()
    assert not grade.setInput(0, dot), "a node of another group"
    fakenuke.delete(grade)
    with pytest.raises(ValueError, match="not attached to a node"):
        grade.name()
    nuke.gui = False
    for act in (lambda: fakenuke.message("hello"), lambda: fakenuke.menu("Nodes")):
        with pytest.raises(RuntimeError, match="terminal"):
            act()


def test_nodes_are_the_main_threads(nuke: World) -> None:
    grade = fakenuke.nodes.Grade()
    knob = grade["multiply"]
    trouble: list[BaseException] = []

    def work() -> None:
        for act in (
            lambda: grade["multiply"].value(),
            lambda: grade.name(),
            lambda: grade["multiply"].setValue(2.0),
            lambda: fakenuke.nodes.Dot(),
            lambda: fakenuke.message("hello"),
            lambda: fakenuke.toNode("Grade1"),
        ):
            try:
                act()
            except RuntimeError as error:
                trouble.append(error)
        fakenuke.executeInMainThread(knob.setValue, (3.0,))

    thread = threading.Thread(target=work, name="elsewhere")
    thread.start()
    thread.join()
    assert len(trouble) == 6
    assert all("outside the main thread (elsewhere)" in str(one) for one in trouble)
    assert grade["multiply"].value() == 1.0
    nuke.pump(lambda: grade["multiply"].value() == 3.0)


def test_curves_and_scripts_come_back_as_they_were(nuke: World) -> None:
    knob = fakenuke.nodes.Grade()["multiply"]
    knob.fromScript("{curve K x1 0.5 x4 1 L x8 2 x10 4}")
    assert [knob.getValueAt(frame) for frame in (0, 1, 3, 4, 8, 9, 12)] == [0.5, 0.5, 0.5, 1, 2, 3, 4]  # type: ignore[attr-defined]
    text = knob.toScript()
    knob.setValue(7.0)
    knob.fromScript(text)
    assert knob.toScript() == text
    assert knob.isAnimated()
    with pytest.raises(ValueError, match="not in order"):
        knob.fromScript("{curve x4 1 x2 1}")
