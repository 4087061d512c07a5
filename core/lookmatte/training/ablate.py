"""The paper's Table 3, for lookmatte: what each idea does for faithfulness and for calm.

``python -m lookmatte.training.ablate CONFIG.yaml --data DIR --vgg FILE --out DIR`` trains every variant of
``lookmatte.training.variants`` for 400 steps (``--steps``) from the same seed, and measures them on what none was
trained on: style and colours on held-out pairs, warping error and change consistency on the held-out clips, two
regions of two styles. Two more rows take an idea from the trained full run: the memory (TC, eq. 3) and the mattes
of the statistics (SA, eq. 2).
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import torch

from lookmatte.errors import run_module
from lookmatte.evaluation.motion import flow_and_visibility
from lookmatte.evaluation.pictures import from_tensor
from lookmatte.evaluation.temporal import COLOURS, Steadiness, TemporalScores
from lookmatte.evaluation.vgg import Vgg19
from lookmatte.imaging.wholefile import write_bytes
from lookmatte.networks.model import Model, shipped_path
from lookmatte.training import held_out
from lookmatte.training.config import TrainingConfig, read
from lookmatte.training.data import Clip, Material, Sampler, Scene, fit, load
from lookmatte.training.objective import make_judge, run_scene
from lookmatte.training.train import train
from lookmatte.training.variants import VARIANTS

_SIZE = 256
_FRAMES = 12
_STYLES = 3


def clip_scenes(held: Material, seed: int = 17) -> list[Scene]:
    """The first frames of each held-out clip, object and rest, with some pairs of styles."""
    generator = torch.Generator().manual_seed(seed)
    looks = [photo for photo in held.photos if photo.look] or held.photos
    scenes = []
    for clip in held.clips:
        for _ in range(_STYLES):
            places = torch.randint(0, len(looks), (2,), generator=generator).tolist()
            scenes.append(_scene(clip, [fit(looks[place].rgb, _SIZE) for place in places]))
    return scenes


def _scene(clip: Clip, styles: list[torch.Tensor]) -> Scene:
    count = min(_FRAMES, len(clip.frames), len(clip.masks))
    content = torch.stack([fit(frame, _SIZE) for frame in clip.frames[:count]])
    truth = torch.stack([fit(torch.from_numpy(mask)[None], _SIZE) for mask in clip.masks[:count]])
    repeated = [style.expand(count, -1, -1, -1) for style in styles]
    weights = [torch.ones_like(style[:, :1]) for style in repeated]
    return Scene(content, truth, None, repeated, weights, [[0], [1]], clip=True)


@torch.no_grad()
def steadiness(model: Model, scenes: Sequence[Scene], alpha: float, aware: bool = True) -> TemporalScores:
    """Means over the scenes. ``alpha`` is the memory's weight; ``aware`` False measures features over the whole
    frame, whatever the matte."""
    found = []
    for scene in scenes:
        out = run_scene(model, scene, _SIZE, False, alpha, aware).out.clamp(0.0, 1.0)
        total = Steadiness()
        for t in range(len(out) - 1):
            flow, visible = flow_and_visibility(scene.content[t], scene.content[t + 1], COLOURS)
            plate = (from_tensor(scene.content[t]), from_tensor(scene.content[t + 1]))
            total.add(plate, (from_tensor(out[t]), from_tensor(out[t + 1])), flow, visible)
        found.append(total.scores())
    names = [one.name for one in dataclasses.fields(TemporalScores)]
    return TemporalScores(*(sum(getattr(one, name) for one in found) / len(found) for name in names))


def _row(name: str, picture: dict[str, float], clip: TemporalScores | None) -> str:
    cells = [f"{picture[key]:.3f}" for key in ("vgg", "swd", "ssim_s", "blotch", "gain")]
    cells += ["", ""] if clip is None else [f"{clip.warp:.3f}", f"{clip.tcc:.3f}"]
    return f"| {name} | {' | '.join(cells)} |"


def ablate(config: TrainingConfig, data: Path, vgg: Path, encoder: Path, out: Path) -> list[str]:
    """Train and measure all variants. Returns the rows of a Markdown table; finished runs are not repeated."""
    held = load(data, held=True)
    scenes = clip_scenes(held)
    pairs = held_out.make_pairs(held, config.measuring.whole, config.measuring.split)
    judge = make_judge(Vgg19(vgg), config, Sampler(held, config.styling.size, config.seed, config.styling.batch))
    rows = ["| | vgg | swd | ssim_s | blotch | gain | warping error | TCC |", "|---|---|---|---|---|---|---|---|"]

    def add(name: str, model: Model, amount: float = 1.0, alpha: float | None = None, aware: bool = True) -> None:
        alpha = config.alpha if alpha is None else alpha
        picture = held_out.measure(model, judge, pairs, [amount], aware)[0]
        clip = steadiness(model, scenes, alpha, aware) if scenes and amount > 0.0 else None
        rows.append(_row(name, picture, clip))
        print(rows[-1], flush=True)

    for name, change in VARIANTS.items():
        run = train(change(config), data, vgg, encoder, out / name.replace(" ", "_"))
        if name == "full":
            add("base alone", run.averaged, amount=0.0)
        add(name, run.averaged)
        if name == "full":
            add("without TC (alpha 0)", run.averaged, alpha=0.0)
            add("without SA", run.averaged, aware=False)
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m lookmatte.training.ablate", description="Ablations of a run.")
    parser.add_argument("config", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--vgg", type=Path, required=True)
    parser.add_argument("--encoder", type=Path, help="the shipped model's by default")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=400, help="steps of every variant (default 400)")
    options = parser.parse_args(arguments)
    config = read(options.config)
    config = dataclasses.replace(config, styling=dataclasses.replace(config.styling, steps=options.steps))
    rows = ablate(config, options.data, options.vgg, options.encoder or shipped_path(), options.out)
    write_bytes(options.out / "ablations.md", "\n".join([*rows, ""]).encode("utf-8"))
    return 0


if __name__ == "__main__":
    run_module(main)
