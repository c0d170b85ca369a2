"""Every network that a recipe can name keeps the contract of its place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from training.fitting import classification, segmentation
from training.networks import JUDGES, OUTLINES
from training.networks.plain_unet import PlainUNet
from training.networks.resnet import TwoQuestions
from training.networks.rule import Rule
from training.networks.segnet import SegNetClassifier
from training.preparation import recipe as recipes
from training.preparation.provenance import weights_sha256

pytestmark = [pytest.mark.training, pytest.mark.filterwarnings("ignore::FutureWarning:monai")]

SYSTEMS = ("unet-efficientnetb3", "unet5x5-cnn", "resnet101-enhanced", "resnet50-mammography", "unet-segnet")


@pytest.mark.parametrize("name", SYSTEMS)
def test_what_judges_gives_three_logits_from_its_embedding(name: str) -> None:
    part = recipes.read(name, quick=True)["classification"]
    network = JUDGES[part["network"]](part).eval()
    with torch.inference_mode():
        pixels = torch.rand(2, 3, 64, 64)
        embedding = network.embed(pixels)
        logits, from_embedding = network(pixels), network.head(embedding)
    assert embedding.ndim == 2
    assert logits.shape == (2, 3)
    assert torch.allclose(from_embedding, logits, atol=1e-5)


@pytest.mark.parametrize("name", SYSTEMS)
def test_what_outlines_gives_a_mask_of_the_pictures_size(name: str) -> None:
    part = recipes.read(name, quick=True)["segmentation"]
    network = OUTLINES[part["network"]](part).eval()
    if isinstance(network, Rule):
        assert network.draw(np.full((40, 50), 9, dtype=np.uint8)).shape == (40, 50)
        return
    with torch.inference_mode():
        mask_logits, class_logits = network(torch.rand(2, 1, 64, 64))
    assert mask_logits.shape == (2, 1, 64, 64)
    assert class_logits.shape == (2, 3)


def test_the_wide_unet_is_as_described() -> None:
    part = recipes.read("unet5x5-cnn")["segmentation"]
    network = OUTLINES[part["network"]](part)
    assert isinstance(network, PlainUNet)
    assert part["stages"][-1]["size"] == 256
    kernels = {tuple(layer.weight.shape[2:]) for level in network.down for layer in level if hasattr(layer, "stride")}
    assert kernels == {(5, 5)}
    assert network.down[-1][0].out_channels == 1024
    assert network.down[-1][-1].p > 0


def test_segnets_decoder_puts_each_value_back_where_the_pooling_took_it_from() -> None:
    network = SegNetClassifier([4], kernel=3, dropout=0.0).eval()
    network.down[0] = torch.nn.Conv2d(3, 4, 1)
    network.up[0] = torch.nn.Identity()
    pixels = torch.rand(1, 3, 8, 8)
    with torch.inference_mode():
        encoded = network.down[0]((pixels - 0.5) * 4.0)
        decoded = network.feature_maps(pixels)
    kept = decoded != 0
    assert kept.sum() == encoded.numel() // 4
    assert torch.equal(decoded[kept], encoded[kept])
    assert torch.equal(functional.max_pool2d(encoded, 2).flatten().sort().values, decoded[kept].sort().values)


def test_only_the_lesions_pixels_vote_in_segnet() -> None:
    network = SegNetClassifier([4, 8], kernel=3, dropout=0.0).eval()
    pixels = torch.rand(1, 3, 32, 32)
    pixels[:, 1] = 0.0
    pixels[:, 1, 8:16, 8:16] = 1.0
    with torch.inference_mode():
        lesion = network.feature_maps(pixels)[:, :, 8:16, 8:16].mean(dim=(2, 3))
        assert torch.allclose(network.embed(pixels), lesion, rtol=0.1, atol=0.05)


def test_two_questions_give_probabilities_whose_loss_is_that_of_both_heads() -> None:
    head = TwoQuestions(6)
    embedding, labels = torch.randn(9, 6), torch.tensor([0, 1, 2] * 3)
    logits = head(embedding)
    assert torch.allclose(logits.exp().sum(dim=1), torch.ones(9), atol=1e-5)
    is_abnormal = (labels != 2).float()
    first = functional.binary_cross_entropy_with_logits(head.abnormal(embedding)[:, 0], is_abnormal, reduction="sum")
    asked = labels != 2
    second = functional.binary_cross_entropy_with_logits(
        head.malignant(embedding)[asked, 0], (labels[asked] == 1).float(), reduction="sum"
    )
    assert torch.allclose(functional.cross_entropy(logits, labels, reduction="sum"), first + second, atol=1e-4)


def test_the_same_seed_gives_the_same_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = recipes.read("unet-segnet", quick=True)
    for module in (segmentation, classification):
        monkeypatch.setattr(module, "fit_network", lambda network, *rest, **others: network)

    def starts(seed: int) -> list[str]:
        outlines = segmentation.train(recipe["segmentation"], [], tmp_path, seed)
        judges = classification.train(
            recipe["classification"], recipe["mask"], [], lambda: ([], []), None, tmp_path, seed, drawn_by=None
        )
        return [weights_sha256(network) for network in (outlines, judges)]

    assert starts(1) == starts(1)
    assert not set(starts(1)) & set(starts(2))
