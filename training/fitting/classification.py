"""Stage two: trains what judges the segmented pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from imaging.postprocess import box_of, largest_part, mask_of
from imaging.preprocess import Grey, segmented
from training.datasets.sample import Sample
from training.fitting.loop import fit_network
from training.networks import JUDGES, efficientnet
from training.preparation import augment
from training.preparation.enhancement import enhance
from training.preparation.packing import Packed
from training.preparation.provenance import names

BEGINNINGS: dict[str, Callable[[Any, dict[str, torch.Tensor]], object]] = {  # what weights from before are
    "efficientnet": efficientnet.start_from_encoder,  # a U-Net's contracting path
    "widened-efficientnet": nn.Module.load_state_dict,  # the whole network, distilled
}


def classifier_input(
    pixels: Grey, probability: Grey, part: dict[str, Any], mask: dict[str, float], size: int
) -> NDArray[np.uint8]:
    """uint8 `3 x size x size`, exactly as the web product prepares it; enhanced where the recipe says so."""
    lesion = mask_of(probability, mask["threshold"], mask["smallest_share"])
    box = box_of(largest_part(lesion)) if part["input"] != "raw" else None
    return segmented(enhance(pixels, part.get("enhancement", [])), probability, box, part["border"], size)


def seen_by_classifier(sample: Sample, probability: Grey, part: dict[str, Any]) -> Grey:
    """The probability map that the recipe hands on: the U-Net's, the expert's, or none."""
    if part["input"] == "truemask":
        pixels = sample.pixels()
        return sample.mask(*pixels.shape).astype(np.uint8) * 255
    return np.zeros_like(probability) if part["input"] == "raw" else probability


def train(
    part: dict[str, Any],
    mask: dict[str, float],
    samples: list[Sample],
    draw_maps: Callable[[], list[Grey]],
    encoder: dict[str, torch.Tensor] | None,
    folder: Path,
    seed: int,
    drawn_by: object,
) -> nn.Module:
    """Train the classifier of a recipe part.

    Args:
        draw_maps: gives the out-of-fold lesion probability maps (uint8) of `samples`, in their order; asked only when
            there is something to train.
        encoder: weights to start from, as `BEGINNINGS` says of the network, or None for the start that it has itself.
        drawn_by: what decides maps and encoder, as JSON can hold it.

    Raises:
        ValueError: the folder holds a network that was trained otherwise.
    """

    def pack_at(size: int) -> Packed:
        inputs, labels, strata = [], [], []
        for sample, probability in zip(samples, draw_maps(), strict=True):
            handed_on = seen_by_classifier(sample, probability, part)
            inputs.append(classifier_input(sample.pixels(), handed_on, part, mask, size))
            labels.append(sample.class_index)
            strata.append((sample.source, sample.label))
        return Packed(np.stack(inputs), np.asarray(labels, dtype=np.int64), strata)

    def step(
        network: nn.Module, inputs: torch.Tensor, labels: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        with torch.no_grad(), torch.autocast(inputs.device.type, enabled=False):
            moved = augment.geometry(inputs.float() / 255, generator, scale=0.2, turn_deg=12)
            picture = augment.intensity(moved[:, :1], generator)
            soft_mask = moved[:, 1:2]
            seen = torch.cat([picture, soft_mask, picture * soft_mask], dim=1).to(memory_format=torch.channels_last)
        return functional.cross_entropy(network(seen).float(), labels, label_smoothing=part["label_smoothing"])

    torch.manual_seed(seed)  # of the random start
    network = JUDGES[part["network"]](part)
    if encoder is not None:
        BEGINNINGS[part["network"]](network, encoder)
    return fit_network(network, part, pack_at, step, folder, seed, origin=[names(samples), mask, drawn_by])
