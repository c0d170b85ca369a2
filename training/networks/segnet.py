"""SegNet as a judge: it weighs the classes for every pixel, and the pixels of the lesion vote.

Badrinarayanan et al. 2017: the decoder puts each value back where the encoder's pooling took it from.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from training.datasets.sample import LABELS
from training.networks.plain_unet import block


class SegNetClassifier(nn.Module):
    """Maps float `B x 3 x S x S` in 0..1 (picture, lesion probability, picture under it) to class logits `B x 3`."""

    def __init__(self, channels: list[int], kernel: int, dropout: float) -> None:
        super().__init__()
        self.down = nn.ModuleList(block(below, above, kernel) for below, above in pairwise([3, *channels]))
        self.up = nn.ModuleList(
            block(deep, shallow, kernel) for shallow, deep in zip([channels[0], *channels], channels, strict=False)
        )
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(channels[0], len(LABELS))

    def feature_maps(self, pixels: torch.Tensor) -> torch.Tensor:
        """float `B x C x S x S`: what is known of every pixel."""
        maps, places = (pixels - 0.5) * 4.0, []
        for level in self.down:
            maps, taken_from = functional.max_pool2d(level(maps), 2, return_indices=True)
            places.append(taken_from)
        for level in list(self.up)[::-1]:
            maps = level(functional.max_unpool2d(maps, places.pop(), 2))
        return maps

    def embed(self, pixels: torch.Tensor) -> torch.Tensor:
        """float `B x C`: the mean over the lesion's pixels, each as probable as the outline says."""
        weight = pixels[:, 1:2] + 1e-3  # without an outline all pixels vote
        return (self.feature_maps(pixels).float() * weight).sum(dim=(2, 3)) / weight.sum(dim=(2, 3))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.head(self.dropout(self.embed(pixels)))


def build(part: dict[str, Any]) -> SegNetClassifier:
    """Build the network that the `classification` part of a recipe describes."""
    return SegNetClassifier(part["channels"], part["kernel"], part["dropout"])
