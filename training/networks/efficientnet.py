"""The EfficientNet that judges the segmented picture: MONAI's EfficientNetBN with its embedding exposed."""

from __future__ import annotations

from typing import Any

import torch
from monai.networks.nets import EfficientNetBN
from torch import nn

from training.datasets.sample import LABELS


class LesionClassifier(nn.Module):
    """Maps float `B x 3 x S x S` in 0..1 to class logits `B x 3`; `features` are the last feature maps."""

    def __init__(self, backbone: str, dropout: float) -> None:
        super().__init__()
        self.trunk = EfficientNetBN(backbone, pretrained=False, in_channels=3, num_classes=len(LABELS))
        self.dropout = nn.Dropout(dropout)

    def features(self, pixels: torch.Tensor) -> torch.Tensor:
        """float `B x C x S/32 x S/32` activations before pooling, from which the class activation map is made."""
        trunk = self.trunk
        x = trunk._swish(trunk._bn0(trunk._conv_stem(trunk._conv_stem_padding((pixels - 0.5) * 4.0))))
        for stack in trunk._blocks:
            x = stack(x)
        return trunk._swish(trunk._bn1(trunk._conv_head(trunk._conv_head_padding(x))))

    @property
    def head(self) -> nn.Module:
        return self.trunk._fc

    def embed(self, pixels: torch.Tensor) -> torch.Tensor:
        """float `B x D`, the mean of the last feature maps."""
        return self.features(pixels).mean(dim=(2, 3))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.head(self.dropout(self.embed(pixels)))


def build(part: dict[str, Any]) -> LesionClassifier:
    """Build the classifier that the `classification` part of a recipe describes."""
    return LesionClassifier(part["backbone"], part["dropout"])


def start_from_encoder(classifier: LesionClassifier, encoder: dict[str, torch.Tensor]) -> int:
    """Copy a U-Net encoder's weights (same backbone) into the classifier; the picture is its first channel.

    Returns:
        The number of tensors copied.
    """
    own = classifier.trunk.state_dict()
    copied = {name: tensor for name, tensor in encoder.items() if name in own and own[name].shape == tensor.shape}
    stem = own["_conv_stem.weight"].clone()
    stem[:, :1] = encoder["_conv_stem.weight"]
    stem[:, 1:] *= 0.25  # the new channels start as a whisper, so that the pre-trained first layer is not drowned
    classifier.trunk.load_state_dict({**own, **copied, "_conv_stem.weight": stem})
    return len(copied) + 1
