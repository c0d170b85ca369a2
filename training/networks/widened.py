"""An EfficientNet that starts from a narrower EfficientNet-Lite, so that it begins where photographs (or outlines) led.

Chen et al. 2016 (Net2Net, arXiv:1511.05641): a channel is duplicated, and whoever reads it takes of each copy its
share, so that the wider network says what the narrower one said. Along a residual stream every block uses the same map.
Additional blocks begin as identities, squeeze-and-excitation begins with its gates open. What remains different is the
activation (SiLU for ReLU6), for which the normalisation settles and a short distillation follows
(`fitting.distillation`).
"""

from __future__ import annotations

from typing import Any

import torch
from monai.networks.nets.efficientnet import EfficientNet, MBConvBlock
from torch import nn

from training.networks import imagenet, lite
from training.networks.efficientnet import LesionClassifier
from training.networks.imagenet import Weights

START_OF = {
    "efficientnet-b0": "lite0",
    "efficientnet-b1": "lite1",
    "efficientnet-b2": "lite2",
    "efficientnet-b3": "lite2",
}
GATE = 3.0  # of squeeze-and-excitation, before its sigmoid: open, yet not so far that nothing can be learned
SCALE, OFFSET = 4.0, 0.5  # what a classifier makes of its pixels before the first convolution
_STATISTICS = ("weight", "bias", "running_mean", "running_var")


def spread(old: int, new: int) -> torch.Tensor:
    """int64 `new`: which of `old` channels each of the new ones copies; all are copied, the first ones twice.

    Raises:
        ValueError: the new network is narrower.
    """
    if new < old:
        raise ValueError(f"{old} channels don't fit into {new}: only a wider network can start from a narrower one.")
    return torch.arange(new) % old


def start(classifier: LesionClassifier, given: Weights, size: str, gate: float = GATE, noise: float = 0.0) -> None:
    """Widen the weights of an EfficientNet-Lite, of one or three input channels, into `classifier`.

    The picture is the classifier's first channel; masks begin unseen.

    Args:
        size: of the Lite network: `lite0`, `lite1` or `lite2`.
        gate: of squeeze-and-excitation, before its sigmoid.
        noise: standard deviation of what is added to the copies, as a share of each tensor's own, so that copies part.
    """
    trunk = classifier.trunk
    _pad_for_even_sides(trunk)
    own = trunk.state_dict()
    stem = spread(lite.STEM, trunk._conv_stem.out_channels)
    own["_conv_stem.weight"], shift = _stem(own["_conv_stem.weight"], given["_conv_stem.weight"][stem])
    _copy_statistics(own, given, ("_bn0", "_bn0"), stem)
    own["_bn0.running_mean"] -= shift
    stream, number = stem, 0
    for stage, depth in enumerate(lite.depths(size)):
        for place, (name, block) in enumerate(trunk._blocks[stage].named_children()):
            prefix = f"_blocks.{stage}.{name}"
            if place < depth:
                stream = _block(own, given, (prefix, f"_blocks.{number + place}"), block, stream, gate)
            else:
                own[f"{prefix}._bn2.weight"].zero_()  # adds nothing to what passes by
                own[f"{prefix}._bn2.bias"].zero_()
        number += depth
    head = spread(lite.HEAD_WIDTH, trunk._conv_head.out_channels)
    own["_conv_head.weight"] = _shared(given["_conv_head.weight"], stream)[head]
    _copy_statistics(own, given, ("_bn1", "_bn1"), head)
    trunk.load_state_dict(own)
    _part_copies(trunk, noise)


def _stem(own: torch.Tensor, given: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The first convolution on the classifier's pixels, and what its outputs lack for their other middle grey."""
    grey = given.sum(dim=1, keepdim=True)
    weight = torch.zeros_like(own)
    weight[:, :1] = grey / (SCALE * lite.DEVIATION)
    return weight, grey.sum(dim=(1, 2, 3)) * (OFFSET - lite.MEAN) / lite.DEVIATION


def _block(
    own: Weights, given: Weights, names: tuple[str, str], block: MBConvBlock, stream: torch.Tensor, gate: float
) -> torch.Tensor:
    """Widen one block; gives the map of the channels that leave it."""
    new, old = names
    inner = stream
    if f"{old}._expand_conv.weight" in given:
        expanded = given[f"{old}._expand_conv.weight"]
        inner = spread(expanded.shape[0], block._expand_conv.out_channels)
        own[f"{new}._expand_conv.weight"] = _shared(expanded, stream)[inner]
        _copy_statistics(own, given, (f"{new}._bn0", f"{old}._bn0"), inner)
    own[f"{new}._depthwise_conv.weight"] = given[f"{old}._depthwise_conv.weight"][inner]
    _copy_statistics(own, given, (f"{new}._bn1", f"{old}._bn1"), inner)
    own[f"{new}._se_expand.weight"].zero_()
    own[f"{new}._se_expand.bias"].fill_(gate)
    projected = given[f"{old}._project_conv.weight"]
    leaving = stream if block.id_skip and block.stride == 1 and block.in_channels == block.out_channels else None
    if leaving is None:
        leaving = spread(projected.shape[0], block._project_conv.out_channels)
    open_share = torch.sigmoid(torch.tensor(gate))
    own[f"{new}._project_conv.weight"] = _shared(projected, inner)[leaving] / open_share
    _copy_statistics(own, given, (f"{new}._bn2", f"{old}._bn2"), leaving)
    return leaving


def _shared(weight: torch.Tensor, channels: torch.Tensor) -> torch.Tensor:
    """A convolution `O x I x k x k` that reads duplicated channels, each copy by its share."""
    count = torch.bincount(channels, minlength=weight.shape[1])
    return weight[:, channels] / count[channels].view(1, -1, 1, 1)


def _copy_statistics(own: Weights, given: Weights, names: tuple[str, str], channels: torch.Tensor) -> None:
    new, old = names
    for name in _STATISTICS:
        own[f"{new}.{name}"] = given[f"{old}.{name}"][channels].clone()


def _pad_for_even_sides(trunk: EfficientNet) -> None:
    """As the Lite networks pad, for every side that is a multiple of 32, where MONAI's padding is for one size."""
    trunk._conv_stem_padding = _padding(trunk._conv_stem)
    for stack in trunk._blocks:
        for block in stack:
            block._depthwise_conv_padding = _padding(block._depthwise_conv)


def _padding(layer: nn.Conv2d) -> nn.Module:
    kernel, stride = layer.kernel_size[0], layer.stride[0]
    before, after = (kernel - stride) // 2, (kernel - stride + 1) // 2
    return nn.ZeroPad2d((before, after, before, after))


@torch.no_grad()
def _part_copies(trunk: EfficientNet, noise: float) -> None:
    """Copies that are equal learn alike for ever; a little noise parts them."""
    for layer in trunk.modules():
        if isinstance(layer, nn.Conv2d) and noise > 0 and layer.weight.std() > 0:
            layer.weight += noise * layer.weight.std() * torch.randn_like(layer.weight)


def build(part: dict[str, Any]) -> LesionClassifier:
    """Build the classifier that the `classification` part of a recipe describes, widened from photographs."""
    classifier = LesionClassifier(part["backbone"], part["dropout"])
    size = START_OF[part["backbone"]]
    start(classifier, imagenet.weights(size), size, noise=part["noise"])
    return classifier
