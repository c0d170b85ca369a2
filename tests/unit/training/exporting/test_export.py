"""What may be exported, and what is refused before anything is trained."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from training.exporting.export import ServedUNet, _export, next_version, unserved
from training.networks import OUTLINES
from training.networks.lite_unet import LiteUNet
from training.preparation import recipe as recipes

pytestmark = pytest.mark.training


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("unet-segnet", "is served"),
        ("resnet101-enhanced", "is served"),
        ("efficientnetb3-raw", "is served"),
        ("efficientnetb3-truemask", "is served"),
        ("unet-efficientnetb3-random", "leaks"),
    ],
)
def test_what_cannot_be_served_is_not_exported(name: str, words: str) -> None:
    assert words in str(unserved(recipes.read(name)))


def test_the_pair_on_efficientnet_lite_can_be_exported_and_a_head_alone_not_yet() -> None:
    assert unserved(recipes.read("unet-lite2-efficientnetb3")) is None
    assert "is served" in str(unserved(recipes.read("unet-lite0")))


# torch says so of every export; see below
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:Constant folding:UserWarning")
def test_a_u_net_on_efficientnet_lite_is_exported_with_its_activation_maps(tmp_path: Path) -> None:
    network = OUTLINES["lite-unet"](recipes.read("unet-lite0", quick=True)["segmentation"])
    assert isinstance(network, LiteUNet)
    golden = np.random.default_rng(0).integers(0, 256, (2, 1, 64, 64), dtype=np.uint8)
    outputs = ["probability", "class_logits", "activation"]
    written = _export(ServedUNet(network).eval(), golden, "picture", outputs, tmp_path / "unet.onnx", leeway=10)
    assert written.largest_difference <= 1
    session = onnxruntime.InferenceSession(str(written.path), providers=["CPUExecutionProvider"])
    assert session.run(None, {"picture": golden})[2].shape == (2, 3, 2, 2)


def test_each_export_has_a_version_of_its_own(tmp_path: Path) -> None:
    assert next_version(tmp_path) == "1.0.0"
    (tmp_path / "manifest.json").write_text('{"version": "1.9.3"}')
    assert next_version(tmp_path) == "1.10.0"


def test_an_enhanced_picture_is_not_what_serving_shows_its_classifier() -> None:
    recipe = recipes.read("unet-efficientnetb3")
    assert unserved(recipe) is None
    recipe["classification"]["enhancement"] = ["clahe"]
    assert "without enhancement" in str(unserved(recipe))


class TwoAnswers(nn.Module):
    """Adds to its second answer what only PyTorch sees."""

    def forward(self, picture: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        mean = picture.float().mean(dim=(1, 2, 3))
        return mean, mean if torch.onnx.is_in_onnx_export() else mean + self.unseen

    unseen = 0.0


# torch says so of every export; `training/exporting/export.py` stays with the exporter that it was proved with
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_every_output_is_held_against_pytorch(tmp_path: Path) -> None:
    network, golden = TwoAnswers().eval(), np.full((2, 1, 4, 4), 9, np.uint8)
    written = _export(network, golden, "picture", ["first", "second"], tmp_path / "net.onnx", leeway=1)
    assert written.largest_difference <= 1e-6
    network.unseen = 0.5
    with pytest.raises(ValueError, match=r"'second': 0\.05"):
        _export(network, golden, "picture", ["first", "second"], tmp_path / "net.onnx", leeway=1)


def test_the_refusal_comes_before_the_data_is_read(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "training", "export", "--recipe", "unet-segnet", "--data", str(tmp_path / "none")]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 2
    assert "Recipe unet-segnet can't be exported" in answer.stderr.splitlines()[-1]
