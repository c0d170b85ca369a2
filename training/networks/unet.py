"""The U-Net that outlines the lesion: MONAI's FlexibleUNet (encoder, skips, decoder) with an auxiliary class head.

Ronneberger et al. 2015 (U-Net), Tan and Le 2019 (EfficientNet as the contracting path).
"""

from __future__ import annotations

from typing import Any

import torch
from monai.networks.nets import FlexibleUNet
from torch import nn

from training.datasets.sample import LABELS


class LesionUNet(nn.Module):
    """Maps float `B x 1 x H x W` in 0..1 to mask logits `B x 1 x H x W` and class logits `B x 3`."""

    def __init__(self, backbone: str, decoder_channels: list[int]) -> None:
        super().__init__()
        self.unet = FlexibleUNet(
            1, 1, backbone, pretrained=False, decoder_channels=tuple(decoder_channels), is_pad=False
        )
        width = self.unet.encoder._blocks[-1][-1]._bn2.num_features
        self.class_head = nn.Sequential(nn.Dropout(0.3), nn.Linear(width, len(LABELS)))

    @property
    def evidence(self) -> torch.Tensor:
        """float `3 x C`: how much each of the deepest feature maps speaks for each class."""
        weight: torch.Tensor = self.class_head[-1].weight
        return weight

    def parts(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mask logits `B x 1 x H x W` and the deepest feature maps `B x C x H/32 x W/32`."""
        features = self.unet.encoder((pixels - 0.5) * 4.0)
        decoded = self.unet.decoder(features, self.unet.skip_connect)
        return self.unet.segmentation_head(decoded), features[-1]

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        mask_logits, maps = self.parts(pixels)
        return mask_logits, self.class_head(maps.mean(dim=(2, 3)))


def build(part: dict[str, Any]) -> LesionUNet:
    """Build the U-Net that the `segmentation` part of a recipe describes."""
    return LesionUNet(part["backbone"], part["decoder_channels"])
