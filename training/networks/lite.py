"""EfficientNet-Lite, as its authors trained it on photographs: no squeeze-and-excitation, ReLU6, a fixed stem and head.

Tan and Le 2019 (EfficientNet); the Lite family was published with TensorFlow in 2020. Names of weights are those of the
packages that carry them, so that a state dict of theirs fits as it is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

EPSILON, MOMENTUM = 1e-3, 0.01  # of the normalisation, as trained
HEAD_WIDTH, PHOTO_CLASSES = 1280, 1000
MEAN, DEVIATION = 127 / 255, 128 / 255  # of the values that the weights expect, for inputs in 0..1


@dataclass(frozen=True)
class Stage:
    """Blocks of one width: side of the depthwise kernel, blocks at width and depth 1, stride of the first block."""

    kernel: int
    blocks: int
    stride: int
    expansion: int
    width: int


STEM = 32
STAGES = (
    Stage(3, 1, 1, 1, 16),
    Stage(3, 2, 2, 6, 24),
    Stage(5, 2, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(5, 3, 1, 6, 112),
    Stage(5, 4, 2, 6, 192),
    Stage(3, 1, 1, 6, 320),
)
SKIPPED = (0, 1, 2, 4)  # stages whose maps are the last of their size: 1/2, 1/4, 1/8 and 1/16 of the picture
SCALES = {"lite0": (1.0, 1.0), "lite1": (1.0, 1.1), "lite2": (1.1, 1.2)}  # width and depth


class _SamePadded(nn.Conv2d):
    """A convolution that pads as TensorFlow does: at stride 2, for even sides, one pixel more right and below."""

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        if stride == 1:
            return functional.conv2d(maps, self.weight, padding=kernel // 2, groups=self.groups)
        before, after = (kernel - stride) // 2, (kernel - stride + 1) // 2
        padded = functional.pad(maps, (before, after, before, after))
        return functional.conv2d(padded, self.weight, stride=stride, groups=self.groups)


class _Block(nn.Module):
    """Widened, filtered channel by channel, narrowed again; the input is added where the shape stays."""

    def __init__(self, width_in: int, width_out: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = width_in * expansion
        self._expand_conv = nn.Conv2d(width_in, inner, 1, bias=False) if expansion > 1 else None
        self._bn0 = _normalised(inner) if expansion > 1 else None
        self._depthwise_conv = _SamePadded(inner, inner, kernel, stride, groups=inner, bias=False)
        self._bn1 = _normalised(inner)
        self._project_conv = nn.Conv2d(inner, width_out, 1, bias=False)
        self._bn2 = _normalised(width_out)
        self.is_residual = stride == 1 and width_in == width_out

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        inner = maps
        if self._expand_conv is not None and self._bn0 is not None:
            inner = functional.relu6(self._bn0(self._expand_conv(maps)))
        inner = functional.relu6(self._bn1(self._depthwise_conv(inner)))
        narrowed: torch.Tensor = self._bn2(self._project_conv(inner))
        return narrowed + maps if self.is_residual else narrowed


class EfficientNetLite(nn.Module):
    """Maps float `B x C x H x W` in 0..1 to the logits of the thousand classes of photographs.

    `H` and `W` are multiples of 32.

    Args:
        size: `lite0`, `lite1` or `lite2`.
        channels: of the input, 3 for photographs.
    """

    def __init__(self, size: str, channels: int = 3) -> None:
        super().__init__()
        widths = stage_widths(size)
        self._conv_stem = _SamePadded(channels, STEM, 3, 2, bias=False)
        self._bn0 = _normalised(STEM)
        self._blocks = nn.ModuleList(_blocks(size))
        self._conv_head = nn.Conv2d(widths[-1], HEAD_WIDTH, 1, bias=False)
        self._bn1 = _normalised(HEAD_WIDTH)
        self._fc: nn.Module = nn.Linear(HEAD_WIDTH, PHOTO_CLASSES)
        ends = [sum(depths(size)[: number + 1]) - 1 for number in range(len(STAGES))]
        self.skipped = frozenset(ends[number] for number in SKIPPED)

    def maps(self, pixels: torch.Tensor) -> list[torch.Tensor]:
        """Feature maps at 1/2, 1/4, 1/8, 1/16 and 1/32 of the picture's size, the deepest last."""
        maps = functional.relu6(self._bn0(self._conv_stem((pixels - MEAN) / DEVIATION)))
        kept = []
        for number, block in enumerate(self._blocks):
            maps = block(maps)
            if number in self.skipped:
                kept.append(maps)
        return [*kept, maps]

    def features(self, deepest: torch.Tensor) -> torch.Tensor:
        """float `B x 1280 x h x w` features of the deepest maps, whose mean is the embedding."""
        return functional.relu6(self._bn1(self._conv_head(deepest)))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self._fc(self.features(self.maps(pixels)[-1]).mean(dim=(2, 3)))
        return logits


def stage_widths(size: str) -> list[int]:
    """The channels of each stage, rounded to multiples of 8 as the authors do."""
    factor = SCALES[size][0]
    return [_rounded(stage.width * factor) for stage in STAGES]


def _rounded(width: float) -> int:
    rounded = max(8, int(width + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * width else rounded


def depths(size: str) -> list[int]:
    """Blocks of each stage; the first and the last are never deepened."""
    factor = SCALES[size][1]
    last = len(STAGES) - 1
    return [
        stage.blocks if number in (0, last) else math.ceil(stage.blocks * factor) for number, stage in enumerate(STAGES)
    ]


def _blocks(size: str) -> Iterator[_Block]:
    below = STEM
    for stage, width, depth in zip(STAGES, stage_widths(size), depths(size), strict=True):
        for number in range(depth):
            yield _Block(below, width, stage.kernel, stage.stride if number == 0 else 1, stage.expansion)
            below = width


def _normalised(width: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(width, eps=EPSILON, momentum=MOMENTUM)
