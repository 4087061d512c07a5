"""A short training run on generated pictures: it learns, it resumes to the bit, and it writes what it promises."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from generated import make_data, make_vgg
from safetensors.torch import save_file

from lookmatte.errors import InputError
from lookmatte.evaluation.vgg import Vgg19
from lookmatte.networks.model import Model
from lookmatte.networks.tensorfile import digest
from lookmatte.training import checkpoint, distill
from lookmatte.training.config import Measuring, Styling, TrainingConfig, read
from lookmatte.training.data import Sampler, load
from lookmatte.training.objective import Judge, make_judge, objective
from lookmatte.training.train import Run, main, style_step, train

MODELS = Path(__file__).parents[2] / "models"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def vgg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_vgg(tmp_path_factory.mktemp("vgg") / "vgg.safetensors")


def _config(steps: int = 4) -> TrainingConfig:
    return TrainingConfig(
        threads=1,
        styling=Styling(
            steps=steps, batch=2, size=64, clip_every=3, clip_frames=2, rate=1e-3, precision="float32"
        ),
        measuring=Measuring(whole=1, split=1),
    )


def _setting(config: TrainingConfig, data: Path, vgg: Path) -> tuple[Judge, Sampler]:
    sampler = Sampler(load(data, held=False), config.styling.size, config.seed, config.styling.batch, 2)
    return make_judge(Vgg19(vgg), config, sampler, scenes=1), sampler


@pytest.mark.parametrize(("kind", "in_grid"), [("whole", False), ("split", False), ("split", True), ("clip", True)])
def test_every_kind_of_scene_has_a_loss_whose_gradient_reaches_the_predictor(
    kind: str, in_grid: bool, data: Path, vgg: Path, tmp_path: Path
) -> None:
    config = _config()
    judge, sampler = _setting(config, data, vgg)
    run = Run(config, None, tmp_path)
    total, parts = objective(
        run.model, judge, sampler.scene(0, kind), config, in_grid, torch.Generator().manual_seed(0)
    )
    assert {"style", "colour", "structure", "gain", "range", "smoothness"} <= parts.keys()
    assert ("mask" in parts) == in_grid
    assert ("temporal" in parts) == (kind == "clip")
    torch.autograd.backward(total)
    # The heads start near zero, so the first gradient that is surely there is theirs.
    for head in (run.model.predictor.local, run.model.predictor.overall):
        assert head.weight.grad is not None
        assert float(head.weight.grad.abs().max()) > 0
    assert all(parameter.grad is None for parameter in run.model.encoder.parameters())


def test_descending_the_loss_of_a_scene_lowers_it(data: Path, vgg: Path, tmp_path: Path) -> None:
    config = _config()
    judge, sampler = _setting(config, data, vgg)
    run = Run(config, None, tmp_path)
    scene = sampler.scene(0, "whole")
    found = []
    for _ in range(12):
        total, _ = objective(run.model, judge, scene, config, False, torch.Generator().manual_seed(0))
        run.styling.zero_grad()
        torch.autograd.backward(total)
        run.styling.step()
        found.append(float(total.detach()))
    assert found[-1] < 0.95 * found[0]


def test_a_run_that_was_interrupted_goes_on_as_if_it_had_not_been(data: Path, vgg: Path, tmp_path: Path) -> None:
    config = _config()
    judge, sampler = _setting(config, data, vgg)
    straight = Run(config, None, tmp_path / "straight")
    for _ in range(4):
        style_step(straight, judge, sampler)

    first = Run(config, None, tmp_path / "halves")
    for _ in range(2):
        style_step(first, judge, sampler)
    first.save()
    judge, sampler = _setting(config, data, vgg)
    second = Run(config, None, tmp_path / "halves")
    assert second.styled == 2
    for _ in range(2):
        style_step(second, judge, sampler)
    assert digest(dict(second.model.state_dict())) == digest(dict(straight.model.state_dict()))
    assert second.averaged.checksum == straight.averaged.checksum


def test_a_whole_run_writes_a_model_scores_and_a_sheet(data: Path, vgg: Path, tmp_path: Path) -> None:
    threads = torch.get_num_threads()
    try:
        train(_config(steps=2), data, vgg, None, tmp_path)
    finally:
        torch.set_num_threads(threads)
    model = Model.load(tmp_path / "model.safetensors")
    assert model.config.base == "transport"
    record = json.loads((tmp_path / "scores.jsonl").read_text().splitlines()[-1])
    assert record["step"] == 2
    assert record["base"].keys() == {"vgg", "swd", "swd_ok", "ssim_s", "blotch", "gain", "clip"}
    assert (tmp_path / "sheet.png").stat().st_size > 10_000


def test_held_out_pictures_are_never_sampled(data: Path) -> None:
    trained = {photo.name for photo in load(data, held=False).photos}
    kept = {photo.name for photo in load(data, held=True).photos}
    assert len(kept) == 2
    assert not trained & kept


def test_a_data_folder_without_pictures(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no photographs"):
        load(tmp_path, held=False)


def test_a_missing_encoder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no encoder there"):
        Run(TrainingConfig(), tmp_path / "encoder.safetensors", tmp_path / "run")


def test_the_encoder_of_a_whole_model_serves(tmp_path: Path) -> None:
    torch.manual_seed(3)
    whole = Model()
    whole.save(tmp_path / "model.safetensors")
    run = Run(TrainingConfig(), tmp_path / "model.safetensors", tmp_path / "run")
    assert digest(run.model.encoder.state_dict()) == digest(whole.encoder.state_dict())


@pytest.mark.parametrize("kind", ["text", "another"])
def test_a_damaged_encoder(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "encoder.safetensors"
    if kind == "text":
        path.write_bytes(b"no tensors at all")
    else:
        save_file(Model().guide.state_dict(), str(path))
    with pytest.raises(InputError, match=r"encoder\.safetensors: .*lookmatte\.training\.distill$") as caught:
        Run(TrainingConfig(), path, tmp_path / "run")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["empty", "text", "cut", "another", "turned"])
def test_a_damaged_checkpoint(kind: str, data: Path, vgg: Path, tmp_path: Path) -> None:
    path = tmp_path / checkpoint.NAME
    Run(_config(), None, tmp_path).save()
    whole = path.read_bytes()
    if kind == "another":
        checkpoint.save(path, {"model": {}})
    elif kind == "turned":  # one bit of a weight
        path.write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
    else:
        path.write_bytes({"empty": b"", "text": b"no tensors", "cut": whole[: len(whole) // 2]}[kind])
    with pytest.raises(InputError, match=r"checkpoint\.safetensors: a damaged checkpoint.*delete it"):
        Run(_config(), None, tmp_path)
    with pytest.raises(InputError, match=r"checkpoint\.safetensors: a damaged checkpoint.*delete it"):
        distill.distil(data, vgg, tmp_path, steps=1)


def test_a_judge_of_another_kind(tmp_path: Path) -> None:
    Model().save(tmp_path / "model.safetensors")
    with pytest.raises(InputError, match="conv1_1"):
        Vgg19(tmp_path / "model.safetensors")
    with pytest.raises(InputError, match="nothing"):
        Vgg19(tmp_path / "nothing.safetensors")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("stying: {steps: 3}", "styling"),
        ("weights: {structur: 1}", "structure"),
        ("styling: {steps: many}", "many"),
        ("styling: 3", "styling"),
        ("seed: true", "seed"),
        ("styling: {precision: int8}", "bfloat16"),
        ("seed: [1", "YAML"),
    ],
)
def test_a_configuration_that_cannot_be_meant(text: str, word: str, tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=word) as caught:
        read(path)
    assert "\n" not in str(caught.value)


def test_the_command_line_names_what_is_missing(data: Path, vgg: Path, tmp_path: Path) -> None:
    config = tmp_path / "run.yaml"
    config.write_text("threads: 1")
    options = ["--data", str(data), "--vgg", str(vgg), "--encoder", str(tmp_path / "none"), "--out", str(tmp_path)]
    with pytest.raises(InputError, match="none"):
        main([str(config), *options])


@pytest.mark.parametrize("name", ["lookmatte-v1.yaml", "lookmatte-v1.md"])
def test_the_commands_that_made_the_shipped_model_are_whole(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every required option is there: each goes on to look for its files, which are placeholders."""
    lines = [line.strip("# ") for line in (MODELS / name).read_text().splitlines()]
    (distilling,) = [line.split() for line in lines if line.startswith("python -m lookmatte.training.distill ")]
    (training,) = [line.split() for line in lines if line.startswith("lookmatte train ")]
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "lookmatte-v1.yaml").write_text((MODELS / "lookmatte-v1.yaml").read_text())
    monkeypatch.chdir(tmp_path)
    threads = torch.get_num_threads()
    try:
        monkeypatch.setattr("sys.argv", ["distill", *distilling[3:]])
        with pytest.raises(InputError, match=r"^VGG: no VGG-19 weights"):
            distill.main()
        with pytest.raises(InputError, match=r"^runs/encoder/encoder\.safetensors: no encoder there"):
            main(training[2:])
    finally:
        torch.set_num_threads(threads)


def test_the_shipped_configuration_is_valid() -> None:
    config = read(MODELS / "lookmatte-v1.yaml")
    assert config.base == "transport"
