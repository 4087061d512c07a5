"""Train a model: ``lookmatte train CONFIG.yaml --data DIR --vgg FILE [--encoder FILE] --out DIR``.

Predictor and guide learn, with the encoder frozen. Every step follows from the seed and its number, so
a run that was interrupted goes on as if it had not been. Writes checkpoints, ``model.safetensors`` (the running
average of the weights), ``sheet.png``, and one line of held-out scores at a time.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from lookmatte.errors import InputError
from lookmatte.evaluation.vgg import Vgg19
from lookmatte.networks.model import Model, ModelConfig, shipped_path
from lookmatte.training import checkpoint, held_out
from lookmatte.training.config import TrainingConfig, read
from lookmatte.training.data import Material, Sampler, load
from lookmatte.training.objective import Judge, make_judge, objective
from lookmatte.training.variants import WindowGuide


class Run:
    """A training run in a folder: its state, its checkpoint, its clock."""

    def __init__(self, config: TrainingConfig, encoder: Path | None, out: Path) -> None:
        """Start afresh, or from ``out``/checkpoint.safetensors. ``encoder`` is the distilled one; it is frozen.

        InputError for an encoder or a checkpoint that is damaged or belongs to another version.
        """
        out.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(config.seed)
        self.config, self.out = config, out
        self.model = Model(ModelConfig(base=config.base, alpha=config.alpha, residual=config.residual))
        if config.styling.guide == "window":
            self.model.guide = WindowGuide()
        if encoder is not None:
            _load_encoder(self.model.encoder, encoder)
        self.model.encoder.requires_grad_(False)
        self.averaged = copy.deepcopy(self.model).eval().requires_grad_(False)
        self.styling = torch.optim.Adam(self.learned(), lr=config.styling.rate)
        self.styled = 0
        self.checkpoint = out / checkpoint.NAME
        if self.checkpoint.is_file():
            self._resume()

    def learned(self) -> list[nn.Parameter]:
        """What training changes."""
        return [*self.model.predictor.parameters(), *self.model.guide.parameters()]

    def _resume(self) -> None:
        with checkpoint.refused_when_damaged(self.checkpoint):
            state = checkpoint.load(self.checkpoint)
            self.model.load_state_dict(state["model"])
            self.averaged.load_state_dict(state["averaged"])
            self.styling.load_state_dict(state["styling"])
            self.styled = int(state["styled"])

    def save(self) -> None:
        """Write the checkpoint and the averaged model; each appears whole or not at all."""
        state = {
            "model": self.model.state_dict(),
            "averaged": self.averaged.state_dict(),
            "styling": self.styling.state_dict(),
            "styled": self.styled,
        }
        checkpoint.save(self.checkpoint, state)
        self.averaged.save(self.out / "model.safetensors")

    def average(self, decay: float) -> None:
        """Let the averaged weights follow."""
        with torch.no_grad():
            for mean, now in zip(self.averaged.parameters(), self.model.parameters(), strict=True):
                mean.lerp_(now, 1.0 - decay)


def _load_encoder(encoder: nn.Module, path: Path) -> None:
    """From a file of its own, as distillation writes it, or from a whole model."""
    remedy = "make one with python -m lookmatte.training.distill"
    if not path.is_file():
        raise InputError(f"{path}: no encoder there; {remedy}")
    try:
        tensors = load_file(str(path))
        prefix = "encoder."
        inner = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
        encoder.load_state_dict(inner or tensors)
    except (SafetensorError, OSError, RuntimeError) as error:  # load_state_dict raises RuntimeError
        what = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: no distilled encoder, or a damaged one ({what}); {remedy}") from None


def _rate(optimiser: torch.optim.Optimizer, peak: float, step: int, steps: int) -> None:
    warm, left = min(1.0, (step + 1) / 40), max(0.02, 1.0 - step / max(steps, 1))
    for group in optimiser.param_groups:
        group["lr"] = peak * warm * left


def style_step(run: Run, judge: Judge, sampler: Sampler) -> dict[str, float]:
    """One step. Returns the parts of the loss and their weighted sum, ``total``."""
    config, step = run.config, run.styled
    generator = sampler.generator(-1 - step)
    chance = torch.rand(2, generator=generator).tolist()
    kind = "split" if chance[0] < config.styling.split else "whole"
    if config.styling.clip_every and step % config.styling.clip_every == 0:
        kind = "clip"
    scene = sampler.scene(step, kind)
    _rate(run.styling, config.styling.rate, step, config.styling.steps)
    in_grid = scene.given is not None and chance[1] < 0.5
    every = config.styling.compound_every
    compound = bool(every) and step % every == 0 and not scene.clip and not in_grid
    total, parts = objective(run.model, judge, scene, config, in_grid, generator, compound)
    run.styling.zero_grad()
    torch.autograd.backward(total)
    nn.utils.clip_grad_norm_(run.learned(), 1.0)
    run.styling.step()
    run.styled += 1
    run.average(min(config.styling.average, (1.0 + run.styled) / (10.0 + run.styled)))
    return {"total": float(total.detach()), **parts}


def _measure(run: Run, judge: Judge, pairs: list[held_out.Pair], began: float, last: bool) -> None:
    amounts = [0.0, 0.5, 1.0] if last else [0.0, 1.0]
    names = dict(zip([0.0, 0.5, 1.0], ["base", "half", "full"], strict=True))
    rows = held_out.measure(run.averaged, judge, pairs, amounts)
    for amount, row in zip(amounts, rows, strict=True):
        print(f"  held out, {names[amount]}: {held_out.line(row)}", flush=True)
    record = {
        "step": run.styled,
        "seconds": round(time.monotonic() - began),
        **{names[amount]: row for amount, row in zip(amounts, rows, strict=True)},
    }
    with (run.out / "scores.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")
    held_out.sheet(run.averaged, pairs[:5] + pairs[-5:], run.out / "sheet.png", [0.0, 1.0])


def _style(run: Run, material: Material, held: Material, vgg: Vgg19) -> None:
    config = run.config
    sampler = Sampler(material, config.styling.size, config.seed, config.styling.batch, config.styling.clip_frames)
    judge = make_judge(vgg, config, sampler)
    pairs = held_out.make_pairs(held, config.measuring.whole, config.measuring.split)
    began = saved = measured = time.monotonic()
    first = run.styled
    shown: dict[str, float] = {}
    while run.styled < config.styling.steps:
        for name, value in style_step(run, judge, sampler).items():
            shown[name] = shown.get(name, value) + 0.05 * (value - shown.get(name, value))
        last = run.styled == config.styling.steps
        if run.styled % 25 == 0 or last:
            pace = (time.monotonic() - began) / (run.styled - first)
            text = " ".join(f"{name} {value:.4f}" for name, value in shown.items())
            print(f"{run.styled}/{config.styling.steps}  {pace:.2f} s/step  {text}", flush=True)
        if last or time.monotonic() - saved > 60 * config.minutes_between_checkpoints:
            run.save()
            saved = time.monotonic()
        if last or time.monotonic() - measured > 60 * config.minutes_between_measurements:
            _measure(run, judge, pairs, began, last)
            measured = time.monotonic()


def train(config: TrainingConfig, data: Path, vgg: Path, encoder: Path | None, out: Path) -> Run:
    """Train, from wherever the run stands."""
    torch.set_num_threads(config.threads)
    run = Run(config, encoder, out)
    judge_network = Vgg19(vgg)
    material, held = load(data, held=False), load(data, held=True)
    _style(run, material, held, judge_network)
    return run


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line: train, and return the exit code. InputError for what cannot be used."""
    summary = "Train a model: predictor and guide, on a distilled encoder. It resumes what it finds in --out."
    parser = argparse.ArgumentParser(prog="lookmatte train", description=summary)
    parser.add_argument("config", type=Path)
    parser.add_argument(
        "--data", type=Path, required=True, help="folder of photographs, or one with photos/ and clips/"
    )
    parser.add_argument("--vgg", type=Path, required=True, help="safetensors with conv1_1 ... conv4_1")
    parser.add_argument(
        "--encoder", type=Path, help="encoder.safetensors from distillation; the shipped model's by default"
    )
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    encoder = options.encoder or shipped_path()
    train(read(options.config), options.data, options.vgg, encoder, options.out)
    return 0
