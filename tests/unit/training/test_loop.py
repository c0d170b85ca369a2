"""What the training loop does to every network."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from training import loop

pytestmark = pytest.mark.training


@pytest.mark.parametrize(("groups", "kept_in"), [(8, torch.float32), (1, torch.bfloat16)])
def test_on_the_cpu_grouped_convolutions_alone_stay_in_float32(groups: int, kept_in: torch.dtype) -> None:
    layer, pixels = nn.Conv2d(8, 8, 5, groups=groups), torch.rand(2, 8, 9, 9, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16), loop._DepthwiseInFull():
        maps = layer(pixels.to(torch.bfloat16))
    assert maps.dtype == kept_in
    maps.float().sum().backward()
    assert layer.weight.grad is not None
    assert layer.weight.grad.dtype == torch.float32


def test_what_a_grouped_convolution_gives_is_what_it_gives_without_mixed_precision() -> None:
    layer, pixels = nn.Conv2d(8, 8, 5, groups=8), torch.rand(2, 8, 9, 9)
    with torch.autocast("cpu", torch.bfloat16), loop._DepthwiseInFull():
        mixed = layer(pixels)
    torch.testing.assert_close(mixed, layer(pixels))
