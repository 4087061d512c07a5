"""Nothing that is read can run: no pickle, no eval, no loader that makes objects of what a file names."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save, save_file

from lookmatte.errors import InputError
from lookmatte.networks.model import Model, shipped_path
from lookmatte.networks.tensorfile import digest

REPOSITORY = Path(__file__).resolve().parents[2]
SHIPPED = ("core", "blender_addon", "nuke_gizmo", "examples")

MODULES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "shelve", "marshal", "joblib", "multiprocessing"}
CALLS = {
    "eval", "exec", "compile", "__import__", "torch.load", "torch.save", "torch.hub.load", "torch.jit.load",
    "numpy.load", "np.load", "np.save", "np.savez", "pandas.read_pickle",
    "yaml.load", "yaml.load_all", "yaml.full_load", "yaml.unsafe_load", "yaml.unsafe_load_all",
    "os.system", "os.popen", "yaml.Loader", "yaml.UnsafeLoader", "yaml.FullLoader",
}  # fmt: skip


def dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def found(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, name.name) for name in node.names if name.name.split(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in MODULES:
            yield node.lineno, str(node.module)
        elif isinstance(node, ast.Attribute) and dotted(node) in CALLS:
            yield node.lineno, dotted(node)
        elif isinstance(node, ast.Call) and dotted(node.func) in CALLS:
            yield node.lineno, dotted(node.func)
        elif isinstance(node, ast.keyword) and node.arg in ("allow_pickle", "shell", "weights_only"):
            yield node.value.lineno, str(node.arg)


def test_no_source_can_run_what_it_reads() -> None:
    sources = [path for folder in SHIPPED for path in (REPOSITORY / folder).rglob("*.py")]
    assert len(sources) > 100
    runs = {str(path): list(found(ast.parse(path.read_text(encoding="utf-8")))) for path in sources}
    assert {path: places for path, places in runs.items() if places} == {}


def test_what_is_looked_for_is_found() -> None:
    text = "import pickle\nfrom torch import hub\ntorch.load('x')\nnp.load(f, allow_pickle=True)\neval('1')\n"
    expected = {"pickle", "torch.load", "np.load", "allow_pickle", "eval"}
    assert {name for _, name in found(ast.parse(text))} == expected


class Trap:
    """A pickle that would leave a trace if anything loaded it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


def test_weights_that_are_a_pickle_are_refused_and_do_not_run(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    torch.save({"w": Trap(trace)}, tmp_path / "model.safetensors")
    with pytest.raises(InputError, match="not a safetensors file"):
        Model.load(tmp_path / "model.safetensors")
    assert not trace.exists()


def test_weights_that_were_changed_are_refused(tmp_path: Path) -> None:
    """By a bit in the file, or by somebody who writes a whole file with other numbers."""
    path = tmp_path / "model.safetensors"
    whole = bytearray(shipped_path().read_bytes())
    whole[-100] ^= 1
    path.write_bytes(whole)
    with pytest.raises(InputError, match="do not match their checksum"):
        Model.load(path)
    tensors = load_file(shipped_path())
    first = next(iter(tensors))
    tensors[first] = tensors[first] + 1
    save_file(tensors, path, metadata={"lookmatte": "{}", "sha256": "0" * 64})
    with pytest.raises(InputError, match="do not match their checksum"):
        Model.load(path)


@pytest.mark.parametrize("config", ["", "[]", "{", '{"base": 5}', '{"alpha": "x"}', '{"unknown": 1}', "9" * 10_000])
def test_a_configuration_that_is_none_is_told_in_a_line(tmp_path: Path, config: str) -> None:
    tensors = load_file(shipped_path())
    (tmp_path / "m.safetensors").write_bytes(save(tensors, {"lookmatte": config, "sha256": digest(tensors)}))
    with pytest.raises(InputError) as caught:
        Model.load(tmp_path / "m.safetensors")
    assert "\n" not in str(caught.value)
    assert "m.safetensors" in str(caught.value)
