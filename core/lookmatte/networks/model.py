"""All that is learned, in one file: encoder, predictor and guide, with how they are to be used."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from lookmatte.bilateral.guide import GuideWeights
from lookmatte.errors import InputError, nearest, short
from lookmatte.imaging.wholefile import write_bytes
from lookmatte.networks.codes import FrameStatistics, StyleCode
from lookmatte.networks.encoder import ENCODER_SIZE, Encoder
from lookmatte.networks.guide import Guide
from lookmatte.networks.predictor import Predictor
from lookmatte.networks.tensorfile import digest, read_tensors, tensor_bytes

PROXY_SIZE = 256
FORMAT = 1
SHIPPED = "lookmatte-v1.safetensors"

_BASES = ("transport", "none")
_ENCODING = "lookmatte-w1"


@dataclass(frozen=True)
class ModelConfig:
    """How the weights are to be used; stored beside them.

    ``base``: "transport" (the residual is composed after the OKLab transport) or "none" (the paper's form);
    ``alpha``: weight of the previous frame's statistics in `coherent` mode (eq. 5, 6), in [0, 1);
    ``residual``: share of the residual that the weights were judged best at, in [0, 1];
    ``encoding``: the working encoding that they were trained on.
    """

    base: str = "transport"
    alpha: float = 0.6
    residual: float = 1.0
    encoding: str = _ENCODING
    format: int = FORMAT

    def __post_init__(self) -> None:
        if self.base not in _BASES:
            raise InputError(f"model: base {short(self.base)} is unknown{nearest(short(self.base), _BASES)}")
        if not 0.0 <= self.alpha < 1.0 or not 0.0 <= self.residual <= 1.0:
            given = f"alpha {short(self.alpha)} or residual {short(self.residual)}"
            raise InputError(f"model: {given} is outside [0, 1]")
        if self.format != FORMAT or self.encoding != _ENCODING:
            raise InputError(
                f"model: format {short(self.format)} with encoding {short(self.encoding)} needs another lookmatte; "
                f"this one reads format {FORMAT} with {_ENCODING!r}"
            )


def shipped_path() -> Path:
    """The weights that come with lookmatte: in the installed package, or in the repository's models folder.

    InputError when neither has them.
    """
    package = Path(__file__).resolve().parents[1]
    candidates = (package / "weights" / SHIPPED, package.parents[1] / "models" / SHIPPED)
    for path in candidates:
        if path.is_file():
            return path
    raise InputError(
        f"{SHIPPED}: the shipped weights are missing from this installation; "
        "install lookmatte again or name a model"
    )


class Model(nn.Module):
    """The networks and their configuration. Made by :meth:`load`; ``Model()`` alone is untrained.

    An untrained model predicts identity residuals, so it renders the transport base alone.
    """

    def __init__(self, config: ModelConfig | None = None) -> None:
        super().__init__()
        self.config = config or ModelConfig()
        self.encoder = Encoder()
        self.predictor = Predictor()
        self.guide = Guide()

    @property
    def checksum(self) -> str:
        """SHA-256 of the weights and the configuration, hexadecimal: what a bake records."""
        weights = digest(dict(self.state_dict()))
        return hashlib.sha256((weights + self._config_text()).encode()).hexdigest()

    def guide_weights(self) -> GuideWeights:
        """The guide's weights for the pixel kernels, detached."""
        return self.guide.detached()

    def _config_text(self) -> str:
        return json.dumps(dataclasses.asdict(self.config), sort_keys=True)

    def encode_style(self, rgb: Tensor, weight: Tensor) -> StyleCode:
        """Reduce a style to its code.

        ``rgb`` (B, 3, h, w) in the working encoding, any size; ``weight`` (B, 1, h, w) >= 0 chooses a part
        of it. Both are area-averaged to 128x128, colours in proportion to their weight.
        """
        rgb = torch.nan_to_num(rgb).clamp(0.0, 1.0)
        weight = torch.nan_to_num(weight).clamp(0.0, 1.0)
        picture, matte = _reduce(rgb, weight)
        code: StyleCode = self.predictor.encode(self.encoder(picture), matte)
        return code

    def predict(
        self,
        content: Tensor,
        matte: Tensor,
        style: StyleCode,
        previous: FrameStatistics | None = None,
        alpha: float = 0.0,
    ) -> tuple[Tensor, FrameStatistics]:
        """Predict the residual grid of each region, to be composed after its base.

        ``content`` (B, 3, 256, 256) is the proxy in the working encoding WITH THE REGION'S BASE APPLIED;
        ``matte`` (B, 1, 256, 256) in [0, 1]. Returns (B, 12, 8, 16, 16) and the statistics that were used:
        give them back as ``previous`` with ``alpha`` for `coherent`, or averaged over a shot with alpha 1
        for `shot`.
        """
        content = torch.nan_to_num(content).clamp(0.0, 1.0)
        matte = torch.nan_to_num(matte).clamp(0.0, 1.0)
        if content.shape[-1] != ENCODER_SIZE:
            content = functional.adaptive_avg_pool2d(content, ENCODER_SIZE)
            matte = functional.adaptive_avg_pool2d(matte, ENCODER_SIZE)
        grid, used = self.predictor(self.encoder(content), matte, style, previous, alpha)
        return grid, used

    def save(self, path: Path) -> None:
        """Write weights, configuration and checksum to one safetensors file; it appears whole or not at
        all."""
        tensors = dict(self.state_dict())
        write_bytes(path, tensor_bytes(tensors, {"lookmatte": self._config_text(), "sha256": digest(tensors)}))

    @staticmethod
    def load(path: Path | None = None) -> Model:
        """Read a model, frozen and ready to predict; the shipped one when ``path`` is None.

        InputError, in one line, when the file is missing, damaged, not lookmatte's, or made for another
        version.
        """
        source = shipped_path() if path is None else Path(path)
        try:
            metadata, tensors = read_tensors(source)
        except FileNotFoundError:
            raise InputError(f"{source}: no such model file") from None
        except OSError as error:
            raise InputError(f"{source}: cannot be read ({error.strerror})") from None
        except ValueError as error:
            raise InputError(f"{source}: not a safetensors file, or a damaged one ({short(error)})") from error
        if "lookmatte" not in metadata:
            raise InputError(f"{source}: these are not lookmatte's weights (its metadata has no such entry)")
        if metadata.get("sha256") != digest(tensors):
            raise InputError(f"{source}: the weights do not match their checksum; copy the file again")
        model = Model(_config(source, metadata["lookmatte"]))
        expected = model.state_dict()
        wrong = [
            key
            for key in sorted(expected.keys() | tensors.keys())
            if key not in expected or key not in tensors or expected[key].shape != tensors[key].shape
        ]
        if wrong:
            raise InputError(
                f"{source}: {len(wrong)} tensors are missing, unknown or of another shape, "
                f"{wrong[0]!r} first; the file belongs to another version of lookmatte"
            )
        model.load_state_dict(tensors)
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return model.eval().requires_grad_(False)


def _config(source: Path, text: str) -> ModelConfig:
    try:
        values = json.loads(text)
        return ModelConfig(**values)
    except (ValueError, TypeError, RecursionError) as error:
        raise InputError(f"{source}: its configuration cannot be read ({short(error)})") from error
    except InputError as error:
        raise InputError(f"{source}: {error}") from error


def _reduce(rgb: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Area averages of both at the encoder's size; where nothing has weight, the plain average colour."""
    size = (ENCODER_SIZE, ENCODER_SIZE)

    def area(x: Tensor) -> Tensor:
        if x.shape[-2] < ENCODER_SIZE or x.shape[-1] < ENCODER_SIZE:
            return functional.interpolate(x, size, mode="bilinear", align_corners=False, antialias=True)
        return functional.adaptive_avg_pool2d(x, size)

    matte = area(weight)
    coloured = area(rgb * weight) / matte.clamp_min(1e-6)
    return torch.where(matte > 1e-3, coloured, area(rgb)), matte
