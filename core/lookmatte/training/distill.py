"""Distil the encoder from VGG-19: ``python -m lookmatte.training.distill --data DIR --vgg FILE --out
runs/encoder``.

The encoder's taps, through 1x1 adapters that are thrown away afterwards, regress relu1_1 ... relu4_1 of the
same picture. Photographs are augmented far in exposure, contrast and white balance, since the encoder will
see plates whose colours a transport has already moved. Writes ``encoder.safetensors`` and a checkpoint to
resume from.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from lookmatte.errors import run_module
from lookmatte.evaluation.vgg import VGG_CHANNELS, Vgg19
from lookmatte.imaging.wholefile import write_bytes
from lookmatte.networks.encoder import ENCODER_SIZE, TAP_CHANNELS, Encoder
from lookmatte.networks.tensorfile import tensor_bytes
from lookmatte.training import checkpoint
from lookmatte.training.augment import colour, frame
from lookmatte.training.photos import photo_paths, read_rgb


def adapters() -> nn.ModuleList:
    """The 1x1 convolutions that bring the encoder's channels to VGG-19's."""
    return nn.ModuleList(nn.Conv2d(a, b, 1) for a, b in zip(TAP_CHANNELS, VGG_CHANNELS, strict=True))


def batch_at(step: int, seed: int, photos: list[Tensor], count: int) -> Tensor:
    """The pictures of one step, (count, 3, 128, 128): a function of seed and step alone, so that runs
    resume."""
    generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
    chosen = torch.randint(0, len(photos), (count,), generator=generator).tolist()
    pictures = [frame(photos[i].float() / 255.0, ENCODER_SIZE, generator) for i in chosen]
    return colour(torch.stack(pictures).clamp(0.0, 1.0), generator)


@torch.no_grad()
def teach(vgg: Vgg19, batch: Tensor) -> list[Tensor]:
    """The targets, computed in bfloat16: three times faster, and far more exact than the student can be."""
    taps: list[Tensor] = vgg(batch.contiguous(memory_format=torch.channels_last), torch.bfloat16)
    return taps


def calibrate(encoder: Encoder, batches: list[Tensor]) -> None:
    """Set the encoder's constants so that every tap's channels have deviation 1 over these pictures."""
    with torch.no_grad():
        taps = [encoder.raw(batch) for batch in batches]
        for index in range(len(TAP_CHANNELS)):
            values = torch.cat([tap[index].transpose(0, 1).flatten(1) for tap in taps], 1)
            deviation = values.std(1)
            # A dead channel stays at zero instead of being blown up to noise.
            floor = 0.05 * deviation.mean()
            encoder.get_buffer(f"deviation{index + 1}").copy_(deviation.clamp_min(floor))


@torch.no_grad()
def correlations(
    encoder: Encoder, heads: nn.ModuleList, vgg: Vgg19, spread: list[float], batches: list[Tensor]
) -> list[float]:
    """Per layer, the share of held-out variance that is explained, as a correlation (1 is perfect)."""
    error, total = torch.zeros(4), torch.zeros(4)
    for batch in batches:
        for i, (tap, target) in enumerate(zip(encoder.raw(batch), vgg(batch), strict=True)):
            error[i] += functional.mse_loss(heads[i](tap) * spread[i], target, reduction="sum")
            total[i] += ((target - target.mean((0, 2, 3), keepdim=True)) ** 2).sum()
    return (1 - error / total).clamp_min(0).sqrt().tolist()


def distil(data: Path, vgg_file: Path, out: Path, steps: int, count: int = 12, seed: int = 1) -> None:
    """Train for ``steps`` steps of ``count`` pictures, resuming from ``out``/checkpoint.safetensors when it is
    there."""
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    encoder, heads, vgg = Encoder(), adapters(), Vgg19(vgg_file)
    parameters = [*encoder.parameters(), *heads.parameters()]
    optimiser = torch.optim.Adam(parameters, lr=2e-3)
    kept, start = out / checkpoint.NAME, 0
    if kept.exists():
        with checkpoint.refused_when_damaged(kept):
            state = checkpoint.load(kept)
            encoder.load_state_dict(state["encoder"])
            heads.load_state_dict(state["heads"])
            optimiser.load_state_dict(state["optimiser"])
            start = int(state["step"])
    photos = [read_rgb(path, 200) for path in photo_paths(data, held=False)]
    held = [read_rgb(path, 200) for path in photo_paths(data, held=True)]
    tests = [batch_at(1_000_000 + i, 7, held, 8) for i in range(6)]
    # Each layer counts relative to its own spread, and the adapters work in units of it.
    spread = [float(tap.std()) for tap in teach(vgg, batch_at(2_000_000, seed, photos, 32))]
    began, saved = time.monotonic(), time.monotonic()
    running = torch.zeros(4)
    for step in range(start, steps):
        warm, left = min(1.0, (step + 1) / 50), max(0.02, 1 - step / steps)
        for group in optimiser.param_groups:
            group["lr"] = 3e-3 * warm * left
        batch = batch_at(step, seed, photos, count)
        targets = teach(vgg, batch)
        taps = encoder.raw(batch.contiguous(memory_format=torch.channels_last))
        parts = [functional.mse_loss(heads[i](taps[i]), targets[i] / spread[i]) for i in range(len(TAP_CHANNELS))]
        optimiser.zero_grad()
        torch.autograd.backward(torch.stack(parts).sum())
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        running = 0.98 * running + 0.02 * torch.stack(parts).detach()
        last = step + 1 == steps
        if (step + 1) % 50 == 0:
            shown = " ".join(f"{float(v) / (1 - 0.98 ** (step + 1 - start)):.3f}" for v in running)
            print(f"step {step + 1}/{steps}  {time.monotonic() - began:.0f} s  loss {shown}", flush=True)
        if last or time.monotonic() - saved > 120:
            saved = time.monotonic()
            state = {
                "encoder": encoder.state_dict(),
                "heads": heads.state_dict(),
                "optimiser": optimiser.state_dict(),
                "step": step + 1,
            }
            checkpoint.save(kept, state)
            scores = correlations(encoder, heads, vgg, spread, tests[: 6 if last else 2])
            print("  held-out correlation " + " ".join(f"{v:.3f}" for v in scores), flush=True)
            calibrate(encoder, [batch_at(3_000_000 + i, seed, photos, 16) for i in range(8)])
            write_bytes(out / "encoder.safetensors", tensor_bytes(encoder.state_dict(), {}))
            report = {"step": step + 1, "correlation": scores, "pictures": (step + 1) * count}
            write_bytes(out / "encoder.json", (json.dumps(report) + "\n").encode("utf-8"))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="folder with photos/train")
    parser.add_argument("--vgg", type=Path, required=True, help="safetensors with conv1_1 ... conv4_1")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=2400)
    parser.add_argument("--batch", type=int, default=12)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    distil(options.data, options.vgg, options.out, options.steps, options.batch)


if __name__ == "__main__":
    run_module(main)
