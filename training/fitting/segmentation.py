"""Stage one: trains what outlines the lesion and asks it for lesion probabilities."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from imaging.preprocess import Grey, fit, restore
from training.datasets.sample import LABELS, Sample
from training.fitting.loop import device, fit_network
from training.fitting.losses import segmentation_loss
from training.networks import OUTLINES
from training.networks.lite_unet import LiteUNet
from training.networks.rule import Rule
from training.preparation import augment, wear
from training.preparation.packing import Packed, pack_for_segmentation
from training.preparation.provenance import names


def train(part: dict[str, Any], samples: list[Sample], folder: Path, seed: int) -> nn.Module:
    """Train what outlines, as a recipe part says, on `samples`; resumable in `folder`. A rule needs no training.

    Raises:
        ValueError: the folder holds a network that was trained otherwise.
    """
    torch.manual_seed(seed)  # of the random start
    network = OUTLINES[part["network"]](part)
    if isinstance(network, Rule):
        return network

    def pack_at(size: int) -> Packed:
        return pack_for_segmentation(samples, size)

    def step(
        network: nn.Module, inputs: torch.Tensor, labels: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        with torch.no_grad(), torch.autocast(inputs.device.type, enabled=False):
            moved = augment.geometry(inputs.float() / 255, generator, **part.get("geometry", {}))
            seen = wear.worn(moved[:, :1], generator) if part.get("wear") else moved[:, :1]
            picture = augment.intensity(seen, generator).to(memory_format=torch.channels_last)
            mask = (moved[:, 1:] >= 0.5).float()
        mask_logits, class_logits = network(picture)
        return segmentation_loss(mask_logits.float(), class_logits.float(), mask, labels, part["class_loss"])

    return fit_network(network, part, pack_at, step, folder, seed, origin=names(samples))


def probabilities(network: nn.Module, pixels: list[Grey], size: int, batch_size: int = 16) -> list[Grey]:
    """Lesion probability maps (uint8, times 255) at the size of each picture; as served: no mirrored average."""
    return read(network, pixels, size, batch_size)[0]


@torch.inference_mode()
def embeddings(network: LiteUNet, squares: list[Grey], batch_size: int = 16) -> NDArray[np.float32]:
    """float32 `N x 1280` of uint8 `S x S` letterboxed pictures."""
    found = []
    for start in range(0, len(squares), batch_size):
        batch = torch.from_numpy(np.stack(squares[start : start + batch_size]))[:, None].to(device()).float() / 255
        found.append(network.embed(batch.to(memory_format=torch.channels_last)).float().cpu().numpy())
    return np.concatenate(found)


@torch.inference_mode()
def read(
    network: nn.Module, pixels: list[Grey], size: int, batch_size: int = 16
) -> tuple[list[Grey], NDArray[np.float32]]:
    """Lesion probability maps as in `probabilities`, and the U-Net's own class logits, float32 `N x 3`."""
    if isinstance(network, Rule):
        return [network.draw(picture) for picture in pixels], np.zeros((len(pixels), len(LABELS)), dtype=np.float32)
    maps: list[Grey] = []
    weighed = [np.zeros((0, len(LABELS)), dtype=np.float32)]
    for start in range(0, len(pixels), batch_size):
        fitted = [fit(picture, size) for picture in pixels[start : start + batch_size]]
        batch = torch.from_numpy(np.stack([square for square, _ in fitted]))[:, None].to(device()).float() / 255
        logits, class_logits = network(batch.to(memory_format=torch.channels_last))
        weighed.append(class_logits.float().cpu().numpy())
        squares = (torch.sigmoid(logits[:, 0].float()) * 255).round().to(torch.uint8).cpu().numpy()
        maps.extend(restore(square, place) for square, (_, place) in zip(squares, fitted, strict=True))
    return maps, np.concatenate(weighed)
