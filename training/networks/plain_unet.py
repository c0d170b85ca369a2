"""The U-Net as first drawn: blocks of two convolutions, pooling, skips, a wide bottleneck; from scratch throughout.

Ronneberger et al. 2015. The side of the convolutions and the widths are the recipe's.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from training.datasets.sample import LABELS


def block(channels_in: int, channels_out: int, kernel: int, dropout: float = 0.0) -> nn.Sequential:
    """Two convolutions of `kernel` x `kernel`, each normalised and rectified; dropout of whole maps behind them."""
    layers: list[nn.Module] = []
    for width in (channels_in, channels_out):
        layers += [
            nn.Conv2d(width, channels_out, kernel, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers, nn.Dropout2d(dropout))


class PlainUNet(nn.Module):
    """Maps float `B x 1 x H x W` in 0..1 to mask logits `B x 1 x H x W`; it weighs no classes, so those logits are 0.

    `H` and `W` are multiples of two to the power of the number of poolings.
    """

    def __init__(self, channels: list[int], kernel: int, dropout: float) -> None:
        super().__init__()
        last = len(channels) - 1
        self.down = nn.ModuleList(
            block(below, above, kernel, dropout if level == last else 0.0)
            for level, (below, above) in enumerate(pairwise([1, *channels]))
        )
        pairs = list(pairwise(channels))[::-1]
        self.widen = nn.ModuleList(nn.ConvTranspose2d(deep, shallow, 2, stride=2) for shallow, deep in pairs)
        self.up = nn.ModuleList(block(2 * shallow, shallow, kernel) for shallow, _ in pairs)
        self.outline = nn.Conv2d(channels[0], 1, 1)

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        maps, skipped = self.down[0]((pixels - 0.5) * 4.0), []
        for level in self.down[1:]:
            skipped.append(maps)
            maps = level(functional.max_pool2d(maps, 2))
        for widen, level in zip(self.widen, self.up, strict=True):
            maps = level(torch.cat([widen(maps), skipped.pop()], dim=1))
        mask_logits = self.outline(maps)
        return mask_logits, mask_logits.new_zeros(pixels.shape[0], len(LABELS))


def build(part: dict[str, Any]) -> PlainUNet:
    """Build the U-Net that the `segmentation` part of a recipe describes."""
    return PlainUNet(part["channels"], part["kernel"], part["dropout"])
