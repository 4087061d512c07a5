"""A still look as a module that TorchScript can hold: what ``bilateral.apply`` says of one region, with one grid.

It is scripted once, by torch 1.6: Nuke 13 has no newer one, and all newer ones load what it writes. So it keeps to
what torch 1.6 and Python 3.8 know, and imports nothing of lookmatte. ``make_template.py`` scripts it, and
``archive.py`` fills its tensors.
"""

import torch
from torch import Tensor, nn


class StillLook(nn.Module):
    """Style a picture (1, 4, H, W), full frame, top row first: straight linear colour of the plate's space, and a
    matte in [0, 1] as the fourth channel, which is the weight of the look and is handed through. Without a fourth
    channel the weight is 1; more channels are handed through. Half precision is that of input and output alone.

    ``strength`` is an attribute, so that it is a knob in Nuke. Pixels of weight 0, with strength 0, or with NaN or
    infinity keep their values.
    """

    grid: Tensor
    to_rec709: Tensor
    from_rec709: Tensor
    w1: Tensor
    b1: Tensor
    w2: Tensor
    b2: Tensor

    __constants__ = ("knee", "line", "offset", "power", "slope", "reach", "sway", "largest", "rounding", "pixels")

    def __init__(self) -> None:
        super().__init__()
        self.strength = 1.0
        self.register_buffer("grid", torch.zeros(1, 12, 8, 16, 16))
        self.register_buffer("to_rec709", torch.zeros(3, 3))
        self.register_buffer("from_rec709", torch.zeros(3, 3))
        self.register_buffer("w1", torch.zeros(16, 3))
        self.register_buffer("b1", torch.zeros(16))  # what the guide sees of the matte is in it
        self.register_buffer("w2", torch.zeros(16))
        self.register_buffer("b2", torch.zeros(1))
        # The working encoding: sRGB's curve, and its slope at 1 above it.
        self.knee, self.line, self.offset, self.power = 0.0031308, 12.92, 0.055, 2.4
        self.slope = 1.055 / 2.4
        self.reach = 2.9 * 0.6931471805599453 * 1.055 / 2.4  # of a highlight, 2.9 stops
        self.sway = 0.25  # of the guide around luma
        self.largest = 65504.0
        self.rounding = 1e-6
        self.pixels = 1 << 20  # of a band: they take some 200 bytes each

    def forward(self, x: Tensor) -> Tensor:
        rows = x.shape[2]
        step = max(1, self.pixels // max(x.shape[3], 1))
        bands = [x[:, :, :0]]
        for first in range(0, rows, step):
            bands.append(self.band(x[:, :, first : first + step], first, rows))
        return torch.cat(bands, 2)

    def band(self, x: Tensor, first: int, rows: int) -> Tensor:
        """Rows from ``first`` on, of ``rows``."""
        stored = x[:, :3].float()
        weight = torch.ones_like(stored[:, :1])
        if x.shape[1] > 3:
            weight = x[:, 3:4].float()
        sound = torch.isfinite(weight)
        weight = torch.where(sound, weight, torch.zeros_like(weight)).clamp(0.0, 1.0)
        sound = torch.isfinite(stored).all(1, keepdim=True)
        linear = self.mixed(self.to_rec709, torch.where(sound, stored, torch.zeros_like(stored)))
        sound = sound & torch.isfinite(linear).all(1, keepdim=True)
        encoded = self.encode(torch.where(sound, linear, torch.zeros_like(linear)))
        clamped = encoded.clamp(0.0, 1.0)

        looked = self.affine(clamped, first, rows)
        looked = clamped + self.strength * (looked - clamped)
        left = 1.0 - weight
        left = torch.where(left > self.rounding, left, torch.zeros_like(left))
        styled = (weight * looked + left * clamped).clamp(min=0.0)
        above = encoded - clamped
        bounded = styled.clamp(1.0 - self.reach, 1.0 + self.reach)
        styled = self.decode(styled + above.clamp(0.0, 1.0) * (bounded - styled) + above)

        styled = self.mixed(self.from_rec709, styled)
        styled = torch.where(stored >= 0.0, styled.clamp(min=0.0), styled)
        sound = sound & (weight > 0.0) & (styled == styled).all(1, keepdim=True)
        if self.strength <= 0.0:
            sound = torch.zeros_like(sound)
        styled = torch.where(sound, styled.clamp(-self.largest, self.largest), stored)
        return torch.cat([styled.to(x.dtype), x[:, 3:]], 1)

    def mixed(self, matrix: Tensor, colour: Tensor) -> Tensor:
        """A 3x3 times (1, 3, h, w) colours."""
        return torch.matmul(matrix.float(), colour.flatten(2)).view_as(colour)

    def encode(self, linear: Tensor) -> Tensor:
        """W of any finite colours."""
        size = linear.abs()
        encoded = size.clamp(self.knee, 1.0).pow(1.0 / self.power) * (1.0 + self.offset) - self.offset
        encoded = torch.where(size <= self.knee, self.line * size, encoded)
        encoded = torch.where(size <= 1.0, encoded, 1.0 + self.slope * size.clamp(min=1.0).log())
        return encoded * linear.sign()

    def decode(self, encoded: Tensor) -> Tensor:
        """The inverse of W."""
        size = encoded.abs()
        linear = ((size.clamp(self.knee * self.line, 1.0) + self.offset) / (1.0 + self.offset)).pow(self.power)
        linear = torch.where(size <= self.knee * self.line, size / self.line, linear)
        linear = torch.where(size <= 1.0, linear, ((size.clamp(min=1.0) - 1.0) / self.slope).exp())
        return linear * encoded.sign()

    def guide(self, colour: Tensor) -> Tensor:
        """Where between the grid's bins (1, 3, h, w) colours in [0, 1] lie: (1, h, w) in [0, 1]."""
        luma = 0.2126 * colour[:, 0] + 0.7152 * colour[:, 1] + 0.0722 * colour[:, 2]
        hidden = torch.matmul(self.w1.float(), colour.flatten(2)) + self.b1.float().unsqueeze(1)
        swayed = torch.tanh(0.5 * (torch.matmul(self.w2.float(), hidden.clamp(min=0.0)) + self.b2.float()))
        return (luma + self.sway * swayed.view_as(luma)).clamp(0.0, 1.0)

    def affine(self, colour: Tensor, first: int, rows: int) -> Tensor:
        """(1, 3, h, w) colours in [0, 1] through the affines that the grid has where they are."""
        high, wide = colour.shape[2], colour.shape[3]
        z = self.guide(colour)
        y = (torch.arange(high, device=colour.device).float() + float(first) + 0.5) / float(rows)
        x = (torch.arange(wide, device=colour.device).float() + 0.5) / float(wide)
        place = torch.stack([x.view(1, 1, wide).expand_as(z), y.view(1, high, 1).expand_as(z), z], 3) * 2.0 - 1.0
        found = torch.nn.functional.grid_sample(
            self.grid.float(), place.unsqueeze(1), "bilinear", "border", False
        ).squeeze(2)
        red, green, blue = colour[:, :1], colour[:, 1:2], colour[:, 2:3]
        return found[:, 0::4] * red + found[:, 1::4] * green + found[:, 2::4] * blue + found[:, 3::4]
