"""Stage one: trains what outlines the lesion and asks it for lesion probabilities."""

from __future__ import annotations

from dataclasses import dataclass
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
    return read(network, pixels, size, batch_size).maps


@torch.inference_mode()
def embeddings(network: LiteUNet, squares: list[Grey], batch_size: int = 16) -> NDArray[np.float32]:
    """float32 `N x 1280` of uint8 `S x S` letterboxed pictures."""
    found = []
    for start in range(0, len(squares), batch_size):
        batch = torch.from_numpy(np.stack(squares[start : start + batch_size]))[:, None].to(device()).float() / 255
        found.append(network.embed(batch.to(memory_format=torch.channels_last)).float().cpu().numpy())
    return np.concatenate(found)


@dataclass(frozen=True)
class Drawn:
    """What a network that outlines says of pictures.

    `maps` are lesion probabilities, uint8 (times 255) at the size of each picture; `class_logits` float32 `N x 3` those
    of its own head, 0 where it has none; `embeddings` float32 `N x D` what that head saw, empty where there is none.
    """

    maps: list[Grey]
    class_logits: NDArray[np.float32]
    embeddings: NDArray[np.float32]


@torch.inference_mode()
def read(network: nn.Module, pixels: list[Grey], size: int, batch_size: int = 16) -> Drawn:
    """Outline pictures, uint8 `H x W` each, as they are served: no mirrored average."""
    if isinstance(network, Rule):
        nothing = np.zeros((len(pixels), len(LABELS)), dtype=np.float32)
        return Drawn([network.draw(picture) for picture in pixels], nothing, nothing[:, :0])
    maps: list[Grey] = []
    weighed, embedded = [np.zeros((0, len(LABELS)), dtype=np.float32)], []
    for start in range(0, len(pixels), batch_size):
        fitted = [fit(picture, size) for picture in pixels[start : start + batch_size]]
        batch = torch.from_numpy(np.stack([square for square, _ in fitted]))[:, None].to(device()).float() / 255
        logits, class_logits, embedding = _asked(network, batch.to(memory_format=torch.channels_last))
        weighed.append(class_logits.float().cpu().numpy())
        embedded.append(embedding.float().cpu().numpy())
        squares = (torch.sigmoid(logits[:, 0].float()) * 255).round().to(torch.uint8).cpu().numpy()
        maps.extend(restore(square, place) for square, (_, place) in zip(squares, fitted, strict=True))
    return Drawn(maps, np.concatenate(weighed), np.concatenate([*embedded] or [weighed[0][:, :0]]))


def _asked(network: nn.Module, batch: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Mask logits, class logits and embedding of a batch, in one pass."""
    if isinstance(network, LiteUNet):
        mask_logits, maps = network.parts(batch)
        embedding = maps.mean(dim=(2, 3))
        return mask_logits, network.class_head(embedding), embedding
    mask_logits, class_logits = network(batch)
    return mask_logits, class_logits, class_logits[:, :0]
