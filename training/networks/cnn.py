"""A small network of 5 x 5 convolutions with dense layers behind them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import nn

from training.datasets.sample import LABELS


class ConvolutionalClassifier(nn.Module):
    """Maps float `B x 3 x S x S` in 0..1 to class logits `B x 3`, through dense layers of the recipe's widths."""

    def __init__(self, channels: list[int], kernel: int, dense: list[int], dropout: float) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for below, above in pairwise([3, *channels]):
            layers += [
                nn.Conv2d(below, above, kernel, padding=kernel // 2, bias=False),
                nn.BatchNorm2d(above),
                nn.ReLU(inplace=True),
                nn.MaxPool2d(2),
            ]
        self.convolutions = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(4), nn.Flatten())
        widths = [channels[-1] * 16, *dense]
        self.dense = nn.ModuleList(nn.Linear(below, above) for below, above in pairwise(widths))
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(widths[-1], len(LABELS))

    def embed(self, pixels: torch.Tensor) -> torch.Tensor:
        """float `B x D` activations of the last dense layer."""
        found = self.convolutions((pixels - 0.5) * 4.0)
        for layer in self.dense:
            found = torch.relu(layer(self.dropout(found)))
        return found

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.head(self.embed(pixels))


def build(part: dict[str, Any]) -> ConvolutionalClassifier:
    """Build the network that the `classification` part of a recipe describes."""
    return ConvolutionalClassifier(part["channels"], part["kernel"], part["dense"], part["dropout"])
