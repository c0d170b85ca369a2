"""A widened network says what the narrower one said, as far as its activation is the same."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from training.networks import JUDGES, imagenet, widened
from training.networks.efficientnet import LesionClassifier
from training.networks.lite import EfficientNetLite

pytestmark = [pytest.mark.training, pytest.mark.filterwarnings("ignore::FutureWarning:monai")]

OPEN = 20.0  # a gate that hides nothing


def narrow(size: str) -> EfficientNetLite:
    """Lite with the weights of photographs, for grey pictures."""
    network = EfficientNetLite(size, channels=1).eval()
    network._fc = nn.Identity()
    imagenet.start(network, size)
    return network


def with_relu6(classifier: LesionClassifier) -> LesionClassifier:
    """The same network with the narrower one's activation."""
    for module in classifier.modules():
        if hasattr(module, "_swish"):
            module._swish = nn.ReLU6()
    return classifier.eval()


def pictures() -> torch.Tensor:
    """float `2 x 1 x 128 x 96` in 0..1, smooth as pictures are."""
    coarse = torch.rand(2, 1, 16, 12, generator=torch.Generator().manual_seed(0))
    return nn.functional.interpolate(coarse, scale_factor=8.0, mode="bilinear", align_corners=False)


@pytest.mark.parametrize(
    ("backbone", "gate"), [("efficientnet-b0", OPEN), ("efficientnet-b3", OPEN), ("efficientnet-b3", 3.0)]
)
def test_with_the_same_activation_the_wider_network_sees_what_the_narrower_one_saw(backbone: str, gate: float) -> None:
    size, pixels = widened.START_OF[backbone], pictures()
    given, classifier = narrow(size), LesionClassifier(backbone, dropout=0.0)
    widened.start(classifier, given.state_dict(), size, gate=gate)
    seen = torch.cat([pixels, torch.rand(2, 2, 128, 96)], dim=1)  # masks begin unseen
    with torch.inference_mode():
        expected = given.features(given.maps(pixels)[-1])
        found = with_relu6(classifier).features(seen)
    channels = widened.spread(expected.shape[1], found.shape[1])
    inside = (..., slice(1, -1), slice(1, -1))  # at the border a middle grey of 127.5 meets one of 127
    torch.testing.assert_close(found[inside], expected[:, channels][inside], atol=0.05, rtol=0.05)
    assert float((found - expected[:, channels]).abs().mean()) < 0.01 * float(expected.abs().mean())


def test_three_channels_of_a_photo_are_one_of_a_grey_picture() -> None:
    one, three = (LesionClassifier("efficientnet-b3", dropout=0.0) for _ in range(2))
    widened.start(one, narrow("lite2").state_dict(), "lite2")
    widened.start(three, imagenet.weights("lite2"), "lite2")
    torch.testing.assert_close(one.trunk._conv_stem.weight, three.trunk._conv_stem.weight)


def test_noise_parts_the_copies_and_leaves_additional_blocks_identities() -> None:
    torch.manual_seed(0)
    network = JUDGES["widened-efficientnet"]({"backbone": "efficientnet-b3", "dropout": 0.4, "noise": 0.02})
    stem = network.trunk._conv_stem.weight.detach()
    assert not torch.equal(stem[0], stem[32])  # the first of 32 channels, and its copy
    assert float((stem[0, 0] - stem[32, 0]).norm()) < 0.5 * float(stem[0, 0].norm())
    assert not network.trunk._blocks[6][-1]._bn2.weight.any()  # Lite2 has one block there


def test_every_additional_block_can_still_learn() -> None:
    network = JUDGES["widened-efficientnet"]({"backbone": "efficientnet-b3", "dropout": 0.0, "noise": 0.02})
    network(torch.rand(2, 3, 64, 64)).square().sum().backward()
    gradient = network.trunk._blocks[6][-1]._bn2.weight.grad
    assert gradient is not None
    assert bool(gradient.any())


def test_a_narrower_network_can_not_start_from_a_wider_one() -> None:
    with pytest.raises(ValueError, match="352 channels don't fit into 320"):
        widened.spread(352, 320)
