"""A small convolutional network that says how pixels are arranged: several images, inverted greys, a photo of a screen.

It sees the whole image squashed to a square: a seam stays a seam, whatever the ratio of the sides.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn

from training.preparation.arranged import KINDS

_WIDTHS = (12, 24, 40, 64, 96)


class LayoutNet(nn.Module):
    """Five halvings, then the mean and the maximum over what is left."""

    def __init__(self) -> None:
        super().__init__()
        widths = (1, *_WIDTHS)
        self.features = nn.Sequential(*(_halving(a, b) for a, b in pairwise(widths)))
        self.mixing = nn.Sequential(
            nn.Conv2d(_WIDTHS[-1], _WIDTHS[-1], 3, padding=1, bias=False), nn.BatchNorm2d(_WIDTHS[-1]), nn.ReLU()
        )
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(2 * _WIDTHS[-1], len(KINDS)))

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """Logits, float `B x 3` in the order of `KINDS`, of uint8 or float `B x 1 x S x S` in 0..255."""
        found = self.mixing(self.features(picture.float() / 127.5 - 1))
        seen: torch.Tensor = self.head(torch.cat([found.mean(dim=(2, 3)), found.amax(dim=(2, 3))], dim=1))
        return seen


def _halving(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )
