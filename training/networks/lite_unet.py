"""A U-Net on an EfficientNet-Lite: the contracting path can start from photographs, and its end weighs the classes.

Ronneberger et al. 2015 (U-Net). All of it runs as convolutions and ReLU, which every engine and half precision like.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from training.networks import imagenet
from training.networks.lite import HEAD_WIDTH, SKIPPED, EfficientNetLite, stage_widths
from training.networks.plain_unet import block
from training.networks.two_questions import TwoQuestions


class LiteUNet(nn.Module):
    """Maps float `B x 1 x H x W` in 0..1 to mask logits `B x 1 x H x W` and class logits `B x 3`.

    `H` and `W` are multiples of 32. The mask is drawn at half the size and enlarged, which costs no Dice that could be
    measured and half the time.

    Args:
        decoder_channels: at 1/16, 1/8, 1/4 and 1/2 of the picture's size.
    """

    def __init__(self, size: str, decoder_channels: list[int], dropout: float) -> None:
        super().__init__()
        widths = stage_widths(size)
        self.encoder = EfficientNetLite(size, channels=1)
        self.encoder._fc = nn.Identity()  # the thousand kinds of photographs end here
        skipped = [widths[number] for number in SKIPPED[::-1]]
        self.up = nn.ModuleList(
            block(below + skip, above, kernel=3)
            for (below, above), skip in zip(pairwise([widths[-1], *decoder_channels]), skipped, strict=True)
        )
        self.outline = nn.Conv2d(decoder_channels[-1], 1, 1)
        self.dropout = nn.Dropout(dropout)
        self.class_head = TwoQuestions(HEAD_WIDTH)

    @property
    def evidence(self) -> torch.Tensor:
        """float `3 x 1280`: how much each of the last feature maps speaks for each class."""
        return self.class_head.evidence

    def parts(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mask logits `B x 1 x H x W` and the feature maps `B x 1280 x H/32 x W/32` whose mean is the embedding."""
        maps = self.encoder.maps(pixels)
        drawn = maps[-1]
        for level, skip in zip(self.up, maps[-2::-1], strict=True):
            drawn = level(torch.cat([functional.interpolate(drawn, scale_factor=2.0), skip], dim=1))
        mask = functional.interpolate(self.outline(drawn), scale_factor=2.0, mode="bilinear", align_corners=False)
        return mask, self.encoder.features(maps[-1])

    def embed(self, pixels: torch.Tensor) -> torch.Tensor:
        """float `B x 1280`, the mean of the last feature maps."""
        return self.encoder.features(self.encoder.maps(pixels)[-1]).mean(dim=(2, 3))

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        mask_logits, maps = self.parts(pixels)
        return mask_logits, self.class_head(self.dropout(maps.mean(dim=(2, 3))))


def build(part: dict[str, Any]) -> LiteUNet:
    """Build the U-Net that the `segmentation` part of a recipe describes, from `start: imagenet` or from chance.

    Raises:
        ValueError: there is no such start.
    """
    network = LiteUNet(part["backbone"], part["decoder_channels"], part["dropout"])
    if part["start"] not in imagenet.STARTS:
        raise ValueError(f"No start '{part['start']}'. Known: {', '.join(imagenet.STARTS)}.")
    if part["start"] == "imagenet":
        imagenet.start(network.encoder, part["backbone"])
    return network
