"""No network of its own judges: the U-Net's class head does, from the whole picture."""

from __future__ import annotations

import torch
from torch import nn

from training.networks.lite_unet import LiteUNet


class OwnHead(nn.Module):
    """The judge that a `LiteUNet` is already. It sees the whole picture, which is the first of three channels."""

    def __init__(self, unet: LiteUNet) -> None:
        super().__init__()
        self.unet = unet

    @property
    def head(self) -> nn.Module:
        return self.unet.class_head

    def embed(self, pixels: torch.Tensor) -> torch.Tensor:
        """float `B x 1280` of float `B x 3 x S x S` in 0..1."""
        return self.unet.embed(pixels[:, :1])

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(self.embed(pixels))
        return logits
