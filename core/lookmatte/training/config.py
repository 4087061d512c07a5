"""A training run's configuration: a YAML file, checked key by key."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from lookmatte.errors import InputError, nearest


@dataclass(frozen=True)
class Weights:
    """lambda of eq. 8 for each loss; 0 leaves a loss out, and its cost with it."""

    style: float = 1.0
    content: float = 0.0
    structure: float = 3.0
    gain: float = 0.5
    range: float = 1.5
    smoothness: float = 100.0
    colour: float = 0.05
    keep: float = 0.1
    guide: float = 1.5
    mask: float = 1.0
    temporal: float = 5.0
    compound: float = 2.0


@dataclass(frozen=True)
class Styling:
    """Predictor and guide, with the encoder frozen. ``size`` is the side at which the
    judge looks; one step in ``clip_every`` is a clip; ``split`` of the others have two regions, half of
    those blended in the grid.
    One step in ``compound_every`` asks for the same look of a bent, noisy copy. ``guide`` is
    pointwise, as it ships, or window, the paper's 3x3 convolutions, for comparison."""

    steps: int = 2500
    batch: int = 3
    rate: float = 1e-3
    size: int = 192
    clip_every: int = 5
    clip_frames: int = 5
    split: float = 0.4
    average: float = 0.995
    precision: str = "bfloat16"
    compound_every: int = 3
    guide: str = "pointwise"


@dataclass(frozen=True)
class Measuring:
    """How many held-out pairs are scored: whole frames, and frames of two regions."""

    whole: int = 16
    split: int = 8


@dataclass(frozen=True)
class TrainingConfig:
    """Everything that a run depends on, besides the data."""

    seed: int = 1
    base: str = "transport"
    alpha: float = 0.6
    residual: float = 1.0
    threads: int = 2
    minutes_between_checkpoints: float = 3.0
    minutes_between_measurements: float = 6.0
    styling: Styling = field(default_factory=Styling)
    measuring: Measuring = field(default_factory=Measuring)
    weights: Weights = field(default_factory=Weights)


def read(path: Path) -> TrainingConfig:
    """Read a configuration. InputError, naming the key and the nearest valid one, for anything unknown."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{path}: cannot be read as YAML ({' '.join(str(error).split())})") from error
    config: TrainingConfig = _fill(TrainingConfig, values or {}, path.name)
    if config.styling.precision not in ("float32", "bfloat16"):
        raise InputError(f"{path.name}: styling.precision is float32 or bfloat16, not {config.styling.precision!r}")
    if config.styling.guide not in ("pointwise", "window"):
        raise InputError(f"{path.name}: styling.guide is pointwise or window, not {config.styling.guide!r}")
    return config


def _fill(kind: Any, values: Any, where: str) -> Any:
    if not isinstance(values, dict):
        raise InputError(f"{where}: expected keys and values, not {values!r}")
    fields = {one.name: one for one in dataclasses.fields(kind)}
    made: dict[str, Any] = {}
    for key, value in values.items():
        if key not in fields:
            raise InputError(f"{where}: unknown key {key!r}{nearest(str(key), fields)}")
        default = fields[key].default
        if default is dataclasses.MISSING:
            made[key] = _fill(fields[key].default_factory, value, f"{where}: {key}")
            continue
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if isinstance(default, float) and number:
            made[key] = float(value)
        elif type(value) is type(default):
            made[key] = value
        else:
            raise InputError(f"{where}: {key} takes a {type(default).__name__}, not {value!r}")
    return kind(**made)
