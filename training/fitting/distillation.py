"""A short lesson between start and work: the wider network learns to see what the narrower one sees.

Hinton et al. 2015 (arXiv:1503.02531), on feature maps instead of answers (Romero et al. 2015, FitNets). The teacher is
the U-Net's own contracting path, which had to draw lesions, not only to name pictures.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from training.datasets.sample import Sample
from training.fitting.loop import device, fit_network
from training.networks import widened
from training.networks.efficientnet import LesionClassifier
from training.networks.lite import HEAD_WIDTH, EfficientNetLite
from training.preparation import augment
from training.preparation.packing import Packed, pack_for_segmentation
from training.preparation.provenance import names, weights_sha256


def distil(
    part: dict[str, Any],
    student: LesionClassifier,
    teacher: EfficientNetLite,
    samples: list[Sample],
    folder: Path,
    seed: int,
) -> nn.Module:
    """Train `student`, widened from `teacher`, until its last feature maps are the teacher's; resumable in `folder`.

    Half of the pictures come with the experts' outlines in the mask channels, of which the teacher knows nothing, so
    that the student learns to see the picture with and without.

    Raises:
        ValueError: the folder holds a network that was trained otherwise.
    """
    channels = widened.spread(HEAD_WIDTH, student.trunk._conv_head.out_channels)
    taught = weights_sha256(teacher)
    teacher = teacher.to(device()).eval().requires_grad_(False)

    def pack_at(size: int) -> Packed:
        return pack_for_segmentation(samples, size)

    def step(
        network: nn.Module, inputs: torch.Tensor, labels: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        with torch.no_grad():
            moved = augment.geometry(inputs.float() / 255, generator)
            picture = augment.intensity(moved[:, :1], generator).to(memory_format=torch.channels_last)
            is_masked = (torch.rand(len(inputs), 1, 1, 1, generator=generator) < 0.5).to(picture)
            wanted = teacher.features(teacher.maps(picture)[-1])[:, channels].float()
        mask = moved[:, 1:2] * is_masked
        assert isinstance(network, LesionClassifier)
        found = network.features(torch.cat([picture, mask, picture * mask], dim=1))
        return functional.mse_loss(found.float(), wanted) / wanted.var()

    return fit_network(student, part, pack_at, step, folder, seed, origin=[names(samples), taught])
