"""Outlines that need no network: a rule in the place of a U-Net, for the pipeline to ask in the same way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from imaging.preprocess import Grey
from training.preparation import mammography


class Rule(nn.Module):
    """Draws a uint8 `H x W` map from a uint8 `H x W` picture, as a U-Net's lesion probability times 255."""

    def __init__(self, draw: Callable[[Grey], Grey]) -> None:
        super().__init__()
        self.draw = draw

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError("A rule draws on pictures, not on tensors: call draw.")


def build_none(part: dict[str, Any]) -> Rule:
    """No outline at all."""
    return Rule(np.zeros_like)


def build_threshold(part: dict[str, Any]) -> Rule:
    """The breast and its dense regions on a mammogram, by thresholds."""
    return Rule(lambda pixels: mammography.regions(pixels, part["dense_share"]))
