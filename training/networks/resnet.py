"""MONAI's residual networks (He et al. 2016), in two dimensions and from scratch."""

from __future__ import annotations

from typing import Any

import torch
from monai.networks import nets
from torch import nn
from torch.nn import functional

from training.datasets.sample import LABELS


class TwoQuestions(nn.Module):
    """Two heads, normal or not and benign or malignant, put together as logits of the three classes.

    The logits are logarithms of probabilities: normal = 1 - a, benign = a (1 - m), malignant = a m. Their cross entropy
    is the sum of the two heads' own, where the second head is asked only about pictures that are not normal.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.abnormal = nn.Linear(width, 1)
        self.malignant = nn.Linear(width, 1)

    def forward(self, embedding: torch.Tensor) -> torch.Tensor:
        abnormal, malignant = self.abnormal(embedding).float(), self.malignant(embedding).float()
        by_label = {
            "benign": functional.logsigmoid(abnormal) + functional.logsigmoid(-malignant),
            "malignant": functional.logsigmoid(abnormal) + functional.logsigmoid(malignant),
            "normal": functional.logsigmoid(-abnormal),
        }
        return torch.cat([by_label[label] for label in LABELS], dim=1)


class ResidualClassifier(nn.Module):
    """Maps float `B x 3 x S x S` in 0..1 to class logits `B x 3`."""

    def __init__(self, backbone: str, dropout: float, head: str) -> None:
        super().__init__()
        self.trunk = getattr(nets, backbone)(
            spatial_dims=2, n_input_channels=3, conv1_t_stride=2, num_classes=len(LABELS)
        )
        width = self.trunk.fc.in_features
        self.trunk.fc = None  # the trunk then ends in its embedding
        self.dropout = nn.Dropout(dropout)
        self.head = TwoQuestions(width) if head == "two questions" else nn.Linear(width, len(LABELS))

    def embed(self, pixels: torch.Tensor) -> torch.Tensor:
        """float `B x D`, the mean of the last feature maps."""
        return self.trunk((pixels - 0.5) * 4.0)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.head(self.dropout(self.embed(pixels)))


def build(part: dict[str, Any]) -> ResidualClassifier:
    """Build the network that the `classification` part of a recipe describes."""
    return ResidualClassifier(part["backbone"], part["dropout"], part.get("head", "three classes"))
