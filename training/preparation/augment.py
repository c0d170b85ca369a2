"""Random changes that a real scanner, operator or export could make. Whole batches at a time, on any device."""

from __future__ import annotations

import math

import torch
from torch.nn import functional


def geometry(
    batch: torch.Tensor, generator: torch.Generator, scale: float = 0.25, turn_deg: float = 15, stretch: float = 0.12
) -> torch.Tensor:
    """Flip left to right, turn, scale, stretch and shift; all channels of a picture alike.

    Never upside down: shadow and enhancement lie below the lesion, and depth means something.

    Args:
        batch: float `B x C x H x W`.
        scale, stretch: largest change of the size, and of width against height, as logarithms.
    """
    count = batch.shape[0]

    def uniform(low: float, high: float) -> torch.Tensor:
        return torch.rand(count, generator=generator) * (high - low) + low

    angle = uniform(-turn_deg, turn_deg) * math.pi / 180
    zoom = torch.exp(uniform(-scale, scale))
    stretched = torch.exp(uniform(-stretch, stretch))
    flip = torch.where(torch.rand(count, generator=generator) < 0.5, -1.0, 1.0)
    theta = torch.zeros(count, 2, 3)
    theta[:, 0, 0] = torch.cos(angle) * zoom * stretched * flip
    theta[:, 0, 1] = -torch.sin(angle) * zoom
    theta[:, 1, 0] = torch.sin(angle) * zoom * flip
    theta[:, 1, 1] = torch.cos(angle) * zoom / stretched
    theta[:, :, 2] = torch.stack([uniform(-0.1, 0.1), uniform(-0.1, 0.1)], dim=1)
    grid = functional.affine_grid(theta.to(batch.device), list(batch.shape), align_corners=False)
    return functional.grid_sample(batch, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def intensity(picture: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Gamma, gain, time-gain compensation, speckle and a blotted-out patch (a caliper, a logo, a shadow).

    Args:
        picture: float `B x C x H x W` in 0..1, only channels that are echoes.
    """
    count, _, height, width = picture.shape

    def uniform(low: float, high: float) -> torch.Tensor:
        return (torch.rand(count, generator=generator) * (high - low) + low).view(-1, 1, 1, 1).to(picture.device)

    depth = torch.linspace(-1, 1, height, device=picture.device).view(1, 1, -1, 1)
    gain = uniform(0.75, 1.3) * (1 + uniform(-0.25, 0.25) * depth)
    changed = picture.clamp(0, 1) ** torch.exp(uniform(-0.4, 0.4)) * gain
    coarse = torch.randn(count, 1, height // 2, width // 2, generator=generator).to(picture.device)
    speckle = functional.interpolate(coarse, size=(height, width), mode="bilinear", align_corners=False)
    changed = changed * (1 + uniform(0, 0.2) * speckle)
    return (changed * _patches(count, height, width, generator).to(picture.device)).clamp(0, 1)


def _patches(count: int, height: int, width: int, generator: torch.Generator) -> torch.Tensor:
    keep = torch.ones(count, 1, height, width)
    for index in torch.nonzero(torch.rand(count, generator=generator) < 0.3).flatten().tolist():
        top, left = (torch.rand(2, generator=generator) * torch.tensor([height, width])).long().tolist()
        tall, wide = (torch.rand(2, generator=generator) * torch.tensor([height, width]) * 0.2).long().tolist()
        keep[index, :, top : top + tall, left : left + wide] = 0.0
    return keep
